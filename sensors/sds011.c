/*
 * Nova Fitness SDS011, SDS018 and SDS021: laser dust sensors that talk by
 * themselves once a second.
 *
 *   9600 8N1, 3.3 V levels, 5 V supply. Little endian.
 *
 *   0  AA      head
 *   1  C0      data; C5 the answer to a command
 *   2  PM2.5   0.1 µg/m³, 0 … 999.9
 *   4  PM10    0.1 µg/m³
 *   6  id      two bytes
 *   8  low byte of the sum of bytes 2 to 7 (the head is not in it)
 *   9  AB      tail
 *
 *   AA C0 D4 04 3A 0A A1 60 1D AB                  PM2.5 123.6, PM10 261.8
 *
 * AA CF is the SDS198, another device with PM100 in bytes 4 and 5: refused.
 * Commands to the device start with AA B4; a device never says that. All zero
 * is what a device says while its fan starts.
 */
#include <math.h>
#include <string.h>

#include "core/metric.h"
#include "sensors/serial.h"
#include "sensors/simulate.h"
#include "sensors/stream.h"

enum {
	FRAME_SIZE = 10,
	HEAD = 0xAA,
	TAIL = 0xAB,
	KIND_DATA = 0xC0,
	KIND_ANSWER = 0xC5,
	KIND_SDS198 = 0xCF,
	VALUE_MAX = 9999, /* 0.1 µg/m³ */
};

struct sds011_options {
	struct serial_options serial; /* first: see stream.h */
};

static ssize_t sds011_frame(const uint8_t *bytes, size_t length)
{
	if (bytes[0] != HEAD)
		return -1;
	if (length < 2)
		return 0;
	if (bytes[1] != KIND_DATA && bytes[1] != KIND_ANSWER && bytes[1] != KIND_SDS198)
		return -1;
	return length < FRAME_SIZE ? 0 : FRAME_SIZE;
}

static uint8_t checksum(const uint8_t *frame)
{
	unsigned sum = 0;

	for (size_t i = 2; i < 8; i++)
		sum += frame[i];
	return sum & 0xFF;
}

static enum sensor_result sds011_decode(
	const void *options, const uint8_t *frame, size_t length, struct report *report)
{
	unsigned pm25, pm10;

	(void)options;
	if (length != FRAME_SIZE)
		return SENSOR_BAD_LENGTH;
	if (frame[0] != HEAD || frame[FRAME_SIZE - 1] != TAIL)
		return SENSOR_BAD_SYNC;
	if (frame[1] != KIND_DATA && frame[1] != KIND_ANSWER)
		return SENSOR_BAD_SYNC;
	if (frame[8] != checksum(frame))
		return SENSOR_BAD_CHECKSUM;
	if (frame[1] == KIND_ANSWER)
		return SENSOR_IGNORED;
	pm25 = (unsigned)frame[3] << 8 | frame[2];
	pm10 = (unsigned)frame[5] << 8 | frame[4];
	if (pm25 == 0 && pm10 == 0)
		return SENSOR_WARMING_UP;
	if (pm25 > VALUE_MAX || pm10 > VALUE_MAX)
		return SENSOR_BAD_VALUE;
	report_add(report, METRIC_PM25, pm25 / 10.0);
	report_add(report, METRIC_PM10, pm10 / 10.0);
	return SENSOR_OK;
}

/* A captured frame, with the current dust in its place. */
static size_t sds011_play(double pm25, uint8_t frame[static SIMULATE_FRAME_MAX])
{
	static const uint8_t captured[FRAME_SIZE] = { 0xAA, 0xC0, 0x06, 0x00, 0x06, 0x00,
		0x58, 0xD9, 0x3D, 0xAB };
	double values[2] = { pm25, pm25 * 1.4 };

	memcpy(frame, captured, sizeof(captured));
	if (isnan(pm25))
		return sizeof(captured);
	for (size_t i = 0; i < 2; i++) {
		unsigned value =
			(unsigned)(fmin(fmax(values[i] * 10, 0), VALUE_MAX) + 0.5);

		frame[2 + 2 * i] = value & 0xFF;
		frame[3 + 2 * i] = (uint8_t)(value >> 8);
	}
	frame[8] = checksum(frame);
	return FRAME_SIZE;
}

static const struct simulation sds011_simulation = {
	.name = "sds011",
	.summary =
		"dust sensor; PM2.5 as --csv says, or a captured frame again and again",
	.frame = sds011_play,
};

static const char *const sds011_aliases[] = { "sds018", "sds021", NULL };

static const struct option sds011_table[] = {
	SERIAL_OPTIONS(struct sds011_options, serial, "9600", "none"),
	{ .name = NULL },
};

const struct sensor_driver sensor_sds011 = {
	.kind = {
		.name = "sds011",
		.aliases = sds011_aliases,
		.summary = "Nova Fitness SDS011, SDS018, SDS021: PM2.5, PM10",
		.group = {
			.name = "sensor",
			.options = sds011_table,
			.size = sizeof(struct sds011_options),
			.check = serial_check,
		},
	},
	.bus = SENSOR_BUS_STREAM,
	.frame = sds011_frame,
	.frame_max = FRAME_SIZE,
	.decode = sds011_decode,
	.simulation = &sds011_simulation,
};
