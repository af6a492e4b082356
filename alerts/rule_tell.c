/*
 * What is told, and when: quiet hours, reminders that grow rarer, steps up and down. The
 * state goes its way in rule.c whether anybody is told or not; here stands what was told
 * last, and the difference is what there is to say.
 */
#include "alerts/rule_parts.h"

#include <math.h>

enum {
	OFFSET_MS = 7 * 3600 * 1000, /* Viet Nam has one zone */
	DAY_MS = 24 * 3600 * 1000,
	MINUTE_MS = 60 * 1000,
};

bool rule_is_quiet(const struct rule *rule, int64_t now_ms)
{
	int minute = (int)((now_ms + OFFSET_MS) % DAY_MS / MINUTE_MS);
	int from = rule->quiet.from, to = rule->quiet.to;

	if (from <= to)
		return minute >= from && minute < to;
	return minute >= from || minute < to;
}

bool rule_holds_back(const struct rule *rule, int severity, int64_t now_ms)
{
	return severity < rule->quiet.broken_by && rule_is_quiet(rule, now_ms);
}

static bool must_wait(const struct rule *rule, int step, int64_t now_ms)
{
	return rule_holds_back(rule, rule_step(rule, step).severity, now_ms);
}

/* The pause before the reminder after REPEATS ones. */
static int64_t pause_after(const struct rule *rule, unsigned repeats)
{
	static const double longest = 1e15; /* ms: never, and no int64_t overflows */
	double limit = rule->repeat_max > 0 ? (double)rule->repeat_max : longest;
	double factor = rule->widening > 1 ? pow(rule->widening, repeats) : 1;

	return (int64_t)fmin((double)rule->repeat * factor, limit);
}

/* What there is to say of the state at STEP. */
static struct rule_event word_of(const struct rule *rule, const struct rule_state *state,
	int step, double value, int64_t at_ms)
{
	struct rule_step words = rule_step(rule, step);

	return (struct rule_event){
		.kind = RULE_REPEAT,
		.severity = words.severity,
		.threshold = words.level,
		.value = value,
		.since_ms = state->began_ms,
		.at_ms = at_ms,
	};
}

/* The same as an event of KIND, which is noted as told. */
static struct rule_event event_of(const struct rule *rule, struct rule_state *state,
	enum rule_event_kind kind, double value, int64_t at_ms, int64_t now_ms)
{
	int step = kind == RULE_RESOLVE ? state->worst_step : state->step;
	struct rule_event event = word_of(rule, state, step, value, at_ms);

	event.kind = kind;
	state->told_ms = now_ms;
	state->told_step = state->step;
	state->ease_ms = 0;
	if (kind == RULE_FIRE || state->step > state->worst_step)
		state->worst_step = state->step;
	if (kind == RULE_FIRE || kind == RULE_ESCALATE)
		state->repeats = 0;
	return event;
}

static const struct rule_event nothing = { .kind = RULE_NOTHING, .value = NAN };

/* An episode nobody knows of yet. */
static struct rule_event tell_first(const struct rule *rule, struct rule_state *state,
	const struct rule_verdict *verdict, int64_t at_ms, int64_t now_ms)
{
	if (must_wait(rule, state->step, now_ms)) {
		state->held = true;
		return nothing;
	}
	if (state->held && (!verdict->seen || !verdict->known))
		return nothing; /* does it still stand? */
	struct rule_event event =
		event_of(rule, state, RULE_FIRE, verdict->value, at_ms, now_ms);
	event.late = state->held && !rule_is_quiet(rule, now_ms);
	state->told = true;
	state->held = false;
	return event;
}

/* One that goes on, as far as is known. */
static struct rule_event tell_more(const struct rule *rule, struct rule_state *state,
	const struct rule_verdict *verdict, int64_t at_ms, int64_t now_ms)
{
	enum rule_event_kind kind = RULE_NOTHING;

	if (!verdict->seen || !verdict->known)
		return nothing;
	if (state->step > state->told_step) {
		if (!must_wait(rule, state->step, now_ms))
			kind = RULE_ESCALATE;
	} else if (rule->tell_easing && state->ease_ms > 0 &&
		state->last_ms - state->ease_ms >= rule->off_delay &&
		!must_wait(rule, state->told_step, now_ms)) {
		kind = RULE_EASE;
	}
	if (kind == RULE_NOTHING && rule->repeat > 0 &&
		now_ms - state->told_ms >= pause_after(rule, state->repeats) &&
		!must_wait(rule, state->step, now_ms)) {
		kind = RULE_REPEAT;
		state->repeats++;
	}
	if (kind == RULE_NOTHING)
		return nothing;
	return event_of(rule, state, kind, verdict->value, at_ms, now_ms);
}

static struct rule_event tell_end(const struct rule *rule, struct rule_state *state,
	const struct rule_verdict *verdict, int64_t at_ms, int64_t now_ms)
{
	double value = verdict->value;

	if (must_wait(rule, state->worst_step, now_ms))
		return nothing;
	if (isnan(value) && rule->absent_for == 0)
		value = rule_last_value(state);
	state->told = false;
	return event_of(rule, state, RULE_RESOLVE, value, at_ms, now_ms);
}

struct rule_event rule_tell(const struct rule *rule, struct rule_state *state,
	const struct rule_verdict *verdict, int64_t at_ms, int64_t now_ms)
{
	if (state->phase == RULE_FIRING)
		return state->told ? tell_more(rule, state, verdict, at_ms, now_ms)
				   : tell_first(rule, state, verdict, at_ms, now_ms);
	/* While it is not decided whether it begins again, there is no all-clear either.
	 */
	if (state->phase == RULE_CLEAR && state->told)
		return tell_end(rule, state, verdict, at_ms, now_ms);
	return nothing;
}

struct rule_event rule_present(const struct rule *rule, const struct rule_state *state,
	int64_t now_ms, bool *current)
{
	bool firing = state->phase == RULE_FIRING;
	bool wait = must_wait(rule, state->step, now_ms);
	int step = state->phase >= RULE_FIRING ? state->step : state->worst_step;

	if (rule->absent_for > 0) {
		*current = firing && !wait;
		return word_of(rule, state, 0, NAN, firing ? now_ms : state->last_ms);
	}
	struct rule_verdict verdict = rule_judge(rule, state, now_ms);
	*current = firing && verdict.known && verdict.seen && !wait;
	double value = verdict.known ? verdict.value : rule_last_value(state);
	return word_of(rule, state, step, value, state->last_ms);
}
