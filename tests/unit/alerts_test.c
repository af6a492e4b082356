#include "alerts/alerts.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/clock.h"
#include "tests/unit/alert_world.h"

static void test_one_episode(void **state)
{
	struct store *store = *state;
	struct alerts *alerts = open_alerts(store);

	assert_non_null(alerts);
	assert_int_equal(show(alerts, "HN-CG-01", "pm25", start, 30), 0);
	assert_int_equal(show(alerts, "HN-CG-01", "pm10", start, 49), 0);
	assert_false(alert_state_joins(store));
	assert_int_equal(show(alerts, "HN-CG-01", "pm25", start + SECOND, 60), 2);
	assert_int_equal(store_commit(store), 0);
	assert_int_equal(show(alerts, "HN-CG-01", "pm25", start + 2 * SECOND, 70), 0);
	assert_int_equal(show(alerts, "HN-CG-01", "pm25", start + 3 * SECOND, 39), 2);
	assert_int_equal(store_commit(store), 0);

	struct message fired = take(store, "web");
	assert_string_equal(fired.rule, "dust");
	assert_int_equal(fired.revision, 1);
	assert_false(fired.resolved);
	assert_string_equal(fired.station_name, "Cầu Giấy");
	assert_string_equal(fired.area, "hn-cau-giay");
	assert_string_equal(fired.metric, "pm25");
	assert_string_equal(fired.language, "vi");
	assert_int_equal(fired.hazard, HAZARD_AIR);
	assert_int_equal(fired.severity, SEVERITY_SEVERE);
	assert_true(fired.value == 60 && fired.threshold == 50);
	assert_int_equal(fired.since_ms, start + SECOND);
	assert_int_equal(fired.expires_ms, start + SECOND + 2 * HOUR);
	assert_string_equal(fired.title, "Bụi PM2.5 cao tại Cầu Giấy");
	assert_int_equal(strspn(fired.id, "abcdefghijklmnopqrstuvwxyz0123456789"),
		strlen(fired.id));
	assert_in_range(strlen(fired.id), 16, 32);

	struct message over = take(store, "web");
	assert_string_equal(over.id, fired.id);
	assert_int_equal(over.revision, 2);
	assert_true(over.resolved && over.value == 39);
	assert_int_equal(over.since_ms, start + SECOND);

	struct message english = take(store, "english");
	assert_string_equal(english.language, "en");
	assert_string_equal(english.title, "High PM2.5 at Cầu Giấy");
	assert_string_equal(english.id, fired.id);
	assert_int_equal(outbox_count(store, "officers"), 0);
	alerts_close(alerts);
}

static void test_next_episode_has_another_id(void **state)
{
	struct store *store = *state;
	struct alerts *alerts = open_alerts(store);

	show(alerts, "X", "pm25", start, 60);
	show(alerts, "X", "pm25", start + 1, 30);
	show(alerts, "X", "pm25", start + 2, 60);
	show(alerts, "Y", "pm25", start + 2, 60);
	store_commit(store);
	struct message first = take(store, "web"), over = take(store, "web"),
		       second = take(store, "web"), other = take(store, "web");
	assert_string_equal(first.id, over.id);
	assert_string_not_equal(first.id, second.id);
	assert_string_not_equal(second.id, other.id);
	assert_int_equal(second.revision, 1);
	assert_string_equal(first.station_name, "X");
	assert_string_equal(other.station, "Y");
	alerts_close(alerts);
}

static void test_restart_while_firing(void **state)
{
	struct store *store = *state;
	struct alerts *alerts = open_alerts(store);

	assert_int_equal(show(alerts, "X", "pm25", start, 60), 2);
	store_commit(store);
	alerts_close(alerts);
	alerts = open_alerts(store);
	assert_int_equal(show(alerts, "X", "pm25", start + HOUR, 61), 0);
	assert_int_equal(show(alerts, "X", "pm25", start + HOUR + 1, 30), 2);
	store_commit(store);
	struct message fired = take(store, "web"), over = take(store, "web");
	assert_string_equal(fired.id, over.id);
	assert_int_equal(over.revision, 2);
	assert_int_equal(over.since_ms, start);
	/* Over is over: after the next restart it fires as a new one. */
	alerts_close(alerts);
	alerts = open_alerts(store);
	assert_int_equal(show(alerts, "X", "pm25", start + 2 * HOUR, 61), 2);
	store_commit(store);
	alerts_close(alerts);
}

/* A failed transaction takes the message and the state with it. */
static void test_rollback(void **state)
{
	struct store *store = *state;
	struct alerts *alerts = open_alerts(store);

	assert_int_equal(show(alerts, "X", "pm25", start, 60), 2);
	store_rollback(store);
	assert_int_equal(alerts_reload_states(alerts), 0);
	assert_int_equal(outbox_count(store, "web"), 0);
	assert_int_equal(show(alerts, "X", "pm25", start, 60), 2);
	store_commit(store);
	assert_int_equal(outbox_count(store, "web"), 1);
	alerts_close(alerts);
}

static void test_restart_while_pending(void **state)
{
	struct store *store = *state;
	struct alerts *alerts = open_alerts(store);
	int64_t t = start;

	for (; t < start + 9 * MINUTE; t += SECOND) {
		assert_int_equal(show(alerts, "X", "pm10", t, 60), 0);
		assert_int_equal(alerts_tick(alerts, t), 0);
		assert_false(alert_state_joins(store));
	}
	alerts_close(alerts);
	alerts = open_alerts(store);
	assert_int_equal(show(alerts, "X", "pm10", start + 9 * MINUTE, 60), 0);
	assert_int_equal(show(alerts, "X", "pm10", start + 10 * MINUTE, 60), 2);
	store_commit(store);
	assert_int_equal(take(store, "web").since_ms, start);
	alerts_close(alerts);
}

/* Into the transaction of the reading, however young the phase is. */
static void test_saving_with_the_reading(void **state)
{
	struct store *store = *state;
	struct alerts *alerts = open_alerts(store);

	assert_int_equal(show(alerts, "A", "pm10", start, 60), 0);
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(alerts_save(alerts), 0);
	assert_int_equal(store_commit(store), 0);
	assert_int_equal(alerts_save(alerts), 0);
	assert_false(alert_state_joins(store)); /* nothing new, nothing written */
	alerts_close(alerts);
	alerts = open_alerts(store);
	assert_int_equal(show(alerts, "A", "pm10", start + 10 * MINUTE, 60), 2);
	assert_int_equal(store_commit(store), 0);
	assert_int_equal(take(store, "web").since_ms, start);
	alerts_close(alerts);
}

/* An index that is marked, and air of a station that is. */
static void test_indicative_is_said(void **state)
{
	struct store *store = *state;
	struct alerts *alerts = open_alerts(store);
	struct report report = make_report("B", "pm25", start, 400);
	struct station low_cost = { .id = "C", .latitude = NAN, .indicative = true };

	low_cost.longitude = NAN;
	report.marks |= REPORT_INDICATIVE;
	assert_true(directory_learn(directory, &low_cost));
	assert_true(alerts_report(alerts, &report, start) > 0);
	assert_true(show(alerts, "C", "pm25", start, 400) > 0);
	assert_true(show(alerts, "A", "pm25", start, 400) > 0);
	assert_int_equal(store_commit(store), 0);
	assert_non_null(strstr(take(store, "web").text, "giá trị tham khảo"));
	assert_non_null(strstr(take(store, "web").text, "giá trị tham khảo"));
	assert_null(strstr(take(store, "web").text, "giá trị tham khảo"));
	alerts_close(alerts);
}

static void test_silence_over_a_restart(void **state)
{
	struct store *store = *state;
	struct alerts *alerts = open_alerts(store);
	int64_t again = start + 2 * HOUR;

	show(alerts, "HN-CG-01", "pm25", start, 30);
	assert_int_equal(alerts_tick(alerts, start + SECOND), 0);
	alerts_close(alerts);
	alerts = open_alerts(store);
	assert_int_equal(alerts_tick(alerts, again), 0);
	assert_int_equal(alerts_tick(alerts, again + 15 * MINUTE - 1), 0);
	assert_int_equal(alerts_tick(alerts, again + 15 * MINUTE), 1);
	assert_int_equal(alerts_tick(alerts, again + 16 * MINUTE), 0);
	assert_int_equal(show(alerts, "HN-CG-01", "pm25", again + HOUR, 30), 1);
	store_commit(store);
	struct message silent = take(store, "officers"), back = take(store, "officers");
	assert_int_equal(silent.hazard, HAZARD_DEVICE);
	assert_true(isnan(silent.value) && isnan(silent.threshold));
	assert_int_equal(silent.since_ms, start);
	assert_string_equal(silent.title, "Mất tín hiệu bụi mịn PM2.5 tại Cầu Giấy");
	assert_true(back.resolved);
	assert_string_equal(back.id, silent.id);
	alerts_close(alerts);
}

/* An operator calibrates a sensor, which is taken off the line for that. */
static void test_calibrated_is_not_silent(void **state)
{
	struct store *store = *state;
	struct calibrating_span span = {
		.sensor = "dust", .since_ms = start + MINUTE, .until_ms = start + HOUR
	};
	struct calibrating_span other = { .sensor = "gauge",
		.since_ms = start + MINUTE,
		.until_ms = start + 9 * HOUR };

	calibrating = calibrating_new();
	assert_true(calibrating_set(calibrating, &span));
	assert_true(calibrating_set(calibrating, &other));
	struct alerts *alerts = open_alerts(store);
	assert_int_equal(alerts_tick(alerts, start), 0);
	assert_int_equal(show(alerts, "HN-CG-01", "pm25", start, 10), 0);
	int64_t now_ms = start;
	while (alerts_tick(alerts, now_ms) == 0)
		now_ms += MINUTE;
	/* As long as usual, but from the end of the calibration on. */
	assert_int_equal(now_ms, start + HOUR + 15 * MINUTE);
	assert_int_equal(store_commit(store), 0);
	assert_int_equal(take(store, "officers").since_ms, start);
	alerts_close(alerts);
	calibrating_free(calibrating);
	calibrating = NULL;
}

/* The clock jumps forward while everything works: nobody was silent. */
static void test_clock_step_is_no_silence(void **state)
{
	struct store *store = *state;
	struct alerts *alerts = open_alerts(store);

	clock_freeze(start, 1000);
	show(alerts, "X", "pm25", start, 30);
	assert_int_equal(alerts_tick(alerts, start), 0);
	clock_freeze(start + 5 * HOUR, 2000);
	assert_int_equal(alerts_tick(alerts, start + 5 * HOUR), 0);
	clock_freeze(start + 5 * HOUR + 15 * MINUTE, 2000 + 15 * MINUTE);
	assert_int_equal(alerts_tick(alerts, start + 5 * HOUR + 15 * MINUTE), 1);
	store_commit(store);
	alerts_close(alerts);
}

static void test_rules_that_are_gone(void **state)
{
	struct store *store = *state;
	struct alerts *alerts = open_alerts(store);

	assert_int_equal(show(alerts, "X", "pm25", start, 60), 2);
	store_commit(store);
	alerts_close(alerts);
	config.alerts.rules = (struct option_list){ .items = rules + 1, .count = 2 };
	alerts = open_alerts(store);
	store_commit(store);
	alerts_close(alerts);
	config.alerts.rules = (struct option_list){ .items = rules, .count = 3 };
	alerts = open_alerts(store);
	assert_int_equal(show(alerts, "X", "pm25", start + 1, 60), 2);
	store_commit(store);
	alerts_close(alerts);
}

static void test_what_does_not_alert(void **state)
{
	struct store *store = *state;
	struct alerts *alerts = open_alerts(store);
	struct report report = make_report("X", "pm25", start, 999);
	const char *names[] = { "Y" };

	report.marks = REPORT_RETAINED;
	assert_int_equal(alerts_report(alerts, &report, start), 0);
	report.marks = REPORT_BACKFILLED;
	assert_int_equal(alerts_report(alerts, &report, start), 0);
	report.marks = 0;
	report.readings[0].flag = FLAG_FAIL;
	assert_int_equal(alerts_report(alerts, &report, start), 0);
	report.readings[0].flag = FLAG_GOOD;
	assert_int_equal(alerts_report(alerts, &report, start + 11 * MINUTE), 0);
	report.readings[0].metric = UINT16_MAX;
	assert_int_equal(alerts_report(alerts, &report, start), 0);
	assert_false(alert_state_joins(store));
	alerts_close(alerts);

	rules[0].stations = (struct option_strings){ .values = names, .count = 1 };
	alerts = open_alerts(store);
	assert_int_equal(show(alerts, "X", "pm25", start, 60), 0);
	assert_int_equal(show(alerts, "Y", "pm25", start, 60), 2);
	store_commit(store);
	alerts_close(alerts);
}

/* Stations come from outside; there is an end to them. */
static void test_many_stations(void **state)
{
	struct store *store = *state;
	struct alerts *alerts = open_alerts(store);
	char name[32];

	for (int i = 0; i < 17000; i++) {
		snprintf(name, sizeof name, "node-%d", i);
		assert_int_equal(show(alerts, name, "pm25", start, 30), 0);
	}
	assert_int_equal(show(alerts, "node-16383", "pm25", start + 1, 60), 2);
	assert_int_equal(show(alerts, "node-16384", "pm25", start + 1, 60), 0);
	store_commit(store);
	alerts_close(alerts);
}

static double cost_ns(struct alerts *alerts, struct report *report)
{
	enum { TIMES = 200000 };
	struct timespec before, after;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	for (int i = 0; i < TIMES; i++) {
		report->time_ms++;
		alerts_report(alerts, report, report->time_ms);
	}
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	return ((double)(after.tv_sec - before.tv_sec) * 1e9 +
		       (double)(after.tv_nsec - before.tv_nsec)) /
		TIMES;
}

/* This runs per message; the limits leave room for a busy machine and sanitizers. */
/* Metrics of the configuration have large ids; their rules work like the others. */
static void test_rule_of_a_declared_metric(void **state)
{
	metric_declare(&(struct metric){ .name = "water_level",
		.unit = "m",
		.min = -5,
		.max = 20,
		.hazard = HAZARD_WATER });
	rules[0].metric = metric_find("water_level");
	rules[0].above = 3;
	rules[0].clear_below = 2;
	struct alerts *alerts = open_alerts(*state);

	assert_int_equal(show(alerts, "HN-01", "water_level", start, 2.5), 0);
	assert_int_equal(show(alerts, "HN-01", "water_level", start + SECOND, 3.5), 2);
	assert_int_equal(store_commit(*state), 0);
	struct message message = take(*state, "web");
	assert_string_equal(message.metric, "water_level");
	assert_int_equal(message.hazard, HAZARD_WATER);
	alerts_close(alerts);
}

static void test_quiet_reports_are_cheap(void **state)
{
	struct alerts *alerts = open_alerts(*state);
	struct report idle = make_report("HN-CG-01", "temperature", start, 30);
	struct report quiet = make_report("HN-CG-01", "pm10", start, 30);
	double idle_ns = cost_ns(alerts, &idle), quiet_ns = cost_ns(alerts, &quiet);

	print_message("no rule: %.0f ns, one quiet rule: %.0f ns\n", idle_ns, quiet_ns);
	assert_true(idle_ns < 500);
	assert_true(quiet_ns < 2000);
	alerts_close(alerts);
}

int main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, make_store, drop_store)
	const struct CMUnitTest tests[] = {
		TEST(test_one_episode),
		TEST(test_next_episode_has_another_id),
		TEST(test_restart_while_firing),
		TEST(test_rollback),
		TEST(test_restart_while_pending),
		TEST(test_saving_with_the_reading),
		TEST(test_indicative_is_said),
		TEST(test_silence_over_a_restart),
		TEST(test_calibrated_is_not_silent),
		TEST(test_clock_step_is_no_silence),
		TEST(test_rules_that_are_gone),
		TEST(test_what_does_not_alert),
		TEST(test_many_stations),
		TEST(test_rule_of_a_declared_metric),
		TEST(test_quiet_reports_are_cheap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
