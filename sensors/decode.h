/*
 * `muabui decode`: captured bytes in, reports out. No port, no clock, no
 * configuration of the machine.
 */
#ifndef MUABUI_SENSORS_DECODE_H
#define MUABUI_SENSORS_DECODE_H

#include <stddef.h>
#include <stdint.h>

#include "core/buffer.h"
#include "sensors/format.h"
#include "sensors/sensor.h"

/*
 * Decodes BYTES, which are hex text (blanks, line ends, 0x, : , - and # comments
 * allowed) or binary, told apart by looking; for a driver of devices that speak text,
 * also the text as it came; for mqtt and http, messages: see decode_messages(). OPTIONS
 * is the driver's struct, NULL its defaults.
 *
 * Appends to OUT one JSON object per report in canonical metrics, then
 * {"frames":N,"bad":{"checksum":n,…},"skipped_bytes":n}: N well-formed frames; the
 * refused ones by name; the bytes that are in no frame, those of frames refused by
 * length, sync or checksum included. "ignored" and "warming_up" follow where not 0.
 * For modbus without OPTIONS an object is {"unit_id":1,"function":3,"registers":[…]}.
 *
 * 0, or -1 with the reason in WHY: the text is not hex, or OUT is too small.
 */
int decode_run(const struct sensor_driver *driver, const void *options,
	const uint8_t *bytes, size_t length, struct buffer *out, char *why, size_t size);

/*
 * The same for payloads by OPTIONS (NULL: an object's members that are named as metrics).
 * One message per line, or a JSON document over several lines; of a binary format, hex. A
 * line may have its topic and a blank in front, as `mosquitto_sub -v` prints it (with
 * -F '%t %x' for binary formats); TOPIC is that of the others. A batch gives many
 * objects.
 */
int decode_messages(const struct payload_options *options, const char *topic,
	const uint8_t *bytes, size_t length, struct buffer *out, char *why, size_t size);

#endif
