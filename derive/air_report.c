#include "derive/air_report.h"

#include <math.h>

#include "core/metric.h"
#include "derive/eaqi.h"
#include "derive/us_aqi.h"

static const int64_t hour_ms = 60 * 60 * 1000;
static const int64_t zone_ms = 7 * 60 * 60 * 1000; /* Viet Nam has one zone */

const struct air_rules air_rules_default = {
	.form = NOWCAST_NORMALISED,
	.need = 0.75,
};

const uint16_t air_metrics[AIR_POLLUTANTS] = {
	[AIR_PM25] = METRIC_PM25,
	[AIR_PM10] = METRIC_PM10,
	[AIR_O3] = METRIC_O3,
	[AIR_NO2] = METRIC_NO2,
	[AIR_SO2] = METRIC_SO2,
	[AIR_CO] = METRIC_CO,
};

const uint16_t air_mean_metrics[AIR_POLLUTANTS] = {
	[AIR_PM25] = METRIC_PM25_1H,
	[AIR_PM10] = METRIC_PM10_1H,
	[AIR_O3] = METRIC_O3_1H,
	[AIR_NO2] = METRIC_NO2_1H,
	[AIR_SO2] = METRIC_SO2_1H,
	[AIR_CO] = METRIC_CO_1H,
};

struct vn_aqi_need air_rules_need(const struct air_rules *rules)
{
	return (struct vn_aqi_need){
		.hours_24 = (size_t)ceil(24 * rules->need - 1e-9),
		.hours_8 = (size_t)ceil(8 * rules->need - 1e-9),
	};
}

bool air_ends_day(int64_t end_ms)
{
	return (end_ms + zone_ms) % (24 * hour_ms) == 0;
}

static void add(struct report *report, uint16_t metric, double value, bool is_good)
{
	if (isfinite(value) && report_add(report, metric, value))
		report->readings[report->count - 1].flag =
			is_good ? FLAG_GOOD : FLAG_SUSPECT;
}

static void add_index(struct report *report, uint16_t metric,
	const struct air_index *index, bool is_good)
{
	add(report, metric, index->index < 0 ? NAN : index->index, is_good);
}

void air_report_fill(const struct air_hours *hours, const struct air_rules *rules,
	struct report *report)
{
	bool has_pm25 = isfinite(hours->means[AIR_PM25][0]);
	bool has_pm10 = isfinite(hours->means[AIR_PM10][0]);
	struct vn_aqi_need need = air_rules_need(rules);
	struct air_index vn, us, eu, day;

	for (size_t p = 0; p < AIR_POLLUTANTS; p++)
		add(report, air_mean_metrics[p], hours->means[p][0], true);
	vn_aqi_hour(hours, rules->form, &vn);
	us_aqi_hour(hours, US_AQI_2024, &us);
	eaqi_hour(hours, &eu);
	add(report, METRIC_PM25_NOWCAST, vn.pm25, has_pm25);
	add(report, METRIC_PM10_NOWCAST, vn.pm10, has_pm10);
	add_index(report, METRIC_VN_AQI, &vn, has_pm25 || has_pm10);
	add_index(report, METRIC_US_AQI, &us, has_pm25 || has_pm10);
	add_index(report, METRIC_EAQI, &eu, true);
	if (!air_ends_day(hours->end_ms))
		return;
	vn_aqi_day(hours, &need, &day);
	add_index(report, METRIC_VN_AQI_DAY, &day, true);
}
