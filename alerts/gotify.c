/*
 * The Gotify channel: a server of one's own, for staff. It cannot replace what it has
 * shown, so updates and all-clears come as further messages.
 */
#include "alerts/gotify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/channel.h"
#include "config/connection.h"
#include "core/http_client.h"
#include "core/json.h"
#include "core/reason.h"
#include "core/secret.h"

enum { TEXT_MAX = 4096 };

struct gotify_options {
	struct connection server;
	const char *click;
};

static const struct option options[] = {
	CONNECTION_HTTP_URL(
		struct gotify_options, server, "The server, \"https://gotify.example\"."),
	{
		.name = "token_file",
		.type = OPTION_SECRET,
		.offset = offsetof(struct gotify_options, server.token_file),
		.required = true,
		.help = "The token of an application of the server.",
	},
	{
		.name = "click",
		.type = OPTION_STRING,
		.offset = offsetof(struct gotify_options, click),
		.fallback = "",
		.help = "The page a tap on the notification opens.",
	},
	CONNECTION_HTTP(struct gotify_options, server),
	{ .name = NULL },
};

static void check(const void *values, const struct config_place *place)
{
	const struct gotify_options *settings = values;

	connection_check(&settings->server, place);
}

/* From 8 on Android makes a noise and shows it on top, below 4 it is silent. */
static int priority_of(const struct message *message)
{
	static const int priorities[] = {
		[SEVERITY_MINOR] = 3,
		[SEVERITY_MODERATE] = 5,
		[SEVERITY_SEVERE] = 8,
		[SEVERITY_EXTREME] = 10,
	};

	if (message->test)
		return 5;
	return message->resolved ? 2 : priorities[message->severity];
}

void gotify_body(const struct message *message, const char *click, struct buffer *out)
{
	struct buffer text;
	struct json json;

	buffer_init(&text, TEXT_MAX);
	message_body(message, TEXT_MAX, &text);
	json_start(&json, out);
	json_object(&json, NULL);
	json_string(&json, "title", message->title);
	json_string(&json, "message", buffer_text(&text));
	json_integer(&json, "priority", priority_of(message));
	json_object(&json, "extras");
	json_object(&json, "client::display");
	json_string(&json, "contentType", "text/plain");
	json_end_object(&json);
	if (click && click[0]) {
		json_object(&json, "client::notification");
		json_object(&json, "click");
		json_string(&json, "url", click);
		json_end_object(&json);
		json_end_object(&json);
	}
	json_object(&json, "muabui::alert");
	json_string(&json, "id", message->id);
	json_integer(&json, "revision", message->revision);
	json_string(&json, "state", message->resolved ? "resolved" : "firing");
	json_end_object(&json);
	json_end_object(&json);
	json_end_object(&json);
	buffer_free(&text);
}

struct gotify {
	const struct gotify_options *options;
	struct http_client *client;
	char *url;
	char header[SECRET_MAX + 16]; /* with the token */
};

static void gotify_close(void *self)
{
	struct gotify *gotify = self;

	http_client_free(gotify->client);
	secret_wipe(gotify->header, sizeof gotify->header);
	free(gotify->url);
	free(gotify);
}

static bool set_up(struct gotify *gotify, char *why, size_t size)
{
	const struct gotify_options *settings = gotify->options;
	size_t root = strlen(settings->server.url);
	char token[SECRET_MAX];

	if (!secret_read(settings->server.token_file, token, why, size))
		return false;
	snprintf(gotify->header, sizeof gotify->header, "X-Gotify-Key: %s", token);
	secret_wipe(token, sizeof token);
	snprintf(why, size, "out of memory");
	while (root > 0 && settings->server.url[root - 1] == '/')
		root--;
	if (asprintf(&gotify->url, "%.*s/message", (int)root, settings->server.url) < 0) {
		gotify->url = NULL;
		return false;
	}
	const struct http_settings http = connection_http_settings(&settings->server);
	gotify->client = http_client_new(&http);
	return gotify->client != NULL;
}

static void *gotify_open(
	const struct channel_env *env, const void *values, char *why, size_t size)
{
	struct gotify *gotify = calloc(1, sizeof *gotify);

	(void)env;
	if (!gotify) {
		snprintf(why, size, "out of memory");
		return NULL;
	}
	gotify->options = values;
	if (!set_up(gotify, why, size)) {
		gotify_close(gotify);
		return NULL;
	}
	return gotify;
}

static void gotify_send(void *self, const struct message *message, struct answer *answer)
{
	struct gotify *gotify = self;
	const char *const headers[] = { "Content-Type: application/json", gotify->header,
		NULL };
	struct buffer body;

	buffer_init(&body, OUTBOX_BODY_MAX);
	gotify_body(message, gotify->options->click, &body);
	if (body.failed) {
		*answer = (struct answer){ .outcome = OUTCOME_REFUSED,
			.retry_after_ms = -1 };
		reason_say(answer, "message too large");
	} else {
		http_post(gotify->client, gotify->url, headers, body.data, body.length,
			NULL, answer);
	}
	buffer_free(&body);
}

static void gotify_abort(void *self)
{
	struct gotify *gotify = self;

	http_client_abort(gotify->client);
}

extern const struct channel_driver channel_gotify;
const struct channel_driver channel_gotify = {
	.kind = {
		.name = "gotify",
		.summary = "Sends alerts to a Gotify server.",
		.group = {
			.name = "gotify",
			.options = options,
			.size = sizeof(struct gotify_options),
			.check = check,
		},
	},
	.open = gotify_open,
	.close = gotify_close,
	.send = gotify_send,
	.abort = gotify_abort,
};
