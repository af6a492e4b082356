/* Which times were watched, against a list of seconds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "derive/coverage.h"
#include "tests/unit/chance.h"

enum { LEAST = 10, LIMIT = 15 };

static struct coverage coverage;

static int end(void **state)
{
	(void)state;
	coverage_free(&coverage);
	return 0;
}

static void observe(int64_t time_ms)
{
	assert_true(coverage_observe(&coverage, time_ms, LEAST));
}

static int64_t missed(int64_t from_ms, int64_t to_ms)
{
	return coverage_missed(&coverage, from_ms, to_ms, LIMIT);
}

static void nothing_is_watched_at_first(void **state)
{
	(void)state;
	assert_int_equal(missed(100, 200), 100);
	assert_int_equal(coverage_since(&coverage, LIMIT), 0);
	assert_true(coverage_lose(&coverage, 50));
	observe(150);
	assert_int_equal(missed(100, 200), 100);
	assert_int_equal(coverage_since(&coverage, LIMIT), 150);
	observe(160);
	assert_int_equal(missed(100, 160), 50);
	assert_int_equal(missed(150, 160), 0);
	assert_int_equal(missed(100, 200), 90); /* nor what is yet to come */
}

static void a_pause_is_no_gap(void **state)
{
	(void)state;
	observe(100);
	observe(115);
	assert_int_equal(missed(100, 115), 0);
	assert_int_equal(coverage_missed(&coverage, 100, 115, LEAST), 15);
	observe(131);
	assert_int_equal(missed(100, 131), 16);
	assert_int_equal(missed(120, 131), 11);
	assert_int_equal(missed(100, 120), 5);
	assert_int_equal(coverage_since(&coverage, LIMIT), 131);
	assert_int_equal(coverage_since(&coverage, 100), 100);
	assert_true(coverage_is_torn(&coverage, 120, LIMIT));
	assert_false(coverage_is_torn(&coverage, 115, LIMIT));
	assert_false(coverage_is_torn(&coverage, 131, LIMIT));
	assert_false(coverage_is_torn(&coverage, 110, LIMIT));
}

static void what_is_lost_is_lost_however_short(void **state)
{
	(void)state;
	observe(100);
	assert_true(coverage_lose(&coverage, 103));
	assert_true(coverage_lose(&coverage, 103));
	assert_true(coverage_lose(&coverage, 104));
	observe(108);
	assert_int_equal(missed(100, 108), 4);
	assert_int_equal(coverage.count, 1);
	assert_int_equal(coverage_since(&coverage, LIMIT), 104);
	/* Nothing late brings it back. */
	observe(102);
	assert_int_equal(missed(100, 108), 4);
}

static void a_late_one_divides_a_gap(void **state)
{
	(void)state;
	observe(100);
	observe(150);
	observe(112);
	assert_int_equal(missed(100, 150), 38);
	observe(124);
	assert_int_equal(missed(100, 150), 26);
	observe(139);
	assert_int_equal(missed(100, 150), 0);
	assert_int_equal(coverage_missed(&coverage, 100, 150, LEAST), 12 + 12 + 15 + 11);
	/* One from before the beginning. */
	observe(70);
	assert_int_equal(missed(70, 150), 30);
	assert_int_equal(missed(60, 150), 40);
	observe(85);
	assert_int_equal(missed(70, 150), 0);
}

static void old_gaps_are_forgotten(void **state)
{
	(void)state;
	observe(100);
	observe(200);
	observe(300);
	coverage_forget(&coverage, 199);
	assert_int_equal(coverage.count, 2);
	coverage_forget(&coverage, 200);
	assert_int_equal(coverage.count, 1);
	assert_int_equal(missed(200, 300), 100);
}

static void there_is_an_end_of_gaps(void **state)
{
	(void)state;
	enum { MANY = COVERAGE_GAPS_MAX + 1000 };

	for (int i = 1; i <= MANY; i++) {
		observe(i * 100);
		observe(i * 100 + 5);
	}
	assert_int_equal(coverage.count, COVERAGE_GAPS_MAX);
	/* The newest are as they were, the oldest count as one. */
	assert_int_equal(missed((MANY - 10) * 100 + 5, MANY * 100 + 5), 10 * 95);
	assert_true(missed(105, MANY * 100 + 5) > (MANY - 1) * 95);
	/* Late ones before and between them. */
	observe(20);
	observe(103);
	observe(150);
	assert_int_equal(coverage.count, COVERAGE_GAPS_MAX);
	assert_int_equal(missed(0, 20), 20);
}

static void a_step_of_the_clock(void **state)
{
	(void)state;
	observe(100);
	observe(130);
	observe(140);
	/* All of it, by a clock that was wrong from the start. */
	assert_true(coverage_shift(&coverage, 99, 1000, LEAST));
	assert_int_equal(missed(1100, 1140), 30);
	/* A part: what was between is a gap now. */
	assert_true(coverage_shift(&coverage, 1135, 50, LEAST));
	assert_int_equal(missed(1100, 1190), 30 + 50);
	assert_int_equal(coverage.last_ms, 1190);
	/* Back over a gap. */
	assert_true(coverage_shift(&coverage, 1120, -100, LEAST));
	assert_int_equal(coverage.last_ms, 1090);
	for (size_t i = 0; i < coverage.count; i++) {
		assert_true(coverage.gaps[i].from_ms < coverage.gaps[i].to_ms);
		assert_true(
			i == 0 || coverage.gaps[i - 1].to_ms <= coverage.gaps[i].from_ms);
	}
	/* Nothing is after it. */
	assert_true(coverage_shift(&coverage, 5000, 50, LEAST));
	assert_int_equal(coverage.last_ms, 1090);
}

/* --- by chance, against seconds one by one --------------------------------------- */

enum { TIMES = 2000 };

static bool seen[TIMES], lost[TIMES];

static int64_t missed_by_list(int from, int to)
{
	int before = 0;
	int64_t count = 0;

	for (int t = 1; t < TIMES; t++) {
		if (!seen[t])
			continue;
		bool is_gap = before == 0 || t - before > LIMIT;
		for (int k = before + 1; k <= t; k++)
			count += (is_gap || lost[k]) && k > from && k <= to;
		before = t;
	}
	for (int k = before + 1; k <= to; k++)
		count += k > from;
	return count;
}

static void any_times_are_as_in_a_list(void **state)
{
	(void)state;
	struct chance chance = chance_begin();

	for (int round = 0; round < 60; round++) {
		int now = 1 + (int)chance_below(&chance, 100);

		coverage_free(&coverage);
		memset(seen, 0, sizeof seen);
		memset(lost, 0, sizeof lost);
		for (int i = 0; i < 100 && now < TIMES - 60; i++) {
			int last = (int)coverage.last_ms, at = now;

			if (last > 0 && chance_below(&chance, 9) == 0) {
				assert_true(coverage_lose(&coverage, now));
				for (int k = last + 1; k <= now; k++)
					lost[k] = true;
			} else {
				if (chance_below(&chance, 4) == 0)
					at = 1 +
						(int)chance_below(&chance, (unsigned)now);
				observe(at);
			}
			seen[at] = true;
			now += 1 + (int)chance_below(&chance, 40);
			int from = (int)chance_below(&chance, TIMES);
			int to = from +
				(int)chance_below(&chance, (unsigned)(TIMES - from));
			if (missed(from, to) != missed_by_list(from, to))
				fail_msg("seed %llu: (%d, %d]: %lld, not %lld",
					(unsigned long long)chance_seed(), from, to,
					(long long)missed(from, to),
					(long long)missed_by_list(from, to));
		}
	}
}

int main(void)
{
#define TEST(NAME) cmocka_unit_test_teardown(NAME, end)
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_watched_at_first),
		TEST(a_pause_is_no_gap),
		TEST(what_is_lost_is_lost_however_short),
		TEST(a_late_one_divides_a_gap),
		TEST(old_gaps_are_forgotten),
		TEST(there_is_an_end_of_gaps),
		TEST(a_step_of_the_clock),
		TEST(any_times_are_as_in_a_list),
	};

	return cmocka_run_group_tests_name("coverage", tests, NULL, NULL);
}
