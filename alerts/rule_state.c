/*
 * States as text, for the store:
 *
 *   version kind metric phase, then the numbers and times below, the sensors, and for a
 * rule with a window its length and each sensor's window
 *
 * all in one line, between blanks. A sensor is key, station, time, interval and value; a
 * window is the number of its newest bucket, how many buckets are not empty, and of each
 * of them its age in buckets, value, weight, place of the extreme and count.
 */
#include "alerts/rule_parts.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/number.h"

enum {
	VERSION = 2,
	VERSION_BEFORE = 1, /* no steps, windows, quiet hours, stations */
	RING = RULE_BUCKETS + 1,
};

static const int64_t time_max = INT64_MAX / 4;

static int kind_of(const struct rule *rule)
{
	if (rule->absent_for > 0)
		return 'n';
	if (rule->measure != RULE_VALUE)
		return isnan(rule->above) ? 'B' : 'A';
	return isnan(rule->above) ? 'b' : 'a';
}

bool rule_state_is_idle(const struct rule *rule, const struct rule_state *state)
{
	return state->phase <= RULE_CLEAR && !state->told && rule->absent_for == 0 &&
		rule_windows(rule) == 0;
}

/* The numbers of a state beside its phase and its times. */
enum { TOLD, HELD, STEP, TOLD_STEP, WORST_STEP, REPEATS, READINGS, NUMBERS };
enum { TIMES = 7, TIMES_BEFORE = 5 };

static const int64_t largest[NUMBERS] = {
	[TOLD] = 1,
	[HELD] = 1,
	[STEP] = RULE_STEPS_MAX - 1,
	[TOLD_STEP] = RULE_STEPS_MAX - 1,
	[WORST_STEP] = RULE_STEPS_MAX - 1,
	[REPEATS] = UINT32_MAX,
	[READINGS] = UINT32_MAX,
};

/* The first ones in the order of the version before. */
static void times_of(struct rule_state *state, int64_t *times[TIMES])
{
	int64_t *const all[TIMES] = { &state->since_ms, &state->turn_ms, &state->last_ms,
		&state->lag_ms, &state->told_ms, &state->began_ms, &state->ease_ms };

	memcpy(times, all, sizeof all);
}

/* --- writing ------------------------------------------------------------- */

struct writer {
	char *text;
	size_t used;
};

static void put(struct writer *writer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void put(struct writer *writer, const char *format, ...)
{
	size_t left = RULE_TEXT_MAX - writer->used;
	va_list args;

	va_start(args, format);
	int n = vsnprintf(writer->text + writer->used, left, format, args);
	va_end(args);
	if (n > 0)
		writer->used += (size_t)n < left ? (size_t)n : left - 1;
}

static void put_value(struct writer *writer, double value)
{
	char text[NUMBER_TEXT_SIZE] = "-";

	if (!isnan(value))
		number_format(text, value);
	put(writer, " %s", text);
}

static void put_sensor(struct writer *writer, const struct rule_sensor *sensor)
{
	put(writer, " %u %u %" PRId64 " %u", sensor->key, sensor->station,
		sensor->time_ms, sensor->interval_ms);
	put_value(writer, sensor->value);
}

static void put_window(struct writer *writer, const struct rule_window *window)
{
	unsigned count = 0;

	for (int i = 0; i < RING; i++)
		count += window->buckets[i].count > 0;
	put(writer, " %" PRId64 " %u", window->newest, count);
	for (int age = 0; age < RING && age <= window->newest; age++) {
		const struct rule_bucket *bucket =
			&window->buckets[(window->newest - age) % RING];

		if (bucket->count == 0)
			continue;
		put(writer, " %d", age);
		put_value(writer, bucket->value);
		put(writer, " %u %u %u", bucket->weight_ms, bucket->at_ms, bucket->count);
	}
}

size_t rule_state_write(const struct rule *rule, const struct rule_state *state,
	char text[static RULE_TEXT_MAX])
{
	struct rule_state copy = *state; /* for times_of() */
	struct writer writer = { .text = text };
	int64_t *times[TIMES];

	times_of(&copy, times);
	put(&writer, "%d %d %d %d", VERSION, kind_of(rule), rule->metric->id,
		state->phase);
	put(&writer, " %d %d %d %d %d %u %u", state->told, state->held, state->step,
		state->told_step, state->worst_step, state->repeats, state->readings);
	for (int i = 0; i < TIMES; i++)
		put(&writer, " %" PRId64, *times[i]);
	put(&writer, " %u", state->count);
	for (unsigned i = 0; i < state->count; i++)
		put_sensor(&writer, &state->sensors[i]);
	if (rule_windows(rule) == 0 || !state->windows)
		return writer.used;
	put(&writer, " %d %" PRId64, (int)rule->measure, rule->window);
	for (unsigned i = 0; i < state->count; i++)
		put_window(&writer, &state->windows[i]);
	return writer.used;
}

/* --- reading ------------------------------------------------------------- */

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

static bool next_unsigned(const char **text, uint32_t *number)
{
	int64_t wide;

	if (!next_integer(text, 0, UINT32_MAX, &wide))
		return false;
	*number = (uint32_t)wide;
	return true;
}

/* A number, or "-" for one that is not known. */
static bool next_value(const char **text, double *value)
{
	const char *word;
	size_t length = next_word(text, &word);

	*value = NAN;
	if (length == 1 && *word == '-')
		return true;
	return length > 0 && number_parse(word, length, value);
}

static bool read_sensor(struct rule_sensor *sensor, const char **text, int64_t version)
{
	int64_t time, interval;

	*sensor = (struct rule_sensor){ .restored = 1 };
	if (!next_unsigned(text, &sensor->key) ||
		(version == VERSION && !next_unsigned(text, &sensor->station)) ||
		!next_integer(text, 0, time_max, &time) ||
		!next_integer(text, 0, RULE_INTERVAL_MAX_MS, &interval))
		return false;
	sensor->time_ms = time;
	sensor->interval_ms = (uint32_t)interval & INT32_MAX;
	return next_value(text, &sensor->value);
}

/* NEWEST: no bucket can be newer, or the window would take nothing any more. */
static bool read_window(struct rule_window *window, const char **text, int64_t newest)
{
	int64_t count, age;

	if (!next_integer(text, 0, newest, &window->newest) ||
		!next_integer(text, 0, RING, &count))
		return false;
	for (int64_t i = 0; i < count; i++) {
		if (!next_integer(text, 0, RING - 1, &age) || age > window->newest)
			return false;
		struct rule_bucket *bucket =
			&window->buckets[(window->newest - age) % RING];
		if (!next_value(text, &bucket->value) ||
			!next_unsigned(text, &bucket->weight_ms) ||
			!next_unsigned(text, &bucket->at_ms) ||
			!next_unsigned(text, &bucket->count))
			return false;
	}
	return true;
}

static bool read_windows(
	const struct rule *rule, struct rule_state *state, const char **text)
{
	int64_t measure, length;

	if (rule_windows(rule) == 0 || !state->windows)
		return true;
	if (!next_integer(text, rule->measure, rule->measure, &measure) ||
		!next_integer(text, rule->window, rule->window, &length))
		return false;
	for (unsigned i = 0; i < state->count; i++) {
		if (!read_window(&state->windows[i], text,
			    state->sensors[i].time_ms / (rule->window / RULE_BUCKETS)))
			return false;
	}
	return true;
}

/* A step of the rule as it is now. */
static int8_t step_of(const struct rule *rule, int64_t step)
{
	int highest = rule_step_count(rule) - 1;

	return (int8_t)(step < highest ? step : highest);
}

static bool read_numbers(
	const struct rule *rule, struct rule_state *state, const char **text)
{
	int64_t read[NUMBERS];

	for (int i = 0; i < NUMBERS; i++) {
		if (!next_integer(text, 0, largest[i], &read[i]))
			return false;
	}
	state->told = read[TOLD] != 0;
	state->held = read[HELD] != 0;
	state->step = step_of(rule, read[STEP]);
	state->told_step = step_of(rule, read[TOLD_STEP]);
	state->worst_step = step_of(rule, read[WORST_STEP]);
	state->repeats = (unsigned)read[REPEATS];
	state->readings = (unsigned)read[READINGS];
	return true;
}

/* All of it, into a state that is zeroed but for its windows. */
static bool read_state(
	const struct rule *rule, struct rule_state *state, const char *text)
{
	int64_t version, kind, metric, phase, count;
	int64_t *times[TIMES];
	const char *word;

	if (!next_integer(&text, VERSION_BEFORE, VERSION, &version) ||
		!next_integer(&text, kind_of(rule), kind_of(rule), &kind) ||
		!next_integer(&text, rule->metric->id, rule->metric->id, &metric) ||
		!next_integer(&text, RULE_UNKNOWN, RULE_CLEARING, &phase) ||
		(version == VERSION && !read_numbers(rule, state, &text)))
		return false;
	times_of(state, times);
	for (int i = 0; i < (version == VERSION ? TIMES : TIMES_BEFORE); i++) {
		if (!next_integer(&text, 0, time_max, times[i]))
			return false;
	}
	if (!next_integer(&text, 0, RULE_SENSORS_MAX, &count))
		return false;
	for (int64_t i = 0; i < count; i++) {
		if (!read_sensor(&state->sensors[i], &text, version))
			return false;
	}
	state->count = (unsigned)count;
	state->phase = (enum rule_phase)phase;
	if (version == VERSION_BEFORE && phase >= RULE_FIRING) {
		state->told = true; /* at once, in those days */
		state->began_ms = state->since_ms;
	}
	return read_windows(rule, state, &text) && next_word(&text, &word) == 0;
}

static void forget(
	const struct rule *rule, struct rule_state *state, struct rule_window *windows)
{
	*state = (struct rule_state){ .windows = windows };
	if (windows)
		memset(windows, 0, rule_windows(rule) * sizeof *windows);
}

bool rule_state_read(const struct rule *rule, struct rule_state *state, const char *text,
	int64_t now_ms)
{
	struct rule_window *windows = rule_windows(rule) > 0 ? state->windows : NULL;

	forget(rule, state, windows);
	if (!read_state(rule, state, text)) {
		forget(rule, state, windows);
		return false;
	}
	state->restored_ms = now_ms;
	return true;
}
