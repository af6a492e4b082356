/*
 * Several alerts of an area and hazard in one message: the digest, for those that come
 * too close together or beyond the limit. It is told at once, then at most every
 * `digest_every`, as long as it has something new; and its all-clear when none of its
 * alerts is left.
 */
#include "alerts/engine.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "alerts/message.h"
#include "store/desk.h"

enum { AGAIN_MS = 5000 }; /* when all that is to be told must not be, for now */

static const char digest_name[] = "digest"; /* what stands for a rule's name */

static struct digest *digest_of(struct alerts *alerts, const struct subject *subject)
{
	struct site site;

	gate_site(alerts, subject, &site);
	return digests_get(&alerts->digests, subject->rule->audience, site.area,
		rule_hazard(subject->rule));
}

/* --- what there is to tell ---------------------------------------------------- */

/* The alerts of an area and hazard. */
struct tally {
	unsigned members;  /* that the digest speaks for */
	unsigned stations; /* with an alert people may know of */
	struct subject worst, member;
	struct rule_event event; /* of the worst */
	int64_t since_ms;        /* the first of them */
};

static bool belongs(const struct alerts *alerts, const struct digest *digest,
	const struct subject *subject)
{
	const struct entry *entry = subject->entry;
	struct site site;

	if (!entry || !(entry->gathered || entry->told) || !episode_stands(entry) ||
		subject->rule->audience != digest->audience ||
		rule_hazard(subject->rule) != digest->hazard)
		return false;
	gate_site(alerts, subject, &site);
	return strcmp(site.area, digest->area) == 0;
}

/* How far beyond its threshold, as a share of it. */
static double excess(const struct rule_event *event)
{
	if (isnan(event->value) || isnan(event->threshold) || event->threshold == 0)
		return 0;
	return fabs(event->value - event->threshold) / fabs(event->threshold);
}

static bool is_worse(const struct rule_event *event, const struct rule_event *than)
{
	if (event->severity != than->severity)
		return event->severity > than->severity;
	return excess(event) > excess(than);
}

static void add_to_tally(struct tally *tally, const struct subject *subject,
	bool new_station, int64_t now_ms)
{
	bool current;
	struct rule_event event =
		rule_present(subject->rule, &subject->entry->state, now_ms, &current);

	tally->stations += new_station;
	if (!tally->worst.rule || is_worse(&event, &tally->event)) {
		tally->worst = *subject;
		tally->event = event;
	}
	if (tally->since_ms == 0 || event.since_ms < tally->since_ms)
		tally->since_ms = event.since_ms;
}

static struct tally take_tally(
	const struct alerts *alerts, const struct digest *digest, int64_t now_ms)
{
	struct tally tally = { .members = 0 };

	for (size_t i = 0; i < alerts->places.size; i++) {
		struct place *place = alerts->places.table[i];
		const struct place *counted = NULL;

		for (size_t r = 0; place && r < alerts->rule_count; r++) {
			struct subject subject = { .number = r,
				.rule = &alerts->rules[r],
				.place = place,
				.entry = place->entries[r] };

			if (!belongs(alerts, digest, &subject))
				continue;
			if (subject.entry->gathered) {
				tally.members++;
				tally.member = subject;
			}
			if (gate_is_silenced(alerts, &subject, now_ms))
				continue;
			add_to_tally(&tally, &subject, counted != place, now_ms);
			counted = place;
		}
	}
	return tally;
}

/* --- telling it ----------------------------------------------------------------- */

static int tell(struct alerts *alerts, struct digest *digest, struct telling *telling,
	int64_t now_ms)
{
	struct message *message = &telling->message;

	telling->is_digest = true;
	snprintf(message->rule, sizeof message->rule, "%s", digest_name);
	snprintf(message->area, sizeof message->area, "%s", digest->area);
	message->since_ms = digest->since_ms;
	int added = announce(&alerts->announcer, telling, now_ms);
	digest->told_ms = now_ms;
	digest->due_ms = 0;
	return added < 0 || digest_save(alerts->store, digest) < 0 ? -1 : added;
}

static int mark_told(
	struct alerts *alerts, const struct digest *digest, struct place *place)
{
	for (size_t r = 0; r < alerts->rule_count; r++) {
		struct subject subject = { .number = r,
			.rule = &alerts->rules[r],
			.place = place,
			.entry = place->entries[r] };

		if (!belongs(alerts, digest, &subject) || !subject.entry->gathered ||
			subject.entry->digested)
			continue;
		subject.entry->digested = true;
		if (states_save(alerts, subject.rule, place, subject.entry) < 0)
			return -1;
	}
	return 0;
}

static int tell_digest(struct alerts *alerts, struct digest *digest,
	const struct tally *tally, int64_t now_ms)
{
	struct rule_event event = tally->event;
	struct telling telling;
	struct site site;

	event.kind = digest->standing ? RULE_REPEAT : RULE_FIRE;
	if (!digest->standing) {
		announcer_name(&alerts->announcer, digest_name, digest->area, now_ms,
			digest->episode);
		digest->revision = 0;
		digest->since_ms = tally->since_ms;
	}
	digest->standing = true;
	digest->severity = event.severity;
	snprintf(digest->rule, sizeof digest->rule, "%s", tally->worst.rule->name);
	gate_site(alerts, &tally->worst, &site);
	telling_of_event(&telling, tally->worst.rule, &site, &event, digest->episode,
		++digest->revision, now_ms);
	telling.stations = tally->stations;
	for (size_t i = 0; i < alerts->places.size; i++)
		if (alerts->places.table[i] &&
			mark_told(alerts, digest, alerts->places.table[i]) < 0)
			return -1;
	return tell(alerts, digest, &telling, now_ms);
}

/* The rule it named last, or another that makes such alerts. */
static const struct rule *rule_of(
	const struct alerts *alerts, const struct digest *digest)
{
	const struct rule *found = NULL;

	for (size_t i = 0; i < alerts->rule_count; i++) {
		const struct rule *rule = &alerts->rules[i];

		if (rule->audience != digest->audience ||
			rule_hazard(rule) != digest->hazard)
			continue;
		if (!found || strcmp(rule->name, digest->rule) == 0)
			found = rule;
	}
	return found;
}

static int tell_over(struct alerts *alerts, struct digest *digest, int64_t now_ms)
{
	const struct rule *rule = rule_of(alerts, digest);
	struct telling telling;
	struct site site;

	digest->standing = false;
	digest->due_ms = 0;
	if (!rule) /* not configured any more */
		return digest_save(alerts->store, digest);
	struct rule_event event = {
		.kind = RULE_RESOLVE,
		.severity = digest->severity,
		.value = NAN,
		.threshold = rule_threshold(rule),
		.at_ms = now_ms,
	};
	site_of_area(&site, alerts->config, digest->area);
	telling_of_event(&telling, rule, &site, &event, digest->episode,
		++digest->revision, now_ms);
	return tell(alerts, digest, &telling, now_ms);
}

/* Only one has come together: it needs no digest. */
static int tell_single(struct alerts *alerts, struct digest *digest,
	const struct tally *tally, int64_t now_ms)
{
	const struct subject *single = &tally->member;
	bool current;
	struct rule_event event =
		rule_present(single->rule, &single->entry->state, now_ms, &current);

	event.kind = RULE_FIRE;
	single->entry->gathered = false;
	digest->due_ms = 0;
	if (digest_save(alerts->store, digest) < 0)
		return -1;
	bool inhibited = gate_is_inhibited(alerts, single, event.severity);
	if (inhibited)
		single->entry->owed = OWED_ALERT;
	int added = inhibited ? 0 : episode_tell(alerts, single, &event, now_ms);
	return added < 0 ||
			states_save(alerts, single->rule, single->place, single->entry) <
				0
		? -1
		: added;
}

static int tell_due(struct alerts *alerts, struct digest *digest, int64_t now_ms)
{
	struct tally tally = take_tally(alerts, digest, now_ms);
	bool silenced =
		desk_covers(alerts->desk, digest_name, "", digest->area, now_ms) > 0;

	const struct rule *rule =
		tally.worst.rule ? tally.worst.rule : rule_of(alerts, digest);
	int severity = tally.worst.rule ? tally.event.severity : digest->severity;
	bool quiet = rule && rule_holds_back(rule, severity, now_ms);

	if (silenced || quiet || (tally.members > 0 && tally.stations == 0)) {
		digest->due_ms = now_ms + AGAIN_MS;
		return digest_save(alerts->store, digest);
	}
	if (tally.members == 0 && digest->standing)
		return tell_over(alerts, digest, now_ms);
	if (tally.members == 0) {
		digest->due_ms = 0;
		return digest_save(alerts->store, digest);
	}
	if (tally.members == 1 && !digest->standing && !tally.member.entry->told &&
		limit_allows(&alerts->limit, digest->audience, digest->area, now_ms))
		return tell_single(alerts, digest, &tally, now_ms);
	return tell_digest(alerts, digest, &tally, now_ms);
}

void gather_settle(struct alerts *alerts, int64_t now_ms)
{
	for (size_t i = 0; i < alerts->digests.count; i++) {
		struct digest *digest = alerts->digests.list[i];

		if (digest->standing && take_tally(alerts, digest, now_ms).members == 0)
			digest->due_ms = now_ms;
	}
}

int gather_finish(struct alerts *alerts, int64_t now_ms)
{
	int total = 0;

	for (size_t i = 0; i < alerts->digests.count; i++) {
		struct digest *digest = alerts->digests.list[i];
		int64_t due_ms = digest->due_ms;
		int added = due_ms == 0
			? 0
			: tell_due(alerts, digest, due_ms > now_ms ? due_ms : now_ms);

		if (added < 0)
			return -1;
		total += added;
	}
	return total;
}

int gather_tick(struct alerts *alerts, int64_t now_ms)
{
	int total = 0;

	for (size_t i = 0; i < alerts->digests.count; i++) {
		struct digest *digest = alerts->digests.list[i];

		if (digest->due_ms == 0 || now_ms < digest->due_ms)
			continue;
		int added = tell_due(alerts, digest, now_ms);
		if (added < 0)
			return -1;
		total += added;
	}
	return total;
}

/* --- members ---------------------------------------------------------------------- */

int gather_take(struct alerts *alerts, const struct subject *subject, int64_t now_ms)
{
	const struct limit_config *config = &alerts->config->alerts.limit;
	struct digest *digest = digest_of(alerts, subject);

	if (!digest)
		return -1;
	subject->entry->gathered = true;
	int64_t due_ms =
		now_ms + (digest->audience == AUDIENCE_CITIZENS ? config->gather : 0);
	/* The clock may have been set back since. */
	if (digest->told_ms > 0 && digest->told_ms <= now_ms &&
		digest->told_ms + config->digest_every > due_ms)
		due_ms = digest->told_ms + config->digest_every;
	if (digest->due_ms > 0 && digest->due_ms <= due_ms)
		return 0;
	digest->due_ms = due_ms;
	return digest_save(alerts->store, digest);
}

int gather_release(struct alerts *alerts, const struct subject *subject, int64_t now_ms)
{
	struct digest *digest = digest_of(alerts, subject);

	if (!digest)
		return -1;
	subject->entry->gathered = subject->entry->digested = false;
	if (take_tally(alerts, digest, now_ms).members > 0)
		return 0;
	digest->due_ms = now_ms;
	return digest_save(alerts->store, digest);
}
