/*
 * The Zalo channel: template messages of an official account, to telephone numbers or to
 * followers. Every message costs money, and each one needs the recipient's consent, so
 * this is for severe alerts to those who asked for them.
 */
#include "alerts/zalo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/channel.h"
#include "alerts/recipients.h"
#include "alerts/zalo_token.h"
#include "config/connection.h"
#include "core/http_client.h"
#include "core/reason.h"
#include "core/secret.h"

enum { RESPONSE_MAX = 16 * 1024, HEADER_SIZE = SECRET_MAX + 16 };

struct zalo_options {
	struct connection server;
	const char *app_id;
	const char *secret_file;
	const char *refresh_token_file;
	const char *state_file;
	const char *template_id;
	struct option_list parameters;
	const char *phones_file;
	const char *users_file;
	const char *oauth_url;
};

static const char to_phones[] = "https://business.openapi.zalo.me/message/template";
static const char to_users[] = "https://openapi.zalo.me/v3.0/oa/message/template";

static const struct option parameter_options[] = {
	{
		.name = "name",
		.type = OPTION_STRING,
		.offset = offsetof(struct zalo_parameter, name),
		.required = true,
		.help = "As the template names it.",
	},
	{
		.name = "value",
		.type = OPTION_STRING,
		.offset = offsetof(struct zalo_parameter, value),
		.required = true,
		.help = "What it is to say; placeholders such as {title} are filled in.",
	},
	{
		.name = "max",
		.type = OPTION_INTEGER,
		.offset = offsetof(struct zalo_parameter, max),
		.fallback = "200",
		.min = 1,
		.max = 2000,
		.unit = "characters",
		.help = "As many as the template takes; the rest is cut.",
	},
	{ .name = NULL },
};

static const struct option_group parameter_group = {
	.name = "parameter",
	.options = parameter_options,
	.size = sizeof(struct zalo_parameter),
};

static const struct option options[] = {
	{
		.name = "app_id",
		.type = OPTION_STRING,
		.offset = offsetof(struct zalo_options, app_id),
		.required = true,
		.min = 1,
		.max = 64,
		.help = "The application's id.",
	},
	{
		.name = "secret_file",
		.type = OPTION_SECRET,
		.offset = offsetof(struct zalo_options, secret_file),
		.required = true,
		.help = "The application's secret key.",
	},
	{
		.name = "refresh_token_file",
		.type = OPTION_SECRET,
		.offset = offsetof(struct zalo_options, refresh_token_file),
		.required = true,
		.help = "The first refresh token; another one put there begins anew.",
	},
	{
		.name = "state_file",
		.type = OPTION_PATH,
		.offset = offsetof(struct zalo_options, state_file),
		.required = true,
		.help = "Where the tokens that follow are kept; never restored from a backup.",
	},
	{
		.name = "template_id",
		.type = OPTION_STRING,
		.offset = offsetof(struct zalo_options, template_id),
		.required = true,
		.min = 1,
		.max = 64,
		.help = "The approved template.",
	},
	{
		.name = "parameters",
		.type = OPTION_LIST,
		.offset = offsetof(struct zalo_options, parameters),
		.group = &parameter_group,
		.help = "What is filled into the template.",
	},
	{
		.name = "phones_file",
		.type = OPTION_PATH,
		.offset = offsetof(struct zalo_options, phones_file),
		.fallback = "",
		.help = "Telephone numbers of Viet Nam, one a line.",
	},
	{
		.name = "users_file",
		.type = OPTION_PATH,
		.offset = offsetof(struct zalo_options, users_file),
		.fallback = "",
		.help = "Instead of numbers, user ids of the account's followers, one a line.",
	},
	{
		.name = "url",
		.type = OPTION_URL,
		.offset = offsetof(struct zalo_options, server.url),
		.fallback = "",
		.choices = connection_http_schemes,
		.help = "Where messages are sent; by default Zalo's address for numbers or for users.",
	},
	{
		.name = "oauth_url",
		.type = OPTION_URL,
		.offset = offsetof(struct zalo_options, oauth_url),
		.fallback = "https://oauth.zaloapp.com/v4/oa/access_token",
		.choices = connection_http_schemes,
		.help = "Where access tokens come from.",
	},
	CONNECTION_HTTP_WITHIN(struct zalo_options, server, "15s"),
	{ .name = NULL },
};

static void check(const void *values, const struct config_place *place)
{
	const struct zalo_options *settings = values;

	connection_check(&settings->server, place);
	channel_check_secure(settings->server.url, "url", place);
	channel_check_secure(settings->oauth_url, "oauth_url", place);
	if (!settings->phones_file[0] == !settings->users_file[0])
		config_error(place,
			settings->phones_file[0] ? "users_file" : "phones_file",
			"one of \"phones_file\" and \"users_file\" must be given, and only one");
}

struct zalo {
	const struct zalo_options *options;
	bool is_user;
	struct zalo_token_settings token_settings;
	struct zalo_token *token;
	struct http_client *client;
	struct recipients *recipients;
};

static void zalo_close(void *self)
{
	struct zalo *zalo = self;

	zalo_token_close(zalo->token);
	http_client_free(zalo->client);
	recipients_free(zalo->recipients);
	free(zalo);
}

static void *zalo_open(
	const struct channel_env *env, const void *values, char *why, size_t size)
{
	const struct zalo_options *settings = values;
	struct zalo *zalo = calloc(1, sizeof *zalo);

	if (!zalo)
		goto no_memory;
	zalo->options = settings;
	zalo->is_user = settings->users_file[0];
	zalo->token_settings = (struct zalo_token_settings){
		.url = settings->oauth_url,
		.app_id = settings->app_id,
		.secret_file = settings->secret_file,
		.refresh_token_file = settings->refresh_token_file,
		.state_file = settings->state_file,
		.http = connection_http_settings(&settings->server),
	};
	zalo->token = zalo_token_open(&zalo->token_settings, why, size);
	if (!zalo->token)
		goto failed;
	zalo->client = http_client_new(&zalo->token_settings.http);
	zalo->recipients = recipients_new(
		zalo->is_user ? settings->users_file : settings->phones_file, NULL, env);
	if (zalo->client && zalo->recipients)
		return zalo;
no_memory:
	snprintf(why, size, "out of memory");
failed:
	if (zalo)
		zalo_close(zalo);
	return NULL;
}

/* POSTs BODY with an access token, once more with a new one where that was refused. */
static enum zalo_blame post(
	struct zalo *zalo, const struct buffer *body, struct answer *answer)
{
	const char *url = zalo->options->server.url[0] ? zalo->options->server.url
		: zalo->is_user                        ? to_users
						       : to_phones;
	enum zalo_blame blame = ZALO_ACCOUNT;
	char header[HEADER_SIZE];
	const char *const headers[] = { "Content-Type: application/json", header, NULL };
	struct buffer response;

	buffer_init(&response, RESPONSE_MAX);
	for (int attempt = 0; attempt < 2; attempt++) {
		const char *token = zalo_token_get(zalo->token, answer);

		if (!token) {
			blame = ZALO_ACCOUNT;
			break;
		}
		snprintf(header, sizeof header, "access_token: %s", token);
		buffer_clear(&response);
		http_post(zalo->client, url, headers, body->data, body->length, &response,
			answer);
		blame = zalo_judge(answer, &response);
		reason_hide(answer, token);
		if (blame != ZALO_TOKEN)
			break;
		zalo_token_forget(zalo->token);
	}
	secret_wipe(header, sizeof header);
	buffer_free(&response);
	return blame;
}

static enum zalo_blame send_one(struct zalo *zalo, const struct message *message,
	const char *line, struct answer *answer)
{
	const struct zalo_options *settings = zalo->options;
	enum zalo_blame blame = ZALO_MESSAGE;
	char phone[ZALO_PHONE_SIZE];
	struct buffer body;

	*answer = (struct answer){ .outcome = OUTCOME_REFUSED, .retry_after_ms = -1 };
	if (!zalo->is_user && !zalo_phone(line, phone)) {
		reason_say(answer, "not a telephone number of Viet Nam");
		return ZALO_RECIPIENT;
	}
	const char *recipient = zalo->is_user ? line : phone;
	buffer_init(&body, OUTBOX_BODY_MAX);
	zalo_body(message, settings->template_id, &settings->parameters, recipient,
		zalo->is_user, message->test, &body);
	if (body.failed)
		reason_say(answer, "message too large");
	else
		blame = post(zalo, &body, answer);
	reason_hide(answer, recipient);
	buffer_free(&body);
	return blame;
}

static void zalo_send(void *self, const struct message *message, struct answer *answer)
{
	struct zalo *zalo = self;
	const char *line;
	bool goes_on = true;

	if (!recipients_begin(zalo->recipients, message, answer))
		return;
	while (goes_on && (line = recipients_next(zalo->recipients))) {
		enum zalo_blame blame = send_one(zalo, message, line, answer);

		/* The message itself is refused: it will be for the others, too. */
		if (answer->outcome == OUTCOME_REFUSED && blame != ZALO_RECIPIENT)
			return;
		goes_on = recipients_note(zalo->recipients, answer);
		if (answer->outcome == OUTCOME_RETRY && blame != ZALO_RECIPIENT)
			goes_on = false;
	}
	recipients_end(zalo->recipients, answer);
}

static void zalo_abort(void *self)
{
	struct zalo *zalo = self;

	zalo_token_abort(zalo->token);
	http_client_abort(zalo->client);
}

extern const struct channel_driver channel_zalo;
const struct channel_driver channel_zalo = {
	.kind = {
		.name = "zalo",
		.summary = "Sends template messages of a Zalo official account.",
		.group = {
			.name = "zalo",
			.options = options,
			.size = sizeof(struct zalo_options),
			.check = check,
		},
	},
	.open = zalo_open,
	.close = zalo_close,
	.send = zalo_send,
	.abort = zalo_abort,
};
