#include "alerts/mail.h"

#include <stdio.h>
#include <string.h>

#include "alerts/texts.h"
#include "core/base64.h"
#include "core/clock.h"
#include "core/utf8.h"

enum {
	WORD_BYTES = 39, /* in an encoded word: with a header's name below 76 columns */
	LINE_BYTES = 57, /* of a line of base64: 76 columns */
	PLAIN_MAX = 60,  /* of a header that stands as it is */
	REFERENCES_MAX = 10, /* the first and the latest of them */
	ADDRESS_MAX = 254,   /* RFC 5321 */
};

bool mail_is_address(const char *text)
{
	const char *at = strrchr(text, '@');

	if (!at || at == text || !at[1] || strlen(text) > ADDRESS_MAX)
		return false;
	for (const char *c = text; *c; c++) {
		if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f ||
			strchr("<>()[],;:\\\"", *c) || (*c == '@' && c != at))
			return false;
	}
	return true;
}

/* --- the head ---------------------------------------------------------------- */

/* May it stand in a header, even in front of an address, without being encoded? */
static bool is_plain(const char *text)
{
	size_t length = strlen(text);

	if (length > PLAIN_MAX)
		return false;
	for (size_t i = 0; i < length; i++) {
		char c = text[i];
		bool is_alpha = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');

		if (!is_alpha && !(c >= '0' && c <= '9') && !strchr(" -_/+!", c))
			return false;
	}
	return length == 0 || (text[0] != ' ' && text[length - 1] != ' ');
}

/* TEXT as encoded words (RFC 2047), each of whole characters, each on its own line. */
static void put_words(struct buffer *out, const char *text)
{
	size_t length = strlen(text);

	if (is_plain(text)) {
		buffer_puts(out, text);
		return;
	}
	for (size_t i = 0; i < length;) {
		size_t size = utf8_fit(text + i, length - i, WORD_BYTES);

		if (size == 0) { /* what is no character */
			i++;
			continue;
		}
		buffer_puts(out, i > 0 ? "\r\n =?UTF-8?B?" : "=?UTF-8?B?");
		base64_append(out, text + i, size);
		buffer_puts(out, "?=");
		i += size;
	}
}

static void put_addresses(struct buffer *out, const struct option_strings *list)
{
	for (size_t i = 0; i < list->count; i++)
		buffer_printf(out, "%s%s", i > 0 ? ",\r\n " : "", list->values[i]);
}

/* "Thu, 26 Nov 2026 06:30:00 +0700" */
static void put_date(struct buffer *out, int64_t now_ms)
{
	static const char *const days[] = { "Thu", "Fri", "Sat", "Sun", "Mon", "Tue",
		"Wed" };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
		"Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	int64_t local = now_ms / 1000 + TEXTS_OFFSET_MINUTES * 60;
	char text[CLOCK_TEXT_SIZE];

	clock_format(text, now_ms - now_ms % 1000, TEXTS_OFFSET_MINUTES);
	int month = (text[5] - '0') * 10 + text[6] - '0';
	buffer_printf(out, "%s, %.2s %s %.4s %.8s %.3s%.2s",
		days[local > 0 ? local / 86400 % 7 : 0], text + 8,
		months[month > 0 && month <= 12 ? month - 1 : 0], text, text + 11,
		text + 19, text + 23);
}

static void put_id(
	struct buffer *out, const struct message *message, int revision, const char *from)
{
	buffer_printf(out, "<%s.%d@%s>", message->id, revision, strrchr(from, '@') + 1);
}

/* The revisions before; where they are many, the first and the latest. */
static void put_references(
	struct buffer *out, const struct message *message, const char *from)
{
	int latest = message->revision - 1;
	int begin = latest > REFERENCES_MAX ? latest - REFERENCES_MAX + 2 : 2;

	if (latest < 1)
		return;
	buffer_puts(out, "In-Reply-To: ");
	put_id(out, message, latest, from);
	buffer_puts(out, "\r\nReferences: ");
	put_id(out, message, 1, from);
	for (int revision = begin; revision <= latest; revision++) {
		buffer_puts(out, "\r\n ");
		put_id(out, message, revision, from);
	}
	buffer_puts(out, "\r\n");
}

static void put_importance(struct buffer *out, const struct message *message)
{
	if (message->test || message->resolved || message->severity < SEVERITY_SEVERE)
		return;
	buffer_puts(out, "Importance: high\r\nX-Priority: 1\r\n");
}

/* --- the body ------------------------------------------------------------------ */

/* TEXT with its line ends as mail has them. */
static void put_crlf(struct buffer *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\n')
			buffer_puts(out, "\r\n");
		else if (*text != '\r')
			buffer_putc(out, *text);
	}
}

static void put_body(struct buffer *out, const struct message *message)
{
	struct buffer text;

	buffer_init(&text, MAIL_MAX / 2);
	put_crlf(&text, message->text);
	if (message->text[0] && message->instruction[0])
		buffer_puts(&text, "\r\n\r\n");
	put_crlf(&text, message->instruction);
	buffer_printf(&text, "\r\n\r\n-- \r\n%s (%s) · %s · %s · %s · %s #%d\r\n",
		message->station_name, message->station, message->area, message->rule,
		message->resolved ? "resolved" : severity_names[message->severity],
		message->id, message->revision);
	for (size_t i = 0; i < text.length; i += LINE_BYTES) {
		size_t rest = text.length - i;

		base64_append(out, text.data + i, rest < LINE_BYTES ? rest : LINE_BYTES);
		buffer_puts(out, "\r\n");
	}
	out->failed = out->failed || text.failed;
	buffer_free(&text);
}

void mail_compose(const struct message *message, const struct mail_head *head,
	int64_t now_ms, struct buffer *out)
{
	buffer_puts(out, "Date: ");
	put_date(out, now_ms);
	buffer_puts(out, "\r\nFrom: ");
	put_words(out, head->from_name);
	buffer_printf(
		out, "%s<%s>\r\nTo: ", head->from_name[0] ? "\r\n " : "", head->from);
	put_addresses(out, head->to);
	buffer_puts(out, "\r\nSubject: ");
	put_words(out, message->title);
	buffer_puts(out, "\r\nMessage-ID: ");
	put_id(out, message, message->revision, head->from);
	buffer_puts(out, "\r\n");
	put_references(out, message, head->from);
	buffer_puts(out, "Auto-Submitted: auto-generated\r\n");
	put_importance(out, message);
	buffer_printf(out,
		"Content-Language: %s\r\nMIME-Version: 1.0\r\n"
		"Content-Type: text/plain; charset=utf-8\r\n"
		"Content-Transfer-Encoding: base64\r\n\r\n",
		message->language[0] ? message->language : "vi");
	put_body(out, message);
}
