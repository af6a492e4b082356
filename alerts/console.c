/* The console channel: notifications on standard output, for tests and training. */
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "alerts/channel.h"
#include "core/buffer.h"
#include "core/terminal.h"
#include "core/utf8.h"

enum { INDENT = 5 };

struct console_options {
	int unused; /* there is nothing to set */
};

static const struct option options[] = {
	{ .name = NULL },
};

static void *console_open(
	const struct channel_env *env, const void *values, char *why, size_t size)
{
	static int self;

	(void)env;
	(void)values;
	(void)why;
	(void)size;
	return &self;
}

static void console_close(void *self)
{
	(void)self;
}

static const char *icon_of(const struct message *message)
{
	static const char *const icons[] = { "🔵", "🟡", "🟠", "🔴" };

	if (message->test)
		return "⚪";
	return message->resolved ? "🟢" : icons[message->severity];
}

/* TEXT in lines of at most COLUMNS, broken between words; what follows is indented. */
static void put_lines(
	struct buffer *block, const char *indent, const char *text, size_t columns)
{
	size_t width = utf8_width(indent);
	char word[512];

	if (!text[0])
		return;
	buffer_puts(block, indent);
	for (bool first = true; *text; first = false) {
		size_t length = strcspn(text, " ");

		snprintf(word, sizeof word, "%.*s", (int)length, text);
		size_t more = utf8_width(word);
		if (!first && width + 1 + more > columns) {
			buffer_printf(block, "\n%*s", INDENT, "");
			width = INDENT;
		} else if (!first) {
			buffer_putc(block, ' ');
			width++;
		}
		buffer_append(block, text, length);
		width += more;
		text += length + strspn(text + length, " ");
	}
	buffer_putc(block, '\n');
}

static void console_send(void *self, const struct message *message, struct answer *answer)
{
	struct buffer block;
	int columns, rows;

	(void)self;
	terminal_size(&columns, &rows);
	if (!terminal_is_live())
		columns = INT_MAX;
	buffer_init(&block, 8192);
	buffer_printf(&block, "%s %s\n", icon_of(message), message->title);
	put_lines(&block, "   ", message->text, (size_t)columns);
	put_lines(&block, "   → ", message->instruction, (size_t)columns);
	buffer_printf(&block, "   [%s · %s · %s · %s · #%d]\n",
		message->resolved ? "resolved" : severity_names[message->severity],
		hazard_name(message->hazard), message->rule, message->station,
		message->revision);
	terminal_print(buffer_text(&block));
	buffer_free(&block);
	*answer = (struct answer){ .outcome = OUTCOME_DONE, .retry_after_ms = -1 };
}

extern const struct channel_driver channel_console;
const struct channel_driver channel_console = {
	.kind = {
		.name = "console",
		.summary = "Prints alerts on standard output.",
		.group = {
			.name = "console",
			.options = options,
			.size = sizeof(struct console_options),
		},
	},
	.open = console_open,
	.close = console_close,
	.send = console_send,
};
