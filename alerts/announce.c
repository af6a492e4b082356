#include "alerts/announce.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "alerts/channel.h"
#include "core/clock.h"
#include "core/log.h"
#include "store/codec.h"
#include "store/episodes.h"

enum { EPISODE_DIGITS = 22 };

void announcer_init(
	struct announcer *announcer, const struct config *config, struct store *store)
{
	*announcer = (struct announcer){ .config = config, .store = store };
	if (getrandom(&announcer->salt, sizeof announcer->salt, 0) !=
		sizeof announcer->salt)
		announcer->salt =
			(uint64_t)clock_real_ms() << 20 ^ (uint64_t)(uintptr_t)announcer;
}

/*
 * Letters and digits only, since push services take it as the key by which a later
 * message replaces an earlier one. Time first, so that ids sort.
 */
void announcer_name(struct announcer *announcer, const char *what, const char *place,
	int64_t now_ms, char episode[static EPISODE_SIZE])
{
	static const char digits[] = "234567abcdefghijklmnopqrstuvwxyz";
	uint64_t time = (uint64_t)now_ms;
	uint64_t number[] = { announcer->salt, ++announcer->episodes, time };
	uint64_t hash = codec_hash(0, number, sizeof number);

	hash = codec_hash(hash, what, strlen(what) + 1);
	hash = codec_hash(hash, place, strlen(place));
	for (int i = 0; i < 9; i++)
		episode[i] = digits[time >> 5 * (8 - i) & 31];
	for (int i = 9; i < EPISODE_DIGITS; i++, hash >>= 5)
		episode[i] = digits[hash & 31];
	episode[EPISODE_DIGITS] = '\0';
}

static int channel_language(
	const struct announcer *announcer, const struct option_item *channel)
{
	const struct channel_common *common = channel->common;

	return common->language > 0 ? common->language - 1
				    : announcer->config->alerts.language;
}

/* TELLING in LANGUAGE as the outbox row's body. False: it cannot be held. */
static bool render(
	struct announcer *announcer, const struct telling *telling, int language)
{
	struct outbox_item *row = &announcer->item;
	struct buffer body;

	buffer_init(&body, sizeof row->body - 1);
	telling_render(telling, announcer->config, language, &body);
	bool ok = !body.failed;
	if (ok)
		snprintf(row->body, sizeof row->body, "%s", buffer_text(&body));
	else
		log_error("alert %s: its message is too large", telling->message.rule);
	buffer_free(&body);
	return ok;
}

/* Keeps it in both languages: for CAP, the API and other gateways. 0 or -1. */
static int remember(
	struct announcer *announcer, const struct telling *telling, int64_t now_ms)
{
	const struct message *message = &telling->message;
	struct episode_message kept = {
		.episode = message->id,
		.revision = message->revision,
		.resolved = message->resolved,
		.is_public = telling->audience == AUDIENCE_CITIZENS,
		.created_ms = now_ms,
		.expires_ms = message->expires_ms,
		.rule = message->rule,
		.station = message->station,
		.hazard = hazard_name(message->hazard),
		.origin = "",
		.latitude = telling->latitude,
		.longitude = telling->longitude,
		.bodies = { announcer->first, announcer->item.body },
	};

	if (!render(announcer, telling, 0))
		return 0;
	memcpy(announcer->first, announcer->item.body, sizeof announcer->first);
	if (!render(announcer, telling, 1))
		return 0;
	return history_add(
		announcer->store, &kept, now_ms - announcer->config->alerts.keep_log);
}

static void fill_row(
	struct outbox_item *row, const struct message *message, int64_t now_ms)
{
	snprintf(row->episode, sizeof row->episode, "%s", message->id);
	row->revision = message->revision;
	row->resolved = message->resolved;
	row->created_ms = now_ms;
	row->expires_ms = message->expires_ms;
}

int announce(struct announcer *announcer, const struct telling *telling, int64_t now_ms)
{
	const struct option_list *channels = &announcer->config->alerts.channels;
	const struct option_item *items = channels->items;
	const struct message *message = &telling->message;
	struct outbox_item *row = &announcer->item;
	int rendered = -1, added = 0;

	if (remember(announcer, telling, now_ms) < 0)
		return -1;
	fill_row(row, message, now_ms);
	for (size_t i = 0; i < channels->count; i++) {
		const struct channel_common *common = items[i].common;
		int language = channel_language(announcer, &items[i]);

		if (common->audience != telling->audience)
			continue;
		if (language != rendered && !render(announcer, telling, language))
			continue;
		rendered = language;
		snprintf(row->channel, sizeof row->channel, "%s", items[i].name);
		if (outbox_add(announcer->store, row) < 0)
			return -1;
		added++;
	}
	log_notice("alert %s at %s: %s (%s, revision %d, %d message%s)", message->rule,
		message->station, message->resolved ? "over" : "active", message->id,
		message->revision, added, added == 1 ? "" : "s");
	return added;
}
