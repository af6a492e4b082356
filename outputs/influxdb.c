#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/compress.h"
#include "core/percent.h"
#include "outputs/drivers.h"
#include "outputs/http_sender.h"
#include "outputs/influx_answer.h"
#include "outputs/line_protocol.h"
#include "store/reports.h"

/*
 * InfluxDB over HTTP.
 *
 *   version 1   POST {url}/write?db=&rp=&precision=ms          user and password
 *   version 2   POST {url}/api/v2/write?org=&bucket=&precision=ms    Token
 *   version 3   the same path (its version 2 compatible one)         Bearer
 *
 * A point is known by its tags and its time, so sending one again changes nothing.
 * What the answers mean is outputs/influx_answer.c's business.
 */

struct influxdb_options {
	struct connection server;
	int version;
	const char *database;
	const char *retention_policy;
	const char *org;
	const char *bucket;
	bool gzip;
};

struct influxdb {
	struct http_sender sender;
	struct line_encoder *encoder;
	char *url;
	struct compressor *gzip; /* NULL: batches are sent as they are */
	struct buffer packed;
	struct buffer response;
};

enum {
	URL_MAX = 8192,
	RESPONSE_MAX = 64 * 1024,
	PACKED_MAX = 2 * 1024 * 1024,
};

/* --- opening ------------------------------------------------------------- */

/* Appends KEY=VALUE, percent-encoded, when there is a value. */
static void add_parameter(struct buffer *url, const char *key, const char *value)
{
	if (!value || !*value)
		return;
	buffer_putc(url, strchr(buffer_text(url), '?') ? '&' : '?');
	buffer_puts(url, key);
	buffer_putc(url, '=');
	percent_append(url, value);
}

/* NULL when memory is out or the URL grows too long. */
static char *make_url(const struct influxdb_options *options)
{
	struct buffer url;
	size_t length = strlen(options->server.url);
	bool old = options->version == 1;
	bool has_bucket = options->bucket && *options->bucket;

	while (length > 0 && options->server.url[length - 1] == '/')
		length--;
	buffer_init(&url, URL_MAX);
	buffer_append(&url, options->server.url, length);
	buffer_puts(&url, old ? "/write" : "/api/v2/write");
	if (old) {
		add_parameter(&url, "db", options->database);
		add_parameter(&url, "rp", options->retention_policy);
	} else {
		add_parameter(&url, "org", options->org);
		add_parameter(
			&url, "bucket", has_bucket ? options->bucket : options->database);
	}
	add_parameter(&url, "precision", "ms");
	char *text = url.failed ? NULL : strdup(buffer_text(&url));
	buffer_free(&url);
	return text;
}

/*
 * Token, or user and password; version 2 and 3 take a password as a token too, as
 * InfluxDB 1.8 and 2 understand it behind their version 2 interface.
 */
static bool open_sender(struct influxdb *self, const struct influxdb_options *options,
	char *why, size_t size)
{
	const struct connection *server = &options->server;
	const char *scheme = options->version == 3 ? "Bearer" : "Token";
	bool has_token = connection_has(server->token_file);
	bool as_token = connection_has(server->username) && options->version != 1;
	char secret[SECRET_MAX] = "";
	bool ready;

	if (has_token)
		ready = connection_read_secret(server->token_file, secret, why, size) &&
			http_sender_set_secret(
				&self->sender, "Authorization: %s %s", scheme, secret);
	else if (as_token)
		ready = connection_read_secret(
				server->password_file, secret, why, size) &&
			http_sender_set_secret(&self->sender,
				"Authorization: Token %s:%s", server->username, secret);
	else
		ready = true;
	secret_wipe(secret, sizeof secret);
	return ready &&
		http_sender_open(&self->sender, self->url, server, NULL,
			has_token || as_token ? NULL : server->username, why, size);
}

static void influxdb_close(void *arg)
{
	struct influxdb *self = arg;

	if (!self)
		return;
	http_sender_close(&self->sender);
	line_encoder_free(self->encoder);
	compressor_free(self->gzip);
	buffer_free(&self->packed);
	buffer_free(&self->response);
	free(self->url);
	free(self);
}

static void *influxdb_open(const void *arg, char *why, size_t size)
{
	const struct influxdb_options *options = arg;
	struct influxdb *self = calloc(1, sizeof *self);

	snprintf(why, size, "out of memory");
	if (!self)
		return NULL;
	buffer_init(&self->packed, PACKED_MAX);
	buffer_init(&self->response, RESPONSE_MAX);
	self->url = make_url(options);
	self->encoder =
		line_encoder_new(options->version == 3 ? LINE_INFLUX_3 : LINE_INFLUX_1_2);
	if (options->gzip)
		self->gzip = compressor_new(COMPRESSION_GZIP);
	if (self->url && self->encoder && (self->gzip || !options->gzip) &&
		open_sender(self, options, why, size))
		return self;
	influxdb_close(self);
	return NULL;
}

/* --- sending ------------------------------------------------------------- */

static void influxdb_encode(
	void *arg, const struct stored_report *stored, struct buffer *batch)
{
	struct influxdb *self = arg;

	line_encode(self->encoder, stored->source, &stored->report, batch);
}

static size_t count_lines(const struct buffer *batch)
{
	size_t lines = 0;

	for (const char *p = batch->data, *end = p + batch->length;
		p < end && (p = memchr(p, '\n', (size_t)(end - p))); p++)
		lines++;
	return lines;
}

static void influxdb_send(void *arg, const struct buffer *batch, struct answer *answer)
{
	struct influxdb *self = arg;
	const char *const headers[] = {
		"Content-Type: text/plain; charset=utf-8",
		self->gzip ? "Content-Encoding: gzip" : NULL,
		NULL,
	};

	if (self->gzip &&
		!compressor_run(self->gzip, batch->data, batch->length, &self->packed))
		self->packed.failed = true;
	buffer_clear(&self->response);
	http_sender_post(&self->sender, headers, self->gzip ? &self->packed : batch,
		&self->response, answer);
	if (self->response.length > 0)
		influx_answer_read(&self->response, count_lines(batch), answer);
}

/* --- options ------------------------------------------------------------- */

static void influxdb_check(const void *values, const struct config_place *place)
{
	const struct influxdb_options *options = values;

	if (options->server.url && strpbrk(options->server.url, "?#"))
		config_error(place, "url", "must end before any '?' or '#'");
	if (options->version == 1 && !connection_has(options->database))
		config_error(place, "database", "is needed with version = 1");
	if (options->version == 2 && !connection_has(options->org))
		config_error(place, "org", "is needed with version = 2");
	if (options->version == 2 && !connection_has(options->bucket))
		config_error(place, "bucket", "is needed with version = 2");
	if (options->version == 3 && !connection_has(options->bucket) &&
		!connection_has(options->database))
		config_error(place, "database", "is needed with version = 3");
	if (options->version == 3 && connection_has(options->bucket) &&
		connection_has(options->database))
		config_error(place, "bucket",
			"means the same as database with version = 3; leave one out");
	connection_check(&options->server, place);
	connection_check_login(&options->server, place);
}

#define AT(member) offsetof(struct influxdb_options, member)

static const struct option influxdb_table[] = {
	CONNECTION_HTTP_URL(struct influxdb_options, server,
		"Where InfluxDB listens, without the path of its interface."),
	{ .name = "version",
		.type = OPTION_INTEGER,
		.offset = AT(version),
		.fallback = "2",
		.min = 1,
		.max = 3,
		.help = "InfluxDB's major version, which decides path and log-in." },
	{ .name = "database",
		.type = OPTION_STRING,
		.offset = AT(database),
		.help = "Database to write to (versions 1 and 3)." },
	{ .name = "retention_policy",
		.type = OPTION_STRING,
		.offset = AT(retention_policy),
		.help = "Retention policy to write to (version 1); the database's own "
			"default when left out." },
	{ .name = "org",
		.type = OPTION_STRING,
		.offset = AT(org),
		.help = "Organisation the bucket belongs to (version 2)." },
	{ .name = "bucket",
		.type = OPTION_STRING,
		.offset = AT(bucket),
		.help = "Bucket to write to (version 2)." },
	CONNECTION_ROW(struct influxdb_options, server, token_file, OPTION_SECRET,
		.help = "File with the token (versions 2 and 3)."),
	CONNECTION_ROW(struct influxdb_options, server, username, OPTION_STRING,
		.help = "User name, with password_file (version 1)."),
	CONNECTION_ROW(struct influxdb_options, server, password_file, OPTION_SECRET,
		.help = "File with the password of username."),
	{ .name = "gzip",
		.type = OPTION_BOOL,
		.offset = AT(gzip),
		.fallback = "true",
		.help = "Whether batches are compressed." },
	CONNECTION_HTTP(struct influxdb_options, server),
	{ .name = NULL },
};

const struct output_driver output_influxdb = {
	.kind = {
		.name = "influxdb",
		.summary = "InfluxDB 1, 2 and 3, by HTTP in line protocol.",
		.group = {
			.name = "output",
			.options = influxdb_table,
			.size = sizeof(struct influxdb_options),
			.check = influxdb_check,
		},
	},
	.open = influxdb_open,
	.close = influxdb_close,
	.encode = influxdb_encode,
	.send = influxdb_send,
	.abort = http_sender_abort,
};
