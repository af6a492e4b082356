#include "core/csv.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/number.h"

int csv_error(struct csv *csv, const char *format, ...)
{
	int length =
		snprintf(csv->why, sizeof csv->why, "%.120s:%lu: ", csv->name, csv->line);
	va_list args;

	va_start(args, format);
	vsnprintf(csv->why + length, sizeof csv->why - (size_t)length, format, args);
	va_end(args);
	return -1;
}

/* --- a record's text ------------------------------------------------------ */

enum state { PLAIN, QUOTED, QUOTE_SEEN };

struct reader {
	struct csv *csv;
	enum state state;
	bool begun; /* the field has characters, or was quoted */
	size_t starts[CSV_FIELDS_MAX];
	size_t count;
};

static bool end_field(struct reader *reader)
{
	struct buffer *text = &reader->csv->text;

	buffer_putc(text, '\0');
	if (reader->count + 1 == CSV_FIELDS_MAX) {
		csv_error(reader->csv, "more than %d fields", CSV_FIELDS_MAX - 1);
		return false;
	}
	reader->starts[++reader->count] = text->length;
	reader->begun = false;
	reader->state = PLAIN;
	return true;
}

/* A character of the record; false with the reason in why. */
static bool take(struct reader *reader, int c)
{
	struct buffer *text = &reader->csv->text;

	if (reader->state == QUOTED) {
		if (c == '"')
			reader->state = QUOTE_SEEN;
		else
			buffer_putc(text, (char)c);
		return true;
	}
	if (c == ',')
		return end_field(reader);
	if (c == '"' && reader->state == QUOTE_SEEN) {
		buffer_putc(text, '"');
		reader->state = QUOTED;
		return true;
	}
	if (c == '"' && !reader->begun) {
		reader->state = QUOTED;
		reader->begun = true;
		return true;
	}
	if (c == '"' || c == '\0' || reader->state == QUOTE_SEEN) {
		csv_error(reader->csv,
			c == '\0' ? "a zero byte" : "a quote inside a field");
		return false;
	}
	reader->begun = true;
	buffer_putc(text, (char)c);
	return true;
}

/* CRLF ends a line as LF does. */
static int next_character(struct csv *csv)
{
	int c = getc_unlocked(csv->in); /* one thread reads it */

	if (c != '\r')
		return c;
	int next = getc_unlocked(csv->in);
	if (next == '\n')
		return next;
	ungetc(next, csv->in);
	return c;
}

/* What an error has left of its line is no record. */
static void pass_rest(struct csv *csv)
{
	int c = '\n';

	if (csv->has_rest)
		while ((c = next_character(csv)) != EOF && c != '\n')
			;
	csv->read += csv->has_rest && c == '\n';
	csv->has_rest = false;
}

/* Reads up to the record's end. 1, 0 at the end of the file, -1. */
static int read_record(struct reader *reader)
{
	struct csv *csv = reader->csv;
	int c;

	pass_rest(csv);
	csv->line = csv->read + 1;
	while ((c = next_character(csv)) != EOF) {
		csv->read += c == '\n';
		if (c == '\n' && reader->state != QUOTED)
			break;
		if (!take(reader, c)) {
			csv->has_rest = c != '\n';
			return -1;
		}
		if (csv->text.failed) {
			csv->has_rest = c != '\n';
			return csv_error(csv, "a record of more than %d bytes%s",
				CSV_RECORD_MAX,
				reader->state == QUOTED ? ": a quote is not closed" : "");
		}
	}
	if (ferror(csv->in))
		return csv_error(csv, "cannot be read");
	if (reader->state == QUOTED)
		return csv_error(csv, "a quote is not closed");
	if (c == EOF && reader->count == 0 && !reader->begun)
		return 0;
	return end_field(reader) ? 1 : -1;
}

/* A line without anything in it. */
static bool is_empty(const struct reader *reader)
{
	return reader->count == 1 && reader->csv->text.length == 1;
}

static int read_fields(struct csv *csv)
{
	struct reader reader = { .csv = csv };
	int got;

	do {
		buffer_clear(&csv->text);
		reader = (struct reader){ .csv = csv };
		got = read_record(&reader);
	} while (got == 1 && is_empty(&reader));
	if (got != 1)
		return got;
	csv->count = reader.count;
	for (size_t i = 0; i < csv->count; i++)
		csv->fields[i] = csv->text.data + reader.starts[i];
	return 1;
}

/* --- records -------------------------------------------------------------- */

static void skip_mark(FILE *in)
{
	int c = getc(in);

	if (c != 0xef) {
		ungetc(c, in);
		return;
	}
	getc(in);
	getc(in);
}

bool csv_begin(struct csv *csv, FILE *in, const char *name)
{
	*csv = (struct csv){ .in = in, .name = name };
	buffer_init(&csv->text, CSV_RECORD_MAX);
	buffer_init(&csv->header_text, CSV_RECORD_MAX);
	skip_mark(in);
	int got = read_fields(csv);
	if (got == 0)
		csv_error(csv, "is empty; the first line must name the columns");
	if (got != 1)
		return false;
	/* The header's text stays, the next records get a buffer of their own. */
	csv->header_text = csv->text;
	memcpy(csv->header, csv->fields, csv->count * sizeof *csv->fields);
	csv->columns = csv->count;
	buffer_init(&csv->text, CSV_RECORD_MAX);
	for (size_t i = 0; i < csv->columns; i++) {
		if (csv_column(csv, csv->header[i]) == (int)i)
			continue;
		csv_error(csv, "the column \"%.64s\" is there twice", csv->header[i]);
		return false;
	}
	return true;
}

int csv_next(struct csv *csv)
{
	int got = read_fields(csv);

	if (got == 1 && csv->count != csv->columns)
		return csv_error(
			csv, "%zu fields, but %zu columns", csv->count, csv->columns);
	return got;
}

int csv_column(const struct csv *csv, const char *name)
{
	for (size_t i = 0; i < csv->columns; i++)
		if (strcmp(csv->header[i], name) == 0)
			return (int)i;
	return -1;
}

bool csv_number(struct csv *csv, int column, double *value)
{
	const char *text = column < 0 ? "" : csv->fields[column];

	*value = NAN;
	if (*text == '\0' || number_parse(text, strlen(text), value))
		return true;
	csv_error(csv, "%s: \"%.40s\" is not a number", csv->header[column], text);
	return false;
}

static int offset_of(const char *text)
{
	size_t length = strlen(text);
	const char *offset = text + (length < 6 ? length : length - 6);

	if (*offset != '+' && *offset != '-')
		return 0;
	/* clock_parse() has seen that these are digits: "+hh:mm". */
	int hours = (offset[1] - '0') * 10 + offset[2] - '0';
	int minutes = hours * 60 + (offset[4] - '0') * 10 + offset[5] - '0';
	return *offset == '-' ? -minutes : minutes;
}

bool csv_time(struct csv *csv, int column, int64_t *ms, int *offset_minutes)
{
	const char *text = csv->fields[column];

	if (!clock_parse(text, ms)) {
		csv_error(csv,
			"%s: \"%.40s\" is not a time such as 2026-11-22T09:00:00+07:00",
			csv->header[column], text);
		return false;
	}
	*offset_minutes = offset_of(text);
	return true;
}

void csv_end(struct csv *csv)
{
	buffer_free(&csv->text);
	buffer_free(&csv->header_text);
}
