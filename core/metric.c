#include "core/metric.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define BUILTIN(ID, NAME, UNIT, MIN, MAX, DECIMALS, HAZARD) \
	[ID] = {                                            \
		.id = ID,                                   \
		.name = NAME,                               \
		.unit = UNIT,                               \
		.min = MIN,                                 \
		.max = MAX,                                 \
		.decimals = DECIMALS,                       \
		.hazard = HAZARD,                           \
	}

#define UG   "µg/m³"
#define AIR  HAZARD_AIR
#define RAIN HAZARD_RAIN

/*
 * Ranges are what an instrument of the trade can mean at all, with the sea of
 * models in view; a sensor's own, narrower span is a setting. PM: optical and
 * beta gauges end at 1000 µg/m³ (TSP, PM10 in storms of dust above that).
 * Rain rate: 2000 mm/h is the end of WMO-No. 8's range.
 */
static const struct metric builtin[METRIC_BUILTIN_END] = {
	BUILTIN(METRIC_PM1, "pm1", UG, 0, 1000, 1, AIR),
	BUILTIN(METRIC_PM25, "pm25", UG, 0, 1000, 1, AIR),
	BUILTIN(METRIC_PM4, "pm4", UG, 0, 1000, 1, AIR),
	BUILTIN(METRIC_PM10, "pm10", UG, 0, 2000, 1, AIR),
	BUILTIN(METRIC_TSP, "tsp", UG, 0, 5000, 1, AIR),
	BUILTIN(METRIC_NO, "no", UG, 0, 10000, 1, AIR),
	BUILTIN(METRIC_NO2, "no2", UG, 0, 10000, 1, AIR),
	BUILTIN(METRIC_NOX, "nox", UG, 0, 20000, 1, AIR),
	BUILTIN(METRIC_SO2, "so2", UG, 0, 10000, 1, AIR),
	BUILTIN(METRIC_O3, "o3", UG, 0, 2500, 1, AIR),
	BUILTIN(METRIC_CO, "co", UG, 0, 200000, 0, AIR),
	BUILTIN(METRIC_H2S, "h2s", UG, 0, 20000, 1, AIR),
	BUILTIN(METRIC_NH3, "nh3", UG, 0, 50000, 1, AIR),
	BUILTIN(METRIC_CH2O, "ch2o", UG, 0, 10000, 1, AIR),
	BUILTIN(METRIC_CO2, "co2", "ppm", 0, 50000, 0, AIR),
	BUILTIN(METRIC_TVOC, "tvoc", "ppb", 0, 100000, 0, AIR),
	BUILTIN(METRIC_RAIN_TOTAL, "rain_total", "mm", 0, 1e7, 1, RAIN),
	BUILTIN(METRIC_RAIN, "rain", "mm", 0, 100, 1, RAIN),
	BUILTIN(METRIC_RAIN_RATE, "rain_rate", "mm/h", 0, 2000, 1, RAIN),
	BUILTIN(METRIC_RAIN_10M, "rain_10m", "mm", 0, 400, 1, RAIN),
	BUILTIN(METRIC_RAIN_30M, "rain_30m", "mm", 0, 1000, 1, RAIN),
	BUILTIN(METRIC_RAIN_1H, "rain_1h", "mm", 0, 2000, 1, RAIN),
	BUILTIN(METRIC_RAIN_3H, "rain_3h", "mm", 0, 2000, 1, RAIN),
	BUILTIN(METRIC_RAIN_6H, "rain_6h", "mm", 0, 3000, 1, RAIN),
	BUILTIN(METRIC_RAIN_12H, "rain_12h", "mm", 0, 3000, 1, RAIN),
	BUILTIN(METRIC_RAIN_24H, "rain_24h", "mm", 0, 4000, 1, RAIN),
	BUILTIN(METRIC_RAIN_48H, "rain_48h", "mm", 0, 6000, 1, RAIN),
	BUILTIN(METRIC_RAIN_72H, "rain_72h", "mm", 0, 8000, 1, RAIN),
	BUILTIN(METRIC_RAIN_DAY, "rain_day", "mm", 0, 4000, 1, RAIN),
	BUILTIN(METRIC_TEMPERATURE, "temperature", "°C", -60, 80, 1, HAZARD_HEAT),
	BUILTIN(METRIC_HUMIDITY, "humidity", "%", 0, 100, 1, HAZARD_HEAT),
	BUILTIN(METRIC_PRESSURE, "pressure", "hPa", 500, 1100, 1, HAZARD_WIND),
	BUILTIN(METRIC_WIND_SPEED, "wind_speed", "m/s", 0, 100, 1, HAZARD_WIND),
	BUILTIN(METRIC_WIND_GUST, "wind_gust", "m/s", 0, 150, 1, HAZARD_WIND),
	BUILTIN(METRIC_WIND_DIRECTION, "wind_direction", "°", 0, 360, 0, HAZARD_WIND),
	BUILTIN(METRIC_NOISE, "noise", "dB", 0, 160, 1, AIR),
	BUILTIN(METRIC_SOLAR, "solar", "W/m²", -20, 2000, 0, HAZARD_HEAT),
	BUILTIN(METRIC_LIGHT, "light", "lx", 0, 300000, 0, HAZARD_HEAT),
	BUILTIN(METRIC_BATTERY, "battery", "V", 0, 100, 2, HAZARD_DEVICE),
	BUILTIN(METRIC_PM25_1H, "pm25_1h", UG, 0, 1000, 1, AIR),
	BUILTIN(METRIC_PM10_1H, "pm10_1h", UG, 0, 2000, 1, AIR),
	BUILTIN(METRIC_NO2_1H, "no2_1h", UG, 0, 10000, 1, AIR),
	BUILTIN(METRIC_SO2_1H, "so2_1h", UG, 0, 10000, 1, AIR),
	BUILTIN(METRIC_O3_1H, "o3_1h", UG, 0, 2500, 1, AIR),
	BUILTIN(METRIC_CO_1H, "co_1h", UG, 0, 200000, 0, AIR),
	BUILTIN(METRIC_PM25_NOWCAST, "pm25_nowcast", UG, 0, 1000, 1, AIR),
	BUILTIN(METRIC_PM10_NOWCAST, "pm10_nowcast", UG, 0, 2000, 1, AIR),
	BUILTIN(METRIC_VN_AQI, "vn_aqi", "index", 0, 500, 0, AIR),
	BUILTIN(METRIC_VN_AQI_DAY, "vn_aqi_day", "index", 0, 500, 0, AIR),
	BUILTIN(METRIC_US_AQI, "us_aqi", "index", 0, 10000, 0, AIR),
	BUILTIN(METRIC_EAQI, "eaqi", "index", 0, 6, 0, AIR),
};

/*
 * Declared metrics are only ever added or replaced as a whole, and replaced
 * ones are not freed: readers need no lock, and there are few.
 */
static const struct metric *_Atomic declared[METRIC_DECLARED_MAX];
static pthread_mutex_t declare_mutex = PTHREAD_MUTEX_INITIALIZER;

enum { HASH_SIZE = 256 }; /* 2.5 times the names; a power of two */
static uint8_t hash_table[HASH_SIZE];
static pthread_once_t hash_once = PTHREAD_ONCE_INIT;

static unsigned hash_name(const char *name, size_t length)
{
	uint32_t hash = 2166136261u;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (unsigned char)name[i]) * 16777619u;
	return (hash ^ hash >> 15) % HASH_SIZE;
}

static void fill_hash_table(void)
{
	for (uint16_t id = 1; id < METRIC_BUILTIN_END; id++) {
		unsigned at = hash_name(builtin[id].name, strlen(builtin[id].name));
		while (hash_table[at])
			at = (at + 1) % HASH_SIZE;
		hash_table[at] = (uint8_t)id;
	}
}

static bool is_named(const struct metric *metric, const char *name, size_t length)
{
	return strlen(metric->name) == length && memcmp(metric->name, name, length) == 0;
}

const struct metric *metric_find_n(const char *name, size_t length)
{
	pthread_once(&hash_once, fill_hash_table);
	for (unsigned at = hash_name(name, length); hash_table[at];
		at = (at + 1) % HASH_SIZE)
		if (is_named(&builtin[hash_table[at]], name, length))
			return &builtin[hash_table[at]];
	for (size_t i = 0; i < METRIC_DECLARED_MAX; i++) {
		const struct metric *metric = declared[i];
		if (!metric || is_named(metric, name, length))
			return metric;
	}
	return NULL;
}

const struct metric *metric_find(const char *name)
{
	return metric_find_n(name, strlen(name));
}

const struct metric *metric_by_id(uint16_t id)
{
	if (id < METRIC_DECLARED)
		return id > METRIC_NONE && id < METRIC_BUILTIN_END ? &builtin[id] : NULL;
	for (size_t i = 0; i < METRIC_DECLARED_MAX; i++) {
		const struct metric *metric = declared[i];
		if (!metric || metric->id == id)
			return metric;
	}
	return NULL;
}

const struct metric *metric_next(const struct metric *metric)
{
	size_t slot = 0;

	if (!metric || metric->id + 1 < METRIC_BUILTIN_END)
		return &builtin[metric ? metric->id + 1 : 1];
	while (metric->id >= METRIC_DECLARED && slot < METRIC_DECLARED_MAX &&
		declared[slot]->id != metric->id)
		slot++;
	slot += metric->id >= METRIC_DECLARED;
	return slot < METRIC_DECLARED_MAX ? declared[slot] : NULL;
}

static struct metric *copy_metric(const struct metric *wanted, uint16_t id)
{
	struct metric *metric = malloc(sizeof *metric);
	char *name = strdup(wanted->name), *unit = strdup(wanted->unit);

	if (!metric || !name || !unit) {
		free(metric);
		free(name);
		free(unit);
		return NULL;
	}
	*metric = *wanted;
	metric->id = id;
	metric->name = name;
	metric->unit = unit;
	return metric;
}

/* The id a name has on every machine and in every file, whatever else is declared. */
static uint16_t declared_id(const char *name)
{
	uint32_t hash = 2166136261u;

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 16777619u;
	return (uint16_t)(METRIC_DECLARED + hash % (UINT16_MAX - METRIC_DECLARED));
}

const struct metric *metric_declare(const struct metric *wanted)
{
	uint16_t id = declared_id(wanted->name);
	const struct metric *known = metric_find(wanted->name);
	struct metric *metric = NULL;
	size_t slot = 0;

	if (known && known->id < METRIC_DECLARED)
		return NULL;
	pthread_mutex_lock(&declare_mutex);
	while (slot < METRIC_DECLARED_MAX && declared[slot] && declared[slot]->id != id)
		slot++;
	bool taken = slot == METRIC_DECLARED_MAX ||
		(declared[slot] && strcmp(declared[slot]->name, wanted->name) != 0);
	if (!taken && (metric = copy_metric(wanted, id)))
		declared[slot] = metric;
	pthread_mutex_unlock(&declare_mutex);
	return metric;
}

static const char *const hazard_names[HAZARD_COUNT] = {
	[HAZARD_AIR] = "air",
	[HAZARD_RAIN] = "rain",
	[HAZARD_WIND] = "wind",
	[HAZARD_HEAT] = "heat",
	[HAZARD_WATER] = "water",
	[HAZARD_DEVICE] = "device",
};

const char *hazard_name(enum hazard hazard)
{
	return hazard < HAZARD_COUNT ? hazard_names[hazard] : "?";
}

enum hazard hazard_find(const char *name)
{
	int hazard = 0;

	while (hazard < HAZARD_COUNT && strcmp(hazard_names[hazard], name) != 0)
		hazard++;
	return (enum hazard)hazard;
}
