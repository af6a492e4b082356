#include "web/air_read.h"

#include <math.h>
#include <string.h>

#include "core/metric.h"
#include "sensors/sensor.h"
#include "store/aggregates.h"

static const int64_t hour_ms = 60 * 60 * 1000;

const char air_relayed[] = "relayed";

enum air_role air_role_of(const struct option_list *sensors, const char *sensor)
{
	const struct sensor_common *common = sensors_common(sensors, sensor);

	if (common && !common->index)
		return AIR_LEFT_OUT;
	return sensors_are_indicative(sensors, sensor) ? AIR_INDICATIVE : AIR_REFERENCE;
}

struct air_rules air_rules_of(const struct config *config)
{
	struct air_rules rules = air_rules_default;

	rules.form = (enum nowcast_form)config->indices.nowcast;
	if (config->indices.completeness > 0)
		rules.need = config->indices.completeness / 100.0;
	return rules;
}

/* --- minutes ------------------------------------------------------------------ */

struct reading_minutes {
	void (*each)(void *arg, const struct air_minute *minute);
	void *arg;
};

static bool take_minute(void *arg, const struct aggregate_minute *aggregate)
{
	const struct reading_minutes *reading = arg;
	struct air_minute minute = {
		.station = aggregate->station,
		.sensor = aggregate->sensor,
		.pollutant = AIR_POLLUTANTS,
		.end_ms = aggregate->end_ms,
		.count = aggregate->count,
		.sum = aggregate->sum,
	};

	for (size_t p = 0; p < AIR_POLLUTANTS; p++)
		if (air_metrics[p] == aggregate->metric)
			minute.pollutant = (enum air_pollutant)p;
	if (minute.pollutant < AIR_POLLUTANTS)
		reading->each(reading->arg, &minute);
	return true;
}

int air_read_minutes(struct store *store, const char *station, bool relayed_too,
	int64_t from_ms, int64_t to_ms,
	void (*each)(void *arg, const struct air_minute *minute), void *arg)
{
	struct reading_minutes reading = { .each = each, .arg = arg };

	_Static_assert((int)AIR_POLLUTANTS == (int)AGGREGATE_METRICS,
		"all of them are asked for at once");
	return aggregates_scan_minutes(store, station, air_metrics,
		       relayed_too ? "" : air_relayed, from_ms, to_ms, take_minute,
		       &reading) < 0
		? -1
		: 0;
}

/* --- hours ---------------------------------------------------------------------- */

struct reading_hours {
	struct air_hours *hours;
	size_t pollutant;
};

static bool take_hour(void *arg, const struct aggregate *hour)
{
	const struct reading_hours *reading = arg;
	int64_t age = (reading->hours->end_ms - hour->end_ms) / hour_ms;

	if (age >= 0 && age < AIR_HOURS)
		reading->hours->means[reading->pollutant][age] =
			hour->sum / (double)hour->count;
	return true;
}

int air_read_hours(
	struct store *store, const char *station, int64_t end_ms, struct air_hours *hours)
{
	air_hours_clear(hours);
	hours->end_ms = end_ms;
	for (size_t p = 0; p < AIR_POLLUTANTS; p++) {
		struct reading_hours reading = { .hours = hours, .pollutant = p };

		if (aggregates_scan(store, AGGREGATE_HOUR, station, INDEX_SENSOR,
			    air_mean_metrics[p], end_ms - AIR_HOURS * hour_ms, end_ms,
			    take_hour, &reading) < 0)
			return -1;
	}
	return 0;
}

static bool take_value(void *arg, const struct aggregate *hour)
{
	*(double *)arg = hour->sum / (double)hour->count;
	return false;
}

int air_read_value(struct store *store, const char *station, uint16_t metric,
	int64_t end_ms, double *value)
{
	*value = NAN;
	return aggregates_scan(store, AGGREGATE_HOUR, station, INDEX_SENSOR, metric,
		       end_ms - hour_ms, end_ms, take_value, value) < 0
		? -1
		: 0;
}
