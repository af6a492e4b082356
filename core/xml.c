#include "core/xml.h"

#include <string.h>

#include "core/utf8.h"

static const char *entity_of(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	case '\'':
		return "&#39;";
	default:
		return NULL;
	}
}

/* May the character of LENGTH bytes at TEXT stand in a document? */
static bool is_allowed(const char *text, size_t length)
{
	unsigned char c = (unsigned char)*text;

	if (length == 1)
		return c >= 0x20 || c == '\t' || c == '\n' || c == '\r';
	/* U+FFFE and U+FFFF are none. */
	return length != 3 || memcmp(text, "\xef\xbf", 2) != 0 ||
		(unsigned char)text[2] < 0xbe;
}

void xml_text(struct buffer *out, const char *text)
{
	size_t left = strlen(text);

	while (left > 0) {
		size_t length = utf8_char_length(text, left);
		const char *entity = entity_of(*text);

		if (length == 0 || !is_allowed(text, length)) {
			buffer_puts(out, "\xef\xbf\xbd");
			length = length ? length : 1;
		} else if (entity) {
			buffer_puts(out, entity);
		} else {
			buffer_append(out, text, length);
		}
		text += length;
		left -= length;
	}
}

void xml_element(struct buffer *out, const char *name, const char *text)
{
	if (!text || !*text)
		return;
	buffer_printf(out, "<%s>", name);
	xml_text(out, text);
	buffer_printf(out, "</%s>\n", name);
}
