#include "derive/vn_aqi.h"

#include <math.h>

#include "core/metric.h"
#include "derive/scale.h"

const struct vn_aqi_need vn_aqi_three_quarters = { .hours_24 = 18, .hours_8 = 6 };

enum { LEVELS = 8 };

static const double levels[LEVELS] = { 0, 50, 100, 150, 200, 300, 400, 500 };

/* Table 1 of the Decision, µg/m³. Bands share their bounds; NAN: the column has ended. */
static const double breakpoints[VN_AQI_COLUMNS][LEVELS] = {
	[VN_AQI_O3_1H] = { 0, 160, 200, 300, 400, 800, 1000, 1200 },
	[VN_AQI_O3_8H] = { 0, 100, 120, 170, 210, 400, NAN, NAN },
	[VN_AQI_CO] = { 0, 10000, 30000, 45000, 60000, 90000, 120000, 150000 },
	[VN_AQI_SO2] = { 0, 125, 350, 550, 800, 1600, 2100, 2630 },
	[VN_AQI_NO2] = { 0, 100, 200, 700, 1200, 2350, 3100, 3850 },
	[VN_AQI_PM10] = { 0, 50, 150, 250, 350, 420, 500, 600 },
	[VN_AQI_PM25] = { 0, 25, 50, 80, 150, 250, 350, 500 },
};

const struct category *vn_aqi_category(int index)
{
	return category_of(METRIC_VN_AQI, index);
}

int vn_aqi_part(enum vn_aqi_column column, double concentration)
{
	const double *points = breakpoints[column];
	struct scale_step steps[LEVELS - 1];
	size_t count = 0;

	for (; count < LEVELS - 1 && !isnan(points[count + 1]); count++)
		steps[count] = (struct scale_step){ points[count], points[count + 1],
			levels[count], levels[count + 1] };
	if (isnan(concentration) || (count < LEVELS - 1 && concentration > points[count]))
		return -1;
	double value = scale_value(steps, count, concentration);
	return value >= VN_AQI_MAX ? VN_AQI_MAX : scale_round(value);
}

/* No index may be published without one of the two dusts. */
static void conclude(struct air_index *index)
{
	if (index->parts[AIR_PM25] >= 0 || index->parts[AIR_PM10] >= 0)
		air_index_take_worst(index);
}

void vn_aqi_hour(
	const struct air_hours *hours, enum nowcast_form form, struct air_index *index)
{
	int *parts = index->parts;

	air_index_clear(index);
	index->pm25 = nowcast(hours->means[AIR_PM25], form);
	index->pm10 = nowcast(hours->means[AIR_PM10], form);
	parts[AIR_PM25] = vn_aqi_part(VN_AQI_PM25, index->pm25);
	parts[AIR_PM10] = vn_aqi_part(VN_AQI_PM10, index->pm10);
	parts[AIR_O3] = vn_aqi_part(VN_AQI_O3_1H, hours->means[AIR_O3][0]);
	parts[AIR_NO2] = vn_aqi_part(VN_AQI_NO2, hours->means[AIR_NO2][0]);
	parts[AIR_SO2] = vn_aqi_part(VN_AQI_SO2, hours->means[AIR_SO2][0]);
	parts[AIR_CO] = vn_aqi_part(VN_AQI_CO, hours->means[AIR_CO][0]);
	conclude(index);
}

static const size_t day_hours = 24;

/* The highest of the day's hours; NAN: none is there. */
static double highest(const double *means)
{
	double high = NAN;

	for (size_t h = 0; h < day_hours; h++)
		high = fmax(high, means[h]); /* of a number and NAN it is the number */
	return high;
}

static double highest_8h(const double *means, size_t needed)
{
	double high = NAN;

	for (size_t h = 0; h < day_hours; h++)
		high = fmax(high, scale_mean(means + h, 8, needed));
	return high;
}

void vn_aqi_day(const struct air_hours *hours, const struct vn_aqi_need *need,
	struct air_index *index)
{
	int *parts = index->parts;

	air_index_clear(index);
	index->pm25 = scale_mean(hours->means[AIR_PM25], day_hours, need->hours_24);
	index->pm10 = scale_mean(hours->means[AIR_PM10], day_hours, need->hours_24);
	parts[AIR_PM25] = vn_aqi_part(VN_AQI_PM25, index->pm25);
	parts[AIR_PM10] = vn_aqi_part(VN_AQI_PM10, index->pm10);
	parts[AIR_NO2] = vn_aqi_part(VN_AQI_NO2, highest(hours->means[AIR_NO2]));
	parts[AIR_SO2] = vn_aqi_part(VN_AQI_SO2, highest(hours->means[AIR_SO2]));
	parts[AIR_CO] = vn_aqi_part(VN_AQI_CO, highest(hours->means[AIR_CO]));
	int hour = vn_aqi_part(VN_AQI_O3_1H, highest(hours->means[AIR_O3]));
	int eight = vn_aqi_part(
		VN_AQI_O3_8H, highest_8h(hours->means[AIR_O3], need->hours_8));
	parts[AIR_O3] = hour > eight ? hour : eight;
	conclude(index);
}
