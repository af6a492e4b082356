/*
 * Any device or logger that says its values in lines of text. The configuration is its
 * data sheet:
 *
 *   $ENV,2026-11-22,23.4,71,1009.8          columns, counted from 1
 *   T=23.4C;RH=71%;P=1009.8hPa              names, with a delimiter between them
 *   23,4;71,0;1009,8                        a decimal comma
 *
 * A field is empty, NaN, or made of dashes, slashes or stars where there is no value: it
 * is left out. What else is no number makes the whole line suspect, and it is refused:
 * a line has no checksum to trust it by. So is a line that ends before the last
 * configured column.
 *
 * With a prefix, other lines are passed over, and what stands before it is noise. A
 * line that is the request's echo is passed over too.
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/number.h"
#include "sensors/ask.h"
#include "sensors/line.h"
#include "sensors/mapping.h"
#include "sensors/serial.h"
#include "sensors/simulate.h"
#include "sensors/stream.h"

enum { LINE_MAX_SIZE = 512, NUMBER_MAX_SIZE = 32, COLUMN_MAX = 200 };

enum text_decimal { TEXT_POINT, TEXT_COMMA };

struct text_column {
	struct mapping mapping; /* first: see mapping.h */
	int column;             /* from 1; 0: by name */
	const char *name;       /* "" = by column */
	const char *suffix;     /* behind the number; "" = nothing */
};

struct text_options {
	struct serial_options serial; /* first: see stream.h */
	struct ask_options ask;
	const char *delimiter; /* one character; blank: any run of blanks and tabs */
	const char *prefix;
	int fields;                 /* in each line; 0: any number */
	int decimal;                /* enum text_decimal */
	const char *request;        /* "" = it talks by itself */
	struct option_list columns; /* struct text_column */
};

static ssize_t text_frame(const uint8_t *bytes, size_t length)
{
	return line_frame_any(bytes, length, LINE_MAX_SIZE);
}

/* --- fields ------------------------------------------------------------------ */

/* The next field of REST, or false. */
static bool next_field(
	const struct text_options *options, struct span *rest, struct span *field)
{
	char delimiter = options->delimiter[0];

	if (delimiter != ' ') {
		if (!span_split(rest, delimiter, field))
			return false;
		*field = span_trim(*field);
		return true;
	}
	*rest = span_trim(*rest);
	if (rest->length == 0)
		return false;
	field->at = rest->at;
	field->length = 0;
	while (field->length < rest->length && rest->at[field->length] != ' ' &&
		rest->at[field->length] != '\t')
		field->length++;
	rest->at += field->length;
	rest->length -= field->length;
	return true;
}

static bool find_column(const struct text_options *options, struct span line, int column,
	struct span *field)
{
	for (int i = 1; next_field(options, &line, field); i++)
		if (i == column)
			return true;
	return false;
}

static int count_fields(const struct text_options *options, struct span line)
{
	struct span field;
	int count = 0;

	while (next_field(options, &line, &field))
		count++;
	return count;
}

/* The part of FIELD behind "NAME=" or "NAME:". */
static bool has_name(struct span field, const char *name, struct span *value)
{
	size_t length = strlen(name);

	if (!span_begins(field, name))
		return false;
	*value = span_trim((struct span){ field.at + length, field.length - length });
	if (value->length == 0 || (value->at[0] != '=' && value->at[0] != ':'))
		return false;
	value->at++;
	value->length--;
	*value = span_trim(*value);
	return true;
}

static bool find_name(const struct text_options *options, struct span line,
	const char *name, struct span *value)
{
	struct span field;

	while (next_field(options, &line, &field))
		if (has_name(field, name, value))
			return true;
	return false;
}

static bool is_made_of(struct span value, const char *characters)
{
	for (size_t i = 0; i < value.length; i++)
		if (memchr(characters, value.at[i], strlen(characters)) == NULL)
			return false;
	return true;
}

static bool is_missing(struct span value)
{
	return is_made_of(value, "-") || is_made_of(value, "/") ||
		is_made_of(value, "*") ||
		(value.length == 3 && strncasecmp(value.at, "nan", 3) == 0);
}

/* Without the quotes that some loggers put around everything, and without SUFFIX. */
static struct span strip(struct span value, const char *suffix)
{
	size_t length = strlen(suffix);

	if (value.length >= 2 && value.at[0] == '"' &&
		value.at[value.length - 1] == '"') {
		value.at++;
		value.length -= 2;
		value = span_trim(value);
	}
	if (length > 0 && value.length > length &&
		memcmp(value.at + value.length - length, suffix, length) == 0)
		value.length -= length;
	return span_trim(value);
}

static bool read_number(
	const struct text_options *options, struct span value, double *number)
{
	char copy[NUMBER_MAX_SIZE];

	if (value.length > sizeof(copy))
		return false;
	memcpy(copy, value.at, value.length);
	for (size_t i = 0; options->decimal == TEXT_COMMA && i < value.length; i++) {
		if (copy[i] == '.')
			return false;
		if (copy[i] == ',')
			copy[i] = '.';
	}
	return number_parse(copy, value.length, number);
}

/* --- lines --------------------------------------------------------------------- */

static enum sensor_result take_column(const struct text_options *options,
	const struct text_column *column, struct span line, struct report *report)
{
	struct span value;
	double number;
	bool is_there = column->column > 0
		? find_column(options, line, column->column, &value)
		: find_name(options, line, column->name, &value);

	if (!is_there)
		return SENSOR_MISSING_FIELD;
	value = strip(value, column->suffix);
	if (is_missing(value))
		return SENSOR_OK;
	if (!read_number(options, value, &number))
		return SENSOR_BAD_SYNTAX;
	return mapping_take(&column->mapping, number, report);
}

/* What follows the last PREFIX in LINE; false where there is none. */
static bool skip_prefix(struct span *line, const char *prefix)
{
	size_t length = strlen(prefix);

	for (size_t at = line->length; at-- > 0;)
		if (line->length - at >= length &&
			memcmp(line->at + at, prefix, length) == 0) {
			line->at += at + length;
			line->length -= at + length;
			return true;
		}
	return false;
}

/* Blanks and tabs may be delimiters of empty fields: only the line's end goes. */
static struct span without_end(const uint8_t *frame, size_t length)
{
	while (length > 0 && (frame[length - 1] == '\r' || frame[length - 1] == '\n'))
		length--;
	return (struct span){ (const char *)frame, length };
}

static enum sensor_result text_decode(
	const void *opaque, const uint8_t *frame, size_t length, struct report *report)
{
	const struct text_options *options = opaque;
	struct span line = without_end(frame, length);
	const struct text_column *columns;
	struct span request;

	if (options == NULL)
		return SENSOR_MISSING_FIELD; /* nothing says what the columns mean */
	if (span_trim(line).length == 0)
		return SENSOR_IGNORED;
	request = span_trim((struct span){ options->request, strlen(options->request) });
	if (request.length == line.length &&
		memcmp(request.at, line.at, line.length) == 0)
		return SENSOR_IGNORED; /* its echo */
	if (options->prefix[0] != '\0' && !skip_prefix(&line, options->prefix))
		return SENSOR_IGNORED;
	if (span_has_control(line))
		return SENSOR_BAD_SYNTAX;
	if (options->fields > 0 && count_fields(options, line) != options->fields)
		return SENSOR_BAD_SYNTAX;
	columns = options->columns.items;
	for (size_t i = 0; i < options->columns.count; i++) {
		enum sensor_result result =
			take_column(options, &columns[i], line, report);

		if (result != SENSOR_OK)
			return result;
	}
	return report->count > 0 ? SENSOR_OK : SENSOR_DEVICE_ERROR;
}

static struct sensor_turn text_turn(const void *opaque, void *session,
	enum sensor_result last, uint8_t request[static SENSOR_REQUEST_MAX])
{
	const struct text_options *options = opaque;

	(void)session;
	(void)last;
	if (options->request[0] == '\0')
		return ask_listen(&options->ask);
	return ask_turn(&options->ask, options->request, options->ask.every, request);
}

/* --- options ------------------------------------------------------------------- */

static const char *const decimal_names[] = { "point", "comma", NULL };

static const struct option column_table[] = {
	MAPPING_OPTIONS(struct text_column, mapping),
	{
		.name = "column",
		.type = OPTION_INTEGER,
		.offset = offsetof(struct text_column, column),
		.fallback = "0",
		.min = 1,
		.max = COLUMN_MAX,
		.help = "Which column, the first (behind the prefix) being 1.",
	},
	{
		.name = "name",
		.type = OPTION_STRING,
		.offset = offsetof(struct text_column, name),
		.fallback = "",
		.max = 40,
		.help = "Instead of a column: what stands before = or : in the field.",
	},
	{
		.name = "suffix",
		.type = OPTION_STRING,
		.offset = offsetof(struct text_column, suffix),
		.fallback = "",
		.max = 16,
		.help = "What may stand behind the number, such as the unit.",
	},
	{ .name = NULL },
};

static void check_column(const void *values, const struct config_place *place)
{
	const struct text_column *column = values;

	mapping_check(values, place);
	if ((column->column > 0) == (column->name[0] != '\0'))
		config_error(place, "column", "either column or name is needed");
}

static const struct option_group column_group = {
	.name = "column",
	.options = column_table,
	.size = sizeof(struct text_column),
	.check = check_column,
};

static const struct option text_table[] = {
	SERIAL_OPTIONS(struct text_options, serial, "9600", "none"),
	ASK_OPTIONS(struct text_options, ask, "10s", "2s"),
	{
		.name = "delimiter",
		.type = OPTION_STRING,
		.offset = offsetof(struct text_options, delimiter),
		.fallback = ",",
		.min = 1,
		.max = 1,
		.help = "What stands between two fields; a blank stands for any number of them.",
	},
	{
		.name = "prefix",
		.type = OPTION_STRING,
		.offset = offsetof(struct text_options, prefix),
		.fallback = "",
		.max = 64,
		.help = "How the lines begin that are meant; other lines are passed over.",
	},
	{
		.name = "fields",
		.type = OPTION_INTEGER,
		.offset = offsetof(struct text_options, fields),
		.fallback = "0",
		.min = 1,
		.max = COLUMN_MAX,
		.help = "How many fields a whole line has, behind the prefix; others are refused.",
	},
	{
		.name = "decimal",
		.type = OPTION_CHOICE,
		.offset = offsetof(struct text_options, decimal),
		.fallback = "point",
		.choices = decimal_names,
		.help = "The decimal mark of the numbers.",
	},
	{
		.name = "request",
		.type = OPTION_STRING,
		.offset = offsetof(struct text_options, request),
		.fallback = "",
		.max = SENSOR_REQUEST_MAX,
		.help = "What the device is asked with, line end included; empty: it talks by itself.",
	},
	{
		.name = "columns",
		.type = OPTION_LIST,
		.offset = offsetof(struct text_options, columns),
		.required = true,
		.group = &column_group,
		.help = "The fields to read.",
	},
	{ .name = NULL },
};

static void text_check(const void *values, const struct config_place *place)
{
	const struct text_options *options = values;
	char delimiter = options->delimiter[0];

	serial_check(values, place);
	mapping_check_list(
		&options->columns, sizeof(struct text_column), "columns", place);
	if (options->decimal == TEXT_COMMA && delimiter == ',')
		config_error(
			place, "delimiter", "cannot be a comma where decimals have one");
	if (delimiter == '\0' ||
		(delimiter != ' ' && delimiter != '\t' &&
			(isalnum((unsigned char)delimiter) ||
				strchr("+-.", delimiter) != NULL ||
				iscntrl((unsigned char)delimiter))))
		config_error(
			place, "delimiter", "must be one mark that no number contains");
}

/* Asked, it answers whatever it is asked with. */
static const struct simulation text_simulation = {
	.summary =
		"a logger that says lines such as $ENV,12:00:01,74.6,55.1%,P=100.98,1207",
	.sample = "$ENV,12:00:01,74.6,55.1%,P=100.98,1207\r\n"
		  "$ENV,12:00:02,74.7,55.0%,P=100.98,1208\r\n",
};

const struct sensor_driver sensor_text = {
	.kind = {
		.name = "text",
		.summary = "any device that says its values in lines of text, described by the configuration",
		.group = {
			.name = "sensor",
			.options = text_table,
			.size = sizeof(struct text_options),
			.check = text_check,
		},
	},
	.bus = SENSOR_BUS_STREAM,
	.frame = text_frame,
	.frame_max = LINE_MAX_SIZE,
	.decode = text_decode,
	.turn = text_turn,
	.by_line = true,
	.is_text = true,
	.probe = {
		.talking = "columns = ( /* TODO: what its lines say */ { metric = \"temperature\"; column = 1; } );",
	},
	.simulation = &text_simulation,
};
