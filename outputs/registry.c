#include "outputs/output.h"

#include "outputs/drivers.h"

const struct output_driver *const output_drivers[] = {
	&output_influxdb,
	&output_file,
	&output_http,
	&output_tt10,
	&output_mqtt,
	&output_prometheus,
	NULL,
};

static const struct option_kind *const kinds[] = {
	&output_influxdb.kind,
	&output_file.kind,
	&output_http.kind,
	&output_tt10.kind,
	&output_mqtt.kind,
	&output_prometheus.kind,
	NULL,
};

static const char *const orders[] = {
	[OUTPUT_LIVE_FIRST] = "live-first",
	[OUTPUT_OLDEST_FIRST] = "oldest-first",
	NULL,
};

static const struct option common[] = {
	{ .name = "batch",
		.type = OPTION_INTEGER,
		.offset = offsetof(struct output_common, batch),
		.fallback = "5000",
		.min = 1,
		.max = 20000,
		.unit = "reports",
		.help = "The most reports in one sending." },
	{ .name = "linger",
		.type = OPTION_DURATION,
		.offset = offsetof(struct output_common, linger),
		.fallback = "0s",
		.min = 0,
		.max = 60 * 60 * 1000,
		.help = "How long to wait for a batch to fill; 0s sends what is there." },
	{ .name = "order",
		.type = OPTION_CHOICE,
		.offset = offsetof(struct output_common, order),
		.fallback = "live-first",
		.choices = orders,
		.help = "After an outage: new reports first and the backlog behind them, "
			"or strictly the oldest first." },
	{ .name = "rate",
		.type = OPTION_INTEGER,
		.offset = offsetof(struct output_common, rate),
		.fallback = "0",
		.min = 0,
		.max = 10 * 1000 * 1000,
		.unit = "reports/s",
		.help = "The most reports of a backlog per second; 0 is no limit." },
	{ .name = "jitter",
		.type = OPTION_DURATION,
		.offset = offsetof(struct output_common, jitter),
		.fallback = "10s",
		.min = 0,
		.max = 60 * 60 * 1000,
		.help = "How long, at most and by chance, a backlog waits after the start "
			"or an outage of more than a minute." },
	{ .name = NULL },
};

const struct option_family output_family = {
	.key = "type",
	.noun = "output type",
	.common = { .name = "output",
		.options = common,
		.size = sizeof(struct output_common) },
	.kinds = kinds,
};
