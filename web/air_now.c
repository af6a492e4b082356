#include "web/air_now.h"

#include <math.h>

#include "core/metric.h"
#include "derive/air_report.h"
#include "derive/air_station.h"
#include "derive/eaqi.h"
#include "derive/us_aqi.h"
#include "store/aggregates.h"
#include "web/air_read.h"

static const int64_t minute_ms = 60 * 1000;
static const int64_t hour_ms = 60 * 60 * 1000;
static const int64_t day_ms = 24 * 60 * 60 * 1000;

struct gathering {
	const struct config *config;
	struct air_station air;
};

static void take(void *arg, const struct air_minute *minute)
{
	struct gathering *gathering = arg;

	air_station_close(&gathering->air, aggregate_hour_end(minute->end_ms) - hour_ms);
	struct air_part *part =
		air_station_part(&gathering->air, minute->sensor, minute->pollutant,
			air_role_of(&gathering->config->sensors, minute->sensor));
	if (part)
		air_part_add(part, minute->end_ms, minute->count, minute->sum);
}

/* What the sensors have told of the hour END_MS, of which ELAPSED minutes have passed. */
static int measure(struct store *store, const struct config *config, const char *station,
	int elapsed, int64_t end_ms, struct air_now_span *span)
{
	struct gathering gathering = { .config = config };
	struct air_rules rules = air_rules_of(config);
	bool relayed_too = elapsed < 60;
	int result = air_read_minutes(store, station, relayed_too,
		end_ms - AIR_BEFORE * hour_ms, end_ms, take, &gathering);

	bool any = false;

	for (size_t p = 0; p < AIR_POLLUTANTS; p++) {
		struct air_mean mean = air_station_mean(&gathering.air,
			(enum air_pollutant)p, end_ms, elapsed, rules.need);
		span->means[p] = mean.mean;
		span->completeness[p] = mean.completeness;
		span->indicative |= mean.indicative;
		any |= !isnan(mean.mean);
	}
	if (!any)
		span->indicative = air_station_is_indicative(&gathering.air);
	air_station_free(&gathering.air);
	return result;
}

static void compute(const struct config *config, const struct air_hours *hours,
	struct air_now_span *span)
{
	span->end_ms = hours->end_ms;
	vn_aqi_hour(hours, air_rules_of(config).form, &span->vn);
	us_aqi_hour(hours, US_AQI_2024, &span->us);
	eaqi_hour(hours, &span->eu);
}

/* Is there a report of the hour END_MS? 1, 0 or -1. */
static int is_reported(struct store *store, const char *station, int64_t end_ms)
{
	static const uint16_t metrics[] = { METRIC_VN_AQI, METRIC_EAQI, METRIC_US_AQI,
		METRIC_CO_1H };

	for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++) {
		double value;
		if (air_read_value(store, station, metrics[i], end_ms, &value) < 0)
			return -1;
		if (!isnan(value))
			return 1;
	}
	return 0;
}

static int read_hour(struct store *store, const struct config *config,
	const char *station, int64_t now_ms, struct air_now_span *span)
{
	struct air_hours hours;
	int64_t end_ms = now_ms - now_ms % hour_ms;
	int there = 0;

	for (; end_ms > now_ms - AIR_NOW_OLD_MS; end_ms -= hour_ms)
		if ((there = is_reported(store, station, end_ms)) != 0)
			break;
	if (there <= 0)
		return there;
	if (measure(store, config, station, 60, end_ms, span) < 0 ||
		air_read_hours(store, station, end_ms, &hours) < 0)
		return -1;
	/* What was kept counts, also where the minutes are gone or were never here. */
	for (size_t p = 0; p < AIR_POLLUTANTS; p++)
		span->means[p] = hours.means[p][0];
	compute(config, &hours, span);
	return 0;
}

static int read_running(struct store *store, const struct config *config,
	const char *station, int64_t now_ms, struct air_now_span *span)
{
	int64_t end_ms = now_ms - now_ms % hour_ms + hour_ms;
	/* The minute that runs is not in the store yet. */
	int elapsed = (int)((now_ms % hour_ms) / minute_ms) - 1;
	struct air_hours hours;
	bool any = false;

	if (elapsed < 1)
		return 0;
	if (measure(store, config, station, elapsed, end_ms, span) < 0 ||
		air_read_hours(store, station, end_ms, &hours) < 0)
		return -1;
	for (size_t p = 0; p < AIR_POLLUTANTS; p++) {
		hours.means[p][0] = span->means[p];
		any |= !isnan(span->means[p]);
	}
	if (any)
		compute(config, &hours, span);
	return 0;
}

static int read_day(struct store *store, const struct config *config, const char *station,
	int64_t now_ms, struct air_now_span *span)
{
	struct air_rules rules = air_rules_of(config);
	struct vn_aqi_need need = air_rules_need(&rules);
	int64_t end_ms = now_ms - now_ms % hour_ms;
	struct air_hours hours;
	double kept;

	while (!air_ends_day(end_ms))
		end_ms -= hour_ms;
	/* A day is only shown when its last hour is closed. */
	if (air_read_value(store, station, METRIC_VN_AQI_DAY, end_ms, &kept) < 0)
		return -1;
	if (isnan(kept) && now_ms - end_ms < hour_ms)
		end_ms -= day_ms;
	if (air_read_hours(store, station, end_ms, &hours) < 0)
		return -1;
	vn_aqi_day(&hours, &need, &span->vn);
	if (span->vn.index >= 0)
		span->end_ms = end_ms;
	return 0;
}

int air_now_read(struct store *store, const struct config *config, const char *station,
	int64_t now_ms, struct air_now *now)
{
	*now = (struct air_now){ .hour = { .end_ms = 0 } };
	if (read_hour(store, config, station, now_ms, &now->hour) < 0 ||
		read_running(store, config, station, now_ms, &now->running) < 0 ||
		read_day(store, config, station, now_ms, &now->day) < 0)
		return -1;
	return 0;
}
