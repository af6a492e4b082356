#include "alerts/message.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "alerts/texts.h"
#include "core/clock.h"
#include "core/json.h"
#include "core/number.h"
#include "core/utf8.h"

const char *const severity_names[] = { "minor", "moderate", "severe", "extreme", NULL };
const char *const audience_names[] = { "citizens", "operators", NULL };

void message_to_json(const struct message *message, struct buffer *out)
{
	struct json json;

	json_start(&json, out);
	json_object(&json, NULL);
	json_string(&json, "id", message->id);
	json_integer(&json, "revision", message->revision);
	json_string(&json, "state", message->resolved ? "resolved" : "firing");
	json_string(&json, "rule", message->rule);
	json_string(&json, "hazard", hazard_name(message->hazard));
	json_string(&json, "severity", severity_names[message->severity]);
	json_string(&json, "station", message->station);
	json_string(&json, "station_name", message->station_name);
	json_string(&json, "area", message->area);
	json_string(&json, "metric", message->metric[0] ? message->metric : NULL);
	json_number(&json, "value", message->value);
	json_string(&json, "unit", message->unit[0] ? message->unit : NULL);
	json_number(&json, "threshold", message->threshold);
	json_time(&json, "since", message->since_ms, TEXTS_OFFSET_MINUTES);
	json_time(&json, "at", message->at_ms, TEXTS_OFFSET_MINUTES);
	json_time(&json, "expires", message->expires_ms, TEXTS_OFFSET_MINUTES);
	json_string(&json, "title", message->title);
	json_string(&json, "text", message->text);
	json_string(&json, "instruction", message->instruction);
	json_string(&json, "language", message->language);
	if (message->test)
		json_bool(&json, "test", true);
	json_end_object(&json);
}

static bool get_text(
	const cJSON *object, const char *key, char *out, size_t size, bool may_lack)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

	out[0] = '\0';
	if (may_lack && (!item || cJSON_IsNull(item)))
		return true;
	if (!cJSON_IsString(item) || strlen(item->valuestring) >= size)
		return false;
	memcpy(out, item->valuestring, strlen(item->valuestring) + 1);
	return true;
}

static bool get_number(const cJSON *object, const char *key, double *number)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

	*number = NAN;
	if (!item || cJSON_IsNull(item))
		return true;
	*number = item->valuedouble;
	return cJSON_IsNumber(item) && isfinite(item->valuedouble);
}

static bool get_time(const cJSON *object, const char *key, int64_t *ms)
{
	char text[CLOCK_TEXT_SIZE];

	return get_text(object, key, text, sizeof(text), false) && clock_parse(text, ms);
}

/* The index of the key's text in NAMES (NULL-ended), -1: none of them. */
static int get_choice(const cJSON *object, const char *key, const char *const *names)
{
	char text[32];

	if (!get_text(object, key, text, sizeof(text), false))
		return -1;
	for (int i = 0; names[i]; i++) {
		if (!strcmp(names[i], text))
			return i;
	}
	return -1;
}

static bool get_choices(const cJSON *object, struct message *message)
{
	static const char *const states[] = { "firing", "resolved", NULL };
	char hazard[32];
	int state = get_choice(object, "state", states);
	int severity = get_choice(object, "severity", severity_names);

	if (state < 0 || severity < 0 ||
		!get_text(object, "hazard", hazard, sizeof(hazard), false))
		return false;
	message->resolved = state == 1;
	message->severity = (enum severity)severity;
	message->hazard = hazard_find(hazard);
	message->test = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, "test"));
	return message->hazard != HAZARD_COUNT;
}

static bool get_texts(const cJSON *object, struct message *message)
{
	const struct {
		const char *key;
		char *out;
		size_t size;
		bool may_lack;
	} texts[] = {
		{ "id", message->id, sizeof(message->id), false },
		{ "rule", message->rule, sizeof(message->rule), false },
		{ "station", message->station, sizeof(message->station), false },
		{ "station_name", message->station_name, sizeof(message->station_name),
			true },
		{ "area", message->area, sizeof(message->area), true },
		{ "metric", message->metric, sizeof(message->metric), true },
		{ "unit", message->unit, sizeof(message->unit), true },
		{ "title", message->title, sizeof(message->title), true },
		{ "text", message->text, sizeof(message->text), true },
		{ "instruction", message->instruction, sizeof(message->instruction),
			true },
		{ "language", message->language, sizeof(message->language), true },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (!get_text(object, texts[i].key, texts[i].out, texts[i].size,
			    texts[i].may_lack))
			return false;
	}
	return message->id[0] != '\0';
}

bool message_from_json(struct message *message, const char *text)
{
	cJSON *object = cJSON_Parse(text);
	double revision = NAN;

	*message = (struct message){ .value = NAN, .threshold = NAN };
	bool ok = cJSON_IsObject(object) && get_texts(object, message) &&
		get_choices(object, message) &&
		get_number(object, "revision", &revision) &&
		get_number(object, "value", &message->value) &&
		get_number(object, "threshold", &message->threshold) &&
		get_time(object, "since", &message->since_ms) &&
		get_time(object, "at", &message->at_ms) &&
		get_time(object, "expires", &message->expires_ms) && revision >= 1 &&
		revision <= 1000000000;
	if (ok)
		message->revision = (int)revision;
	cJSON_Delete(object);
	return ok;
}

/* Appends TEXT, or as much of it as fits into MOST bytes with "…" behind it. */
static void put_cut(struct buffer *out, const char *text, size_t most)
{
	static const char dots[] = "…";
	size_t length = strlen(text), room = sizeof dots - 1;

	if (length <= most) {
		buffer_append(out, text, length);
		return;
	}
	if (most < room)
		return;
	buffer_append(out, text, utf8_fit(text, length, most - room));
	buffer_append(out, dots, room);
}

void message_body(const struct message *message, size_t most, struct buffer *out)
{
	size_t text = strlen(message->text), advice = strlen(message->instruction);
	size_t line = text > 0 && advice > 0;

	if (most <= line)
		return;
	most -= line;
	size_t half = most / 2;
	if (text + advice > most) {
		if (advice <= half)
			text = most - advice;
		else if (text > most - half)
			text = most - half;
		advice = most - text;
	}
	put_cut(out, message->text, text);
	if (line)
		buffer_putc(out, '\n');
	put_cut(out, message->instruction, advice);
}

/* Appends TEXT, for a topic with '-' for every character that may not stand there. */
static void put_text(struct buffer *out, const char *text, size_t length, bool for_topic)
{
	if (!for_topic) {
		buffer_append(out, text, length);
		return;
	}
	for (size_t i = 0; i < length;) {
		size_t n = utf8_char_length(text + i, length - i);
		char c = text[i];
		bool fine = n == 1 &&
			((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
				(c >= '0' && c <= '9') || strchr("-_.~%", c));
		buffer_putc(out, fine ? c : '-');
		i += n ? n : 1;
	}
}

void message_expand(const struct message *message, const char *template, bool for_topic,
	struct buffer *out)
{
	char value[NUMBER_TEXT_SIZE] = "", time[CLOCK_TEXT_SIZE];
	char revision[NUMBER_TEXT_SIZE];

	number_format_int(revision, message->revision);
	if (!isnan(message->value))
		number_format(value, message->value);
	clock_format(time, message->at_ms, TEXTS_OFFSET_MINUTES);
	const struct {
		const char *key;
		const char *text;
	} keys[] = {
		{ "{station}", message->station },
		{ "{area}", message->area },
		{ "{hazard}", hazard_name(message->hazard) },
		{ "{metric}", message->metric },
		{ "{value}", value },
		{ "{unit}", message->unit },
		{ "{severity}", severity_names[message->severity] },
		{ "{time}", time },
		{ "{station_name}", message->station_name },
		{ "{rule}", message->rule },
		{ "{id}", message->id },
		{ "{revision}", revision },
		{ "{state}", message->resolved ? "resolved" : "firing" },
		{ "{title}", message->title },
		{ "{text}", message->text },
		{ "{instruction}", message->instruction },
	};

	while (*template) {
		size_t plain = strcspn(template, "{");
		put_text(out, template, plain, for_topic);
		template += plain;
		size_t i = 0, count = sizeof(keys) / sizeof(keys[0]);
		while (i < count && strncmp(template, keys[i].key, strlen(keys[i].key)))
			i++;
		if (i < count) {
			put_text(out, keys[i].text, strlen(keys[i].text), for_topic);
			template += strlen(keys[i].key);
		} else if (*template) {
			put_text(out, template ++, 1, for_topic);
		}
	}
}
