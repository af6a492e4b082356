#include "sensors/unit.h"

#include <math.h>
#include <string.h>

#include "core/number.h"

/* value = (said + before) × times / by: as whole numbers as the definition allows. */
static const struct {
	const char *target;
	double before, times, by;
} units[UNIT_COUNT] = {
	[UNIT_SAME] = { "", 0, 1, 1 },
	[UNIT_DEGF] = { "°C", -32, 5, 9 },
	[UNIT_KELVIN] = { "°C", -273.15, 1, 1 },
	[UNIT_PA] = { "hPa", 0, 1, 100 },
	[UNIT_KPA] = { "hPa", 0, 10, 1 },
	[UNIT_BAR] = { "hPa", 0, 1000, 1 },
	[UNIT_MBAR] = { "hPa", 0, 1, 1 },
	[UNIT_MMHG] = { "hPa", 0, 1.333224, 1 }, /* at 0 °C, as meteorology has it */
	[UNIT_INHG] = { "hPa", 0, 33.86389, 1 },
	[UNIT_PSI] = { "hPa", 0, 68.947573, 1 },
	[UNIT_KMH] = { "m/s", 0, 10, 36 },
	[UNIT_MPH] = { "m/s", 0, 0.44704, 1 },
	[UNIT_KNOTS] = { "m/s", 0, 1852, 3600 },
	[UNIT_FPS] = { "m/s", 0, 0.3048, 1 },
	[UNIT_INCHES] = { "mm", 0, 25.4, 1 },
	[UNIT_CM] = { "mm", 0, 10, 1 },
	[UNIT_IPH] = { "mm/h", 0, 25.4, 1 },
	[UNIT_MM_PER_MIN] = { "mm/h", 0, 60, 1 },
	[UNIT_INCHES_PER_MIN] = { "mm/h", 0, 1524, 1 },
	[UNIT_MV] = { "V", 0, 1, 1000 },
	[UNIT_KLX] = { "lx", 0, 1000, 1 },
	[UNIT_MG_M3] = { "µg/m³", 0, 1000, 1 },
};

const char *const unit_names[] = {
	[UNIT_SAME] = "same",
	[UNIT_DEGF] = "degF",
	[UNIT_KELVIN] = "K",
	[UNIT_PA] = "Pa",
	[UNIT_KPA] = "kPa",
	[UNIT_BAR] = "bar",
	[UNIT_MBAR] = "mbar",
	[UNIT_MMHG] = "mmHg",
	[UNIT_INHG] = "inHg",
	[UNIT_PSI] = "psi",
	[UNIT_KMH] = "km/h",
	[UNIT_MPH] = "mph",
	[UNIT_KNOTS] = "kn",
	[UNIT_FPS] = "ft/s",
	[UNIT_INCHES] = "in",
	[UNIT_CM] = "cm",
	[UNIT_IPH] = "in/h",
	[UNIT_MM_PER_MIN] = "mm/min",
	[UNIT_INCHES_PER_MIN] = "in/min",
	[UNIT_MV] = "mV",
	[UNIT_KLX] = "klx",
	[UNIT_MG_M3] = "mg/m3",
	[UNIT_COUNT] = NULL,
};

static const double million = 1e6;
static const double mantissa_limit = 9007199254740992.0; /* 2^53 */

double unit_convert(int unit, double value)
{
	double converted, scaled;

	if (unit == UNIT_SAME)
		return value;
	converted = (value + units[unit].before) * units[unit].times / units[unit].by;
	/* Twelve digits take away the noise, six decimals what no device means. */
	converted = number_round(converted, 12);
	scaled = nearbyint(converted * million);
	if (!(fabs(scaled) < mantissa_limit))
		return converted;
	return number_from_decimal((int64_t)scaled, 6);
}

bool unit_fits(int unit, const struct metric *metric)
{
	return unit == UNIT_SAME || strcmp(units[unit].target, metric->unit) == 0;
}

const char *unit_target(int unit)
{
	return units[unit].target;
}
