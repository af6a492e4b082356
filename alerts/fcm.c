/*
 * The FCM channel: Firebase Cloud Messaging, HTTP v1. To a topic that apps subscribe to
 * by themselves, so that no phone is known here; or to a list of phones. FCM knows no key
 * that tells a repeat: Android's tag, Apple's collapse id and the collapse key do, all
 * three the episode's id.
 */
#include "alerts/fcm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/channel.h"
#include "alerts/recipients.h"
#include "alerts/service_account.h"
#include "core/clock.h"
#include "config/connection.h"
#include "core/http_client.h"
#include "core/reason.h"
#include "core/secret.h"

enum { RESPONSE_MAX = 16 * 1024, BODY_MAX = 16 * 1024, HEADER_SIZE = 4200 };

static const char scope[] = "https://www.googleapis.com/auth/firebase.messaging";

struct fcm_options {
	struct connection server;
	const char *credentials;
	const char *topic;
	const char *city_topic;
	const char *tokens_file;
	const char *channel_id;
	const char *click;
	bool critical;
	bool dry_run;
};

static const char *const pages[] = { "https", NULL };

static const struct option options[] = {
	{
		.name = "credentials",
		.type = OPTION_SECRET,
		.offset = offsetof(struct fcm_options, credentials),
		.required = true,
		.help = "The service account's key file (JSON), whose project is sent for.",
	},
	{
		.name = "topic",
		.type = OPTION_STRING,
		.offset = offsetof(struct fcm_options, topic),
		.fallback = "{area}.{hazard}",
		.min = 1,
		.max = 500,
		.help = "The topic of an alert; placeholders are filled in, other characters than letters, digits and -_.~% become '-'.",
	},
	{
		.name = "city_topic",
		.type = OPTION_STRING,
		.offset = offsetof(struct fcm_options, city_topic),
		.fallback = "",
		.max = 500,
		.help = "The topic of an alert that names no area, such as \"hanoi.{hazard}\".",
	},
	{
		.name = "tokens_file",
		.type = OPTION_PATH,
		.offset = offsetof(struct fcm_options, tokens_file),
		.fallback = "",
		.help = "Registrations of single phones, one a line, to send to instead of a topic.",
	},
	{
		.name = "channel_id",
		.type = OPTION_STRING,
		.offset = offsetof(struct fcm_options, channel_id),
		.fallback = "{hazard}",
		.max = 200,
		.help = "Android's notification channel, which the app must have made; placeholders are filled in.",
	},
	{
		.name = "click",
		.type = OPTION_URL,
		.offset = offsetof(struct fcm_options, click),
		.fallback = "",
		.max = 200,
		.choices = pages,
		.help = "The page a tap on a browser's notification opens.",
	},
	{
		.name = "critical",
		.type = OPTION_BOOL,
		.offset = offsetof(struct fcm_options, critical),
		.fallback = "false",
		.help = "Extreme alerts sound through muted iPhones, for which the app needs Apple's entitlement.",
	},
	{
		.name = "dry_run",
		.type = OPTION_BOOL,
		.offset = offsetof(struct fcm_options, dry_run),
		.fallback = "false",
		.help = "Messages are checked by Google and shown to nobody, as those of `alert test` always are.",
	},
	{
		.name = "url",
		.type = OPTION_URL,
		.offset = offsetof(struct fcm_options, server.url),
		.fallback = "https://fcm.googleapis.com",
		.choices = connection_http_schemes,
		.help = "Where FCM is.",
	},
	CONNECTION_HTTP_WITHIN(struct fcm_options, server, "15s"),
	{ .name = NULL },
};

static void check(const void *values, const struct config_place *place)
{
	const struct fcm_options *settings = values;

	connection_check(&settings->server, place);
	channel_check_secure(settings->server.url, "url", place);
	if (settings->tokens_file[0] && settings->city_topic[0])
		config_error(place, "city_topic",
			"only one of \"city_topic\" and \"tokens_file\" may be given");
}

struct fcm {
	const struct fcm_options *options;
	struct fcm_look look;
	struct service_account *account;
	struct http_client *client;
	struct recipients *recipients; /* NULL: to a topic */
	char *url;
};

static void fcm_close(void *self)
{
	struct fcm *fcm = self;

	service_account_close(fcm->account);
	http_client_free(fcm->client);
	recipients_free(fcm->recipients);
	free(fcm->url);
	free(fcm);
}

static bool set_up(struct fcm *fcm, const struct channel_env *env, char *why, size_t size)
{
	const struct fcm_options *settings = fcm->options;
	const struct http_settings http = connection_http_settings(&settings->server);

	fcm->account =
		service_account_open(settings->credentials, scope, &http, why, size);
	if (!fcm->account)
		return false;
	snprintf(why, size, "out of memory");
	fcm->client = http_client_new(&http);
	if (settings->tokens_file[0])
		fcm->recipients = recipients_new(settings->tokens_file, NULL, env);
	size_t root = strlen(settings->server.url);
	while (root > 0 && settings->server.url[root - 1] == '/')
		root--;
	if (asprintf(&fcm->url, "%.*s/v1/projects/%s/messages:send", (int)root,
		    settings->server.url, service_account_project(fcm->account)) < 0)
		fcm->url = NULL;
	return fcm->client && fcm->url && (fcm->recipients || !settings->tokens_file[0]);
}

static void *fcm_open(
	const struct channel_env *env, const void *values, char *why, size_t size)
{
	const struct fcm_options *settings = values;
	struct fcm *fcm = calloc(1, sizeof *fcm);

	if (!fcm) {
		snprintf(why, size, "out of memory");
		return NULL;
	}
	fcm->options = settings;
	fcm->look = (struct fcm_look){
		.channel_id = settings->channel_id,
		.click = settings->click,
		.may_be_critical = settings->critical,
		.dry_run = settings->dry_run,
	};
	if (!set_up(fcm, env, why, size)) {
		fcm_close(fcm);
		return NULL;
	}
	return fcm;
}

/* POSTs BODY with an access token, once more with a new one where that was refused. */
static void post(struct fcm *fcm, const struct buffer *body, struct buffer *response,
	struct answer *answer)
{
	char authorization[HEADER_SIZE];
	const char *const headers[] = { "Content-Type: application/json", authorization,
		NULL };

	for (int attempt = 0; attempt < 2; attempt++) {
		const char *token = service_account_token(fcm->account, answer);

		if (!token)
			return;
		snprintf(authorization, sizeof authorization, "Authorization: Bearer %s",
			token);
		buffer_clear(response);
		http_post(fcm->client, fcm->url, headers, body->data, body->length,
			response, answer);
		secret_wipe(authorization, sizeof authorization);
		/* 401 is also said of the project's own keys; another token is no help
		 * then. */
		if (answer->status != 401 ||
			strstr(buffer_text(response), "THIRD_PARTY_AUTH_ERROR"))
			return;
		service_account_forget(fcm->account);
	}
}

/* To either TOPIC or TOKEN, the other one is NULL. */
static void send_one(struct fcm *fcm, const struct message *message, const char *topic,
	const char *token, struct answer *answer, bool *is_dead)
{
	struct buffer body, response;

	*is_dead = false;
	buffer_init(&body, BODY_MAX);
	buffer_init(&response, RESPONSE_MAX);
	if (fcm_body(message, topic, token, &fcm->look, clock_wall_ms(), &body)) {
		post(fcm, &body, &response, answer);
		fcm_judge(answer, &response, token != NULL, is_dead);
	} else {
		*answer = (struct answer){ .outcome = OUTCOME_REFUSED,
			.retry_after_ms = -1 };
		reason_say(answer, "too large even without its words");
	}
	buffer_free(&response);
	buffer_free(&body);
}

static void send_to_phones(
	struct fcm *fcm, const struct message *message, struct answer *answer)
{
	const char *token;
	bool goes_on = true, is_dead;

	if (!recipients_begin(fcm->recipients, message, answer))
		return;
	while (goes_on && (token = recipients_next(fcm->recipients))) {
		send_one(fcm, message, NULL, token, answer, &is_dead);
		/* The message itself is refused: it will be by the others, too. */
		if (answer->outcome == OUTCOME_REFUSED && !is_dead)
			return;
		goes_on = recipients_note(fcm->recipients, answer);
		/* What is away or overloaded is not asked again for each; 500 may be
		 * about this one alone. */
		if (answer->outcome == OUTCOME_RETRY && answer->status != 500)
			goes_on = false;
	}
	recipients_end(fcm->recipients, answer);
}

static void fcm_send(void *self, const struct message *message, struct answer *answer)
{
	struct fcm *fcm = self;
	struct buffer topic;
	bool is_dead;

	if (fcm->recipients) {
		send_to_phones(fcm, message, answer);
		return;
	}
	buffer_init(&topic, FCM_TOPIC_MAX * 2);
	if (fcm_topic(message, fcm->options->topic, fcm->options->city_topic, &topic)) {
		send_one(fcm, message, buffer_text(&topic), NULL, answer, &is_dead);
	} else {
		*answer = (struct answer){ .outcome = OUTCOME_REFUSED,
			.retry_after_ms = -1 };
		reason_say(answer,
			message->area[0]
				? "\"topic\" gives no name of 1 to 900 characters"
				: "names no area, and there is no \"city_topic\"");
	}
	buffer_free(&topic);
}

static void fcm_abort(void *self)
{
	struct fcm *fcm = self;

	service_account_abort(fcm->account);
	http_client_abort(fcm->client);
}

extern const struct channel_driver channel_fcm;
const struct channel_driver channel_fcm = {
	.kind = {
		.name = "fcm",
		.summary = "Pushes alerts to phones by Firebase Cloud Messaging.",
		.group = {
			.name = "fcm",
			.options = options,
			.size = sizeof(struct fcm_options),
			.check = check,
		},
	},
	.open = fcm_open,
	.close = fcm_close,
	.send = fcm_send,
	.abort = fcm_abort,
};
