#include "derive/eaqi.h"

#include <math.h>

#include "core/category.h"
#include "core/metric.h"

enum { BANDS = 6 };

/* Upper bounds of all bands but the last, µg/m³. */
static const double bounds[AIR_POLLUTANTS][BANDS - 1] = {
	[AIR_PM25] = { 5, 15, 50, 90, 140 },
	[AIR_PM10] = { 15, 45, 120, 195, 270 },
	[AIR_NO2] = { 10, 25, 60, 100, 150 },
	[AIR_O3] = { 60, 100, 120, 160, 180 },
	[AIR_SO2] = { 20, 40, 125, 190, 275 },
};

const char *eaqi_category(int band)
{
	return category_of(METRIC_EAQI, band)->en;
}

int eaqi_band(enum air_pollutant pollutant, double mean)
{
	int band = 1;

	if (pollutant == AIR_CO || !isfinite(mean))
		return -1;
	while (band < BANDS && mean > bounds[pollutant][band - 1])
		band++;
	return band;
}

void eaqi_hour(const struct air_hours *hours, struct air_index *index)
{
	air_index_clear(index);
	for (size_t p = 0; p < AIR_POLLUTANTS; p++)
		index->parts[p] = eaqi_band((enum air_pollutant)p, hours->means[p][0]);
	air_index_take_worst(index);
}
