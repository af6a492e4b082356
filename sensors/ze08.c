/*
 * Winsen ZE08-CH2O: formaldehyde. Bytes and commands: sensors/ze.h. It takes alcohol for
 * formaldehyde as well.
 */
#include "core/metric.h"
#include "sensors/simulate.h"
#include "sensors/stream.h"
#include "sensors/ze.h"

static const struct ze_model model = {
	.gases = {
		{ .code = 0x17, .metric = METRIC_CH2O },
	},
	.gas_count = 1,
	.talk = 0x40,
	.be_asked = 0x41,
};

static ssize_t ze08_frame(const uint8_t *bytes, size_t length)
{
	return ze_frame(&model, bytes, length);
}

static enum sensor_result ze08_decode(
	const void *options, const uint8_t *frame, size_t length, struct report *report)
{
	return ze_decode(&model, options, frame, length, report);
}

static struct sensor_turn ze08_turn(const void *options, void *session,
	enum sensor_result last, uint8_t request[static SENSOR_REQUEST_MAX])
{
	return ze_turn(&model, options, session, last, request);
}

static const struct option ze08_table[] = {
	ZE_OPTIONS,
	{ .name = NULL },
};

/* ZE-1 and ZE-2 of the fixtures. */
static const struct simulation ze08_simulation = {
	.summary = "formaldehyde module that talks",
	.sample = "FF 17 04 00 00 25 13 88 25 FF 17 04 00 00 0E 13 88 3C",
	.rows = ze_rows,
};

const struct sensor_driver sensor_ze08 = {
	.kind = {
		.name = "ze08",
		.summary = "Winsen ZE08: formaldehyde",
		.group = {
			.name = "sensor",
			.options = ze08_table,
			.size = sizeof(struct ze_options),
			.check = serial_check,
		},
	},
	.bus = SENSOR_BUS_STREAM,
	.frame = ze08_frame,
	.frame_max = WINSEN_SIZE,
	.decode = ze08_decode,
	.turn = ze08_turn,
	.session_size = sizeof(struct routine_session),
	.probe = {
		.ask = "FF 01 86 00 00 00 00 00 79",
		.asked = "mode = \"query\";",
	},
	.simulation = &ze08_simulation,
};
