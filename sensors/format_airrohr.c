/*
 * Sensor.Community's airRohr, custom API or push API.
 *
 *   {"esp8266id":"1234567","sensordatavalues":[{"value_type":"SDS_P1","value":"12.30"},…]}
 *
 * All values are text. P1 is PM10 and P2 is PM2.5; P0 is PM1, P4 is PM4. Pressure is in
 * Pa. In the push API the names have no prefix and the header X-Sensor says who.
 * Of two sensors for the same the first counts; fields ("/DHT22_temperature") may choose.
 */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "core/metric.h"
#include "sensors/payload.h"

/* Behind the sensor's prefix. */
static const struct payload_key keys[] = {
	{ "P0", METRIC_PM1, 1, 0 },
	{ "P1", METRIC_PM10, 1, 0 },
	{ "P2", METRIC_PM25, 1, 0 },
	{ "P4", METRIC_PM4, 1, 0 },
	{ "temperature", METRIC_TEMPERATURE, 1, 0 },
	{ "humidity", METRIC_HUMIDITY, 1, 0 },
	{ "pressure", METRIC_PRESSURE, 0.01, 0 },
	{ "LAeq", METRIC_NOISE, 1, 0 },
	{ "ppm", METRIC_CO2, 1, 0 }, /* SCD30_co2_ppm */
	{ .key = NULL },
};

static const struct payload_key *find_key(const char *type)
{
	const char *last = strrchr(type, '_');

	last = last ? last + 1 : type;
	if (strcmp(last, "ppm") == 0 && !strstr(type, "co2_ppm"))
		return NULL;
	return payload_key_find(keys, last, strlen(last));
}

static enum sensor_result take_value(const struct payload_options *options,
	const cJSON *pair, bool by_field, struct report *report)
{
	const char *type = payload_string(pair, "value_type");
	const cJSON *value = cJSON_GetObjectItemCaseSensitive(pair, "value");
	struct payload_key own;
	double number;

	if (!type)
		return SENSOR_OK;
	const struct payload_field *field =
		payload_field_named(options, type, strlen(type));
	const struct payload_key *key = by_field ? NULL : find_key(type);
	if (by_field && field) {
		own = (struct payload_key){ type, field->metric->id, field->scale,
			field->offset };
		key = &own;
	}
	if (!key)
		return SENSOR_OK;
	/* A sensor that does not answer says "nan", or nothing. */
	if (cJSON_IsString(value) &&
		payload_is_no_number(value->valuestring, strlen(value->valuestring)))
		return SENSOR_OK;
	return payload_number(value, &number) && payload_add(report, key, number)
		? SENSOR_OK
		: SENSOR_BAD_VALUE;
}

static enum sensor_result take_all(const struct payload_options *options,
	const cJSON *values, bool by_field, struct report *report)
{
	enum sensor_result result = SENSOR_OK;
	const cJSON *pair;

	cJSON_ArrayForEach(pair, values)
	{
		enum sensor_result one = take_value(options, pair, by_field, report);
		if (one != SENSOR_OK)
			result = one;
	}
	return result;
}

static void name_device(
	const struct payload *payload, const cJSON *root, struct report *report)
{
	const char *id = payload_string(root, "esp8266id");
	char name[NAME_SIZE];

	if (!id) {
		payload_set_device(report, payload->sender);
		return;
	}
	int length = snprintf(name, sizeof name, "esp8266-%s", id);
	if (length > 0 && (size_t)length < sizeof name)
		payload_set_device(report, name);
}

static enum sensor_result decode_airrohr(const struct payload_options *options,
	void *session, const struct payload *payload, const struct payload_sink *sink)
{
	cJSON *root = payload_parse((const char *)payload->bytes, payload->length);
	const cJSON *values = cJSON_GetObjectItemCaseSensitive(root, "sensordatavalues");
	enum sensor_result result, own;
	struct report report;

	(void)session;
	report_init(&report);
	if (!cJSON_IsArray(values)) {
		result = root ? SENSOR_MISSING_FIELD : SENSOR_BAD_SYNTAX;
		goto done;
	}
	result = take_all(options, values, true, &report);
	own = take_all(options, values, false, &report);
	if (result == SENSOR_OK)
		result = own;
	name_device(payload, root, &report);
	if (report.count > 0)
		sink->report(sink->arg, &report);
	else if (result == SENSOR_OK)
		result = SENSOR_MISSING_FIELD;
done:
	cJSON_Delete(root);
	return result;
}

extern const struct payload_format format_airrohr;
const struct payload_format format_airrohr = {
	.name = "airrohr",
	.summary = "Sensor.Community airRohr: sensordatavalues (P1 is PM10, P2 PM2.5).",
	.names_device = true,
	.decode = decode_airrohr,
};
