#include "alerts/announce.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "alerts/channel.h"
#include "alerts/message.h"
#include "alerts/overrides.h"
#include "alerts/texts.h"
#include "core/clock.h"
#include "core/log.h"
#include "store/codec.h"
#include "store/episodes.h"

enum { EPISODE_DIGITS = 22 };

void announcer_init(struct announcer *announcer, const struct config *config,
	struct store *store, const struct directory *directory)
{
	*announcer = (struct announcer){
		.config = config, .store = store, .directory = directory
	};
	if (getrandom(&announcer->salt, sizeof announcer->salt, 0) !=
		sizeof announcer->salt)
		announcer->salt =
			(uint64_t)clock_real_ms() << 20 ^ (uint64_t)(uintptr_t)announcer;
}

/*
 * A new episode's id: letters and digits only, since push services take it as the key
 * by which a later message replaces an earlier one. Time first, so that ids sort.
 */
static void name_episode(struct announcer *announcer, const char *rule,
	const char *station, int64_t now_ms, char id[static EPISODE_SIZE])
{
	static const char digits[] = "234567abcdefghijklmnopqrstuvwxyz";
	uint64_t time = (uint64_t)now_ms;
	uint64_t number[] = { announcer->salt, ++announcer->episodes, time };
	uint64_t hash = codec_hash(0, number, sizeof number);

	hash = codec_hash(hash, rule, strlen(rule) + 1);
	hash = codec_hash(hash, station, strlen(station));
	for (int i = 0; i < 9; i++)
		id[i] = digits[time >> 5 * (8 - i) & 31];
	for (int i = 9; i < EPISODE_DIGITS; i++, hash >>= 5)
		id[i] = digits[hash & 31];
	id[EPISODE_DIGITS] = '\0';
}

static void copy(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%s", text ? text : "");
}

static void name_place(
	const struct announcer *announcer, const char *station, struct message *message)
{
	struct station known;

	directory_find(announcer->directory, station, &known);
	copy(message->station, sizeof message->station, station);
	copy(message->station_name, sizeof message->station_name, known.name);
	/* What is not known to be elsewhere is where this gateway is. */
	copy(message->area, sizeof message->area,
		*known.area ? known.area : announcer->config->station.area);
}

static void fill_message(const struct announcer *announcer, const struct rule *rule,
	const char *station, const struct entry *entry, const struct rule_event *event,
	int64_t now_ms, struct message *message)
{
	*message = (struct message){
		.revision = entry->revision,
		.resolved = event->kind == RULE_RESOLVE,
		.hazard = rule_hazard(rule),
		.severity = (enum severity)event->severity,
		.value = event->value,
		.threshold = event->threshold,
		.since_ms = event->since_ms,
		.at_ms = event->at_ms,
		.expires_ms = now_ms + rule->expires,
	};
	copy(message->id, sizeof message->id, entry->episode);
	copy(message->rule, sizeof message->rule, rule->name);
	copy(message->metric, sizeof message->metric, rule->metric->name);
	copy(message->unit, sizeof message->unit, rule->metric->unit);
	name_place(announcer, station, message);
}

static int channel_language(
	const struct announcer *announcer, const struct option_item *channel)
{
	const struct channel_common *common = channel->common;

	return common->language > 0 ? common->language - 1
				    : announcer->config->alerts.language;
}

/* MESSAGE in LANGUAGE as the outbox row's body. False: it cannot be held. */
static bool render(struct announcer *announcer, const struct rule *rule,
	const struct rule_event *event, struct message *message, int language)
{
	const struct text_about about = text_about_event(rule, event);
	struct buffer body;

	copy(message->language, sizeof message->language, config_languages[language]);
	texts_fill_about(message, &about);
	overrides_apply(announcer->config, &about, message);
	buffer_init(&body, sizeof announcer->item.body - 1);
	message_to_json(message, &body);
	bool ok = !body.failed;
	if (ok)
		copy(announcer->item.body, sizeof announcer->item.body,
			buffer_text(&body));
	else
		log_error("alert %s: its message is too large", message->rule);
	buffer_free(&body);
	return ok;
}

/* Keeps MESSAGE in both languages: for CAP, the API and other gateways. 0 or -1. */
static int remember(struct announcer *announcer, const struct rule *rule,
	const struct rule_event *event, const struct message *message, int64_t now_ms)
{
	struct message copy = *message;
	struct station place;
	struct episode_message kept = {
		.episode = message->id,
		.revision = message->revision,
		.resolved = message->resolved,
		.is_public = rule->audience == AUDIENCE_CITIZENS,
		.created_ms = now_ms,
		.expires_ms = message->expires_ms,
		.rule = message->rule,
		.station = message->station,
		.hazard = hazard_name(message->hazard),
		.origin = "",
		.bodies = { announcer->first, announcer->item.body },
	};

	directory_find(announcer->directory, message->station, &place);
	kept.latitude = place.latitude;
	kept.longitude = place.longitude;
	if (!render(announcer, rule, event, &copy, 0))
		return 0;
	memcpy(announcer->first, announcer->item.body, sizeof announcer->first);
	if (!render(announcer, rule, event, &copy, 1))
		return 0;
	return history_add(
		announcer->store, &kept, now_ms - announcer->config->alerts.keep_log);
}

int announce(struct announcer *announcer, const struct rule *rule, const char *station,
	struct entry *entry, const struct rule_event *event, int64_t now_ms)
{
	const struct option_list *channels = &announcer->config->alerts.channels;
	const struct option_item *items = channels->items;
	struct message message;
	int rendered = -1, added = 0;

	if (event->kind == RULE_FIRE || !entry->episode[0]) {
		name_episode(announcer, rule->name, station, now_ms, entry->episode);
		entry->revision = 0;
	}
	entry->revision++;
	fill_message(announcer, rule, station, entry, event, now_ms, &message);
	if (remember(announcer, rule, event, &message, now_ms) < 0)
		return -1;
	for (size_t i = 0; i < channels->count; i++) {
		const struct channel_common *common = items[i].common;
		struct outbox_item *row = &announcer->item;
		int language = channel_language(announcer, &items[i]);

		if (common->audience != rule->audience)
			continue;
		if (language != rendered &&
			!render(announcer, rule, event, &message, language))
			continue;
		rendered = language;
		copy(row->channel, sizeof row->channel, items[i].name);
		copy(row->episode, sizeof row->episode, message.id);
		row->revision = message.revision;
		row->resolved = message.resolved;
		row->created_ms = now_ms;
		row->expires_ms = message.expires_ms;
		if (outbox_add(announcer->store, row) < 0)
			return -1;
		added++;
	}
	log_notice("alert %s at %s: %s (%s, revision %d, %d message%s)", rule->name,
		station, message.resolved ? "over" : "active", message.id,
		message.revision, added, added == 1 ? "" : "s");
	return added;
}
