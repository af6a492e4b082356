/*
 * Winsen ZE25-O3: ozone. Bytes and commands: sensors/ze.h. No capture of one is public;
 * the layout is the ZE08's, as its paper states.
 */
#include "core/metric.h"
#include "sensors/simulate.h"
#include "sensors/stream.h"
#include "sensors/ze.h"

static const struct ze_model model = {
	.gases = {
		{ .code = 0x2A, .metric = METRIC_O3 },
	},
	.gas_count = 1,
	.talk = 0x40,
	.be_asked = 0x41,
};

static ssize_t ze25_frame(const uint8_t *bytes, size_t length)
{
	return ze_frame(&model, bytes, length);
}

static enum sensor_result ze25_decode(
	const void *options, const uint8_t *frame, size_t length, struct report *report)
{
	return ze_decode(&model, options, frame, length, report);
}

static struct sensor_turn ze25_turn(const void *options, void *session,
	enum sensor_result last, uint8_t request[static SENSOR_REQUEST_MAX])
{
	return ze_turn(&model, options, session, last, request);
}

static const struct option ze25_table[] = {
	ZE_OPTIONS,
	{ .name = NULL },
};

/* ZE25-1 of the fixtures. */
static const struct simulation ze25_simulation = {
	.summary = "ozone module that talks: 50 ppb",
	.sample = "FF 2A 04 00 00 32 27 10 69",
	.rows = ze_rows,
};

const struct sensor_driver sensor_ze25 = {
	.kind = {
		.name = "ze25",
		.summary = "Winsen ZE25: ozone",
		.group = {
			.name = "sensor",
			.options = ze25_table,
			.size = sizeof(struct ze_options),
			.check = serial_check,
		},
	},
	.bus = SENSOR_BUS_STREAM,
	.frame = ze25_frame,
	.frame_max = WINSEN_SIZE,
	.decode = ze25_decode,
	.turn = ze25_turn,
	.session_size = sizeof(struct routine_session),
	.probe = {
		.ask = "FF 01 86 00 00 00 00 00 79",
		.asked = "mode = \"query\";",
	},
	.simulation = &ze25_simulation,
};
