/* The tests of QARTOD, with the vectors of ioos_qc. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/metric.h"
#include "core/reading.h"
#include "derive/quality.h"

enum { MINUTE = 60000, STEP = 15 * MINUTE };

static const int64_t start = 1795300000000;

static struct quality_config config_of(const char *metric)
{
	struct quality_config config;

	quality_defaults(&config, metric ? metric_find(metric) : NULL);
	return config;
}

static void worse_of_two(void **state)
{
	(void)state;
	assert_int_equal(quality_worse(FLAG_GOOD, FLAG_FAIL), FLAG_FAIL);
	assert_int_equal(quality_worse(FLAG_FAIL, FLAG_SUSPECT), FLAG_FAIL);
	assert_int_equal(quality_worse(FLAG_SUSPECT, FLAG_NOT_EVALUATED), FLAG_SUSPECT);
	assert_int_equal(
		quality_worse(FLAG_NOT_EVALUATED, FLAG_GOOD), FLAG_NOT_EVALUATED);
	assert_int_equal(quality_worse(FLAG_MISSING, FLAG_FAIL), FLAG_MISSING);
}

static void gross_range(void **state)
{
	(void)state;
	static const double values[] = { 5, 10, 15, 20, 25, 30, 35, 40, 45, 51 };
	static const uint8_t flags[] = { 4, 3, 3, 1, 1, 1, 1, 1, 3, 4 };
	struct quality_config config = config_of("pm25");

	config.min = 10;
	config.max = 50;
	config.suspect_min = 20;
	config.suspect_max = 40;
	for (size_t i = 0; i < sizeof flags; i++)
		assert_int_equal(quality_range(&config, values[i], values[i]), flags[i]);
	assert_int_equal(
		quality_range(&config, 50, 50), FLAG_SUSPECT); /* bounds are in */
}

static void the_metrics_own_range(void **state)
{
	(void)state;
	struct quality_config config = config_of("humidity");

	assert_int_equal(quality_range(&config, 0, 0), FLAG_GOOD);
	assert_int_equal(quality_range(&config, 100, 100), FLAG_GOOD);
	assert_int_equal(quality_range(&config, 100.1, 100.1), FLAG_FAIL);
	assert_int_equal(quality_range(&config, -0.1, -0.1), FLAG_FAIL);
	assert_int_equal(quality_range(&config, NAN, NAN), FLAG_FAIL);
	assert_int_equal(quality_range(&config, INFINITY, INFINITY), FLAG_FAIL);
	/* One end of it may be moved. */
	config.max = 105;
	assert_int_equal(quality_range(&config, 104, 104), FLAG_GOOD);
	assert_int_equal(quality_range(&config, -0.1, -0.1), FLAG_FAIL);

	config = config_of(NULL); /* nobody knows what it can be */
	assert_int_equal(quality_range(&config, 1e9, 1e9), FLAG_NOT_EVALUATED);
	assert_int_equal(quality_range(&config, -INFINITY, -INFINITY), FLAG_FAIL);
	config.max = 10;
	assert_int_equal(quality_range(&config, 9, 9), FLAG_GOOD);
	assert_int_equal(quality_range(&config, 11, 11), FLAG_FAIL);
}

/*
 * The vectors, where each value stands between its neighbours. The first and the last
 * have only one: not evaluated (2), so there is nothing to call. Live, a value is judged
 * when it arrives, against the two before it: a_spike_when_it_arrives().
 */
static void spike_in_the_middle(void **state)
{
	(void)state;
	static const double values[] = { 10, 12, 999.99, 13, 15, 40, 9, 9 };
	static const uint8_t flags[] = { 2, 4, 4, 4, 1, 3, 1, 2 };
	static const double calm[] = { -100, -99, -99, -98 };
	static const uint8_t calm_flags[] = { 2, 1, 1, 2 };
	struct quality_config config = config_of(NULL);

	config.spike = 25;
	config.spike_fail = 50;
	for (size_t i = 1; i + 1 < sizeof flags; i++)
		assert_int_equal(
			quality_spike(&config, values[i - 1], values[i], values[i + 1]),
			flags[i]);
	for (size_t i = 1; i + 1 < sizeof calm_flags; i++)
		assert_int_equal(
			quality_spike(&config, calm[i - 1], calm[i], calm[i + 1]),
			calm_flags[i]);
	assert_int_equal(quality_spike(&config, 0, 25, 0), FLAG_GOOD); /* not above it */
	assert_int_equal(quality_spike(&config, 0, -25.1, 0), FLAG_SUSPECT);
	config = config_of(NULL);
	assert_int_equal(quality_spike(&config, 0, 1e9, 0), FLAG_GOOD); /* no limit */
}

/* A run of values by one test, STEP apart; NAN: no value came. */
static void judge_all(const struct quality_config *config, const double *values,
	const uint8_t *flags, size_t count)
{
	struct quality_state state = { 0 };

	for (size_t i = 0; i < count; i++) {
		if (isnan(values[i]))
			continue;
		uint8_t flag = quality_judge(
			config, &state, start + (int64_t)i * STEP, values[i], values[i]);
		if (flag != flags[i])
			fail_msg("value %zu (%g): flag %d, not %d", i, values[i], flag,
				flags[i]);
	}
}

static void rate_of_change(void **state)
{
	(void)state;
	static const double values[] = { 2, 10, 2.1, 3, 4, 5, 7, 10, 0, 2, 2.2, 2, 1, 2,
		3, 90, 91, 92, 93, 1, 2, 3, 4, 5 };
	static const uint8_t flags[] = { 1, 3, 3, 1, 1, 1, 1, 1, 3, 1, 1, 1, 1, 1, 1, 3,
		1, 1, 1, 3, 1, 1, 1, 1 };
	static const double gaps[] = { 2, 10, 2, 3, NAN, NAN, 7, 10 };
	struct quality_config config = config_of("pm25");

	config.rate = 5.0 / 15;
	judge_all(&config, values, flags, sizeof flags);
	judge_all(&config, gaps, (uint8_t[]){ 1, 3, 3, 1, 9, 9, 1, 1 }, 8);

	assert_int_equal(quality_rate(&config, 0, 5, STEP), FLAG_GOOD);
	assert_int_equal(quality_rate(&config, 5, -0.1, STEP), FLAG_SUSPECT);
	assert_int_equal(quality_rate(&config, 0, 1000, 0), FLAG_GOOD); /* no time */
	assert_int_equal(quality_rate(&config, 0, 1000, -STEP), FLAG_GOOD);
}

static void flat_line(void **state)
{
	(void)state;
	static const double values[] = { 1, 2, 2.0001, 2, 2.0001, 2, 2.0001, 2, 4, 5, 3,
		3.0001, 3.0005, 3.00001 };
	static const uint8_t flags[] = { 1, 1, 1, 1, 3, 3, 4, 4, 1, 1, 1, 1, 1, 3 };
	struct quality_config config = config_of("pm25");

	config.flat_tolerance = 0.01;
	config.flat_suspect = 3000 * 1000;
	config.flat_fail = 4800 * 1000;
	judge_all(&config, values, flags, sizeof flags);
	/* A slow drift is no flat line, though each step is small. */
	static const double drift[] = { 1, 1.004, 1.008, 1.012, 1.016, 1.02, 1.024 };
	judge_all(&config, drift, (uint8_t[]){ 1, 1, 1, 1, 1, 1, 1 }, 7);
}

static void a_spike_when_it_arrives(void **state)
{
	(void)state;
	struct quality_config config = config_of("pm25");
	struct quality_state series = { 0 };

	config.spike = 25;
	config.spike_fail = 50;
	assert_int_equal(quality_judge(&config, &series, start, 900, 900), FLAG_GOOD);
	assert_int_equal(
		quality_judge(&config, &series, start + 1000, 10, 10), FLAG_GOOD);
	/* Against the mean of 900 and 10. */
	assert_int_equal(
		quality_judge(&config, &series, start + 2000, 455, 455), FLAG_GOOD);
	assert_int_equal(
		quality_judge(&config, &series, start + 3000, 300, 300), FLAG_FAIL);
	assert_int_equal(
		quality_judge(&config, &series, start + 4000, 347, 347), FLAG_SUSPECT);
}

/*
 * The same vector as it comes in. The peak is told at once; what follows it is measured
 * against it twice more, where QARTOD's middle value blames the neighbours on both sides.
 * The first two have nothing before them, and no test has anything against them: good.
 */
static void the_spike_vector_as_it_arrives(void **state)
{
	(void)state;
	static const double values[] = { 10, 12, 999.99, 13, 15, 40, 9, 9 };
	static const uint8_t flags[] = { 1, 1, 4, 4, 4, 3, 1, 1 };
	static const double calm[] = { -100, -99, -99, -98 };
	struct quality_config config = config_of(NULL);

	config.min = -1000;
	config.max = 1000;
	config.spike = 25;
	config.spike_fail = 50;
	judge_all(&config, values, flags, sizeof flags);
	judge_all(&config, calm, (uint8_t[]){ 1, 1, 1, 1 }, 4);
}

static void what_the_instrument_said_and_what_it_means(void **state)
{
	(void)state;
	struct quality_config config = config_of("pm25"); /* 0 to 1000 */

	config.suspect_max = 300;
	assert_int_equal(quality_range(&config, 400, 200), FLAG_GOOD);
	assert_int_equal(quality_range(&config, 200, 400), FLAG_SUSPECT);
	/* Beyond its span it fails, whatever a correction makes of it … */
	assert_int_equal(quality_range(&config, 1001, 200), FLAG_FAIL);
	assert_int_equal(quality_range(&config, NAN, 200), FLAG_FAIL);
	/* … and what only the correction took out of it is doubtful. */
	assert_int_equal(quality_range(&config, 1, -0.5), FLAG_SUSPECT);
	assert_int_equal(quality_range(&config, 1, INFINITY), FLAG_FAIL);
	/* Change and flat lines are those of the corrected values. */
	struct quality_state series = { 0 };
	config.rate = 10;
	assert_int_equal(quality_judge(&config, &series, start, 10, 10), FLAG_GOOD);
	assert_int_equal(
		quality_judge(&config, &series, start + MINUTE, 90, 15), FLAG_GOOD);
	assert_int_equal(quality_judge(&config, &series, start + 2 * MINUTE, 90, 35),
		FLAG_SUSPECT);
}

static uint8_t beside(const struct quality_config *config, double value,
	const double *others, size_t count)
{
	double copy[8];

	for (size_t i = 0; i < count; i++)
		copy[i] = others[i];
	return quality_neighbours(config, value, copy, count);
}

static void of_two_that_differ_both_are_suspect(void **state)
{
	(void)state;
	struct quality_config config = config_of("pm25");

	assert_int_equal(beside(&config, 0, (double[]){ 1e9 }, 1), FLAG_GOOD);
	config.neighbour = 10;
	assert_int_equal(beside(&config, 30, (double[]){ 40 }, 1), FLAG_GOOD);
	assert_int_equal(beside(&config, 30, (double[]){ 40.1 }, 1), FLAG_SUSPECT);
	assert_int_equal(beside(&config, 40.1, (double[]){ 30 }, 1), FLAG_SUSPECT);
	config.neighbour = NAN;
	config.neighbour_ratio = 0.5; /* of the mean: 100 and 60 differ by half of 80 */
	assert_int_equal(beside(&config, 100, (double[]){ 60 }, 1), FLAG_GOOD);
	assert_int_equal(beside(&config, 100, (double[]){ 59 }, 1), FLAG_SUSPECT);
	/* With both, both: little dust differs by much, and much dust by many µg. */
	config.neighbour = 10;
	assert_int_equal(beside(&config, 9, (double[]){ 1 }, 1), FLAG_GOOD);
	assert_int_equal(beside(&config, 200, (double[]){ 150 }, 1), FLAG_GOOD);
	assert_int_equal(beside(&config, 200, (double[]){ 100 }, 1), FLAG_SUSPECT);
}

static void of_three_the_one_that_stands_apart_is(void **state)
{
	(void)state;
	struct quality_config config = config_of("pm25");

	config.neighbour = 10;
	assert_int_equal(beside(&config, 80, (double[]){ 30, 35 }, 2), FLAG_SUSPECT);
	assert_int_equal(beside(&config, 30, (double[]){ 80, 35 }, 2), FLAG_GOOD);
	assert_int_equal(beside(&config, 35, (double[]){ 30, 80 }, 2), FLAG_GOOD);
	assert_int_equal(beside(&config, 5, (double[]){ 80, 30 }, 2), FLAG_SUSPECT);
	/* Four: the median lies between two. */
	assert_int_equal(beside(&config, 40, (double[]){ 20, 90, 30 }, 3), FLAG_GOOD);
	assert_int_equal(beside(&config, 20, (double[]){ 40, 30, 90 }, 3), FLAG_SUSPECT);
	assert_int_equal(beside(&config, 90, (double[]){ 40, 30, 20 }, 3), FLAG_SUSPECT);
	assert_int_equal(beside(&config, 30, (double[]){ 40, 90, 20 }, 3), FLAG_GOOD);
	/* Five: 33 of 10 20 33 34 99. */
	assert_int_equal(
		beside(&config, 20, (double[]){ 99, 10, 34, 33 }, 4), FLAG_SUSPECT);
	assert_int_equal(beside(&config, 34, (double[]){ 99, 10, 20, 33 }, 4), FLAG_GOOD);
}

static void what_comes_back_settles(void **state)
{
	(void)state;
	struct quality_settling one = { 0 };
	int64_t settle = 30 * 1000, gap = 5 * MINUTE, t = start;

	/* Never heard before: nobody knows how long it has been on. */
	assert_true(quality_settles(&one, settle, gap, t, false));
	assert_true(quality_settles(&one, settle, gap, t + 29999, false));
	assert_false(quality_settles(&one, settle, gap, t + 30000, false));
	/* A silence of the gap is none, a longer one is. */
	t += 30000 + gap;
	assert_false(quality_settles(&one, settle, gap, t, false));
	t += gap + 1;
	assert_true(quality_settles(&one, settle, gap, t, false));
	/* Late news of before is not settling, and changes nothing. */
	assert_false(quality_settles(&one, settle, gap, t - MINUTE, false));
	assert_true(quality_settles(&one, settle, gap, t + 29000, false));
	assert_false(quality_settles(&one, settle, gap, t + 31000, false));
	/* The port was lost, however short that was. */
	assert_true(quality_settles(&one, settle, gap, t + 32000, true));
	assert_true(quality_settles(&one, settle, gap, t + 61000, false));
	assert_false(quality_settles(&one, settle, gap, t + 62000, false));
	/* The clock is set two hours on: it is no silence, and the settling goes on. */
	assert_true(quality_settles(&one, settle, gap, t + 70000, true));
	quality_settling_shift(&one, start, 120 * MINUTE);
	t += 120 * MINUTE;
	assert_true(quality_settles(&one, settle, gap, t + 99000, false));
	assert_false(quality_settles(&one, settle, gap, t + 100000, false));
	/* One that need not settle does not. */
	struct quality_settling other = { 0 };
	assert_false(quality_settles(&other, 0, gap, start, true));
}

static void after_a_gap_everything_begins_anew(void **state)
{
	(void)state;
	struct quality_config config = config_of("pm25");
	struct quality_state series = { 0 };
	int64_t gap = 60 * MINUTE;

	config.rate = 1;
	assert_int_equal(quality_judge(&config, &series, start, 0, 0), FLAG_GOOD);
	/* An hour is no gap, more is. */
	assert_int_equal(
		quality_judge(&config, &series, start + gap, 100, 100), FLAG_SUSPECT);
	assert_int_equal(quality_judge(&config, &series, start + 2 * gap + 1, 500, 500),
		FLAG_GOOD);
	assert_int_equal(series.count, 1);
}

static void late_values_and_no_numbers_teach_nothing(void **state)
{
	(void)state;
	struct quality_config config = config_of("pm25");
	struct quality_state series = { 0 };

	config.rate = 1;
	assert_int_equal(quality_judge(&config, &series, start, 10, 10), FLAG_GOOD);
	assert_int_equal(
		quality_judge(&config, &series, start - MINUTE, 500, 500), FLAG_GOOD);
	assert_int_equal(
		quality_judge(&config, &series, start - MINUTE, 5000, 5000), FLAG_FAIL);
	assert_int_equal(
		quality_judge(&config, &series, start + 1000, NAN, NAN), FLAG_FAIL);
	assert_int_equal(series.count, 1);
	assert_true(series.values[0] == 10);
	assert_int_equal(
		quality_judge(&config, &series, start + MINUTE, 11, 11), FLAG_GOOD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(worse_of_two),
		cmocka_unit_test(gross_range),
		cmocka_unit_test(the_metrics_own_range),
		cmocka_unit_test(spike_in_the_middle),
		cmocka_unit_test(rate_of_change),
		cmocka_unit_test(flat_line),
		cmocka_unit_test(a_spike_when_it_arrives),
		cmocka_unit_test(the_spike_vector_as_it_arrives),
		cmocka_unit_test(what_the_instrument_said_and_what_it_means),
		cmocka_unit_test(of_two_that_differ_both_are_suspect),
		cmocka_unit_test(of_three_the_one_that_stands_apart_is),
		cmocka_unit_test(what_comes_back_settles),
		cmocka_unit_test(after_a_gap_everything_begins_anew),
		cmocka_unit_test(late_values_and_no_numbers_teach_nothing),
	};

	return cmocka_run_group_tests_name("quality", tests, NULL, NULL);
}
