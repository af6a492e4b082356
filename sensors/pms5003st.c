/*
 * Plantower PMS5003ST: dust, formaldehyde, temperature and humidity.
 * Frame, dust fields and commands: sensors/plantower.h. Its own:
 *
 *    2  00 24   40 bytes in all
 *   16  particles > 0.3 µm in 0.1 l; then > 0.5, 1.0, 2.5, 5.0, 10 µm
 *   28  formaldehyde, µg/m³
 *   30  temperature, 0.1 °C, signed
 *   32  relative humidity, 0.1 %
 *   34  reserved
 *   36  version (97)
 *   37  error code
 */
#include "sensors/plantower.h"
#include "sensors/simulate.h"

static const struct plantower_model model = {
	.size = 40,
	.counts_end = 28,
	.error = 37,
	.ch2o = 28,
	.climate = 30,
	.takes_commands = true,
};

static ssize_t pms5003st_frame(const uint8_t *bytes, size_t length)
{
	return plantower_frame(&model, bytes, length);
}

static enum sensor_result pms5003st_decode(
	const void *options, const uint8_t *frame, size_t length, struct report *report)
{
	return plantower_decode(&model, options, frame, length, report);
}

static const struct option pms5003st_table[] = {
	PLANTOWER_OPTIONS,
	PLANTOWER_COMMAND_OPTIONS,
	{ .name = NULL },
};

/* PMS-ST of the fixtures. */
static const struct simulation pms5003st_simulation = {
	.summary = "dust sensor that talks; PM2.5 as --csv says, or as captured",
	.sample = "42 4D 00 24 00 05 00 0D 00 16 00 05 00 0D 00 16 "
		  "02 FD 00 FC 00 1D 00 0F 00 06 00 06 00 24 01 1D 02 64 "
		  "00 00 97 00 04 75",
	.follow = plantower_follow,
	.rows = plantower_rows,
};

const struct sensor_driver sensor_pms5003st = {
	.kind = {
		.name = "pms5003st",
		.summary = "Plantower PMS5003ST: PM1, PM2.5, PM10, formaldehyde, temperature, humidity",
		.group = {
			.name = "sensor",
			.options = pms5003st_table,
			.size = sizeof(struct plantower_options),
			.check = plantower_check,
		},
	},
	.bus = SENSOR_BUS_STREAM,
	.frame = pms5003st_frame,
	.frame_max = PLANTOWER_FRAME_MAX,
	.decode = pms5003st_decode,
	.turn = plantower_turn,
	.session_size = sizeof(struct routine_session),
	.probe = {
		.ask = "42 4D E2 00 00 01 71",
		.asked = "mode = \"passive\";",
	},
	.simulation = &pms5003st_simulation,
};
