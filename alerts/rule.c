#include "alerts/rule.h"

#include <math.h>
#include <string.h>

#include "alerts/rule_parts.h"
#include "core/reading.h"

enum { MARKS_REFUSED = REPORT_RETAINED | REPORT_BACKFILLED | REPORT_CLOCK_UNSET };

enum hazard rule_hazard(const struct rule *rule)
{
	if (rule->hazard > 0)
		return rule->hazard - 1;
	return rule->absent_for > 0 ? HAZARD_DEVICE : rule->metric->hazard;
}

double rule_threshold(const struct rule *rule)
{
	return rule_step(rule, 0).level;
}

const struct rule *rule_find(const struct option_list *rules, const char *name)
{
	const struct rule *all = rules->items;

	for (size_t i = 0; i < rules->count; i++)
		if (strcmp(all[i].name, name) == 0)
			return &all[i];
	return NULL;
}

bool rule_covers(const struct rule *rule, const char *station)
{
	for (size_t i = 0; i < rule->stations.count; i++) {
		if (!strcmp(rule->stations.values[i], station))
			return true;
	}
	return rule->stations.count == 0;
}

bool rule_may_use(const struct rule *rule, const struct observation *seen, int64_t now_ms)
{
	bool measures = seen->status == STATUS_MEASURING && seen->flag >= FLAG_GOOD &&
		seen->flag <= FLAG_SUSPECT && isfinite(seen->value);

	return (measures ||
		       (rule->absent_for > 0 && seen->status == STATUS_CALIBRATING)) &&
		!(seen->marks & MARKS_REFUSED) && seen->time_ms > 0 &&
		seen->time_ms <= now_ms + RULE_FUTURE_MS &&
		now_ms - seen->time_ms <= rule->max_age;
}

enum { TIMES = 7 };

/* The times of STATE as a whole; those of its sensors stand with them. */
static void times_of(struct rule_state *state, int64_t *times[TIMES])
{
	int64_t *const all[TIMES] = { &state->since_ms, &state->began_ms, &state->turn_ms,
		&state->ease_ms, &state->last_ms, &state->told_ms, &state->restored_ms };

	memcpy(times, all, sizeof all);
}

/* The clock was set back: what lies in the future now cannot be compared any more. */
static void repair_times(struct rule_state *state, int64_t now_ms)
{
	int64_t limit = now_ms + RULE_FUTURE_MS;
	int64_t *times[TIMES];

	if (state->last_ms <= limit && state->told_ms <= limit &&
		state->since_ms <= limit)
		return;
	for (unsigned i = state->count; i > 0; i--) {
		if (state->sensors[i - 1].time_ms > limit)
			rule_drop_sensor(state, i - 1);
	}
	times_of(state, times);
	for (size_t i = 0; i < TIMES; i++) {
		if (*times[i] > limit)
			*times[i] = now_ms;
	}
}

void rule_shift(
	const struct rule *rule, struct rule_state *state, const struct clock_step *step)
{
	int64_t *times[TIMES];

	times_of(state, times);
	for (size_t i = 0; i < TIMES; i++)
		*times[i] = clock_after_step(step, *times[i]);
	for (unsigned i = 0; i < state->count; i++) {
		state->sensors[i].time_ms =
			clock_after_step(step, state->sensors[i].time_ms);
		if (state->windows && rule_windows(rule) > 0)
			rule_window_shift(rule, &state->windows[i], step);
	}
}

static const struct rule_event nothing = { .kind = RULE_NOTHING, .value = NAN };

/* An episode begins, or goes on that was over without being told so. */
static void begin(struct rule_state *state, int step)
{
	state->phase = RULE_FIRING;
	state->step = (int8_t)step;
	state->ease_ms = 0;
	if (!state->told) {
		state->began_ms = state->since_ms;
		state->held = false;
	}
}

static void end(struct rule_state *state)
{
	state->phase = RULE_CLEAR;
	state->held = false;
}

/* --- absent_for ------------------------------------------------------- */

/* Nothing is uncertain about silence. */
static const struct rule_verdict silence = { .known = true, .value = NAN, .seen = true };

static struct rule_event observe_presence(const struct rule *rule,
	struct rule_state *state, const struct observation *seen, int64_t now_ms)
{
	/* It is there, but there are no data: neither a begin nor an end of a silence. */
	if (seen->status == STATUS_CALIBRATING && state->phase != RULE_CLEAR)
		return nothing;
	if (seen->time_ms > state->last_ms)
		state->last_ms = seen->time_ms;
	end(state);
	return rule_tell(rule, state, &silence, state->last_ms, now_ms);
}

static struct rule_event tick_presence(const struct rule *rule, struct rule_state *state,
	int64_t now_ms, int64_t start_ms)
{
	int64_t from = state->last_ms > start_ms ? state->last_ms : start_ms;

	if (state->phase == RULE_UNKNOWN)
		return nothing;
	if (state->phase == RULE_CLEAR && now_ms - from >= rule->absent_for) {
		state->since_ms = state->last_ms;
		begin(state, 0);
	}
	return rule_tell(rule, state, &silence,
		state->phase == RULE_FIRING ? now_ms : state->last_ms, now_ms);
}

/* --- thresholds ------------------------------------------------------- */

static bool is_over(const struct rule *rule, const struct rule_verdict *verdict)
{
	return verdict->known && rule_is_over(rule, 0, verdict->value);
}

static bool is_clear(const struct rule *rule, const struct rule_verdict *verdict)
{
	return verdict->known && rule_is_clear(rule, 0, verdict->value);
}

/* PENDING: fires once it has lasted long enough, at data time DATA_MS. */
static void ripen(const struct rule *rule, struct rule_state *state,
	const struct rule_verdict *verdict, int64_t data_ms)
{
	bool enough = rule->measure != RULE_VALUE || rule->min_readings <= 0 ||
		state->readings >= (unsigned)rule->min_readings;

	if (verdict->current && enough && data_ms - state->since_ms >= rule->on_delay)
		begin(state, rule_highest_step(rule, verdict->value));
}

/* FIRING: up at once, down when it is beyond the step's clear level. */
static void climb(const struct rule *rule, struct rule_state *state,
	const struct rule_verdict *verdict, int64_t time_ms, bool gap)
{
	if (verdict->known) {
		int highest = rule_highest_step(rule, verdict->value);

		if (highest > state->step)
			state->step = (int8_t)highest;
		while (state->step > 0 &&
			rule_is_clear(rule, state->step, verdict->value))
			state->step--;
	}
	if (!state->told || state->step >= state->told_step)
		state->ease_ms = 0;
	else if (state->ease_ms == 0 || gap)
		state->ease_ms = time_ms;
}

static void observe_idle(const struct rule *rule, struct rule_state *state,
	const struct rule_verdict *verdict, int64_t time_ms, bool gap)
{
	if (!is_over(rule, verdict)) {
		state->phase = RULE_CLEAR;
		return;
	}
	if (state->phase != RULE_PENDING || gap) {
		state->phase = RULE_PENDING;
		state->since_ms = time_ms;
		state->readings = 0;
	}
	state->readings++;
	ripen(rule, state, verdict, state->last_ms);
}

static void observe_active(const struct rule *rule, struct rule_state *state,
	const struct rule_verdict *verdict, int64_t time_ms, bool gap)
{
	if (!is_clear(rule, verdict)) {
		state->phase = RULE_FIRING;
		climb(rule, state, verdict, time_ms, gap);
		return;
	}
	if (state->phase == RULE_FIRING || gap) {
		state->phase = RULE_CLEARING;
		state->turn_ms = time_ms;
	}
	if (state->last_ms - state->turn_ms >= rule->off_delay)
		end(state);
}

struct rule_event rule_observe(const struct rule *rule, struct rule_state *state,
	const struct observation *seen, int64_t now_ms)
{
	bool gap = false;

	if (!rule_may_use(rule, seen, now_ms))
		return nothing;
	repair_times(state, now_ms);
	if (rule->absent_for > 0)
		return observe_presence(rule, state, seen, now_ms);
	const struct rule_sensor *sensor = rule_note(rule, state, seen, now_ms, &gap);
	if (!sensor)
		return nothing;
	if (state->phase <= RULE_CLEAR) {
		/*
		 * The usual case, and cheap: what was quiet stays quiet. Unless it was
		 * so for want of voices.
		 */
		state->phase = RULE_CLEAR;
		if (!state->told && rule->of <= 1 &&
			!rule_is_over(rule, 0, sensor->value))
			return nothing;
	}
	struct rule_verdict verdict = rule_judge(rule, state, now_ms);
	if (state->phase <= RULE_PENDING)
		observe_idle(rule, state, &verdict, seen->time_ms, gap);
	else
		observe_active(rule, state, &verdict, seen->time_ms, gap);
	return rule_tell(rule, state, &verdict, state->last_ms, now_ms);
}

static struct rule_event tick_threshold(
	const struct rule *rule, struct rule_state *state, int64_t now_ms)
{
	if (state->phase <= RULE_CLEAR && !state->told)
		return nothing;

	/* Durations run on the readings' clock, which is behind by their delay. */
	int64_t data_ms = now_ms - state->lag_ms;
	struct rule_verdict verdict = rule_judge(rule, state, now_ms);

	if (state->phase == RULE_PENDING && is_over(rule, &verdict))
		ripen(rule, state, &verdict, data_ms);
	if (state->phase == RULE_CLEARING && is_clear(rule, &verdict) &&
		now_ms - state->last_ms <= rule->max_age &&
		data_ms - state->turn_ms >= rule->off_delay)
		end(state);
	return rule_tell(rule, state, &verdict, state->last_ms, now_ms);
}

struct rule_event rule_tick(const struct rule *rule, struct rule_state *state,
	int64_t now_ms, int64_t start_ms)
{
	repair_times(state, now_ms);
	if (rule->absent_for > 0)
		return tick_presence(rule, state, now_ms, start_ms);
	return tick_threshold(rule, state, now_ms);
}
