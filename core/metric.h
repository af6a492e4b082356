/*
 * The table of metrics: names, canonical units, physical ranges. Whatever a
 * sensor says is converted to these units on the way in; they never vary later.
 */
#ifndef MUABUI_CORE_METRIC_H
#define MUABUI_CORE_METRIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The hazard a metric belongs to, unless a rule says otherwise. */
enum hazard {
	HAZARD_AIR,
	HAZARD_RAIN,
	HAZARD_WIND,
	HAZARD_HEAT,
	HAZARD_WATER,
	HAZARD_DEVICE,
	HAZARD_COUNT,
};

/* These numbers stand in stores and rings: append, never renumber. */
enum metric_builtin {
	METRIC_NONE = 0,
	METRIC_PM1 = 1,
	METRIC_PM25 = 2,
	METRIC_PM4 = 3,
	METRIC_PM10 = 4,
	METRIC_TSP = 5,
	METRIC_NO = 6,
	METRIC_NO2 = 7,
	METRIC_NOX = 8,
	METRIC_SO2 = 9,
	METRIC_O3 = 10,
	METRIC_CO = 11,
	METRIC_H2S = 12,
	METRIC_NH3 = 13,
	METRIC_CH2O = 14,
	METRIC_CO2 = 15,
	METRIC_TVOC = 16,
	METRIC_RAIN_TOTAL = 17,
	METRIC_RAIN = 18,
	METRIC_RAIN_RATE = 19,
	METRIC_RAIN_10M = 20,
	METRIC_RAIN_30M = 21,
	METRIC_RAIN_1H = 22,
	METRIC_RAIN_3H = 23,
	METRIC_RAIN_6H = 24,
	METRIC_RAIN_12H = 25,
	METRIC_RAIN_24H = 26,
	METRIC_RAIN_48H = 27,
	METRIC_RAIN_72H = 28,
	METRIC_RAIN_DAY = 29,
	METRIC_TEMPERATURE = 30,
	METRIC_HUMIDITY = 31,
	METRIC_PRESSURE = 32,
	METRIC_WIND_SPEED = 33,
	METRIC_WIND_GUST = 34,
	METRIC_WIND_DIRECTION = 35,
	METRIC_NOISE = 36,
	METRIC_SOLAR = 37,
	METRIC_LIGHT = 38,
	METRIC_BATTERY = 39,
	METRIC_PM25_1H = 40,
	METRIC_PM10_1H = 41,
	METRIC_NO2_1H = 42,
	METRIC_SO2_1H = 43,
	METRIC_O3_1H = 44,
	METRIC_CO_1H = 45,
	METRIC_PM25_NOWCAST = 46,
	METRIC_PM10_NOWCAST = 47,
	METRIC_VN_AQI = 48,
	METRIC_VN_AQI_DAY = 49,
	METRIC_US_AQI = 50,
	METRIC_EAQI = 51,
	METRIC_BUILTIN_END,
	METRIC_DECLARED = 256,    /* the first id of a metric of the configuration */
	METRIC_DECLARED_MAX = 64, /* how many of those there may be */
};

struct metric {
	const char *name;
	const char *unit;
	double min, max; /* outside: no sensor of this kind can mean it (flag 4) */
	uint16_t id;
	uint8_t decimals; /* what people are shown */
	uint8_t hazard;   /* enum hazard */
};

/* The metric called NAME, or NULL. */
const struct metric *metric_find(const char *name);

/* The same for a name of LENGTH bytes that need not end in NUL. */
const struct metric *metric_find_n(const char *name, size_t length);

/* The metric with this id, or NULL. */
const struct metric *metric_by_id(uint16_t id);

/* All metrics in turn: metric_next(NULL) is the first; NULL after the last. */
const struct metric *metric_next(const struct metric *metric);

/*
 * Adds a metric of the configuration, or replaces an earlier declaration of
 * the same name. The id is made from the name, so that it means the same in every
 * ring and store whatever else is declared; the given id is ignored. Strings
 * are copied; earlier results stay valid. Thread-safe. NULL when the name
 * belongs to a builtin metric, METRIC_DECLARED_MAX are taken, or (1 in 65,000)
 * another declared name makes the same id: then one has to be renamed.
 */
const struct metric *metric_declare(const struct metric *metric);

/* "air", "rain", …; and back (HAZARD_COUNT: no such hazard). */
const char *hazard_name(enum hazard hazard);
enum hazard hazard_find(const char *name);

#endif
