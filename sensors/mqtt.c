/*
 * Payloads are JSON, of which configured pointers are taken, or one plain number.
 * What brokers deliver is written by anybody: sizes, encodings and numbers are
 * checked before they are believed.
 */
#include "sensors/mqtt.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/metric.h"
#include "core/number.h"
#include "core/utf8.h"

/* --- JSON pointers (RFC 6901) ------------------------------------------ */

/* Is KEY the token TOKEN of LENGTH bytes, in which ~1 stands for / and ~0 for ~? */
static bool token_is(const char *token, size_t length, const char *key)
{
	size_t i = 0;

	for (; i < length && *key; i++, key++) {
		char c = token[i];
		if (c == '~' && i + 1 < length)
			c = token[++i] == '1' ? '/' : '~';
		if (c != *key)
			return false;
	}
	return i == length && *key == '\0';
}

static const cJSON *array_item(const cJSON *array, const char *token, size_t length)
{
	int index = 0;

	if (length == 0 || length > 6)
		return NULL;
	for (size_t i = 0; i < length; i++) {
		if (token[i] < '0' || token[i] > '9')
			return NULL;
		index = index * 10 + (token[i] - '0');
	}
	return cJSON_GetArrayItem(array, index);
}

static const cJSON *child_named(const cJSON *object, const char *token, size_t length)
{
	const cJSON *child = object->child;

	while (child && !(child->string && token_is(token, length, child->string)))
		child = child->next;
	return child;
}

static const cJSON *pointer_get(const cJSON *at, const char *pointer)
{
	while (at && *pointer == '/') {
		const char *token = ++pointer;
		size_t length = strcspn(token, "/");

		if (cJSON_IsArray(at))
			at = array_item(at, token, length);
		else
			at = cJSON_IsObject(at) ? child_named(at, token, length) : NULL;
		pointer = token + length;
	}
	return at;
}

/* --- payloads ---------------------------------------------------------- */

/* Sensors say numbers as numbers, as text, and as true and false. */
static bool item_number(const cJSON *item, double *value)
{
	if (cJSON_IsNumber(item))
		*value = item->valuedouble;
	else if (cJSON_IsString(item))
		return number_parse(item->valuestring, strlen(item->valuestring), value);
	else if (cJSON_IsBool(item))
		*value = cJSON_IsTrue(item);
	else
		return false;
	return isfinite(*value);
}

/* 536 × 0.1 is 53.6, not 53.600000000000001. */
static double scaled(double value, double scale, double offset)
{
	if (scale == 1 && offset == 0)
		return value;
	value = value * scale + offset;
	double rounded = nearbyint(value * 1e6) / 1e6;
	return isfinite(rounded) ? rounded : value;
}

static enum sensor_result take_field(
	const struct mqtt_field *field, const cJSON *root, struct report *report)
{
	const cJSON *item = pointer_get(root, field->pointer);
	double value;

	if (!item)
		return field->optional ? SENSOR_OK : SENSOR_MISSING_FIELD;
	if (!item_number(item, &value))
		return SENSOR_BAD_VALUE;
	value = scaled(value, field->scale, field->offset);
	if (!isfinite(value))
		return SENSOR_BAD_VALUE;
	return report_add(report, field->metric->id, value) ? SENSOR_OK
							    : SENSOR_TOO_LARGE;
}

/* The JSON that TEXT is, and nothing behind it; or NULL. */
static cJSON *parse_whole(const char *text, size_t length)
{
	const char *end = NULL;
	cJSON *root = cJSON_ParseWithLengthOpts(text, length, &end, false);

	if (!root)
		return NULL;
	while (end < text + length && strchr(" \t\r\n", *end) && *end)
		end++;
	if (end == text + length)
		return root;
	cJSON_Delete(root);
	return NULL;
}

static enum sensor_result decode_json(const struct mqtt_options *options,
	const char *text, size_t length, struct report *report)
{
	const struct mqtt_field *fields = options->fields.items;
	enum sensor_result result = SENSOR_OK;
	cJSON *root = parse_whole(text, length);

	if (!root)
		return SENSOR_BAD_SYNTAX;
	for (size_t i = 0; i < options->fields.count; i++) {
		enum sensor_result one = take_field(&fields[i], root, report);
		if (one != SENSOR_OK)
			result = one;
	}
	cJSON_Delete(root);
	return result == SENSOR_OK && report->count == 0 ? SENSOR_MISSING_FIELD : result;
}

static enum sensor_result decode_number(const struct mqtt_options *options,
	const char *text, size_t length, struct report *report)
{
	double value;

	while (length > 0 && strchr(" \t\r\n", text[length - 1]))
		length--;
	while (length > 0 && strchr(" \t\r\n", *text))
		text++, length--;
	if (!number_parse(text, length, &value))
		return SENSOR_BAD_VALUE;
	report_add(report, options->metric->id, value);
	return SENSOR_OK;
}

/* Without configuration (`decode mqtt`): an object's members that are named as metrics.
 */
static enum sensor_result decode_any(
	const char *text, size_t length, struct report *report)
{
	cJSON *root = parse_whole(text, length);
	const cJSON *item;
	double value;

	if (!cJSON_IsObject(root)) {
		cJSON_Delete(root);
		return SENSOR_BAD_SYNTAX;
	}
	cJSON_ArrayForEach(item, root)
	{
		const struct metric *metric = metric_find(item->string);
		if (metric && item_number(item, &value))
			report_add(report, metric->id, value);
	}
	cJSON_Delete(root);
	return report->count > 0 ? SENSOR_OK : SENSOR_MISSING_FIELD;
}

enum sensor_result mqtt_decode(
	const void *opaque, const uint8_t *payload, size_t length, struct report *report)
{
	const struct mqtt_options *options = opaque;
	const char *text = (const char *)payload;

	if (length > (options ? (size_t)options->max_payload : 64 * 1024))
		return SENSOR_TOO_LARGE;
	if (length == 0)
		return SENSOR_BAD_LENGTH;
	if (!utf8_is_valid(text, length))
		return SENSOR_BAD_ENCODING;
	if (!options)
		return decode_any(text, length, report);
	return options->metric ? decode_number(options, text, length, report)
			       : decode_json(options, text, length, report);
}

/* --- topics ------------------------------------------------------------ */

bool mqtt_topic_matches(const char *filter, const char *topic)
{
	/* Wildcards do not match what the broker says about itself. */
	if (*topic == '$' && (*filter == '+' || *filter == '#'))
		return false;
	for (;;) {
		size_t want = strcspn(filter, "/"), have = strcspn(topic, "/");

		if (want == 1 && *filter == '#')
			return true;
		if (!(want == 1 && *filter == '+') &&
			(want != have || memcmp(filter, topic, want) != 0))
			return false;
		filter += want;
		topic += have;
		if (*filter == '\0' || *topic == '\0')
			break;
		filter++;
		topic++;
	}
	/* "a/#" matches "a" too. */
	return *topic == '\0' && (*filter == '\0' || strcmp(filter, "/#") == 0);
}

/* What the NUMBER-th + (from 1) of FILTER matched in TOPIC. */
static bool find_plus(const char *filter, const char *topic, int number,
	const char **match, size_t *length)
{
	for (;;) {
		size_t want = strcspn(filter, "/"), have = strcspn(topic, "/");

		if (want == 1 && *filter == '+' && --number == 0) {
			*match = topic;
			*length = have;
			return true;
		}
		filter += want;
		topic += have;
		if (*filter == '\0' || *topic == '\0')
			return false;
		filter++;
		topic++;
	}
}

bool mqtt_name_from_topic(const char *template, const char *filter, const char *topic,
	char name[static NAME_SIZE])
{
	size_t at = 0;

	while (*template) {
		const char *piece = template;
		size_t length = 1;

		if (template[0] == '{' && template[1] >= '1' && template[1] <= '9' &&
			template[2] == '}') {
			if (!find_plus(filter, topic, template[1] - '0', &piece, &length))
				return false;
			template += 2;
		}
		template ++;
		if (length >= NAME_SIZE - at)
			return false;
		memcpy(name + at, piece, length);
		at += length;
	}
	name[at] = '\0';
	return name_is_valid(name, at);
}

/* --- options ----------------------------------------------------------- */

static const struct option field_options[] = {
	{
		.name = "metric",
		.type = OPTION_METRIC,
		.offset = offsetof(struct mqtt_field, metric),
		.required = true,
		.help = "What the value is.",
	},
	{
		.name = "pointer",
		.type = OPTION_STRING,
		.offset = offsetof(struct mqtt_field, pointer),
		.required = true,
		.min = 0,
		.max = 255,
		.help = "JSON pointer (RFC 6901) to the value, such as \"/air/pm25\".",
	},
	{
		.name = "scale",
		.type = OPTION_NUMBER,
		.offset = offsetof(struct mqtt_field, scale),
		.fallback = "1.0",
		.help = "Factor from the sender's unit to the metric's.",
	},
	{
		.name = "offset",
		.type = OPTION_NUMBER,
		.offset = offsetof(struct mqtt_field, offset),
		.fallback = "0.0",
		.help = "Added after scaling.",
	},
	{
		.name = "optional",
		.type = OPTION_BOOL,
		.offset = offsetof(struct mqtt_field, optional),
		.fallback = "false",
		.help = "Its absence is no error.",
	},
	{ .name = NULL },
};

static void check_field(const void *values, const struct config_place *place)
{
	const struct mqtt_field *field = values;

	if (field->pointer && *field->pointer != '\0' && *field->pointer != '/')
		config_error(place, "pointer",
			"a JSON pointer begins with '/', such as \"/%s\"",
			field->pointer);
}

static const struct option_group field_group = {
	.name = "field",
	.options = field_options,
	.size = sizeof(struct mqtt_field),
	.check = check_field,
};

static const char *const schemes[] = { "mqtt", "mqtts", NULL };
static const char *const sessions[] = { "persistent", "clean", NULL };

#define ROW(NAME, TYPE, ...)                                               \
	{                                                                  \
		.name = #NAME, .type = TYPE,                               \
		.offset = offsetof(struct mqtt_options, NAME), __VA_ARGS__ \
	}

static const struct option mqtt_table[] = {
	ROW(url, OPTION_URL, .required = true, .choices = schemes,
		.help = "The broker: mqtt://host[:1883] or mqtts://host[:8883]."),
	ROW(topic, OPTION_STRING, .required = true, .min = 1, .max = 1024,
		.help = "Topic filter to subscribe to; + and # as in MQTT."),
	ROW(sensor, OPTION_STRING, .fallback = "", .max = 63,
		.help = "Sensor name of the readings; {1} is what the first + matched; "
			"empty: this sensor's name."),
	ROW(qos, OPTION_INTEGER, .fallback = "1", .min = 0, .max = 1,
		.help = "Quality of service; 1 is acknowledged only once it is kept."),
	ROW(session, OPTION_CHOICE, .fallback = "persistent", .choices = sessions,
		.help = "Whether the broker keeps messages while the gateway is away."),
	ROW(client_id, OPTION_STRING, .fallback = "", .max = 255,
		.help = "MQTT client id; empty: made of station id and sensor name."),
	ROW(username, OPTION_STRING, .fallback = "", .max = 255,
		.help = "User name for the broker."),
	ROW(password_file, OPTION_SECRET, .fallback = "",
		.help = "File with the password."),
	ROW(ca_file, OPTION_PATH, .fallback = "",
		.help = "Certificate authorities for mqtts; empty: the system's."),
	ROW(client_cert, OPTION_PATH, .fallback = "",
		.help = "Client certificate (PEM)."),
	ROW(client_key, OPTION_PATH, .fallback = "",
		.help = "Private key of the client certificate (PEM)."),
	ROW(keep_alive, OPTION_DURATION, .fallback = "30s", .min = 5000, .max = 600000,
		.unit = "duration",
		.help = "A dead connection is noticed within 1.5 of this."),
	ROW(max_payload, OPTION_SIZE, .fallback = "64KiB", .min = 16, .max = 16777216,
		.unit = "size", .help = "Larger messages are refused and counted."),
	ROW(metric, OPTION_METRIC, .help = "For payloads that are one plain number."),
	ROW(fields, OPTION_LIST, .group = &field_group,
		.help = "What to take out of a JSON payload."),
	{ .name = NULL },
};

/* A filter as MQTT 3.1.1 §4.7.1 allows it. */
static const char *filter_fault(const char *filter)
{
	for (const char *c = filter; *c; c++) {
		bool alone =
			(c == filter || c[-1] == '/') && (c[1] == '\0' || c[1] == '/');
		if (*c == '+' && !alone)
			return "'+' stands for a whole level";
		if (*c == '#' && (!alone || c[1] != '\0'))
			return "'#' stands alone at the end";
	}
	return NULL;
}

static int count_plus(const char *filter)
{
	int count = 0;

	for (; *filter; filter++)
		count += *filter == '+';
	return count;
}

static void check_template(const struct config_place *place, const char *key,
	const char *template, const char *filter)
{
	for (const char *c = template; (c = strchr(c, '{')); c++)
		if (c[1] < '1' || c[1] > '9' || c[2] != '}' ||
			c[1] - '0' > count_plus(filter))
			config_error(place, key,
				"\"%s\" names a level that the topic \"%s\" does not have",
				template, filter);
}

static void check_options(const void *values, const struct config_place *place)
{
	const struct mqtt_options *options = values;
	const char *fault = options->topic ? filter_fault(options->topic) : NULL;

	if (fault)
		config_error(place, "topic", "%s", fault);
	if (!options->metric && options->fields.count == 0)
		config_error(place, "fields",
			"missing: say fields = ( { metric, pointer } ), "
			"or metric for plain numbers");
	if (options->metric && options->fields.count > 0)
		config_error(place, "metric",
			"is for plain numbers; with fields leave it out");
	if (options->fields.count > READINGS_MAX / 2)
		config_error(place, "fields", "at most %d", READINGS_MAX / 2);
	if (options->topic && options->sensor)
		check_template(place, "sensor", options->sensor, options->topic);
}

const struct sensor_driver sensor_mqtt = {
	.kind = {
		.name = "mqtt",
		.summary = "Messages from an MQTT broker: JSON or plain numbers.",
		.group = {
			.name = "sensor",
			.options = mqtt_table,
			.size = sizeof(struct mqtt_options),
			.check = check_options,
		},
	},
	.bus = SENSOR_BUS_MQTT,
	.decode = mqtt_decode,
};
