/*
 * Plantower PMS5003, PMS7003 and PMSA003: laser dust sensors that talk by themselves,
 * every 0.2 to 2.3 s.
 * Frame, dust fields and commands: sensors/plantower.h. Its own:
 *
 *    2  00 1C   32 bytes in all
 *   16  particles > 0.3 µm in 0.1 l; then > 0.5, 1.0, 2.5, 5.0, 10 µm
 *   28  version (97 = PMSx003; 12 seen on what may be a copy)
 *   29  error code
 *
 *    42 4D 00 1C 00 05 00 0D 00 16 00 05 00 0D 00 16 02 FD 00 FC 00 1D 00 0F 00 06
 *    00 06 97 00 03 C5                              PM1 5, PM2.5 13, PM10 22
 *
 *  The PMS5003T has this length with temperature and humidity in bytes 24 to 27; its
 *  dust fields are read like the others'. So only the first four counts are looked at.
 */
#include "sensors/plantower.h"
#include "sensors/simulate.h"
#include "sensors/stream.h"

static const struct plantower_model model = {
	.size = 32,
	.counts_end = 24,
	.error = 29,
	.takes_commands = true,
};

static ssize_t pms5003_frame(const uint8_t *bytes, size_t length)
{
	return plantower_frame(&model, bytes, length);
}

static enum sensor_result pms5003_decode(
	const void *options, const uint8_t *frame, size_t length, struct report *report)
{
	return plantower_decode(&model, options, frame, length, report);
}

static const char *const pms5003_aliases[] = { "pms7003", "pmsa003", NULL };

static const struct option pms5003_table[] = {
	PLANTOWER_OPTIONS,
	PLANTOWER_COMMAND_OPTIONS,
	{ .name = NULL },
};

/* PMS-1 of the fixtures. */
static const struct simulation pms5003_simulation = {
	.summary = "dust sensor that talks; PM2.5 as --csv says, or as captured",
	.sample = "42 4D 00 1C 00 05 00 0D 00 16 00 05 00 0D 00 16 "
		  "02 FD 00 FC 00 1D 00 0F 00 06 00 06 97 00 03 C5",
	.follow = plantower_follow,
	.rows = plantower_rows,
};

const struct sensor_driver sensor_pms5003 = {
	.kind = {
		.name = "pms5003",
		.aliases = pms5003_aliases,
		.summary = "Plantower PMS5003, PMS7003, PMSA003: PM1, PM2.5, PM10",
		.group = {
			.name = "sensor",
			.options = pms5003_table,
			.size = sizeof(struct plantower_options),
			.check = plantower_check,
		},
	},
	.bus = SENSOR_BUS_STREAM,
	.frame = pms5003_frame,
	.frame_max = PLANTOWER_FRAME_MAX,
	.decode = pms5003_decode,
	.turn = plantower_turn,
	.session_size = sizeof(struct routine_session),
	.probe = {
		.ask = "42 4D E2 00 00 01 71",
		.asked = "mode = \"passive\";",
	},
	.simulation = &pms5003_simulation,
};
