#include "alerts/push_message.h"

#include <math.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "alerts/texts.h"
#include "core/json.h"

enum { MINUTES_OF_DAY = 24 * 60, TOPIC_BYTES = 16 };

/* --- the payload ---------------------------------------------------------------------
 */

static void put_notification(
	struct json *json, const struct message *message, const char *page)
{
	char body[sizeof message->text + sizeof message->instruction + 1];
	const char *between = message->text[0] && message->instruction[0] ? "\n" : "";

	snprintf(body, sizeof body, "%s%s%s", message->text, between,
		message->instruction);
	json_integer(json, "web_push", 8030);
	json_object(json, "notification");
	json_string(json, "title", message->title);
	json_string(json, "body", body);
	json_string(json, "navigate", page);
	json_string(json, "lang", message->language);
	json_string(json, "tag", message->id);
	json_bool(json, "silent", message->resolved);
	json_end_object(json);
}

static void write_payload(const struct message *message, const char *page,
	bool is_declarative, struct buffer *out)
{
	bool has_page = page && page[0];
	struct json json;

	json_start(&json, out);
	json_object(&json, NULL);
	if (is_declarative)
		put_notification(&json, message, page);
	json_string(&json, "id", message->id);
	json_integer(&json, "revision", message->revision);
	json_string(&json, "state", message->resolved ? "resolved" : "firing");
	json_string(&json, "title", message->title);
	json_string(&json, "text", message->text);
	json_string(&json, "instruction", message->instruction);
	json_string(&json, "severity", severity_names[message->severity]);
	json_string(&json, "hazard", hazard_name(message->hazard));
	json_string(&json, "area", message->area);
	json_string(&json, "station", message->station);
	json_time(&json, "at", message->at_ms, TEXTS_OFFSET_MINUTES);
	json_time(&json, "expires", message->expires_ms, TEXTS_OFFSET_MINUTES);
	json_string(&json, "url", has_page ? page : NULL);
	json_string(&json, "language", message->language);
	json_end_object(&json);
}

void push_payload(const struct message *message, const char *page, struct buffer *out)
{
	size_t begin = out->length;
	bool is_declarative = page && page[0];

	write_payload(message, page, is_declarative, out);
	if (!is_declarative || out->length - begin <= PUSH_PAYLOAD_COMFORT)
		return;
	buffer_truncate(out, begin);
	write_payload(message, page, false, out);
}

/* --- headers --------------------------------------------------------------------------
 */

static bool is_plain(const char *text)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

	return text[0] && text[strspn(text, plain)] == '\0';
}

void push_topic(const struct message *message, char topic[static PUSH_TOPIC_SIZE])
{
	unsigned char digest[EVP_MAX_MD_SIZE] = { 0 };
	size_t length = strlen(message->id);

	if (length < PUSH_TOPIC_SIZE && is_plain(message->id)) {
		memcpy(topic, message->id, length + 1);
		return;
	}
	/* Relayed from somewhere that names its episodes otherwise. */
	EVP_Q_digest(NULL, "SHA256", NULL, message->id, length, digest, NULL);
	for (size_t i = 0; i < TOPIC_BYTES; i++)
		snprintf(topic + 2 * i, 3, "%02x", digest[i]);
}

const char *push_urgency(const struct message *message)
{
	return message->resolved || message->severity == SEVERITY_MINOR ? "normal"
									: "high";
}

int64_t push_ttl_s(const struct message *message, int64_t now_ms)
{
	int64_t left = (message->expires_ms - now_ms) / 1000;

	return left < 0 ? 0 : left > PUSH_TTL_MAX_S ? PUSH_TTL_MAX_S : left;
}

/* --- who wants it ---------------------------------------------------- */

/*
 * Is MESSAGE an early step, for those who asked for level "sensitive" only? A minor one,
 * or an air quality index that is not yet unhealthy for everybody (VN_AQI or US AQI up to
 * 150, EAQI below 4), unless it is severe all the same.
 */
static bool is_early(const struct message *message)
{
	static const struct {
		const char *metric;
		double most;
	} indices[] = {
		{ "vn_aqi", 150 },
		{ "vn_aqi_day", 150 },
		{ "us_aqi", 150 },
		{ "eaqi", 3 },
	};

	if (message->severity == SEVERITY_MINOR)
		return true;
	if (message->severity >= SEVERITY_SEVERE || isnan(message->value))
		return false;
	for (size_t i = 0; i < sizeof indices / sizeof *indices; i++)
		if (strcmp(message->metric, indices[i].metric) == 0)
			return message->value <= indices[i].most;
	return false;
}

static bool names_area(const char *areas, const char *area)
{
	size_t length = strlen(area);

	if (areas[0] == '\0')
		return true;
	for (const char *at = areas; (at = strstr(at, area)) && length > 0; at++)
		if (at > areas && at[-1] == '\n' && at[length] == '\n')
			return true;
	return false;
}

static bool is_quiet(const struct subscription *subscription, int64_t now_ms)
{
	int from = subscription->quiet_from, to = subscription->quiet_to;
	int64_t minutes = now_ms / 60000 + TEXTS_OFFSET_MINUTES;
	int now = (int)(minutes % MINUTES_OF_DAY);

	if (from < 0 || to < 0 || from == to)
		return false;
	return from < to ? from <= now && now < to : from <= now || now < to;
}

bool push_is_wanted(const struct message *message,
	const struct subscription *subscription, bool was_told, int64_t now_ms)
{
	if (message->resolved)
		return was_told;
	if (message->severity != SEVERITY_EXTREME && is_quiet(subscription, now_ms))
		return false;
	if (was_told)
		return true;
	return (subscription->sensitive || !is_early(message)) &&
		(subscription->hazards == 0 ||
			(subscription->hazards >> message->hazard & 1)) &&
		names_area(subscription->areas, message->area);
}
