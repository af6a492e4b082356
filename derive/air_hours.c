#include "derive/air_hours.h"

#include <math.h>
#include <string.h>

static const int64_t hour_ms = 60 * 60 * 1000;

const char *const air_pollutant_names[AIR_POLLUTANTS] = {
	[AIR_PM25] = "pm25",
	[AIR_PM10] = "pm10",
	[AIR_O3] = "o3",
	[AIR_NO2] = "no2",
	[AIR_SO2] = "so2",
	[AIR_CO] = "co",
};

void air_hours_clear(struct air_hours *hours)
{
	hours->end_ms = 0;
	for (size_t p = 0; p < AIR_POLLUTANTS; p++)
		for (size_t h = 0; h < AIR_HOURS; h++)
			hours->means[p][h] = NAN;
}

void air_hours_advance(struct air_hours *hours, int64_t end_ms)
{
	int64_t steps = hours->end_ms ? (end_ms - hours->end_ms) / hour_ms : AIR_HOURS;
	size_t by = steps < AIR_HOURS ? (size_t)steps : AIR_HOURS;

	for (size_t p = 0; p < AIR_POLLUTANTS; p++) {
		double *means = hours->means[p];

		memmove(means + by, means, (AIR_HOURS - by) * sizeof *means);
		for (size_t h = 0; h < by; h++)
			means[h] = NAN;
	}
	hours->end_ms = end_ms;
}

void air_index_clear(struct air_index *index)
{
	*index = (struct air_index){ .index = -1, .pm25 = NAN, .pm10 = NAN };
	for (size_t p = 0; p < AIR_POLLUTANTS; p++)
		index->parts[p] = -1;
}

void air_index_take_worst(struct air_index *index)
{
	for (size_t p = 0; p < AIR_POLLUTANTS; p++) {
		if (index->parts[p] <= index->index)
			continue;
		index->index = index->parts[p];
		index->pollutant = (enum air_pollutant)p;
	}
}
