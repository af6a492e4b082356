#include "sensors/mqtt.h"

#include <string.h>

#define AVAILABILITY_ROW(NAME, ...)                                             \
	{                                                                       \
		.name = #NAME, .type = OPTION_STRING, .fallback = "",           \
		.offset = offsetof(struct mqtt_availability, NAME), __VA_ARGS__ \
	}

static const struct option availability_table[] = {
	AVAILABILITY_ROW(topic, .max = 1024,
		.help = "Topic filter of last wills and their like; empty: the format's "
			"own, where it has such."),
	AVAILABILITY_ROW(online, .max = 255,
		.help = "Payload of a device that is there; both empty: online, ready, "
			"true and such, also as JSON {\"state\": …}."),
	AVAILABILITY_ROW(
		offline, .max = 255, .help = "Payload of a device that is gone."),
	{ .name = NULL },
};

static const struct option_group availability_group = {
	.name = "availability",
	.options = availability_table,
	.size = sizeof(struct mqtt_availability),
};

#define ROW(NAME, TYPE, ...)                                               \
	{                                                                  \
		.name = #NAME, .type = TYPE,                               \
		.offset = offsetof(struct mqtt_options, NAME), __VA_ARGS__ \
	}

static const struct option mqtt_table[] = {
	CONNECTION_MQTT_URL(struct mqtt_options, broker),
	ROW(topic, OPTION_STRING, .required = true, .min = 1, .max = 1024,
		.help = "Topic filter to subscribe to; + and # as in MQTT."),
	FORMAT_OPTIONS(struct mqtt_options, payload),
	ROW(qos, OPTION_INTEGER, .fallback = "1", .min = 0, .max = 1,
		.help = "Quality of service; 1 is acknowledged only once it is kept."),
	CONNECTION_MQTT(struct mqtt_options, broker, "messages", "sensor", 600000),
	ROW(availability, OPTION_GROUP, .group = &availability_group,
		.help = "How devices say that they are there or gone."),
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

static void check_options(const void *values, const struct config_place *place)
{
	const struct mqtt_options *options = values;
	const struct mqtt_availability *availability = &options->availability;
	const char *fault = options->topic ? filter_fault(options->topic) : NULL;

	if (fault)
		config_error(place, "topic", "%s", fault);
	fault = filter_fault(availability->topic);
	if (fault)
		config_error(place, "availability", "topic: %s", fault);
	if (!*availability->online != !*availability->offline)
		config_error(place, "availability", "say both online and offline");
	mqtt_connection_check(&options->broker, place);
	if (options->topic)
		format_check(&options->payload, options->topic, place);
}

/* For callers that know neither topics nor batches: the first report. */
static void keep_first(void *arg, struct report *report)
{
	struct report **first = arg;

	if (*first)
		**first = *report;
	*first = NULL;
}

static enum sensor_result decode(
	const void *options, const uint8_t *bytes, size_t length, struct report *report)
{
	struct payload payload = {
		.topic = "",
		.bytes = bytes,
		.length = length,
		.sender = "",
	};
	struct payload_sink sink = { .arg = &report, .report = keep_first };
	const struct payload_options *known = options;
	const struct payload_format *format = formats[known ? known->format : 0];
	void *session = format_open(format);

	if (format->open && !session)
		return SENSOR_IGNORED;
	enum sensor_result result = format_decode(known, session, &payload, &sink);
	format_close(format, session);
	return result;
}

const struct sensor_driver sensor_mqtt = {
	.kind = {
		.name = "mqtt",
		.summary = "Messages from an MQTT broker, in a known format or any JSON.",
		.group = {
			.name = "sensor",
			.options = mqtt_table,
			.size = sizeof(struct mqtt_options),
			.check = check_options,
		},
	},
	.bus = SENSOR_BUS_MQTT,
	.decode = decode,
};
