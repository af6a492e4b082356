#include "core/reason.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/utf8.h"

enum { LINE_MAX_BYTES = 200 }; /* of what a far side says, for people */

/*
 * The URL that begins with "://" at TEXT goes to REASON without user, password, query
 * and fragment. Returns how many bytes it takes up.
 */
static size_t add_url(struct buffer *reason, const char *text, size_t length)
{
	size_t size = 3, end = 3;

	while (size < length && (unsigned char)text[size] > ' ' &&
		!memchr("\"'<>)\x7f", text[size], 6))
		size++;
	size_t host = 3;
	while (end < size && text[end] != '?' && text[end] != '#')
		end++;
	for (size_t i = host; i < end && text[i] != '/'; i++)
		host = text[i] == '@' ? i + 1 : host;
	buffer_puts(reason, "://");
	for (size_t i = host; i < end; i++)
		buffer_putc(reason, (unsigned char)text[i] < 0x80 ? text[i] : '?');
	return size;
}

void reason_append(struct buffer *reason, const char *text, size_t length)
{
	size_t most = reason->length + LINE_MAX_BYTES;

	for (size_t i = 0; i < length && reason->length < most;) {
		size_t size = utf8_char_length(text + i, length - i);
		unsigned char c = (unsigned char)text[i];

		if (length - i > 3 && memcmp(text + i, "://", 3) == 0) {
			i += add_url(reason, text + i, length - i);
			continue;
		}
		if (size == 0 || c <= ' ' || c == 0x7f) {
			if (reason->length > 0 && reason->data[reason->length - 1] != ' ')
				buffer_putc(reason, ' ');
			i++;
			continue;
		}
		buffer_append(reason, text + i, size);
		i += size;
	}
}

void reason_keep(struct answer *answer, struct buffer *reason)
{
	size_t length =
		utf8_fit(buffer_text(reason), reason->length, sizeof answer->reason - 1);

	memcpy(answer->reason, buffer_text(reason), length);
	answer->reason[length] = '\0';
	buffer_free(reason);
}

void reason_say(struct answer *answer, const char *format, ...)
{
	char text[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	size_t length = utf8_fit(text, strlen(text), sizeof answer->reason - 1);
	memcpy(answer->reason, text, length);
	answer->reason[length] = '\0';
}

void reason_hide(struct answer *answer, const char *secret)
{
	struct buffer reason;
	const char *rest = answer->reason, *found;

	if (!strstr(rest, secret))
		return;
	buffer_init(&reason, REASON_MAX);
	while ((found = strstr(rest, secret))) {
		buffer_append(&reason, rest, (size_t)(found - rest));
		buffer_puts(&reason, "…");
		rest = found + strlen(secret);
	}
	buffer_puts(&reason, rest);
	reason_keep(answer, &reason);
}
