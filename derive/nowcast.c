#include "derive/nowcast.h"

#include <math.h>
#include <stdbool.h>

/* w = lowest / highest of the hours that are there, but at least 1/2. */
static double weight(const double *hours)
{
	double low = INFINITY, high = 0;

	for (int i = 0; i < NOWCAST_HOURS; i++) {
		if (!isfinite(hours[i]))
			continue;
		low = fmin(low, hours[i]);
		high = fmax(high, hours[i]);
	}
	return high > 0 ? fmax(low / high, 0.5) : 0.5;
}

double nowcast(const double hours[static NOWCAST_HOURS], enum nowcast_form form)
{
	int newest = isfinite(hours[0]) + isfinite(hours[1]) + isfinite(hours[2]);
	double w = weight(hours), factor = 1, sum = 0, weights = 0;

	if (newest < 2)
		return NAN;
	for (int i = 0; i < NOWCAST_HOURS; i++, factor *= w) {
		if (!isfinite(hours[i]))
			continue;
		sum += factor * hours[i];
		weights += factor;
	}
	/* The literal form's weights begin with 1/2: (1/2)^i for i = 1 … 12. */
	if (form == NOWCAST_LITERAL && w <= 0.5)
		return sum / 2;
	return sum / weights;
}
