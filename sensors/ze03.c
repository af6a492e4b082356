/*
 * Winsen ZE03: a board for many gases. Bytes and commands: sensors/ze.h.
 *
 * Asked, it counts CO in 1 ppm, and the others in 0.1 ppm; two published tables
 * contradict each other here (0.01 ppm), so look at what it says when it talks, where
 * unit and decimals are in the frame, and set `scale` to 0.1 where needed.
 */
#include "core/metric.h"
#include "sensors/simulate.h"
#include "sensors/stream.h"
#include "sensors/ze.h"

static const struct ze_model model = {
	.gases = {
		{ .code = 0x04, .metric = METRIC_CO, .ppb = 1000 },
		{ .code = 0x2B, .metric = METRIC_SO2, .ppb = 100 },
		{ .code = 0x2C, .metric = METRIC_NO2, .ppb = 100 },
		{ .code = 0x2A, .metric = METRIC_O3, .ppb = 100 },
		{ .code = 0x02, .metric = METRIC_NH3, .ppb = 100 },
		{ .code = 0x03, .metric = METRIC_H2S, .ppb = 100 },
	},
	.gas_count = 6,
	.talk = 0x03,
	.be_asked = 0x04,
	.names_gas = true,
};

static const char *const gas_names[] = { "auto", "co", "so2", "no2", "o3", "nh3", "h2s",
	NULL };

static ssize_t ze03_frame(const uint8_t *bytes, size_t length)
{
	return ze_frame(&model, bytes, length);
}

static enum sensor_result ze03_decode(
	const void *options, const uint8_t *frame, size_t length, struct report *report)
{
	return ze_decode(&model, options, frame, length, report);
}

static struct sensor_turn ze03_turn(const void *options, void *session,
	enum sensor_result last, uint8_t request[static SENSOR_REQUEST_MAX])
{
	return ze_turn(&model, options, session, last, request);
}

static const struct option ze03_table[] = {
	ZE_OPTIONS,
	ZE_GAS_OPTION(gas_names),
	{ .name = NULL },
};

/* Be asked, talk, read: 5 tenths of a ppm of SO2. */
static const struct simulate_row ze03_rows[] = {
	{ "FF 01 78 04 00 00 00 00 83", "", SIMULATE_HUSH },
	{ "FF 01 78 03 00 00 00 00 84", "", SIMULATE_TALK },
	{ "FF 01 86 00 00 00 00 00 79", "FF 86 00 05 2B 00 00 00 4A", SIMULATE_NOTHING },
	{ .heard = NULL },
};

/* ZE03-1 of the fixtures. */
static const struct simulation ze03_simulation = {
	.summary = "gas module that talks: SO2, 0.5 ppm",
	.sample = "FF 2B 03 01 00 05 00 C8 04",
	.rows = ze03_rows,
};

const struct sensor_driver sensor_ze03 = {
	.kind = {
		.name = "ze03",
		.summary = "Winsen ZE03: CO, SO2, NO2, O3, NH3 or H2S",
		.group = {
			.name = "sensor",
			.options = ze03_table,
			.size = sizeof(struct ze_options),
			.check = serial_check,
		},
	},
	.bus = SENSOR_BUS_STREAM,
	.frame = ze03_frame,
	.frame_max = WINSEN_SIZE,
	.decode = ze03_decode,
	.turn = ze03_turn,
	.session_size = sizeof(struct routine_session),
	.probe = {
		.ask = "FF 01 86 00 00 00 00 00 79",
		.asked = "mode = \"query\";",
	},
	.simulation = &ze03_simulation,
};
