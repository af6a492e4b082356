#include "outputs/prometheus.h"

#include <stdio.h>
#include <stdlib.h>

#include "outputs/drivers.h"
#include "outputs/http_sender.h"
#include "store/reports.h"

/*
 * Prometheus' remote write 1.0, as Prometheus, Mimir, VictoriaMetrics and others receive
 * it. A sample that is older than its series' newest is refused there with 400, unless
 * the receiver is told to take such: so the oldest go first, always.
 */

struct prometheus_options {
	struct connection server;
	/* Not the user's: see option_kind.attach. */
	const struct station_config *station;
};

struct prometheus {
	struct http_sender sender;
	const struct prometheus_options *options;
	struct buffer plain, packed, response;
};

enum {
	BODY_MAX = 2 * 1024 * 1024,
	RESPONSE_MAX = 4096,
};

static void prometheus_close(void *arg)
{
	struct prometheus *self = arg;

	if (!self)
		return;
	http_sender_close(&self->sender);
	buffer_free(&self->plain);
	buffer_free(&self->packed);
	buffer_free(&self->response);
	free(self);
}

static bool read_token(struct prometheus *self, char *why, size_t size)
{
	const char *file = self->options->server.token_file;
	char token[SECRET_MAX];

	if (!connection_read_secret(file, token, why, size))
		return false;
	bool ready = !*token ||
		http_sender_set_secret(&self->sender, "Authorization: Bearer %s", token);
	secret_wipe(token, sizeof token);
	return ready;
}

static void *prometheus_open(const void *arg, char *why, size_t size)
{
	const struct prometheus_options *options = arg;
	struct prometheus *self = calloc(1, sizeof *self);

	snprintf(why, size, "out of memory");
	if (!self)
		return NULL;
	self->options = options;
	buffer_init(&self->plain, BODY_MAX);
	buffer_init(&self->packed, BODY_MAX);
	buffer_init(&self->response, RESPONSE_MAX);
	if (read_token(self, why, size) &&
		http_sender_open(&self->sender, options->server.url, &options->server,
			NULL, options->server.username, why, size))
		return self;
	prometheus_close(self);
	return NULL;
}

static void encode(void *arg, const struct stored_report *stored, struct buffer *batch)
{
	struct prometheus *self = arg;

	prometheus_encode(&stored->report, self->options->station, batch);
}

static void prometheus_send(void *arg, const struct buffer *batch, struct answer *answer)
{
	static const char *const headers[] = {
		"Content-Type: application/x-protobuf",
		"Content-Encoding: snappy",
		"X-Prometheus-Remote-Write-Version: 0.1.0",
		NULL,
	};
	struct prometheus *self = arg;

	if (!prometheus_request(batch->data, batch->length, &self->plain, &self->packed))
		self->packed.failed = true;
	buffer_clear(&self->response);
	http_sender_post(&self->sender, headers, &self->packed, &self->response, answer);
	http_sender_doubt_page(&self->response, "no receiver of remote write", answer);
}

static void prometheus_check(const void *values, const struct config_place *place)
{
	const struct prometheus_options *options = values;

	connection_check(&options->server, place);
	connection_check_login(&options->server, place);
}

static void attach(void *values, const char *name, const struct config *config)
{
	struct prometheus_options *options = values;

	(void)name;
	options->station = &config->station;
}

static const struct option prometheus_table[] = {
	CONNECTION_HTTP_URL(struct prometheus_options, server,
		"Where remote writes are taken: Prometheus has /api/v1/write."),
	CONNECTION_ROW(struct prometheus_options, server, token_file, OPTION_SECRET,
		.help = "File with a bearer token."),
	CONNECTION_ROW(struct prometheus_options, server, username, OPTION_STRING,
		.help = "User name, with password_file."),
	CONNECTION_ROW(struct prometheus_options, server, password_file, OPTION_SECRET,
		.help = "File with the password of username."),
	CONNECTION_HTTP(struct prometheus_options, server),
	{ .name = NULL },
};

const struct output_driver output_prometheus = {
	.kind = {
		.name = "prometheus",
		.summary = "Prometheus and its kin, by remote write 1.0.",
		.group = {
			.name = "output",
			.options = prometheus_table,
			.size = sizeof(struct prometheus_options),
			.check = prometheus_check,
		},
		.attach = attach,
	},
	.open = prometheus_open,
	.close = prometheus_close,
	.encode = encode,
	.send = prometheus_send,
	.abort = http_sender_abort,
	.oldest_first = true,
};
