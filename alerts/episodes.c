/*
 * What becomes of a rule's event: told now, held back until it may be said, or told
 * together with others. An episode is what people know of an alert: it goes on while its
 * all-clear is held back, and one they never heard of ends without a word.
 */
#include "alerts/engine.h"

#include "alerts/message.h"
#include "core/log.h"
#include "store/desk.h"

enum {
	SOON_MS = 60 * 1000, /* what was held back for less is news, not "still active" */
};

bool episode_stands(const struct entry *entry)
{
	return entry->state.phase >= RULE_FIRING;
}

static int save(struct alerts *alerts, const struct subject *subject)
{
	return states_save(alerts, subject->rule, subject->place, subject->entry);
}

/* --- telling --------------------------------------------------------------- */

/* The all-clear costs nobody's attention that it does not give back. */
static int count(struct alerts *alerts, const struct subject *subject,
	const struct site *site, int64_t now_ms)
{
	struct digest *digest = digests_get(&alerts->digests, subject->rule->audience,
		site->area, rule_hazard(subject->rule));

	if (!digest)
		return -1;
	digest->near_ms = now_ms;
	return limit_count(&alerts->limit, subject->rule->audience, site->area, now_ms);
}

int episode_tell(struct alerts *alerts, const struct subject *subject,
	const struct rule_event *event, int64_t now_ms)
{
	struct entry *entry = subject->entry;
	struct telling telling;
	struct site site;

	gate_site(alerts, subject, &site);
	telling_of_event(&telling, subject->rule, &site, event, entry->episode,
		++entry->revision, now_ms);
	int added = announce(&alerts->announcer, &telling, now_ms);
	if (added < 0 ||
		(event->kind != RULE_RESOLVE &&
			count(alerts, subject, &site, now_ms) < 0))
		return -1;
	entry->owed = OWED_NOTHING;
	entry->told = event->kind != RULE_RESOLVE;
	entry->severity = event->severity;
	return added;
}

/* Tells EVENT, which is no all-clear, as far as the gate lets it. */
static int try_telling(struct alerts *alerts, const struct subject *subject,
	const struct rule_event *event, int64_t now_ms)
{
	struct entry *entry = subject->entry;

	if (gate_is_silenced(alerts, subject, now_ms) ||
		gate_is_inhibited(alerts, subject, event->severity)) {
		entry->owed = OWED_ALERT;
		return 0;
	}
	/* A digest that speaks for it goes on doing so, but for the worst. */
	bool stays = entry->gathered && event->severity < SEVERITY_EXTREME;
	if (!stays && !gate_is_limited(alerts, subject, event->severity, now_ms))
		return episode_tell(alerts, subject, event, now_ms);
	entry->owed = OWED_NOTHING;
	entry->severity = event->severity;
	return gather_take(alerts, subject, now_ms);
}

/* --- events ---------------------------------------------------------------- */

static int begin(struct alerts *alerts, const struct subject *subject,
	const struct rule_event *event, int64_t now_ms)
{
	struct entry *entry = subject->entry;
	struct rule_event late = *event;

	/* For those who were told, it has not been over. */
	if (entry->owed == OWED_OVER) {
		late.late = true;
	} else {
		announcer_name(&alerts->announcer, subject->rule->name,
			subject->place->station, now_ms, entry->episode);
		entry->revision = 0;
		entry->told = entry->gathered = entry->digested = false;
		entry->withheld_ms = now_ms;
	}
	int added = try_telling(alerts, subject, &late, now_ms);
	if (added == 0 && entry->owed == OWED_ALERT)
		log_notice("alert %s at %s: active, nobody is told for now (%s)",
			subject->rule->name, subject->place->station, entry->episode);
	return added;
}

/* Those who deal with it need no reminder; that it has become worse is news. */
static bool is_acknowledged(const struct alerts *alerts, const struct subject *subject)
{
	return subject->rule->audience == AUDIENCE_OPERATORS &&
		desk_acknowledged(alerts->desk, subject->entry->episode, NULL);
}

static int go_on(struct alerts *alerts, const struct subject *subject,
	const struct rule_event *event, int64_t now_ms)
{
	struct entry *entry = subject->entry;
	bool worse = event->kind == RULE_ESCALATE;

	if (entry->owed == OWED_ALERT)
		return worse ? try_telling(alerts, subject, event, now_ms) : 0;
	if (!worse && is_acknowledged(alerts, subject))
		return 0;
	/* Told before: another alert that says it spares the reminder, no more. */
	if (gate_is_inhibited(alerts, subject, event->severity))
		return 0;
	return try_telling(alerts, subject, event, now_ms);
}

/* Silenced; or what says that it is over is a device at fault. */
static bool must_not_end(
	const struct alerts *alerts, const struct subject *subject, int64_t now_ms)
{
	return gate_is_silenced(alerts, subject, now_ms) ||
		gate_has_fault(alerts, subject);
}

static int end(struct alerts *alerts, const struct subject *subject,
	const struct rule_event *event, int64_t now_ms)
{
	struct entry *entry = subject->entry;
	int added = 0;

	if (entry->gathered && gather_release(alerts, subject, now_ms) < 0)
		return -1;
	if (!entry->told) {
		entry->owed = OWED_NOTHING;
		log_notice("alert %s at %s: over, nobody was told by itself (%s)",
			subject->rule->name, subject->place->station, entry->episode);
	} else if (must_not_end(alerts, subject, now_ms)) {
		entry->owed = OWED_OVER;
	} else {
		added = episode_tell(alerts, subject, event, now_ms);
	}
	return added;
}

int episode_follow(struct alerts *alerts, const struct subject *subject,
	const struct rule_event *event, int64_t now_ms)
{
	int added;

	switch (event->kind) {
	case RULE_NOTHING:
		return 0;
	case RULE_FIRE:
		added = begin(alerts, subject, event, now_ms);
		break;
	case RULE_RESOLVE:
		added = end(alerts, subject, event, now_ms);
		break;
	default:
		added = go_on(alerts, subject, event, now_ms);
		break;
	}
	return added < 0 || save(alerts, subject) < 0 ? -1 : added;
}

/* --- what had to wait -------------------------------------------------------- */

/* What stands while it is silenced is told once more afterwards. */
static int note_silence(
	struct alerts *alerts, const struct subject *subject, int64_t now_ms)
{
	struct entry *entry = subject->entry;

	if (!entry->told || !episode_stands(entry) ||
		!gate_is_silenced(alerts, subject, now_ms))
		return 0;
	entry->owed = OWED_ALERT;
	return save(alerts, subject);
}

static int say_over(struct alerts *alerts, const struct subject *subject, int64_t now_ms)
{
	struct entry *entry = subject->entry;
	bool current;
	struct rule_event event =
		rule_present(subject->rule, &entry->state, now_ms, &current);

	if (gate_has_fault(alerts, subject) ||
		rule_holds_back(subject->rule, entry->severity, now_ms))
		return 0;
	event.kind = RULE_RESOLVE;
	event.severity = entry->severity;
	return episode_tell(alerts, subject, &event, now_ms);
}

/* By fresh data only; what is not known to go on waits until it is. */
static int say_active(
	struct alerts *alerts, const struct subject *subject, int64_t now_ms)
{
	struct entry *entry = subject->entry;
	bool current;
	struct rule_event event =
		rule_present(subject->rule, &entry->state, now_ms, &current);

	if (!current)
		return 0;
	event.kind = RULE_FIRE;
	event.late = entry->told || now_ms - entry->withheld_ms >= SOON_MS;
	return try_telling(alerts, subject, &event, now_ms);
}

int episode_tick(struct alerts *alerts, const struct subject *subject, int64_t now_ms)
{
	struct entry *entry = subject->entry;
	int added = 0;

	if (entry->owed == OWED_NOTHING)
		return desk_has_silences(alerts->desk)
			? note_silence(alerts, subject, now_ms)
			: 0;
	if (gate_is_silenced(alerts, subject, now_ms))
		return 0;
	if (entry->owed == OWED_OVER &&
		rule_holds_back(subject->rule, entry->severity, now_ms))
		return 0;
	if (entry->owed == OWED_OVER)
		added = say_over(alerts, subject, now_ms);
	else
		added = say_active(alerts, subject, now_ms);
	if (added < 0)
		return -1;
	if (entry->owed != OWED_NOTHING)
		return 0; /* as before */
	return save(alerts, subject) < 0 ? -1 : added;
}
