#include "derive/calibration.h"

#include <math.h>

#include "core/number.h"

static double by_instrument(const struct calibration_config *config, double x)
{
	const struct option_numbers *terms = &config->polynomial;
	double value = 0;

	if (terms->count > 0) {
		for (size_t i = terms->count; i-- > 0;)
			value = value * x + terms->values[i];
		return value;
	}
	if (!isnan(config->gain))
		x *= config->gain;
	return isnan(config->offset) ? x : x + config->offset;
}

static double epa(double slope, double x, double humidity)
{
	return slope * x - 0.0862 * humidity + 5.75;
}

static double smoke(double x)
{
	return 2.966 + 0.69 * x + 8.84e-4 * x * x;
}

static double blend(double a, double b, double part_b)
{
	return a + (b - a) * part_b;
}

static double epa2021(double x, double humidity)
{
	if (x < 30)
		return epa(0.524, x, humidity);
	if (x < 50)
		return epa(blend(0.524, 0.786, x / 20 - 1.5), x, humidity);
	if (x < 210)
		return epa(0.786, x, humidity);
	if (x < 260)
		return blend(epa(0.786, x, humidity), smoke(x), x / 50 - 4.2);
	return smoke(x);
}

/* How much heavier a particle is for the water it has taken up. */
static double growth(const struct calibration_config *config, double humidity)
{
	if (humidity <= 0)
		return 1;
	return 1 + config->kappa / config->density / (100 / humidity - 1);
}

static double by_humidity(
	const struct calibration_config *config, double x, double humidity)
{
	const double *c = config->coefficients.values;

	switch ((enum humidity_method)config->humidity) {
	case HUMIDITY_EPA:
		return epa(0.524, x, humidity);
	case HUMIDITY_EPA2021:
		return epa2021(x, humidity);
	case HUMIDITY_KAPPA:
		return x / growth(config, humidity);
	case HUMIDITY_LINEAR:
		return c[0] * x + c[1] * humidity + c[2];
	default:
		return x;
	}
}

/* Without the dust of binary fractions, which would also take room in the store. */
static double tidy(const struct metric *metric, double value)
{
	static const double largest = 1e9;
	int digits = metric->decimals + 2;
	double scale;

	if (!(fabs(value) < largest))
		return value;
	if (digits > NUMBER_DIGITS_MAX)
		digits = NUMBER_DIGITS_MAX;
	scale = pow(10, digits);
	return number_from_decimal((int64_t)nearbyint(value * scale), digits);
}

static double turn(double degrees)
{
	double rest = fmod(degrees, 360);

	return rest < 0 ? rest + 360 : rest;
}

struct calibrated calibration_apply(
	const struct calibration_config *config, double raw, double humidity)
{
	struct calibrated result = { .value = raw, .whole = true };
	double value = by_instrument(config, raw);

	if (config->humidity != HUMIDITY_NONE) {
		if (isnan(humidity)) {
			result.whole = false;
			return result;
		}
		result.capped = humidity > config->humidity_cap;
		value = by_humidity(config, value, fmin(humidity, config->humidity_cap));
		value = fmax(value, 0);
	}
	if (config->metric->id == METRIC_WIND_DIRECTION && (value < 0 || value > 360))
		value = turn(value);
	if (value < raw || value > raw)
		result.value = tidy(config->metric, value);
	return result;
}
