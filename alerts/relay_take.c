/* The recorder's side of the relay: what is decided and written in its transaction. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "alerts/channel.h"
#include "alerts/relay_line.h"
#include "alerts/rule.h"
#include "core/clock.h"
#include "core/log.h"
#include "store/episodes.h"

static const int64_t hour_ms = 3600 * 1000;

/* --- what is decided -------------------------------------------------------------------
 */

/*
 * Does a rule of this gateway's own look at what the message is about? One of the same
 * name that covers the station, and has fresh readings of it to judge by.
 */
static bool judges_itself(
	const struct relay *relay, const struct message *message, int64_t now_ms)
{
	const struct rule *rules = relay->config->alerts.rules.items;

	for (size_t i = 0; i < relay->config->alerts.rules.count; i++) {
		const struct rule *rule = &rules[i];

		if (strcmp(rule->name, message->rule) != 0 || !rule->metric ||
			!rule_covers(rule, message->station))
			continue;
		int64_t newest_ms = relay->env.newest(
			relay->env.arg, message->station, rule->metric->id);
		if (newest_ms > 0 && now_ms - newest_ms <= rule->max_age)
			return true;
	}
	return false;
}

/* False: the store failed. */
static bool decide(struct relay *relay, struct store *store, const struct relayed *item,
	int64_t now_ms, enum relay_verdict *verdict)
{
	const struct message *message = &item->envelope.messages[0];
	char origin[NAME_SIZE];
	bool resolved;
	int revision;
	int known = history_newest(store, message->id, &revision, &resolved, origin);

	*verdict = RELAY_TAKEN;
	if (known < 0)
		return false;
	if (known && strcmp(origin, item->box->station) != 0)
		*verdict = RELAY_FOREIGN;
	else if (known && (resolved || message->revision <= revision))
		*verdict = RELAY_KNOWN;
	else if (message->resolved)
		*verdict = known ? RELAY_TAKEN : RELAY_UNTOLD;
	else if (message->expires_ms <= now_ms)
		*verdict = RELAY_UNTIMELY;
	else if (!known && judges_itself(relay, message, now_ms))
		*verdict = RELAY_OWN;
	if (*verdict != RELAY_TAKEN || message->resolved)
		return true;
	int64_t count = history_count(store, item->box->station, now_ms - hour_ms);
	if (count >= item->box->cap)
		*verdict = RELAY_CAPPED;
	return count >= 0;
}

/* --- what is written
 * -------------------------------------------------------------------- */

/* The message in LANGUAGE; one that came in a single language serves for both. */
static const struct message *in_language(const struct envelope *envelope, int language)
{
	for (size_t i = 0; i < envelope->count; i++)
		if (!strcmp(envelope->messages[i].language, config_languages[language]))
			return &envelope->messages[i];
	return &envelope->messages[0];
}

static bool render(struct relay *relay, const struct envelope *envelope)
{
	bool good = true;

	for (int i = 0; i < ENVELOPE_LANGUAGES; i++) {
		struct buffer body;

		buffer_init(&body, OUTBOX_BODY_MAX - 1);
		message_to_json(in_language(envelope, i), &body);
		good = good && !body.failed;
		snprintf(relay->bodies[i], sizeof relay->bodies[i], "%s",
			buffer_text(&body));
		buffer_free(&body);
	}
	return good;
}

static int remember(struct relay *relay, struct store *store, const struct relayed *item,
	int64_t now_ms)
{
	const struct message *message = &item->envelope.messages[0];
	struct station place = { .latitude = NAN, .longitude = NAN };
	struct episode_message kept = {
		.episode = message->id,
		.revision = message->revision,
		.resolved = message->resolved,
		.is_public = item->envelope.audience == AUDIENCE_CITIZENS,
		.created_ms = now_ms,
		.expires_ms = message->expires_ms,
		.rule = message->rule,
		.station = message->station,
		.hazard = hazard_name(message->hazard),
		.origin = item->box->station,
		.bodies = { relay->bodies[0], relay->bodies[1] },
	};

	directory_find(relay->env.directory, message->station, &place);
	kept.latitude = place.latitude;
	kept.longitude = place.longitude;
	return history_add(store, &kept, now_ms - relay->config->alerts.keep_log);
}

/* A row for each channel of the audience. How many, or -1. */
static int add_rows(struct relay *relay, struct store *store,
	const struct envelope *envelope, int64_t now_ms)
{
	const struct option_list *channels = &relay->config->alerts.channels;
	const struct option_item *items = channels->items;
	const struct message *message = &envelope->messages[0];
	struct outbox_item *row = &relay->row;
	int added = 0;

	*row = (struct outbox_item){
		.revision = message->revision,
		.resolved = message->resolved,
		.created_ms = now_ms,
		.expires_ms = message->expires_ms,
	};
	snprintf(row->episode, sizeof row->episode, "%s", message->id);
	for (size_t i = 0; i < channels->count; i++) {
		const struct channel_common *common = items[i].common;
		int language = common->language > 0 ? common->language - 1
						    : relay->config->alerts.language;

		if (common->audience != envelope->audience)
			continue;
		snprintf(row->channel, sizeof row->channel, "%s", items[i].name);
		memcpy(row->body, relay->bodies[language], sizeof row->body);
		if (outbox_add(store, row) < 0)
			return -1;
		added++;
	}
	return added;
}

/* The rows, at least one for the history; 0: it cannot be held; -1: the store failed. */
static int write_item(struct relay *relay, struct store *store,
	const struct relayed *item, int64_t now_ms)
{
	const struct message *message = &item->envelope.messages[0];

	if (!render(relay, &item->envelope))
		return 0;
	if (remember(relay, store, item, now_ms) < 0)
		return -1;
	int added = add_rows(relay, store, &item->envelope, now_ms);
	if (added < 0)
		return -1;
	log_notice("alert %s at %s: %s (%s, revision %d, relayed from %s, %d message%s)",
		message->rule, message->station, message->resolved ? "over" : "active",
		message->id, message->revision, item->box->station, added,
		added == 1 ? "" : "s");
	return added + 1;
}

/* --- the line
 * ---------------------------------------------------------------------------- */

static void set_decided(struct relay_line *line, enum relay_verdict verdict)
{
	line->verdict = verdict;
	line->state = LINE_DECIDED;
	pthread_cond_broadcast(&line->changed);
}

/* Under the line's mutex. As relay_take(). */
static int take_from(struct relay_line *line, struct store *store, int64_t now_ms)
{
	enum relay_verdict verdict;

	if (!decide(line->relay, store, &line->item, now_ms, &verdict))
		return -1;
	if (verdict != RELAY_TAKEN) {
		set_decided(line, verdict);
		return 0;
	}
	int added = write_item(line->relay, store, &line->item, now_ms);
	if (added == 0)
		set_decided(line, RELAY_NONSENSE);
	else if (added > 0)
		line->state = LINE_WRITTEN;
	return added;
}

int relay_take(struct relay *relay, struct store *store, int64_t now_ms)
{
	int total = 0;

	/* By an impossible time nothing is decided. */
	if (!clock_is_set())
		return 0;
	if (relay->count > 0)
		relay_begin(relay);
	for (size_t i = 0; i < relay->count; i++) {
		struct relay_line *line = &relay->lines[i];
		int added = 0;

		pthread_mutex_lock(&line->mutex);
		if (line->state == LINE_WAITING)
			added = take_from(line, store, now_ms);
		pthread_mutex_unlock(&line->mutex);
		if (added < 0)
			return -1;
		total += added;
	}
	return total;
}

void relay_ended(struct relay *relay, bool committed)
{
	for (size_t i = 0; i < relay->count; i++) {
		struct relay_line *line = &relay->lines[i];

		pthread_mutex_lock(&line->mutex);
		if (line->state == LINE_WRITTEN && committed)
			set_decided(line, RELAY_TAKEN);
		else if (line->state == LINE_WRITTEN)
			line->state = LINE_WAITING;
		pthread_mutex_unlock(&line->mutex);
	}
}
