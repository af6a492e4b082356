#include "alerts/rule.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/number.h"
#include "core/reading.h"

enum {
	TEXT_VERSION = 1,
	INTERVAL_MAX_MS = 26 * 3600 * 1000, /* a daily index, and some */
	MARKS_REFUSED = REPORT_RETAINED | REPORT_BACKFILLED | REPORT_CLOCK_UNSET,
};

enum hazard rule_hazard(const struct rule *rule)
{
	if (rule->hazard > 0)
		return rule->hazard - 1;
	return rule->absent_for > 0 ? HAZARD_DEVICE : rule->metric->hazard;
}

double rule_threshold(const struct rule *rule)
{
	if (rule->absent_for > 0)
		return NAN;
	return isnan(rule->above) ? rule->below : rule->above;
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
	return seen->flag >= FLAG_GOOD && seen->flag <= FLAG_SUSPECT &&
		seen->status == STATUS_MEASURING && !(seen->marks & MARKS_REFUSED) &&
		isfinite(seen->value) && seen->time_ms > 0 &&
		seen->time_ms <= now_ms + RULE_FUTURE_MS &&
		now_ms - seen->time_ms <= rule->max_age;
}

static bool is_over(const struct rule *rule, double value)
{
	return isnan(rule->above) ? value < rule->below : value > rule->above;
}

static bool is_clear(const struct rule *rule, double value)
{
	if (isnan(rule->above))
		return isnan(rule->clear_above) ? value >= rule->below
						: value > rule->clear_above;
	return isnan(rule->clear_below) ? value <= rule->above
					: value < rule->clear_below;
}

/*
 * How long a sensor's word holds: max_age, or two of its own intervals where it
 * speaks less often than that, as hourly indices and battery nodes do.
 */
static int64_t holds_for(const struct rule *rule, const struct rule_sensor *sensor)
{
	int64_t twice = 2 * (int64_t)sensor->interval_ms;

	return twice > rule->max_age ? twice : rule->max_age;
}

/* A sensor read back counts until it has had the time to speak again. */
static bool is_fresh(const struct rule *rule, const struct rule_state *state,
	const struct rule_sensor *sensor, int64_t now_ms)
{
	int64_t from = sensor->time_ms;

	if (sensor->restored && state->restored_ms > from)
		from = state->restored_ms;
	return now_ms - from <= holds_for(rule, sensor);
}

/* What the fresh sensors of a station say together. */
struct verdict {
	unsigned fresh;
	bool over;    /* any of them */
	bool clear;   /* all of them, and there is one */
	bool current; /* one that is over was heard within max_age */
	bool seen;    /* one that is not clear was heard within max_age */
	double worst;
};

static struct verdict judge(
	const struct rule *rule, const struct rule_state *state, int64_t now_ms)
{
	struct verdict verdict = { .clear = true, .worst = NAN };

	for (unsigned i = 0; i < state->count; i++) {
		const struct rule_sensor *sensor = &state->sensors[i];
		bool recent =
			!sensor->restored && now_ms - sensor->time_ms <= rule->max_age;

		if (!is_fresh(rule, state, sensor, now_ms))
			continue;
		verdict.fresh++;
		if (isnan(verdict.worst) ||
			(isnan(rule->above) ? sensor->value < verdict.worst
					    : sensor->value > verdict.worst))
			verdict.worst = sensor->value;
		if (is_over(rule, sensor->value)) {
			verdict.over = true;
			verdict.current |= recent;
		}
		if (!is_clear(rule, sensor->value)) {
			verdict.clear = false;
			verdict.seen |= recent;
		}
	}
	verdict.clear &= verdict.fresh > 0;
	return verdict;
}

/* The clock was set back: what lies in the future now cannot be compared any more. */
static void repair_times(struct rule_state *state, int64_t now_ms)
{
	int64_t limit = now_ms + RULE_FUTURE_MS;
	unsigned kept = 0;

	if (state->last_ms <= limit && state->told_ms <= limit &&
		state->since_ms <= limit)
		return;
	for (unsigned i = 0; i < state->count; i++) {
		if (state->sensors[i].time_ms <= limit)
			state->sensors[kept++] = state->sensors[i];
	}
	state->count = kept;
	int64_t *times[] = { &state->since_ms, &state->turn_ms, &state->last_ms,
		&state->told_ms, &state->restored_ms };
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		if (*times[i] > limit)
			*times[i] = now_ms;
	}
}

static struct rule_event event_of(const struct rule *rule, const struct rule_state *state,
	enum rule_event_kind kind, double value, int64_t at_ms)
{
	return (struct rule_event){
		.kind = kind,
		.severity = rule->severity,
		.threshold = rule_threshold(rule),
		.value = value,
		.since_ms = state->since_ms,
		.at_ms = at_ms,
	};
}

static const struct rule_event nothing = { .kind = RULE_NOTHING, .value = NAN };

/* --- absent_for ------------------------------------------------------- */

static struct rule_event observe_presence(
	const struct rule *rule, struct rule_state *state, const struct observation *seen)
{
	bool was_silent = state->phase == RULE_FIRING;

	if (seen->time_ms > state->last_ms)
		state->last_ms = seen->time_ms;
	state->phase = RULE_CLEAR;
	if (!was_silent)
		return nothing;
	return event_of(rule, state, RULE_RESOLVE, NAN, state->last_ms);
}

static struct rule_event tick_presence(const struct rule *rule, struct rule_state *state,
	int64_t now_ms, int64_t start_ms)
{
	int64_t from = state->last_ms > start_ms ? state->last_ms : start_ms;

	if (state->phase == RULE_CLEAR && now_ms - from >= rule->absent_for) {
		state->phase = RULE_FIRING;
		state->since_ms = state->last_ms;
		state->told_ms = now_ms;
		return event_of(rule, state, RULE_FIRE, NAN, now_ms);
	}
	if (state->phase == RULE_FIRING && rule->repeat > 0 &&
		now_ms - state->told_ms >= rule->repeat) {
		state->told_ms = now_ms;
		return event_of(rule, state, RULE_REPEAT, NAN, now_ms);
	}
	return nothing;
}

/* --- thresholds ------------------------------------------------------- */

/* Where a sensor of the key goes; NULL when there is no room for what it says. */
static struct rule_sensor *find_sensor(const struct rule *rule, struct rule_state *state,
	const struct observation *seen, int64_t now_ms)
{
	struct rule_sensor *least = NULL;

	for (unsigned i = 0; i < state->count; i++) {
		if (state->sensors[i].key == seen->sensor)
			return &state->sensors[i];
	}
	if (state->count < RULE_SENSORS_MAX) {
		least = &state->sensors[state->count++];
		*least = (struct rule_sensor){ .key = seen->sensor };
		return least;
	}
	/* All taken: a stale one gives way, or one without complaint to one that has. */
	for (unsigned i = 0; i < state->count; i++) {
		struct rule_sensor *sensor = &state->sensors[i];

		if (is_fresh(rule, state, sensor, now_ms) &&
			(!is_over(rule, seen->value) || is_over(rule, sensor->value)))
			continue;
		if (!least || sensor->time_ms < least->time_ms)
			least = sensor;
	}
	if (least)
		*least = (struct rule_sensor){ .key = seen->sensor };
	return least;
}

/*
 * Notes what was seen. False when it says nothing new. *GAP: there was silence before
 * it, too long to say what happened meanwhile.
 */
static bool note(const struct rule *rule, struct rule_state *state,
	const struct observation *seen, int64_t now_ms, bool *gap)
{
	struct rule_sensor *sensor = find_sensor(rule, state, seen, now_ms);

	if (!sensor || seen->time_ms < sensor->time_ms)
		return false;
	*gap = seen->time_ms - state->last_ms > holds_for(rule, sensor);
	int64_t interval = seen->time_ms - sensor->time_ms;
	if (sensor->time_ms > 0 && interval > 0) {
		/* One long silence must not stretch the sensor's credit at once. */
		int64_t most =
			sensor->interval_ms ? 2 * (int64_t)sensor->interval_ms : interval;
		if (interval > most)
			interval = most;
		sensor->interval_ms =
			interval < INTERVAL_MAX_MS ? (uint32_t)interval : INTERVAL_MAX_MS;
	}
	sensor->time_ms = seen->time_ms;
	sensor->value = seen->value;
	sensor->restored = 0;
	if (seen->time_ms >= state->last_ms) {
		state->last_ms = seen->time_ms;
		state->lag_ms = now_ms > seen->time_ms ? now_ms - seen->time_ms : 0;
	}
	return true;
}

static struct rule_event fire(const struct rule *rule, struct rule_state *state,
	const struct verdict *verdict, int64_t now_ms)
{
	state->phase = RULE_FIRING;
	state->told_ms = now_ms;
	return event_of(rule, state, RULE_FIRE, verdict->worst, state->last_ms);
}

static struct rule_event resolve(
	const struct rule *rule, struct rule_state *state, const struct verdict *verdict)
{
	state->phase = RULE_CLEAR;
	return event_of(rule, state, RULE_RESOLVE, verdict->worst, state->last_ms);
}

static struct rule_event remind(const struct rule *rule, struct rule_state *state,
	const struct verdict *verdict, int64_t now_ms)
{
	if (rule->repeat <= 0 || !verdict->seen || now_ms - state->told_ms < rule->repeat)
		return nothing;
	state->told_ms = now_ms;
	return event_of(rule, state, RULE_REPEAT, verdict->worst, state->last_ms);
}

struct rule_event rule_observe(const struct rule *rule, struct rule_state *state,
	const struct observation *seen, int64_t now_ms)
{
	bool gap = false;

	if (!rule_may_use(rule, seen, now_ms))
		return nothing;
	repair_times(state, now_ms);
	if (rule->absent_for > 0)
		return observe_presence(rule, state, seen);
	if (!note(rule, state, seen, now_ms, &gap))
		return nothing;
	if (state->phase <= RULE_CLEAR) {
		/* The usual case, and cheap: what was quiet stays quiet. */
		state->phase = RULE_CLEAR;
		if (!is_over(rule, seen->value))
			return nothing;
		state->phase = RULE_PENDING;
		state->since_ms = seen->time_ms;
		gap = false;
	}

	struct verdict verdict = judge(rule, state, now_ms);
	if (state->phase == RULE_PENDING) {
		if (!verdict.over) {
			state->phase = RULE_CLEAR;
			return nothing;
		}
		if (gap)
			state->since_ms = seen->time_ms;
		if (verdict.current && state->last_ms - state->since_ms >= rule->on_delay)
			return fire(rule, state, &verdict, now_ms);
		return nothing;
	}
	if (!verdict.clear) {
		state->phase = RULE_FIRING;
		return remind(rule, state, &verdict, now_ms);
	}
	if (state->phase == RULE_FIRING || gap) {
		state->phase = RULE_CLEARING;
		state->turn_ms = seen->time_ms;
	}
	return state->last_ms - state->turn_ms >= rule->off_delay
		? resolve(rule, state, &verdict)
		: nothing;
}

static struct rule_event tick_threshold(
	const struct rule *rule, struct rule_state *state, int64_t now_ms)
{
	if (state->phase < RULE_PENDING)
		return nothing;

	/* Durations run on the readings' clock, which is behind by their delay. */
	int64_t data_ms = now_ms - state->lag_ms;
	struct verdict verdict = judge(rule, state, now_ms);

	switch (state->phase) {
	case RULE_PENDING:
		if (verdict.current && data_ms - state->since_ms >= rule->on_delay)
			return fire(rule, state, &verdict, now_ms);
		return nothing;
	case RULE_CLEARING:
		if (verdict.clear && now_ms - state->last_ms <= rule->max_age &&
			data_ms - state->turn_ms >= rule->off_delay)
			return resolve(rule, state, &verdict);
		return nothing;
	default:
		return remind(rule, state, &verdict, now_ms);
	}
}

struct rule_event rule_tick(const struct rule *rule, struct rule_state *state,
	int64_t now_ms, int64_t start_ms)
{
	repair_times(state, now_ms);
	if (rule->absent_for > 0)
		return tick_presence(rule, state, now_ms, start_ms);
	return tick_threshold(rule, state, now_ms);
}

void rule_shift(struct rule_state *state, const struct clock_step *step)
{
	int64_t *const times[] = { &state->since_ms, &state->turn_ms, &state->last_ms,
		&state->told_ms, &state->restored_ms };

	for (size_t i = 0; i < sizeof times / sizeof *times; i++)
		*times[i] = clock_after_step(step, *times[i]);
	for (unsigned i = 0; i < state->count; i++)
		state->sensors[i].time_ms =
			clock_after_step(step, state->sensors[i].time_ms);
}

bool rule_state_is_idle(const struct rule *rule, const struct rule_state *state)
{
	return state->phase <= RULE_CLEAR && rule->absent_for == 0;
}

/* --- states as text --------------------------------------------------- */

static int kind_of(const struct rule *rule)
{
	if (rule->absent_for > 0)
		return 'n';
	return isnan(rule->above) ? 'b' : 'a';
}

size_t rule_state_write(const struct rule *rule, const struct rule_state *state,
	char text[static RULE_TEXT_MAX])
{
	size_t used = 0;
	char value[NUMBER_TEXT_SIZE];

	int n = snprintf(text, RULE_TEXT_MAX,
		"%d %d %d %d %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64
		" %u",
		TEXT_VERSION, kind_of(rule), rule->metric->id, state->phase,
		state->since_ms, state->turn_ms, state->last_ms, state->lag_ms,
		state->told_ms, state->count);
	used = n > 0 ? (size_t)n : 0;
	for (unsigned i = 0; i < state->count && used < RULE_TEXT_MAX; i++) {
		const struct rule_sensor *sensor = &state->sensors[i];

		number_format(value, sensor->value);
		n = snprintf(text + used, RULE_TEXT_MAX - used, " %u %" PRId64 " %u %s",
			sensor->key, sensor->time_ms, sensor->interval_ms, value);
		used += n > 0 ? (size_t)n : 0;
	}
	return used < RULE_TEXT_MAX ? used : RULE_TEXT_MAX - 1;
}

/* Takes the next word of *TEXT; its length, 0 at the end. */
static size_t next_word(const char **text, const char **word)
{
	while (**text == ' ')
		(*text)++;
	*word = *text;
	size_t length = strcspn(*text, " ");
	*text += length;
	return length;
}

static bool next_integer(const char **text, int64_t min, int64_t max, int64_t *number)
{
	const char *word;
	size_t length = next_word(text, &word);
	char *end;

	if (length == 0 || length > 20)
		return false;
	*number = strtoll(word, &end, 10);
	return end == word + length && *number >= min && *number <= max;
}

static bool read_sensor(struct rule_sensor *sensor, const char **text)
{
	int64_t key, time, interval;
	const char *word;

	if (!next_integer(text, 0, UINT32_MAX, &key) ||
		!next_integer(text, 0, INT64_MAX / 4, &time) ||
		!next_integer(text, 0, INTERVAL_MAX_MS, &interval))
		return false;
	size_t length = next_word(text, &word);
	*sensor = (struct rule_sensor){
		.key = (uint32_t)key,
		.time_ms = time,
		.interval_ms = (uint32_t)interval & INT32_MAX,
		.restored = 1,
	};
	return length > 0 && number_parse(word, length, &sensor->value);
}

bool rule_state_read(const struct rule *rule, struct rule_state *state, const char *text,
	int64_t now_ms)
{
	int64_t version, kind, metric, phase, count;
	const char *word;

	*state = (struct rule_state){ .restored_ms = now_ms };
	if (!next_integer(&text, TEXT_VERSION, TEXT_VERSION, &version) ||
		!next_integer(&text, kind_of(rule), kind_of(rule), &kind) ||
		!next_integer(&text, rule->metric->id, rule->metric->id, &metric) ||
		!next_integer(&text, RULE_UNKNOWN, RULE_CLEARING, &phase))
		goto unknown;
	int64_t *times[] = { &state->since_ms, &state->turn_ms, &state->last_ms,
		&state->lag_ms, &state->told_ms };
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		if (!next_integer(&text, 0, INT64_MAX / 4, times[i]))
			goto unknown;
	}
	if (!next_integer(&text, 0, RULE_SENSORS_MAX, &count))
		goto unknown;
	for (int64_t i = 0; i < count; i++) {
		if (!read_sensor(&state->sensors[i], &text))
			goto unknown;
	}
	if (next_word(&text, &word) != 0)
		goto unknown;
	state->phase = (enum rule_phase)phase;
	state->count = (unsigned)count;
	return true;
unknown:
	*state = (struct rule_state){ .phase = RULE_UNKNOWN };
	return false;
}
