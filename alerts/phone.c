#include "alerts/phone.h"

#include <math.h>
#include <stdio.h>

#include "alerts/texts.h"
#include "core/clock.h"
#include "core/number.h"

enum { KEPT_MAX_S = 28 * 24 * 3600 };

bool phone_is_urgent(const struct message *message)
{
	return !message->resolved && !message->test &&
		message->severity >= SEVERITY_MODERATE;
}

int64_t phone_seconds_left(const struct message *message, int64_t now_ms)
{
	int64_t left = (message->expires_ms - now_ms) / 1000;

	return left < 1 ? 1 : left > KEPT_MAX_S ? KEPT_MAX_S : left;
}

static const char *interruption_level(const struct message *message, bool may_be_critical)
{
	if (message->resolved)
		return "passive";
	if (message->test || message->severity < SEVERITY_SEVERE)
		return "active";
	return message->severity == SEVERITY_EXTREME && may_be_critical
		? "critical"
		: "time-sensitive";
}

void phone_put_aps(struct json *json, const struct message *message, const char *body,
	bool may_be_critical)
{
	const char *level = interruption_level(message, may_be_critical);
	char thread[NAME_SIZE + 16];

	json_object(json, "aps");
	if (body) {
		json_object(json, "alert");
		json_string(json, "title", message->title);
		json_string(json, "body", body);
		json_end_object(json);
	}
	snprintf(thread, sizeof thread, "%s.%s", message->area,
		hazard_name(message->hazard));
	json_string(json, "thread-id", thread);
	json_string(json, "interruption-level", level);
	if (level[0] == 'c') {
		json_object(json, "sound");
		json_integer(json, "critical", 1);
		json_string(json, "name", "default");
		json_number(json, "volume", 1.0);
		json_end_object(json);
	} else if (level[0] != 'p') {
		json_string(json, "sound", "default");
	}
	json_end_object(json);
}

bool phone_fit(const struct message *message, size_t limit,
	size_t (*put)(void *arg, const char *body), void *arg)
{
	size_t room = sizeof message->text + sizeof message->instruction, made;
	struct buffer body;

	buffer_init(&body, room);
	for (;;) {
		buffer_clear(&body);
		message_body(message, room, &body);
		made = put(arg, buffer_text(&body));
		if (made == 0 || made < limit || room == 0)
			break;
		size_t over = made - limit + 1;
		room = over < body.length ? body.length - over : 0;
	}
	buffer_free(&body);
	return made > 0 && made < limit;
}

void phone_put_data(struct json *json, const struct message *message)
{
	char revision[NUMBER_TEXT_SIZE], value[NUMBER_TEXT_SIZE] = "";
	char at[CLOCK_TEXT_SIZE], expires[CLOCK_TEXT_SIZE];

	number_format_int(revision, message->revision);
	if (!isnan(message->value))
		number_format(value, message->value);
	json_string(json, "id", message->id);
	json_string(json, "revision", revision);
	json_string(json, "state", message->resolved ? "resolved" : "firing");
	json_string(json, "hazard", hazard_name(message->hazard));
	json_string(json, "severity", severity_names[message->severity]);
	json_string(json, "station", message->station);
	json_string(json, "area", message->area);
	json_string(json, "metric", message->metric);
	json_string(json, "value", value);
	json_string(json, "at", clock_format(at, message->at_ms, TEXTS_OFFSET_MINUTES));
	json_string(json, "expires",
		clock_format(expires, message->expires_ms, TEXTS_OFFSET_MINUTES));
}
