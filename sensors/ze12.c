/*
 * Winsen ZE12 and ZE12A: carbon monoxide, sulphur dioxide, nitrogen dioxide or ozone.
 * Bytes and commands: sensors/ze.h. No capture of one is public; the layout is the
 * ZE08's, as their papers state.
 */
#include "core/metric.h"
#include "sensors/simulate.h"
#include "sensors/stream.h"
#include "sensors/ze.h"

static const struct ze_model model = {
	.gases = {
		{ .code = 0x04, .metric = METRIC_CO },
		{ .code = 0x2B, .metric = METRIC_SO2 },
		{ .code = 0x2C, .metric = METRIC_NO2 },
		{ .code = 0x2A, .metric = METRIC_O3 },
	},
	.gas_count = 4,
	.talk = 0x40,
	.be_asked = 0x41,
};

static const char *const gas_names[] = { "auto", "co", "so2", "no2", "o3", NULL };

static ssize_t ze12_frame(const uint8_t *bytes, size_t length)
{
	return ze_frame(&model, bytes, length);
}

static enum sensor_result ze12_decode(
	const void *options, const uint8_t *frame, size_t length, struct report *report)
{
	return ze_decode(&model, options, frame, length, report);
}

static struct sensor_turn ze12_turn(const void *options, void *session,
	enum sensor_result last, uint8_t request[static SENSOR_REQUEST_MAX])
{
	return ze_turn(&model, options, session, last, request);
}

static const struct option ze12_table[] = {
	ZE_OPTIONS,
	ZE_GAS_OPTION(gas_names),
	{ .name = NULL },
};

/* ZE12-SO2 of the fixtures. */
static const struct simulation ze12_simulation = {
	.summary = "gas module that talks: SO2, 20 ppb",
	.sample = "FF 2B 04 00 00 14 07 D0 E6",
	.rows = ze_rows,
};

const struct sensor_driver sensor_ze12 = {
	.kind = {
		.name = "ze12",
		.summary = "Winsen ZE12, ZE12A: CO, SO2, NO2 or O3",
		.group = {
			.name = "sensor",
			.options = ze12_table,
			.size = sizeof(struct ze_options),
			.check = ze_check_gas,
		},
	},
	.bus = SENSOR_BUS_STREAM,
	.frame = ze12_frame,
	.frame_max = WINSEN_SIZE,
	.decode = ze12_decode,
	.turn = ze12_turn,
	.session_size = sizeof(struct routine_session),
	.probe = {
		.ask = "FF 01 86 00 00 00 00 00 79",
		.asked = "mode = \"query\"; gas = \"co\";",
	},
	.simulation = &ze12_simulation,
};
