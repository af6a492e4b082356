/* Steps of severity, reminders, counts, quiet hours: what is told of an episode. */
#include "alerts/rule.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/rule_samples.h"

enum { MINOR, MODERATE, SEVERE, EXTREME };

/* At a minute of the day a reading is shown (NAN: time passes), and this comes of it. */
struct moment {
	double minute;
	double value;
	enum rule_event_kind kind;
	int severity;
	bool late;
};

#define QUIET(MINUTE, VALUE)                          \
	{                                             \
		MINUTE, VALUE, RULE_NOTHING, 0, false \
	}
#define SAYS(MINUTE, VALUE, KIND, SEVERITY)          \
	{                                            \
		MINUTE, VALUE, KIND, SEVERITY, false \
	}
#define LATE(MINUTE, VALUE, KIND, SEVERITY)         \
	{                                           \
		MINUTE, VALUE, KIND, SEVERITY, true \
	}
#define RUN(RULE, STATE, ...)                                    \
	run(RULE, STATE, (const struct moment[]){ __VA_ARGS__ }, \
		sizeof(struct moment[]){ __VA_ARGS__ } / sizeof(struct moment))

static struct rule_event run(const struct rule *rule, struct rule_state *state,
	const struct moment *moments, size_t count)
{
	struct rule_event event = { .kind = RULE_NOTHING };

	for (size_t i = 0; i < count; i++) {
		const struct moment *moment = &moments[i];
		int64_t now = midnight + (int64_t)(moment->minute * MINUTE);

		if (isnan(moment->value))
			event = rule_tick(rule, state, now, 0);
		else
			event = sample_show(rule, state, 0, 1, now, moment->value);
		if (event.kind != moment->kind ||
			(event.kind != RULE_NOTHING &&
				(event.severity != moment->severity ||
					event.late != moment->late)))
			fail_msg("moment %zu, %g at minute %g: kind %d, severity %d%s", i,
				moment->value, moment->minute, event.kind, event.severity,
				event.late ? ", late" : "");
	}
	return event;
}

static void test_steps_up_and_down(void **unused)
{
	struct rule rule = sample_steps();
	struct rule_state state = { 0 };

	(void)unused;
	struct rule_event event = RUN(&rule, &state, QUIET(0, 100),
		SAYS(1, 101, RULE_FIRE, MODERATE), QUIET(2, 150),
		SAYS(3, 151, RULE_ESCALATE, SEVERE), QUIET(4, 160),
		QUIET(5, 120), /* calm on the way down */
		QUIET(6, 199), /* told before */
		SAYS(7, 201, RULE_ESCALATE, EXTREME), QUIET(8, 95), QUIET(9, 90),
		SAYS(10, 89, RULE_RESOLVE, EXTREME), SAYS(11, 101, RULE_FIRE, MODERATE));
	assert_true(event.threshold == 100);
	assert_int_equal(event.since_ms, midnight + 11 * MINUTE);
	/* It begins where it is. */
	state = (struct rule_state){ 0 };
	event = RUN(&rule, &state, SAYS(0, 250, RULE_FIRE, EXTREME));
	assert_true(event.threshold == 200);
	assert_true(event.value == 250);
	RUN(&rule, &state, QUIET(1, 160), QUIET(2, 250),
		SAYS(3, 80, RULE_RESOLVE, EXTREME));
}

static void test_falling_steps(void **unused)
{
	struct rule rule = sample_rule();
	struct rule_state state = { 0 };

	(void)unused;
	rule.below = 15;
	rule.steps[0] = (struct rule_step){ 15, NAN, MODERATE };
	rule.steps[1] = (struct rule_step){ 10, 12, SEVERE };
	rule.step_count = 2;
	RUN(&rule, &state, QUIET(0, 15), SAYS(1, 14, RULE_FIRE, MODERATE),
		SAYS(2, 9, RULE_ESCALATE, SEVERE), QUIET(3, 13), QUIET(4, 9),
		SAYS(5, 15, RULE_RESOLVE, SEVERE));
}

/* A thousand crossings of each level: each is told once. */
static void test_noise_between_steps(void **unused)
{
	struct rule rule = sample_steps();
	struct rule_state state = { 0 };
	int kinds[RULE_EASE + 1] = { 0 };
	int64_t now = midnight;

	(void)unused;
	for (int level = 0; level < 3; level++) {
		for (int i = 0; i < 2000; i++) {
			double value = rule.steps[level].level + (i % 2 ? 5 : -5);

			now += SECOND;
			kinds[sample_show(&rule, &state, 0, 1, now, value).kind]++;
		}
	}
	for (int i = 0; i < 2000; i++, now += SECOND)
		kinds[sample_show(&rule, &state, 0, 1, now, i % 2 ? 89 : 88).kind]++;
	assert_int_equal(kinds[RULE_FIRE], 1);
	assert_int_equal(kinds[RULE_ESCALATE], 2);
	assert_int_equal(kinds[RULE_RESOLVE], 1);
	assert_int_equal(kinds[RULE_REPEAT] + kinds[RULE_EASE], 0);
}

static void test_easing_is_told_if_wanted(void **unused)
{
	struct rule rule = sample_steps();
	struct rule_state state = { 0 };

	(void)unused;
	rule.tell_easing = true;
	rule.off_delay = 5 * MINUTE;
	RUN(&rule, &state, SAYS(0, 210, RULE_FIRE, EXTREME), QUIET(1, 170), QUIET(2, 185),
		QUIET(3, 205), /* up again before it counted */
		QUIET(4, 170), QUIET(8, 170), SAYS(9, 170, RULE_EASE, SEVERE),
		SAYS(10, 201, RULE_ESCALATE, EXTREME), QUIET(11, 100),
		SAYS(16, 100, RULE_EASE, MODERATE), QUIET(17, 80),
		SAYS(22, 80, RULE_RESOLVE, EXTREME));
}

static void test_reminders_say_the_present_step(void **unused)
{
	struct rule rule = sample_steps();
	struct rule_state state = { 0 };

	(void)unused;
	rule.repeat = 5 * MINUTE;
	RUN(&rule, &state, SAYS(0, 160, RULE_FIRE, SEVERE), QUIET(2, 120),
		SAYS(5, 120, RULE_REPEAT, MODERATE), SAYS(6, 155, RULE_ESCALATE, SEVERE),
		QUIET(10, 155), SAYS(11, 155, RULE_REPEAT, SEVERE),
		SAYS(12, 20, RULE_RESOLVE, SEVERE));
}

static void test_reminders_grow_rarer(void **unused)
{
	struct rule rule = sample_steps();
	struct rule_state state = { 0 };
	static const int minutes[] = { 60, 180, 420, 720, 1020 };
	size_t told = 0;

	(void)unused;
	rule.repeat = HOUR;
	rule.widening = 2;
	rule.repeat_max = 5 * HOUR;
	RUN(&rule, &state, SAYS(0, 110, RULE_FIRE, MODERATE));
	for (int minute = 1; minute <= 1020; minute++) {
		struct rule_event event = sample_show(
			&rule, &state, 0, 1, midnight + (int64_t)minute * MINUTE, 110);

		if (event.kind == RULE_NOTHING)
			continue;
		assert_int_equal(event.kind, RULE_REPEAT);
		assert_int_equal(minute, minutes[told++]);
	}
	assert_int_equal(told, 5);
	/* A step up begins anew. */
	RUN(&rule, &state, SAYS(1021, 155, RULE_ESCALATE, SEVERE), QUIET(1080, 155),
		SAYS(1081, 155, RULE_REPEAT, SEVERE));
	/* However long it goes on, the arithmetic holds. */
	state.repeats = UINT32_MAX;
	rule.repeat_max = 0;
	rule.widening = 100;
	RUN(&rule, &state, QUIET(1e6, 155));
}

static void test_min_readings(void **unused)
{
	struct rule rule = sample_above(50);
	struct rule_state state = { 0 };

	(void)unused;
	rule.min_readings = 3;
	RUN(&rule, &state, QUIET(0, 60), QUIET(1, 60), QUIET(2, 50), QUIET(3, 60),
		QUIET(4, 60), SAYS(5, 60, RULE_FIRE, MODERATE),
		SAYS(6, 40, RULE_RESOLVE, MODERATE));
	/* Time alone does not count. */
	rule.on_delay = 5 * MINUTE;
	RUN(&rule, &state, QUIET(10, 60), QUIET(13, 60), QUIET(16, NAN),
		SAYS(17, 60, RULE_FIRE, MODERATE));
	/* What a silence parts is not counted together. */
	state = (struct rule_state){ 0 };
	rule.on_delay = 0;
	RUN(&rule, &state, QUIET(0, 60), QUIET(1, 60), QUIET(60, 60), QUIET(61, 60),
		SAYS(62, 60, RULE_FIRE, MODERATE));
}

/* --- quiet hours -------------------------------------------------------- */

static struct rule night_rule(void)
{
	struct rule rule = sample_steps();

	rule.quiet = (struct rule_quiet){ 22 * 60, 6 * 60, SEVERITY_EXTREME };
	return rule;
}

static void test_which_hours_are_quiet(void **unused)
{
	static const struct {
		int from, to;
		double hour;
		bool quiet;
	} cases[] = {
		{ 1320, 360, 21.999, false },
		{ 1320, 360, 22, true },
		{ 1320, 360, 0, true },
		{ 1320, 360, 5.999, true },
		{ 1320, 360, 6, false },
		{ 720, 810, 11.999, false },
		{ 720, 810, 12, true },
		{ 720, 810, 13.5, false },
		{ 1320, 1440, 23.999, true },
		{ 1320, 1440, 0, false },
		{ 0, 0, 3, false },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct rule rule = sample_above(1);

		rule.quiet = (struct rule_quiet){ cases[i].from, cases[i].to, EXTREME };
		assert_int_equal(
			rule_is_quiet(&rule, midnight + (int64_t)(cases[i].hour * HOUR)),
			cases[i].quiet);
	}
}

static void test_nothing_at_night(void **unused)
{
	struct rule rule = night_rule();
	struct rule_state state = { 0 };

	(void)unused;
	/* It came and went. */
	RUN(&rule, &state, QUIET(60, 110), QUIET(61, 160), QUIET(62, 70), QUIET(360, NAN),
		QUIET(361, 70));
	assert_int_equal(state.phase, RULE_CLEAR);
	assert_true(rule_state_is_idle(&rule, &state));
	/* It stands in the morning, at another step by then. */
	state = (struct rule_state){ 0 };
	RUN(&rule, &state, QUIET(60, 110), QUIET(355, 160), QUIET(359.9, NAN),
		LATE(360, NAN, RULE_FIRE, SEVERE), QUIET(361, NAN), QUIET(362, 160));
	struct rule_event event = RUN(&rule, &state, SAYS(363, 70, RULE_RESOLVE, SEVERE));
	assert_int_equal(event.since_ms, midnight + 60 * MINUTE);
}

/* Nobody knows whether it still stands where nothing is heard in the morning. */
static void test_silent_in_the_morning(void **unused)
{
	struct rule rule = night_rule();
	struct rule_state state = { 0 };

	(void)unused;
	RUN(&rule, &state, QUIET(60, 110), QUIET(360, NAN), QUIET(370, NAN),
		LATE(380, 110, RULE_FIRE, MODERATE));
	/* Nor is it told while it may just be over. */
	state = (struct rule_state){ 0 };
	rule.off_delay = 30 * MINUTE;
	RUN(&rule, &state, QUIET(60, 110), QUIET(350, 80), QUIET(359, 80),
		QUIET(360, NAN), QUIET(370, 80), QUIET(380, 80), QUIET(381, 80));
	assert_int_equal(state.phase, RULE_CLEAR);
}

static void test_all_clear_in_the_morning(void **unused)
{
	struct rule rule = night_rule();
	struct rule_state state = { 0 };

	(void)unused;
	RUN(&rule, &state, SAYS(-180, 110, RULE_FIRE, MODERATE), QUIET(60, 70),
		QUIET(300, 60));
	assert_false(rule_state_is_idle(&rule, &state));
	struct rule_event event = RUN(
		&rule, &state, SAYS(360, NAN, RULE_RESOLVE, MODERATE), QUIET(361, NAN));
	assert_true(rule_state_is_idle(&rule, &state));
	/* With the value and the time of what was seen last. */
	state = (struct rule_state){ 0 };
	event = RUN(&rule, &state, SAYS(-180, 110, RULE_FIRE, MODERATE), QUIET(300, 60),
		SAYS(360, NAN, RULE_RESOLVE, MODERATE));
	assert_true(event.value == 60);
	assert_int_equal(event.at_ms, midnight + 300 * MINUTE);
	assert_int_equal(event.since_ms, midnight - 180 * MINUTE);
}

/* Over and back in one night: for those who were told it has never ended. */
static void test_back_before_the_morning(void **unused)
{
	struct rule rule = night_rule();
	struct rule_state state = { 0 };

	(void)unused;
	rule.on_delay = 10 * MINUTE;
	struct rule_event event = RUN(&rule, &state, QUIET(-190, 110),
		SAYS(-180, 110, RULE_FIRE, MODERATE), QUIET(60, 70), QUIET(350, 110),
		QUIET(358, 110),
		QUIET(360, NAN), /* pending: the end is not told before that is known */
		QUIET(361, 110), QUIET(362, 110), SAYS(363, 70, RULE_RESOLVE, MODERATE));
	assert_int_equal(event.since_ms, midnight - 190 * MINUTE);
	/* Pending, and nothing came of it. */
	state = (struct rule_state){ 0 };
	RUN(&rule, &state, QUIET(-190, 110), SAYS(-180, 110, RULE_FIRE, MODERATE),
		QUIET(60, 70), QUIET(355, 110), SAYS(361, 70, RULE_RESOLVE, MODERATE));
}

static void test_the_worst_breaks_the_quiet(void **unused)
{
	struct rule rule = night_rule();
	struct rule_state state = { 0 };

	(void)unused;
	RUN(&rule, &state, QUIET(60, 110), SAYS(61, 250, RULE_FIRE, EXTREME),
		QUIET(62, 160), SAYS(63, 70, RULE_RESOLVE, EXTREME));
	/* Of one that was told in the evening, what becomes worse waits unless extreme.
	 */
	RUN(&rule, &state, SAYS(1300, 110, RULE_FIRE, MODERATE), QUIET(1330, 160),
		SAYS(1340, 210, RULE_ESCALATE, EXTREME),
		SAYS(1400, 70, RULE_RESOLVE, EXTREME));
	state = (struct rule_state){ 0 };
	RUN(&rule, &state, SAYS(-130, 110, RULE_FIRE, MODERATE), QUIET(355, 160),
		SAYS(360, NAN, RULE_ESCALATE, SEVERE));
	/* Another severity may be chosen. */
	state = (struct rule_state){ 0 };
	rule.quiet.broken_by = SEVERITY_SEVERE;
	RUN(&rule, &state, SAYS(60, 160, RULE_FIRE, SEVERE),
		SAYS(61, 70, RULE_RESOLVE, SEVERE));
}

static void test_reminders_wait(void **unused)
{
	struct rule rule = night_rule();
	struct rule_state state = { 0 };

	(void)unused;
	rule.repeat = HOUR;
	RUN(&rule, &state, SAYS(-180, 110, RULE_FIRE, MODERATE), QUIET(-120, 110),
		QUIET(0, 110), QUIET(355, 110), SAYS(360, NAN, RULE_REPEAT, MODERATE),
		QUIET(361, 110));
}

static void test_silence_at_night(void **unused)
{
	struct rule rule = sample_rule();
	struct rule_state state = { 0 };

	(void)unused;
	rule.absent_for = 15 * MINUTE;
	rule.quiet = (struct rule_quiet){ 22 * 60, 6 * 60, SEVERITY_EXTREME };
	RUN(&rule, &state, QUIET(0, 10), QUIET(15, NAN));
	assert_int_equal(state.phase, RULE_FIRING);
	RUN(&rule, &state, QUIET(30, 10), QUIET(200, NAN),
		LATE(360, NAN, RULE_FIRE, MODERATE),
		SAYS(400, 10, RULE_RESOLVE, MODERATE));
	/* Told in the evening, back at night. */
	RUN(&rule, &state, QUIET(1300, 10), SAYS(1315, NAN, RULE_FIRE, MODERATE),
		QUIET(1400, 10), QUIET(1402, 10), QUIET(1799, NAN),
		SAYS(1800, 10, RULE_RESOLVE, MODERATE));
}

/* What those can say who have to say it later than the rule did. */
static void test_what_stands(void **unused)
{
	struct rule rule = night_rule();
	struct rule_state state = { 0 };
	bool current;

	(void)unused;
	RUN(&rule, &state, SAYS(720, 160, RULE_FIRE, SEVERE));
	struct rule_event event =
		rule_present(&rule, &state, midnight + 722 * MINUTE, &current);
	assert_true(current);
	assert_int_equal(event.kind, RULE_REPEAT);
	assert_int_equal(event.severity, SEVERE);
	assert_true(event.value == 160 && event.threshold == 150);
	assert_int_equal(event.since_ms, midnight + 720 * MINUTE);
	/* Silent since, in the night, over. */
	rule_present(&rule, &state, midnight + 740 * MINUTE, &current);
	assert_false(current);
	RUN(&rule, &state, QUIET(1330, 160));
	rule_present(&rule, &state, midnight + 1331 * MINUTE, &current);
	assert_false(current);
	assert_true(rule_holds_back(&rule, SEVERE, midnight + 1331 * MINUTE));
	assert_false(rule_holds_back(&rule, EXTREME, midnight + 1331 * MINUTE));
	RUN(&rule, &state, QUIET(1332, 60));
	event = rule_present(&rule, &state, midnight + 1900 * MINUTE, &current);
	assert_false(current);
	assert_true(event.value == 60);
	assert_int_equal(event.severity, SEVERE);

	rule = sample_rule();
	rule.absent_for = 15 * MINUTE;
	state = (struct rule_state){ 0 };
	RUN(&rule, &state, QUIET(720, 1), SAYS(740, NAN, RULE_FIRE, MODERATE));
	event = rule_present(&rule, &state, midnight + 750 * MINUTE, &current);
	assert_true(current && isnan(event.value));
	assert_int_equal(event.at_ms, midnight + 750 * MINUTE);
}

/* --- counts ------------------------------------------------------------- */

static void test_two_of_three_sensors(void **unused)
{
	struct rule rule = sample_above(50);
	struct rule_state state = { 0 };
	int64_t t = midnight;

	(void)unused;
	rule.sensors_over = 2;
	rule.of = 3;
	assert_int_equal(sample_show(&rule, &state, 0, 1, t++, 500).kind, RULE_NOTHING);
	assert_int_equal(sample_show(&rule, &state, 0, 2, t++, 60).kind, RULE_NOTHING);
	assert_int_equal(state.phase, RULE_CLEAR); /* two are heard, not three */
	struct rule_event event = sample_show(&rule, &state, 0, 3, t++, 10);
	assert_int_equal(event.kind, RULE_FIRE);
	assert_true(event.value == 60); /* what two of them say */
	assert_int_equal(sample_show(&rule, &state, 0, 3, t++, 70).kind, RULE_NOTHING);
	assert_int_equal(sample_show(&rule, &state, 0, 2, t++, 40).kind, RULE_NOTHING);
	assert_int_equal(sample_show(&rule, &state, 0, 3, t++, 40).kind, RULE_RESOLVE);
	/* No all-clear by fewer than the alert needed. */
	assert_int_equal(sample_show(&rule, &state, 0, 3, t++, 70).kind, RULE_FIRE);
	t += 20 * MINUTE;
	assert_int_equal(sample_show(&rule, &state, 0, 1, t++, 10).kind, RULE_NOTHING);
	assert_int_equal(sample_show(&rule, &state, 0, 2, t++, 10).kind, RULE_NOTHING);
	assert_int_equal(sample_show(&rule, &state, 0, 3, t++, 10).kind, RULE_RESOLVE);
}

static void test_stations_of_an_area(void **unused)
{
	struct rule rule = sample_above(50);
	struct rule_state state = { 0 };
	int64_t t = midnight;

	(void)unused;
	rule.scope = RULE_OF_AREA;
	rule.stations_over = 2;
	/* Two sensors of one station are one voice, its worst. */
	assert_int_equal(sample_show(&rule, &state, 7, 1, t++, 60).kind, RULE_NOTHING);
	assert_int_equal(sample_show(&rule, &state, 7, 2, t++, 90).kind, RULE_NOTHING);
	assert_int_equal(sample_show(&rule, &state, 8, 1, t++, 40).kind, RULE_NOTHING);
	struct rule_event event = sample_show(&rule, &state, 8, 2, t++, 70);
	assert_int_equal(event.kind, RULE_FIRE);
	assert_true(event.value == 70);
	assert_int_equal(sample_show(&rule, &state, 7, 1, t++, 10).kind, RULE_NOTHING);
	assert_int_equal(sample_show(&rule, &state, 7, 2, t++, 10).kind, RULE_RESOLVE);
	/* Forty more stations, and none that is over is forgotten. */
	assert_int_equal(sample_show(&rule, &state, 9, 1, t++, 75).kind, RULE_FIRE);
	for (uint32_t s = 100; s < 140; s++)
		assert_int_equal(
			sample_show(&rule, &state, s, 1, t++, 10).kind, RULE_NOTHING);
	assert_int_equal(state.phase, RULE_FIRING);
	assert_int_equal(state.count, RULE_SENSORS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps_up_and_down),
		cmocka_unit_test(test_falling_steps),
		cmocka_unit_test(test_noise_between_steps),
		cmocka_unit_test(test_easing_is_told_if_wanted),
		cmocka_unit_test(test_reminders_say_the_present_step),
		cmocka_unit_test(test_reminders_grow_rarer),
		cmocka_unit_test(test_min_readings),
		cmocka_unit_test(test_which_hours_are_quiet),
		cmocka_unit_test(test_nothing_at_night),
		cmocka_unit_test(test_silent_in_the_morning),
		cmocka_unit_test(test_all_clear_in_the_morning),
		cmocka_unit_test(test_back_before_the_morning),
		cmocka_unit_test(test_the_worst_breaks_the_quiet),
		cmocka_unit_test(test_reminders_wait),
		cmocka_unit_test(test_silence_at_night),
		cmocka_unit_test(test_what_stands),
		cmocka_unit_test(test_two_of_three_sensors),
		cmocka_unit_test(test_stations_of_an_area),
	};

	return cmocka_run_group_tests_name("rule_steps", tests, NULL, NULL);
}
