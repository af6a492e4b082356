/* The recorder: what was handed to the ring is stored once, whatever happens. */
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "alerts/channel.h"
#include "alerts/rule.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/thread.h"
#include "gateway/recorder.h"
#include "store/reports.h"
#include "store/state.h"
#include "tests/unit/chance.h"
#include "tests/unit/temp_store.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, RING_SIZE = 64 * 1024 };

static const int64_t noon = 1795320000000;

static struct temp temp;
static struct store *store, *reader;
static struct ring *ring;
static struct latest *latest;
static struct recorder *recorder;
static struct recorder_stats stats;
static struct config config;
static struct rule rule;
static struct channel_common common;
static struct option_item channel;
static atomic_int told_reports, told_messages, failures_logged, recoveries_logged;

static void keep_log(enum log_level level, const char *line)
{
	(void)level;
	failures_logged += strstr(line, "what arrives waits in the ring") != NULL;
	recoveries_logged += strstr(line, "store: works again") != NULL;
}

static void on_reports(void *arg)
{
	(void)arg;
	told_reports++;
}

static void on_messages(void *arg)
{
	(void)arg;
	told_messages++;
}

static void configure(void)
{
	static const struct option_kind kind = { .name = "console" };

	rule = (struct rule){
		.name = "dust",
		.metric = metric_by_id(METRIC_PM25),
		.above = 900,
		.below = NAN,
		.clear_below = NAN,
		.clear_above = NAN,
		.max_age = 10 * MINUTE,
		.expires = 120 * MINUTE,
		.severity = SEVERITY_SEVERE,
	};
	common = (struct channel_common){ .audience = AUDIENCE_CITIZENS };
	channel = (struct option_item){ .name = "web", .kind = &kind, .common = &common };
	config = (struct config){
		.station = { .id = "S", .name = "Cầu Giấy", .area = "hn" },
		.store = { .commit_every = 20,
			.keep_raw = INT64_C(60) * 86400 * 1000,
			.keep_minutes = INT64_C(370) * 86400 * 1000,
			.max_size = 1 << 30 },
		.alerts = { .rules = { .items = &rule, .count = 1 },
			.channels = { .items = &channel, .count = 1 } },
	};
}

static void open_all(void)
{
	char path[128], why[256] = "";

	snprintf(path, sizeof path, "%s/test.ring", temp.directory);
	ring = ring_open(path, RING_SIZE, why, sizeof why);
	if (!ring)
		fail_msg("%s", why);
	store = temp_open(&temp, STORE_RECORDER);
	ring_number_after(ring, (uint64_t)store_mark(store, STORE_RING_SEQ));
	latest = latest_new();
}

static void close_all(void)
{
	ring_close(ring);
	store_close(store);
	latest_free(latest);
	ring = NULL;
	store = NULL;
	latest = NULL;
}

static int begin(void **state)
{
	(void)state;
	clock_freeze(noon, 1000);
	log_set_sink(keep_log);
	told_reports = told_messages = failures_logged = recoveries_logged = 0;
	memset(&stats, 0, sizeof stats);
	configure();
	temp_make(&temp);
	open_all();
	reader = temp_open(&temp, STORE_CLIENT);
	return 0;
}

static int end(void **state)
{
	(void)state;
	store_close(reader);
	close_all();
	temp_remove(&temp);
	return 0;
}

static void start(void)
{
	recorder = recorder_start(&(struct recorder_settings){
		.config = &config,
		.store = store,
		.ring = ring,
		.latest = latest,
		.stats = &stats,
		.on_reports = on_reports,
		.on_messages = on_messages,
	});
	assert_non_null(recorder);
}

static bool push(int number)
{
	struct report report = temp_report("S", "dust", noon, number % 800);

	/* What it is recognised by: a time of its own. */
	report.time_ms = noon - 3600000 + number;
	return ring_push(ring, &report, 0, RING_WAIT);
}

static int64_t stored(void)
{
	return (int64_t)temp_number(reader, "SELECT count(*) FROM report");
}

/* Waits until *COUNTER or the stored reports are WANTED; fails after ten seconds. */
static void await(atomic_int *counter, int64_t wanted)
{
	int64_t deadline = clock_real_ms() + 10000, have;

	while ((have = counter ? *counter : stored()) < wanted) {
		if (clock_real_ms() > deadline)
			fail_msg("%lld, not %lld", (long long)have, (long long)wanted);
		usleep(2000);
	}
	assert_int_equal(have, wanted);
}

/* Are reports 1 … COUNT stored, once each and in this order? */
static void expect_stored(int count)
{
	char sql[200];

	assert_int_equal(stored(), count);
	snprintf(sql, sizeof sql, "SELECT count(*) FROM report WHERE time <> id + %lld",
		(long long)(noon - 3600000));
	assert_true(temp_number(reader, sql) == 0);
}

static void stop(void)
{
	assert_int_equal(recorder_stop(recorder), 0);
	recorder = NULL;
}

static bool see_latest(void *arg, const struct latest_source *source)
{
	*(struct latest_source *)arg = *source;
	return true;
}

static void stores_what_is_pushed(void **state)
{
	(void)state;
	static struct latest_source seen;

	start();
	for (int i = 1; i <= 300; i++)
		assert_true(push(i));
	await(NULL, 300);
	expect_stored(300);
	assert_in_range(
		recorder_alive_ms(recorder), clock_real_ms() - 5000, clock_real_ms());
	stop();
	assert_in_range(told_reports, 1, 300);
	assert_int_equal(told_messages, 0);
	assert_int_equal(stats.reports, 300);
	assert_int_equal(stats.readings, 600);
	assert_int_equal(stats.flagged, 0);
	assert_int_equal(stats.last_commit_ms, noon);
	assert_int_equal(stats.commit_errors, 0);
	assert_true(stats.store_bytes > 4096);
	assert_int_equal(store_mark(reader, STORE_RING_SEQ), 300);
	assert_int_equal(store_mark(reader, STORE_MERGED_ID), 300);
	latest_each(latest, see_latest, &seen);
	assert_string_equal(seen.sensor, "dust");
	assert_int_equal(seen.reports, 300);
	assert_true(seen.values[0].reading.value == 300);
	assert_int_equal(seen.values[0].reading.flag, FLAG_GOOD);

	struct ring_status status;
	ring_get_status(ring, &status);
	assert_int_equal(status.used, 0);
	assert_int_equal(recorder_stop(NULL), 0);
}

/* The rain day's sum is stored with the time of its end, once. */
static void a_rain_day_is_ended(void **state)
{
	(void)state;
	const int64_t evening = noon - 16 * 60 * MINUTE; /* 19:00 in Viet Nam */

	start();
	for (int i = -6; i < 4; i++) {
		struct report report = temp_report("S", "gauge", 0, 0);

		report.count = 0;
		report.time_ms = evening + i * 10 * MINUTE + 7 * SECOND;
		report_add(&report, METRIC_RAIN_TOTAL, 50 + i);
		assert_true(ring_push(ring, &report, 0, RING_WAIT));
	}
	await(NULL, 11);
	stop();
	char sql[200];
	snprintf(sql, sizeof sql, "SELECT count(*) FROM report WHERE time = %lld",
		(long long)evening);
	assert_true(temp_number(reader, sql) == 1);
	/* Of it, 5 mm came between the first reading and the last before its end. */
	snprintf(sql, sizeof sql,
		"SELECT max FROM minute WHERE metric = %d AND end = %lld",
		METRIC_RAIN_DAY, (long long)evening);
	assert_true(temp_number(reader, sql) == 5);
}

static void commits_are_grouped(void **state)
{
	(void)state;
	config.store.commit_every = 300;
	start();
	for (int i = 1; i <= 100; i++) {
		push(i);
		usleep(500);
	}
	await(NULL, 100);
	assert_in_range(stats.commits, 1, 4);
	stop();
}

static void stopping_stores_the_rest_and_merges(void **state)
{
	(void)state;
	config.store.commit_every = 3600 * SECOND;
	for (int i = 1; i <= 50; i++)
		push(i); /* before there is a reader */
	start();
	for (int i = 51; i <= 200; i++)
		push(i);
	stop();
	expect_stored(200);
	assert_true(
		temp_number(reader, "SELECT count FROM minute WHERE metric=2") == 200);
	assert_true(temp_number(reader, "SELECT sum FROM minute WHERE metric=2") ==
		200 * 201 / 2);
}

static void a_full_ring_is_emptied_before_its_time(void **state)
{
	(void)state;
	config.store.commit_every = 3600 * SECOND;
	start();
	for (int i = 1; i <= 5000; i++) /* several times what it holds */
		assert_true(push(i));
	stop();
	expect_stored(5000);
	struct ring_status status;
	ring_get_status(ring, &status);
	assert_int_equal(status.dropped, 0);
}

static void what_was_stored_before_a_crash_is_not_stored_again(void **state)
{
	(void)state;
	/* As if the process had died between the commit and the release. */
	for (int i = 1; i <= 10; i++)
		push(i);
	assert_int_equal(store_begin(store), 0);
	for (int i = 1; i <= 6; i++) {
		struct report report = temp_report("S", "dust", noon, i);
		report.time_ms = noon - 3600000 + i;
		temp_append(store, &report);
	}
	assert_int_equal(store_set_mark(store, STORE_RING_SEQ, 6), 0);
	assert_int_equal(store_commit(store), 0);
	start();
	await(NULL, 10);
	stop();
	expect_stored(10);
	assert_int_equal(stats.reports, 4);
	assert_true(temp_number(reader, "SELECT sum(count) FROM minute WHERE metric=2") ==
		10);
}

static void old_reports_are_forgotten(void **state)
{
	(void)state;
	config.store.keep_raw = 3600000 - 60; /* 1 … 59 are older by now */
	for (int i = 1; i <= 100; i++)
		push(i);
	start();
	stop();
	assert_int_equal(stored(), 41);
	assert_true(temp_number(reader, "SELECT min(id) FROM report") == 60);
	assert_true(temp_number(reader,
			    "SELECT sum(count) FROM minute"
			    " WHERE metric=2") == 100);
}

static void an_alert_is_committed_at_once_with_its_reading(void **state)
{
	(void)state;
	struct report report = temp_report("S", "dust", noon, 950);

	config.store.commit_every = 3600 * SECOND;
	report_find(&report, METRIC_PM10)->value = 1000;
	start();
	push(1);
	assert_true(ring_push(ring, &report, 0, RING_WAIT));
	await(&told_messages, 1);
	assert_int_equal(stored(), 2);
	assert_true(temp_number(reader, "SELECT count(*) FROM outbox") == 1);
	assert_int_equal(stats.messages, 1);
	stop();
}

/* --- a store that fails ----------------------------------------------------- */

static void break_store(const char *how)
{
	char sql[200];

	snprintf(sql, sizeof sql,
		"CREATE TRIGGER broken BEFORE INSERT ON report WHEN NEW.id > 20"
		" BEGIN SELECT RAISE(%s, 'disk full'); END",
		how);
	temp_sql(&temp, sql);
}

static void fails_and_recovers(const char *how)
{
	struct report alarm = temp_report("S", "dust", noon - 3600000 + 201, 950);

	report_find(&alarm, METRIC_PM10)->value = 1000;
	alarm.time_ms = noon - 1;
	start();
	for (int i = 1; i <= 20; i++)
		push(i);
	await(NULL, 20);
	break_store(how);
	for (int i = 21; i <= 200; i++)
		assert_true(push(i));
	assert_true(ring_push(ring, &alarm, 0, RING_WAIT));
	await(&failures_logged, 1);
	usleep(50000);
	assert_int_equal(stored(), 20);
	assert_int_equal(told_messages, 0);
	temp_sql(&temp, "DROP TRIGGER broken");
	await(&recoveries_logged, 1);
	await(NULL, 201);
	stop();
	assert_int_equal(failures_logged, 1); /* said once, not each time */
	assert_int_equal(told_messages, 1);
	assert_true(stats.commit_errors >= 1);
	assert_true(temp_number(reader, "SELECT count(*) FROM outbox") == 1);
	temp_sql(&temp, "DELETE FROM report WHERE id=201");
	expect_stored(200);
	assert_true(temp_number(reader,
			    "SELECT sum(count) FROM minute"
			    " WHERE metric=4") == 201);
}

static void a_failing_store_loses_nothing(void **state)
{
	(void)state;
	fails_and_recovers("ABORT");
}

/* SQLite itself rolls back when a disk is full. */
static void a_store_that_rolls_back_by_itself(void **state)
{
	(void)state;
	fails_and_recovers("ROLLBACK");
}

static void what_cannot_be_stored_waits_for_the_next_start(void **state)
{
	(void)state;
	start();
	break_store("ABORT");
	for (int i = 1; i <= 100; i++)
		push(i);
	assert_int_equal(recorder_stop(recorder), -1);
	assert_true(stored() <= 20);
	close_all();
	temp_sql(&temp, "DROP TRIGGER broken");
	open_all();
	start();
	stop();
	expect_stored(100);
	assert_true(temp_number(reader,
			    "SELECT sum(count) FROM minute"
			    " WHERE metric=2") == 100);
}

/* --- stops and kills ---------------------------------------------------------- */

struct writer {
	atomic_int pushed;
	atomic_bool enough;
};

static void *push_always(void *arg)
{
	struct writer *writer = arg;

	while (!writer->enough && push(writer->pushed + 1))
		if (++writer->pushed % 32 == 0)
			usleep(200);
	return NULL;
}

static void stopped_and_started_at_random(void **state)
{
	(void)state;
	struct chance chance = chance_begin();
	struct writer writer = { .pushed = 0 };
	pthread_t thread;

	assert_int_equal(thread_start(&thread, "writer", push_always, &writer), 0);
	for (int round = 0; round < 15 || writer.pushed <= 300; round++) {
		assert_true(round < 10000);
		start();
		usleep((unsigned)chance_below(&chance, 20000));
		stop();
	}
	writer.enough = true;
	start();
	pthread_join(thread, NULL);
	stop();
	expect_stored(writer.pushed);
	assert_true(temp_number(reader,
			    "SELECT sum(count) FROM minute"
			    " WHERE metric=2") == writer.pushed);
}

/* Shared with the processes that are killed. */
struct tally {
	atomic_int tried;
	atomic_uchar accepted[1 << 20];
};

static void push_until_killed(struct tally *tally)
{
	log_set_sink(keep_log);
	open_all();
	start();
	while (tally->tried < (1 << 20) - 1) {
		int number = ++tally->tried;
		push(number);
		tally->accepted[number] = 1;
		if (number % 64 == 0)
			usleep(200);
	}
	_exit(3);
}

static bool check_report(void *arg, const struct stored_report *report)
{
	struct tally *tally = arg;
	int64_t number = report->report.time_ms - (noon - 3600000);
	static int64_t last;

	last = report->id == 1 ? 0 : last;
	assert_true(number > last && number <= tally->tried);
	last = number;
	tally->accepted[number] = 0; /* found */
	return true;
}

/*
 * Waits for a moment to kill it: at random, at every fourth time perhaps while it starts,
 * else when it has got somewhere, however slow the machine is.
 */
static void await_moment(const struct tally *tally, int round, struct chance *chance)
{
	int goal = tally->tried + (round % 4 == 0 ? 0 : 40);
	int64_t end = clock_real_ms() + 60000;

	while (tally->tried < goal) {
		assert_true(clock_real_ms() < end);
		usleep(200);
	}
	usleep(5000 + (unsigned)chance_below(chance, 40000));
}

static void killed_at_random(void **state)
{
	(void)state;
	struct chance chance = chance_begin();
	struct tally *tally = mmap(NULL, sizeof *tally, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;

	assert_ptr_not_equal(tally, MAP_FAILED);
	config.store.commit_every = 5;
	store_close(reader);
	reader = NULL;
	close_all();
	for (int i = 0; i < 20; i++) {
		pid_t child = fork();
		if (child == 0)
			push_until_killed(tally);
		await_moment(tally, i, &chance);
		kill(child, SIGKILL);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status));
	}
	open_all();
	reader = temp_open(&temp, STORE_CLIENT);
	start();
	stop();
	int64_t count = stored();
	assert_int_equal(store_scan(reader, 0, INT32_MAX, check_report, tally), count);
	for (int i = 0; i <= tally->tried; i++)
		if (tally->accepted[i])
			fail_msg("report %d of %d was accepted and is lost", i,
				tally->tried);
	assert_in_range(count, 500, tally->tried);
	assert_true(temp_number(reader,
			    "SELECT sum(count) FROM minute"
			    " WHERE metric=2") == (double)count);
	munmap(tally, sizeof *tally);
}

int main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(stores_what_is_pushed),
		TEST(a_rain_day_is_ended),
		TEST(commits_are_grouped),
		TEST(stopping_stores_the_rest_and_merges),
		TEST(a_full_ring_is_emptied_before_its_time),
		TEST(what_was_stored_before_a_crash_is_not_stored_again),
		TEST(old_reports_are_forgotten),
		TEST(an_alert_is_committed_at_once_with_its_reading),
		TEST(a_failing_store_loses_nothing),
		TEST(a_store_that_rolls_back_by_itself),
		TEST(what_cannot_be_stored_waits_for_the_next_start),
		TEST(stopped_and_started_at_random),
		TEST(killed_at_random),
	};

	return cmocka_run_group_tests_name("recorder", tests, NULL, NULL);
}
