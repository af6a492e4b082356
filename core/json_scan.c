#include "core/json_scan.h"

#include <string.h>

#include "core/number.h"

enum { DEPTH_MAX = 32 };

void json_scan_start(struct json_scan *scan, const char *bytes, size_t length)
{
	*scan = (struct json_scan){ .at = bytes, .end = bytes + length };
}

char json_scan_peek(struct json_scan *scan)
{
	while (scan->at < scan->end &&
		(*scan->at == ' ' || *scan->at == '\n' || *scan->at == '\r' ||
			*scan->at == '\t'))
		scan->at++;
	return scan->at < scan->end ? *scan->at : '\0';
}

static void expect(struct json_scan *scan, char c)
{
	if (!scan->failed && json_scan_peek(scan) == c)
		scan->at++;
	else
		scan->failed = true;
}

void json_scan_enter(struct json_scan *scan, char bracket)
{
	expect(scan, bracket);
}

/* Passes the comma before what follows the first; true when something follows. */
static bool go_on(struct json_scan *scan, bool *first, char closing)
{
	if (scan->failed)
		return false;
	if (json_scan_peek(scan) == closing) {
		scan->at++;
		return false;
	}
	if (!*first)
		expect(scan, ',');
	*first = false;
	/* A comma with nothing behind it is found by whoever reads the value. */
	return !scan->failed;
}

bool json_scan_member(struct json_scan *scan, bool *first, struct json_text *key)
{
	if (!go_on(scan, first, '}'))
		return false;
	json_scan_string(scan, key);
	expect(scan, ':');
	return !scan->failed;
}

bool json_scan_item(struct json_scan *scan, bool *first)
{
	return go_on(scan, first, ']');
}

void json_scan_string(struct json_scan *scan, struct json_text *text)
{
	expect(scan, '"');
	const char *at = scan->at, *end = scan->end;
	*text = (struct json_text){ .bytes = at };
	if (scan->failed)
		return;
	for (; at < end && *at != '"' && (unsigned char)*at >= ' '; at++) {
		if (*at == '\\') {
			text->is_escaped = true;
			if (++at == end)
				break;
		}
	}
	text->length = (size_t)(at - text->bytes);
	scan->failed = at == end || *at != '"';
	scan->at = scan->failed ? at : at + 1;
}

void json_scan_number(struct json_scan *scan, double *value)
{
	char first = json_scan_peek(scan);
	size_t length = 0;

	/* JSON has no plus in front, and no point without a digit before it. */
	if (!scan->failed && first != '+' && first != '.')
		length = number_scan(scan->at, (size_t)(scan->end - scan->at), value);
	scan->at += length;
	scan->failed |= length == 0;
}

static bool pass_word(struct json_scan *scan, const char *word)
{
	size_t length = strlen(word);

	if (scan->failed || (size_t)(scan->end - scan->at) < length ||
		memcmp(scan->at, word, length) != 0)
		return false;
	scan->at += length;
	return true;
}

bool json_scan_null(struct json_scan *scan)
{
	return json_scan_peek(scan) == 'n' && pass_word(scan, "null");
}

static void skip_scalar(struct json_scan *scan, char first)
{
	struct json_text text;
	double number;

	if (first == '"')
		json_scan_string(scan, &text);
	else if (first == 't' || first == 'f' || first == 'n')
		scan->failed |= !pass_word(scan, "true") && !pass_word(scan, "false") &&
			!pass_word(scan, "null");
	else
		json_scan_number(scan, &number);
}

void json_scan_skip(struct json_scan *scan)
{
	char closing[DEPTH_MAX];
	bool first[DEPTH_MAX];
	struct json_text key;
	int depth = 0;

	do {
		char next = json_scan_peek(scan);
		if ((next == '{' || next == '[') && depth < DEPTH_MAX) {
			json_scan_enter(scan, next);
			closing[depth] = next == '{' ? '}' : ']';
			first[depth++] = true;
		} else {
			skip_scalar(scan, next);
		}
		while (depth > 0 && !scan->failed &&
			!(closing[depth - 1] == '}'
					? json_scan_member(scan, &first[depth - 1], &key)
					: json_scan_item(scan, &first[depth - 1])) &&
			!scan->failed)
			depth--;
	} while (depth > 0 && !scan->failed);
}

void json_scan_end(struct json_scan *scan)
{
	if (json_scan_peek(scan) != '\0' || scan->at < scan->end)
		scan->failed = true;
}

bool json_text_is(const struct json_text *text, const char *expected)
{
	return text->length == strlen(expected) &&
		memcmp(text->bytes, expected, text->length) == 0;
}

/* Four hexadecimal digits at AT; -1: other things. */
static long hex_quad(const char *at, const char *end)
{
	long value = 0;

	if (end - at < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char c = at[i];
		int digit = c >= '0' && c <= '9' ? c - '0'
			: c >= 'a' && c <= 'f'   ? c - 'a' + 10
			: c >= 'A' && c <= 'F'   ? c - 'A' + 10
						 : -1;
		if (digit < 0)
			return -1;
		value = value * 16 + digit;
	}
	return value;
}

/* The bytes of CODE in UTF-8. */
static size_t put_utf8(char *out, long code)
{
	size_t count = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	static const unsigned char leads[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

	for (size_t i = count; i-- > 1; code >>= 6)
		out[i] = (char)(0x80 | (code & 0x3f));
	out[0] = (char)(leads[count] | code);
	return count;
}

/* What the escape at *AT, behind its backslash, stands for; moves on. 0: nothing. */
static size_t unescape(const char **at, const char *end, char out[static 4])
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *found = strchr(from, **at);

	if (found && *found) {
		(*at)++;
		out[0] = to[found - from];
		return 1;
	}
	long code = **at == 'u' ? hex_quad(*at + 1, end) : -1;
	if (code <= 0)
		return 0;
	*at += 5;
	if (code >= 0xd800 && code < 0xdc00 && end - *at >= 6 && (*at)[0] == '\\' &&
		(*at)[1] == 'u') {
		long low = hex_quad(*at + 2, end);
		if (low < 0xdc00 || low > 0xdfff)
			return 0;
		*at += 6;
		return put_utf8(out, 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00));
	}
	return code >= 0xd800 && code <= 0xdfff ? 0 : put_utf8(out, code);
}

bool json_text_copy(const struct json_text *text, char *out, size_t size)
{
	const char *at = text->bytes, *end = at + text->length;
	size_t used = 0;

	if (!text->is_escaped) {
		if (text->length >= size)
			return false;
		memcpy(out, at, text->length);
		out[text->length] = '\0';
		return true;
	}
	while (at < end) {
		char piece[4] = { *at };
		size_t length = 1;
		if (*at++ == '\\' && (at == end || !(length = unescape(&at, end, piece))))
			return false;
		if (length >= size - used)
			return false;
		memcpy(out + used, piece, length);
		used += length;
	}
	out[used] = '\0';
	return true;
}
