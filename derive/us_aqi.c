#include "derive/us_aqi.h"

#include <math.h>

#include "derive/nowcast.h"
#include "core/category.h"
#include "core/metric.h"
#include "derive/scale.h"

/* One ppb in µg/m³ at 25 °C and 1013.25 hPa: molar mass in g/mol over 24.45 l/mol. */
static const double o3_ug_per_ppb = 47.998 / 24.45;
static const double no2_ug_per_ppb = 46.006 / 24.45;
static const double so2_ug_per_ppb = 64.066 / 24.45;
static const double co_ug_per_ppb = 28.010 / 24.45;

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const struct scale_step pm25_2024[] = {
	{ 0, 9.0, 0, 50 },
	{ 9.1, 35.4, 51, 100 },
	{ 35.5, 55.4, 101, 150 },
	{ 55.5, 125.4, 151, 200 },
	{ 125.5, 225.4, 201, 300 },
	{ 225.5, 325.4, 301, 500 },
};

static const struct scale_step pm25_2012[] = {
	{ 0, 12.0, 0, 50 },
	{ 12.1, 35.4, 51, 100 },
	{ 35.5, 55.4, 101, 150 },
	{ 55.5, 150.4, 151, 200 },
	{ 150.5, 250.4, 201, 300 },
	{ 250.5, 350.4, 301, 400 },
	{ 350.5, 500.4, 401, 500 },
};

static const struct scale_step pm10_2024[] = {
	{ 0, 54, 0, 50 },
	{ 55, 154, 51, 100 },
	{ 155, 254, 101, 150 },
	{ 255, 354, 151, 200 },
	{ 355, 424, 201, 300 },
	{ 425, 604, 301, 500 },
};

static const struct scale_step pm10_2012[] = {
	{ 0, 54, 0, 50 },
	{ 55, 154, 51, 100 },
	{ 155, 254, 101, 150 },
	{ 255, 354, 151, 200 },
	{ 355, 424, 201, 300 },
	{ 425, 504, 301, 400 },
	{ 505, 604, 401, 500 },
};

static const struct scale_step o3_8h[] = {
	{ 0, 0.054, 0, 50 },
	{ 0.055, 0.070, 51, 100 },
	{ 0.071, 0.085, 101, 150 },
	{ 0.086, 0.105, 151, 200 },
	{ 0.106, 0.200, 201, 300 },
};

static const struct scale_step o3_1h[] = {
	{ 0.125, 0.164, 101, 150 },
	{ 0.165, 0.204, 151, 200 },
	{ 0.205, 0.404, 201, 300 },
	{ 0.405, 0.604, 301, 500 },
};

static const struct scale_step co[] = {
	{ 0, 4.4, 0, 50 },
	{ 4.5, 9.4, 51, 100 },
	{ 9.5, 12.4, 101, 150 },
	{ 12.5, 15.4, 151, 200 },
	{ 15.5, 30.4, 201, 300 },
	{ 30.5, 50.4, 301, 500 },
};

static const struct scale_step no2[] = {
	{ 0, 53, 0, 50 },
	{ 54, 100, 51, 100 },
	{ 101, 360, 101, 150 },
	{ 361, 649, 151, 200 },
	{ 650, 1249, 201, 300 },
	{ 1250, 2049, 301, 500 },
};

/* Up to 304 ppb it is the hour's, above it the mean of 24 hours. */
static const struct scale_step so2[] = {
	{ 0, 35, 0, 50 },
	{ 36, 75, 51, 100 },
	{ 76, 185, 101, 150 },
	{ 186, 304, 151, 200 },
	{ 305, 604, 201, 300 },
	{ 605, 1004, 301, 500 },
};

const char *us_aqi_category(int index)
{
	return category_of(METRIC_US_AQI, index)->en;
}

static int part(const struct scale_step *steps, size_t count, double value, int decimals)
{
	if (!isfinite(value))
		return -1;
	return scale_round(scale_value(steps, count, scale_truncate(value, decimals)));
}

int us_aqi_pm25(enum us_aqi_table table, double concentration)
{
	if (table == US_AQI_2012)
		return part(pm25_2012, COUNT(pm25_2012), concentration, 1);
	return part(pm25_2024, COUNT(pm25_2024), concentration, 1);
}

int us_aqi_pm10(enum us_aqi_table table, double concentration)
{
	if (table == US_AQI_2012)
		return part(pm10_2012, COUNT(pm10_2012), concentration, 0);
	return part(pm10_2024, COUNT(pm10_2024), concentration, 0);
}

int us_aqi_o3_8h(double ppm)
{
	return scale_truncate(ppm, 3) > 0.2 ? -1 : part(o3_8h, COUNT(o3_8h), ppm, 3);
}

int us_aqi_o3_1h(double ppm)
{
	return scale_truncate(ppm, 3) < 0.125 ? -1 : part(o3_1h, COUNT(o3_1h), ppm, 3);
}

int us_aqi_co_8h(double ppm)
{
	return part(co, COUNT(co), ppm, 1);
}

int us_aqi_no2_1h(double ppb)
{
	return part(no2, COUNT(no2), ppb, 0);
}

int us_aqi_so2(double ppb_1h, double ppb_24h)
{
	int hour = part(so2, COUNT(so2), ppb_1h, 0);

	if (hour <= 200)
		return hour;
	int day = part(so2, COUNT(so2), ppb_24h, 0);
	return day > 200 ? day : 200;
}

static int worse(int a, int b)
{
	return a > b ? a : b;
}

void us_aqi_hour(
	const struct air_hours *hours, enum us_aqi_table table, struct air_index *index)
{
	const double *o3 = hours->means[AIR_O3], *gas = hours->means[AIR_CO];
	int *parts = index->parts;

	air_index_clear(index);
	index->pm25 = nowcast(hours->means[AIR_PM25], NOWCAST_NORMALISED);
	index->pm10 = nowcast(hours->means[AIR_PM10], NOWCAST_NORMALISED);
	index->pm25 = scale_truncate(index->pm25, 1);
	index->pm10 = scale_truncate(index->pm10, 0);
	parts[AIR_PM25] = us_aqi_pm25(table, index->pm25);
	parts[AIR_PM10] = us_aqi_pm10(table, index->pm10);
	parts[AIR_O3] = worse(us_aqi_o3_8h(scale_mean(o3, 8, 6) / o3_ug_per_ppb / 1000),
		us_aqi_o3_1h(o3[0] / o3_ug_per_ppb / 1000));
	parts[AIR_CO] = us_aqi_co_8h(scale_mean(gas, 8, 6) / co_ug_per_ppb / 1000);
	parts[AIR_NO2] = us_aqi_no2_1h(hours->means[AIR_NO2][0] / no2_ug_per_ppb);
	parts[AIR_SO2] = us_aqi_so2(hours->means[AIR_SO2][0] / so2_ug_per_ppb,
		scale_mean(hours->means[AIR_SO2], 24, 18) / so2_ug_per_ppb);
	air_index_take_worst(index);
}
