/*
 * What the hours of a station come to, as the readings of its hourly report: the means,
 * the NowCasts and the indices. Pure.
 */
#ifndef MUABUI_DERIVE_AIR_REPORT_H
#define MUABUI_DERIVE_AIR_REPORT_H

#include "core/reading.h"
#include "derive/air_hours.h"
#include "derive/nowcast.h"
#include "derive/vn_aqi.h"

struct air_rules {
	enum nowcast_form form; /* of VN_AQI's NowCast */
	double need;            /* 0..1: of an hour's time, and of a mean's hours */
};
extern const struct air_rules air_rules_default;

/* The rule that a mean needs its share of hours, for vn_aqi_day(). */
struct vn_aqi_need air_rules_need(const struct air_rules *rules);

/* METRIC_PM25 … METRIC_CO, and METRIC_PM25_1H … METRIC_CO_1H, by pollutant. */
extern const uint16_t air_metrics[AIR_POLLUTANTS], air_mean_metrics[AIR_POLLUTANTS];

/* Does END_MS end a day in Viet Nam? That midnight belongs to the day it ends. */
bool air_ends_day(int64_t end_ms);

/*
 * Appends to REPORT what is known of the newest of HOURS: its means, pm25_nowcast and
 * pm10_nowcast by the Decision, vn_aqi, us_aqi, eaqi, and vn_aqi_day where it ends a day.
 * What the rules give no value for is not there. An index or NowCast is suspect (flag 3)
 * where the newest hour of its dust is missing: the Decision allows it for one hour.
 */
void air_report_fill(const struct air_hours *hours, const struct air_rules *rules,
	struct report *report);

#endif
