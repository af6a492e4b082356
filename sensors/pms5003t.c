/*
 * Plantower PMS5003T: dust, temperature and humidity.
 * Frame, dust fields and commands: sensors/plantower.h. Its own:
 *
 *    2  00 1C   32 bytes in all
 *   16  particles > 0.3 µm in 0.1 l; then > 0.5, 1.0, 2.5 µm
 *   24  temperature, 0.1 °C, signed
 *   26  relative humidity, 0.1 %
 *   28  version (9A; 97 is a PMS5003, whose counts stand in bytes 24 to 27: refused)
 *   29  error code
 *
 *    42 4D 00 1C 00 17 00 27 00 29 00 16 00 23 00 29 10 08 04 A9 01 16 00 0C 00 D4
 *    00 E0 9A 00 04 AA             PM1 22, PM2.5 35, PM10 41, 21.2 °C, 22.4 %
 */
#include "sensors/plantower.h"
#include "sensors/simulate.h"
#include "sensors/stream.h"

static const struct plantower_model model = {
	.size = 32,
	.counts_end = 24,
	.error = 29,
	.climate = 24,
	.version = 28,
	.not_version = 0x97,
	.takes_commands = true,
};

static ssize_t pms5003t_frame(const uint8_t *bytes, size_t length)
{
	return plantower_frame(&model, bytes, length);
}

static enum sensor_result pms5003t_decode(
	const void *options, const uint8_t *frame, size_t length, struct report *report)
{
	return plantower_decode(&model, options, frame, length, report);
}

static const struct option pms5003t_table[] = {
	PLANTOWER_OPTIONS,
	PLANTOWER_COMMAND_OPTIONS,
	{ .name = NULL },
};

/* PMS-T of the fixtures. */
static const struct simulation pms5003t_simulation = {
	.summary = "dust sensor that talks; PM2.5 as --csv says, or as captured",
	.sample = "42 4D 00 1C 00 17 00 27 00 29 00 16 00 23 00 29 "
		  "10 08 04 A9 01 16 00 0C 00 D4 00 E0 9A 00 04 AA",
	.follow = plantower_follow,
	.rows = plantower_rows,
};

const struct sensor_driver sensor_pms5003t = {
	.kind = {
		.name = "pms5003t",
		.summary = "Plantower PMS5003T: PM1, PM2.5, PM10, temperature, humidity",
		.group = {
			.name = "sensor",
			.options = pms5003t_table,
			.size = sizeof(struct plantower_options),
			.check = plantower_check,
		},
	},
	.bus = SENSOR_BUS_STREAM,
	.frame = pms5003t_frame,
	.frame_max = PLANTOWER_FRAME_MAX,
	.decode = pms5003t_decode,
	.turn = plantower_turn,
	.session_size = sizeof(struct routine_session),
	.probe = {
		.ask = "42 4D E2 00 00 01 71",
		.asked = "mode = \"passive\";",
	},
	.simulation = &pms5003t_simulation,
};
