/* Rain: sums over windows and days, their completeness, the intensity, the kept state. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/metric.h"
#include "derive/catch.h"
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
	rain_init(&gauge, NULL, 0);
	return 0;
}

static int end(void **state)
{
	(void)state;
	rain_free(&gauge);
	return 0;
}

static void observe(int64_t time_ms, double mm)
{
	assert_true(rain_observe(&gauge, time_ms, mm));
}

static void credit(int64_t time_ms, double total, enum counter_verdict verdict, double mm)
{
	struct counter_step step = rain_credit(&gauge, time_ms, total);

	assert_int_equal(step.verdict, verdict);
	assert_true(step.increment == mm);
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
	assert_int_equal(rain_windows[RAIN_DAY].metric, METRIC_RAIN_DAY);
}

static void a_window_begins_after_its_start(void **state)
{
	(void)state;
	for (size_t w = 0; w < RAIN_WINDOWS; w++) {
		struct rain_gauge one;
		int64_t length = rain_windows[w].length_ms;

		rain_init(&one, NULL, 0);
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
	assert_int_equal(gauge.coverage.last_ms, start + 35 * MINUTE);
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

static void expect_share(size_t index, double share)
{
	double got = rain_completeness(&gauge, index);

	if (got < share - 1e-9 || got > share + 1e-9)
		fail_msg("window %zu is complete to %g, not %g", index, got, share);
}

static void the_degree_is_known(void **state)
{
	(void)state;
	expect_share(W1H, 0);
	observe_dry(start, start + HOUR);
	expect_share(W1H, 1);
	expect_share(W3H, 1.0 / 3);
	observe_dry(start + 2 * HOUR, start + 3 * HOUR);
	expect_share(W10M, 1);
	expect_share(W3H, 2.0 / 3);
	expect_share(W6H, 1.0 / 3);
	assert_false(rain_is_complete(&gauge, W3H));
	/* One reading behind a gap has watched nothing. */
	observe(start + 5 * HOUR, 2);
	expect_share(W10M, 0);
	expect_share(W1H, 0);
	expect_share(W3H, 1.0 / 3);
	/* What was in somebody's buffer fills it, as far as it goes. */
	observe_dry(start + 3 * HOUR, start + 4 * HOUR);
	expect_share(W3H, 2.0 / 3);
	observe_dry(start + 4 * HOUR, start + 5 * HOUR);
	expect_share(W3H, 1);
}

/* Ten minutes cannot be told by readings that are twelve minutes apart. */
static void a_window_needs_readings_as_close(void **state)
{
	(void)state;
	for (int i = 0; i <= 10; i++)
		observe(start + i * 12 * MINUTE, 0.2);
	expect_share(W10M, 0);
	expect_share(W30M, 1);
	expect_share(W1H, 1);
}

static void what_is_lost_makes_incomplete(void **state)
{
	(void)state;
	observe_dry(start, start + HOUR);
	assert_true(rain_lose(&gauge, start + HOUR + MINUTE));
	observe(start + HOUR + MINUTE, 0.4);
	assert_false(rain_is_complete(&gauge, W10M));
	expect_share(W10M, 0.9);
	assert_true(rain_sum(&gauge, W10M) == 0.4);
	observe(start + HOUR + 10 * MINUTE, 0);
	assert_false(rain_is_complete(&gauge, W10M));
	observe(start + HOUR + 11 * MINUTE, 0);
	assert_true(rain_is_complete(&gauge, W10M));
	/* A jump of the counter hides what fell meanwhile. */
	credit(start + HOUR + 11 * MINUTE, 10, COUNTER_BASELINE, 0);
	credit(start + HOUR + 12 * MINUTE, 500, COUNTER_HELD, 0);
	credit(start + HOUR + 13 * MINUTE, 500, COUNTER_JUMPED, 0);
	observe(start + HOUR + 13 * MINUTE, 0);
	expect_share(W10M, 0.9);
}

static void a_sum_stands_alone_when_it_is_no_lie(void **state)
{
	(void)state;
	observe(start, 0.2);
	assert_false(rain_may_stand(&gauge, W1H)); /* nothing was watched */
	observe(start + MINUTE, 0);
	assert_true(rain_may_stand(&gauge, W1H)); /* at least so much */
	observe_dry(start + 10 * MINUTE, start + 20 * MINUTE);
	assert_true(rain_may_stand(&gauge, W10M)); /* it was dry */
	assert_false(rain_sum(&gauge, W10M) > 0);
	observe(start + 2 * HOUR, 3);
	assert_false(rain_may_stand(&gauge, W1H)); /* it may have fallen before */
	assert_true(rain_may_stand(&gauge, W3H));
	observe_dry(start + 2 * HOUR, start + 5 * HOUR);
	observe(start + 6 * HOUR, 0);
	assert_false(rain_may_stand(&gauge, W3H)); /* 0, but nobody knows */
}

/* --- the rain day ------------------------------------------------------------- */

/* 2026-11-22, 19:00 in Viet Nam. */
static const int64_t evening = 1795348800000;

static void start_days_at(const char *text)
{
	struct rain_config config = rain_defaults;

	config.day_starts = text;
	rain_init(&gauge, &config, 0);
}

static void a_days_start_belongs_to_the_day_before(void **state)
{
	(void)state;
	observe(evening - 24 * HOUR, 1); /* of another day */
	observe(evening - 24 * HOUR + 1, 2);
	observe(evening - 1, 4);
	assert_true(rain_sum(&gauge, RAIN_DAY) == 6);
	observe(evening, 8);
	assert_true(rain_sum(&gauge, RAIN_DAY) == 14);
	observe(evening + 1, 16);
	assert_true(rain_sum(&gauge, RAIN_DAY) == 16);
	/* A late one of the day before is not of this day. */
	observe(evening, 32);
	assert_true(rain_sum(&gauge, RAIN_DAY) == 16);
}

static void a_day_starts_when_it_is_told_to(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t after_ms; /* 19:00 */
	} cases[] = { { "19:00", 0 }, { "07:00", 12 * HOUR }, { "00:00", 5 * HOUR },
		{ "23:59", 4 * HOUR + 59 * MINUTE },
		{ "06:30", 11 * HOUR + 30 * MINUTE } };

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int64_t at = evening + cases[i].after_ms;

		start_days_at(cases[i].text);
		observe(at - MINUTE, 1);
		observe(at, 2);
		assert_true(rain_sum(&gauge, RAIN_DAY) == 3);
		observe(at + 1, 4);
		assert_true(rain_sum(&gauge, RAIN_DAY) == 4);
		rain_free(&gauge);
	}
}

static void a_day_has_its_completeness(void **state)
{
	(void)state;
	observe_dry(evening - HOUR, evening + HOUR);
	expect_share(RAIN_DAY, 1);
	observe(evening + 2 * HOUR, 0);
	expect_share(RAIN_DAY, 0.5);
}

static void a_day_has_its_end(void **state)
{
	(void)state;
	struct rain_day day;

	assert_false(rain_end_day(&gauge, evening, &day));
	observe_dry(evening - 6 * HOUR, evening - 10 * MINUTE);
	observe(evening - 8 * MINUTE, 3);
	assert_false(rain_end_day(&gauge, evening - MINUTE, &day));
	assert_false(rain_end_day(&gauge, evening, &day)); /* it belongs to it */
	assert_true(rain_end_day(&gauge, evening + 1, &day));
	assert_int_equal(day.end_ms, evening);
	assert_true(day.mm == 3);
	assert_true(day.completeness == 0.25);
	/* Of the last minutes nobody knows. */
	assert_true(rain_end_day(&gauge, evening + 8 * MINUTE, &day));
	assert_true(day.completeness < 0.25);
	observe(evening, 1);
	assert_true(rain_end_day(&gauge, evening + 10 * MINUTE, &day));
	assert_true(day.mm == 4 && day.completeness == 0.25);
	observe(evening + 10 * MINUTE, 0);
	assert_false(rain_end_day(&gauge, evening + 20 * MINUTE, &day));
	/* One reading has watched nothing. */
	observe(evening + 72 * HOUR - MINUTE, 1);
	assert_false(rain_end_day(&gauge, evening + 73 * HOUR, &day));
}

/* --- intensity ---------------------------------------------------------------- */

static void expect_rate(double rate)
{
	double got = rain_rate(&gauge);

	if (isnan(rate) ? !isnan(got) : got != rate)
		fail_msg("%.17g mm/h, not %.17g", got, rate);
}

static void the_time_between_tips_is_the_intensity(void **state)
{
	(void)state;
	expect_rate(NAN);
	observe(start, 0.2);
	expect_rate(NAN); /* of the first tip nobody knows since when it was gathered */
	for (int i = 1; i < 20; i++) {
		observe(start + i * 7200, 0.2);
		expect_rate(100);
	}
	/* Two at one moment are one. */
	observe(start + 20 * 7200, 0.1);
	observe(start + 20 * 7200, 0.1);
	expect_rate(100);
	/* A longer time between them is a smaller intensity. */
	observe(start + 21 * 7200 + 64800, 0.2);
	expect_rate(10);
}

static void the_intensity_falls_when_no_tip_comes(void **state)
{
	(void)state;
	int64_t last = start + 72 * SECOND;

	observe(start, 0.2);
	observe(last, 0.2);
	expect_rate(10);
	observe(last + 36 * SECOND, 0); /* one might be about to fall */
	expect_rate(10);
	observe(last + 144 * SECOND, 0);
	expect_rate(5);
	observe(last + 10 * MINUTE, 0);
	expect_rate(1.2);
	for (int i = 2; i <= 6; i++)
		observe(last + i * 10 * MINUTE, 0);
	expect_rate(0.2);
	observe(last + HOUR + 1, 0);
	expect_rate(0);
	/* After more than an hour it is another event. */
	observe(last + HOUR + 2 * MINUTE, 0.2);
	expect_rate(NAN);
	observe(last + HOUR + 3 * MINUTE, 0.2);
	expect_rate(12);
}

/* What is told by the ten minutes is a mean of ten minutes. */
static void a_long_interval_is_a_mean(void **state)
{
	(void)state;
	observe_dry(start, start + 2 * HOUR);
	expect_rate(0);
	observe(start + 2 * HOUR + 10 * MINUTE, 3);
	expect_rate(18);
	observe(start + 2 * HOUR + 10 * MINUTE + 10 * SECOND, 0.2);
	expect_rate(72);
}

static void after_a_gap_nobody_knows_the_intensity(void **state)
{
	(void)state;
	observe(start, 0.2);
	observe(start + MINUTE, 0.2);
	expect_rate(12);
	observe(start + 20 * MINUTE, 0);
	expect_rate(NAN);
	observe(start + 21 * MINUTE, 0.2);
	expect_rate(NAN);
	observe(start + 23 * MINUTE, 0.2);
	expect_rate(6);
	/* Dry for an hour, and watched. */
	observe(start + 3 * HOUR, 0);
	for (int i = 1; i < 6; i++) {
		observe(start + 3 * HOUR + i * 10 * MINUTE, 0);
		expect_rate(NAN);
	}
	observe(start + 4 * HOUR, 0);
	expect_rate(0);
}

/* Asked every ten seconds, a steady rain makes one tip or two. */
static void the_mean_of_a_minute_is_calmer(void **state)
{
	(void)state;
	int tips = 0;

	gauge.smooth_ms = MINUTE;
	for (int i = 1; i < 100; i++) {
		int64_t at = i * 10 * SECOND;
		int now = (int)(at / 7200); /* 100 mm/h */

		observe(start + at, (now - tips) * 0.2);
		tips = now;
		if (i > 10 && (rain_rate(&gauge) < 80 || rain_rate(&gauge) > 110))
			fail_msg("%g mm/h", rain_rate(&gauge));
	}
}

/* --- under-catch ---------------------------------------------------------------- */

static void expect_factor(
	const struct rain_config *config, double intensity, double factor)
{
	double got = catch_factor(config, intensity);

	if (fabs(got - factor) > 1e-4)
		fail_msg("at %g mm/h %g, not %g", intensity, got, factor);
}

static void the_turning_bucket_loses(void **state)
{
	(void)state;
	struct rain_config config = rain_defaults;

	expect_factor(&config, 175.2, 1);
	config.turn_time = 450;
	config.tip = 0.254;
	/* Duchon 2014: losses of 0.98 and 8.62 per cent. */
	expect_factor(&config, 19.9, 1 / (1 - 0.009793));
	expect_factor(&config, 175.2, 1 / (1 - 0.086220));
	expect_factor(&config, 0, 1);
	expect_factor(&config, 1e6, 2);
}

static void a_curve_is_interpolated(void **state)
{
	(void)state;
	static struct rain_catch rows[] = { { 10, 1 }, { 50, 1.02 }, { 150, 1.1 } };
	struct rain_config config = rain_defaults;

	config.undercatch = (struct option_list){ .items = rows, .count = 3 };
	expect_factor(&config, 0, 1);
	expect_factor(&config, 10, 1);
	expect_factor(&config, 30, 1.01);
	expect_factor(&config, 50, 1.02);
	expect_factor(&config, 100, 1.06);
	expect_factor(&config, 150, 1.1);
	expect_factor(&config, 900, 1.1);
}

static void tips_close_together_are_bounces(void **state)
{
	(void)state;
	observe(start, 0.2);
	assert_false(rain_is_bounce(&gauge, start)); /* off */
	gauge.config.bounce = 100;
	assert_true(rain_is_bounce(&gauge, start));
	assert_true(rain_is_bounce(&gauge, start + 99));
	assert_false(rain_is_bounce(&gauge, start + 100));
	observe(start + SECOND, 0.2);
	assert_true(rain_is_bounce(&gauge, start + 901)); /* a late one */
	assert_false(rain_is_bounce(&gauge, start + 900));
}

/* --- the clock -------------------------------------------------------------------- */

static void a_step_of_the_clock_changes_no_sum(void **state)
{
	(void)state;
	observe_dry(start, start + HOUR);
	observe(start + HOUR + MINUTE, 0.2);
	observe(start + HOUR + 2 * MINUTE, 0.2);
	for (int i = 0; i < 2; i++) {
		rain_shift(&gauge, i ? start + 100 * HOUR : start - 1,
			i ? -350 * HOUR : 400 * HOUR);
		assert_true(rain_sum(&gauge, W10M) == 0.4);
		assert_true(rain_is_complete(&gauge, W1H));
		expect_rate(12);
	}
	assert_int_equal(gauge.coverage.last_ms, start + 51 * HOUR + 2 * MINUTE);
	rain_forget(&gauge, start);
	assert_true(rain_sum(&gauge, W72H) == 0);
	expect_share(W10M, 0);
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

	rain_init(&other, NULL, 0);
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

	rain_init(&gauge, NULL, 6553.6);
	rain_init(&other, NULL, 6553.6);
	credit(start, 6553, COUNTER_BASELINE, 0);
	observe_dry(start, start + HOUR);
	observe(start + HOUR + 30 * MINUTE, 0.4);
	observe(start + HOUR + 36 * MINUTE, 0.4);
	credit(start + HOUR + 37 * MINUTE, 3000, COUNTER_HELD, 0);
	struct buffer bytes = saved_bytes(&gauge);
	assert_true(rain_load(&other, bytes.data, bytes.length));
	for (size_t w = 0; w < RAIN_SUMS; w++) {
		assert_true(rain_sum(&other, w) == rain_sum(&gauge, w));
		assert_true(rain_completeness(&other, w) == rain_completeness(&gauge, w));
	}
	assert_true(rain_completeness(&other, W3H) > 0.3);
	assert_true(rain_rate(&other) == 4);
	assert_true(other.counter.modulus == 6553.6); /* the configuration's */
	struct buffer again = saved_bytes(&other);
	assert_int_equal(again.length, bytes.length);
	assert_memory_equal(again.data, bytes.data, bytes.length);
	buffer_free(&again);
	buffer_free(&bytes);
	rain_free(&gauge);
	gauge = other;
	/* The odd reading was a corrupt one; then it runs over its end. */
	credit(start + HOUR + 38 * MINUTE, 6553.2, COUNTER_CORRUPT, 0.2);
	credit(start + HOUR + 39 * MINUTE, 0.2, COUNTER_WRAPPED, 0.6);
}

static void a_fresh_gauge_is_saved_too(void **state)
{
	(void)state;
	struct buffer bytes = saved_bytes(&gauge);

	credit(start, 5, COUNTER_BASELINE, 0);
	assert_true(rain_load(&gauge, bytes.data, bytes.length));
	credit(start, 7, COUNTER_BASELINE, 0);
	buffer_free(&bytes);
}

/* As version 0.1 wrote it. */
struct saved_1 {
	uint32_t version, has_total;
	double total;
	int64_t total_ms, covered_ms, last_ms;
	uint64_t count;
	struct rain_tip tips[2];
};

static void what_the_first_version_saved_is_loaded(void **state)
{
	(void)state;
	struct saved_1 old = { .version = 1,
		.has_total = 1,
		.total = 80.4,
		.total_ms = start + HOUR,
		.covered_ms = start,
		.last_ms = start + HOUR,
		.count = 2,
		.tips = { { start + 30 * MINUTE, 200000 },
			{ start + 55 * MINUTE, 400000 } } };

	assert_true(rain_load(&gauge, &old, sizeof old));
	assert_true(rain_sum(&gauge, W10M) == 0.4);
	assert_true(rain_sum(&gauge, W1H) == 0.6);
	assert_true(rain_is_complete(&gauge, W1H));
	expect_share(W3H, 1.0 / 3);
	credit(start + HOUR + MINUTE, 80.6, COUNTER_CREDITED, 0.2);
	observe(start + HOUR + MINUTE, 0.2);
	assert_true(rain_rate(&gauge) == 2); /* six minutes since the tip before */
	assert_false(rain_load(&gauge, &old, sizeof old - 1));
	assert_false(gauge.counter.has_total);
}

static void other_bytes_are_refused(void **state)
{
	(void)state;
	credit(start, 5, COUNTER_BASELINE, 0);
	for (int i = 0; i < 5; i++)
		observe(start + i * HOUR, 0.2);
	struct buffer bytes = saved_bytes(&gauge);
	for (size_t cut = 0; cut <= bytes.length; cut++) {
		char *exact = malloc(cut + 1);
		memcpy(exact, bytes.data, cut);
		exact[cut] = 0;
		assert_true(rain_load(&gauge, exact, cut) == (cut == bytes.length));
		if (cut < bytes.length) { /* as after rain_init() */
			assert_false(gauge.counter.has_total);
			assert_int_equal(gauge.count, 0);
			assert_int_equal(gauge.coverage.count, 0);
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
	assert_true(gauge.coverage.last_ms >= gauge.tips[gauge.count - 1].time_ms);
	for (size_t i = 1; i < gauge.count; i++)
		assert_true(gauge.tips[i - 1].time_ms <= gauge.tips[i].time_ms);
	assert_true(rain_sum(&gauge, W72H) == 7.5);
}

static void what_was_never_is_forgotten(void **state)
{
	(void)state;
	rain_init(&gauge, NULL, 100);
	credit(start + 900 * DAY, 10, COUNTER_BASELINE, 0);
	observe(start + 900 * DAY, 3);
	rain_forget(&gauge, start);
	credit(start + MINUTE, 11, COUNTER_CREDITED, 1);
	observe(start + MINUTE, 1);
	assert_true(rain_sum(&gauge, W72H) == 1);
	assert_true(gauge.counter.modulus == 100);
}

int main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(ten_tips_of_a_tenth_are_one),
		TEST(windows_are_what_their_metrics_say),
		TEST(a_window_begins_after_its_start),
		TEST(a_late_tip_is_put_in_its_place),
		TEST(a_window_is_complete_when_it_was_watched),
		TEST(nothing_is_complete_at_first),
		TEST(a_gap_makes_windows_incomplete),
		TEST(the_degree_is_known),
		TEST(a_window_needs_readings_as_close),
		TEST(what_is_lost_makes_incomplete),
		TEST(a_sum_stands_alone_when_it_is_no_lie),
		TEST(a_days_start_belongs_to_the_day_before),
		TEST(a_day_starts_when_it_is_told_to),
		TEST(a_day_has_its_completeness),
		TEST(a_day_has_its_end),
		TEST(the_time_between_tips_is_the_intensity),
		TEST(the_intensity_falls_when_no_tip_comes),
		TEST(a_long_interval_is_a_mean),
		TEST(after_a_gap_nobody_knows_the_intensity),
		TEST(the_mean_of_a_minute_is_calmer),
		TEST(the_turning_bucket_loses),
		TEST(a_curve_is_interpolated),
		TEST(tips_close_together_are_bounces),
		TEST(a_step_of_the_clock_changes_no_sum),
		TEST(any_tips_sum_up_as_if_added),
		TEST(what_is_saved_is_loaded),
		TEST(a_fresh_gauge_is_saved_too),
		TEST(what_the_first_version_saved_is_loaded),
		TEST(other_bytes_are_refused),
		TEST(there_is_an_end_of_tips),
		TEST(sums_go_on_over_a_step_forward),
		TEST(sums_go_on_over_a_step_back),
		TEST(only_what_was_observed_since_the_start_moves),
		TEST(what_was_never_is_forgotten),
	};

	return cmocka_run_group_tests_name("rain", tests, NULL, NULL);
}
