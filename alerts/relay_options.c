#include "alerts/relay_options.h"

#include <stddef.h>
#include <string.h>

#include "core/reading.h"

static const struct option box_options[] = {
	{
		.name = "station",
		.type = OPTION_STRING,
		.offset = offsetof(struct relay_box, station),
		.required = true,
		.help = "The gateway's station id; its account may only publish below it.",
	},
	{
		.name = "key_file",
		.type = OPTION_SECRET,
		.offset = offsetof(struct relay_box, key_file),
		.required = true,
		.help = "What its alerts are signed with: the shared secret, or its public "
			"Ed25519 key (PEM).",
	},
	{
		.name = "cap",
		.type = OPTION_INTEGER,
		.offset = offsetof(struct relay_box, cap),
		.fallback = "20",
		.min = 1,
		.max = 10000,
		.help = "How many alerts and reminders it may bring in an hour; ends always "
			"pass.",
	},
	{
		.name = "stations",
		.type = OPTION_STRINGS,
		.offset = offsetof(struct relay_box, stations),
		.help = "Other stations it may speak of.",
	},
	{ .name = NULL },
};

static void check_box(const void *values, const struct config_place *place)
{
	const struct relay_box *box = values;

	if (!name_is_valid(box->station, strlen(box->station)))
		config_error(place, "station", "is no name of a station");
}

static const struct option_group box_group = {
	.name = "box",
	.options = box_options,
	.size = sizeof(struct relay_box),
	.check = check_box,
};

static const struct option options[] = {
	{
		.name = "name",
		.type = OPTION_STRING,
		.offset = offsetof(struct relay_options, name),
		.required = true,
		.help = "What the relay is called in logs and status.",
	},
	CONNECTION_MQTT_URL(struct relay_options, broker),
	{
		.name = "topic",
		.type = OPTION_STRING,
		.offset = offsetof(struct relay_options, topic),
		.fallback = "muabui/+/alerts",
		.min = 1,
		.max = 500,
		.help = "Where boxes publish; the first + is the box's station id.",
	},
	CONNECTION_MQTT(
		struct relay_options, broker, "what comes", "relay", 3600 * 1000.0),
	{
		.name = "boxes",
		.type = OPTION_LIST,
		.offset = offsetof(struct relay_options, boxes),
		.required = true,
		.group = &box_group,
		.help = "The gateways whose alerts are taken.",
	},
	{ .name = NULL },
};

static void check(const void *values, const struct config_place *place)
{
	const struct relay_options *relay = values;
	const struct relay_box *boxes = relay->boxes.items;
	const char *plus = strchr(relay->topic, '+');

	mqtt_connection_check(&relay->broker, place);
	if (!plus || strchr(plus + 1, '+') || strchr(relay->topic, '#'))
		config_error(
			place, "topic", "must have one '+', for the box, and no '#'");
	for (size_t i = 0; i < relay->boxes.count; i++)
		for (size_t j = 0; j < i; j++)
			if (strcmp(boxes[i].station, boxes[j].station) == 0)
				config_error(place, "boxes", "\"%s\" is there twice",
					boxes[i].station);
}

const struct option_group relay_group = {
	.name = "relay",
	.options = options,
	.size = sizeof(struct relay_options),
	.check = check,
};
