#include "alerts/rule.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/reading.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };

static const int64_t start = 1795300000000;

static struct rule make_rule(void)
{
	return (struct rule){
		.name = "dust",
		.metric = metric_by_id(METRIC_PM25),
		.above = NAN,
		.below = NAN,
		.clear_below = NAN,
		.clear_above = NAN,
		.max_age = 10 * MINUTE,
		.expires = 2 * HOUR,
	};
}

static struct rule rule_above(double above)
{
	struct rule rule = make_rule();

	rule.above = above;
	return rule;
}

static struct observation see(int64_t time_ms, double value)
{
	return (struct observation){
		.time_ms = time_ms, .value = value, .sensor = 1, .flag = FLAG_GOOD
	};
}

/* Shows a fresh reading of SENSOR at TIME. */
static struct rule_event show_of(const struct rule *rule, struct rule_state *state,
	uint32_t sensor, int64_t time_ms, double value)
{
	struct observation seen = see(time_ms, value);

	seen.sensor = sensor;
	return rule_observe(rule, state, &seen, time_ms);
}

static enum rule_event_kind show(
	const struct rule *rule, struct rule_state *state, int64_t time_ms, double value)
{
	return show_of(rule, state, 1, time_ms, value).kind;
}

static void test_fires_at_once_and_clears_at_threshold(void **unused)
{
	struct rule rule = rule_above(50);
	struct rule_state state = { 0 };

	(void)unused;
	assert_int_equal(show(&rule, &state, start, 50), RULE_NOTHING);
	assert_int_equal(state.phase, RULE_CLEAR);
	struct rule_event event = show_of(&rule, &state, 1, start + 1000, 50.1);
	assert_int_equal(event.kind, RULE_FIRE);
	assert_true(event.value == 50.1);
	assert_int_equal(event.since_ms, start + 1000);
	assert_int_equal(event.at_ms, start + 1000);
	assert_int_equal(show(&rule, &state, start + 2000, 80), RULE_NOTHING);
	event = show_of(&rule, &state, 1, start + 3000, 50);
	assert_int_equal(event.kind, RULE_RESOLVE);
	assert_true(event.value == 50);
	assert_int_equal(event.since_ms, start + 1000);
	assert_int_equal(event.at_ms, start + 3000);
	assert_int_equal(show(&rule, &state, start + 4000, 51), RULE_FIRE);
}

static void test_below(void **unused)
{
	struct rule rule = make_rule();
	struct rule_state state = { 0 };

	(void)unused;
	rule.below = 5;
	rule.clear_above = 7;
	assert_int_equal(show(&rule, &state, start, 5), RULE_NOTHING);
	assert_int_equal(show(&rule, &state, start + 1, 4.9), RULE_FIRE);
	assert_int_equal(show(&rule, &state, start + 2, 7), RULE_NOTHING);
	assert_int_equal(show(&rule, &state, start + 3, 7.1), RULE_RESOLVE);
	assert_true(rule_threshold(&rule) == 5);
}

/* A signal that crosses the threshold a thousand times is one alert. */
static void test_noise_is_one_alert(void **unused)
{
	struct rule rule = rule_above(150);
	struct rule_state state = { 0 };
	int fires = 0, resolves = 0;

	(void)unused;
	rule.clear_below = 120;
	for (int i = 0; i < 2000; i++) {
		enum rule_event_kind kind =
			show(&rule, &state, start + i * SECOND, i % 2 ? 155 : 140);
		fires += kind == RULE_FIRE;
		resolves += kind == RULE_RESOLVE;
	}
	assert_int_equal(fires, 1);
	assert_int_equal(resolves, 0);
	assert_int_equal(show(&rule, &state, start + HOUR, 120), RULE_NOTHING);
	assert_int_equal(show(&rule, &state, start + HOUR + 1, 119.9), RULE_RESOLVE);
}

static void test_for_waits(void **unused)
{
	struct rule rule = rule_above(50);
	struct rule_state state = { 0 };

	(void)unused;
	rule.on_delay = 10 * MINUTE;
	for (int64_t t = 0; t < 10 * MINUTE; t += 10 * SECOND)
		assert_int_equal(show(&rule, &state, start + t, 60), RULE_NOTHING);
	assert_int_equal(state.phase, RULE_PENDING);
	struct rule_event event = show_of(&rule, &state, 1, start + 10 * MINUTE, 61);
	assert_int_equal(event.kind, RULE_FIRE);
	assert_int_equal(event.since_ms, start);
}

static void test_for_is_broken_by_one_good_reading(void **unused)
{
	struct rule rule = rule_above(50);
	struct rule_state state = { 0 };

	(void)unused;
	rule.on_delay = MINUTE;
	assert_int_equal(show(&rule, &state, start, 60), RULE_NOTHING);
	assert_int_equal(show(&rule, &state, start + 50 * SECOND, 50), RULE_NOTHING);
	assert_int_equal(show(&rule, &state, start + 59 * SECOND, 60), RULE_NOTHING);
	assert_int_equal(show(&rule, &state, start + 61 * SECOND, 60), RULE_NOTHING);
	assert_int_equal(show(&rule, &state, start + 119 * SECOND, 60), RULE_FIRE);
}

/* What happened in a long gap is not known, so the time begins anew after it. */
static void test_for_begins_anew_after_a_gap(void **unused)
{
	struct rule rule = rule_above(50);
	struct rule_state state = { 0 };
	int64_t back = start + 40 * MINUTE;

	(void)unused;
	rule.on_delay = 5 * MINUTE;
	for (int64_t t = 0; t <= MINUTE; t += SECOND)
		assert_int_equal(show(&rule, &state, start + t, 60), RULE_NOTHING);
	assert_int_equal(show(&rule, &state, back, 60), RULE_NOTHING);
	assert_int_equal(show(&rule, &state, back + 4 * MINUTE, 60), RULE_NOTHING);
	assert_int_equal(show(&rule, &state, back + 5 * MINUTE, 60), RULE_FIRE);
	assert_int_equal(state.since_ms, back);
}

/* Hourly values are further apart than max_age, and that is no gap. */
static void test_for_with_hourly_values(void **unused)
{
	struct rule rule = rule_above(150);
	struct rule_state state = { 0 };

	(void)unused;
	rule.on_delay = 2 * HOUR;
	assert_int_equal(show(&rule, &state, start, 100), RULE_NOTHING);
	assert_int_equal(show(&rule, &state, start + HOUR, 160), RULE_NOTHING);
	assert_int_equal(show(&rule, &state, start + 2 * HOUR, 170), RULE_NOTHING);
	assert_int_equal(show(&rule, &state, start + 3 * HOUR, 180), RULE_FIRE);
	assert_int_equal(state.since_ms, start + HOUR);
}

static void test_for_fires_at_a_tick_while_fresh(void **unused)
{
	struct rule rule = rule_above(50);
	struct rule_state state = { 0 };

	(void)unused;
	rule.on_delay = MINUTE;
	assert_int_equal(show(&rule, &state, start, 60), RULE_NOTHING);
	assert_int_equal(
		rule_tick(&rule, &state, start + 59 * SECOND, 0).kind, RULE_NOTHING);
	assert_int_equal(
		rule_tick(&rule, &state, start + 60 * SECOND, 0).kind, RULE_FIRE);

	/* But not by a reading that is too old by then. */
	state = (struct rule_state){ 0 };
	rule.on_delay = 20 * MINUTE;
	assert_int_equal(show(&rule, &state, start, 60), RULE_NOTHING);
	assert_int_equal(
		rule_tick(&rule, &state, start + 21 * MINUTE, 0).kind, RULE_NOTHING);
	assert_int_equal(state.phase, RULE_PENDING);
}

/* A reading that comes late is measured by its own time, live as in a back-test. */
static void test_for_is_measured_in_data_time(void **unused)
{
	struct rule rule = rule_above(50);
	struct rule_state state = { 0 };
	struct observation seen = see(start, 60);

	(void)unused;
	rule.on_delay = 5 * MINUTE;
	assert_int_equal(rule_observe(&rule, &state, &seen, start + 4 * MINUTE).kind,
		RULE_NOTHING);
	assert_int_equal(
		rule_tick(&rule, &state, start + 6 * MINUTE, 0).kind, RULE_NOTHING);
	assert_int_equal(rule_tick(&rule, &state, start + 9 * MINUTE, 0).kind, RULE_FIRE);
}

static void test_clear_for(void **unused)
{
	struct rule rule = rule_above(50);
	struct rule_state state = { 0 };

	(void)unused;
	rule.off_delay = MINUTE;
	assert_int_equal(show(&rule, &state, start, 60), RULE_FIRE);
	assert_int_equal(show(&rule, &state, start + 10 * SECOND, 40), RULE_NOTHING);
	assert_int_equal(state.phase, RULE_CLEARING);
	assert_int_equal(show(&rule, &state, start + 20 * SECOND, 60), RULE_NOTHING);
	assert_int_equal(state.phase, RULE_FIRING);
	assert_int_equal(show(&rule, &state, start + 30 * SECOND, 40), RULE_NOTHING);
	assert_int_equal(show(&rule, &state, start + 89 * SECOND, 40), RULE_NOTHING);
	assert_int_equal(show(&rule, &state, start + 90 * SECOND, 40), RULE_RESOLVE);
}

static void test_repeat(void **unused)
{
	struct rule rule = rule_above(50);
	struct rule_state state = { 0 };
	int repeats = 0;

	(void)unused;
	rule.repeat = HOUR;
	assert_int_equal(show(&rule, &state, start, 60), RULE_FIRE);
	for (int64_t t = MINUTE; t <= 150 * MINUTE; t += MINUTE)
		repeats += show(&rule, &state, start + t, 60) == RULE_REPEAT;
	assert_int_equal(repeats, 2);
	/* Nothing is repeated, and nothing cleared, once the data stop. */
	for (int64_t t = 161 * MINUTE; t <= 24 * HOUR; t += MINUTE)
		assert_int_equal(
			rule_tick(&rule, &state, start + t, 0).kind, RULE_NOTHING);
	assert_int_equal(state.phase, RULE_FIRING);
	assert_int_equal(show(&rule, &state, start + 25 * HOUR, 40), RULE_RESOLVE);
}

static void test_what_may_not_be_looked_at(void **unused)
{
	struct rule rule = rule_above(50);
	struct observation good = see(start, 999);
	struct observation bad[11];

	(void)unused;
	for (size_t i = 0; i < 11; i++)
		bad[i] = good;
	bad[0].marks = REPORT_RETAINED;
	bad[1].marks = REPORT_BACKFILLED | REPORT_DEVICE_TIME;
	bad[2].marks = REPORT_CLOCK_UNSET;
	bad[3].flag = FLAG_FAIL;
	bad[4].flag = FLAG_MISSING;
	bad[5].status = STATUS_CALIBRATING;
	bad[6].status = STATUS_FAULT;
	bad[7].time_ms = start - 10 * MINUTE - 1;
	bad[8].time_ms = start + RULE_FUTURE_MS + 1;
	bad[9].value = NAN;
	bad[10].flag = 0;
	for (size_t i = 0; i < 11; i++) {
		struct rule_state state = { 0 };

		assert_int_equal(
			rule_observe(&rule, &state, &bad[i], start).kind, RULE_NOTHING);
		assert_int_equal(state.phase, RULE_UNKNOWN);
		struct rule absent = make_rule();
		absent.absent_for = MINUTE;
		rule_observe(&absent, &state, &bad[i], start);
		assert_int_equal(state.phase, RULE_UNKNOWN);
	}
	for (uint8_t flag = FLAG_GOOD; flag <= FLAG_SUSPECT; flag++) {
		struct rule_state state = { 0 };

		good.flag = flag;
		good.marks = REPORT_DEVICE_TIME;
		assert_int_equal(
			rule_observe(&rule, &state, &good, start).kind, RULE_FIRE);
	}
}

static void test_older_than_before_says_nothing(void **unused)
{
	struct rule rule = rule_above(50);
	struct rule_state state = { 0 };
	struct observation late = see(start - MINUTE, 60);

	(void)unused;
	assert_int_equal(show(&rule, &state, start, 40), RULE_NOTHING);
	assert_int_equal(rule_observe(&rule, &state, &late, start).kind, RULE_NOTHING);
	assert_int_equal(state.phase, RULE_CLEAR);
}

static void test_two_sensors_that_disagree(void **unused)
{
	struct rule rule = rule_above(50);
	struct rule_state state = { 0 };
	int events = 0;

	(void)unused;
	for (int i = 0; i < 600; i++) {
		int64_t t = start + i * SECOND;

		events += show_of(&rule, &state, 1, t, 60).kind != RULE_NOTHING;
		events += show_of(&rule, &state, 2, t, 40).kind != RULE_NOTHING;
	}
	assert_int_equal(events, 1);
	assert_int_equal(state.phase, RULE_FIRING);
	/* Both clear: over. */
	int64_t t = start + 601 * SECOND;
	assert_int_equal(show_of(&rule, &state, 2, t, 40).kind, RULE_NOTHING);
	assert_int_equal(show_of(&rule, &state, 1, t, 45).kind, RULE_RESOLVE);
}

/* The one that was over has fallen silent: after a while the others' word holds. */
static void test_a_silent_sensor_falls_out(void **unused)
{
	struct rule rule = rule_above(50);
	struct rule_state state = { 0 };
	int64_t t = start;

	(void)unused;
	assert_int_equal(show_of(&rule, &state, 1, t, 60).kind, RULE_FIRE);
	for (; t <= start + 10 * MINUTE; t += SECOND)
		assert_int_equal(show_of(&rule, &state, 2, t, 40).kind, RULE_NOTHING);
	assert_int_equal(show_of(&rule, &state, 2, t, 40).kind, RULE_RESOLVE);
}

static void test_many_sensors_lose_no_alarm(void **unused)
{
	struct rule rule = rule_above(50);
	struct rule_state state = { 0 };

	(void)unused;
	for (uint32_t i = 1; i <= 40; i++)
		assert_int_equal(
			show_of(&rule, &state, i, start + i, 40).kind, RULE_NOTHING);
	assert_int_equal(state.count, RULE_SENSORS_MAX);
	assert_int_equal(show_of(&rule, &state, 99, start + 50, 60).kind, RULE_FIRE);
	for (uint32_t i = 1; i <= 40; i++)
		assert_int_equal(show_of(&rule, &state, i, start + 100 + i, 40).kind,
			RULE_NOTHING);
	assert_int_equal(state.phase, RULE_FIRING);
}

static void test_absent_and_back(void **unused)
{
	struct rule rule = make_rule();
	struct rule_state state = { 0 };

	(void)unused;
	rule.absent_for = 15 * MINUTE;
	rule.repeat = HOUR;
	/* A station never seen is not missed. */
	assert_int_equal(
		rule_tick(&rule, &state, start + 24 * HOUR, start).kind, RULE_NOTHING);
	int64_t seen = start + 24 * HOUR;
	assert_int_equal(show(&rule, &state, seen, 10), RULE_NOTHING);
	assert_int_equal(rule_tick(&rule, &state, seen + 15 * MINUTE - 1, start).kind,
		RULE_NOTHING);
	struct rule_event event = rule_tick(&rule, &state, seen + 15 * MINUTE, start);
	assert_int_equal(event.kind, RULE_FIRE);
	assert_int_equal(event.since_ms, seen);
	assert_int_equal(event.at_ms, seen + 15 * MINUTE);
	assert_true(isnan(event.value));
	assert_int_equal(
		rule_tick(&rule, &state, seen + 16 * MINUTE, start).kind, RULE_NOTHING);
	assert_int_equal(
		rule_tick(&rule, &state, seen + 75 * MINUTE, start).kind, RULE_REPEAT);
	struct observation old = see(seen + 3 * HOUR, 10);
	old.marks = REPORT_RETAINED;
	assert_int_equal(
		rule_observe(&rule, &state, &old, seen + 3 * HOUR).kind, RULE_NOTHING);
	event = show_of(&rule, &state, 1, seen + 3 * HOUR, 10);
	assert_int_equal(event.kind, RULE_RESOLVE);
	assert_int_equal(event.since_ms, seen);
	assert_int_equal(event.at_ms, seen + 3 * HOUR);
	assert_true(isnan(rule_threshold(&rule)));
	assert_int_equal(rule_hazard(&rule), HAZARD_DEVICE);
}

/* Who is calibrated is not silent; nor has a silence ended by that. */
static void test_absent_and_calibrated(void **unused)
{
	struct rule rule = make_rule();
	struct rule_state state = { 0 };

	(void)unused;
	rule.absent_for = 15 * MINUTE;
	show(&rule, &state, start, 10);
	for (int64_t at = start; at < start + HOUR; at += MINUTE) {
		struct observation gas = see(at, 500);
		gas.status = STATUS_CALIBRATING;
		gas.flag = FLAG_FAIL;
		assert_int_equal(
			rule_observe(&rule, &state, &gas, at).kind, RULE_NOTHING);
		assert_int_equal(rule_tick(&rule, &state, at, start).kind, RULE_NOTHING);
	}
	int64_t last = start + HOUR - MINUTE;
	assert_int_equal(
		rule_tick(&rule, &state, last + 15 * MINUTE, start).kind, RULE_FIRE);
	struct observation gas = see(last + 16 * MINUTE, 500);
	gas.status = STATUS_CALIBRATING;
	assert_int_equal(
		rule_observe(&rule, &state, &gas, gas.time_ms).kind, RULE_NOTHING);
	assert_int_equal(state.phase, RULE_FIRING);
	assert_int_equal(show(&rule, &state, last + 17 * MINUTE, 10), RULE_RESOLVE);
}

static void test_absent_has_grace_after_start(void **unused)
{
	struct rule rule = make_rule();
	struct rule_state state = { 0 };
	char text[RULE_TEXT_MAX];
	int64_t again = start + 5 * HOUR;

	(void)unused;
	rule.absent_for = 15 * MINUTE;
	show(&rule, &state, start, 10);
	rule_state_write(&rule, &state, text);
	assert_true(rule_state_read(&rule, &state, text, again));
	assert_int_equal(rule_tick(&rule, &state, again, again).kind, RULE_NOTHING);
	assert_int_equal(
		rule_tick(&rule, &state, again + 14 * MINUTE, again).kind, RULE_NOTHING);
	struct rule_event event = rule_tick(&rule, &state, again + 15 * MINUTE, again);
	assert_int_equal(event.kind, RULE_FIRE);
	assert_int_equal(event.since_ms, start);
}

/* Writes STATE out and reads it back as after a restart at NOW. */
static void restart(const struct rule *rule, struct rule_state *state, int64_t now_ms)
{
	char text[RULE_TEXT_MAX];

	assert_true(rule_state_write(rule, state, text) < RULE_TEXT_MAX);
	memset(state, 0x5a, sizeof *state);
	assert_true(rule_state_read(rule, state, text, now_ms));
}

static void test_restart_while_firing(void **unused)
{
	struct rule rule = rule_above(50);
	struct rule_state state = { 0 };

	(void)unused;
	assert_int_equal(show(&rule, &state, start, 60), RULE_FIRE);
	restart(&rule, &state, start + MINUTE);
	assert_int_equal(show(&rule, &state, start + MINUTE, 61), RULE_NOTHING);
	restart(&rule, &state, start + 2 * HOUR);
	assert_int_equal(show(&rule, &state, start + 2 * HOUR, 40), RULE_RESOLVE);
	assert_int_equal(state.since_ms, start);
}

static void test_restart_while_pending(void **unused)
{
	struct rule rule = rule_above(50);
	struct rule_state state = { 0 };

	(void)unused;
	rule.on_delay = 10 * MINUTE;
	for (int64_t t = 0; t <= 5 * MINUTE; t += SECOND)
		show(&rule, &state, start + t, 60);
	restart(&rule, &state, start + 6 * MINUTE);
	assert_int_equal(show(&rule, &state, start + 6 * MINUTE, 60), RULE_NOTHING);
	assert_int_equal(show(&rule, &state, start + 10 * MINUTE, 60), RULE_FIRE);
	assert_int_equal(state.since_ms, start);

	/* What happened in an hour's absence is not known. */
	state = (struct rule_state){ 0 };
	show(&rule, &state, start, 60);
	restart(&rule, &state, start + HOUR);
	assert_int_equal(rule_tick(&rule, &state, start + HOUR, 0).kind, RULE_NOTHING);
	assert_int_equal(show(&rule, &state, start + HOUR, 60), RULE_NOTHING);
	assert_int_equal(state.since_ms, start + HOUR);
}

/* After a restart the clear sensor speaks first: the other gets the time to confirm. */
static void test_restart_with_two_sensors(void **unused)
{
	struct rule rule = rule_above(50);
	struct rule_state state = { 0 };
	int64_t again = start + 3 * HOUR;

	(void)unused;
	show_of(&rule, &state, 2, start, 40);
	assert_int_equal(show_of(&rule, &state, 1, start + 1, 60).kind, RULE_FIRE);
	restart(&rule, &state, again);
	assert_int_equal(show_of(&rule, &state, 2, again, 40).kind, RULE_NOTHING);
	assert_int_equal(show_of(&rule, &state, 1, again + 1, 60).kind, RULE_NOTHING);
	assert_int_equal(show_of(&rule, &state, 1, again + 2, 45).kind, RULE_RESOLVE);

	/* If it never speaks again it does not hold the alert for ever. */
	state = (struct rule_state){ 0 };
	show_of(&rule, &state, 2, start, 40);
	show_of(&rule, &state, 1, start + 1, 60);
	restart(&rule, &state, again);
	assert_int_equal(show_of(&rule, &state, 2, again, 40).kind, RULE_NOTHING);
	assert_int_equal(
		show_of(&rule, &state, 2, again + 11 * MINUTE, 40).kind, RULE_RESOLVE);
}

static void test_standing_condition_alerts_once(void **unused)
{
	struct rule rule = rule_above(50);
	struct rule_state state = { 0 };

	(void)unused;
	assert_int_equal(show(&rule, &state, start, 60), RULE_FIRE);
	for (int i = 1; i < 10; i++) {
		restart(&rule, &state, start + i * MINUTE);
		assert_int_equal(
			show(&rule, &state, start + i * MINUTE, 60), RULE_NOTHING);
	}
}

static void test_bad_texts_are_unknown(void **unused)
{
	struct rule rule = rule_above(50);
	struct rule_state state = { 0 };
	char text[RULE_TEXT_MAX], cut[RULE_TEXT_MAX];

	(void)unused;
	show_of(&rule, &state, 2, start, 40.25);
	show_of(&rule, &state, 1, start + 1, 1e300);
	size_t length = rule_state_write(&rule, &state, text);
	for (size_t i = 0; i < length; i++) {
		memcpy(cut, text, i);
		cut[i] = '\0';
		/* Cut within the last number it is another number, elsewhere nothing. */
		if (rule_state_read(&rule, &state, cut, start))
			assert_true(text + i > strrchr(text, ' '));
		else
			assert_int_equal(state.phase, RULE_UNKNOWN);
	}
	assert_true(rule_state_read(&rule, &state, text, start));
	assert_int_equal(state.count, 2);
	assert_true(state.sensors[1].value == 1e300);

	const char *const bad[] = { "", "2 97 2 3", "1 97 2 9 0 0 0 0 0 0",
		"1 97 2 3 -5 0 0 0 0 0", "1 97 2 3 0 0 0 0 0 17",
		"1 97 2 3 0 0 0 0 0 0 7", "1 97 2 3 x 0 0 0 0 0",
		"1 97 2 3 0 0 0 0 0 1 1 1 1 nan" };
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_false(rule_state_read(&rule, &state, bad[i], start));

	/* The rule has become another one. */
	struct rule other = make_rule();
	other.below = 50;
	assert_false(rule_state_read(&other, &state, text, start));
	other = rule_above(50);
	other.metric = metric_by_id(METRIC_PM10);
	assert_false(rule_state_read(&other, &state, text, start));
}

/* A full table of sensors still fits. */
static void test_longest_text_fits(void **unused)
{
	struct rule rule = rule_above(50);
	struct rule_state state = { .phase = RULE_FIRING,
		.count = RULE_SENSORS_MAX,
		.since_ms = 99999999999999,
		.turn_ms = 99999999999999,
		.last_ms = 99999999999999,
		.lag_ms = 99999999999999,
		.told_ms = 99999999999999 };

	(void)unused;
	for (unsigned i = 0; i < RULE_SENSORS_MAX; i++)
		state.sensors[i] = (struct rule_sensor){ .key = UINT32_MAX - i,
			.time_ms = 99999999999999,
			.interval_ms = 93599999,
			.value = -1.2345678901234567e-300 };
	restart(&rule, &state, start);
	assert_int_equal(state.count, RULE_SENSORS_MAX);
	assert_true(state.sensors[15].value == -1.2345678901234567e-300);
}

static void test_clock_set_back(void **unused)
{
	struct rule rule = rule_above(50);
	struct rule_state state = { 0 };

	(void)unused;
	assert_int_equal(show(&rule, &state, start, 60), RULE_FIRE);
	assert_int_equal(show(&rule, &state, start - 4 * HOUR, 61), RULE_NOTHING);
	assert_int_equal(state.phase, RULE_FIRING);
	assert_int_equal(show(&rule, &state, start - 4 * HOUR + 1, 40), RULE_RESOLVE);
	assert_int_equal(show(&rule, &state, start - 4 * HOUR + 2, 60), RULE_FIRE);
}

/* By an hour, forward: neither has the condition stood for an hour, nor was it silent. */
static void test_clock_followed(void **unused)
{
	struct rule rule = rule_above(50);
	struct rule_state state = { 0 };
	struct clock_step step = { .since_ms = start - 1, .by_ms = HOUR };

	(void)unused;
	rule.on_delay = 10 * MINUTE;
	assert_int_equal(show(&rule, &state, start, 60), RULE_NOTHING);
	assert_int_equal(show(&rule, &state, start + 5 * MINUTE, 60), RULE_NOTHING);
	rule_shift(&rule, &state, &step);
	assert_int_equal(
		show(&rule, &state, start + HOUR + 6 * MINUTE, 60), RULE_NOTHING);
	step = (struct clock_step){ .since_ms = start + HOUR - 1, .by_ms = -2 * HOUR };
	rule_shift(&rule, &state, &step);
	assert_int_equal(
		show(&rule, &state, start - HOUR + 9 * MINUTE, 60), RULE_NOTHING);
	assert_int_equal(show(&rule, &state, start - HOUR + 10 * MINUTE, 60), RULE_FIRE);
	assert_int_equal(state.since_ms, start - HOUR);
}

static void test_covers(void **unused)
{
	const char *names[] = { "A", "B" };
	struct rule rule = rule_above(1);

	(void)unused;
	assert_true(rule_covers(&rule, "X"));
	rule.stations = (struct option_strings){ .values = names, .count = 2 };
	assert_true(rule_covers(&rule, "B"));
	assert_false(rule_covers(&rule, "X"));
}

/* --- any order of things ----------------------------------------------- */

struct random {
	uint64_t state;
};

static uint32_t pick(struct random *random, uint32_t below)
{
	random->state = random->state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(random->state >> 33) % below;
}

static struct rule random_rule(struct random *random)
{
	struct rule rule = make_rule();

	switch (pick(random, 3)) {
	case 0:
		rule.above = 50;
		if (pick(random, 2))
			rule.clear_below = 40;
		break;
	case 1:
		rule.below = 50;
		if (pick(random, 2))
			rule.clear_above = 60;
		break;
	default:
		rule.absent_for = 1 + pick(random, HOUR);
	}
	if (rule.absent_for == 0 && pick(random, 2))
		rule.on_delay = pick(random, 20 * MINUTE);
	if (rule.absent_for == 0 && pick(random, 2))
		rule.off_delay = pick(random, 20 * MINUTE);
	if (pick(random, 2))
		rule.repeat = 1 + pick(random, HOUR);
	return rule;
}

/* A run of random observations, ticks and restarts; what always holds is checked. */
static void run_randomly(struct random *random)
{
	struct rule rule = random_rule(random);
	struct rule_state state = { 0 };
	int64_t now = start, begin = start, told = 0;
	bool firing = false;

	for (int i = 0; i < 2000; i++) {
		struct observation seen =
			see(now - pick(random, 12 * MINUTE), 30 + pick(random, 40));
		struct rule_event event = { .kind = RULE_NOTHING };
		bool usable = false;

		now += pick(random, pick(random, 50) ? 2 * MINUTE : 5 * HOUR);
		seen.sensor = pick(random, 20);
		seen.flag = pick(random, 10) ? FLAG_GOOD : FLAG_FAIL;
		seen.marks = pick(random, 10) ? 0 : REPORT_RETAINED;
		switch (pick(random, 20)) {
		case 0:
			restart(&rule, &state, now);
			begin = now;
			break;
		case 1:
		case 2:
		case 3:
			event = rule_tick(&rule, &state, now, begin);
			break;
		default:
			usable = rule_may_use(&rule, &seen, now);
			event = rule_observe(&rule, &state, &seen, now);
			if (!usable)
				assert_int_equal(event.kind, RULE_NOTHING);
		}
		switch (event.kind) {
		case RULE_FIRE:
			assert_false(firing);
			if (rule.absent_for == 0)
				assert_true(isnan(rule.above) ? event.value < 50
							      : event.value > 50);
			assert_true(now - state.last_ms <= rule.max_age ||
				rule.absent_for > 0);
			firing = true;
			told = now;
			break;
		case RULE_REPEAT:
			assert_true(firing && rule.repeat > 0);
			assert_true(now - told >= rule.repeat);
			told = now;
			break;
		case RULE_RESOLVE:
			assert_true(firing);
			assert_true(usable || rule.off_delay > 0);
			firing = false;
			break;
		default:
			break;
		}
		assert_true(firing ==
			(state.phase == RULE_FIRING || state.phase == RULE_CLEARING));
		assert_true(state.count <= RULE_SENSORS_MAX);
	}
}

static void test_random_runs(void **unused)
{
	const char *given = getenv("SEED");
	uint64_t seed = given ? strtoull(given, NULL, 10) : 20261122;

	(void)unused;
	for (uint64_t i = 0; i < 300; i++) {
		struct random random = { .state = seed + i };

		run_randomly(&random);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fires_at_once_and_clears_at_threshold),
		cmocka_unit_test(test_below),
		cmocka_unit_test(test_noise_is_one_alert),
		cmocka_unit_test(test_for_waits),
		cmocka_unit_test(test_for_is_broken_by_one_good_reading),
		cmocka_unit_test(test_for_begins_anew_after_a_gap),
		cmocka_unit_test(test_for_with_hourly_values),
		cmocka_unit_test(test_for_fires_at_a_tick_while_fresh),
		cmocka_unit_test(test_for_is_measured_in_data_time),
		cmocka_unit_test(test_clear_for),
		cmocka_unit_test(test_repeat),
		cmocka_unit_test(test_what_may_not_be_looked_at),
		cmocka_unit_test(test_older_than_before_says_nothing),
		cmocka_unit_test(test_two_sensors_that_disagree),
		cmocka_unit_test(test_a_silent_sensor_falls_out),
		cmocka_unit_test(test_many_sensors_lose_no_alarm),
		cmocka_unit_test(test_absent_and_back),
		cmocka_unit_test(test_absent_and_calibrated),
		cmocka_unit_test(test_absent_has_grace_after_start),
		cmocka_unit_test(test_restart_while_firing),
		cmocka_unit_test(test_restart_while_pending),
		cmocka_unit_test(test_restart_with_two_sensors),
		cmocka_unit_test(test_standing_condition_alerts_once),
		cmocka_unit_test(test_bad_texts_are_unknown),
		cmocka_unit_test(test_longest_text_fits),
		cmocka_unit_test(test_clock_set_back),
		cmocka_unit_test(test_clock_followed),
		cmocka_unit_test(test_covers),
		cmocka_unit_test(test_random_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
