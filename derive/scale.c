#include "derive/scale.h"

#include <math.h>

static const double dust = 1e-9;

double scale_value(const struct scale_step *steps, size_t count, double concentration)
{
	size_t at = 0;

	if (!isfinite(concentration))
		return NAN;
	if (concentration <= steps[0].low)
		return steps[0].bottom;
	while (at + 1 < count && concentration > steps[at].high)
		at++;
	const struct scale_step *step = &steps[at];
	return step->bottom +
		(step->top - step->bottom) * (concentration - step->low) /
		(step->high - step->low);
}

int scale_round(double value)
{
	return (int)floor(value + 0.5 + dust);
}

double scale_truncate(double value, int decimals)
{
	double factor = pow(10, decimals);

	return floor(value * factor + dust) / factor;
}

double scale_mean(const double *values, size_t count, size_t needed)
{
	double sum = 0;
	size_t known = 0;

	for (size_t i = 0; i < count; i++) {
		if (!isfinite(values[i]))
			continue;
		sum += values[i];
		known++;
	}
	return known > 0 && known >= needed ? sum / (double)known : NAN;
}
