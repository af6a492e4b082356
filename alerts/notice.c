#include "alerts/notice.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "alerts/channel.h"
#include "alerts/message.h"
#include "store/outbox.h"

static const int64_t expires_ms = 24 * 3600 * 1000;

/* The message in LANGUAGE, as the body of ITEM. */
static bool render(const struct config *config, const struct notice *notice, int language,
	int64_t now_ms, struct outbox_item *item)
{
	const struct station_config *station = &config->station;
	struct message message = {
		.revision = item->revision,
		.resolved = notice->resolved,
		.hazard = HAZARD_DEVICE,
		.severity = SEVERITY_SEVERE,
		.value = NAN,
		.threshold = NAN,
		.since_ms = notice->since_ms > 0 ? notice->since_ms : now_ms,
		.at_ms = now_ms,
		.expires_ms = now_ms + expires_ms,
	};
	struct buffer body;

	snprintf(message.id, sizeof message.id, "%s", item->episode);
	snprintf(message.rule, sizeof message.rule, "%s", notice->rule);
	snprintf(message.station, sizeof message.station, "%s", station->id);
	snprintf(message.station_name, sizeof message.station_name, "%s",
		station->name && *station->name ? station->name : station->id);
	snprintf(message.area, sizeof message.area, "%s",
		station->area ? station->area : "");
	snprintf(message.language, sizeof message.language, "%s",
		config_languages[language]);
	snprintf(message.title, sizeof message.title, "%s", notice->titles[language]);
	snprintf(message.text, sizeof message.text, "%s", notice->texts[language]);
	if (notice->instructions[language])
		snprintf(message.instruction, sizeof message.instruction, "%s",
			notice->instructions[language]);
	buffer_init(&body, sizeof item->body - 1);
	message_to_json(&message, &body);
	bool ok = !body.failed;
	snprintf(item->body, sizeof item->body, "%s", buffer_text(&body));
	buffer_free(&body);
	return ok;
}

int notice_operators(struct store *store, const struct config *config,
	const struct notice *notice, int64_t now_ms)
{
	const struct option_list *channels = &config->alerts.channels;
	const struct option_item *items = channels->items;
	struct outbox_item item = {
		.revision = notice->revision > 0 ? notice->revision : 1,
		.resolved = notice->resolved,
		.created_ms = now_ms,
		.expires_ms = now_ms + expires_ms,
	};
	int added = 0;

	if (notice->episode)
		snprintf(item.episode, sizeof item.episode, "%s", notice->episode);
	else
		snprintf(item.episode, sizeof item.episode, "%.16s%lld", notice->rule,
			(long long)now_ms);
	for (size_t i = 0; i < channels->count; i++) {
		const struct channel_common *common = items[i].common;
		int language = common->language > 0 ? common->language - 1
						    : config->alerts.language;

		if (common->audience != AUDIENCE_OPERATORS ||
			(notice->but && !strcmp(notice->but, items[i].name)) ||
			!render(config, notice, language, now_ms, &item))
			continue;
		snprintf(item.channel, sizeof item.channel, "%s", items[i].name);
		if (outbox_add(store, &item) < 0)
			return -1;
		added++;
	}
	return added;
}
