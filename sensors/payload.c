#include "sensors/payload.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/clock.h"
#include "core/number.h"

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

const cJSON *payload_pointer(const cJSON *at, const char *pointer)
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

const char *payload_string(const cJSON *object, const char *key)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

cJSON *payload_parse(const char *text, size_t length)
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

/* --- numbers ------------------------------------------------------------ */

bool payload_text_number(const char *text, size_t length, double *value)
{
	while (length > 0 && memchr(" \t\r\n", text[length - 1], 4))
		length--;
	while (length > 0 && memchr(" \t\r\n", *text, 4))
		text++, length--;
	return number_parse(text, length, value);
}

bool payload_is_no_number(const char *text, size_t length)
{
	static const char *const words[] = { "", "nan", "-nan", "none", "null", "unknown",
		"unavailable", "na", "n/a", "inf", "-inf" };

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strlen(words[i]) == length &&
			strncasecmp(words[i], text, length) == 0)
			return true;
	return false;
}

bool payload_number(const cJSON *item, double *value)
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

double payload_scaled(double value, double scale, double offset)
{
	if (scale == 1 && offset == 0)
		return value;
	value = value * scale + offset;
	double rounded = nearbyint(value * 1e6) / 1e6;
	return isfinite(rounded) ? rounded : value;
}

/* --- what goes into a report ---------------------------------------------- */

const struct payload_key *payload_key_find(
	const struct payload_key *keys, const char *key, size_t length)
{
	for (; keys->key; keys++)
		if (strncmp(keys->key, key, length) == 0 && keys->key[length] == '\0')
			return keys;
	return NULL;
}

bool payload_add(struct report *report, const struct payload_key *key, double value)
{
	if (report_find(report, key->metric))
		return true;
	value = payload_scaled(value, key->scale != 0 ? key->scale : 1, key->offset);
	return isfinite(value) && report_add(report, key->metric, value);
}

bool payload_add_item(
	struct report *report, const struct payload_key *key, const cJSON *item)
{
	double value;

	return !cJSON_IsBool(item) && payload_number(item, &value) &&
		payload_add(report, key, value);
}

void payload_set_device(struct report *report, const char *name)
{
	if (name && name_is_valid(name, strlen(name)))
		snprintf(report->sensor, sizeof report->sensor, "%s", name);
}

/* --- times -------------------------------------------------------------- */

void payload_stamp_ms(struct report *report, int64_t ms)
{
	report->time_ms = ms;
	report->marks |= REPORT_DEVICE_TIME;
}

void payload_stamp_text(struct report *report, const char *text, const char *zone)
{
	char whole[CLOCK_TEXT_SIZE + 8];
	int64_t ms;

	if (!text || strlen(text) > CLOCK_TEXT_SIZE)
		return;
	if (clock_parse(text, &ms)) {
		payload_stamp_ms(report, ms);
		return;
	}
	snprintf(whole, sizeof whole, "%s%s", text, zone);
	if (*zone && clock_parse(whole, &ms))
		payload_stamp_ms(report, ms);
}

void payload_stamp_item(struct report *report, const cJSON *item, const char *zone)
{
	if (cJSON_IsString(item)) {
		payload_stamp_text(report, item->valuestring, zone);
		return;
	}
	if (!cJSON_IsNumber(item) || !(item->valuedouble > 0 && item->valuedouble < 1e14))
		return;
	/* In seconds this is the year 5138, in milliseconds 1973. */
	double ms =
		item->valuedouble < 1e11 ? item->valuedouble * 1000 : item->valuedouble;
	payload_stamp_ms(report, (int64_t)ms);
}

/* --- topics -------------------------------------------------------------- */

const char *payload_level(const char *topic, int index, size_t *length)
{
	const char *end = topic + strlen(topic);

	for (;;) {
		const char *begin = end;
		while (begin > topic && begin[-1] != '/')
			begin--;
		if (index-- == 0) {
			*length = (size_t)(end - begin);
			return begin;
		}
		if (begin == topic) {
			*length = 0;
			return topic;
		}
		end = begin - 1;
	}
}

bool payload_level_is(const char *topic, int index, const char *text)
{
	size_t length;
	const char *level = payload_level(topic, index, &length);

	return length == strlen(text) && memcmp(level, text, length) == 0;
}
