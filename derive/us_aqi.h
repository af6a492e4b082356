/*
 * US AQI of the present hour, for comparison with what people know from other cities.
 * Tables and truncation after 40 CFR 58 appendix G (2024) and the one before (2012).
 * Pure. Input are hourly means in µg/m³; gases are converted at 25 °C and 1013.25 hPa.
 */
#ifndef MUABUI_DERIVE_US_AQI_H
#define MUABUI_DERIVE_US_AQI_H

#include "derive/air_hours.h"

enum us_aqi_table { US_AQI_2024, US_AQI_2012 };

/* "Good" … "Hazardous". */
const char *us_aqi_category(int index);

/*
 * The AQI of a concentration of PM2.5 or PM10 in µg/m³, truncated to 0.1 and 1 first, as
 * for a mean of 24 hours or a NowCast. Negative ones are 0; above the table its last
 * line goes on. -1 for what is no number.
 */
int us_aqi_pm25(enum us_aqi_table table, double concentration);
int us_aqi_pm10(enum us_aqi_table table, double concentration);

/* The same for gases, in the tables' own units. */
int us_aqi_o3_8h(double ppm); /* -1 above 0.200: only the hour's table goes on */
int us_aqi_o3_1h(double ppm); /* -1 below 0.125: there only 8 hours count */
int us_aqi_co_8h(double ppm);
int us_aqi_no2_1h(double ppb);
int us_aqi_so2(double ppb_1h, double ppb_24h);

/*
 * AQI of the newest hour of HOURS: dust by NowCast (truncated, as AirNow shows it),
 * ozone and CO by the running mean of 8 hours (6 must be there), ozone, NO2 and SO2 by
 * the hour. EPA's ozone NowCast is a regression over two weeks and is not made.
 */
void us_aqi_hour(
	const struct air_hours *hours, enum us_aqi_table table, struct air_index *index);

#endif
