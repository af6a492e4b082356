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

#include "alerts/channel.h"
#include "alerts/message.h"
#include "alerts/rule.h"
#include "core/clock.h"
#include "core/log.h"
#include "store/outbox.h"
#include "tests/unit/temp_store.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };

static const int64_t start = 1795300000000;

static struct temp temp;

/* One configuration by hand: rules and channels as the loader would make them. */
static struct rule rules[3];
static struct channel_common commons[3];
static struct option_item channels[3];
static struct config config;

static void set_up_config(void)
{
	static const struct option_kind kind = { .name = "console" };
	struct rule plain = {
		.above = NAN,
		.below = NAN,
		.clear_below = NAN,
		.clear_above = NAN,
		.max_age = 10 * MINUTE,
		.expires = 2 * HOUR,
		.severity = SEVERITY_SEVERE,
	};

	for (size_t i = 0; i < 3; i++)
		rules[i] = plain;
	rules[0].name = "dust";
	rules[0].metric = metric_find("pm25");
	rules[0].above = 50;
	rules[0].clear_below = 40;
	rules[1].name = "slow";
	rules[1].metric = metric_find("pm10");
	rules[1].above = 50;
	rules[1].on_delay = 10 * MINUTE;
	rules[2].name = "silent";
	rules[2].metric = metric_find("pm25");
	rules[2].absent_for = 15 * MINUTE;
	rules[2].audience = AUDIENCE_OPERATORS;
	static const char *const names[] = { "web", "english", "officers" };
	for (size_t i = 0; i < 3; i++)
		channels[i] = (struct option_item){
			.name = names[i], .kind = &kind, .common = &commons[i]
		};
	commons[0] = (struct channel_common){ .audience = AUDIENCE_CITIZENS };
	commons[1] =
		(struct channel_common){ .audience = AUDIENCE_CITIZENS, .language = 2 };
	commons[2] = (struct channel_common){ .audience = AUDIENCE_OPERATORS };
	config = (struct config){
		.station = { .id = "HN-CG-01",
			.name = "Cầu Giấy",
			.area = "hn-cau-giay" },
		.alerts = { .rules = { .items = rules, .count = 3 },
			.channels = { .items = channels, .count = 3 } },
	};
}

static struct directory *directory;

static void no_log(enum log_level level, const char *line)
{
	(void)level;
	(void)line;
}

static int make_store(void **state)
{
	log_set_sink(no_log);
	set_up_config();
	temp_make(&temp);
	*state = temp_open(&temp, STORE_RECORDER);
	directory = directory_new();
	return *state && directory_open(directory, &config, *state) == 0 ? 0 : -1;
}

static int drop_store(void **state)
{

	directory_free(directory);
	store_close(*state);
	temp_remove(&temp);
	return 0;
}

static struct report make_report(
	const char *station, const char *metric, int64_t time_ms, double value)
{
	struct report report;

	report_init(&report);
	report.time_ms = time_ms;
	snprintf(report.station, sizeof report.station, "%s", station);
	snprintf(report.sensor, sizeof report.sensor, "dust");
	report_add(&report, metric_find(metric)->id, value);
	report.readings[0].flag = FLAG_GOOD;
	return report;
}

static int show(struct alerts *alerts, const char *station, const char *metric,
	int64_t time_ms, double value)
{
	struct report report = make_report(station, metric, time_ms, value);

	return alerts_report(alerts, &report, time_ms);
}

/* Takes the next message for CHANNEL out of the outbox. */
static struct message take(struct store *store, const char *channel)
{
	static struct outbox_item item;
	struct message message;
	int64_t next;

	assert_int_equal(
		outbox_next(store, channel, start + 100 * HOUR, &item, &next), 1);
	assert_true(message_from_json(&message, item.body));
	assert_string_equal(message.id, item.episode);
	assert_int_equal(message.revision, item.revision);
	assert_int_equal(message.resolved, item.resolved);
	assert_int_equal(message.expires_ms, item.expires_ms);
	assert_int_equal(outbox_finish(store, &item, OUTBOX_DELIVERED, start, ""), 0);
	return message;
}

static void test_one_episode(void **state)
{
	struct store *store = *state;
	struct alerts *alerts = alerts_open(&config, store, directory);

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
	struct alerts *alerts = alerts_open(&config, store, directory);

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
	struct alerts *alerts = alerts_open(&config, store, directory);

	assert_int_equal(show(alerts, "X", "pm25", start, 60), 2);
	store_commit(store);
	alerts_close(alerts);
	alerts = alerts_open(&config, store, directory);
	assert_int_equal(show(alerts, "X", "pm25", start + HOUR, 61), 0);
	assert_int_equal(show(alerts, "X", "pm25", start + HOUR + 1, 30), 2);
	store_commit(store);
	struct message fired = take(store, "web"), over = take(store, "web");
	assert_string_equal(fired.id, over.id);
	assert_int_equal(over.revision, 2);
	assert_int_equal(over.since_ms, start);
	/* Over is over: after the next restart it fires as a new one. */
	alerts_close(alerts);
	alerts = alerts_open(&config, store, directory);
	assert_int_equal(show(alerts, "X", "pm25", start + 2 * HOUR, 61), 2);
	store_commit(store);
	alerts_close(alerts);
}

/* A failed transaction takes the message and the state with it. */
static void test_rollback(void **state)
{
	struct store *store = *state;
	struct alerts *alerts = alerts_open(&config, store, directory);

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
	struct alerts *alerts = alerts_open(&config, store, directory);
	int64_t t = start;

	for (; t < start + 9 * MINUTE; t += SECOND) {
		assert_int_equal(show(alerts, "X", "pm10", t, 60), 0);
		assert_int_equal(alerts_tick(alerts, t), 0);
		assert_false(alert_state_joins(store));
	}
	alerts_close(alerts);
	alerts = alerts_open(&config, store, directory);
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
	struct alerts *alerts = alerts_open(&config, store, directory);

	assert_int_equal(show(alerts, "A", "pm10", start, 60), 0);
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(alerts_save(alerts), 0);
	assert_int_equal(store_commit(store), 0);
	assert_int_equal(alerts_save(alerts), 0);
	assert_false(alert_state_joins(store)); /* nothing new, nothing written */
	alerts_close(alerts);
	alerts = alerts_open(&config, store, directory);
	assert_int_equal(show(alerts, "A", "pm10", start + 10 * MINUTE, 60), 2);
	assert_int_equal(store_commit(store), 0);
	assert_int_equal(take(store, "web").since_ms, start);
	alerts_close(alerts);
}

static void test_silence_over_a_restart(void **state)
{
	struct store *store = *state;
	struct alerts *alerts = alerts_open(&config, store, directory);
	int64_t again = start + 2 * HOUR;

	show(alerts, "HN-CG-01", "pm25", start, 30);
	assert_int_equal(alerts_tick(alerts, start + SECOND), 0);
	alerts_close(alerts);
	alerts = alerts_open(&config, store, directory);
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

/* The clock jumps forward while everything works: nobody was silent. */
static void test_clock_step_is_no_silence(void **state)
{
	struct store *store = *state;
	struct alerts *alerts = alerts_open(&config, store, directory);

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
	struct alerts *alerts = alerts_open(&config, store, directory);

	assert_int_equal(show(alerts, "X", "pm25", start, 60), 2);
	store_commit(store);
	alerts_close(alerts);
	config.alerts.rules = (struct option_list){ .items = rules + 1, .count = 2 };
	alerts = alerts_open(&config, store, directory);
	store_commit(store);
	alerts_close(alerts);
	config.alerts.rules = (struct option_list){ .items = rules, .count = 3 };
	alerts = alerts_open(&config, store, directory);
	assert_int_equal(show(alerts, "X", "pm25", start + 1, 60), 2);
	store_commit(store);
	alerts_close(alerts);
}

static void test_what_does_not_alert(void **state)
{
	struct store *store = *state;
	struct alerts *alerts = alerts_open(&config, store, directory);
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
	alerts = alerts_open(&config, store, directory);
	assert_int_equal(show(alerts, "X", "pm25", start, 60), 0);
	assert_int_equal(show(alerts, "Y", "pm25", start, 60), 2);
	store_commit(store);
	alerts_close(alerts);
}

/* Stations come from outside; there is an end to them. */
static void test_many_stations(void **state)
{
	struct store *store = *state;
	struct alerts *alerts = alerts_open(&config, store, directory);
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
	struct alerts *alerts = alerts_open(&config, *state, directory);

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
	struct alerts *alerts = alerts_open(&config, *state, directory);
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
		TEST(test_silence_over_a_restart),
		TEST(test_clock_step_is_no_silence),
		TEST(test_rules_that_are_gone),
		TEST(test_what_does_not_alert),
		TEST(test_many_stations),
		TEST(test_rule_of_a_declared_metric),
		TEST(test_quiet_reports_are_cheap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
