#include "derive/quality.h"

#include <math.h>

#include "core/reading.h"

uint8_t quality_gross_range(const struct metric *metric, double value)
{
	if (!isfinite(value))
		return FLAG_FAIL;
	if (!metric)
		return FLAG_NOT_EVALUATED;
	return value >= metric->min && value <= metric->max ? FLAG_GOOD : FLAG_FAIL;
}

uint8_t quality_worse(uint8_t a, uint8_t b)
{
	return a > b ? a : b;
}
