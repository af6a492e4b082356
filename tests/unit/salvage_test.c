/* Salvage: what can be read of a damaged store is in the new one. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/clock.h"
#include "core/log.h"
#include "store/aggregates.h"
#include "store/carve.h"
#include "store/cursors.h"
#include "store/dead_letters.h"
#include "store/outbox.h"
#include "store/reports.h"
#include "store/salvage.h"
#include "store/state.h"
#include "tests/unit/chance.h"
#include "tests/unit/temp_store.h"

enum { PAGE = 4096, REPORTS = 6000 };

static struct temp temp;
static struct store *store;

static void no_log(enum log_level level, const char *line)
{
	(void)level;
	(void)line;
}

/* A store with something in every table. */
static int begin(void **state)
{
	(void)state;
	log_set_sink(no_log);
	clock_freeze(1795314600000, 0);
	temp_make(&temp);
	store = temp_open(&temp, STORE_RECORDER);
	assert_int_equal(store_begin(store), 0);
	for (int i = 1; i <= REPORTS; i++) {
		struct report report =
			temp_report("S", i % 2 ? "odd" : "even", 1795300000000 + i, i);
		temp_append(store, &report);
		struct accumulator minute = { 0 };
		accumulator_add(&minute, 1795300020000 + INT64_C(60000) * (i / 2), i);
		assert_int_equal(
			aggregates_merge(store, 1 + i % 2, METRIC_PM25, &minute), 0);
	}
	assert_int_equal(store_set_mark(store, STORE_RING_SEQ, 7777), 0);
	assert_int_equal(store_cursor_set(store, "city", 4000), 0);
	assert_int_equal(store_dead_letter(store, "city", 12, "body", "why"), 0);
	assert_int_equal(alert_state_set(store, "rule", "S", "firing"), 0);
	assert_int_equal(store_state_set(store, 1, "rain", "abc", 3), 0);
	assert_int_equal(store_commit(store), 0);
	return 0;
}

static int end(void **state)
{
	(void)state;
	store_close(store);
	store = NULL;
	temp_remove(&temp);
	return 0;
}

/* Closed, so that all of it is in the file, and one page of it overwritten. */
static void damage_page(long number, const uint8_t page[static PAGE])
{
	store_close(store);
	store = NULL;
	int file = open(temp.path, O_RDWR);
	assert_int_equal(pwrite(file, page, PAGE, number * PAGE), PAGE);
	close(file);
}

static int64_t live_pages(void)
{
	return (int64_t)(temp_number(store, "PRAGMA page_count") -
		temp_number(store, "PRAGMA freelist_count"));
}

/* The root page of TABLE. */
static long root_of(const char *table)
{
	char sql[100];

	snprintf(sql, sizeof sql, "SELECT rootpage FROM sqlite_master WHERE name='%s'",
		table);
	return (long)temp_number(store, sql);
}

/* Moves the file aside as it is and begins a new one. */
static void replace(void)
{
	store_close(store);
	store = NULL;
	store_move_aside(temp.path);
	store = temp_open(&temp, STORE_RECORDER);
}

static struct salvage_result save_all(void)
{
	struct salvage_result result = { .saved = -1 };
	struct salvage *salvage = salvage_resume(store);
	int rc, steps = 0;

	assert_non_null(salvage);
	assert_true(salvage_is_pending(store));
	while ((rc = salvage_step(salvage, &result)) == 1)
		assert_true(++steps < 20000);
	assert_int_equal(rc, 0);
	assert_int_equal(store_commit(store), 0);
	salvage_close(salvage);
	assert_false(salvage_is_pending(store));
	assert_null(salvage_resume(store));
	return result;
}

static void expect_reports(int64_t least)
{
	assert_true(temp_number(store, "SELECT count(*) FROM report WHERE id <= 6000") >=
		(double)least);
	/* Each is what it was, under its own id and name. */
	assert_true(temp_number(store,
			    "SELECT count(*) FROM report JOIN source"
			    " ON source.id = report.source WHERE report.id <= 6000 AND"
			    " time = 1795300000000 + report.id AND"
			    " sensor = iif(report.id % 2, 'odd', 'even')") ==
		temp_number(store, "SELECT count(*) FROM report WHERE id <= 6000"));
}

static void a_sound_file_is_saved_whole(void **state)
{
	(void)state;
	struct report fresh = temp_report("T", "new", 1, 1);
	int64_t cursor;

	replace();
	assert_int_equal(store_mark(store, STORE_RING_SEQ), 7777);
	assert_int_equal(store_cursor_get(store, "city", &cursor), 0);
	assert_int_equal(cursor, 4000);
	assert_int_equal(store_dead_letter_count(store, "city"), 1);
	assert_true(
		temp_number(store,
			"SELECT count(*) FROM alert_state WHERE state='firing'") == 1);
	assert_true(temp_number(store, "SELECT count(*) FROM state") == 1);
	/* New reports do not wait, and come behind all the old ones. */
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(temp_append(store, &fresh), REPORTS + 1);
	assert_int_equal(store_commit(store), 0);
	struct salvage_result result = save_all();
	assert_int_equal(result.saved, REPORTS);
	assert_int_equal(result.lost, 0);
	assert_int_equal(store_mark(store, STORE_SALVAGED), REPORTS);
	assert_int_equal(store_mark(store, STORE_UNREADABLE), 0);
	expect_reports(REPORTS);
	assert_int_equal(store_last_id(store), REPORTS + 1);
	assert_true(temp_number(store, "SELECT count(*) FROM minute") == REPORTS);
	assert_true(temp_number(store, "SELECT total(sum) FROM minute") ==
		REPORTS * (REPORTS + 1) / 2);
}

static void a_lost_page_costs_its_own_rows(void **state)
{
	(void)state;
	static const uint8_t junk[PAGE] = { 0x55, 1, 2, 3 };

	int64_t middle = live_pages() / 3;
	damage_page(middle, junk);
	replace();
	struct salvage_result result = save_all();
	assert_in_range(result.saved, REPORTS - 300, REPORTS);
	expect_reports(REPORTS - 300);
	assert_int_equal(result.lost, REPORTS - result.saved);
	assert_int_equal(store_mark(store, STORE_UNREADABLE), result.lost);
}

/* Pages are found without the tree above them. */
static void a_lost_root_costs_no_rows(void **state)
{
	(void)state;
	static const uint8_t junk[PAGE] = { 0 };

	damage_page(root_of("report") - 1, junk);
	replace();
	assert_int_equal(save_all().saved, REPORTS);
	expect_reports(REPORTS);
	assert_true(store_last_id(store) >= REPORTS);
}

static void a_lost_head_costs_no_reports(void **state)
{
	(void)state;
	static const uint8_t junk[PAGE] = { 0 };

	damage_page(0, junk);
	replace();
	/* Nobody knows the newest id: new ones are far above. */
	assert_true(store_last_id(store) > 1000000000);
	assert_int_equal(save_all().saved, REPORTS);
	expect_reports(REPORTS);
}

static void goes_on_after_a_crash(void **state)
{
	(void)state;
	struct salvage_result result;

	replace();
	struct salvage *salvage = salvage_resume(store);
	for (int i = 0; i < 3; i++)
		assert_int_equal(salvage_step(salvage, &result), 1);
	salvage_close(salvage);
	store_close(store);
	store = temp_open(&temp, STORE_RECORDER);
	assert_int_equal(save_all().saved, REPORTS);
	expect_reports(REPORTS);
}

/* Damaged again while the first is not yet saved: both are, one after the other. */
static void a_second_damage_forgets_nothing(void **state)
{
	(void)state;
	struct report fresh = temp_report("S", "new", 1, 1);
	struct salvage_result result;

	replace();
	assert_int_equal(store_begin(store), 0);
	temp_append(store, &fresh);
	assert_int_equal(store_commit(store), 0);
	clock_freeze(1795314601000, 0);
	replace();
	struct salvage *salvage = salvage_resume(store);
	while (salvage_step(salvage, &result) == 1)
		;
	assert_int_equal(store_commit(store), 0);
	salvage_close(salvage);
	assert_int_equal(result.saved, 1);
	assert_int_equal(save_all().saved, REPORTS);
	expect_reports(REPORTS);
	assert_int_equal(store_mark(store, STORE_SALVAGED), REPORTS + 1);
}

/* --- pages of nonsense ------------------------------------------------------------ */

static const uint8_t *carved;

static void see_row(void *arg, const struct carve_row *row)
{
	(*(int *)arg)++;
	assert_true(row->count <= CARVE_COLUMNS);
	for (size_t i = 0; i < row->count; i++)
		assert_true(row->values[i].bytes >= carved &&
			row->values[i].bytes + row->values[i].length <= carved + PAGE);
}

static void damaged_pages_yield_nothing_outside_them(void **state)
{
	(void)state;
	struct chance chance = chance_begin();
	int rows = 0;

	store_close(store);
	store = NULL;
	int file = open(temp.path, O_RDONLY);
	for (int round = 0; round < 3000; round++) {
		uint8_t *page = malloc(PAGE);
		int64_t number = (int64_t)chance_below(&chance, 60);
		if (pread(file, page, PAGE, number * PAGE) != PAGE)
			memset(page, 0x0d, PAGE);
		for (uint64_t i = chance_below(&chance, 200); i > 0; i--)
			page[chance_below(&chance, i % 2 ? 200 : PAGE)] =
				(uint8_t)chance_bits(&chance);
		page[0] = 0x0d;
		carved = page;
		carve_page(page, PAGE, 0, see_row, &rows);
		free(page);
	}
	close(file);
	assert_true(rows > 1000);
}

int main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(a_sound_file_is_saved_whole),
		TEST(a_lost_page_costs_its_own_rows),
		TEST(a_lost_root_costs_no_rows),
		TEST(a_lost_head_costs_no_reports),
		TEST(goes_on_after_a_crash),
		TEST(a_second_damage_forgets_nothing),
		TEST(damaged_pages_yield_nothing_outside_them),
	};

	return cmocka_run_group_tests_name("salvage", tests, NULL, NULL);
}
