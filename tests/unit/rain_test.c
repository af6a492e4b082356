/* Rain: what a counter means, and sums over windows. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/metric.h"
#include "derive/rain.h"
#include "tests/unit/chance.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)

#define DAY (24 * HOUR)

static const int64_t start = 1795300000000;

enum { W10M, W30M, W1H, W3H, W6H, W12H, W24H, W48H, W72H };

static struct rain_gauge gauge;

static int begin(void **state)
{
	(void)state;
	rain_init(&gauge, 0);
	return 0;
}

static int end(void **state)
{
	(void)state;
	rain_free(&gauge);
	return 0;
}

/* The verdict of TOTAL and what it credits. */
static void expect_credit(
	int64_t time_ms, double total, enum rain_verdict verdict, double increment)
{
	double got = -1;

	assert_int_equal(rain_credit(&gauge, time_ms, total, &got), verdict);
	if (got != increment)
		fail_msg("%.17g is credited, not %.17g", got, increment);
}

static void observe(int64_t time_ms, double mm)
{
	assert_true(rain_observe(&gauge, time_ms, mm));
}

/* --- the counter -------------------------------------------------------- */

static void the_first_reading_credits_nothing(void **state)
{
	(void)state;
	expect_credit(start, 512.4, RAIN_BASELINE, 0);
	expect_credit(start + MINUTE, 512.4, RAIN_CREDITED, 0);
	expect_credit(start + 2 * MINUTE, 512.6, RAIN_CREDITED, 0.2);
	/* As if it were counted in decimals. */
	expect_credit(start + 3 * MINUTE, 512.9, RAIN_CREDITED, 0.3);
	expect_credit(start + 4 * MINUTE, 513.0, RAIN_CREDITED, 0.1);
}

static void a_counter_set_back_goes_on_from_there(void **state)
{
	(void)state;
	expect_credit(start, 80, RAIN_BASELINE, 0);
	expect_credit(start + MINUTE, 0.4, RAIN_RESET, 0);
	expect_credit(start + 2 * MINUTE, 0.6, RAIN_CREDITED, 0.2);
	expect_credit(start + 3 * MINUTE, 0, RAIN_RESET, 0);
	expect_credit(start + 4 * MINUTE, 0.2, RAIN_CREDITED, 0.2);
}

static void more_than_can_fall_is_not_credited(void **state)
{
	(void)state;
	expect_credit(start, 10, RAIN_BASELINE, 0);
	/* 1000 mm/h and 5 mm besides: 1.2 minutes bring 20 mm. */
	expect_credit(start + 72 * SECOND, 35, RAIN_CREDITED, 25);
	expect_credit(start + 144 * SECOND, 60.1, RAIN_IMPLAUSIBLE, 25.1);
	/* Counts on from there. */
	expect_credit(start + 145 * SECOND, 60.3, RAIN_CREDITED, 0.2);
	/* At one time, or with a clock set back, a bucket may still tip. */
	expect_credit(start + 145 * SECOND, 65.3, RAIN_CREDITED, 5);
	expect_credit(start + 144 * SECOND, 70.4, RAIN_IMPLAUSIBLE, 5.1);
	/* After a day without news much may have fallen. */
	expect_credit(start + 24 * HOUR, 570.4, RAIN_CREDITED, 500);
}

static void a_counter_that_runs_over_its_end(void **state)
{
	(void)state;
	rain_init(&gauge, 6553.6);
	expect_credit(start, 6553.2, RAIN_BASELINE, 0);
	expect_credit(start + MINUTE, 0.4, RAIN_WRAPPED, 0.8);
	expect_credit(start + 2 * MINUTE, 0.6, RAIN_CREDITED, 0.2);
	/* From the lower half it is a reset, wherever it goes. */
	expect_credit(start + 3 * MINUTE, 0.2, RAIN_RESET, 0);
	/* So is what would be too much on the way round. */
	expect_credit(start + 4 * MINUTE, 6500, RAIN_IMPLAUSIBLE, 6499.8);
	expect_credit(start + 5 * MINUTE, 0, RAIN_RESET, 0);
	/* Back, but not into the lower half. */
	expect_credit(start + 6 * MINUTE, 6550, RAIN_IMPLAUSIBLE, 6550);
	expect_credit(start + 7 * MINUTE, 6549, RAIN_RESET, 0);

	/* The same without a known end. */
	rain_init(&gauge, 0);
	expect_credit(start, 6553.2, RAIN_BASELINE, 0);
	expect_credit(start + MINUTE, 0.4, RAIN_RESET, 0);
}

static void a_wrong_modulus_takes_nothing_away(void **state)
{
	(void)state;
	rain_init(&gauge, 100);
	expect_credit(start, 250, RAIN_BASELINE, 0);
	expect_credit(start + MINUTE, 10, RAIN_RESET, 0);
}

/* --- windows ------------------------------------------------------------ */

static void ten_tips_of_a_tenth_are_one(void **state)
{
	(void)state;
	for (int i = 0; i < 10; i++)
		observe(start + i * SECOND, 0.1);
	assert_true(rain_sum(&gauge, W10M) == 1.0);
	assert_true(rain_sum(&gauge, W72H) == 1.0);
	for (int i = 10; i < 1000; i++)
		observe(start + i * SECOND / 10, 0.1);
	assert_true(rain_sum(&gauge, W1H) == 100.0);
}

static void windows_are_what_their_metrics_say(void **state)
{
	(void)state;
	static const int minutes[RAIN_WINDOWS] = { 10, 30, 60, 180, 360, 720, 1440, 2880,
		4320 };

	for (size_t w = 0; w < RAIN_WINDOWS; w++) {
		assert_int_equal(rain_windows[w].length_ms, minutes[w] * MINUTE);
		assert_int_equal(rain_windows[w].metric, METRIC_RAIN_10M + (int)w);
	}
}

static void a_window_begins_after_its_start(void **state)
{
	(void)state;
	for (size_t w = 0; w < RAIN_WINDOWS; w++) {
		struct rain_gauge one;
		int64_t length = rain_windows[w].length_ms;

		rain_init(&one, 0);
		assert_true(rain_observe(&one, start, 1));
		assert_true(rain_observe(&one, start + 1, 2));
		assert_true(rain_observe(&one, start + length - 1, 4));
		assert_true(rain_sum(&one, w) == 7);
		assert_true(rain_observe(&one, start + length, 8));
		assert_true(rain_sum(&one, w) == 14);
		assert_true(rain_observe(&one, start + length + 1, 0));
		assert_true(rain_sum(&one, w) == 12);
		assert_true(rain_observe(&one, start + 3 * length, 0));
		assert_true(rain_sum(&one, w) == 0);
		rain_free(&one);
	}
}

static void a_late_tip_is_put_in_its_place(void **state)
{
	(void)state;
	observe(start, 1);
	observe(start + 20 * MINUTE, 2);
	observe(start + 5 * MINUTE, 4); /* older than ten minutes by now */
	assert_true(rain_sum(&gauge, W10M) == 2);
	assert_true(rain_sum(&gauge, W30M) == 7);
	observe(start + 15 * MINUTE, 8);
	assert_true(rain_sum(&gauge, W10M) == 10);
	/* It leaves its windows when its own time has come. */
	observe(start + 25 * MINUTE, 0);
	assert_true(rain_sum(&gauge, W10M) == 2);
	observe(start + 35 * MINUTE, 0);
	assert_true(rain_sum(&gauge, W30M) == 10);
	/* Nobody waits for one of three days ago; at its start is outside. */
	observe(start + 35 * MINUTE - 72 * HOUR, 16);
	assert_true(rain_sum(&gauge, W72H) == 15);
	observe(start + 35 * MINUTE - 72 * HOUR + 1, 16);
	assert_true(rain_sum(&gauge, W72H) == 31);
	assert_int_equal(gauge.last_ms, start + 35 * MINUTE);
}

/* --- completeness ------------------------------------------------------- */

static void observe_dry(int64_t from_ms, int64_t to_ms)
{
	for (int64_t at = from_ms; at <= to_ms; at += 10 * MINUTE)
		observe(at, 0);
}

static void a_window_is_complete_when_it_was_watched(void **state)
{
	(void)state;
	observe_dry(start, start + 72 * HOUR - MINUTE);
	for (size_t w = W10M; w < W72H; w++)
		assert_true(rain_is_complete(&gauge, w));
	assert_false(rain_is_complete(&gauge, W72H));
	observe(start + 72 * HOUR, 0);
	assert_true(rain_is_complete(&gauge, W72H));
}

static void nothing_is_complete_at_first(void **state)
{
	(void)state;
	observe(start, 0);
	for (size_t w = 0; w < RAIN_WINDOWS; w++)
		assert_false(rain_is_complete(&gauge, w));
	observe(start + 10 * MINUTE - 1, 0);
	assert_false(rain_is_complete(&gauge, W10M));
	observe(start + 10 * MINUTE, 0);
	assert_true(rain_is_complete(&gauge, W10M));
	assert_false(rain_is_complete(&gauge, W30M));
}

static void a_gap_makes_windows_incomplete(void **state)
{
	(void)state;
	observe_dry(start, start + HOUR);
	assert_true(rain_is_complete(&gauge, W1H));
	observe(start + HOUR + 15 * MINUTE, 0); /* a pause, no gap */
	assert_true(rain_is_complete(&gauge, W1H));
	observe(start + HOUR + 30 * MINUTE + 1, 3);
	assert_false(rain_is_complete(&gauge, W10M));
	assert_true(rain_sum(&gauge, W10M) == 3); /* the sum is there all the same */
	observe_dry(start + HOUR + 40 * MINUTE, start + 3 * HOUR);
	assert_true(rain_is_complete(&gauge, W1H));
	assert_false(rain_is_complete(&gauge, W3H));
}

/* --- by chance, against adding up --------------------------------------- */

enum { TIPS = 3000 };

struct tips {
	struct rain_tip tips[TIPS];
	size_t count;
	int64_t last_ms;
};

static void expect_sums(const struct tips *all, const struct rain_gauge *got)
{
	for (size_t w = 0; w < RAIN_WINDOWS; w++) {
		int64_t from_ms = all->last_ms - rain_windows[w].length_ms, nm = 0;

		for (size_t i = 0; i < all->count; i++)
			if (all->tips[i].time_ms > from_ms &&
				all->tips[i].time_ms <= all->last_ms)
				nm += all->tips[i].nm;
		if (rain_sum(got, w) != (double)nm / 1e6)
			fail_msg("seed %llu, tip %zu, window %zu: %.17g, not %.17g",
				(unsigned long long)chance_seed(), all->count, w,
				rain_sum(got, w), (double)nm / 1e6);
	}
}

/* Steps from none to hours, so that all windows fill and empty; some tips are late. */
static void any_tips_sum_up_as_if_added(void **state)
{
	(void)state;
	static struct tips all;
	struct chance chance = chance_begin();
	struct rain_gauge other;

	rain_init(&other, 0);
	all.last_ms = start;
	for (all.count = 0; all.count < TIPS;) {
		int64_t at = all.last_ms;
		int64_t longest = INT64_C(1) << chance_below(&chance, 24);

		if (chance_below(&chance, 10) == 0)
			at -= chance_between(&chance, 0, 71 * HOUR);
		else
			at += chance_between(&chance, 0, longest);
		int64_t steps = chance_between(&chance, 0, 40);
		all.tips[all.count++] = (struct rain_tip){ at, steps * 100000 };
		if (at > all.last_ms)
			all.last_ms = at;
		observe(at, (double)steps / 10);
		if (all.count % 50 == 0) {
			expect_sums(&all, &gauge);
			/* One that was put away and taken out again is the same. */
			struct buffer bytes;
			buffer_init(&bytes, 1 << 20);
			rain_save(&gauge, &bytes);
			assert_true(rain_load(&other, bytes.data, bytes.length));
			buffer_free(&bytes);
			expect_sums(&all, &other);
		}
	}
	assert_true(gauge.count < TIPS * 3 / 4); /* the old ones are not kept */
	rain_free(&other);
}

/* --- state -------------------------------------------------------------- */

static struct buffer saved_bytes(const struct rain_gauge *from)
{
	struct buffer bytes;

	buffer_init(&bytes, 1 << 22);
	rain_save(from, &bytes);
	assert_false(bytes.failed);
	return bytes;
}

static void what_is_saved_is_loaded(void **state)
{
	(void)state;
	struct rain_gauge other;

	rain_init(&gauge, 6553.6);
	rain_init(&other, 6553.6);
	expect_credit(start, 6553, RAIN_BASELINE, 0);
	observe_dry(start, start + HOUR);
	observe(start + HOUR, 0.4);
	struct buffer bytes = saved_bytes(&gauge);
	assert_true(rain_load(&other, bytes.data, bytes.length));
	buffer_free(&bytes);
	for (size_t w = 0; w < RAIN_WINDOWS; w++) {
		assert_true(rain_sum(&other, w) == 0.4);
		assert_true(rain_is_complete(&other, w) == rain_is_complete(&gauge, w));
	}
	assert_true(other.modulus == 6553.6); /* the configuration's, not the file's */
	rain_free(&gauge);
	gauge = other;
	expect_credit(start + HOUR, 0.2, RAIN_WRAPPED, 0.8);
	observe(start + HOUR + 1, 0.8);
	assert_true(rain_sum(&gauge, W1H) == 1.2);
}

static void a_fresh_gauge_is_saved_too(void **state)
{
	(void)state;
	struct buffer bytes = saved_bytes(&gauge);

	expect_credit(start, 5, RAIN_BASELINE, 0);
	assert_true(rain_load(&gauge, bytes.data, bytes.length));
	expect_credit(start, 7, RAIN_BASELINE, 0);
	buffer_free(&bytes);
}

static void other_bytes_are_refused(void **state)
{
	(void)state;
	expect_credit(start, 5, RAIN_BASELINE, 0);
	for (int i = 0; i < 5; i++)
		observe(start + i, 0.2);
	struct buffer bytes = saved_bytes(&gauge);
	for (size_t cut = 0; cut <= bytes.length; cut++) {
		char *exact = malloc(cut + 1);
		memcpy(exact, bytes.data, cut);
		exact[cut] = 0;
		assert_true(rain_load(&gauge, exact, cut) == (cut == bytes.length));
		if (cut < bytes.length) { /* as after rain_init() */
			assert_false(gauge.has_total);
			assert_int_equal(gauge.count, 0);
			assert_true(rain_sum(&gauge, W1H) == 0);
		} else {
			assert_false(rain_load(&gauge, exact, cut + 1));
		}
		free(exact);
	}
	bytes.data[0] ^= 4; /* another version */
	assert_false(rain_load(&gauge, bytes.data, bytes.length));
	buffer_free(&bytes);
}

/* A gauge that tips faster than any rain does not grow for ever, and can be kept. */
static void there_is_an_end_of_tips(void **state)
{
	(void)state;
	size_t kept = 0;

	for (int i = 0; i < 300000; i++)
		kept += rain_observe(&gauge, start + i, 0.001);
	assert_int_equal(kept, 3 * 24 * 3600);
	assert_int_equal(gauge.count, kept);
	struct buffer bytes;
	buffer_init(&bytes, 8 << 20);
	rain_save(&gauge, &bytes);
	assert_false(bytes.failed);
	double sum = rain_sum(&gauge, W72H);
	assert_true(rain_load(&gauge, bytes.data, bytes.length));
	assert_true(rain_sum(&gauge, W72H) == sum);
	buffer_free(&bytes);
	/* When they are old there is room again. */
	observe(start + 73 * HOUR, 0.2);
	assert_true(rain_sum(&gauge, W72H) == 0.2);
	assert_int_equal(gauge.count, 1);
}

/* --- a clock that is set ------------------------------------------------- */

/* A tip each ten minutes for a day, and the clock set by BY_MS after each of them. */
static void sums_over_a_step(int64_t by_ms)
{
	int64_t wrong_ms = 0;

	for (int i = 0; i <= 144; i++) {
		int64_t now_ms = start + i * 10 * MINUTE + wrong_ms;
		observe(now_ms, 0.2);
		assert_true(rain_sum(&gauge, W10M) == 0.2);
		assert_true(rain_sum(&gauge, W1H) == (i < 6 ? (i + 1) * 2 : 12) / 10.0);
		assert_true(rain_is_complete(&gauge, W1H) == (i >= 6));
		rain_shift(&gauge, start - 1 + wrong_ms, i % 2 ? -by_ms : by_ms);
		wrong_ms += i % 2 ? -by_ms : by_ms;
	}
	assert_true(rain_sum(&gauge, W24H) == 28.8);
	assert_true(rain_is_complete(&gauge, W24H));
}

static void sums_go_on_over_a_step_forward(void **state)
{
	(void)state;
	sums_over_a_step(HOUR);
}

static void sums_go_on_over_a_step_back(void **state)
{
	(void)state;
	sums_over_a_step(-HOUR);
}

/* What was observed before the machine was started, was by another clock. */
static void only_what_was_observed_since_the_start_moves(void **state)
{
	(void)state;
	for (int i = 0; i <= 6; i++)
		observe(start + i * 10 * MINUTE, 1);
	observe(start + HOUR + 5 * MINUTE, 0.5); /* just started */
	assert_true(rain_is_complete(&gauge, W1H));
	rain_shift(&gauge, start + HOUR + MINUTE, 3 * HOUR);
	observe(start + 4 * HOUR + 6 * MINUTE, 0);
	assert_true(rain_sum(&gauge, W1H) == 0.5);
	assert_true(rain_sum(&gauge, W6H) == 7.5);
	assert_false(rain_is_complete(&gauge, W1H)); /* nobody watched in between */
	/* Back over what was there before: the order stays. */
	rain_shift(&gauge, start + 4 * HOUR, -4 * HOUR);
	assert_true(gauge.last_ms >= gauge.tips[gauge.count - 1].time_ms);
	for (size_t i = 1; i < gauge.count; i++)
		assert_true(gauge.tips[i - 1].time_ms <= gauge.tips[i].time_ms);
	assert_true(rain_sum(&gauge, W72H) == 7.5);
}

static void what_was_never_is_forgotten(void **state)
{
	(void)state;
	rain_init(&gauge, 100);
	expect_credit(start + 900 * DAY, 10, RAIN_BASELINE, 0);
	observe(start + 900 * DAY, 3);
	rain_forget(&gauge, start);
	expect_credit(start + MINUTE, 11, RAIN_CREDITED, 1);
	observe(start + MINUTE, 1);
	assert_true(rain_sum(&gauge, W72H) == 1);
	assert_true(gauge.modulus == 100);
}

int main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(the_first_reading_credits_nothing),
		TEST(a_counter_set_back_goes_on_from_there),
		TEST(more_than_can_fall_is_not_credited),
		TEST(a_counter_that_runs_over_its_end),
		TEST(a_wrong_modulus_takes_nothing_away),
		TEST(ten_tips_of_a_tenth_are_one),
		TEST(windows_are_what_their_metrics_say),
		TEST(a_window_begins_after_its_start),
		TEST(a_late_tip_is_put_in_its_place),
		TEST(a_window_is_complete_when_it_was_watched),
		TEST(nothing_is_complete_at_first),
		TEST(a_gap_makes_windows_incomplete),
		TEST(any_tips_sum_up_as_if_added),
		TEST(what_is_saved_is_loaded),
		TEST(a_fresh_gauge_is_saved_too),
		TEST(other_bytes_are_refused),
		TEST(there_is_an_end_of_tips),
		TEST(sums_go_on_over_a_step_forward),
		TEST(sums_go_on_over_a_step_back),
		TEST(only_what_was_observed_since_the_start_moves),
		TEST(what_was_never_is_forgotten),
	};

	return cmocka_run_group_tests_name("rain", tests, NULL, NULL);
}
