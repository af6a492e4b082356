/*
 * The APNs channel: Apple's push service without FCM between, for a list of iPhones.
 * HTTP/2 only. A repeat carries the same apns-id, and replaces what is shown by the
 * collapse id, which is the episode.
 */
#include "alerts/apns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/apns_token.h"
#include "alerts/channel.h"
#include "alerts/phone.h"
#include "alerts/recipients.h"
#include "core/clock.h"
#include "config/connection.h"
#include "core/http_client.h"
#include "core/jwt.h"
#include "core/reason.h"
#include "core/secret.h"

enum {
	RESPONSE_MAX = 4096,
	BODY_MAX = 16 * 1024,
	DEVICE_MAX = 512,
};

struct apns_options {
	struct connection server;
	const char *key_file;
	const char *key_id;
	const char *team_id;
	const char *topic;
	const char *tokens_file;
	bool critical;
};

static const struct option options[] = {
	{
		.name = "key_file",
		.type = OPTION_SECRET,
		.offset = offsetof(struct apns_options, key_file),
		.required = true,
		.help = "The provider's signing key (AuthKey_….p8).",
	},
	{
		.name = "key_id",
		.type = OPTION_STRING,
		.offset = offsetof(struct apns_options, key_id),
		.required = true,
		.min = APNS_KEY_ID_SIZE,
		.max = APNS_KEY_ID_SIZE,
		.help = "The key's id, of ten characters.",
	},
	{
		.name = "team_id",
		.type = OPTION_STRING,
		.offset = offsetof(struct apns_options, team_id),
		.required = true,
		.min = APNS_KEY_ID_SIZE,
		.max = APNS_KEY_ID_SIZE,
		.help = "The developer team's id, of ten characters.",
	},
	{
		.name = "topic",
		.type = OPTION_STRING,
		.offset = offsetof(struct apns_options, topic),
		.required = true,
		.min = 1,
		.max = 200,
		.help = "The app's bundle id.",
	},
	{
		.name = "tokens_file",
		.type = OPTION_PATH,
		.offset = offsetof(struct apns_options, tokens_file),
		.required = true,
		.help = "Device tokens, one a line; behind one the bundle id of its app may stand where that is another.",
	},
	{
		.name = "critical",
		.type = OPTION_BOOL,
		.offset = offsetof(struct apns_options, critical),
		.fallback = "false",
		.help = "Extreme alerts sound through muted phones, for which the app needs Apple's entitlement.",
	},
	{
		.name = "url",
		.type = OPTION_URL,
		.offset = offsetof(struct apns_options, server.url),
		.fallback = "https://api.push.apple.com",
		.choices = connection_http_schemes,
		.help = "Where APNs is; https://api.sandbox.push.apple.com for apps under development.",
	},
	CONNECTION_HTTP_WITHIN(struct apns_options, server, "15s"),
	{ .name = NULL },
};

static void check(const void *values, const struct config_place *place)
{
	const struct apns_options *settings = values;

	connection_check(&settings->server, place);
	channel_check_secure(settings->server.url, "url", place);
}

/* --- the channel ------------------------------------------------------------ */

struct apns {
	const struct apns_options *options;
	struct http_client *client;
	struct jwt_key *key;
	struct recipients *recipients;
};

static void apns_close(void *self)
{
	struct apns *apns = self;

	http_client_free(apns->client);
	jwt_key_free(apns->key);
	recipients_free(apns->recipients);
	free(apns);
}

static bool read_key(struct apns *apns, char *why, size_t size)
{
	const char *file = apns->options->key_file;
	char pem[SECRET_MAX], reason[128] = "";

	if (!secret_read(file, pem, why, size))
		return false;
	apns->key = jwt_key_load(pem, JWT_ES256, reason, sizeof reason);
	secret_wipe(pem, sizeof pem);
	if (!apns->key)
		snprintf(why, size, "%s: %s", file, reason);
	return apns->key != NULL;
}

static void *apns_open(
	const struct channel_env *env, const void *values, char *why, size_t size)
{
	const struct apns_options *settings = values;
	struct apns *apns = calloc(1, sizeof *apns);

	if (!apns)
		goto no_memory;
	apns->options = settings;
	if (!read_key(apns, why, size))
		goto failed;
	apns->recipients = recipients_new(settings->tokens_file, NULL, env);
	struct http_settings http = connection_http_settings(&settings->server);
	http.http2 = true;
	apns->client = http_client_new(&http);
	if (apns->recipients && apns->client)
		return apns;
no_memory:
	snprintf(why, size, "out of memory");
failed:
	if (apns)
		apns_close(apns);
	return NULL;
}

/* What is sent, the same to every phone. */
struct push {
	const struct message *message;
	struct buffer payload;
	char id[64], collapse[80], expiration[48], priority[24];
};

static void make_push(struct push *push, const struct message *message)
{
	char uuid[APNS_UUID_SIZE];
	int64_t now = clock_wall_ms();

	push->message = message;
	apns_id(message, uuid);
	snprintf(push->id, sizeof push->id, "apns-id: %s", uuid);
	snprintf(push->collapse, sizeof push->collapse, "apns-collapse-id: %s",
		message->id);
	snprintf(push->expiration, sizeof push->expiration, "apns-expiration: %lld",
		(long long)(now / 1000 + phone_seconds_left(message, now)));
	snprintf(push->priority, sizeof push->priority, "apns-priority: %s",
		phone_is_urgent(message) || message->test ? "10" : "5");
}

/* "TOKEN" or "TOKEN TOPIC". False: no line of a phone. */
static bool split(const char *line, char device[static DEVICE_MAX], const char **topic)
{
	size_t length = strspn(line, "0123456789abcdefABCDEF");
	const char *rest = line + length;

	if (length == 0 || length >= DEVICE_MAX || (*rest && !strchr(" \t", *rest)))
		return false;
	memcpy(device, line, length);
	device[length] = '\0';
	rest += strspn(rest, " \t");
	if (*rest)
		*topic = rest;
	return !strpbrk(rest, " \t");
}

static void post(struct apns *apns, const struct push *push, const char *url,
	const char *topic_header, const char *token, struct buffer *response,
	struct answer *answer)
{
	char authorization[APNS_TOKEN_MAX + 32];
	const char *const headers[] = { "Content-Type: application/json",
		"apns-push-type: alert", authorization, topic_header, push->id,
		push->collapse, push->expiration, push->priority, NULL };

	snprintf(authorization, sizeof authorization, "authorization: bearer %s", token);
	buffer_clear(response);
	http_post(apns->client, url, headers, push->payload.data, push->payload.length,
		response, answer);
	secret_wipe(authorization, sizeof authorization);
}

static enum apns_blame send_one(struct apns *apns, const struct push *push,
	const char *line, struct answer *answer)
{
	const struct apns_options *settings = apns->options;
	const char *topic = settings->topic;
	char device[DEVICE_MAX], token[APNS_TOKEN_MAX], topic_header[300], url[1024];
	enum apns_blame blame = APNS_SERVICE;
	struct buffer response;
	bool has_token;

	*answer = (struct answer){ .outcome = OUTCOME_REFUSED, .retry_after_ms = -1 };
	if (!split(line, device, &topic)) {
		reason_say(answer, "not a device token in hexadecimal digits");
		return APNS_DEVICE;
	}
	snprintf(topic_header, sizeof topic_header, "apns-topic: %.250s", topic);
	snprintf(url, sizeof url, "%.400s/3/device/%s", settings->server.url, device);
	buffer_init(&response, RESPONSE_MAX);
	has_token = apns_token_get(
		settings->key_id, settings->team_id, apns->key, false, token);
	for (int attempt = 0; has_token && attempt < 2; attempt++) {
		post(apns, push, url, topic_header, token, &response, answer);
		blame = apns_judge(answer, &response);
		if (blame != APNS_TOKEN ||
			!apns_token_get(settings->key_id, settings->team_id, apns->key,
				true, token))
			break;
	}
	if (!has_token) {
		answer->outcome = OUTCOME_RETRY;
		reason_say(answer, "cannot sign");
	}
	/* It stands in the URL, which may be repeated by whoever answers. */
	reason_hide(answer, device);
	secret_wipe(token, sizeof token);
	buffer_free(&response);
	return blame;
}

static void send_all(struct apns *apns, const struct push *push, struct answer *answer)
{
	const char *line;
	bool goes_on = true;

	if (!recipients_begin(apns->recipients, push->message, answer))
		return;
	while (goes_on && (line = recipients_next(apns->recipients))) {
		enum apns_blame blame = send_one(apns, push, line, answer);

		if (answer->outcome == OUTCOME_REFUSED && blame != APNS_DEVICE)
			return;
		goes_on = recipients_note(apns->recipients, answer);
		if (answer->outcome == OUTCOME_RETRY && blame != APNS_DEVICE)
			goes_on = false;
	}
	recipients_end(apns->recipients, answer);
}

static void apns_send(void *self, const struct message *message, struct answer *answer)
{
	struct apns *apns = self;
	struct push push;

	*answer = (struct answer){ .outcome = OUTCOME_RETRY, .retry_after_ms = -1 };
	if (!clock_is_set()) {
		reason_say(answer,
			"the clock is not set, and a token with a wrong time is refused");
		return;
	}
	buffer_init(&push.payload, BODY_MAX);
	if (apns_payload(message, apns->options->critical, &push.payload)) {
		make_push(&push, message);
		send_all(apns, &push, answer);
	} else {
		answer->outcome = OUTCOME_REFUSED;
		reason_say(answer, "too large even without its words");
	}
	buffer_free(&push.payload);
}

static void apns_abort(void *self)
{
	struct apns *apns = self;

	http_client_abort(apns->client);
}

extern const struct channel_driver channel_apns;
const struct channel_driver channel_apns = {
	.kind = {
		.name = "apns",
		.summary = "Pushes alerts to iPhones by Apple's push service.",
		.group = {
			.name = "apns",
			.options = options,
			.size = sizeof(struct apns_options),
			.check = check,
		},
	},
	.open = apns_open,
	.close = apns_close,
	.send = apns_send,
	.abort = apns_abort,
};
