/* Bytes written as hex, as captures and fixtures are. Pure. */
#ifndef MUABUI_SENSORS_HEX_H
#define MUABUI_SENSORS_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Turns hex TEXT (blanks, line ends, 0x, : , ; - and # comments allowed) to bytes: *USED
 * of them in OUT, which has room for LENGTH and may be TEXT itself. The line of the first
 * thing that is not hex, 0 when all is.
 */
size_t hex_read(const uint8_t *text, size_t length, uint8_t *out, size_t *used);

/*
 * The same of a capture, which may also be the bytes as they came: told apart by looking.
 * Of a device that SPEAKS_TEXT, what is no hex is its text. OUT is not CAPTURE.
 */
size_t hex_read_capture(const uint8_t *capture, size_t length, bool speaks_text,
	uint8_t *out, size_t *used);

#endif
