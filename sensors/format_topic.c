/*
 * Formats whose topic says what a plain number is.
 *
 * ESPHome: <prefix>/sensor/<object id>/state. The object id is made from the name a
 * person gave. Units are ESPHome's defaults: °C, %, hPa, µg/m³, ppm, lx. "nan": no value.
 *
 * Homie 4 and 5: homie/<device>/<node>/<property>; what the property's id does not say,
 * the node's may. Attributes begin with $. $unit is not heard: a property in °F needs
 * fields with a scale.
 */
#include <string.h>

#include "core/metric.h"
#include "sensors/payload.h"

/* Decodes the number that NAME, or where that means nothing OTHER, describes. */
static enum sensor_result take_number(const struct payload_options *options,
	const struct payload *payload, const struct payload_sink *sink, const char *name,
	size_t length, const char *other, size_t other_length)
{
	const struct payload_field *field = payload_field_named(options, name, length);
	const char *text = (const char *)payload->bytes;
	struct payload_key key = { .scale = 1 };
	struct report report;
	double value;

	if (options->metric)
		key.metric = options->metric->id;
	else if (field)
		key = (struct payload_key){ .metric = field->metric->id,
			.scale = field->scale,
			.offset = field->offset };
	else if (!payload_name_means(name, length, &key) &&
		!(other_length > 0 && payload_name_means(other, other_length, &key)))
		return SENSOR_IGNORED;
	if (payload_is_no_number(text, payload->length))
		return SENSOR_IGNORED;
	if (!payload_text_number(text, payload->length, &value))
		return SENSOR_BAD_VALUE;
	/* A scale of 0 a user may mean, who will see what comes of it. */
	value = payload_scaled(value, key.scale, key.offset);
	report_init(&report);
	if (!report_add(&report, key.metric, value))
		return SENSOR_BAD_VALUE;
	sink->report(sink->arg, &report);
	return SENSOR_OK;
}

static enum sensor_result decode_esphome(const struct payload_options *options,
	void *session, const struct payload *payload, const struct payload_sink *sink)
{
	size_t length;
	const char *id = payload_level(payload->topic, 1, &length);

	(void)session;
	if (!payload_level_is(payload->topic, 0, "state") ||
		!payload_level_is(payload->topic, 2, "sensor"))
		return SENSOR_IGNORED; /* switches, logs, discovery */
	return take_number(options, payload, sink, id, length, "", 0);
}

extern const struct payload_format format_esphome;
const struct payload_format format_esphome = {
	.name = "esphome",
	.summary = "ESPHome: +/sensor/+/state, plain numbers; the object id names them.",
	.is_number = true,
	.presence_level = "status",
	.presence_drop = 3,
	.decode = decode_esphome,
};

static enum sensor_result decode_homie(const struct payload_options *options,
	void *session, const struct payload *payload, const struct payload_sink *sink)
{
	size_t length, node_length, device_length;
	const char *property = payload_level(payload->topic, 0, &length);
	const char *node = payload_level(payload->topic, 1, &node_length);

	(void)session;
	payload_level(payload->topic, 2, &device_length);
	if (strstr(payload->topic, "/$") || payload_level_is(payload->topic, 0, "set") ||
		device_length == 0)
		return SENSOR_IGNORED;
	return take_number(options, payload, sink, property, length, node, node_length);
}

extern const struct payload_format format_homie;
const struct payload_format format_homie = {
	.name = "homie",
	.summary = "Homie 4 and 5: homie/+/+/+, plain numbers; property ids name them.",
	.is_number = true,
	.presence_level = "$state",
	.presence_drop = 2,
	.decode = decode_homie,
};
