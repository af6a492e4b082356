/*
 * The units in which devices and loggers say things, and what they are in the metrics'
 * own: one table for drivers and for `unit = "degF"` in the configuration.
 */
#ifndef MUABUI_SENSORS_UNIT_H
#define MUABUI_SENSORS_UNIT_H

#include <stdbool.h>

#include "core/metric.h"

enum unit {
	UNIT_SAME, /* the metric's own */
	UNIT_DEGF,
	UNIT_KELVIN,
	UNIT_PA,
	UNIT_KPA,
	UNIT_BAR,
	UNIT_MBAR,
	UNIT_MMHG,
	UNIT_INHG,
	UNIT_PSI,
	UNIT_KMH,
	UNIT_MPH,
	UNIT_KNOTS,
	UNIT_FPS,
	UNIT_INCHES,
	UNIT_CM,
	UNIT_IPH,
	UNIT_MM_PER_MIN,
	UNIT_INCHES_PER_MIN,
	UNIT_MV,
	UNIT_KLX,
	UNIT_MG_M3,
	UNIT_COUNT,
};

/* "same", "degF", "K", "Pa", …; for OPTION_CHOICE, NULL-ended. */
extern const char *const unit_names[];

/* VALUE in the metric's unit, to six decimals; UNIT_SAME leaves it as it is. */
double unit_convert(int unit, double value);

/* Does UNIT turn into METRIC's? UNIT_SAME always does. */
bool unit_fits(int unit, const struct metric *metric);

/* The unit that UNIT turns into, "hPa"; "" for UNIT_SAME. */
const char *unit_target(int unit);

#endif
