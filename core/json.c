#include "core/json.h"

#include <math.h>
#include <string.h>

#include "core/clock.h"
#include "core/number.h"
#include "core/utf8.h"

void json_start(struct json *json, struct buffer *out)
{
	*json = (struct json){ .out = out };
}

static void put_string(struct buffer *out, const char *text)
{
	static const char hex[] = "0123456789abcdef";
	size_t left = strlen(text);

	buffer_putc(out, '"');
	while (left > 0) {
		unsigned char c = (unsigned char)*text;
		size_t length = utf8_char_length(text, left);

		if (length == 0) {
			buffer_puts(out, "\\ufffd");
			length = 1;
		} else if (c == '"' || c == '\\') {
			buffer_append(out, (char[]){ '\\', (char)c }, 2);
		} else if (c < 0x20 || c == 0x7f) {
			char escape[6] = { '\\', 'u', '0', '0', hex[c >> 4],
				hex[c & 15] };
			buffer_append(out, escape, sizeof escape);
		} else {
			buffer_append(out, text, length);
		}
		text += length;
		left -= length;
	}
	buffer_putc(out, '"');
}

/* What stands before a value: the comma after its predecessor, and its key. */
static void begin_value(struct json *json, const char *key)
{
	if (json->need_comma)
		buffer_putc(json->out, ',');
	json->need_comma = true;
	if (key) {
		put_string(json->out, key);
		buffer_putc(json->out, ':');
	}
}

static void open_scope(struct json *json, const char *key, char bracket)
{
	begin_value(json, key);
	buffer_putc(json->out, bracket);
	json->need_comma = false;
}

static void close_scope(struct json *json, char bracket)
{
	buffer_putc(json->out, bracket);
	json->need_comma = true;
}

void json_object(struct json *json, const char *key)
{
	open_scope(json, key, '{');
}

void json_end_object(struct json *json)
{
	close_scope(json, '}');
}

void json_array(struct json *json, const char *key)
{
	open_scope(json, key, '[');
}

void json_end_array(struct json *json)
{
	close_scope(json, ']');
}

void json_string(struct json *json, const char *key, const char *value)
{
	if (!value) {
		json_null(json, key);
		return;
	}
	begin_value(json, key);
	put_string(json->out, value);
}

void json_number(struct json *json, const char *key, double value)
{
	char text[NUMBER_TEXT_SIZE];

	if (!isfinite(value)) {
		json_null(json, key);
		return;
	}
	begin_value(json, key);
	buffer_append(json->out, text, number_format(text, value));
}

void json_integer(struct json *json, const char *key, int64_t value)
{
	char text[NUMBER_TEXT_SIZE];

	begin_value(json, key);
	buffer_append(json->out, text, number_format_int(text, value));
}

void json_bool(struct json *json, const char *key, bool value)
{
	begin_value(json, key);
	buffer_puts(json->out, value ? "true" : "false");
}

void json_null(struct json *json, const char *key)
{
	begin_value(json, key);
	buffer_puts(json->out, "null");
}

void json_time(struct json *json, const char *key, int64_t ms, int offset_minutes)
{
	char text[CLOCK_TEXT_SIZE];

	json_string(json, key, clock_format(text, ms, offset_minutes));
}

void json_raw(struct json *json, const char *key, const char *text)
{
	begin_value(json, key);
	buffer_puts(json->out, text);
}
