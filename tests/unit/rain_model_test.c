/*
 * Thirty days of rain by chance, told by a gauge with pauses, gaps, losses and late
 * readings, against a model that knows nothing but the list of what was told and adds up.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "derive/rain.h"
#include "tests/unit/chance.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

enum { TOLD_MAX = 60000 };

static const int64_t start = 1795348800000; /* 2026-11-22, 19:00 in Viet Nam */
static const int64_t gap = 15 * MINUTE;

/* What was told, in order of time. */
struct told {
	int64_t time_ms;
	int64_t tenths; /* mm */
	bool lost;      /* nothing is known of the time since the one before */
};

static struct told told[TOLD_MAX];
static size_t count;

static void add(int64_t time_ms, int64_t tenths, bool lost)
{
	size_t at = count++;

	assert_true(count < TOLD_MAX);
	for (; at > 0 && told[at - 1].time_ms > time_ms; at--)
		told[at] = told[at - 1];
	told[at] = (struct told){ time_ms, tenths, lost };
}

static int64_t window_start(size_t index, int64_t now_ms)
{
	int64_t day_ms;

	if (index != RAIN_DAY)
		return now_ms - rain_windows[index].length_ms;
	for (day_ms = start - DAY; day_ms + DAY < now_ms; day_ms += DAY)
		;
	return day_ms;
}

static int64_t common(int64_t a, int64_t b, int64_t from, int64_t to)
{
	int64_t low = a > from ? a : from, high = b < to ? b : to;

	return high > low ? high - low : 0;
}

static void expect_sums(const struct rain_gauge *gauge, int64_t now_ms)
{
	for (size_t w = 0; w < RAIN_SUMS; w++) {
		int64_t from_ms = window_start(w, now_ms), sum = 0, missed = 0;
		int64_t limit = rain_windows[w].length_ms;

		if (w == RAIN_DAY || limit > gap)
			limit = gap;
		for (size_t i = count; i > 0 && told[i - 1].time_ms > from_ms; i--) {
			const struct told *one = &told[i - 1];
			int64_t before = i > 1 ? told[i - 2].time_ms : INT64_MIN / 2;

			sum += one->tenths;
			if (one->lost || one->time_ms - before > limit)
				missed += common(before, one->time_ms, from_ms, now_ms);
		}
		double share = 1 - (double)missed / (double)(now_ms - from_ms);
		if (rain_sum(gauge, w) != (double)sum / 10 ||
			fabs(rain_completeness(gauge, w) - share) > 1e-12 ||
			rain_is_complete(gauge, w) != (missed == 0))
			fail_msg("seed %llu, window %zu, at %lld: %.17g mm to %.17g, not "
				 "%.17g to %.17g",
				(unsigned long long)chance_seed(), w,
				(long long)(now_ms - start), rain_sum(gauge, w),
				rain_completeness(gauge, w), (double)sum / 10, share);
	}
}

/* The model of rain_rate() without late ones: looks at the whole list each time. */
static double model_rate(void)
{
	const struct told *tips[3] = { NULL };
	int64_t now_ms = told[count - 1].time_ms, since_ms = told[0].time_ms,
		before_ms = 0;
	int64_t tip_nm = 100000; /* the smallest amount there is */

	for (size_t i = 1; i < count; i++)
		if (told[i].lost || told[i].time_ms - told[i - 1].time_ms > gap)
			since_ms = told[i].time_ms;
	for (size_t i = count; i > 0 && !tips[1]; i--) {
		if (told[i - 1].tenths == 0)
			continue;
		tips[tips[0] ? 1 : 0] = &told[i - 1];
		if (!tips[1])
			before_ms = i > 1 ? told[i - 2].time_ms : 0;
	}
	if (!tips[0] || tips[0]->time_ms < since_ms)
		return now_ms - since_ms >= HOUR ? 0 : NAN;
	if (now_ms - tips[0]->time_ms > HOUR)
		return 0;
	double nm = (double)tips[0]->tenths * 100000, ms;
	if (tips[1] && tips[0]->time_ms - tips[1]->time_ms <= HOUR &&
		tips[1]->time_ms >= since_ms)
		ms = (double)(tips[0]->time_ms - tips[1]->time_ms);
	else if (before_ms >= since_ms && tips[0]->time_ms - before_ms >= 5 * MINUTE)
		ms = (double)(tips[0]->time_ms - before_ms);
	else
		return NAN;
	double rate = nearbyint(nm / ms * 3.6 * 1000) / 1000;
	double elapsed = (double)(now_ms - tips[0]->time_ms);
	double most = elapsed > 0
		? nearbyint((double)tip_nm / elapsed * 3.6 * 1000) / 1000
		: INFINITY;
	return rate < most ? rate : most;
}

static void expect_rate(const struct rain_gauge *gauge)
{
	double got = rain_rate(gauge), model = model_rate();

	if (isnan(got) != isnan(model) || (!isnan(got) && fabs(got - model) > 0.0015))
		fail_msg("seed %llu, row %zu: %.17g mm/h, not %.17g",
			(unsigned long long)chance_seed(), count, got, model);
}

/* Dry, drizzle or downpour, for some time. */
static int64_t next_amount(struct chance *chance, int *weather)
{
	if (chance_below(chance, 60) == 0)
		*weather = (int)chance_below(chance, 3);
	if (*weather == 0)
		return 0;
	if (*weather == 1)
		return chance_below(chance, 5) == 0;
	return (int64_t)chance_below(chance, 60);
}

static int64_t next_step(struct chance *chance)
{
	if (chance_below(chance, 300) == 0)
		return chance_between(chance, 0, 20 * HOUR);
	if (chance_below(chance, 20) == 0)
		return chance_between(chance, 0, 30 * MINUTE);
	return chance_between(chance, 1, 3 * MINUTE);
}

static void put_away(struct rain_gauge *gauge)
{
	struct buffer bytes;

	buffer_init(&bytes, 8 << 20);
	rain_save(gauge, &bytes);
	assert_true(rain_load(gauge, bytes.data, bytes.length));
	buffer_free(&bytes);
}

static void thirty_days(bool late)
{
	struct chance chance = chance_begin();
	struct rain_gauge gauge;
	int64_t now_ms = start - 5 * HOUR;
	int weather = 1;

	rain_init(&gauge, NULL, 0);
	count = 0;
	add(now_ms, 1, false);
	assert_true(rain_observe(&gauge, now_ms, 0.1));
	while (now_ms < start + 30 * DAY) {
		int64_t tenths = next_amount(&chance, &weather), at;

		if (late && chance_below(&chance, 30) == 0) {
			at = now_ms - chance_between(&chance, 1, 5 * HOUR);
			/* Inside what is lost it tells nothing of the rest: left to
			 * coverage_test. */
			size_t i = 0;
			while (i < count && told[i].time_ms < at)
				i++;
			if (i == 0 || told[i].lost || told[i].time_ms == at)
				continue;
		} else {
			at = now_ms += next_step(&chance);
			bool lost = chance_below(&chance, 150) == 0;
			if (lost && at > told[count - 1].time_ms) {
				assert_true(rain_lose(&gauge, at));
				add(at, 0, true);
			}
		}
		if (at > told[count - 1].time_ms || at < now_ms)
			add(at, tenths, false);
		else
			told[count - 1].tenths += tenths;
		assert_true(rain_observe(&gauge, at, (double)tenths / 10));
		if (!late)
			expect_rate(&gauge);
		expect_sums(&gauge, now_ms);
		if (count % 100 == 0)
			put_away(&gauge);
	}
	assert_true(count > 4000);
	rain_free(&gauge);
}

static void sums_and_intensity(void **state)
{
	(void)state;
	thirty_days(false);
}

static void sums_with_late_ones(void **state)
{
	(void)state;
	thirty_days(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_and_intensity),
		cmocka_unit_test(sums_with_late_ones),
	};

	return cmocka_run_group_tests_name("rain_model", tests, NULL, NULL);
}
