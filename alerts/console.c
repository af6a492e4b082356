/* The console channel: notifications on standard output, for tests and training. */
#include <stdio.h>
#include <string.h>

#include "alerts/channel.h"
#include "core/buffer.h"
#include "core/terminal.h"

struct console_options {
	int unused; /* there is nothing to set */
};

static const struct option options[] = {
	{ .name = NULL },
};

static void *console_open(const void *values, char *why, size_t size)
{
	static int self;

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

static void put_line(struct buffer *block, const char *indent, const char *text)
{
	if (text[0])
		buffer_printf(block, "%s%s\n", indent, text);
}

static void console_send(void *self, const struct message *message, struct answer *answer)
{
	struct buffer block;

	(void)self;
	buffer_init(&block, 8192);
	buffer_printf(&block, "%s %s\n", icon_of(message), message->title);
	put_line(&block, "   ", message->text);
	put_line(&block, "   → ", message->instruction);
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
