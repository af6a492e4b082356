#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/json.h"
#include "core/metric.h"
#include "core/number.h"
#include "outputs/drivers.h"
#include "outputs/http_sender.h"
#include "store/reports.h"

/*
 * JSON to any URL. A record of the batch is one line: a report as an object, or, with a
 * template, its readings as the template says, with commas between them. What is sent is
 * `body` with the records in it, commas between them too.
 */

struct http_options {
	struct connection server;
	int method;
	const char *template;
	const char *body;
	struct option_strings headers;
	const char *header_file;
};

enum { HEADERS_MAX = 16, BODY_MAX = 1024 * 1024, TEXT_MAX = 1024, TEMPLATE_MAX = 2048 };

struct http_output {
	struct http_sender sender;
	const struct http_options *options;
	struct buffer body;
	bool backlog;
};

static const char records[] = "{records}";
static const char *const methods[] = { "POST", "PUT", NULL };

/* --- opening ------------------------------------------------------------- */

static void http_close(void *arg)
{
	struct http_output *self = arg;

	if (!self)
		return;
	http_sender_close(&self->sender);
	buffer_free(&self->body);
	free(self);
}

static bool read_secret_header(struct http_output *self, char *why, size_t size)
{
	const char *file = self->options->header_file;
	char secret[SECRET_MAX];

	if (!connection_read_secret(file, secret, why, size))
		return false;
	if (!connection_has(file))
		return true;
	bool is_header = strchr(secret, ':') != NULL;
	snprintf(why, size,
		is_header ? "out of memory" : "%s is not one line NAME: VALUE", file);
	is_header = is_header && http_sender_set_secret(&self->sender, "%s", secret);
	secret_wipe(secret, sizeof secret);
	return is_header;
}

static void *http_open(const void *arg, char *why, size_t size)
{
	const struct http_options *options = arg;
	struct http_output *self = calloc(1, sizeof *self);

	snprintf(why, size, "out of memory");
	if (!self)
		return NULL;
	self->options = options;
	buffer_init(&self->body, BODY_MAX);
	if (read_secret_header(self, why, size) &&
		http_sender_open(&self->sender, options->server.url, &options->server,
			methods[options->method], NULL, why, size))
		return self;
	http_close(self);
	return NULL;
}

static void http_lane(void *arg, bool backlog)
{
	struct http_output *self = arg;

	self->backlog = backlog;
}

/* --- a report as an object ------------------------------------------------ */

static void put_reading(struct json *json, const struct reading *reading)
{
	const struct metric *metric = metric_by_id(reading->metric);

	if (!metric)
		return;
	json_object(json, metric->name);
	json_number(json, "value", reading->value);
	if (reading->raw < reading->value || reading->raw > reading->value)
		json_number(json, "raw", reading->raw);
	json_string(json, "unit", metric->unit);
	json_integer(json, "flag", reading->flag);
	json_end_object(json);
}

static void put_report(
	const struct http_output *self, const struct report *report, struct buffer *out)
{
	struct json json;

	json_start(&json, out);
	json_object(&json, NULL);
	json_string(&json, "station", report->station);
	json_string(&json, "sensor", report->sensor);
	json_time(&json, "time", report->time_ms, 0);
	json_integer(&json, "status", report->status);
	if (self->backlog || (report->marks & REPORT_BACKFILLED))
		json_bool(&json, "backlog", true);
	json_object(&json, "readings");
	for (size_t i = 0; i < report->count; i++)
		put_reading(&json, &report->readings[i]);
	json_end_object(&json);
	json_end_object(&json);
}

/* --- a reading by the template --------------------------------------------- */

/* TEXT as it stands between quotes in JSON. */
static void put_escaped(struct buffer *out, const char *text)
{
	struct buffer quoted;
	struct json json;

	buffer_init(&quoted, TEXT_MAX);
	json_start(&json, &quoted);
	json_string(&json, NULL, text);
	if (quoted.length >= 2)
		buffer_append(out, quoted.data + 1, quoted.length - 2);
	buffer_free(&quoted);
}

static void put_word(const struct http_output *self, const char *word, size_t length,
	const struct report *report, const struct reading *reading, struct buffer *out)
{
	const struct metric *metric = metric_by_id(reading->metric);
	char number[NUMBER_TEXT_SIZE];
	struct json json;

	if (length == 7 && memcmp(word, "station", 7) == 0)
		put_escaped(out, report->station);
	else if (length == 6 && memcmp(word, "sensor", 6) == 0)
		put_escaped(out, report->sensor);
	else if (length == 6 && memcmp(word, "metric", 6) == 0)
		put_escaped(out, metric->name);
	else if (length == 4 && memcmp(word, "unit", 4) == 0)
		put_escaped(out, metric->unit);
	else if (length == 5 && memcmp(word, "value", 5) == 0) {
		number_format(number, reading->value);
		buffer_puts(out, number);
	} else if (length == 4 && memcmp(word, "flag", 4) == 0)
		buffer_printf(out, "%d", reading->flag);
	else if (length == 7 && memcmp(word, "time_ms", 7) == 0)
		buffer_printf(out, "%lld", (long long)report->time_ms);
	else if (length == 7 && memcmp(word, "backlog", 7) == 0)
		buffer_puts(out, self->backlog ? "true" : "false");
	else if (length == 4 && memcmp(word, "time", 4) == 0) {
		size_t before = out->length;
		json_start(&json, out);
		json_time(&json, NULL, report->time_ms, 0);
		/* Without its quotes: those stand in the template. */
		if (!out->failed && out->length >= before + 2) {
			memmove(out->data + before, out->data + before + 1,
				out->length - before - 2);
			buffer_truncate(out, out->length - 2);
		}
	} else
		buffer_printf(out, "{%.*s}", (int)length, word);
}

static void put_template(const struct http_output *self, const struct report *report,
	const struct reading *reading, struct buffer *out)
{
	const char *text = self->options->template;

	while (*text) {
		size_t length = text[0] == '{'
			? strspn(text + 1, "abcdefghijklmnopqrstuvwxyz_")
			: 0;
		if (length > 0 && text[1 + length] == '}') {
			put_word(self, text + 1, length, report, reading, out);
			text += length + 2;
		} else {
			buffer_putc(out, *text++);
		}
	}
}

static void http_encode(
	void *arg, const struct stored_report *stored, struct buffer *batch)
{
	const struct http_output *self = arg;
	const struct report *report = &stored->report;
	size_t before = batch->length;

	if (!connection_has(self->options->template)) {
		if (report->count > 0) {
			put_report(self, report, batch);
			buffer_putc(batch, '\n');
		}
		return;
	}
	for (size_t i = 0; i < report->count; i++) {
		const struct reading *reading = &report->readings[i];
		if (!metric_by_id(reading->metric) || reading->flag == FLAG_FAIL ||
			reading->flag == FLAG_MISSING || !isfinite(reading->value))
			continue;
		if (batch->length > before)
			buffer_putc(batch, ',');
		put_template(self, report, reading, batch);
	}
	if (batch->length > before)
		buffer_putc(batch, '\n');
}

/* --- sending ------------------------------------------------------------- */

static void make_body(struct http_output *self, const struct buffer *batch)
{
	const char *frame = self->options->body;
	const char *at = strstr(frame, records);
	size_t length = batch->length;

	if (length > 0 && batch->data[length - 1] == '\n')
		length--;
	buffer_clear(&self->body);
	buffer_append(&self->body, frame, (size_t)(at - frame));
	size_t start = self->body.length;
	buffer_append(&self->body, batch->data, length);
	/* JSON has no line ends in its strings, and the template none at all. */
	for (size_t i = start; i < self->body.length; i++)
		if (self->body.data[i] == '\n')
			self->body.data[i] = ',';
	buffer_puts(&self->body, at + strlen(records));
}

static void http_send(void *arg, const struct buffer *batch, struct answer *answer)
{
	struct http_output *self = arg;
	const struct option_strings *wanted = &self->options->headers;
	const char *headers[HEADERS_MAX + 2] = { "Content-Type: application/json" };

	make_body(self, batch);
	for (size_t i = 0; i < wanted->count && i < HEADERS_MAX; i++)
		headers[i + 1] = wanted->values[i];
	http_sender_post(&self->sender, headers, &self->body, NULL, answer);
}

/* --- options ------------------------------------------------------------- */

static void http_check(const void *values, const struct config_place *place)
{
	const struct http_options *options = values;

	if (options->body && !strstr(options->body, records))
		config_error(
			place, "body", "must hold {records} where they are to stand");
	if (options->template && strpbrk(options->template, "\r\n"))
		config_error(place, "template", "must be one line");
	if (options->headers.count > HEADERS_MAX)
		config_error(place, "headers", "has more than 16 headers");
	for (size_t i = 0; i < options->headers.count; i++)
		if (!strchr(options->headers.values[i], ':'))
			config_error(place, "headers", "must be \"Name: value\" each");
	connection_check(&options->server, place);
}

#define AT(member) offsetof(struct http_options, member)

static const struct option http_table[] = {
	CONNECTION_HTTP_URL(struct http_options, server, "Where batches are sent to."),
	{ .name = "method",
		.type = OPTION_CHOICE,
		.offset = AT(method),
		.fallback = "POST",
		.choices = methods,
		.help = "POST or PUT." },
	{ .name = "template",
		.type = OPTION_STRING,
		.offset = AT(template),
		.max = TEMPLATE_MAX, /* 48 times that is far from what a batch holds */
		.help = "JSON for one reading, with {station} {sensor} {metric} {unit} "
			"{value} {flag} {time} {time_ms} {backlog}; without it a report is "
			"one object." },
	{ .name = "body",
		.type = OPTION_STRING,
		.offset = AT(body),
		.fallback = "{\"reports\":[{records}]}",
		.help = "What is sent, with {records} where they are to stand." },
	{ .name = "headers",
		.type = OPTION_STRINGS,
		.offset = AT(headers),
		.help = "More headers, as \"Name: value\"." },
	{ .name = "header_file",
		.type = OPTION_SECRET,
		.offset = AT(header_file),
		.help = "File with one header line that is secret, such as "
			"\"Authorization: Bearer …\"." },
	CONNECTION_HTTP(struct http_options, server),
	{ .name = NULL },
};

const struct output_driver output_http = {
	.kind = {
		.name = "http",
		.summary = "JSON in batches, to any URL.",
		.group = {
			.name = "output",
			.options = http_table,
			.size = sizeof(struct http_options),
			.check = http_check,
		},
	},
	.open = http_open,
	.close = http_close,
	.encode = http_encode,
	.send = http_send,
	.abort = http_sender_abort,
	.lane = http_lane,
};
