/*
 * Tasmota: tele/<topic>/SENSOR, or the reply stat/<topic>/STATUS8 and STATUS10.
 *
 *   {"Time":"2026-03-07T12:54:34","BME280":{"Temperature":20.7,…},"PMS5003":{"CF1":22,
 *    "PM1":22,"PM2.5":32,"PM10":49,…},"PressureUnit":"hPa","TempUnit":"C"}
 *
 * One object per module, units beside them. "Time" is local without a zone. A module that
 * does not answer is null. CF… are the values for a factory's smoke, PB… are counts.
 * Of two modules that measure the same the first counts; fields may choose otherwise.
 */
#include <cjson/cJSON.h>
#include <string.h>

#include "core/metric.h"
#include "sensors/payload.h"

static const struct payload_key keys[] = {
	{ "Humidity", METRIC_HUMIDITY, 1, 0 },
	{ "PM1", METRIC_PM1, 1, 0 },
	{ "PM1.0", METRIC_PM1, 1, 0 },
	{ "PM1_0", METRIC_PM1, 1, 0 },
	{ "PM2.5", METRIC_PM25, 1, 0 },
	{ "PM2_5", METRIC_PM25, 1, 0 },
	{ "PM4", METRIC_PM4, 1, 0 },
	{ "PM4.0", METRIC_PM4, 1, 0 },
	{ "PM4_0", METRIC_PM4, 1, 0 },
	{ "PM10", METRIC_PM10, 1, 0 },
	{ "CarbonDioxide", METRIC_CO2, 1, 0 },
	{ "TVOC", METRIC_TVOC, 1, 0 },
	{ "Illuminance", METRIC_LIGHT, 1, 0 },
	{ .key = NULL },
};

/* Total is the gauge's counter; Active and Event are parts of it. */
static const struct payload_key rain_keys[] = {
	{ "Total", METRIC_RAIN_TOTAL, 1, 0 },
	{ "FlowRate", METRIC_RAIN_RATE, 1, 0 },
	{ .key = NULL },
};

struct units {
	struct payload_key temperature, pressure;
	bool has_temperature, has_pressure;
};

static struct units read_units(const cJSON *root)
{
	const char *temperature = payload_string(root, "TempUnit");
	const char *pressure = payload_string(root, "PressureUnit");
	struct units units = {
		.temperature = { .metric = METRIC_TEMPERATURE, .scale = 1 },
		.pressure = { .metric = METRIC_PRESSURE, .scale = 1 },
		.has_temperature = true,
		.has_pressure = true,
	};

	if (temperature && strcmp(temperature, "F") == 0) {
		units.temperature.scale = 1 / 1.8;
		units.temperature.offset = -32 / 1.8;
	} else if (temperature && strcmp(temperature, "C") != 0) {
		units.has_temperature = false;
	}
	if (pressure && strcmp(pressure, "mmHg") == 0)
		units.pressure.scale = 1.33322387;
	else if (pressure && strcmp(pressure, "inHg") == 0)
		units.pressure.scale = 33.8638867;
	else if (pressure && strcmp(pressure, "hPa") != 0)
		units.has_pressure = false;
	return units;
}

static bool starts(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static void take_module(
	const cJSON *module, const struct units *units, struct report *report)
{
	const struct payload_key *table =
		starts(module->string, "RG-15") ? rain_keys : keys;
	/* A CO2 sensor says how warm its lamp is. */
	bool has_air = !starts(module->string, "MHZ") && !starts(module->string, "S8");
	const cJSON *item;

	cJSON_ArrayForEach(item, module)
	{
		const char *name = item->string;
		const struct payload_key *key =
			payload_key_find(table, name, strlen(name));

		if (key)
			payload_add_item(report, key, item);
		else if (strcmp(name, "Temperature") == 0 && units->has_temperature &&
			has_air)
			payload_add_item(report, &units->temperature, item);
		else if (strcmp(name, "Pressure") == 0 && units->has_pressure)
			payload_add_item(report, &units->pressure, item);
	}
}

static enum sensor_result take_tasmota(const struct payload_options *options,
	const struct payload *payload, const cJSON *root, struct report *report)
{
	const cJSON *status = cJSON_GetObjectItemCaseSensitive(root, "StatusSNS");
	const cJSON *at = cJSON_IsObject(status) ? status : root;
	const cJSON *module;

	if (!cJSON_IsObject(root))
		return SENSOR_BAD_SYNTAX;
	/* STATE, INFO1 and such are about the device. */
	if (at == root && *payload->topic &&
		!payload_level_is(payload->topic, 0, "SENSOR"))
		return SENSOR_IGNORED;
	struct units units = read_units(at);
	cJSON_ArrayForEach(module, at)
	{
		/* ESP32 is the processor's own temperature. */
		if (cJSON_IsObject(module) && strcmp(module->string, "ESP32") != 0)
			take_module(module, &units, report);
	}
	payload_stamp_text(report, payload_string(at, "Time"), options->time_zone);
	return report->count > 0 ? SENSOR_OK : SENSOR_MISSING_FIELD;
}

extern const struct payload_format format_tasmota;
const struct payload_format format_tasmota = {
	.name = "tasmota",
	.summary = "Tasmota: tele/+/SENSOR; its Time needs time_zone.",
	.presence_level = "LWT",
	.presence_drop = 1,
	.json = take_tasmota,
};
