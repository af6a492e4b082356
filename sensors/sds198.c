/*
 * Nova Fitness SDS198: coarse dust (PM100), talks by itself once a second.
 * Frame: sensors/nova.h. Its own:
 *
 *   1  CF      data
 *   2  of no known meaning
 *   4  PM100   1 µg/m³, published as tsp
 *
 *   AA CF 0E 00 10 00 E9 05 0C AB                  PM100 16
 *
 * It answers commands under the same head: AA CF 06 01 01 00 E9 05 F6 AB is "work is
 * set", not a PM100 of 1. It is sent no commands here.
 */
#include "core/metric.h"
#include "sensors/bytes.h"
#include "sensors/nova.h"
#include "sensors/serial.h"
#include "sensors/simulate.h"
#include "sensors/stream.h"

enum { VALUE_MAX = 20000 /* its data sheet's range, µg/m³ */ };

struct sds198_options {
	struct serial_options serial; /* first: see stream.h */
};

/* "Command, set or queried, value 0 or 1, nothing": the answer to a command. */
static bool is_answer(const uint8_t *frame)
{
	return (frame[2] == NOVA_MODE || frame[2] == NOVA_WORK) && frame[3] <= 1 &&
		frame[4] <= 1 && frame[5] == 0;
}

static enum sensor_result sds198_decode(
	const void *options, const uint8_t *frame, size_t length, struct report *report)
{
	enum sensor_result result = nova_check(frame, length);

	(void)options;
	if (result != SENSOR_OK)
		return result;
	if (frame[1] != NOVA_SDS198)
		return SENSOR_BAD_SYNC;
	if (is_answer(frame))
		return SENSOR_IGNORED;
	if (bytes_little(frame + 2) == 0 && bytes_little(frame + 4) == 0)
		return SENSOR_WARMING_UP;
	if (bytes_little(frame + 4) > VALUE_MAX)
		return SENSOR_BAD_VALUE;
	report_add(report, METRIC_TSP, bytes_little(frame + 4));
	return SENSOR_OK;
}

static const struct option sds198_table[] = {
	SERIAL_OPTIONS(struct sds198_options, serial, "9600", "none"),
	{ .name = NULL },
};

/* SDS-198 of the fixtures. */
static const struct simulation sds198_simulation = {
	.summary = "dust sensor that talks: PM100 16 µg/m³, as captured",
	.sample = "AA CF 0E 00 10 00 E9 05 0C AB",
};

const struct sensor_driver sensor_sds198 = {
	.kind = {
		.name = "sds198",
		.summary = "Nova Fitness SDS198: PM100, as tsp",
		.group = {
			.name = "sensor",
			.options = sds198_table,
			.size = sizeof(struct sds198_options),
			.check = serial_check,
		},
	},
	.bus = SENSOR_BUS_STREAM,
	.frame = nova_frame,
	.frame_max = NOVA_FRAME_SIZE,
	.decode = sds198_decode,
	.simulation = &sds198_simulation,
};
