#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/compress.h"
#include "core/http_client.h"
#include "core/secret.h"
#include "outputs/drivers.h"
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
	const char *url;
	int version;
	const char *database;
	const char *retention_policy;
	const char *org;
	const char *bucket;
	const char *token_file;
	const char *username;
	const char *password_file;
	bool gzip;
	int64_t timeout;
	const char *ca_file;
	const char *client_cert;
	const char *client_key;
	const char *proxy;
};

struct influxdb {
	struct http_client *client;
	struct line_encoder *encoder;
	char *url;
	char *authorization;     /* the whole header line, or NULL */
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
	for (; *value; value++) {
		unsigned char c = (unsigned char)*value;
		if (c < 0x80 && (isalnum(c) || strchr("-._~", c)))
			buffer_putc(url, (char)c);
		else
			buffer_printf(url, "%%%02X", c);
	}
}

/* NULL when memory is out or the URL grows too long. */
static char *make_url(const struct influxdb_options *options)
{
	struct buffer url;
	size_t length = strlen(options->url);
	bool old = options->version == 1;
	bool has_bucket = options->bucket && *options->bucket;

	while (length > 0 && options->url[length - 1] == '/')
		length--;
	buffer_init(&url, URL_MAX);
	buffer_append(&url, options->url, length);
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

static bool is_set(const char *text)
{
	return text && *text;
}

/* A secret that is to stand in a header or user name: one line of printable characters.
 */
static bool read_line_secret(
	const char *file, char secret[static SECRET_MAX], char *why, size_t size)
{
	if (!secret_read(file, secret, why, size))
		return false;
	for (const char *c = secret; *c; c++) {
		if ((unsigned char)*c >= ' ' && *c != 0x7f)
			continue;
		secret_wipe(secret, SECRET_MAX);
		snprintf(why, size, "%s has more than one line or control characters",
			file);
		return false;
	}
	return true;
}

/*
 * Token, or user and password; version 2 and 3 take a password as a token too, as
 * InfluxDB 1.8 and 2 understand it behind their version 2 interface.
 */
static bool open_client(struct influxdb *self, const struct influxdb_options *options,
	char *why, size_t size)
{
	char token[SECRET_MAX] = "", password[SECRET_MAX] = "";
	const char *scheme = options->version == 3 ? "Bearer" : "Token";
	bool has_user = is_set(options->username), ready = false;
	struct http_settings settings = {
		.timeout_ms = options->timeout,
		.ca_file = options->ca_file,
		.client_cert = options->client_cert,
		.client_key = options->client_key,
		.proxy = options->proxy,
	};

	if (is_set(options->token_file) &&
		!read_line_secret(options->token_file, token, why, size))
		goto wipe;
	if (has_user && is_set(options->password_file) &&
		!read_line_secret(options->password_file, password, why, size))
		goto wipe;
	snprintf(why, size, "out of memory");
	if (*token &&
		asprintf(&self->authorization, "Authorization: %s %s", scheme, token) <
			0) {
		self->authorization = NULL;
		goto wipe;
	}
	if (!*token && has_user && options->version != 1 &&
		asprintf(&self->authorization, "Authorization: Token %s:%s",
			options->username, password) < 0) {
		self->authorization = NULL;
		goto wipe;
	}
	if (!self->authorization && has_user) {
		settings.username = options->username;
		settings.password = password;
	}
	self->client = http_client_new(&settings);
	ready = self->client != NULL;

wipe:
	secret_wipe(token, sizeof token);
	secret_wipe(password, sizeof password);
	return ready;
}

static void influxdb_close(void *arg)
{
	struct influxdb *self = arg;

	if (!self)
		return;
	http_client_free(self->client);
	line_encoder_free(self->encoder);
	compressor_free(self->gzip);
	buffer_free(&self->packed);
	buffer_free(&self->response);
	if (self->authorization)
		secret_wipe(self->authorization, strlen(self->authorization));
	free(self->authorization);
	free(self->url);
	free(self);
}

static void *influxdb_open(const void *arg, char *why, size_t size)
{
	const struct influxdb_options *options = arg;
	struct influxdb *self = calloc(1, sizeof *self);

	if (!self) {
		snprintf(why, size, "out of memory");
		return NULL;
	}
	buffer_init(&self->packed, PACKED_MAX);
	buffer_init(&self->response, RESPONSE_MAX);
	if (!open_client(self, options, why, size))
		goto failed;
	snprintf(why, size, "out of memory");
	self->url = make_url(options);
	self->encoder =
		line_encoder_new(options->version == 3 ? LINE_INFLUX_3 : LINE_INFLUX_1_2);
	if (!self->url || !self->encoder)
		goto failed;
	if (options->gzip && !(self->gzip = compressor_new(COMPRESSION_GZIP)))
		goto failed;
	return self;

failed:
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
	const char *headers[4] = { "Content-Type: text/plain; charset=utf-8" };
	size_t count = 1;
	const struct buffer *body = batch;

	if (self->gzip) {
		if (!compressor_run(
			    self->gzip, batch->data, batch->length, &self->packed)) {
			*answer = (struct answer){ .outcome = OUTCOME_RETRY,
				.retry_after_ms = -1,
				.reason = "out of memory" };
			return;
		}
		headers[count++] = "Content-Encoding: gzip";
		body = &self->packed;
	}
	if (self->authorization)
		headers[count++] = self->authorization;
	buffer_clear(&self->response);
	http_post(self->client, self->url, headers, body->data, body->length,
		&self->response, answer);
	if (self->response.length > 0)
		influx_answer_read(&self->response, count_lines(batch), answer);
}

static void influxdb_abort(void *arg)
{
	struct influxdb *self = arg;

	http_client_abort(self->client);
}

/* --- options ------------------------------------------------------------- */

static void influxdb_check(const void *values, const struct config_place *place)
{
	const struct influxdb_options *options = values;

	if (options->url && strpbrk(options->url, "?#"))
		config_error(place, "url", "must end before any '?' or '#'");
	if (options->version == 1 && !is_set(options->database))
		config_error(place, "database", "is needed with version = 1");
	if (options->version == 2 && !is_set(options->org))
		config_error(place, "org", "is needed with version = 2");
	if (options->version == 2 && !is_set(options->bucket))
		config_error(place, "bucket", "is needed with version = 2");
	if (options->version == 3 && !is_set(options->bucket) &&
		!is_set(options->database))
		config_error(place, "database", "is needed with version = 3");
	if (options->version == 3 && is_set(options->bucket) && is_set(options->database))
		config_error(place, "bucket",
			"means the same as database with version = 3; leave one out");
	if (is_set(options->username) && is_set(options->token_file))
		config_error(place, "username",
			"goes with password_file, not with token_file");
	if (is_set(options->username) != is_set(options->password_file))
		config_error(place,
			is_set(options->username) ? "username" : "password_file",
			"username and password_file go together");
	if (is_set(options->client_key) && !is_set(options->client_cert))
		config_error(place, "client_key", "needs client_cert");
}

#define AT(member) offsetof(struct influxdb_options, member)

static const char *const schemes[] = { "http", "https", NULL };
static const char *const proxies[] = { "http", "https", "socks5h", NULL };

static const struct option influxdb_table[] = {
	{ .name = "url",
		.type = OPTION_URL,
		.offset = AT(url),
		.required = true,
		.choices = schemes,
		.help = "Where InfluxDB listens, without the path of its interface." },
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
	{ .name = "token_file",
		.type = OPTION_SECRET,
		.offset = AT(token_file),
		.help = "File with the token (versions 2 and 3)." },
	{ .name = "username",
		.type = OPTION_STRING,
		.offset = AT(username),
		.help = "User name, with password_file (version 1)." },
	{ .name = "password_file",
		.type = OPTION_SECRET,
		.offset = AT(password_file),
		.help = "File with the password of username." },
	{ .name = "gzip",
		.type = OPTION_BOOL,
		.offset = AT(gzip),
		.fallback = "true",
		.help = "Whether batches are compressed." },
	{ .name = "timeout",
		.type = OPTION_DURATION,
		.offset = AT(timeout),
		.fallback = "10s",
		.min = 100,
		.max = 10 * 60 * 1000,
		.help = "The longest one sending may take." },
	{ .name = "ca_file",
		.type = OPTION_PATH,
		.offset = AT(ca_file),
		.help = "Certificates to trust instead of the system's (PEM)." },
	{ .name = "client_cert",
		.type = OPTION_PATH,
		.offset = AT(client_cert),
		.help = "Certificate to show to the server (PEM)." },
	{ .name = "client_key",
		.type = OPTION_PATH,
		.offset = AT(client_key),
		.help = "Private key of client_cert (PEM)." },
	{ .name = "proxy",
		.type = OPTION_URL,
		.offset = AT(proxy),
		.choices = proxies,
		.help = "Proxy on the way there; without it none is used, whatever the "
			"environment says." },
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
	.abort = influxdb_abort,
};
