/* A rain counter: rain, wrap, reset, jump and corrupt read told apart. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "derive/counter.h"
#include "tests/unit/chance.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)

static const int64_t start = 1795300000000;

static struct counter counter;

static int begin(void **state)
{
	(void)state;
	counter_init(&counter, 0, 1000, 15 * MINUTE);
	return 0;
}

/* The verdict of TOTAL and what it credits. */
static struct counter_step expect(
	int64_t after_ms, double total, enum counter_verdict verdict, double increment)
{
	struct counter_step step = counter_take(&counter, start + after_ms, total);

	if (step.verdict != verdict || step.increment != increment)
		fail_msg("%g: verdict %d, %.17g is credited, not %d, %.17g", total,
			step.verdict, step.increment, verdict, increment);
	return step;
}

static void the_first_reading_credits_nothing(void **state)
{
	(void)state;
	expect(0, 512.4, COUNTER_BASELINE, 0);
	expect(MINUTE, 512.4, COUNTER_CREDITED, 0);
	expect(2 * MINUTE, 512.6, COUNTER_CREDITED, 0.2);
	/* As if it were counted in decimals. */
	expect(3 * MINUTE, 512.9, COUNTER_CREDITED, 0.3);
	expect(4 * MINUTE, 513.0, COUNTER_CREDITED, 0.1);
}

static void what_can_fall(void **state)
{
	(void)state;
	expect(0, 10, COUNTER_BASELINE, 0);
	/* 1000 mm/h and 5 mm besides: 1.2 minutes bring 20 mm. */
	expect(72 * SECOND, 35, COUNTER_CREDITED, 25);
	expect(144 * SECOND, 60.1, COUNTER_HELD, 0);
	expect(144 * SECOND, 35, COUNTER_CORRUPT, 0);
	/* At one time, or with a clock set back, a bucket may still tip. */
	expect(144 * SECOND, 40, COUNTER_CREDITED, 5);
	expect(143 * SECOND, 45.1, COUNTER_HELD, 0);
	expect(143 * SECOND, 40, COUNTER_CORRUPT, 0);
	/* After a day without news much may have fallen. */
	expect(24 * HOUR, 540, COUNTER_CREDITED, 500);
	counter.max_intensity = 100;
	expect(25 * HOUR, 645.1, COUNTER_HELD, 0);
}

/* The next reading tells. */
static void a_reset_is_believed_when_it_goes_on(void **state)
{
	(void)state;
	expect(0, 80, COUNTER_BASELINE, 0);
	expect(MINUTE, 0, COUNTER_HELD, 0);
	struct counter_step step = expect(2 * MINUTE, 0.2, COUNTER_RESET, 0.2);
	assert_int_equal(step.lost_ms, 0);
	assert_int_equal(step.watched_ms, start + MINUTE);
	expect(3 * MINUTE, 0.6, COUNTER_CREDITED, 0.4);
	/* What fell between the reset and the first reading is on it. */
	expect(4 * MINUTE, 0.4, COUNTER_HELD, 0);
	expect(5 * MINUTE, 0.4, COUNTER_RESET, 0.4);
}

/* A counter that may have been set to anything tells nothing of what fell before. */
static void a_reset_to_somewhere_loses(void **state)
{
	(void)state;
	expect(0, 80, COUNTER_BASELINE, 0);
	/* 17 mm could not fall in a minute without the 5 besides. */
	expect(MINUTE, 17, COUNTER_HELD, 0);
	struct counter_step step = expect(2 * MINUTE, 17.2, COUNTER_RESET, 0.2);
	assert_int_equal(step.lost_ms, start + MINUTE);
	assert_int_equal(step.watched_ms, 0);
	/* Nor does one that was not asked for an hour. */
	expect(62 * MINUTE, 3, COUNTER_HELD, 0);
	step = expect(63 * MINUTE, 3, COUNTER_RESET, 0);
	assert_int_equal(step.lost_ms, start + 62 * MINUTE);
}

static void a_corrupt_read_means_nothing(void **state)
{
	(void)state;
	static const double wrong[] = { 0, 0.1, 79.8, 500, 1e6 };

	expect(0, 80, COUNTER_BASELINE, 0);
	for (int i = 0; i < 5; i++) {
		expect((2 * i + 1) * MINUTE, wrong[i], COUNTER_HELD, 0);
		expect((2 * i + 2) * MINUTE, 80.2 + i * 0.2, COUNTER_CORRUPT, 0.2);
	}
	/* Two different ones in a row are two corrupt ones. */
	expect(11 * MINUTE, 4000, COUNTER_HELD, 0);
	expect(12 * MINUTE, 3, COUNTER_HELD, 0);
	expect(13 * MINUTE, 81.2, COUNTER_CORRUPT, 0.2);
	/* One before a reset does not hide it. */
	expect(14 * MINUTE, 4000, COUNTER_HELD, 0);
	expect(15 * MINUTE, 0.2, COUNTER_HELD, 0);
	expect(16 * MINUTE, 0.4, COUNTER_RESET, 0.4);
}

static void a_jump_is_not_rain(void **state)
{
	(void)state;
	expect(0, 10, COUNTER_BASELINE, 0);
	expect(SECOND, 110, COUNTER_HELD, 0);
	struct counter_step step = expect(2 * SECOND, 110.2, COUNTER_JUMPED, 0.2);
	assert_true(step.refused == 100);
	assert_int_equal(step.lost_ms, start + SECOND);
	expect(3 * SECOND, 110.4, COUNTER_CREDITED, 0.2);
	/* Not either when so much time has gone by that it might have been. */
	expect(4 * SECOND, 160, COUNTER_HELD, 0);
	step = expect(2 * HOUR, 160.2, COUNTER_JUMPED, 0.2);
	assert_true(step.refused == 49.6);
}

static void a_counter_that_runs_over_its_end(void **state)
{
	(void)state;
	counter.modulus = 6553.6;
	expect(0, 6553.2, COUNTER_BASELINE, 0);
	expect(MINUTE, 0.4, COUNTER_WRAPPED, 0.8);
	expect(2 * MINUTE, 0.6, COUNTER_CREDITED, 0.2);
	/* From the lower half it is a reset. */
	expect(3 * MINUTE, 0.2, COUNTER_HELD, 0);
	expect(4 * MINUTE, 0.2, COUNTER_RESET, 0.2);
	/* So is what would be too much on the way round, or does not lead into the lower
	 * half. */
	expect(5 * MINUTE, 6500, COUNTER_HELD, 0);
	expect(6 * MINUTE, 6500, COUNTER_JUMPED, 0);
	expect(7 * MINUTE, 0, COUNTER_HELD, 0);
	expect(8 * MINUTE, 6499, COUNTER_HELD, 0);
	expect(9 * MINUTE, 6499, COUNTER_RESET, 0);
	/* Over its end behind a corrupt read. */
	expect(10 * MINUTE, 6553.4, COUNTER_HELD, 0);
	expect(11 * MINUTE, 6553.4, COUNTER_JUMPED, 0);
	expect(12 * MINUTE, 3000, COUNTER_HELD, 0);
	expect(13 * MINUTE, 0.2, COUNTER_CORRUPT, 0.4);

	/* Without a known end, and with a wrong one, it is a reset. */
	counter_init(&counter, 0, 1000, 15 * MINUTE);
	expect(0, 6553.2, COUNTER_BASELINE, 0);
	expect(MINUTE, 0.4, COUNTER_HELD, 0);
	expect(2 * MINUTE, 0.6, COUNTER_RESET, 0.6);
	counter_init(&counter, 100, 1000, 15 * MINUTE);
	expect(0, 250, COUNTER_BASELINE, 0);
	expect(MINUTE, 10, COUNTER_HELD, 0);
	expect(2 * MINUTE, 10, COUNTER_RESET, 10);
}

static void a_shifted_counter_goes_on(void **state)
{
	(void)state;
	expect(0, 80, COUNTER_BASELINE, 0);
	expect(MINUTE, 0, COUNTER_HELD, 0);
	counter_shift(&counter, start - 1, HOUR);
	struct counter_step step = expect(HOUR + 2 * MINUTE, 0.2, COUNTER_RESET, 0.2);
	assert_int_equal(step.watched_ms, start + HOUR + MINUTE);
	/* What is older than the clock's error stays. */
	counter_shift(&counter, start + 2 * HOUR, HOUR);
	assert_int_equal(counter.total_ms, start + HOUR + 2 * MINUTE);
}

/*
 * A gauge that counts tips of 0.2 mm, wraps and is reset, read over a line that now and
 * then makes nonsense of a single reading: all that fell is credited, and nothing else.
 */
static void nothing_is_credited_twice_or_lost(void **state)
{
	(void)state;
	struct chance chance = chance_begin();
	int64_t fallen = 0, tips = 25, sure = 0;
	double credited = 0;
	bool was_odd = false;

	counter.modulus = 40;
	expect(0, 5, COUNTER_BASELINE, 0);
	for (int i = 1; i < 200000; i++) {
		int64_t more = (int64_t)chance_below(&chance, 4);
		double total;

		fallen += more;
		tips = (tips + more) % 200;
		/* A reset only where it is none of the doubtful: not near an end. */
		if (!was_odd && tips > 60 && tips < 90 && chance_below(&chance, 50) == 0)
			tips = more; /* all of it fell since */
		total = (double)tips / 5;
		/* Never two in a row, and not where it could be taken for rain. */
		was_odd = !was_odd && sure > 2 && tips > 10 && tips < 150 &&
			chance_below(&chance, 9) == 0;
		if (was_odd)
			total += chance_below(&chance, 2) ? 1000 : -1;
		struct counter_step step =
			counter_take(&counter, start + i * 10 * SECOND, total);
		sure = step.verdict == COUNTER_CREDITED ? sure + 1 : 0;
		credited += step.increment;
		assert_int_not_equal(step.verdict, COUNTER_BASELINE);
		if (step.verdict == COUNTER_JUMPED)
			fail_msg("seed %llu: a jump, reading %d",
				(unsigned long long)chance_seed(), i);
		if (step.verdict != COUNTER_HELD && llround(credited * 5) != fallen)
			fail_msg("seed %llu: reading %d: %g mm of %g",
				(unsigned long long)chance_seed(), i, credited,
				(double)fallen / 5);
	}
}

int main(void)
{
#define TEST(NAME) cmocka_unit_test_setup(NAME, begin)
	const struct CMUnitTest tests[] = {
		TEST(the_first_reading_credits_nothing),
		TEST(what_can_fall),
		TEST(a_reset_is_believed_when_it_goes_on),
		TEST(a_reset_to_somewhere_loses),
		TEST(a_corrupt_read_means_nothing),
		TEST(a_jump_is_not_rain),
		TEST(a_counter_that_runs_over_its_end),
		TEST(a_shifted_counter_goes_on),
		TEST(nothing_is_credited_twice_or_lost),
	};

	return cmocka_run_group_tests_name("counter", tests, NULL, NULL);
}
