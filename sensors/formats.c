#include "sensors/format.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/utf8.h"
#include "sensors/payload.h"

/* A new format is one struct, and one line here. The first is the default. */
#define FORMATS(X)     \
	X(auto)        \
	X(json)        \
	X(plain)       \
	X(tasmota)     \
	X(zigbee2mqtt) \
	X(esphome)     \
	X(homie)       \
	X(ttn)         \
	X(chirpstack)  \
	X(airrohr)     \
	X(airgradient) \
	X(ecowitt)     \
	X(sparkplug)   \
	X(muabui)

#define DECLARE(name) extern const struct payload_format format_##name;
#define FORMAT(name)  &format_##name,
#define NAME(name)    #name,

FORMATS(DECLARE)

const struct payload_format *const formats[] = { FORMATS(FORMAT) NULL };
const char *const format_names[] = { FORMATS(NAME) NULL };

/* --- what is all configuration ------------------------------------------- */

static enum sensor_result decode_plain(const struct payload_options *options,
	void *session, const struct payload *payload, const struct payload_sink *sink)
{
	struct report report;
	double value;

	(void)session;
	if (!payload_text_number((const char *)payload->bytes, payload->length, &value))
		return SENSOR_BAD_VALUE;
	report_init(&report);
	report_add(&report, options->metric->id, value);
	sink->report(sink->arg, &report);
	return SENSOR_OK;
}

const struct payload_format format_auto = {
	.name = "auto",
	.summary = "One number where metric is given, else JSON and fields.",
};

const struct payload_format format_json = {
	.name = "json",
	.summary = "JSON of any shape: fields say what to take.",
};

const struct payload_format format_plain = {
	.name = "plain",
	.summary = "One plain number: metric says what it is.",
	.is_number = true,
	.decode = decode_plain,
};

/* --- decoding --------------------------------------------------------------- */

/* Without configuration (`decode mqtt`): an object's members that are named as metrics.
 */
static void take_any(const cJSON *root, struct report *report)
{
	const cJSON *item;
	double value;

	cJSON_ArrayForEach(item, root)
	{
		const struct metric *metric = metric_find(item->string);
		if (metric && payload_number(item, &value))
			report_add(report, metric->id, value);
	}
}

/* The result of all: of the fields RESULT, MISSING of which are not there; the format's
 * OWN. */
static enum sensor_result sum_up(const struct payload_options *options,
	enum sensor_result result, size_t missing, enum sensor_result own, bool is_object,
	struct report *report)
{
	if (options->zero_when_missing && is_object && own != SENSOR_IGNORED)
		payload_fill_zeros(options, report);
	else if (missing > 0 && result == SENSOR_OK)
		result = SENSOR_MISSING_FIELD;
	if (report->count > 0 || result != SENSOR_OK)
		return result;
	return own != SENSOR_OK ? own : SENSOR_MISSING_FIELD;
}

/* The fields first, so that a user may overrule what the format would take. */
static enum sensor_result take_json(const struct payload_options *options,
	const struct payload_format *format, const struct payload *payload,
	const cJSON *root, struct report *report)
{
	enum sensor_result own = SENSOR_OK;
	size_t missing = 0;

	if (!format->json && options->fields.count == 0) {
		if (!cJSON_IsObject(root))
			return SENSOR_BAD_SYNTAX;
		take_any(root, report);
		return report->count > 0 ? SENSOR_OK : SENSOR_MISSING_FIELD;
	}
	enum sensor_result result = payload_take_fields(options, root, report, &missing);
	if (format->json)
		own = format->json(options, payload, root, report);
	if ((own == SENSOR_IGNORED && report->count == 0) || own == SENSOR_BAD_SYNTAX)
		return own;
	if (*options->time)
		payload_stamp_item(
			report, payload_pointer(root, options->time), options->time_zone);
	return sum_up(options, result, missing, own, cJSON_IsObject(root), report);
}

/* A flat object of numbers, of which nothing but fields is wanted? False: it is not. */
static bool take_flat(const struct payload_options *options,
	const struct payload_format *format, const struct payload *payload,
	struct report *report, enum sensor_result *result)
{
	size_t missing = 0;

	if (format->json || options->fields.count == 0 || *options->time ||
		!payload_scan_fields(options, (const char *)payload->bytes,
			payload->length, report, &missing, result))
		return false;
	*result = sum_up(options, *result, missing, SENSOR_OK, true, report);
	return true;
}

static enum sensor_result decode_json(const struct payload_options *options,
	const struct payload_format *format, const struct payload *payload,
	const struct payload_sink *sink)
{
	enum sensor_result result;
	struct report report;

	report_init(&report);
	if (!take_flat(options, format, payload, &report, &result)) {
		cJSON *root =
			payload_parse((const char *)payload->bytes, payload->length);
		if (!root)
			return SENSOR_BAD_SYNTAX;
		result = take_json(options, format, payload, root, &report);
		cJSON_Delete(root);
	}
	if (report.count > 0 && result != SENSOR_BAD_SYNTAX)
		sink->report(sink->arg, &report);
	return result;
}

enum sensor_result format_decode(const struct payload_options *options, void *session,
	const struct payload *payload, const struct payload_sink *sink)
{
	const struct payload_options none = format_defaults(0);
	const struct payload_format *format;

	if (!options)
		options = &none;
	format = formats[options->format];
	if (format == &format_auto && options->metric)
		format = &format_plain;
	if ((format == &format_plain && !options->metric) || (format->open && !session))
		return SENSOR_IGNORED; /* it cannot be meant */
	if (payload->length > format_payload_max(options))
		return SENSOR_TOO_LARGE;
	if (payload->length == 0)
		return SENSOR_BAD_LENGTH;
	if (!format->is_binary &&
		!utf8_is_valid((const char *)payload->bytes, payload->length))
		return SENSOR_BAD_ENCODING;
	if (format->decode)
		return format->decode(options, session, payload, sink);
	return decode_json(options, format, payload, sink);
}

struct payload_options format_defaults(int format)
{
	return (struct payload_options){
		.format = format,
		.sensor = "",
		.time = "",
		.time_zone = "",
	};
}

size_t format_payload_max(const struct payload_options *options)
{
	const struct payload_format *format = formats[options->format];

	if (options->max_payload > 0)
		return (size_t)options->max_payload;
	return format->payload_max > 0 ? format->payload_max : 64 * 1024;
}

int format_find(const char *name)
{
	for (int i = 0; format_names[i]; i++)
		if (strcmp(format_names[i], name) == 0)
			return i;
	return -1;
}

void *format_open(const struct payload_format *format)
{
	return format->open ? format->open() : NULL;
}

void format_close(const struct payload_format *format, void *session)
{
	if (session)
		format->close(session);
}

/* --- availability ------------------------------------------------------------ */

static bool is_one_of(const char *text, size_t length, const char *const *words)
{
	for (; *words; words++)
		if (strlen(*words) == length && strncasecmp(*words, text, length) == 0)
			return true;
	return false;
}

static enum presence word_means(
	const char *text, size_t length, const char *online, const char *offline)
{
	static const char *const here[] = { "online", "ready", "sleeping", "alert",
		"init", "connected", "true", "1", NULL };
	static const char *const gone[] = { "offline", "lost", "disconnected", "false",
		"0", NULL };

	if (*online || *offline) {
		if (strlen(online) == length && memcmp(online, text, length) == 0)
			return PRESENCE_ONLINE;
		if (strlen(offline) == length && memcmp(offline, text, length) == 0)
			return PRESENCE_OFFLINE;
		return PRESENCE_UNKNOWN;
	}
	return is_one_of(text, length, here)    ? PRESENCE_ONLINE
		: is_one_of(text, length, gone) ? PRESENCE_OFFLINE
						: PRESENCE_UNKNOWN;
}

enum presence format_presence(
	const struct payload *payload, const char *online, const char *offline)
{
	const char *text = (const char *)payload->bytes;
	enum presence presence;
	cJSON *root;

	if (payload->length > 4096 || !utf8_is_valid(text, payload->length))
		return PRESENCE_UNKNOWN;
	presence = word_means(text, payload->length, online, offline);
	if (presence != PRESENCE_UNKNOWN)
		return presence;
	root = payload_parse(text, payload->length);
	const char *state =
		cJSON_IsString(root) ? root->valuestring : payload_string(root, "state");
	if (state)
		presence = word_means(state, strlen(state), online, offline);
	cJSON_Delete(root);
	return presence;
}

bool format_is_presence(const struct payload_format *format, const char *topic)
{
	return format->presence_level &&
		payload_level_is(topic, 0, format->presence_level);
}

bool format_presence_filter(
	const struct payload_format *format, const char *filter, char *out, size_t size)
{
	size_t length = strlen(filter);

	if (!format->presence_level || payload_level_is(filter, 0, "#"))
		return false;
	for (int i = 0; i < format->presence_drop; i++) {
		while (length > 0 && filter[length - 1] != '/')
			length--;
		if (length == 0)
			return false; /* it has not so many levels */
		length--;
	}
	int used = snprintf(
		out, size, "%.*s/%s", (int)length, filter, format->presence_level);
	return used > 0 && (size_t)used < size;
}

/* --- options -------------------------------------------------------------------- */

static const struct option field_options[] = {
	{
		.name = "metric",
		.type = OPTION_METRIC,
		.offset = offsetof(struct payload_field, metric),
		.required = true,
		.help = "What the value is.",
	},
	{
		.name = "pointer",
		.type = OPTION_STRING,
		.offset = offsetof(struct payload_field, pointer),
		.required = true,
		.min = 0,
		.max = 255,
		.help = "JSON pointer (RFC 6901) to the value, such as \"/air/pm25\".",
	},
	{
		.name = "scale",
		.type = OPTION_NUMBER,
		.offset = offsetof(struct payload_field, scale),
		.fallback = "1.0",
		.help = "Factor from the sender's unit to the metric's.",
	},
	{
		.name = "offset",
		.type = OPTION_NUMBER,
		.offset = offsetof(struct payload_field, offset),
		.fallback = "0.0",
		.help = "Added after scaling.",
	},
	{
		.name = "optional",
		.type = OPTION_BOOL,
		.offset = offsetof(struct payload_field, optional),
		.fallback = "false",
		.help = "Its absence is no error.",
	},
	{ .name = NULL },
};

static void check_field(const void *values, const struct config_place *place)
{
	const struct payload_field *field = values;

	if (field->pointer && *field->pointer != '\0' && *field->pointer != '/')
		config_error(place, "pointer",
			"a JSON pointer begins with '/', such as \"/%s\"",
			field->pointer);
}

const struct option_group format_field_group = {
	.name = "field",
	.options = field_options,
	.size = sizeof(struct payload_field),
	.check = check_field,
};

static int count_plus(const char *filter)
{
	int count = 0;

	for (; *filter; filter++)
		count += *filter == '+';
	return count;
}

static void check_template(const struct payload_options *options, const char *topic,
	const struct config_place *place)
{
	const char *template = options->sensor;

	for (const char *c = template; (c = strchr(c, '{')); c++) {
		if (strncmp(c, "{device}", 8) == 0) {
			if (!formats[options->format]->names_device)
				config_error(place, "sensor",
					"the format \"%s\" names no device in its payload",
					format_names[options->format]);
			continue;
		}
		if (c[1] < '1' || c[1] > '9' || c[2] != '}' ||
			c[1] - '0' > count_plus(topic))
			config_error(place, "sensor",
				"\"%s\" names a level that the topic \"%s\" does not have",
				template, topic);
	}
}

static void check_what(
	const struct payload_options *options, const struct config_place *place)
{
	const struct payload_format *format = formats[options->format];
	bool is_own = format == &format_auto || format == &format_json;

	if (format == &format_plain && !options->metric)
		config_error(place, "metric", "missing: say what the number is");
	else if (is_own && !options->metric && options->fields.count == 0)
		config_error(place, "fields",
			"missing: say fields = ( { metric, pointer } ), "
			"or metric for plain numbers, or a format");
	if (options->metric && options->fields.count > 0)
		config_error(place, "metric",
			"is for plain numbers; with fields leave it out");
	else if (options->metric && !format->is_number && format != &format_auto)
		config_error(place, "metric", "is for plain numbers, not for \"%s\"",
			format->name);
	if (options->fields.count > 0 && format->is_batch)
		config_error(place, "fields", "\"%s\" says itself what everything is",
			format->name);
	if (options->fields.count > READINGS_MAX / 2)
		config_error(place, "fields", "at most %d", READINGS_MAX / 2);
}

void format_check(const struct payload_options *options, const char *topic,
	const struct config_place *place)
{
	struct report report = { 0 };

	check_what(options, place);
	if (*options->sensor && formats[options->format]->is_batch)
		config_error(place, "sensor", "\"%s\" names the sensors itself",
			format_names[options->format]);
	check_template(options, topic, place);
	if (*options->time && *options->time != '/')
		config_error(place, "time",
			"a JSON pointer begins with '/', such as \"/%s\"", options->time);
	if (*options->time_zone) {
		payload_stamp_text(&report, "2024-01-01T00:00:00", options->time_zone);
		if (!(report.marks & REPORT_DEVICE_TIME))
			config_error(place, "time_zone",
				"\"%s\" is no zone like \"+07:00\" or \"Z\"",
				options->time_zone);
	}
}
