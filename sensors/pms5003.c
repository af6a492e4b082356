/*
 * Plantower PMS5003, PMS7003 and PMSA003: laser dust sensors that talk by
 * themselves, every 0.2 to 2.3 s.
 *
 *   9600 8N1, 3.3 V levels, 5 V supply. Big endian.
 *
 *   0  42 4D   header
 *   2  00 1C   length of what follows, checksum included
 *   4  PM1     µg/m³, "CF=1": calibrated with industrial particles
 *   6  PM2.5
 *   8  PM10
 *  10  PM1     µg/m³, atmospheric: what is meant outdoors; equal to CF=1 in
 *  12  PM2.5   cleaner air, lower above about 30 µg/m³
 *  14  PM10
 *  16  particles > 0.3 µm in 0.1 l; then > 0.5, 1.0, 2.5, 5.0, 10 µm
 *  28  version (97 = PMSx003)
 *  29  error code
 *  30  sum of all bytes before
 *
 *   42 4D 00 1C 00 05 00 0D 00 16 00 05 00 0D 00 16 02 FD 00 FC 00 1D 00 0F 00 06
 *   00 06 97 00 03 C5                              PM1 5, PM2.5 13, PM10 22
 *
 * Commands are answered in the same stream: 42 4D 00 04 cmd data sum16.
 *
 * In clean air the checksum's low byte is 42, and the wire shows 42 42 4D: only a
 * search that goes on one byte after a failed start gets in step. With all
 * fields zero the device is starting; clean air has particles > 0.3 µm.
 *
 * Other lengths are other models: 00 14 the PMS3003, 00 24 the PMS5003ST. The
 * PMS5003T has this length with temperature and humidity in bytes 24 to 27; its
 * dust fields are read like the others'.
 */
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "core/metric.h"
#include "sensors/serial.h"
#include "sensors/simulate.h"
#include "sensors/stream.h"

enum {
	HEAD_SIZE = 4,
	DATA_LENGTH = 0x1C,
	DATA_SIZE = HEAD_SIZE + DATA_LENGTH,
	ACK_LENGTH = 0x04,
	ACK_SIZE = HEAD_SIZE + ACK_LENGTH,
	OFFSET_CF1 = 4,
	OFFSET_ATMOSPHERIC = 10,
	OFFSET_COUNTS = 16,
	OFFSET_COUNTS_END = 24, /* the first four; the T model has others behind */
	OFFSET_ERROR = 29,
	CONCENTRATION_MAX =
		5000, /* it is made for 1000; 16973 is a header read as a value */
};

enum pm_fields { PM_ATMOSPHERIC, PM_CF1 };

struct pms5003_options {
	struct serial_options serial; /* first: see stream.h */
	int pm;                       /* enum pm_fields */
};

static unsigned word(const uint8_t *bytes)
{
	return (unsigned)bytes[0] << 8 | bytes[1];
}

static ssize_t pms5003_frame(const uint8_t *bytes, size_t length)
{
	if (bytes[0] != 0x42)
		return -1;
	if (length < 2)
		return 0;
	if (bytes[1] != 0x4D)
		return -1;
	if (length < HEAD_SIZE)
		return 0;
	switch (word(bytes + 2)) {
	case DATA_LENGTH:
		return length < DATA_SIZE ? 0 : DATA_SIZE;
	case ACK_LENGTH:
		return length < ACK_SIZE ? 0 : ACK_SIZE;
	default:
		return HEAD_SIZE; /* decode says "length" */
	}
}

static bool is_all_zero(const uint8_t *bytes, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

static enum sensor_result pms5003_decode(
	const void *options, const uint8_t *frame, size_t length, struct report *report)
{
	static const uint16_t metrics[] = { METRIC_PM1, METRIC_PM25, METRIC_PM10 };
	const struct pms5003_options *set = options;
	const uint8_t *pm = frame + OFFSET_ATMOSPHERIC;
	unsigned sum = 0;

	if (length != DATA_SIZE && length != ACK_SIZE)
		return SENSOR_BAD_LENGTH;
	if (frame[0] != 0x42 || frame[1] != 0x4D)
		return SENSOR_BAD_SYNC;
	if (word(frame + 2) != length - HEAD_SIZE)
		return SENSOR_BAD_LENGTH;
	for (size_t i = 0; i < length - 2; i++)
		sum += frame[i];
	if (sum != word(frame + length - 2))
		return SENSOR_BAD_CHECKSUM;
	if (length == ACK_SIZE)
		return SENSOR_IGNORED;
	if (frame[OFFSET_ERROR] != 0)
		return SENSOR_DEVICE_ERROR;
	if (is_all_zero(frame, OFFSET_CF1, OFFSET_COUNTS_END))
		return SENSOR_WARMING_UP;
	if (word(frame + OFFSET_COUNTS) == 0 && word(frame + OFFSET_ATMOSPHERIC + 4) > 0)
		return SENSOR_BAD_VALUE; /* dust without particles */
	if (set != NULL && set->pm == PM_CF1)
		pm = frame + OFFSET_CF1;
	for (size_t i = 0; i < 3; i++) {
		if (word(pm + 2 * i) > CONCENTRATION_MAX)
			return SENSOR_BAD_VALUE;
		report_add(report, metrics[i], word(pm + 2 * i));
	}
	return SENSOR_OK;
}

/* A captured frame, with the current dust in its place; PM1 and PM10 follow PM2.5. */
static size_t pms5003_play(double pm25, uint8_t frame[static SIMULATE_FRAME_MAX])
{
	static const uint8_t captured[DATA_SIZE] = { 0x42, 0x4D, 0x00, 0x1C, 0x00, 0x05,
		0x00, 0x0D, 0x00, 0x16, 0x00, 0x05, 0x00, 0x0D, 0x00, 0x16, 0x02, 0xFD,
		0x00, 0xFC, 0x00, 0x1D, 0x00, 0x0F, 0x00, 0x06, 0x00, 0x06, 0x97, 0x00,
		0x03, 0xC5 };
	double values[3] = { pm25 * 0.7, pm25, pm25 * 1.4 };
	unsigned sum = 0;

	memcpy(frame, captured, sizeof(captured));
	if (isnan(pm25))
		return sizeof(captured);
	for (size_t i = 0; i < 3; i++) {
		unsigned value = (unsigned)(fmin(fmax(values[i], 0), 1000) + 0.5);

		for (size_t base = OFFSET_CF1; base <= OFFSET_ATMOSPHERIC; base += 6) {
			frame[base + 2 * i] = (uint8_t)(value >> 8);
			frame[base + 2 * i + 1] = value & 0xFF;
		}
	}
	for (size_t i = 0; i < DATA_SIZE - 2; i++)
		sum += frame[i];
	frame[DATA_SIZE - 2] = (uint8_t)(sum >> 8);
	frame[DATA_SIZE - 1] = sum & 0xFF;
	return DATA_SIZE;
}

static const struct simulation pms5003_simulation = {
	.name = "pms5003",
	.summary =
		"dust sensor; PM2.5 as --csv says, or a captured frame again and again",
	.frame = pms5003_play,
};

static const char *const pms5003_aliases[] = { "pms7003", "pmsa003", NULL };
static const char *const pm_names[] = { "atmospheric", "cf1", NULL };

static const struct option pms5003_table[] = {
	SERIAL_OPTIONS(struct pms5003_options, serial, "9600", "none"),
	{
		.name = "pm",
		.type = OPTION_CHOICE,
		.offset = offsetof(struct pms5003_options, pm),
		.fallback = "atmospheric",
		.choices = pm_names,
		.help = "Which of the device's two calibrations is published.",
	},
	{ .name = NULL },
};

const struct sensor_driver sensor_pms5003 = {
	.kind = {
		.name = "pms5003",
		.aliases = pms5003_aliases,
		.summary = "Plantower PMS5003, PMS7003, PMSA003: PM1, PM2.5, PM10",
		.group = {
			.name = "sensor",
			.options = pms5003_table,
			.size = sizeof(struct pms5003_options),
			.check = serial_check,
		},
	},
	.bus = SENSOR_BUS_STREAM,
	.frame = pms5003_frame,
	.frame_max = DATA_SIZE,
	.decode = pms5003_decode,
	.simulation = &pms5003_simulation,
};
