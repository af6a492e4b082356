#include "outputs/line_protocol.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/metric.h"
#include "core/number.h"
#include "core/utf8.h"

/*
 * Most of a line is the same as in the source's last one. What comes before the
 * fields is kept per source, what comes before a value per metric, so that a line
 * is a few copies and the digits of its numbers.
 */

enum {
	SOURCES =
		4096, /* a power of two; a source only pushes out one of the same rest */
	DECLARED = 256,    /* a power of two; ids of declared metrics are scattered */
	PREFIX_MAX = 1024, /* escaping doubles at most; two names and the words */
	KEY_MAX = 256,
	STATUS_MAX = 16,
};

/* "environment,station=…,sensor=… ", and the names it was made of. */
struct prefix {
	int64_t source;
	uint16_t length;
	char station[NAME_SIZE];
	char sensor[NAME_SIZE];
	char text[];
};

struct key {
	uint16_t metric;
	uint16_t length;
	char text[]; /* "pm25" */
};

struct line_encoder {
	enum line_dialect dialect;
	struct prefix *prefixes[SOURCES];
	struct key *keys[METRIC_DECLARED + DECLARED];
};

struct line_encoder *line_encoder_new(enum line_dialect dialect)
{
	struct line_encoder *encoder = calloc(1, sizeof *encoder);

	if (encoder)
		encoder->dialect = dialect;
	return encoder;
}

void line_encoder_free(struct line_encoder *encoder)
{
	if (!encoder)
		return;
	for (size_t i = 0; i < SOURCES; i++)
		free(encoder->prefixes[i]);
	for (size_t i = 0; i < METRIC_DECLARED + DECLARED; i++)
		free(encoder->keys[i]);
	free(encoder);
}

void line_escape(struct buffer *out, enum line_dialect dialect, const char *text)
{
	size_t length = strlen(text);

	for (size_t i = 0; i < length;) {
		size_t size = utf8_char_length(text + i, length - i);
		unsigned char c = (unsigned char)text[i];

		if (size == 0) {
			buffer_putc(out, '?');
			size = 1;
		} else if (c < ' ' || c == 0x7f) {
			buffer_putc(out, '_');
		} else if (c == '\\' && dialect == LINE_INFLUX_3) {
			buffer_puts(out, "\\\\");
		} else if (c == '\\' && i + 1 == length) {
			buffer_putc(out, '/');
		} else {
			if (c == ',' || c == '=' || c == ' ')
				buffer_putc(out, '\\');
			buffer_append(out, text + i, size);
		}
		i += size;
	}
}

/* --- numbers ------------------------------------------------------------- */

static size_t decimal_text(char *text, int64_t mantissa, int digits)
{
	char room[LINE_NUMBER_SIZE];
	char *end = room + sizeof room, *at = end;
	uint64_t rest = mantissa < 0 ? -(uint64_t)mantissa : (uint64_t)mantissa;

	if (digits == 0)
		*--at = '0'; /* the type of a field must not hang on its value */
	for (; digits > 0; digits--, rest /= 10)
		*--at = (char)('0' + rest % 10);
	*--at = '.';
	do {
		*--at = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest > 0);
	if (mantissa < 0)
		*--at = '-';
	size_t length = (size_t)(end - at);
	memcpy(text, at, length);
	return length;
}

size_t line_number(char text[static LINE_NUMBER_SIZE], double value)
{
	int64_t mantissa;
	int digits;

	if (number_to_decimal(value, &mantissa, &digits))
		return decimal_text(text, mantissa, digits);
	size_t length = number_format(text, value);
	if (!memchr(text, '.', length) && !memchr(text, 'e', length)) {
		text[length++] = '.';
		text[length++] = '0';
	}
	return length;
}

/* --- names --------------------------------------------------------------- */

/* NULL when memory is out. */
static struct prefix *make_prefix(
	enum line_dialect dialect, int64_t source, const struct report *report)
{
	struct prefix *prefix = NULL;
	struct buffer text;

	buffer_init(&text, PREFIX_MAX);
	buffer_puts(&text, "environment");
	/* A tag must not be empty; one without a value is left out. */
	if (*report->station) {
		buffer_puts(&text, ",station=");
		line_escape(&text, dialect, report->station);
	}
	if (*report->sensor) {
		buffer_puts(&text, ",sensor=");
		line_escape(&text, dialect, report->sensor);
	}
	buffer_putc(&text, ' ');
	if (!text.failed)
		prefix = malloc(sizeof *prefix + text.length);
	if (prefix) {
		prefix->source = source;
		prefix->length = (uint16_t)text.length;
		memcpy(prefix->station, report->station, NAME_SIZE);
		memcpy(prefix->sensor, report->sensor, NAME_SIZE);
		memcpy(prefix->text, text.data, text.length);
	}
	buffer_free(&text);
	return prefix;
}

static const struct prefix *prefix_of(
	struct line_encoder *encoder, int64_t source, const struct report *report)
{
	struct prefix **slot = &encoder->prefixes[(uint64_t)source % SOURCES];
	struct prefix *prefix = *slot;

	/* The names are compared too: a store begun anew numbers its sources anew. */
	if (prefix && prefix->source == source &&
		strcmp(prefix->station, report->station) == 0 &&
		strcmp(prefix->sensor, report->sensor) == 0)
		return prefix;
	free(prefix);
	*slot = make_prefix(encoder->dialect, source, report);
	return *slot;
}

/* NULL when memory is out. */
static struct key *make_key(enum line_dialect dialect, const struct metric *metric)
{
	struct key *key = NULL;
	struct buffer text;

	buffer_init(&text, KEY_MAX);
	line_escape(&text, dialect, metric->name);
	if (text.length > 0 && !text.failed)
		key = malloc(sizeof *key + text.length);
	if (key) {
		key->metric = metric->id;
		key->length = (uint16_t)text.length;
		memcpy(key->text, text.data, text.length);
	}
	buffer_free(&text);
	return key;
}

/* NULL for a metric nobody declared. */
static const struct key *key_of(struct line_encoder *encoder, uint16_t id)
{
	size_t at = id < METRIC_DECLARED ? id : METRIC_DECLARED + id % DECLARED;
	struct key *key = encoder->keys[at];

	if (key && key->metric == id)
		return key;
	const struct metric *metric = metric_by_id(id);
	if (!metric)
		return NULL;
	free(key);
	encoder->keys[at] = make_key(encoder->dialect, metric);
	return encoder->keys[at];
}

/* --- lines --------------------------------------------------------------- */

static char *put(char *at, const char *bytes, size_t length)
{
	memcpy(at, bytes, length);
	return at + length;
}

static char *put_reading(
	struct line_encoder *encoder, char *at, const struct reading *reading)
{
	if (reading->flag == FLAG_MISSING || !isfinite(reading->value))
		return at;
	const struct key *key = key_of(encoder, reading->metric);
	if (!key)
		return at;
	bool good = reading->flag == FLAG_GOOD || reading->flag == FLAG_NOT_EVALUATED;

	at = put(at, key->text, key->length);
	/* A flag nobody knows is no reason to pass the value off as a good one. */
	if (!good && reading->flag != FLAG_SUSPECT)
		at = put(at, "_bad", 4);
	*at++ = '=';
	at += line_number(at, reading->value);
	*at++ = ',';
	if (!good) {
		at = put(at, key->text, key->length);
		at = put(at, "_qc=", 4);
		at += number_format_int(at, reading->flag);
		at = put(at, "i,", 2);
	}
	return at;
}

void line_encode(struct line_encoder *encoder, int64_t source,
	const struct report *report, struct buffer *out)
{
	const struct prefix *prefix = prefix_of(encoder, source, report);
	size_t most = PREFIX_MAX + STATUS_MAX + LINE_NUMBER_SIZE +
		(size_t)report->count * (2 * (KEY_MAX + 8) + LINE_NUMBER_SIZE);

	if (!prefix)
		return;
	char *start = buffer_reserve(out, most);
	if (!start)
		return;
	char *fields = put(start, prefix->text, prefix->length);
	char *at = fields;
	for (size_t i = 0; i < report->count; i++)
		at = put_reading(encoder, at, &report->readings[i]);
	if (at == fields) {
		*start = '\0'; /* OUT ends where it ended before */
		return;
	}
	if (report->status != STATUS_MEASURING) {
		at = put(at, "status=", 7);
		at += number_format_int(at, report->status);
		at = put(at, "i,", 2);
	}
	at[-1] = ' '; /* instead of the comma behind the last field */
	at += number_format_int(at, report->time_ms);
	*at++ = '\n';
	buffer_advance(out, (size_t)(at - start));
}
