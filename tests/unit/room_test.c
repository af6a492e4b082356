/* The store's room: growth by steps, a full disk, retention by age and size, and what
 * sixty days take. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/clock.h"
#include "core/log.h"
#include "store/aggregates.h"
#include "store/cursors.h"
#include "store/lanes.h"
#include "store/reports.h"
#include "store/room.h"
#include "tests/unit/fault_vfs.h"
#include "tests/unit/temp_store.h"

enum { STEP = 256, PAGE = 4096 };

static const int64_t now_ms = 1795314600000, day_ms = 86400000;

static struct temp temp;
static struct store *store;
static struct room room;
static struct room_limits limits;

static void no_log(enum log_level level, const char *line)
{
	(void)level;
	(void)line;
}

static int begin(void **state)
{
	(void)state;
	log_set_sink(no_log);
	clock_freeze(now_ms, 1000);
	fault_install();
	memset(&fault, 0, sizeof fault);
	limits = (struct room_limits){
		.keep_raw_ms = 60 * day_ms,
		.keep_minutes_ms = 370 * day_ms,
		.max_bytes = INT64_C(1) << 32,
	};
	temp_make(&temp);
	store = temp_open(&temp, STORE_RECORDER);
	room_init(&room, store, &limits);
	return 0;
}

static int end(void **state)
{
	(void)state;
	fault.full = false;
	store_close(store);
	fault_forget(NULL);
	temp_remove(&temp);
	return 0;
}

static int64_t ask(const char *sql)
{
	return (int64_t)temp_number(store, sql);
}

static int64_t stored(void)
{
	return ask("SELECT count(*) FROM report");
}

/* A commit of COUNT reports stamped TIME_MS and later; false: it failed, all is undone.
 */
static bool add(int count, int64_t time_ms)
{
	bool ok = store_begin(store) == 0;

	for (int i = 0; i < count && ok; i++) {
		struct report report = temp_report("S", "dust", time_ms + i, i % 90);
		uint8_t packed[CODEC_MAX];
		int64_t source;
		size_t length = codec_pack(&report, packed);
		ok = store_source(store, "S", "dust", &source) == 0 &&
			store_append(
				store, source, report.time_ms, packed, length, NULL) == 0;
	}
	ok = ok && room_keep(&room, now_ms, count) == 0 && store_commit(store) == 0;
	if (!ok)
		store_rollback(store);
	else
		room_grow(&room);
	return ok;
}

/* As the recorder does: again, as long as there is relief. */
static void insist(int count, int64_t time_ms)
{
	for (int i = 0; i < 20; i++) {
		if (add(count, time_ms))
			return;
		assert_true(store_is_full(store) && room_relieve(&room));
	}
	fail_msg("no relief");
}

static void grows_ahead_by_steps(void **state)
{
	(void)state;
	int64_t before = ask("PRAGMA page_count");

	assert_true(ask("PRAGMA freelist_count") >= STEP / 2);
	for (int i = 0; i < 200; i++) {
		assert_true(add(200, now_ms));
		assert_true(ask("PRAGMA freelist_count") >= STEP / 2 - 16);
	}
	assert_true(ask("PRAGMA page_count") > before);
	assert_true(ask("PRAGMA max_page_count") == ask("PRAGMA page_count"));
	assert_int_equal(stored(), 40000);
	assert_int_equal(room.forgotten, 0);
}

/* One transaction that needs more than a step: the file grows by more, once. */
static void a_large_transaction_finds_its_room(void **state)
{
	(void)state;
	insist(100000, now_ms);
	assert_int_equal(stored(), 100000);
	assert_int_equal(room.forgotten, 0);
}

static void a_full_disk_costs_the_oldest_and_counts_them(void **state)
{
	(void)state;
	int64_t total = 0;

	assert_int_equal(store_cursor_set(store, "city", 5000), 0);
	fault.full = true;
	for (int i = 0; i < 400; i++, total += 200)
		insist(200, now_ms + total);
	assert_true(fault.faults == 0); /* nothing was tried that could fail */
	int64_t first = ask("SELECT min(id) FROM report");
	assert_true(first > 5000);
	assert_int_equal(stored(), total - first + 1);
	assert_int_equal(room.forgotten, first - 1);
	/* Of these the output had had 5000. */
	assert_int_equal(room.lost, first - 1 - 5000);
	assert_int_equal(room_lost(store), room.lost);
	fault.full = false;
	insist(200, now_ms);
	int64_t forgotten = (int64_t)room.forgotten;
	for (int i = 0; i < 50; i++)
		insist(200, now_ms);
	assert_int_equal(room.forgotten, forgotten); /* there is room again */
	assert_false(room.tight);
}

static void what_was_sent_ahead_is_not_lost(void **state)
{
	(void)state;
	struct lanes lanes = { .done = 100, .count = 1, .ahead = { { 200, 1000 } } };

	limits.keep_raw_ms = day_ms;
	room_init(&room, store, &limits);
	assert_int_equal(lanes_save(store, "city", &lanes), 0);
	for (int i = 0; i < 10; i++)
		assert_true(add(100, now_ms - 2 * day_ms)); /* too old at once */
	assert_true(add(1, now_ms));
	for (int i = 0; i < 10; i++)
		assert_true(add(1, now_ms));
	assert_int_equal(ask("SELECT count(*) FROM report WHERE id <= 1000"), 0);
	assert_int_equal(room_lost(store), 100);
}

static void max_size_is_kept(void **state)
{
	(void)state;
	limits.max_bytes = 8 << 20;
	room_init(&room, store, &limits);
	for (int i = 0; i < 200; i++)
		insist(1000, now_ms);
	assert_true(ask("PRAGMA page_count") * PAGE <= 4 << 20);
	assert_true(stored() > 40000);
	assert_int_equal(ask("SELECT max(id) FROM report"), 200000);
	assert_int_equal(ask("SELECT min(id) FROM report"), 200001 - stored());
}

/* max_size was lowered: step by step the oldest go, and the space is given back. */
static void a_smaller_max_size_gives_space_back(void **state)
{
	(void)state;
	for (int i = 0; i < 100; i++)
		insist(5000, now_ms);
	int64_t before = ask("PRAGMA page_count");
	assert_true(before * PAGE > 8 << 20);
	limits.max_bytes = 8 << 20;
	room_init(&room, store, &limits);
	for (int i = 0; i < 5000; i++) {
		int64_t had = ask("SELECT min(id) FROM report");
		assert_true(add(1, now_ms));
		/* Small steps. */
		assert_true(ask("SELECT min(id) FROM report") - had <= 300);
		if (i % 3 == 0) {
			assert_int_equal(store_begin(store), 0);
			assert_int_equal(room_tidy(&room, now_ms), 0);
			assert_int_equal(store_commit(store), 0);
		}
	}
	assert_true(ask("PRAGMA page_count") < before * 3 / 4);
	assert_true((ask("PRAGMA page_count") - ask("PRAGMA freelist_count")) * PAGE <= 4
			<< 20);
}

static void old_minutes_go_source_by_source(void **state)
{
	(void)state;
	limits.keep_minutes_ms = day_ms;
	room_init(&room, store, &limits);
	assert_int_equal(store_begin(store), 0);
	for (int source = 1; source <= 3; source++) {
		int64_t id;
		char name[8];
		snprintf(name, sizeof name, "s%d", source);
		assert_int_equal(store_source(store, "S", name, &id), 0);
		for (int i = 0; i < 4 * 1440; i++) {
			struct accumulator minute = { 0 };
			accumulator_add(
				&minute, now_ms - now_ms % 60000 - i * INT64_C(60000), 1);
			assert_int_equal(
				aggregates_merge(store, id, METRIC_PM25, &minute), 0);
		}
	}
	assert_int_equal(store_commit(store), 0);
	for (int i = 0; i < 200; i++) {
		int64_t before = ask("SELECT count(*) FROM minute");
		assert_int_equal(store_begin(store), 0);
		assert_int_equal(room_tidy(&room, now_ms), 0);
		assert_int_equal(store_commit(store), 0);
		assert_true(before - ask("SELECT count(*) FROM minute") <= 361);
	}
	assert_in_range(ask("SELECT count(*) FROM minute"), 3 * 1440, 3 * 1441);
}

/* By an unset clock nothing is too old. */
static void an_unset_clock_forgets_nothing(void **state)
{
	(void)state;
	clock_freeze(1000, 1000);
	assert_true(add(10, 500));
	assert_true(add(10, 500));
	assert_int_equal(stored(), 20);
}

/*
 * A station of 20 metrics, a report every 10 s: one day of reports, and a day of minutes
 * and hours, are stored; sixty days of the one and 370 of the other must fit.
 */
static void sixty_days_fit(void **state)
{
	(void)state;
	int64_t before = ask("PRAGMA page_count") - ask("PRAGMA freelist_count");

	for (int part = 0; part < 86400 / 10; part += 60) {
		assert_int_equal(store_begin(store), 0);
		for (int i = part; i < part + 60; i++) {
			struct report report;
			report_init(&report);
			report.time_ms = now_ms + i * INT64_C(10000);
			snprintf(report.station, sizeof report.station, "S");
			snprintf(report.sensor, sizeof report.sensor, "all");
			for (uint16_t m = 1; m <= 20; m++)
				report_add(&report, m, (i * 37 % 5000) / 10.0 + m);
			temp_append(store, &report);
		}
		assert_int_equal(store_commit(store), 0);
		room_grow(&room);
	}
	int64_t middle = ask("PRAGMA page_count") - ask("PRAGMA freelist_count");
	for (int i = 0; i < 1440; i++) {
		assert_int_equal(store_begin(store), 0);
		for (uint16_t m = 1; m <= 20; m++) {
			struct accumulator minute = { 0 };
			accumulator_add(&minute, now_ms + i * INT64_C(60000), i / 10.0);
			assert_int_equal(aggregates_merge(store, 1, m, &minute), 0);
		}
		assert_int_equal(store_commit(store), 0);
		room_grow(&room);
	}
	int64_t after = ask("PRAGMA page_count") - ask("PRAGMA freelist_count");
	double raw = (double)(middle - before) * PAGE * 60;
	double minutes = (double)(after - middle) * PAGE * 370;
	print_message(
		"20 metrics every 10 s: %.0f MB for 60 days of readings, %.0f MB for "
		"370 days of minutes\n",
		raw / 1e6, minutes / 1e6);
	assert_true(raw + minutes < 4.0 * (1 << 30) / 2);
}

int main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(grows_ahead_by_steps),
		TEST(a_large_transaction_finds_its_room),
		TEST(a_full_disk_costs_the_oldest_and_counts_them),
		TEST(what_was_sent_ahead_is_not_lost),
		TEST(max_size_is_kept),
		TEST(a_smaller_max_size_gives_space_back),
		TEST(old_minutes_go_source_by_source),
		TEST(an_unset_clock_forgets_nothing),
		TEST(sixty_days_fit),
	};

	return cmocka_run_group_tests_name("room", tests, NULL, NULL);
}
