/*
 * The Telegram channel: a bot writes into a chat or a channel. What follows an alert
 * answers its first message, so that an episode can be read together; nothing that was
 * said is changed afterwards. The bot's token stands in the URL: whatever is said of a
 * failure is searched for it.
 */
#include "alerts/telegram.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/channel.h"
#include "core/file.h"
#include "config/connection.h"
#include "core/http_client.h"
#include "core/log.h"
#include "core/reason.h"
#include "core/secret.h"

enum {
	RESPONSE_MAX = 64 * 1024, /* it gives the message back, with its entities */
	THREADS = 64,             /* episodes whose first message is known */
	THREADS_FILE_MAX = THREADS * (EPISODE_SIZE + 24),
};

struct telegram_options {
	struct connection server;
	const char *token_file;
	const char *chat;
	int format;
};

enum { FORMAT_HTML, FORMAT_PLAIN };
static const char *const formats[] = { "html", "plain", NULL };
static const struct option options[] = {
	{
		.name = "token_file",
		.type = OPTION_SECRET,
		.offset = offsetof(struct telegram_options, token_file),
		.required = true,
		.help = "The bot's token.",
	},
	{
		.name = "chat",
		.type = OPTION_STRING,
		.offset = offsetof(struct telegram_options, chat),
		.required = true,
		.min = 1,
		.max = 100,
		.help = "Where it writes: the number of a chat, or \"@channel\".",
	},
	{
		.name = "format",
		.type = OPTION_CHOICE,
		.offset = offsetof(struct telegram_options, format),
		.fallback = "html",
		.choices = formats,
		.help = "html: the title in bold.",
	},
	{
		.name = "url",
		.type = OPTION_URL,
		.offset = offsetof(struct telegram_options, server.url),
		.fallback = "https://api.telegram.org",
		.choices = connection_http_schemes,
		.help = "Where the bot interface is.",
	},
	CONNECTION_HTTP(struct telegram_options, server),
	{ .name = NULL },
};

static void check(const void *values, const struct config_place *place)
{
	const struct telegram_options *settings = values;

	connection_check(&settings->server, place);
	channel_check_secure(settings->server.url, "url", place);
}

struct thread {
	char episode[EPISODE_SIZE]; /* "": none */
	int64_t first;              /* the message's id */
};

struct telegram {
	const struct telegram_options *options;
	const char *name;
	struct http_client *client;
	char token[SECRET_MAX];
	char *url;                      /* with the token in it */
	char *notes;                    /* file of the threads; NULL: none is kept */
	struct thread threads[THREADS]; /* oldest first */
};

/* --- threads ------------------------------------------------------------------ */

static int64_t first_of(const struct telegram *telegram, const char *episode)
{
	for (size_t i = 0; i < THREADS; i++) {
		if (!strcmp(telegram->threads[i].episode, episode))
			return telegram->threads[i].first;
	}
	return 0;
}

static void push_thread(struct telegram *telegram, const char *episode, int64_t first)
{
	struct thread *threads = telegram->threads;

	memmove(threads, threads + 1, (THREADS - 1) * sizeof *threads);
	threads[THREADS - 1].first = first;
	snprintf(threads[THREADS - 1].episode, EPISODE_SIZE, "%s", episode);
}

static void read_threads(struct telegram *telegram)
{
	char why[128];
	struct buffer text;

	buffer_init(&text, THREADS_FILE_MAX);
	if (telegram->notes && file_read(telegram->notes, &text, why, sizeof why)) {
		char *rest = text.data, *line;

		while ((line = strsep(&rest, "\n"))) {
			char *number = strchr(line, ' ');

			if (!number || number - line >= EPISODE_SIZE)
				continue;
			*number++ = '\0';
			push_thread(telegram, line, strtoll(number, NULL, 10));
		}
	}
	buffer_free(&text);
}

static void keep_thread(struct telegram *telegram, const char *episode, int64_t first)
{
	char why[256];
	struct buffer text;

	push_thread(telegram, episode, first);
	if (!telegram->notes)
		return;
	buffer_init(&text, THREADS_FILE_MAX);
	for (size_t i = 0; i < THREADS; i++) {
		if (telegram->threads[i].episode[0])
			buffer_printf(&text, "%s %" PRId64 "\n",
				telegram->threads[i].episode, telegram->threads[i].first);
	}
	if (!file_replace(telegram->notes, text.data, text.length, why, sizeof why))
		log_warning(
			"channel %s: after a restart an all-clear may not answer its alert: %s",
			telegram->name, why);
	buffer_free(&text);
}

/* --- the channel ---------------------------------------------------------------- */

static void telegram_close(void *self)
{
	struct telegram *telegram = self;

	http_client_free(telegram->client);
	secret_wipe(telegram->token, sizeof telegram->token);
	if (telegram->url)
		secret_wipe(telegram->url, strlen(telegram->url));
	free(telegram->url);
	free(telegram->notes);
	free(telegram);
}

static bool set_up(
	struct telegram *telegram, const struct channel_env *env, char *why, size_t size)
{
	const struct telegram_options *settings = telegram->options;

	if (!secret_read(settings->token_file, telegram->token, why, size))
		return false;
	if (!telegram_is_token(telegram->token)) {
		snprintf(why, size, "%s holds no bot token", settings->token_file);
		return false;
	}
	snprintf(why, size, "out of memory");
	if (asprintf(&telegram->url, "%s/bot%s/sendMessage", settings->server.url,
		    telegram->token) < 0) {
		telegram->url = NULL;
		return false;
	}
	if (env->store_path &&
		asprintf(&telegram->notes, "%s.%s.threads", env->store_path, env->name) <
			0) {
		telegram->notes = NULL;
		return false;
	}
	const struct http_settings http = connection_http_settings(&settings->server);
	telegram->client = http_client_new(&http);
	return telegram->client != NULL;
}

static void *telegram_open(
	const struct channel_env *env, const void *values, char *why, size_t size)
{
	struct telegram *telegram = calloc(1, sizeof *telegram);

	if (!telegram) {
		snprintf(why, size, "out of memory");
		return NULL;
	}
	telegram->options = values;
	telegram->name = env->name;
	if (!set_up(telegram, env, why, size)) {
		telegram_close(telegram);
		return NULL;
	}
	read_threads(telegram);
	return telegram;
}

static void telegram_send(
	void *self, const struct message *message, struct answer *answer)
{
	static const char *const headers[] = { "Content-Type: application/json", NULL };
	struct telegram *telegram = self;
	int64_t first = first_of(telegram, message->id);
	struct buffer body, response;

	buffer_init(&body, OUTBOX_BODY_MAX);
	buffer_init(&response, RESPONSE_MAX);
	telegram_body(message, telegram->options->chat,
		telegram->options->format == FORMAT_HTML, first, &body);
	if (body.failed) {
		*answer = (struct answer){ .outcome = OUTCOME_REFUSED,
			.retry_after_ms = -1 };
		reason_say(answer, "message too large");
		goto done;
	}
	http_post(telegram->client, telegram->url, headers, body.data, body.length,
		&response, answer);
	telegram_judge(answer, &response);
	reason_hide(answer, telegram->token);
	int64_t id = answer->outcome == OUTCOME_DONE ? telegram_message_id(&response) : 0;
	if (id && !first && !message->test)
		keep_thread(telegram, message->id, id);
done:
	buffer_free(&response);
	buffer_free(&body);
}

static void telegram_abort(void *self)
{
	struct telegram *telegram = self;

	http_client_abort(telegram->client);
}

extern const struct channel_driver channel_telegram;
const struct channel_driver channel_telegram = {
	.kind = {
		.name = "telegram",
		.summary = "Lets a Telegram bot write alerts into a chat.",
		.group = {
			.name = "telegram",
			.options = options,
			.size = sizeof(struct telegram_options),
			.check = check,
		},
	},
	.open = telegram_open,
	.close = telegram_close,
	.send = telegram_send,
	.abort = telegram_abort,
};
