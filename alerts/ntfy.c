/*
 * The ntfy channel: JSON publishing, which goes to the server's root with the topic
 * inside (headers would need encoding for Vietnamese). The episode's id is the
 * sequence id, so that a later message takes the place of the earlier one on the
 * phone; servers before 2.16 do not know it and show each by itself.
 */
#include "alerts/ntfy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/channel.h"
#include "config/connection.h"
#include "core/http_client.h"
#include "core/json.h"
#include "core/log.h"
#include "core/secret.h"

enum {
	RESPONSE_MAX = 8192,
	TEXT_MAX = 4000, /* the server makes an attachment of more than 4096 bytes */
};

struct ntfy_options {
	struct connection server;
	const char *click;
};

static const struct option options[] = {
	CONNECTION_HTTP_URL(struct ntfy_options, server,
		"The topic to publish on, \"https://server/topic\"."),
	{
		.name = "token_file",
		.type = OPTION_SECRET,
		.offset = offsetof(struct ntfy_options, server.token_file),
		.help = "An access token (tk_…).",
	},
	{
		.name = "username",
		.type = OPTION_STRING,
		.offset = offsetof(struct ntfy_options, server.username),
		.help = "Instead of a token.",
	},
	{
		.name = "password_file",
		.type = OPTION_SECRET,
		.offset = offsetof(struct ntfy_options, server.password_file),
		.help = "The password of username.",
	},
	{
		.name = "click",
		.type = OPTION_STRING,
		.offset = offsetof(struct ntfy_options, click),
		.fallback = "",
		.help = "The page a tap on the notification opens.",
	},
	CONNECTION_HTTP(struct ntfy_options, server),
	{ .name = NULL },
};

static void check(const void *values, const struct config_place *place)
{
	const struct ntfy_options *settings = values;
	char topic[NTFY_TOPIC_SIZE];
	size_t root;

	if (settings->server.url && !ntfy_split_url(settings->server.url, &root, topic))
		config_error(place, "url",
			"must end in a topic of 1 to 64 letters, digits, '-' and '_'");
	connection_check(&settings->server, place);
	connection_check_login(&settings->server, place);
}

/* --- pure parts -------------------------------------------------------- */

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		(c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool ntfy_split_url(
	const char *url, size_t *root_length, char topic[static NTFY_TOPIC_SIZE])
{
	const char *host = strstr(url, "://");
	const char *slash = strrchr(url, '/');

	if (!host || slash < host + 4) /* the slash after at least one byte of host */
		return false;
	size_t length = strlen(slash + 1);
	if (length == 0 || length >= NTFY_TOPIC_SIZE)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (!is_plain(slash[1 + i]))
			return false;
	}
	memcpy(topic, slash + 1, length + 1);
	*root_length = (size_t)(slash + 1 - url);
	return true;
}

static int priority_of(const struct message *message)
{
	static const int priorities[] = {
		[SEVERITY_MINOR] = 2,
		[SEVERITY_MODERATE] = 3,
		[SEVERITY_SEVERE] = 4,
		[SEVERITY_EXTREME] = 5,
	};

	if (message->test)
		return 3;
	return message->resolved ? 2 : priorities[message->severity];
}

/* Short codes the apps show as pictures. */
static const char *tag_of(const struct message *message)
{
	static const char *const tags[HAZARD_COUNT] = {
		[HAZARD_AIR] = "mask",
		[HAZARD_RAIN] = "cloud_with_rain",
		[HAZARD_WIND] = "wind_face",
		[HAZARD_HEAT] = "thermometer",
		[HAZARD_WATER] = "ocean",
		[HAZARD_DEVICE] = "wrench",
	};

	if (message->test)
		return "test_tube";
	return message->resolved ? "white_check_mark" : tags[message->hazard];
}

void ntfy_body(const struct message *message, const char *topic, const char *click,
	struct buffer *out)
{
	char sequence[EPISODE_SIZE];
	struct buffer text;
	struct json json;
	size_t i = 0;

	for (; message->id[i]; i++)
		sequence[i] = is_plain(message->id[i]) ? message->id[i] : '-';
	sequence[i] = '\0';
	buffer_init(&text, TEXT_MAX);
	message_body(message, TEXT_MAX, &text);

	json_start(&json, out);
	json_object(&json, NULL);
	json_string(&json, "topic", topic);
	json_string(&json, "title", message->title);
	json_string(&json, "message", buffer_text(&text));
	json_integer(&json, "priority", priority_of(message));
	json_array(&json, "tags");
	json_string(&json, NULL, tag_of(message));
	json_end_array(&json);
	json_string(&json, "sequence_id", sequence);
	if (click && click[0])
		json_string(&json, "click", click);
	json_end_object(&json);
	buffer_free(&text);
}

/* --- the channel ------------------------------------------------------- */

struct ntfy {
	const struct ntfy_options *options;
	struct http_client *client;
	char *root;
	char topic[NTFY_TOPIC_SIZE];
	bool said_old; /* that the server does not know sequence ids */
};

static void ntfy_close(void *self)
{
	struct ntfy *ntfy = self;

	http_client_free(ntfy->client);
	free(ntfy->root);
	free(ntfy);
}

static bool connect_client(struct ntfy *ntfy, char *why, size_t size)
{
	const struct ntfy_options *settings = ntfy->options;
	bool by_token = connection_has(settings->server.token_file);
	bool by_name = connection_has(settings->server.username);
	char secret[SECRET_MAX] = "";

	if (by_token && !secret_read(settings->server.token_file, secret, why, size))
		return false;
	if (by_name && !secret_read(settings->server.password_file, secret, why, size))
		return false;
	struct http_settings http = connection_http_settings(&settings->server);
	http.bearer = by_token ? secret : NULL;
	http.username = by_name ? settings->server.username : NULL;
	http.password = by_name ? secret : NULL;
	ntfy->client = http_client_new(&http);
	secret_wipe(secret, sizeof secret);
	if (!ntfy->client)
		snprintf(why, size, "out of memory");
	return ntfy->client != NULL;
}

static void *ntfy_open(
	const struct channel_env *env, const void *values, char *why, size_t size)
{
	const struct ntfy_options *settings = values;
	struct ntfy *ntfy = calloc(1, sizeof *ntfy);
	size_t root;

	(void)env;
	if (!ntfy)
		goto no_memory;
	ntfy->options = settings;
	if (!ntfy_split_url(settings->server.url, &root, ntfy->topic)) {
		snprintf(why, size, "no topic in the URL");
		goto failed;
	}
	ntfy->root = strndup(settings->server.url, root);
	if (!ntfy->root)
		goto no_memory;
	if (!connect_client(ntfy, why, size))
		goto failed;
	return ntfy;
no_memory:
	snprintf(why, size, "out of memory");
failed:
	if (ntfy)
		ntfy_close(ntfy);
	return NULL;
}

static void ntfy_send(void *self, const struct message *message, struct answer *answer)
{
	static const char *const headers[] = { "Content-Type: application/json", NULL };
	struct ntfy *ntfy = self;
	struct buffer body, response;

	buffer_init(&body, OUTBOX_BODY_MAX);
	buffer_init(&response, RESPONSE_MAX);
	ntfy_body(message, ntfy->topic, ntfy->options->click, &body);
	if (body.failed) {
		*answer = (struct answer){ .outcome = OUTCOME_REFUSED,
			.retry_after_ms = -1,
			.reason = "message too large" };
		goto done;
	}
	http_post(ntfy->client, ntfy->root, headers, body.data, body.length, &response,
		answer);
	if (answer->outcome == OUTCOME_DONE && !ntfy->said_old &&
		!strstr(buffer_text(&response), "\"sequence_id\"")) {
		ntfy->said_old = true;
		/* The topic is not named: on an open server it is the password. */
		log_notice(
			"ntfy: the server knows no sequence ids (older than 2.16): updates and all-clears come as further notifications");
	}
done:
	buffer_free(&response);
	buffer_free(&body);
}

static void ntfy_abort(void *self)
{
	struct ntfy *ntfy = self;

	http_client_abort(ntfy->client);
}

extern const struct channel_driver channel_ntfy;
const struct channel_driver channel_ntfy = {
	.kind = {
		.name = "ntfy",
		.summary = "Publishes alerts on a topic of an ntfy server.",
		.group = {
			.name = "ntfy",
			.options = options,
			.size = sizeof(struct ntfy_options),
			.check = check,
		},
	},
	.open = ntfy_open,
	.close = ntfy_close,
	.send = ntfy_send,
	.abort = ntfy_abort,
};
