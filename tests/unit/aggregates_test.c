/* Minutes and hours: half-open, mergeable, made again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/aggregates.h"
#include "store/reports.h"
#include "tests/unit/chance.h"
#include "tests/unit/temp_store.h"

enum { MINUTE = 60000, HOUR = 60 * MINUTE };

static const int64_t noon = 1795320000000; /* 2026-11-22T04:00:00Z, a whole hour */

static struct temp temp;
static struct store *store;
static int64_t source;

static int begin(void **state)
{
	(void)state;
	temp_make(&temp);
	store = temp_open(&temp, STORE_RECORDER);
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(store_write_metrics(store), 0);
	assert_int_equal(store_source(store, "S", "dust", &source), 0);
	return 0; /* in the recorder's transaction */
}

static int end(void **state)
{
	(void)state;
	store_commit(store);
	store_close(store);
	temp_remove(&temp);
	return 0;
}

static void add(int64_t time_ms, double value)
{
	struct accumulator accumulator = { 0 };

	accumulator_add(&accumulator, aggregate_minute_end(time_ms), value);
	assert_int_equal(aggregates_merge(store, source, METRIC_PM25, &accumulator), 0);
	assert_int_equal(accumulator.count, 0);
}

enum { SEEN_MAX = 4000 };

static struct aggregate seen[SEEN_MAX];
static size_t seen_count, seen_wanted;

static bool see(void *arg, const struct aggregate *aggregate)
{
	(void)arg;
	assert_true(seen_count < SEEN_MAX);
	seen[seen_count++] = *aggregate;
	return seen_count < seen_wanted;
}

static int scan(enum aggregate_step step, int64_t from_ms, int64_t to_ms)
{
	seen_count = 0;
	seen_wanted = SEEN_MAX;
	return aggregates_scan(
		store, step, "S", "dust", METRIC_PM25, from_ms, to_ms, see, NULL);
}

static void expect(
	size_t at, int64_t end_ms, int64_t count, double sum, double min, double max)
{
	assert_true(at < seen_count);
	assert_int_equal(seen[at].end_ms, end_ms);
	assert_int_equal(seen[at].count, count);
	assert_true(seen[at].sum == sum);
	assert_true(seen[at].min == min && seen[at].max == max);
}

static void a_span_ends_with_its_last_millisecond(void **state)
{
	(void)state;
	assert_int_equal(aggregate_minute_end(noon), noon);
	assert_int_equal(aggregate_minute_end(noon + 1), noon + MINUTE);
	assert_int_equal(aggregate_minute_end(noon - 1), noon);
	assert_int_equal(aggregate_minute_end(noon + MINUTE), noon + MINUTE);
	assert_int_equal(aggregate_hour_end(noon), noon);
	assert_int_equal(aggregate_hour_end(noon + 1), noon + HOUR);
	assert_int_equal(aggregate_hour_end(noon + HOUR), noon + HOUR);
	assert_int_equal(aggregate_minute_end(0), 0);
	assert_int_equal(aggregate_minute_end(-1), 0);
	assert_int_equal(aggregate_minute_end(-MINUTE), -MINUTE);
	assert_int_equal(aggregate_minute_end(-MINUTE - 1), -MINUTE);
	assert_int_equal(aggregate_hour_end(-1), 0);
}

static void an_accumulator_counts(void **state)
{
	(void)state;
	struct accumulator accumulator = { 0 };

	accumulator_add(&accumulator, noon, -5);
	accumulator_add(&accumulator, noon, 3);
	accumulator_add(&accumulator, noon, -7.5);
	assert_int_equal(accumulator.end_ms, noon);
	assert_int_equal(accumulator.count, 3);
	assert_true(accumulator.sum == -9.5);
	assert_true(accumulator.min == -7.5 && accumulator.max == 3);
	/* One that was emptied by a merge begins anew. */
	assert_int_equal(aggregates_merge(store, source, METRIC_PM25, &accumulator), 0);
	accumulator_add(&accumulator, noon + MINUTE, 1);
	assert_int_equal(accumulator.end_ms, noon + MINUTE);
	assert_true(accumulator.sum == 1 && accumulator.min == 1 && accumulator.max == 1);
	accumulator = (struct accumulator){ 0 };
	assert_int_equal(aggregates_merge(store, source, METRIC_PM10, &accumulator), 0);
	assert_true(temp_number(store, "SELECT count(*) FROM minute") == 1);
}

static void a_value_at_the_end_belongs_to_the_span_it_ends(void **state)
{
	(void)state;
	add(noon - MINUTE, 1); /* the minute before the last of the hour */
	add(noon - MINUTE + 1, 2);
	add(noon, 3);
	add(noon + 1, 4);
	add(noon + MINUTE, 5);
	assert_int_equal(scan(AGGREGATE_MINUTE, 0, INT64_MAX), 3);
	expect(0, noon - MINUTE, 1, 1, 1, 1);
	expect(1, noon, 2, 5, 2, 3);
	expect(2, noon + MINUTE, 2, 9, 4, 5);

	assert_int_equal(aggregates_make_all_hours(store, noon - HOUR, noon + HOUR), 0);
	assert_int_equal(scan(AGGREGATE_HOUR, 0, INT64_MAX), 2);
	expect(0, noon, 3, 6, 1, 3);
	expect(1, noon + HOUR, 2, 9, 4, 5);
}

static void scans_are_half_open_too(void **state)
{
	(void)state;
	for (int i = -3; i <= 3; i++)
		add(noon + (int64_t)i * MINUTE, i);
	assert_int_equal(scan(AGGREGATE_MINUTE, noon, noon + 2 * MINUTE), 2);
	assert_int_equal(seen[0].end_ms, noon + MINUTE);
	assert_int_equal(seen[1].end_ms, noon + 2 * MINUTE);
	assert_int_equal(scan(AGGREGATE_MINUTE, noon, noon), 0);
	assert_int_equal(scan(AGGREGATE_MINUTE, noon - 1, noon), 1);
	assert_int_equal(scan(AGGREGATE_HOUR, 0, INT64_MAX), 0); /* none made yet */
	seen_count = 0;
	seen_wanted = 2;
	assert_int_equal(aggregates_scan(store, AGGREGATE_MINUTE, "S", "dust",
				 METRIC_PM25, 0, INT64_MAX, see, NULL),
		2);
	seen_wanted = SEEN_MAX;
	static const char *const others[][2] = { { "S", "air" }, { "T", "dust" },
		{ "", "" } };
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(
			aggregates_scan(store, AGGREGATE_MINUTE, others[i][0],
				others[i][1], METRIC_PM25, 0, INT64_MAX, see, NULL),
			0);
	assert_int_equal(aggregates_scan(store, AGGREGATE_MINUTE, "S", "dust",
				 METRIC_PM10, 0, INT64_MAX, see, NULL),
		0);
}

/* Values are eighths, so that sums do not depend on their order. */
static void merging_in_pieces_is_merging_at_once(void **state)
{
	(void)state;
	struct chance chance = chance_begin();
	int64_t other;

	assert_int_equal(store_source(store, "S", "other", &other), 0);
	for (int m = 0; m < 200; m++) {
		struct accumulator whole = { 0 }, piece = { 0 };
		int64_t end_ms = noon + (int64_t)m * MINUTE;

		for (uint64_t n = 1 + chance_below(&chance, 30); n > 0; n--) {
			double value = (double)chance_between(&chance, -4000, 8000) / 8;
			accumulator_add(&whole, end_ms, value);
			accumulator_add(&piece, end_ms, value);
			if (chance_below(&chance, 4) == 0)
				assert_int_equal(aggregates_merge(store, source,
							 METRIC_PM25, &piece),
					0);
		}
		assert_int_equal(aggregates_merge(store, source, METRIC_PM25, &piece), 0);
		assert_int_equal(aggregates_merge(store, other, METRIC_PM25, &whole), 0);
	}
	assert_true(temp_number(store,
			    "SELECT count(*) FROM minute a JOIN minute b"
			    " USING(metric, end, count, sum, min, max)"
			    " WHERE a.source < b.source") == 200);
}

static void hours_are_what_their_minutes_are(void **state)
{
	(void)state;
	struct chance chance = chance_begin();
	struct aggregate wanted[5] = { { 0 } };

	for (int i = 0; i < 2000; i++) {
		int64_t time_ms = noon + chance_between(&chance, 1, 5 * HOUR);
		double value = (double)chance_between(&chance, 0, 8000) / 8;
		struct aggregate *hour = &wanted[(time_ms - noon - 1) / HOUR];

		add(time_ms, value);
		hour->min = hour->count == 0 || value < hour->min ? value : hour->min;
		hour->max = hour->count == 0 || value > hour->max ? value : hour->max;
		hour->count++;
		hour->sum += value;
	}
	/* In two steps, the second again over the first: the same. */
	assert_int_equal(aggregates_make_all_hours(store, noon, noon + 2 * HOUR), 0);
	assert_int_equal(
		aggregates_make_all_hours(store, noon + HOUR, noon + 5 * HOUR), 0);
	assert_int_equal(aggregates_make_all_hours(store, noon + HOUR, noon + HOUR), 0);
	assert_int_equal(scan(AGGREGATE_HOUR, 0, INT64_MAX), 5);
	for (size_t i = 0; i < 5; i++)
		expect(i, noon + (int64_t)(i + 1) * HOUR, wanted[i].count, wanted[i].sum,
			wanted[i].min, wanted[i].max);
}

static void only_the_hours_asked_for_are_made(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++)
		add(noon + (int64_t)i * HOUR, i + 1);
	assert_int_equal(aggregates_make_all_hours(store, noon, noon + 2 * HOUR), 0);
	assert_int_equal(scan(AGGREGATE_HOUR, 0, INT64_MAX), 2);
	assert_int_equal(seen[0].end_ms, noon + HOUR);
	assert_int_equal(seen[1].end_ms, noon + 2 * HOUR);
}

static void a_late_minute_makes_its_hour_again(void **state)
{
	(void)state;
	add(noon + MINUTE, 10);
	add(noon + HOUR + MINUTE, 20);
	assert_int_equal(aggregates_make_all_hours(store, noon, noon + 2 * HOUR), 0);
	add(noon + 5 * MINUTE, 4);     /* late */
	add(noon + HOUR + MINUTE, 30); /* late as well, but not asked for */
	assert_int_equal(
		aggregates_make_hours(store, source, METRIC_PM25, noon, noon + HOUR), 0);
	assert_int_equal(scan(AGGREGATE_HOUR, 0, INT64_MAX), 2);
	expect(0, noon + HOUR, 2, 14, 4, 10);
	expect(1, noon + 2 * HOUR, 1, 20, 20, 20);
	/* An hour without minutes is none. */
	assert_int_equal(aggregates_make_hours(store, source, METRIC_PM25,
				 noon + 8 * HOUR, noon + 9 * HOUR),
		0);
	assert_int_equal(scan(AGGREGATE_HOUR, 0, INT64_MAX), 2);
}

int main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(a_span_ends_with_its_last_millisecond),
		TEST(an_accumulator_counts),
		TEST(a_value_at_the_end_belongs_to_the_span_it_ends),
		TEST(scans_are_half_open_too),
		TEST(merging_in_pieces_is_merging_at_once),
		TEST(hours_are_what_their_minutes_are),
		TEST(only_the_hours_asked_for_are_made),
		TEST(a_late_minute_makes_its_hour_again),
	};

	return cmocka_run_group_tests_name("aggregates", tests, NULL, NULL);
}
