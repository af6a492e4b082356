#include "sensors/hex.h"

#include <string.h>

/* Hex text has no control characters, and nothing above ASCII outside comments. */
static bool may_be_hex(const uint8_t *bytes, size_t length)
{
	bool in_comment = false;

	for (size_t i = 0; i < length; i++) {
		uint8_t c = bytes[i];

		if (c == '\n')
			in_comment = false;
		else if (c == '#')
			in_comment = true;
		if ((c < 0x20 && c != '\n' && c != '\r' && c != '\t') || c == 0x7F)
			return false;
		if (c >= 0x80 && !in_comment)
			return false;
	}
	return true;
}

static bool is_separator(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ',' || c == ':' ||
		c == '-' || c == ';';
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (uint8_t)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/*
 * One run of hex digits, "424D001C" or "0x42" or "5". Its bytes go behind OUT[*USED].
 * False when it is something else.
 */
static bool read_run(const uint8_t *run, size_t length, uint8_t *out, size_t *used)
{
	if (length > 2 && run[0] == '0' && (run[1] | 0x20) == 'x') {
		run += 2;
		length -= 2;
	}
	if (length == 1 && hex_digit(run[0]) >= 0) {
		out[(*used)++] = (uint8_t)hex_digit(run[0]);
		return true;
	}
	if (length % 2 != 0)
		return false;
	for (size_t i = 0; i < length; i += 2) {
		int high = hex_digit(run[i]);
		int low = hex_digit(run[i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[(*used)++] = (uint8_t)(high << 4 | low);
	}
	return true;
}

size_t hex_read(const uint8_t *text, size_t length, uint8_t *out, size_t *used)
{
	size_t line = 1;
	size_t i = 0;

	*used = 0;
	while (i < length) {
		size_t begin = i;

		if (text[i] == '\n')
			line++;
		if (is_separator(text[i])) {
			i++;
			continue;
		}
		if (text[i] == '#') {
			while (i < length && text[i] != '\n')
				i++;
			continue;
		}
		while (i < length && !is_separator(text[i]) && text[i] != '#')
			i++;
		if (!read_run(text + begin, i - begin, out, used))
			return line;
	}
	return 0;
}

/* Such as no line of text holds. */
static bool has_control(const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (bytes[i] < 0x20 && bytes[i] != '\n' && bytes[i] != '\r' &&
			bytes[i] != '\t')
			return true;
	return false;
}

size_t hex_read_capture(const uint8_t *capture, size_t length, bool speaks_text,
	uint8_t *out, size_t *used)
{
	size_t line = 0;
	bool is_hex = may_be_hex(capture, length);

	if (is_hex) {
		line = hex_read(capture, length, out, used);
		if (!speaks_text || (line == 0 && !has_control(out, *used)))
			return line;
	}
	memcpy(out, capture, length);
	*used = length;
	return 0;
}
