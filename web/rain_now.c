#include "web/rain_now.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "config/rain.h"
#include "core/metric.h"
#include "derive/rain.h"
#include "sensors/sensor.h"
#include "store/aggregates.h"

enum {
	MINUTE_MS = 60 * 1000,
	LEAST_MS = 2 * MINUTE_MS, /* less cannot be seen in minutes */
};

static const int64_t back_ms = 73LL * 3600 * 1000; /* the longest window, and an edge */
static const int64_t day_ms = 24LL * 3600 * 1000;
static const int64_t zone_ms = 7LL * 3600 * 1000;

static const struct rain_config *find_config(
	const struct config *config, const char *sensor)
{
	const struct option_item *items = config->sensors.items;

	for (size_t i = 0; i < config->sensors.count; i++) {
		const struct sensor_common *common = items[i].common;
		if (strcmp(items[i].name, sensor) == 0 && common)
			return &common->rain;
	}
	return &rain_defaults;
}

struct gathering {
	const struct config *config;
	struct rain_now *rain;
};

static void add_gauge(void *arg, const char *sensor)
{
	struct gathering *gathering = arg;
	struct rain_now *rain = gathering->rain;

	for (size_t i = 0; i < rain->count; i++)
		if (strcmp(rain->gauges[i].sensor, sensor) == 0)
			return;
	if (rain->count == RAIN_NOW_GAUGES)
		return;
	const struct rain_config *config = find_config(gathering->config, sensor);
	struct rain_now_gauge *gauge = &rain->gauges[rain->count++];
	*gauge = (struct rain_now_gauge){ .gap_ms = config->gap };
	snprintf(gauge->sensor, sizeof gauge->sensor, "%s", sensor);
	if (!config->day_starts ||
		!rain_day_starts(config->day_starts, &gauge->day_starts))
		rain_day_starts(rain_defaults.day_starts, &gauge->day_starts);
}

static bool observe(void *arg, const struct aggregate *minute)
{
	struct rain_now_gauge *gauge = arg;

	return coverage_observe(&gauge->coverage, minute->end_ms, LEAST_MS);
}

int rain_now_read(struct store *store, const struct config *config, const char *station,
	int64_t now_ms, struct rain_now *rain)
{
	static const uint16_t metrics[] = { METRIC_RAIN, METRIC_RAIN_TOTAL };
	struct gathering gathering = { .config = config, .rain = rain };

	rain->count = 0;
	for (size_t m = 0; m < 2; m++)
		if (aggregates_sensors(
			    store, station, metrics[m], add_gauge, &gathering) < 0)
			return -1;
	for (size_t i = 0; i < rain->count; i++) {
		struct rain_now_gauge *gauge = &rain->gauges[i];
		for (size_t m = 0; m < 2 && gauge->coverage.last_ms == 0; m++)
			if (aggregates_scan(store, AGGREGATE_MINUTE, station,
				    gauge->sensor, metrics[m], now_ms - back_ms, now_ms,
				    observe, gauge) < 0)
				return -1;
	}
	return 0;
}

void rain_now_free(struct rain_now *rain)
{
	for (size_t i = 0; i < rain->count; i++)
		coverage_free(&rain->gauges[i].coverage);
	rain->count = 0;
}

/* Where the day began that TIME_MS belongs to: what falls at its start is of the day
 * before. */
static int64_t day_start(const struct rain_now_gauge *gauge, int64_t time_ms)
{
	int64_t offset_ms = (int64_t)gauge->day_starts * MINUTE_MS - zone_ms;
	int64_t into_ms = (time_ms - offset_ms) % day_ms;

	return time_ms - (into_ms == 0 ? day_ms : into_ms);
}

double rain_now_completeness(
	struct rain_now *rain, const char *sensor, uint16_t metric, int64_t time_ms)
{
	size_t window = 0, i = 0;

	while (window < RAIN_SUMS && rain_windows[window].metric != metric)
		window++;
	while (i < rain->count && strcmp(rain->gauges[i].sensor, sensor) != 0)
		i++;
	if (window == RAIN_SUMS || i == rain->count)
		return NAN;
	struct rain_now_gauge *gauge = &rain->gauges[i];
	int64_t start_ms = window == RAIN_DAY ? day_start(gauge, time_ms)
					      : time_ms - rain_windows[window].length_ms;
	int64_t limit_ms = window != RAIN_DAY && time_ms - start_ms < gauge->gap_ms
		? time_ms - start_ms
		: gauge->gap_ms;
	/* The minute that runs is not in the store yet, but its report is here. */
	if (time_ms > gauge->coverage.last_ms &&
		!coverage_observe(&gauge->coverage, time_ms, LEAST_MS))
		return NAN;
	int64_t missed_ms =
		coverage_missed(&gauge->coverage, start_ms, time_ms, limit_ms);
	return 1 - (double)missed_ms / (double)(time_ms - start_ms);
}
