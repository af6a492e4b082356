/*
 * Messages of FCM's HTTP v1 interface, with the names of its published schema, and what
 * its answers mean.
 */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "alerts/fcm.h"
#include "alerts/phone.h"
#include "alerts/texts.h"
#include "core/clock.h"
#include "core/json.h"
#include "core/number.h"
#include "core/reason.h"

enum {
	QUOTA_WAIT_MS = 60 * 1000, /* 429 without Retry-After */
	FIRST_WAIT_MS = 10 * 1000, /* Google's advice for the first retry */
	WEB_TOPIC_MAX = 32,        /* RFC 8030 §5.4 */
};

bool fcm_topic(const struct message *message, const char *template, const char *city,
	struct buffer *out)
{
	size_t begin = out->length;

	message_expand(message, message->area[0] ? template : city, true, out);
	return !out->failed && out->length > begin &&
		out->length - begin <= FCM_TOPIC_MAX;
}

/* --- the body --------------------------------------------------------------- */

static const char *android_priority(const struct message *message)
{
	static const char *const names[] = {
		[SEVERITY_MINOR] = "PRIORITY_LOW",
		[SEVERITY_MODERATE] = "PRIORITY_DEFAULT",
		[SEVERITY_SEVERE] = "PRIORITY_HIGH",
		[SEVERITY_EXTREME] = "PRIORITY_MAX",
	};

	return message->resolved ? "PRIORITY_LOW" : names[message->severity];
}

static void put_android(struct json *json, const struct message *message,
	const struct fcm_look *look, int64_t left)
{
	char ttl[NUMBER_TEXT_SIZE + 1], at[CLOCK_TEXT_SIZE];
	struct buffer channel;

	buffer_init(&channel, 256);
	message_expand(message, look->channel_id, false, &channel);
	snprintf(ttl, sizeof ttl, "%llds", (long long)left);
	json_object(json, "android");
	json_string(json, "collapseKey", message->id);
	json_string(json, "priority", phone_is_urgent(message) ? "HIGH" : "NORMAL");
	json_string(json, "ttl", ttl);
	json_object(json, "notification");
	json_string(json, "tag", message->id);
	if (channel.length > 0)
		json_string(json, "channelId", buffer_text(&channel));
	json_string(json, "notificationPriority", android_priority(message));
	json_string(json, "visibility", "PUBLIC");
	json_string(json, "eventTime",
		clock_format(at, message->at_ms, TEXTS_OFFSET_MINUTES));
	json_end_object(json);
	json_end_object(json);
	buffer_free(&channel);
}

static void put_apns(struct json *json, const struct message *message,
	const struct fcm_look *look, int64_t expires_s)
{
	char expiration[NUMBER_TEXT_SIZE];

	number_format_int(expiration, expires_s);
	json_object(json, "apns");
	json_object(json, "headers");
	json_string(json, "apns-push-type", "alert");
	json_string(json, "apns-priority", phone_is_urgent(message) ? "10" : "5");
	json_string(json, "apns-expiration", expiration);
	json_string(json, "apns-collapse-id", message->id);
	json_end_object(json);
	json_object(json, "payload");
	phone_put_aps(json, message, NULL, look->may_be_critical);
	json_end_object(json);
	json_end_object(json);
}

static void put_web(struct json *json, const struct message *message,
	const struct fcm_look *look, int64_t left)
{
	char ttl[NUMBER_TEXT_SIZE];

	number_format_int(ttl, left);
	json_object(json, "webpush");
	json_object(json, "headers");
	json_string(json, "TTL", ttl);
	json_string(json, "Urgency", phone_is_urgent(message) ? "high" : "low");
	if (strlen(message->id) <= WEB_TOPIC_MAX)
		json_string(json, "Topic", message->id);
	json_end_object(json);
	json_object(json, "notification");
	json_string(json, "tag", message->id);
	json_string(json, "lang", message->language);
	json_end_object(json);
	if (look->click[0]) {
		json_object(json, "fcmOptions");
		json_string(json, "link", look->click);
		json_end_object(json);
	}
	json_end_object(json);
}

/* What becomes one request. */
struct request {
	const struct message *message;
	const char *topic, *token; /* one of them */
	const struct fcm_look *look;
	int64_t now_ms;
	struct buffer *out;
	size_t begin; /* of it in OUT */
};

static void put_message(
	struct json *json, const struct request *request, const char *body)
{
	const struct message *message = request->message;
	int64_t left = phone_seconds_left(message, request->now_ms);

	json_object(json, "message");
	json_string(json, request->topic ? "topic" : "token",
		request->topic ? request->topic : request->token);
	json_object(json, "notification");
	json_string(json, "title", message->title);
	json_string(json, "body", body);
	json_end_object(json);
	json_object(json, "data");
	phone_put_data(json, message);
	json_end_object(json);
	put_android(json, message, request->look, left);
	put_apns(json, message, request->look, request->now_ms / 1000 + left);
	put_web(json, message, request->look, left);
	json_end_object(json);
}

static size_t put_request(void *arg, const char *body)
{
	struct request *request = arg;
	struct buffer *out = request->out;
	struct json json;

	buffer_truncate(out, request->begin);
	json_start(&json, out);
	json_object(&json, NULL);
	json_bool(
		&json, "validateOnly", request->look->dry_run || request->message->test);
	size_t before = out->length;
	put_message(&json, request, body);
	size_t length = out->length - before;
	json_end_object(&json);
	return out->failed ? 0 : length;
}

bool fcm_body(const struct message *message, const char *topic, const char *token,
	const struct fcm_look *look, int64_t now_ms, struct buffer *out)
{
	struct request request = {
		.message = message,
		.topic = topic,
		.token = token,
		.look = look,
		.now_ms = now_ms,
		.out = out,
		.begin = out->length,
	};

	return phone_fit(message, topic ? FCM_TOPIC_MESSAGE_MAX : FCM_TOKEN_MESSAGE_MAX,
		put_request, &request);
}

/* --- the answer -------------------------------------------------------------- */

/* The error's own code where there is one, else its status, else "". */
static void read_error(const cJSON *root, char *code, size_t size, const char **field)
{
	const cJSON *error = cJSON_GetObjectItemCaseSensitive(root, "error");
	const cJSON *status = cJSON_GetObjectItemCaseSensitive(error, "status");
	const cJSON *details = cJSON_GetObjectItemCaseSensitive(error, "details"),
		    *detail;

	*field = NULL;
	snprintf(code, size, "%s", cJSON_IsString(status) ? status->valuestring : "");
	cJSON_ArrayForEach(detail, details)
	{
		const cJSON *type = cJSON_GetObjectItemCaseSensitive(detail, "@type");
		const cJSON *own = cJSON_GetObjectItemCaseSensitive(detail, "errorCode");
		const cJSON *violations =
			cJSON_GetObjectItemCaseSensitive(detail, "fieldViolations");
		const cJSON *name = cJSON_GetObjectItemCaseSensitive(
			cJSON_GetArrayItem(violations, 0), "field");

		if (cJSON_IsString(type) && cJSON_IsString(own) &&
			strstr(type->valuestring, "google.firebase.fcm.v1.FcmError"))
			snprintf(code, size, "%s", own->valuestring);
		if (cJSON_IsString(name))
			*field = name->valuestring;
	}
}

static void say(struct answer *answer, const char *code, const char *field)
{
	static const struct {
		const char *code, *meaning;
	} meanings[] = {
		{ "THIRD_PARTY_AUTH_ERROR",
			"the project's own APNs or web push key is bad" },
		{ "SENDER_ID_MISMATCH", "the phones belong to another project" },
		{ "PERMISSION_DENIED", "the account may not send for this project" },
		{ "UNAUTHENTICATED", "a fresh access token was refused, too" },
		{ "UNREGISTERED", "the app is gone from this phone" },
		{ "UNREGISTERED_FID", "the app is gone from this phone" },
	};
	struct buffer reason;

	buffer_init(&reason, REASON_MAX);
	reason_append(&reason, answer->reason, strlen(answer->reason));
	if (code[0]) {
		buffer_puts(&reason, " [");
		reason_append(&reason, code, strlen(code));
		buffer_puts(&reason, "]");
	}
	if (field) {
		buffer_puts(&reason, " in ");
		reason_append(&reason, field, strlen(field));
	}
	for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++) {
		if (!strcmp(code, meanings[i].code))
			buffer_printf(&reason, ": %s", meanings[i].meaning);
	}
	reason_keep(answer, &reason);
}

/* The first repeat comes ten seconds later at the earliest, after a quota a minute. */
static void wait_longer(struct answer *answer)
{
	if (answer->status == 429 && answer->retry_after_ms < 0)
		answer->retry_after_ms = QUOTA_WAIT_MS;
	if ((answer->status >= 500 || answer->maybe_taken) &&
		answer->retry_after_ms < FIRST_WAIT_MS)
		answer->retry_after_ms = FIRST_WAIT_MS;
}

void fcm_judge(struct answer *answer, const struct buffer *response, bool to_token,
	bool *is_dead)
{
	char code[64];
	const char *field;

	*is_dead = false;
	if (answer->outcome == OUTCOME_DONE)
		return;
	cJSON *root = cJSON_ParseWithLength(buffer_text(response), response->length);
	read_error(root, code, sizeof code, &field);
	/* A token that is none is said without a field; a field names what is wrong with
	 * the message. */
	bool is_gone = !strncmp(code, "UNREGISTERED", 12) ||
		(answer->status == 400 && !strcmp(code, "INVALID_ARGUMENT") &&
			(!field || !strcmp(field, "message.token")));
	if (to_token && is_gone) {
		*is_dead = true;
		answer->outcome = OUTCOME_REFUSED;
	}
	if (answer->status != 0)
		say(answer, code, field);
	cJSON_Delete(root);
	wait_longer(answer);
}
