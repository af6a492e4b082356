/*
 * Names that people, codecs and firmware give to values, as far as their meaning is
 * beyond doubt. A wrong guess would be a wrong value, so whatever points elsewhere
 * (inside the house, an index, a limit) ends it: then the user's fields have to say.
 */
#include <ctype.h>
#include <string.h>

#include "core/metric.h"
#include "sensors/payload.h"

enum { NAME_MAX_LENGTH = 96 };

/* µg/m³ per ppb at 25 °C and 1013.25 hPa: molar mass / 24.465. */
#define PPB(MOLAR_MASS) ((MOLAR_MASS) / 24.465)
#define PPM(MOLAR_MASS) (1000 * PPB(MOLAR_MASS))

/* Each stands for itself and for what ends in _ and it. */
static const struct payload_key names[] = {
	{ "temperature_f", METRIC_TEMPERATURE, 1 / 1.8, -32 / 1.8 },
	{ "temp_f", METRIC_TEMPERATURE, 1 / 1.8, -32 / 1.8 },
	{ "temperature", METRIC_TEMPERATURE, 1, 0 },
	{ "temperature_c", METRIC_TEMPERATURE, 1, 0 },
	{ "temp_c", METRIC_TEMPERATURE, 1, 0 },
	{ "temp", METRIC_TEMPERATURE, 1, 0 },
	{ "humidity", METRIC_HUMIDITY, 1, 0 },
	{ "hum", METRIC_HUMIDITY, 1, 0 },
	{ "rhum", METRIC_HUMIDITY, 1, 0 },
	{ "rh", METRIC_HUMIDITY, 1, 0 },
	{ "pressure", METRIC_PRESSURE, 1, 0 },
	{ "pressure_hpa", METRIC_PRESSURE, 1, 0 },
	{ "pressure_pa", METRIC_PRESSURE, 0.01, 0 },
	{ "pressure_kpa", METRIC_PRESSURE, 10, 0 },
	{ "pm1", METRIC_PM1, 1, 0 },
	{ "pm_1", METRIC_PM1, 1, 0 },
	{ "pm1_0", METRIC_PM1, 1, 0 },
	{ "pm_1_0", METRIC_PM1, 1, 0 },
	{ "pm25", METRIC_PM25, 1, 0 },
	{ "pm2_5", METRIC_PM25, 1, 0 },
	{ "pm_2_5", METRIC_PM25, 1, 0 },
	{ "pm4", METRIC_PM4, 1, 0 },
	{ "pm4_0", METRIC_PM4, 1, 0 },
	{ "pm_4_0", METRIC_PM4, 1, 0 },
	{ "pm10", METRIC_PM10, 1, 0 },
	{ "pm_10", METRIC_PM10, 1, 0 },
	{ "pm10_0", METRIC_PM10, 1, 0 },
	{ "pm_10_0", METRIC_PM10, 1, 0 },
	{ "tsp", METRIC_TSP, 1, 0 },
	{ "co2", METRIC_CO2, 1, 0 },
	{ "co2_ppm", METRIC_CO2, 1, 0 },
	{ "carbon_dioxide", METRIC_CO2, 1, 0 },
	{ "tvoc", METRIC_TVOC, 1, 0 },
	{ "tvoc_ppb", METRIC_TVOC, 1, 0 },
	{ "no_ppb", METRIC_NO, PPB(30.006), 0 },
	{ "no2_ppb", METRIC_NO2, PPB(46.0055), 0 },
	{ "so2_ppb", METRIC_SO2, PPB(64.066), 0 },
	{ "o3_ppb", METRIC_O3, PPB(47.998), 0 },
	{ "co_ppb", METRIC_CO, PPB(28.010), 0 },
	{ "h2s_ppb", METRIC_H2S, PPB(34.081), 0 },
	{ "nh3_ppb", METRIC_NH3, PPB(17.031), 0 },
	{ "ch2o_ppb", METRIC_CH2O, PPB(30.026), 0 },
	{ "no2_ppm", METRIC_NO2, PPM(46.0055), 0 },
	{ "so2_ppm", METRIC_SO2, PPM(64.066), 0 },
	{ "o3_ppm", METRIC_O3, PPM(47.998), 0 },
	{ "co_ppm", METRIC_CO, PPM(28.010), 0 },
	{ "h2s_ppm", METRIC_H2S, PPM(34.081), 0 },
	{ "nh3_ppm", METRIC_NH3, PPM(17.031), 0 },
	{ "ch2o_ppm", METRIC_CH2O, PPM(30.026), 0 },
	{ "rain_total", METRIC_RAIN_TOTAL, 1, 0 },
	{ "rain_total_mm", METRIC_RAIN_TOTAL, 1, 0 },
	{ "total_rain", METRIC_RAIN_TOTAL, 1, 0 },
	{ "total_rainfall", METRIC_RAIN_TOTAL, 1, 0 },
	{ "rain_rate", METRIC_RAIN_RATE, 1, 0 },
	{ "rainfall_intensity", METRIC_RAIN_RATE, 1, 0 },
	{ "wind_speed", METRIC_WIND_SPEED, 1, 0 },
	{ "wind_speed_kmh", METRIC_WIND_SPEED, 1 / 3.6, 0 },
	{ "wind_gust", METRIC_WIND_GUST, 1, 0 },
	{ "wind_direction", METRIC_WIND_DIRECTION, 1, 0 },
	{ "wind_dir", METRIC_WIND_DIRECTION, 1, 0 },
	{ "noise", METRIC_NOISE, 1, 0 },
	{ "noise_level", METRIC_NOISE, 1, 0 },
	{ "sound_level", METRIC_NOISE, 1, 0 },
	{ "solar_radiation", METRIC_SOLAR, 1, 0 },
	{ "solar_irradiance", METRIC_SOLAR, 1, 0 },
	{ "illuminance", METRIC_LIGHT, 1, 0 },
	{ "lux", METRIC_LIGHT, 1, 0 },
	{ "battery_voltage", METRIC_BATTERY, 1, 0 },
	{ "battery_v", METRIC_BATTERY, 1, 0 },
	{ "bat_v", METRIC_BATTERY, 1, 0 },
	{ "vbat", METRIC_BATTERY, 1, 0 },
	{ .key = NULL },
};

/* With one of these words in it, a name means something else. */
static const char *const elsewhere[] = { "internal", "indoor", "inside", "chip", "cpu",
	"core", "mcu", "board", "device", "esp32", "soil", "leaf", "water", "dew",
	"dewpoint", "target", "setpoint", "limit", "threshold", "alarm", "min", "max",
	"minimum", "maximum", "mean", "avg", "average", "median", "delta", "trend",
	"offset", "calibration", "correction", "index", "aqi", "raw", "count", "status",
	"state", "error", "unit", "feels", "apparent", "heat", "wet", "bulb", "sea",
	"vapor", "vapour", "deficit", "absolute", "cf", "cf1", "forecast", "equivalent",
	"number", "particle", "particles", "size", NULL };

/* These say nothing more: "PM <2.5µm Weight concentration". */
static const char *const empty_ends[] = { "_concentration", "_weight", "_mass", "_sensor",
	"_value", "_reading", "_um", "_m", NULL };

/* "outdoorTemp (°C)" becomes "outdoor_temp_c"; 0: too long. */
static size_t normalise(const char *name, size_t length, char *out)
{
	size_t used = 0;

	if (length >= NAME_MAX_LENGTH / 2)
		return 0;
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)name[i];
		bool is_word = c < 0x80 && isalnum(c);
		bool starts = is_word && isupper(c) && i > 0 &&
			(name[i - 1] >= 'a' && name[i - 1] <= 'z');

		if ((!is_word || starts) && used > 0 && out[used - 1] != '_')
			out[used++] = '_';
		if (is_word)
			out[used++] = (char)tolower(c);
	}
	if (used > 0 && out[used - 1] == '_')
		used--;
	out[used] = '\0';
	return used;
}

static bool has_word_of(const char *name, const char *const *words)
{
	while (*name) {
		size_t length = strcspn(name, "_");
		for (size_t i = 0; words[i]; i++)
			if (strlen(words[i]) == length &&
				memcmp(words[i], name, length) == 0)
				return true;
		name += length;
		name += *name == '_';
	}
	return false;
}

static bool ends_in(const char *name, size_t length, const char *end)
{
	size_t tail = strlen(end);

	return tail <= length && memcmp(name + length - tail, end, tail) == 0 &&
		(tail == length || name[length - tail - 1] == '_');
}

static size_t cut_empty_ends(char *name, size_t length)
{
	for (size_t i = 0; empty_ends[i]; i++) {
		size_t tail = strlen(empty_ends[i]);
		if (length > tail &&
			memcmp(name + length - tail, empty_ends[i], tail) == 0)
			length -= tail;
	}
	name[length] = '\0';
	return length;
}

/* What the gateway makes itself is not taken from others. */
static bool is_measured(const struct metric *metric)
{
	return !(metric->id >= METRIC_RAIN_10M && metric->id <= METRIC_RAIN_DAY) &&
		!(metric->id >= METRIC_PM25_1H && metric->id < METRIC_BUILTIN_END);
}

bool payload_name_means(const char *name, size_t length, struct payload_key *key)
{
	const struct metric *metric = metric_find_n(name, length);
	const struct payload_key *best = NULL;
	char text[NAME_MAX_LENGTH + 1];

	/* A battery is a percentage as often as it is volts. */
	if (metric && is_measured(metric) && metric->id != METRIC_BATTERY) {
		*key = (struct payload_key){ .metric = metric->id, .scale = 1 };
		return true;
	}
	length = normalise(name, length, text);
	if (length == 0 || has_word_of(text, elsewhere))
		return false;
	length = cut_empty_ends(text, length);
	for (size_t i = 0; names[i].key; i++)
		if (ends_in(text, length, names[i].key) &&
			(!best || strlen(names[i].key) > strlen(best->key)))
			best = &names[i];
	if (best)
		*key = *best;
	return best != NULL;
}
