/* The channels there are. */
#include "alerts/channel.h"

#include <stddef.h>

extern const struct channel_driver channel_console, channel_webhook, channel_ntfy,
	channel_cap, channel_mqtt, channel_webpush, channel_fcm, channel_apns,
	channel_zalo, channel_telegram, channel_gotify, channel_smtp, channel_exec;

const struct channel_driver *const channel_drivers[] = {
	&channel_console,
	&channel_webhook,
	&channel_ntfy,
	&channel_cap,
	&channel_mqtt,
	&channel_webpush,
	&channel_fcm,
	&channel_apns,
	&channel_zalo,
	&channel_telegram,
	&channel_gotify,
	&channel_smtp,
	&channel_exec,
	NULL,
};

static const struct option_kind *const kinds[] = {
	&channel_console.kind,
	&channel_webhook.kind,
	&channel_ntfy.kind,
	&channel_cap.kind,
	&channel_mqtt.kind,
	&channel_webpush.kind,
	&channel_fcm.kind,
	&channel_apns.kind,
	&channel_zalo.kind,
	&channel_telegram.kind,
	&channel_gotify.kind,
	&channel_smtp.kind,
	&channel_exec.kind,
	NULL,
};

/* config_languages, after the way to name none of them. */
static const char *const languages[] = { "default", "vi", "en", NULL };

static const struct option common[] = {
	{
		.name = "audience",
		.type = OPTION_CHOICE,
		.offset = offsetof(struct channel_common, audience),
		.fallback = "citizens",
		.choices = audience_names,
		.help = "Whose alerts it carries.",
	},
	{
		.name = "language",
		.type = OPTION_CHOICE,
		.offset = offsetof(struct channel_common, language),
		.fallback = "default",
		.choices = languages,
		.help = "The language of its messages; default: that of alerts.",
	},
	{ .name = NULL },
};

const struct option_family channel_family = {
	.key = "type",
	.noun = "channel type",
	.common = {
		.name = "channel",
		.options = common,
		.size = sizeof(struct channel_common),
	},
	.kinds = kinds,
};
