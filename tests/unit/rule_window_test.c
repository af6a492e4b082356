/* Means, maxima and rises over a window; and states that are written and read back. */
#include "alerts/rule.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/chance.h"
#include "tests/unit/rule_samples.h"

enum { SHOWN = 1000 };

/* A state with the memory its windows need. */
struct windowed {
	struct rule_state state;
	struct rule_window windows[RULE_SENSORS_MAX];
};

static struct windowed *start(struct windowed *windowed)
{
	*windowed = (struct windowed){ .state.windows = windowed->windows };
	return windowed;
}

static struct rule window_rule(enum rule_measure measure, int64_t window, double above)
{
	struct rule rule = sample_above(above);

	rule.measure = measure;
	rule.window = window;
	rule.min_complete = 0.75;
	rule.inclusive = measure == RULE_RISE;
	return rule;
}

static enum rule_event_kind show(
	const struct rule *rule, struct windowed *windowed, int64_t time_ms, double value)
{
	return sample_show(rule, &windowed->state, 0, 1, time_ms, value).kind;
}

static double measured(const struct windowed *windowed)
{
	return windowed->state.sensors[0].value;
}

static void test_average_of_an_hour(void **unused)
{
	struct rule rule = window_rule(RULE_AVERAGE, HOUR, 50);
	struct windowed windowed;

	(void)unused;
	start(&windowed);
	/* Every 5 minutes; three quarters of the hour are known after nine pauses. */
	for (int i = 0; i <= 8; i++) {
		show(&rule, &windowed, midnight + i * 5 * MINUTE, 60);
		assert_true(isnan(measured(&windowed)));
	}
	assert_int_equal(windowed.state.phase, RULE_CLEAR);
	assert_int_equal(show(&rule, &windowed, midnight + 45 * MINUTE, 60), RULE_FIRE);
	/* One value alone is no mean. */
	assert_int_equal(show(&rule, &windowed, midnight + 50 * MINUTE, 5), RULE_NOTHING);
	assert_true(fabs(measured(&windowed) - (9 * 60 + 5) / 10.0) < 1e-9);
	/* The hour is (t - 1 h, t]: what is stamped at its start is out. */
	for (int i = 11; i <= 22; i++)
		show(&rule, &windowed, midnight + i * 5 * MINUTE, i);
	assert_true(fabs(measured(&windowed) - (11 + 22) / 2.0) < 1e-9);
	assert_int_equal(windowed.state.phase, RULE_CLEAR);
}

/* A value counts for the time since the one before, so that cadences may vary. */
static void test_average_is_by_time(void **unused)
{
	struct rule rule = window_rule(RULE_AVERAGE, HOUR, 1000);
	struct windowed windowed;

	(void)unused;
	start(&windowed);
	show(&rule, &windowed, midnight, 0);
	for (int i = 1; i <= 30 * 60; i += 1)
		show(&rule, &windowed, midnight + i * SECOND, 100);
	for (int i = 31; i <= 60; i++)
		show(&rule, &windowed, midnight + (int64_t)i * MINUTE, 10);
	assert_true(fabs(measured(&windowed) - 55) < 1e-6);
	/* A mean is a number people can read. */
	start(&windowed);
	for (int i = 0; i <= 45; i += 5)
		show(&rule, &windowed, midnight + (int64_t)i * MINUTE, i / 3.5);
	assert_true(measured(&windowed) == 7.14286);
}

static void test_what_is_not_complete(void **unused)
{
	struct rule rule = window_rule(RULE_AVERAGE, HOUR, 50);
	struct windowed windowed;
	int64_t t = midnight;

	(void)unused;
	start(&windowed);
	for (; t <= midnight + HOUR; t += MINUTE)
		show(&rule, &windowed, t, 60);
	assert_int_equal(windowed.state.phase, RULE_FIRING);
	/* After 20 minutes of silence a third is missing: not known, and not over. */
	t += 20 * MINUTE;
	assert_int_equal(show(&rule, &windowed, t, 0), RULE_NOTHING);
	assert_true(isnan(measured(&windowed)));
	assert_int_equal(windowed.state.phase, RULE_FIRING);
	assert_int_equal(rule_tick(&rule, &windowed.state, t, 0).kind, RULE_NOTHING);
	/* Who wants it may have less. */
	rule.min_complete = 0.5;
	show(&rule, &windowed, t + MINUTE, 0);
	assert_false(isnan(measured(&windowed)));
	/* A number of readings may be asked for besides. */
	rule.min_readings = 1000;
	show(&rule, &windowed, t + 2 * MINUTE, 0);
	assert_true(isnan(measured(&windowed)));
}

static void test_maximum(void **unused)
{
	struct rule rule = window_rule(RULE_MAXIMUM, HOUR, 50);
	struct windowed windowed;
	int64_t t = midnight;

	(void)unused;
	start(&windowed);
	for (; t < midnight + 2 * HOUR; t += MINUTE)
		show(&rule, &windowed, t, 40);
	assert_int_equal(show(&rule, &windowed, t, 55), RULE_FIRE);
	for (int i = 1; i < 60; i++)
		assert_int_equal(show(&rule, &windowed, t + (int64_t)i * MINUTE, 40),
			RULE_NOTHING);
	assert_int_equal(show(&rule, &windowed, t + HOUR, 40), RULE_RESOLVE);
}

static void test_rise(void **unused)
{
	struct rule rule = window_rule(RULE_RISE, 10 * MINUTE, 30);
	struct windowed windowed;
	int64_t t = midnight;

	(void)unused;
	start(&windowed);
	assert_int_equal(show(&rule, &windowed, t, 100), RULE_NOTHING); /* from nothing */
	assert_int_equal(show(&rule, &windowed, t + 5 * MINUTE, 129), RULE_NOTHING);
	struct rule_event event =
		sample_show(&rule, &windowed.state, 0, 1, t + 10 * MINUTE - 1, 130);
	assert_int_equal(event.kind, RULE_FIRE);
	assert_true(event.value == 30);
	assert_true(event.threshold == 30);
	assert_int_equal(show(&rule, &windowed, t + 10 * MINUTE, 130), RULE_RESOLVE);
	/* Slowly it may rise as far as it likes. */
	start(&windowed);
	for (int i = 0; i < 200; i++)
		assert_int_equal(
			show(&rule, &windowed, t + i * MINUTE, i * 2.0), RULE_NOTHING);
	/* Another sensor's low value is none of its. */
	start(&windowed);
	show(&rule, &windowed, t, 100);
	assert_int_equal(
		sample_show(&rule, &windowed.state, 0, 2, t, 10).kind, RULE_NOTHING);
	assert_int_equal(show(&rule, &windowed, t + 1, 110), RULE_NOTHING);
	/* Without the memory of its place it knows nothing, and says nothing. */
	struct rule_state bare = { 0 };
	for (int i = 0; i < 10; i++)
		assert_int_equal(
			sample_show(&rule, &bare, 0, 1, t + i * MINUTE, i * 100.0).kind,
			RULE_NOTHING);
}

/* --- against a list of all readings ---------------------------------------- */

struct seen {
	int64_t time_ms;
	double value;
};

/* The least (SIGN -1) or greatest value in (FROM, TO]. */
static double extreme(
	const struct seen *all, int count, int64_t from, int64_t to, int sign)
{
	double found = NAN;

	for (int i = 0; i < count; i++) {
		if (all[i].time_ms <= from || all[i].time_ms > to)
			continue;
		if (isnan(found) || sign * all[i].value > sign * found)
			found = all[i].value;
	}
	return found;
}

/* What is held lies between the exact value of the window and that of 11/12 of it. */
static void test_against_the_naive_window(void **unused)
{
	struct chance chance = chance_begin();
	static struct seen all[SHOWN];

	(void)unused;
	for (int round = 0; round < 20; round++) {
		bool rise = round % 2 == 0;
		struct rule rule = window_rule(
			rise ? RULE_RISE : RULE_MAXIMUM, 20 * MINUTE + round, 1e9);
		struct windowed windowed;
		int64_t now = midnight;

		rule.min_complete = 0;
		start(&windowed);
		for (int i = 0; i < SHOWN; i++) {
			now += chance_between(&chance, 1, i % 100 ? MINUTE : 30 * MINUTE);
			all[i] =
				(struct seen){ now, (double)chance_below(&chance, 1000) };
			show(&rule, &windowed, now, all[i].value);
			int64_t from = now - rule.window;
			double full = extreme(all, i + 1, from, now, rise ? -1 : 1);
			double part = extreme(all, i + 1, from + rule.window / 12 + 1,
				now, rise ? -1 : 1);
			double held = measured(&windowed);
			if (rise)
				held = all[i].value - held;
			assert_true(rise ? held >= full && held <= part
					 : held <= full && held >= part);
		}
	}
}

/* --- written and read back -------------------------------------------------- */

static struct rule chance_rule(struct chance *chance)
{
	struct rule rule = sample_steps();

	switch (chance_below(chance, 5)) {
	case 0:
		rule.step_count = 0;
		rule.clear_below = 95;
		break;
	case 1:
		rule.measure =
			(enum rule_measure)(RULE_AVERAGE + chance_below(chance, 2));
		rule.window = chance_between(chance, 1 * MINUTE, 30 * MINUTE);
		rule.min_complete = 0.5;
		break;
	case 2:
		rule = window_rule(RULE_RISE, 10 * MINUTE, 60);
		break;
	case 3:
		rule = sample_rule();
		rule.absent_for = chance_between(chance, 1, HOUR);
		break;
	default:
		rule.tell_easing = chance_below(chance, 2);
	}
	if (chance_below(chance, 2))
		rule.quiet = (struct rule_quiet){ (int)chance_below(chance, 1440),
			(int)chance_below(chance, 1440), SEVERITY_EXTREME };
	if (chance_below(chance, 2))
		rule.repeat = chance_between(chance, 1, HOUR);
	rule.widening = (double)chance_between(chance, 1, 3);
	if (rule.absent_for > 0)
		return rule;
	if (chance_below(chance, 2))
		rule.on_delay = chance_between(chance, 0, 10 * MINUTE);
	if (chance_below(chance, 2))
		rule.off_delay = chance_between(chance, 0, 10 * MINUTE);
	rule.min_readings = (int)chance_below(chance, 4);
	rule.sensors_over = (int)chance_below(chance, 3);
	rule.of = rule.sensors_over > 0 ? (int)chance_below(chance, 4) : 0;
	if (chance_below(chance, 3) == 0) {
		rule.scope = RULE_OF_AREA;
		rule.stations_over = rule.sensors_over;
	}
	return rule;
}

static void assert_same_event(struct rule_event a, struct rule_event b)
{
	assert_int_equal(a.kind, b.kind);
	assert_int_equal(a.late, b.late);
	assert_int_equal(a.at_ms, b.at_ms);
	assert_int_equal(a.since_ms, b.since_ms);
	assert_int_equal(a.severity, b.severity);
	assert_true(a.value == b.value || (isnan(a.value) && isnan(b.value)));
	assert_true(
		a.threshold == b.threshold || (isnan(a.threshold) && isnan(b.threshold)));
}

/*
 * Writes the state out and reads it back. That sensors of before a restart have to be
 * heard anew is on purpose, and undone here: of all else nothing may be lost.
 */
static void pass_through_text(const struct rule *rule, struct windowed *windowed)
{
	char text[RULE_TEXT_MAX];
	struct rule_state *state = &windowed->state;

	assert_true(rule_state_write(rule, state, text) < RULE_TEXT_MAX);
	memset(state->sensors, 0x5a, sizeof state->sensors);
	memset(windowed->windows, 0x5a, sizeof windowed->windows);
	state->phase = RULE_UNKNOWN;
	assert_true(rule_state_read(rule, state, text, 1));
	state->restored_ms = 0;
	for (unsigned i = 0; i < state->count; i++)
		state->sensors[i].restored = 0;
}

/* One that never stops and one that is written and read at every step say the same. */
static void test_any_run_through_text(void **unused)
{
	struct chance chance = chance_begin();
	int phases[RULE_CLEARING + 1] = { 0 }, kinds[RULE_EASE + 1] = { 0 };
	int held = 0, owed = 0, late = 0;

	(void)unused;
	for (int round = 0; round < 300; round++) {
		struct rule rule = chance_rule(&chance);
		struct windowed kept, written;
		int64_t now = midnight;
		double level = 100;

		start(&kept);
		start(&written);
		for (int i = 0; i < 1000; i++) {
			struct rule_event a, b;

			now += chance_between(&chance, 0,
				chance_below(&chance, 100) ? 2 * MINUTE : 3 * HOUR);
			pass_through_text(&rule, &written);
			if (chance_below(&chance, 4) == 0) {
				a = rule_tick(&rule, &kept.state, now, midnight);
				b = rule_tick(&rule, &written.state, now, midnight);
			} else {
				uint32_t station = (uint32_t)chance_below(&chance, 4);
				uint32_t sensor = (uint32_t)chance_below(&chance, 4);

				level += (double)chance_below(&chance, 81) - 40;
				level = fmin(fmax(level, 40), 260);
				a = sample_show(
					&rule, &kept.state, station, sensor, now, level);
				b = sample_show(&rule, &written.state, station, sensor,
					now, level);
			}
			assert_same_event(a, b);
			assert_int_equal(kept.state.phase, written.state.phase);
			phases[a.kind == RULE_NOTHING ? kept.state.phase : 0]++;
			kinds[a.kind]++;
			late += a.late;
			held += kept.state.held;
			owed += kept.state.told && kept.state.phase <= RULE_CLEAR;
		}
	}
	/* The runs have been everywhere. */
	for (int i = 0; i <= RULE_CLEARING; i++)
		assert_true(phases[i] > 100);
	for (int i = 0; i <= RULE_EASE; i++)
		assert_true(kinds[i] > 10);
	assert_true(held > 100 && owed > 100 && late > 10);
}

/* Restarted before every reading, with all that follows from it. */
static void test_restarts_between_readings(void **unused)
{
	struct chance chance = chance_begin();
	int told = 0;

	(void)unused;
	for (int round = 0; round < 200; round++) {
		struct rule rule = chance_rule(&chance);
		struct windowed kept, again;
		int64_t now = midnight;
		char text[RULE_TEXT_MAX];
		double level = 100;

		/* One sensor, never silent for long: it is heard before anything is due.
		 */
		rule.sensors_over = rule.stations_over = rule.of = 0;
		start(&kept);
		start(&again);
		for (int i = 0; i < 500; i++) {
			now += chance_between(&chance, 1, 2 * MINUTE);
			level += (double)chance_below(&chance, 81) - 40;
			level = fmin(fmax(level, 40), 260);
			rule_state_write(&rule, &again.state, text);
			assert_true(rule_state_read(&rule, &again.state, text, now));
			struct rule_event a =
				sample_show(&rule, &kept.state, 0, 1, now, level);
			assert_same_event(
				a, sample_show(&rule, &again.state, 0, 1, now, level));
			told += a.kind != RULE_NOTHING;
		}
	}
	assert_true(told > 1000);
}

static void test_texts_of_before(void **unused)
{
	struct rule rule = sample_steps();
	struct rule_state state = { 0 };
	static const char firing[] =
		"1 97 2 3 1795539600000 0 1795539660000 0 1795539600000 1 "
		"7 1795539660000 60000 155.5";

	(void)unused;
	assert_true(rule_state_read(&rule, &state, firing, midnight + HOUR));
	assert_int_equal(state.phase, RULE_FIRING);
	assert_true(state.told);
	assert_int_equal(state.began_ms, midnight);
	assert_true(state.sensors[0].value == 155.5);
	/* It knew no steps: the first is what was told. */
	assert_int_equal(sample_show(&rule, &state, 0, 7, midnight + HOUR, 160).kind,
		RULE_ESCALATE);
	assert_int_equal(sample_show(&rule, &state, 0, 7, midnight + HOUR + 1, 60).kind,
		RULE_RESOLVE);
}

/* The rule was changed: what cannot be meant any more is not taken over. */
static void test_another_rule_by_now(void **unused)
{
	struct rule rule = sample_steps(), fewer = sample_steps();
	struct rule average = window_rule(RULE_AVERAGE, HOUR, 50);
	struct rule_state state = { 0 };
	struct windowed windowed;
	char text[RULE_TEXT_MAX];

	(void)unused;
	sample_show(&rule, &state, 0, 1, midnight, 250);
	rule_state_write(&rule, &state, text);
	fewer.step_count = 2;
	assert_true(rule_state_read(&fewer, &state, text, midnight));
	assert_int_equal(state.step, 1);
	assert_int_equal(state.worst_step, 1);
	start(&windowed);
	assert_false(rule_state_read(&average, &windowed.state, text, midnight));
	assert_int_equal(windowed.state.phase, RULE_UNKNOWN);
	assert_ptr_equal(windowed.state.windows, windowed.windows);
	for (int i = 0; i < 20; i++)
		show(&average, &windowed, midnight + i * 5 * MINUTE, 60);
	rule_state_write(&average, &windowed.state, text);
	assert_true(rule_state_read(&average, &windowed.state, text, midnight));
	average.window = 2 * HOUR;
	assert_false(rule_state_read(&average, &windowed.state, text, midnight));
	assert_int_equal(windowed.windows[0].newest, 0);
}

/* Sixteen sensors with full windows still fit. */
static void test_longest_text(void **unused)
{
	struct rule rule = window_rule(RULE_AVERAGE, HOUR, 50);
	struct windowed windowed, before;
	char text[RULE_TEXT_MAX];

	(void)unused;
	start(&windowed);
	windowed.state.count = RULE_SENSORS_MAX;
	windowed.state.repeats = windowed.state.readings = UINT32_MAX;
	windowed.state.since_ms = windowed.state.last_ms = 99999999999999;
	for (int i = 0; i < RULE_SENSORS_MAX; i++) {
		windowed.state.sensors[i] = (struct rule_sensor){ .key = UINT32_MAX,
			.station = UINT32_MAX,
			.time_ms = 99999999999999,
			.interval_ms = 93599999,
			.value = -1.2345678901234567e-300 };
		windowed.windows[i].newest = 99999999999999 / (HOUR / RULE_BUCKETS);
		for (int b = 0; b <= RULE_BUCKETS; b++)
			windowed.windows[i].buckets[b] =
				(struct rule_bucket){ -1.2345678901234567e-300,
					UINT32_MAX, UINT32_MAX, UINT32_MAX };
	}
	before = windowed;
	assert_true(rule_state_write(&rule, &windowed.state, text) < RULE_TEXT_MAX - 1);
	assert_true(rule_state_read(&rule, &windowed.state, text, midnight));
	assert_memory_equal(windowed.windows, before.windows, sizeof before.windows);
	/* Cut anywhere it is unknown, but for the last number. */
	for (size_t i = 0; i + 12 < strlen(text); i += 1 + i / 50) {
		char cut[RULE_TEXT_MAX];

		snprintf(cut, i + 1, "%s", text);
		assert_false(rule_state_read(&rule, &windowed.state, cut, midnight));
	}
}

/* Whatever has become of a text, its state can be worked with. */
static void test_garbled_texts(void **unused)
{
	struct chance chance = chance_begin();
	struct rule rule = sample_steps();
	struct windowed windowed;
	char text[RULE_TEXT_MAX];
	int taken = 0;

	(void)unused;
	rule.measure = RULE_AVERAGE;
	rule.window = HOUR;
	rule.repeat = HOUR;
	rule.widening = 1.5;
	for (int round = 0; round < 3000; round++) {
		start(&windowed);
		for (int i = 0; i < 15; i++)
			sample_show(&rule, &windowed.state, 0, i % 2,
				midnight + i * 5 * MINUTE, 95 + i);
		size_t length = rule_state_write(&rule, &windowed.state, text);
		for (int i = 0; i < 1 + round % 3; i++)
			text[chance_below(&chance, length)] =
				"0123456789 -.e"[chance_below(&chance, 14)];
		int64_t now = midnight + 2 * HOUR;
		if (!rule_state_read(&rule, &windowed.state, text, now)) {
			assert_int_equal(windowed.state.phase, RULE_UNKNOWN);
			continue;
		}
		taken++;
		assert_true(windowed.state.step < 3 && windowed.state.worst_step < 3);
		for (int i = 0; i < 30; i++, now += 5 * MINUTE) {
			sample_show(&rule, &windowed.state, 0, 7, now, 250);
			rule_tick(&rule, &windowed.state, now, midnight);
		}
		assert_int_equal(windowed.state.phase, RULE_FIRING);
		const struct clock_step step = { .since_ms = midnight, .by_ms = -HOUR };
		rule_shift(&rule, &windowed.state, &step);
	}
	assert_true(taken > 500);
}

/* The clock was set: the window goes with it, within one of its twelfths. */
static void test_clock_is_set(void **unused)
{
	static const int64_t steps[] = { HOUR, -HOUR, 24 * HOUR, -24 * HOUR, 7 * MINUTE,
		-7 * MINUTE, 1, -1, 20LL * 365 * 24 * HOUR };

	(void)unused;
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		struct rule rule = window_rule(RULE_AVERAGE, HOUR, 50);
		struct windowed windowed;
		struct clock_step step = { .since_ms = midnight - 1, .by_ms = steps[i] };
		int64_t t = midnight;

		start(&windowed);
		for (; t <= midnight + HOUR; t += MINUTE)
			show(&rule, &windowed, t, 60);
		assert_int_equal(windowed.state.phase, RULE_FIRING);
		rule_shift(&rule, &windowed.state, &step);
		assert_int_equal(show(&rule, &windowed, t + steps[i], 60), RULE_NOTHING);
		assert_true(fabs(measured(&windowed) - 60) < 1e-9);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_average_of_an_hour),
		cmocka_unit_test(test_average_is_by_time),
		cmocka_unit_test(test_what_is_not_complete),
		cmocka_unit_test(test_maximum),
		cmocka_unit_test(test_rise),
		cmocka_unit_test(test_against_the_naive_window),
		cmocka_unit_test(test_any_run_through_text),
		cmocka_unit_test(test_restarts_between_readings),
		cmocka_unit_test(test_texts_of_before),
		cmocka_unit_test(test_another_rule_by_now),
		cmocka_unit_test(test_longest_text),
		cmocka_unit_test(test_garbled_texts),
		cmocka_unit_test(test_clock_is_set),
	};

	return cmocka_run_group_tests_name("rule_window", tests, NULL, NULL);
}
