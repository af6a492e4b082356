/*
 * The webhook channel: POSTs the message as JSON (DESIGN §5), signed where there is a
 * secret. The far side tells repeats by id and revision: delivery is at least once.
 */
#include "alerts/webhook.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/channel.h"
#include "core/buffer.h"
#include "config/connection.h"
#include "core/http_client.h"
#include "core/secret.h"

struct webhook_options {
	struct connection server;
	const char *secret_file;
};

static const struct option options[] = {
	CONNECTION_HTTP_URL(
		struct webhook_options, server, "Where messages are POSTed to."),
	{
		.name = "secret_file",
		.type = OPTION_SECRET,
		.offset = offsetof(struct webhook_options, secret_file),
		.fallback = "",
		.help = "The key that bodies are signed with (X-Signature).",
	},
	CONNECTION_HTTP(struct webhook_options, server),
	{ .name = NULL },
};

static void check(const void *values, const struct config_place *place)
{
	const struct webhook_options *settings = values;

	connection_check(&settings->server, place);
}

struct webhook {
	const struct webhook_options *options;
	struct http_client *client;
	bool is_signed;
	char secret[SECRET_MAX];
};

bool webhook_signature(const char *secret, const void *body, size_t length,
	char header[static WEBHOOK_SIGNATURE_SIZE])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned size = 0;

	if (!HMAC(EVP_sha256(), secret, (int)strlen(secret), body, length, digest, &size))
		return false;
	int used = snprintf(header, WEBHOOK_SIGNATURE_SIZE, "X-Signature: sha256=");
	for (unsigned i = 0; i < size; i++)
		used += snprintf(header + used, WEBHOOK_SIGNATURE_SIZE - (size_t)used,
			"%02x", digest[i]);
	return true;
}

static void webhook_close(void *self)
{
	struct webhook *webhook = self;

	http_client_free(webhook->client);
	secret_wipe(webhook->secret, sizeof webhook->secret);
	free(webhook);
}

static void *webhook_open(
	const struct channel_env *env, const void *values, char *why, size_t size)
{
	const struct webhook_options *settings = values;
	struct webhook *webhook = calloc(1, sizeof *webhook);

	(void)env;
	if (!webhook)
		goto no_memory;
	webhook->options = settings;
	webhook->is_signed = settings->secret_file && settings->secret_file[0];
	if (webhook->is_signed &&
		!secret_read(settings->secret_file, webhook->secret, why, size))
		goto failed;
	const struct http_settings http = connection_http_settings(&settings->server);
	webhook->client = http_client_new(&http);
	if (!webhook->client)
		goto no_memory;
	return webhook;
no_memory:
	snprintf(why, size, "out of memory");
failed:
	if (webhook)
		webhook_close(webhook);
	return NULL;
}

static void webhook_send(void *self, const struct message *message, struct answer *answer)
{
	struct webhook *webhook = self;
	char signature[WEBHOOK_SIGNATURE_SIZE];
	const char *headers[] = { "Content-Type: application/json", NULL, NULL };
	struct buffer body;

	buffer_init(&body, OUTBOX_BODY_MAX);
	message_to_json(message, &body);
	*answer = (struct answer){ .outcome = OUTCOME_REFUSED, .retry_after_ms = -1 };
	if (body.failed) {
		snprintf(answer->reason, sizeof answer->reason, "message too large");
		goto done;
	}
	if (webhook->is_signed) {
		if (!webhook_signature(
			    webhook->secret, body.data, body.length, signature)) {
			answer->outcome = OUTCOME_RETRY;
			snprintf(answer->reason, sizeof answer->reason, "cannot sign");
			goto done;
		}
		headers[1] = signature;
	}
	http_post(webhook->client, webhook->options->server.url, headers, body.data,
		body.length, NULL, answer);
done:
	buffer_free(&body);
}

static void webhook_abort(void *self)
{
	struct webhook *webhook = self;

	http_client_abort(webhook->client);
}

extern const struct channel_driver channel_webhook;
const struct channel_driver channel_webhook = {
	.kind = {
		.name = "webhook",
		.summary = "POSTs alerts as JSON to a server of yours.",
		.group = {
			.name = "webhook",
			.options = options,
			.size = sizeof(struct webhook_options),
			.check = check,
		},
	},
	.open = webhook_open,
	.close = webhook_close,
	.send = webhook_send,
	.abort = webhook_abort,
};
