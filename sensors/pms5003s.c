/*
 * Plantower PMS5003S: dust and formaldehyde.
 * Frame, dust fields and commands: sensors/plantower.h. Its own:
 *
 *    2  00 1C   32 bytes in all
 *   16  particles > 0.3 µm in 0.1 l; then > 0.5, 1.0, 2.5, 5.0, 10 µm
 *   28  formaldehyde, µg/m³, where the PMS5003 has version and error
 *
 *  No capture of one is public: the field is as its data sheet states it. A PMS5003's
 *  version read as formaldehyde (97 00: 38656) is refused as a value.
 */
#include "sensors/plantower.h"
#include "sensors/simulate.h"

static const struct plantower_model model = {
	.size = 32,
	.counts_end = 28,
	.ch2o = 28,
	.takes_commands = true,
};

static ssize_t pms5003s_frame(const uint8_t *bytes, size_t length)
{
	return plantower_frame(&model, bytes, length);
}

static enum sensor_result pms5003s_decode(
	const void *options, const uint8_t *frame, size_t length, struct report *report)
{
	return plantower_decode(&model, options, frame, length, report);
}

static const struct option pms5003s_table[] = {
	PLANTOWER_OPTIONS,
	PLANTOWER_COMMAND_OPTIONS,
	{ .name = NULL },
};

/* PMS-S of the fixtures. */
static const struct simulation pms5003s_simulation = {
	.summary = "dust sensor that talks; PM2.5 as --csv says, or as captured",
	.sample = "42 4D 00 1C 00 05 00 0D 00 16 00 05 00 0D 00 16 "
		  "02 FD 00 FC 00 1D 00 0F 00 06 00 06 00 24 03 52",
	.follow = plantower_follow,
	.rows = plantower_rows,
};

const struct sensor_driver sensor_pms5003s = {
	.kind = {
		.name = "pms5003s",
		.summary = "Plantower PMS5003S: PM1, PM2.5, PM10, formaldehyde",
		.group = {
			.name = "sensor",
			.options = pms5003s_table,
			.size = sizeof(struct plantower_options),
			.check = plantower_check,
		},
	},
	.bus = SENSOR_BUS_STREAM,
	.frame = pms5003s_frame,
	.frame_max = PLANTOWER_FRAME_MAX,
	.decode = pms5003s_decode,
	.turn = plantower_turn,
	.session_size = sizeof(struct routine_session),
	.probe = {
		.ask = "42 4D E2 00 00 01 71",
		.asked = "mode = \"passive\";",
	},
	.simulation = &pms5003s_simulation,
};
