/*
 * Plantower PMS3003: the oldest of them; talks by itself and takes no commands.
 * Frame, dust fields and commands: sensors/plantower.h. Its own:
 *
 *    2  00 14   24 bytes in all
 *   16  reserved, of no known meaning
 *   21  version (51)
 *
 *    42 4D 00 14 00 51 00 6A 00 77 00 35 00 46 00 4F 33 D2 0F 28 00 3F 04 1A
 *                                                   PM1 53, PM2.5 70, PM10 79
 *
 *  Without counts, clean air looks like a start: all dust zero is "warming up".
 */
#include "sensors/plantower.h"
#include "sensors/simulate.h"
#include "sensors/stream.h"

static const struct plantower_model model = {
	.size = 24,
};

static ssize_t pms3003_frame(const uint8_t *bytes, size_t length)
{
	return plantower_frame(&model, bytes, length);
}

static enum sensor_result pms3003_decode(
	const void *options, const uint8_t *frame, size_t length, struct report *report)
{
	return plantower_decode(&model, options, frame, length, report);
}

static const struct option pms3003_table[] = {
	PLANTOWER_OPTIONS,
	{ .name = NULL },
};

/* PMS-3003 of the fixtures. */
static const struct simulation pms3003_simulation = {
	.summary = "dust sensor that talks; PM2.5 as --csv says, or as captured",
	.sample = "42 4D 00 14 00 51 00 6A 00 77 00 35 00 46 00 4F "
		  "33 D2 0F 28 00 3F 04 1A",
	.follow = plantower_follow,
};

const struct sensor_driver sensor_pms3003 = {
	.kind = {
		.name = "pms3003",
		.summary = "Plantower PMS3003: PM1, PM2.5, PM10",
		.group = {
			.name = "sensor",
			.options = pms3003_table,
			.size = sizeof(struct plantower_options),
			.check = plantower_check,
		},
	},
	.bus = SENSOR_BUS_STREAM,
	.frame = pms3003_frame,
	.frame_max = PLANTOWER_FRAME_MAX,
	.decode = pms3003_decode,
	.simulation = &pms3003_simulation,
};
