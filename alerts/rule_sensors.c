/* What the sensors of a place say, each by itself and together. */
#include "alerts/rule_parts.h"

#include <math.h>
#include <string.h>

static bool is_falling(const struct rule *rule)
{
	return isnan(rule->above);
}

int rule_step_count(const struct rule *rule)
{
	return rule->step_count > 0 ? rule->step_count : 1;
}

struct rule_step rule_step(const struct rule *rule, int step)
{
	if (rule->step_count > 0)
		return rule->steps[step];
	return (struct rule_step){
		.level = rule->absent_for > 0 ? NAN
			: is_falling(rule)    ? rule->below
					      : rule->above,
		.clear = is_falling(rule) ? rule->clear_above : rule->clear_below,
		.severity = rule->severity,
	};
}

bool rule_is_over(const struct rule *rule, int step, double value)
{
	double level = rule_step(rule, step).level;

	if (is_falling(rule))
		return value < level;
	return rule->inclusive ? value >= level : value > level;
}

bool rule_is_clear(const struct rule *rule, int step, double value)
{
	double clear = rule_step(rule, step).clear;

	if (isnan(value))
		return false;
	if (isnan(clear))
		return !rule_is_over(rule, step, value);
	return is_falling(rule) ? value > clear : value < clear;
}

int rule_highest_step(const struct rule *rule, double value)
{
	int step = rule_step_count(rule) - 1;

	while (step >= 0 && !rule_is_over(rule, step, value))
		step--;
	return step;
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

/* --- together ----------------------------------------------------------- */

/* One voice: a sensor of the station, or a station of the area with its worst sensor. */
struct voice {
	uint32_t station;
	double value;
};

static bool is_worse(const struct rule *rule, double value, double than)
{
	return is_falling(rule) ? value < than : value > than;
}

/* Puts VOICE in its place among the COUNT ones there are, the worst first. */
static unsigned add_voice(
	const struct rule *rule, struct voice *voices, unsigned count, struct voice voice)
{
	unsigned at = 0;

	if (rule->scope == RULE_OF_AREA) {
		while (at < count && voices[at].station != voice.station)
			at++;
		if (at < count) {
			if (!is_worse(rule, voice.value, voices[at].value))
				return count;
			memmove(voices + at, voices + at + 1,
				(--count - at) * sizeof *voices);
		}
	}
	for (at = count; at > 0 && is_worse(rule, voice.value, voices[at - 1].value);
		at--)
		voices[at] = voices[at - 1];
	voices[at] = voice;
	return count + 1;
}

struct rule_verdict rule_judge(
	const struct rule *rule, const struct rule_state *state, int64_t now_ms)
{
	struct rule_verdict verdict = { .value = NAN };
	struct voice voices[RULE_SENSORS_MAX];
	int asked =
		rule->scope == RULE_OF_AREA ? rule->stations_over : rule->sensors_over;
	unsigned over = asked > 1 ? (unsigned)asked : 1;
	unsigned need = rule->of > (int)over ? (unsigned)rule->of : over;
	unsigned count = 0;

	for (unsigned i = 0; i < state->count; i++) {
		const struct rule_sensor *sensor = &state->sensors[i];
		bool recent =
			!sensor->restored && now_ms - sensor->time_ms <= rule->max_age;

		if (isnan(sensor->value) || !is_fresh(rule, state, sensor, now_ms))
			continue;
		count = add_voice(rule, voices, count,
			(struct voice){ sensor->station, sensor->value });
		verdict.current |= recent && rule_is_over(rule, 0, sensor->value);
		verdict.seen |= recent && !rule_is_clear(rule, 0, sensor->value);
	}
	verdict.known = count >= need;
	if (verdict.known)
		verdict.value = voices[over - 1].value;
	return verdict;
}

double rule_last_value(const struct rule_state *state)
{
	const struct rule_sensor *last = NULL;

	for (unsigned i = 0; i < state->count; i++) {
		const struct rule_sensor *sensor = &state->sensors[i];

		if (!isnan(sensor->value) && (!last || sensor->time_ms > last->time_ms))
			last = sensor;
	}
	return last ? last->value : NAN;
}

/* --- each by itself ------------------------------------------------------ */

size_t rule_windows(const struct rule *rule)
{
	return rule->measure == RULE_VALUE ? 0 : RULE_SENSORS_MAX;
}

void rule_drop_sensor(struct rule_state *state, unsigned index)
{
	unsigned behind = --state->count - index;

	memmove(state->sensors + index, state->sensors + index + 1,
		behind * sizeof *state->sensors);
	if (!state->windows)
		return;
	memmove(state->windows + index, state->windows + index + 1,
		behind * sizeof *state->windows);
	state->windows[state->count] = (struct rule_window){ .newest = 0 };
}

/* May what was seen take the place of this sensor, all places being taken? */
static bool may_replace(const struct rule *rule, const struct rule_state *state,
	const struct rule_sensor *sensor, const struct observation *seen, int64_t now_ms)
{
	if (!is_fresh(rule, state, sensor, now_ms))
		return true;
	/* One without complaint gives way to one that has. */
	return rule->measure == RULE_VALUE && rule_is_over(rule, 0, seen->value) &&
		!rule_is_over(rule, 0, sensor->value);
}

/* Where a sensor of the key goes; NULL when there is no room for what it says. */
static struct rule_sensor *find_sensor(const struct rule *rule, struct rule_state *state,
	const struct observation *seen, int64_t now_ms)
{
	unsigned least = RULE_SENSORS_MAX;

	for (unsigned i = 0; i < state->count; i++) {
		if (state->sensors[i].key == seen->sensor &&
			state->sensors[i].station == seen->station)
			return &state->sensors[i];
	}
	for (unsigned i = 0; state->count == RULE_SENSORS_MAX && i < state->count; i++) {
		if (may_replace(rule, state, &state->sensors[i], seen, now_ms) &&
			(least == RULE_SENSORS_MAX ||
				state->sensors[i].time_ms <
					state->sensors[least].time_ms))
			least = i;
	}
	if (least < RULE_SENSORS_MAX)
		rule_drop_sensor(state, least);
	if (state->count == RULE_SENSORS_MAX)
		return NULL;
	state->sensors[state->count] = (struct rule_sensor){
		.key = seen->sensor, .station = seen->station, .value = NAN
	};
	return &state->sensors[state->count++];
}

/* One long silence must not stretch the sensor's credit at once. */
static void learn_interval(struct rule_sensor *sensor, int64_t interval)
{
	int64_t most = sensor->interval_ms ? 2 * (int64_t)sensor->interval_ms : interval;

	if (interval > most)
		interval = most;
	sensor->interval_ms = interval < RULE_INTERVAL_MAX_MS ? (uint32_t)interval
							      : RULE_INTERVAL_MAX_MS;
}

/* What the sensor's word of now is, by the rule's measure. PAUSE: since the one before.
 */
static double measure(const struct rule *rule, struct rule_state *state,
	const struct rule_sensor *sensor, const struct observation *seen, int64_t pause)
{
	if (rule->measure == RULE_VALUE)
		return seen->value;
	if (!state->windows)
		return NAN;
	struct rule_window *window = &state->windows[sensor - state->sensors];
	/* It speaks for the time since it spoke last, unless that was a silence. */
	int64_t credit = pause <= holds_for(rule, sensor) ? pause : sensor->interval_ms;

	rule_window_add(rule, window, seen->time_ms, seen->value, credit);
	return rule_window_measure(rule, window, seen->time_ms, seen->value);
}

const struct rule_sensor *rule_note(const struct rule *rule, struct rule_state *state,
	const struct observation *seen, int64_t now_ms, bool *gap)
{
	struct rule_sensor *sensor = find_sensor(rule, state, seen, now_ms);

	if (!sensor || seen->time_ms < sensor->time_ms)
		return NULL;
	*gap = seen->time_ms - state->last_ms > holds_for(rule, sensor);
	int64_t pause = sensor->time_ms > 0 ? seen->time_ms - sensor->time_ms : 0;
	sensor->value = measure(rule, state, sensor, seen, pause);
	if (pause > 0)
		learn_interval(sensor, pause);
	sensor->time_ms = seen->time_ms;
	sensor->restored = 0;
	if (seen->time_ms >= state->last_ms) {
		state->last_ms = seen->time_ms;
		state->lag_ms = now_ms > seen->time_ms ? now_ms - seen->time_ms : 0;
	}
	return sensor;
}
