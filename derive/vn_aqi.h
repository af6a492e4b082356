/*
 * VN_AQI, Viet Nam's air quality index: Decision 1459/QĐ-TCMT of 12 November 2019.
 * Pure. Input are hourly means that have passed quality control, in µg/m³.
 */
#ifndef MUABUI_DERIVE_VN_AQI_H
#define MUABUI_DERIVE_VN_AQI_H

#include "core/category.h"
#include "derive/air_hours.h"
#include "derive/nowcast.h"

enum { VN_AQI_MAX = 500 };

/* The category of INDEX (0..500). */
const struct category *vn_aqi_category(int index);

/* The columns of the Decision's table of breakpoints. */
enum vn_aqi_column {
	VN_AQI_O3_1H,
	VN_AQI_O3_8H, /* ends at 400 µg/m³: above it there is no sub-index */
	VN_AQI_CO,
	VN_AQI_SO2,
	VN_AQI_NO2,
	VN_AQI_PM10,
	VN_AQI_PM25,
	VN_AQI_COLUMNS,
};

/*
 * The sub-index of CONCENTRATION, rounded, at most 500 (the Decision does not go
 * further); -1 for NAN and where the column ends below it.
 */
int vn_aqi_part(enum vn_aqi_column column, double concentration);

/*
 * AQI of the newest hour of HOURS: dust by NowCast, gases by the hour's mean. None
 * without PM2.5 or PM10 (Decision, 1.2).
 */
void vn_aqi_hour(
	const struct air_hours *hours, enum nowcast_form form, struct air_index *index);

/*
 * How many hours a mean needs. The Decision has no such rule for days; the usual share
 * of three quarters is a choice, so it can be made otherwise.
 */
struct vn_aqi_need {
	size_t hours_24; /* of 24, for the daily means of dust */
	size_t hours_8;  /* of 8, for the running means of ozone */
};
extern const struct vn_aqi_need vn_aqi_three_quarters;

/*
 * AQI of the day whose last hour, labelled 00:00, is the newest of HOURS: dust by the
 * mean of 24 hours, SO2, NO2 and CO by the highest hour, O3 by the worse of its highest
 * hour and its highest running mean of 8 hours; the latter does not count above
 * 400 µg/m³. None without PM2.5 or PM10.
 */
void vn_aqi_day(const struct air_hours *hours, const struct vn_aqi_need *need,
	struct air_index *index);

#endif
