#include "sensors/line.h"

#include <string.h>

#include "core/number.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* DEL too: it may stand in a CRC. */
static bool is_ascii_text(uint8_t c)
{
	return (c >= 0x20 && c < 0x80) || c == '\t' || c == '\r';
}

ssize_t line_frame(const uint8_t *bytes, size_t length, size_t max)
{
	if (length > 0 && (bytes[0] == '\r' || bytes[0] == '\n'))
		return -1;
	for (size_t i = 0; i < length && i < max; i++) {
		if (bytes[i] == '\n')
			return (ssize_t)i + 1;
		if (!is_ascii_text(bytes[i]))
			return -1;
	}
	return length < max ? 0 : -1;
}

ssize_t line_frame_any(const uint8_t *bytes, size_t length, size_t max)
{
	for (size_t i = 0; i < length && i < max; i++) {
		if (bytes[i] == '\n')
			return (ssize_t)i + 1;
		if (bytes[i] == '\r')
			return i + 1 < length && bytes[i + 1] == '\n' && i + 1 < max
				? (ssize_t)i + 2
				: (ssize_t)i + 1;
	}
	return length < max ? 0 : (ssize_t)max + 1;
}

struct span line_body(const uint8_t *bytes, size_t length)
{
	return span_trim((struct span){ (const char *)bytes, length });
}

struct span span_trim(struct span span)
{
	while (span.length > 0 && is_blank(span.at[0])) {
		span.at++;
		span.length--;
	}
	while (span.length > 0 && is_blank(span.at[span.length - 1]))
		span.length--;
	return span;
}

bool span_split(struct span *rest, char delimiter, struct span *field)
{
	const char *end;

	if (rest->at == NULL)
		return false;
	*field = *rest;
	end = rest->length > 0 ? memchr(rest->at, delimiter, rest->length) : NULL;
	if (end == NULL) {
		rest->at = NULL;
		rest->length = 0;
		return true;
	}
	field->length = (size_t)(end - field->at);
	rest->at = end + 1;
	rest->length -= field->length + 1;
	return true;
}

bool span_has_control(struct span span)
{
	for (size_t i = 0; i < span.length; i++)
		if ((uint8_t)span.at[i] < 0x20 && span.at[i] != '\t')
			return true;
	return false;
}

bool span_is(struct span span, const char *text)
{
	return span.length == strlen(text) && memcmp(span.at, text, span.length) == 0;
}

bool span_begins(struct span span, const char *text)
{
	size_t length = strlen(text);

	return span.length >= length && memcmp(span.at, text, length) == 0;
}

bool span_number(struct span span, double *value)
{
	return number_parse(span.at, span.length, value);
}

void line_crc(struct span text, char crc[static LINE_CRC_SIZE])
{
	unsigned sum = 0;

	for (size_t i = 0; i < text.length; i++) {
		sum ^= (uint8_t)text.at[i];
		for (int bit = 0; bit < 8; bit++)
			sum = sum & 1 ? sum >> 1 ^ 0xA001 : sum >> 1;
	}
	crc[0] = (char)(0x40 | sum >> 12);
	crc[1] = (char)(0x40 | (sum >> 6 & 0x3F));
	crc[2] = (char)(0x40 | (sum & 0x3F));
}

bool line_take_crc(struct span *text)
{
	struct span body = *text;
	char crc[LINE_CRC_SIZE];

	if (body.length < LINE_CRC_SIZE)
		return false;
	body.length -= LINE_CRC_SIZE;
	line_crc(body, crc);
	if (memcmp(body.at + body.length, crc, LINE_CRC_SIZE) != 0)
		return false;
	*text = body;
	return true;
}
