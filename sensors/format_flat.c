/*
 * Formats whose payload is one flat JSON object: Zigbee2MQTT and AirGradient.
 *
 * Zigbee2MQTT, zigbee2mqtt/<friendly name>: battery is in per cent and of no use here;
 * voltage is mV where a battery is, V of the mains elsewhere. last_seen is ISO 8601 or
 * ms.
 *
 * AirGradient, airgradient/readings/<serial>, or its /measures/current: without a sensor
 * for them, atmp and rhum are 0 both; tvocIndex and noxIndex are indices, not ppb.
 */
#include <cjson/cJSON.h>
#include <string.h>

#include "core/metric.h"
#include "sensors/payload.h"

static void take_keys(
	const struct payload_key *keys, const cJSON *root, struct report *report)
{
	for (; keys->key; keys++)
		payload_add_item(
			report, keys, cJSON_GetObjectItemCaseSensitive(root, keys->key));
}

/* --- Zigbee2MQTT ----------------------------------------------------------- */

static const struct payload_key zigbee_keys[] = {
	{ "temperature", METRIC_TEMPERATURE, 1, 0 },
	{ "humidity", METRIC_HUMIDITY, 1, 0 },
	{ "pressure", METRIC_PRESSURE, 1, 0 },
	{ "pm1", METRIC_PM1, 1, 0 },
	{ "pm25", METRIC_PM25, 1, 0 },
	{ "pm10", METRIC_PM10, 1, 0 },
	{ "co2", METRIC_CO2, 1, 0 },
	{ "illuminance_lux", METRIC_LIGHT, 1, 0 }, /* older ones: illuminance is raw */
	{ "illuminance", METRIC_LIGHT, 1, 0 },
	{ "noise", METRIC_NOISE, 1, 0 },
	{ "wind_speed", METRIC_WIND_SPEED, 1, 0 },
	{ .key = NULL },
};

static void take_battery(const cJSON *root, struct report *report)
{
	static const struct payload_key millivolts = { "voltage", METRIC_BATTERY, 0.001,
		0 };
	const cJSON *voltage = cJSON_GetObjectItemCaseSensitive(root, "voltage");

	if (cJSON_GetObjectItemCaseSensitive(root, "battery") &&
		cJSON_IsNumber(voltage) && voltage->valuedouble > 500)
		payload_add_item(report, &millivolts, voltage);
}

/* Of the bridge itself, and what is said to devices. */
static bool is_no_device(const char *topic)
{
	return strstr(topic, "/bridge/") || payload_level_is(topic, 0, "set") ||
		payload_level_is(topic, 0, "get");
}

static enum sensor_result take_zigbee(const struct payload_options *options,
	const struct payload *payload, const cJSON *root, struct report *report)
{
	if (is_no_device(payload->topic))
		return SENSOR_IGNORED;
	if (!cJSON_IsObject(root))
		return SENSOR_BAD_SYNTAX;
	take_keys(zigbee_keys, root, report);
	take_battery(root, report);
	payload_stamp_item(report, cJSON_GetObjectItemCaseSensitive(root, "last_seen"),
		options->time_zone);
	/* A device may tell of its radio alone. */
	return report->count > 0 ? SENSOR_OK : SENSOR_IGNORED;
}

extern const struct payload_format format_zigbee2mqtt;
const struct payload_format format_zigbee2mqtt = {
	.name = "zigbee2mqtt",
	.summary = "Zigbee2MQTT: zigbee2mqtt/+, JSON.",
	.presence_level = "availability",
	.json = take_zigbee,
};

/* --- AirGradient ------------------------------------------------------------- */

static const struct payload_key airgradient_keys[] = {
	{ "pm01", METRIC_PM1, 1, 0 },
	{ "pm02", METRIC_PM25, 1, 0 },
	{ "pm10", METRIC_PM10, 1, 0 },
	{ "rco2", METRIC_CO2, 1, 0 },
	{ .key = NULL },
};

/* Corrected for the warmth of the housing where the firmware can. */
static const struct payload_key weather_keys[] = {
	{ "atmpCompensated", METRIC_TEMPERATURE, 1, 0 },
	{ "atmp", METRIC_TEMPERATURE, 1, 0 },
	{ "rhumCompensated", METRIC_HUMIDITY, 1, 0 },
	{ "rhum", METRIC_HUMIDITY, 1, 0 },
	{ .key = NULL },
};

static bool is_zero(const cJSON *item)
{
	double value;

	return payload_number(item, &value) && value == 0;
}

static enum sensor_result take_airgradient(const struct payload_options *options,
	const struct payload *payload, const cJSON *root, struct report *report)
{
	const cJSON *serial = cJSON_GetObjectItemCaseSensitive(root, "serialno");

	(void)options;
	(void)payload;
	if (!cJSON_IsObject(root))
		return SENSOR_BAD_SYNTAX;
	take_keys(airgradient_keys, root, report);
	if (!is_zero(cJSON_GetObjectItemCaseSensitive(root, "atmp")) ||
		!is_zero(cJSON_GetObjectItemCaseSensitive(root, "rhum")))
		take_keys(weather_keys, root, report);
	payload_set_device(report, cJSON_GetStringValue(serial));
	return report->count > 0 ? SENSOR_OK : SENSOR_MISSING_FIELD;
}

extern const struct payload_format format_airgradient;
const struct payload_format format_airgradient = {
	.name = "airgradient",
	.summary = "AirGradient: airgradient/readings/+, JSON.",
	.names_device = true,
	.json = take_airgradient,
};
