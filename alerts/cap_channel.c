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
#include "core/buffer.h"
#include "core/clock.h"
#include "core/http_client.h"
#include "core/secret.h"

enum { DOCUMENT_MAX = 128 * 1024 };

struct cap_options {
	const char *url;
	const char *token_file;
	const char *ca_file;
	int64_t timeout; /* ms */
};

static const char *const schemes[] = { "https", "http", NULL };

static const struct option options[] = {
	{
		.name = "url",
		.type = OPTION_URL,
		.offset = offsetof(struct cap_options, url),
		.required = true,
		.choices = schemes,
		.help = "Where CAP messages are POSTed to.",
	},
	{
		.name = "token_file",
		.type = OPTION_SECRET,
		.offset = offsetof(struct cap_options, token_file),
		.fallback = "",
		.help = "The bearer token that the server asks for.",
	},
	{
		.name = "ca_file",
		.type = OPTION_PATH,
		.offset = offsetof(struct cap_options, ca_file),
		.fallback = "",
		.help = "Certificate authorities, instead of the system's.",
	},
	{
		.name = "timeout",
		.type = OPTION_DURATION,
		.offset = offsetof(struct cap_options, timeout),
		.fallback = "10s",
		.min = 100,
		.max = 300 * 1000,
		.help = "For a whole request.",
	},
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
	char token[SECRET_MAX] = "";

	if (!self)
		goto no_memory;
	self->options = settings;
	self->env = env;
	buffer_init(&self->document, DOCUMENT_MAX);
	if (*settings->token_file && !secret_read(settings->token_file, token, why, size))
		goto failed;
	self->client = http_client_new(&(struct http_settings){
		.timeout_ms = settings->timeout,
		.connect_timeout_ms = settings->timeout,
		.ca_file = settings->ca_file,
		.bearer = *token ? token : NULL,
	});
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
	http_post(self->client, self->options->url, headers, self->document.data,
		self->document.length, NULL, answer);
}

static void cap_abort(void *arg)
{
	http_client_abort(((struct cap_channel *)arg)->client);
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
		},
	},
	.open = cap_open,
	.close = cap_close,
	.send = cap_send,
	.abort = cap_abort,
};
