/*
 * The webpush channel: alerts to browsers and apps that subscribed (RFC 8030, 8291,
 * 8292; UnifiedPush's endpoints are the same). See docs/webpush.md.
 */
#include "alerts/webpush.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/channel.h"
#include "alerts/push_endpoint.h"
#include "alerts/push_fanout.h"
#include "alerts/vapid.h"

const char webpush_default_key[] = "/etc/muabui/secrets/vapid.pem";

static const char *const page_schemes[] = { "http", "https", NULL };

static const struct option options[] = {
	{
		.name = "subject",
		.type = OPTION_STRING,
		.offset = offsetof(struct webpush_options, subject),
		.required = true,
		.max = 255,
		.help = "Whom push services may ask about the messages: \"mailto:…\" or "
			"\"https://…\".",
	},
	{
		.name = "key_file",
		.type = OPTION_SECRET,
		.offset = offsetof(struct webpush_options, key_file),
		.fallback = "/etc/muabui/secrets/vapid.pem",
		.min = 1,
		.help = "The sender's private key, made by `muabui webpush keys`; another key "
			"ends every subscription.",
	},
	{
		.name = "endpoint_hosts",
		.type = OPTION_STRINGS,
		.offset = offsetof(struct webpush_options, endpoint_hosts),
		.help = "The only hosts that are sent to: \"push.example.net\", with a port, or "
			"\"*.push.example.net\"; by default the push services of Chrome, Edge, "
			"Firefox and Safari.",
	},
	{
		.name = "page",
		.type = OPTION_URL,
		.offset = offsetof(struct webpush_options, page),
		.fallback = "",
		.max = 255,
		.choices = page_schemes,
		.help = "What a tap on the notification opens.",
	},
	{
		.name = "max_subscriptions",
		.type = OPTION_INTEGER,
		.offset = offsetof(struct webpush_options, max_subscriptions),
		.fallback = "200000",
		.min = 1,
		.max = 5000000,
		.help = "How many there may be; about 500 bytes each in the store.",
	},
	{
		.name = "requests_per_minute",
		.type = OPTION_INTEGER,
		.offset = offsetof(struct webpush_options, requests_per_minute),
		.fallback = "30",
		.min = 1,
		.max = 100000,
		.help = "How often one address may make or change subscriptions, and as many at "
			"once; phones of one provider may share an address.",
	},
	{
		.name = "in_flight",
		.type = OPTION_INTEGER,
		.offset = offsetof(struct webpush_options, in_flight),
		.fallback = "256",
		.min = 8,
		.max = 4096,
		.help = "How many messages are on their way at a time; a kill may repeat up to "
			"twice as many.",
	},
	{
		.name = "workers",
		.type = OPTION_INTEGER,
		.offset = offsetof(struct webpush_options, workers),
		.fallback = "2",
		.min = 1,
		.max = 16,
		.help = "Threads that encrypt.",
	},
	{
		.name = "connections",
		.type = OPTION_INTEGER,
		.offset = offsetof(struct webpush_options, connections),
		.fallback = "4",
		.min = 1,
		.max = 32,
		.help = "At most, to one push service; over HTTP/2 each carries about a hundred "
			"messages at a time.",
	},
	{
		.name = "ca_file",
		.type = OPTION_PATH,
		.offset = offsetof(struct webpush_options, ca_file),
		.fallback = "",
		.help = "Certificate authorities, instead of the system's.",
	},
	{
		.name = "timeout",
		.type = OPTION_DURATION,
		.offset = offsetof(struct webpush_options, timeout),
		.fallback = "10s",
		.min = 100,
		.max = 60 * 1000,
		.help = "For one message.",
	},
	{ .name = NULL },
};

static void check(const void *values, const struct config_place *place)
{
	const struct webpush_options *settings = values;
	const struct option_strings *hosts = &settings->endpoint_hosts;
	const char *subject = settings->subject;
	char why[128];

	/* Apple's service takes nothing else. */
	if (strncmp(subject, "https://", 8) != 0 &&
		(strncmp(subject, "mailto:", 7) != 0 || !strchr(subject, '@')))
		config_error(place, "subject",
			"must be \"mailto:\" with an address, or \"https://…\"");
	for (size_t i = 0; i < hosts->count; i++)
		if (!push_host_check(hosts->values[i], why, sizeof why))
			config_error(place, "endpoint_hosts", "\"%s\": %s",
				hosts->values[i], why);
}

/* --- what others ask ------------------------------------------------- */

extern const struct channel_driver channel_webpush;

const struct webpush_options *webpush_find(const struct config *config)
{
	const struct option_item *items = config->alerts.channels.items;

	for (size_t i = 0; i < config->alerts.channels.count; i++)
		if (items[i].kind == &channel_webpush.kind)
			return items[i].options;
	return NULL;
}

void webpush_check(const struct option_list *channels, const struct config_place *place)
{
	const struct option_item *items = channels->items, *first = NULL;

	for (size_t i = 0; i < channels->count; i++) {
		if (items[i].kind != &channel_webpush.kind)
			continue;
		struct config_place here = items[i].place;
		here.errors = place->errors;
		if (first)
			config_error(&here, "type",
				"there may be one webpush channel, and \"%s\" is one",
				first->name);
		first = first ? first : &items[i];
	}
}

/* --- the channel ----------------------------------------------------- */

struct webpush {
	struct push_sender *sender; /* NULL: a trial */
};

static void webpush_close(void *self)
{
	struct webpush *webpush = self;

	push_sender_free(webpush->sender);
	free(webpush);
}

static void *webpush_open(
	const struct channel_env *env, const void *values, char *why, size_t size)
{
	const struct webpush_options *settings = values;
	struct webpush *webpush = calloc(1, sizeof *webpush);

	if (!webpush) {
		snprintf(why, size, "out of memory");
		return NULL;
	}
	if (env->store_path) {
		webpush->sender =
			push_sender_new(settings, env->name, env->store_path, why, size);
		if (webpush->sender)
			return webpush;
	} else {
		struct vapid *vapid =
			vapid_load(settings->key_file, settings->subject, why, size);
		vapid_free(vapid);
		if (vapid)
			return webpush;
	}
	free(webpush);
	return NULL;
}

static void webpush_send(void *self, const struct message *message, struct answer *answer)
{
	struct webpush *webpush = self;

	if (webpush->sender) {
		push_fanout(webpush->sender, message, answer);
		return;
	}
	*answer = (struct answer){ .outcome = OUTCOME_REFUSED,
		.retry_after_ms = -1,
		.reason =
			"the key is good; nothing was sent, since every subscriber would "
			"have got it" };
}

static void webpush_abort(void *self)
{
	struct webpush *webpush = self;

	if (webpush->sender)
		push_sender_abort(webpush->sender);
}

const struct channel_driver channel_webpush = {
	.kind = {
		.name = "webpush",
		.summary = "Sends alerts to the browsers and apps that subscribed on the page.",
		.group = {
			.name = "webpush",
			.options = options,
			.size = sizeof(struct webpush_options),
			.check = check,
		},
	},
	.open = webpush_open,
	.close = webpush_close,
	.send = webpush_send,
	.abort = webpush_abort,
};
