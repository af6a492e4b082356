/*
 * The cap channel: POSTs citizens' alerts as CAP 1.2 to an aggregator, as they stand in
 * the feed. Both languages are in the history of the episode.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/cap.h"
#include "alerts/cap_chain.h"
#include "alerts/channel.h"
#include "config/connection.h"
#include "core/buffer.h"
#include "core/clock.h"

enum { DOCUMENT_MAX = 128 * 1024 };

struct cap_options {
	struct connection server;
};

static const struct option options[] = {
	CONNECTION_HTTP_URL(
		struct cap_options, server, "Where CAP messages are POSTed to."),
	CONNECTION_ROW(struct cap_options, server, token_file, OPTION_SECRET,
		.help = "File with the bearer token that the server asks for."),
	CONNECTION_HTTP(struct cap_options, server),
	{ .name = NULL },
};

struct cap_channel {
	const struct cap_options *options;
	const struct channel_env *env;
	struct http_client *client;
	struct buffer document;
};

static void cap_close(void *arg)
{
	struct cap_channel *self = arg;

	http_client_free(self->client);
	buffer_free(&self->document);
	free(self);
}

static void *cap_open(
	const struct channel_env *env, const void *values, char *why, size_t size)
{
	const struct cap_options *settings = values;
	struct cap_channel *self = calloc(1, sizeof *self);
	struct http_settings http;
	char token[SECRET_MAX];

	if (!self)
		goto no_memory;
	self->options = settings;
	self->env = env;
	buffer_init(&self->document, DOCUMENT_MAX);
	if (!connection_read_secret(settings->server.token_file, token, why, size))
		goto failed;
	http = connection_http_settings(&settings->server);
	http.bearer = *token ? token : NULL;
	self->client = http_client_new(&http);
	secret_wipe(token, sizeof token);
	if (!self->client)
		goto no_memory;
	return self;
no_memory:
	snprintf(why, size, "out of memory");
failed:
	if (self)
		cap_close(self);
	return NULL;
}

/* A trial means nothing, and has no history. */
static void write_trial(struct cap_channel *self, const struct message *message)
{
	const struct cap_alert alert = {
		.messages = { message, message },
		.sent_ms = clock_wall_ms(),
		.latitude = self->env->config->station.latitude,
		.longitude = self->env->config->station.longitude,
	};

	cap_write(self->env->config, &alert, &self->document);
}

/* 1: self->document is to be sent; 0: there is none; -1, with ANSWER's reason: later. */
static int write_document(
	struct cap_channel *self, const struct message *message, struct answer *answer)
{
	int64_t sent_ms;

	buffer_clear(&self->document);
	if (message->test || !self->env->store_path) {
		write_trial(self, message);
		return 1;
	}
	struct store *store = store_open(self->env->store_path, STORE_READER,
		answer->reason, sizeof answer->reason);
	if (!store)
		return -1;
	int found = cap_chain_write(store, self->env->config, message->id,
		message->revision, &self->document, &sent_ms);
	if (found < 0)
		snprintf(answer->reason, sizeof answer->reason, "%s", store_error(store));
	store_close(store);
	return found;
}

static void cap_send(void *arg, const struct message *message, struct answer *answer)
{
	static const char *const headers[] = { "Content-Type: application/cap+xml",
		NULL };
	struct cap_channel *self = arg;

	*answer = (struct answer){ .outcome = OUTCOME_RETRY, .retry_after_ms = -1 };
	int found = write_document(self, message, answer);
	if (found < 0)
		return;
	if (found == 0 || self->document.failed) {
		answer->outcome = OUTCOME_REFUSED;
		snprintf(answer->reason, sizeof answer->reason,
			"not an alert for citizens, or not known any more");
		return;
	}
	http_post(self->client, self->options->server.url, headers, self->document.data,
		self->document.length, NULL, answer);
}

static void cap_abort(void *arg)
{
	http_client_abort(((struct cap_channel *)arg)->client);
}

static void check(const void *values, const struct config_place *place)
{
	const struct cap_options *settings = values;

	connection_check(&settings->server, place);
}

extern const struct channel_driver channel_cap;
const struct channel_driver channel_cap = {
	.kind = {
		.name = "cap",
		.summary = "POSTs citizens' alerts as CAP 1.2 to an aggregator.",
		.group = {
			.name = "cap",
			.options = options,
			.size = sizeof(struct cap_options),
			.check = check,
		},
	},
	.open = cap_open,
	.close = cap_close,
	.send = cap_send,
	.abort = cap_abort,
};
