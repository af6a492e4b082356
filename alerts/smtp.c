/*
 * The smtp channel: letters to operators. Each has a transaction of its own, so that one
 * who is refused, or put off (greylisting), keeps it from nobody else.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/channel.h"
#include "alerts/mail.h"
#include "alerts/recipients.h"
#include "alerts/smtp_client.h"
#include "config/url.h"
#include "core/clock.h"
#include "core/reason.h"
#include "core/secret.h"

struct smtp_options {
	const char *url;
	int tls;
	const char *from;
	const char *from_name;
	struct option_strings to;
	const char *username;
	const char *password_file;
	const char *ca_file;
	int64_t timeout; /* ms */
};

enum { TLS_STARTTLS, TLS_NONE };
static const char *const tls_choices[] = { "starttls", "none", NULL };
static const char *const schemes[] = { "smtps", "smtp", NULL };

static const struct option options[] = {
	{
		.name = "url",
		.type = OPTION_URL,
		.offset = offsetof(struct smtp_options, url),
		.required = true,
		.choices = schemes,
		.help = "The mail server, such as \"smtps://mail.example\" or \"smtp://mail.example:587\".",
	},
	{
		.name = "tls",
		.type = OPTION_CHOICE,
		.offset = offsetof(struct smtp_options, tls),
		.fallback = "starttls",
		.choices = tls_choices,
		.help = "What an smtp:// server must offer; none is for one on this machine only.",
	},
	{
		.name = "from",
		.type = OPTION_STRING,
		.offset = offsetof(struct smtp_options, from),
		.required = true,
		.help = "The sender's address.",
	},
	{
		.name = "from_name",
		.type = OPTION_STRING,
		.offset = offsetof(struct smtp_options, from_name),
		.fallback = "muabui",
		.max = 100,
		.help = "The sender's name.",
	},
	{
		.name = "to",
		.type = OPTION_STRINGS,
		.offset = offsetof(struct smtp_options, to),
		.required = true,
		.help = "The addresses letters go to; each of them sees the others.",
	},
	{
		.name = "username",
		.type = OPTION_STRING,
		.offset = offsetof(struct smtp_options, username),
		.fallback = "",
		.help = "To log in with.",
	},
	{
		.name = "password_file",
		.type = OPTION_SECRET,
		.offset = offsetof(struct smtp_options, password_file),
		.fallback = "",
		.help = "The password of username.",
	},
	{
		.name = "ca_file",
		.type = OPTION_PATH,
		.offset = offsetof(struct smtp_options, ca_file),
		.fallback = "",
		.help = "Certificate authorities, instead of the system's.",
	},
	{
		.name = "timeout",
		.type = OPTION_DURATION,
		.offset = offsetof(struct smtp_options, timeout),
		.fallback = "30s",
		.min = 100,
		.max = 300 * 1000,
		.help = "For a whole letter.",
	},
	{ .name = NULL },
};

static void check(const void *values, const struct config_place *place)
{
	const struct smtp_options *settings = values;

	if (settings->tls == TLS_NONE &&
		(strncmp(settings->url, "smtp:", 5) != 0 ||
			!url_is_loopback(settings->url)))
		config_error(place, "tls",
			"\"none\" is for an smtp:// server on this machine only");
	if (!mail_is_address(settings->from))
		config_error(
			place, "from", "\"%.80s\" is not a mail address", settings->from);
	for (size_t i = 0; i < settings->to.count; i++) {
		if (!mail_is_address(settings->to.values[i]))
			config_error(place, "to", "\"%.80s\" is not a mail address",
				settings->to.values[i]);
	}
	if (!settings->username[0] != !settings->password_file[0])
		config_error(place, settings->username[0] ? "username" : "password_file",
			"\"username\" and \"password_file\" belong together");
}

struct smtp {
	const struct smtp_options *options;
	struct smtp_client *client;
	struct recipients *recipients;
};

static void smtp_close(void *self)
{
	struct smtp *smtp = self;

	smtp_client_free(smtp->client);
	recipients_free(smtp->recipients);
	free(smtp);
}

static void *smtp_open(
	const struct channel_env *env, const void *values, char *why, size_t size)
{
	const struct smtp_options *settings = values;
	struct smtp *smtp = calloc(1, sizeof *smtp);
	char password[SECRET_MAX] = "";

	if (!smtp)
		goto no_memory;
	smtp->options = settings;
	if (settings->username[0] &&
		!secret_read(settings->password_file, password, why, size))
		goto failed;
	smtp->recipients = recipients_new(NULL, &settings->to, env);
	smtp->client = smtp_client_new(&(struct smtp_settings){
		.url = settings->url,
		.is_plain = settings->tls == TLS_NONE,
		.username = settings->username[0] ? settings->username : NULL,
		.password = password,
		.ca_file = settings->ca_file,
		.timeout_ms = settings->timeout,
	});
	secret_wipe(password, sizeof password);
	if (smtp->recipients && smtp->client)
		return smtp;
no_memory:
	snprintf(why, size, "out of memory");
failed:
	if (smtp)
		smtp_close(smtp);
	return NULL;
}

static void send_all(struct smtp *smtp, const struct message *message,
	const struct buffer *letter, struct answer *answer)
{
	const char *to;
	bool goes_on = true, about_recipient;

	if (!recipients_begin(smtp->recipients, message, answer))
		return;
	while (goes_on && (to = recipients_next(smtp->recipients))) {
		smtp_send(smtp->client, smtp->options->from, to, letter, answer,
			&about_recipient);
		/* Servers like to repeat whom they do not know; logs need not. */
		reason_hide(answer, to);
		/* The letter itself is refused: it will be for the others, too. */
		if (answer->outcome == OUTCOME_REFUSED && !about_recipient)
			return;
		goes_on = recipients_note(smtp->recipients, answer);
		if (answer->outcome == OUTCOME_RETRY && !about_recipient)
			goes_on = false;
	}
	recipients_end(smtp->recipients, answer);
}

static void smtp_channel_send(
	void *self, const struct message *message, struct answer *answer)
{
	struct smtp *smtp = self;
	const struct mail_head head = {
		.from = smtp->options->from,
		.from_name = smtp->options->from_name,
		.to = &smtp->options->to,
	};
	struct buffer letter;

	buffer_init(&letter, MAIL_MAX);
	mail_compose(message, &head, clock_wall_ms(), &letter);
	if (letter.failed) {
		*answer = (struct answer){ .outcome = OUTCOME_REFUSED,
			.retry_after_ms = -1 };
		reason_say(answer, "message too large");
	} else {
		send_all(smtp, message, &letter, answer);
	}
	buffer_free(&letter);
}

static void smtp_abort(void *self)
{
	struct smtp *smtp = self;

	smtp_client_abort(smtp->client);
}

extern const struct channel_driver channel_smtp;
const struct channel_driver channel_smtp = {
	.kind = {
		.name = "smtp",
		.summary = "Sends alerts by mail.",
		.group = {
			.name = "smtp",
			.options = options,
			.size = sizeof(struct smtp_options),
			.check = check,
		},
	},
	.open = smtp_open,
	.close = smtp_close,
	.send = smtp_channel_send,
	.abort = smtp_abort,
};
