/*
 * Thirty days on a roof without a clock battery: 1970 at first, NTP after five hours, the
 * clock set by an hour forward and back at all the wrong moments, over the turn of the
 * year. What fell must be what was said to have fallen, by the time that really passed.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "derive/rain.h"
#include "store/aggregates.h"
#include "store/reports.h"
#include "store/state.h"
#include "tests/unit/chance.h"
#include "tests/unit/temp_recorder.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

enum { GAUGE, DUST, SENSORS };

enum {
	HOURS = 32 * 24,       /* from a day before the start on */
	EVERY = 60 * 1000,     /* the gauge is read */
	ROUNDS = 30 * 24 * 60, /* in thirty days */
	UNSET = 5 * 60,        /* without a clock */
};

static const int64_t new_year = 1798736400000; /* 2027-01-01T00:00:00+07:00 */
static const int64_t true_start = 1798736400000 - 20 * DAY;

/* When the clock is set, and how far it is wrong from then on. */
static const struct {
	int64_t at_ms, wrong_ms;
} settings[] = {
	{ 5 * HOUR, 0 },                  /* NTP, at last */
	{ 3 * DAY, HOUR },                /* somebody meant the zone */
	{ 4 * DAY + 20 * MINUTE, 0 },     /* and somebody noticed */
	{ 9 * DAY - 40 * MINUTE, -HOUR }, /* over the end of a day, and back */
	{ 9 * DAY + 10 * MINUTE, 0 },
	{ 20 * DAY - 30 * MINUTE, HOUR },  /* the new year comes early … */
	{ 20 * DAY + 15 * MINUTE, 0 },     /* … and comes again */
	{ 20 * DAY + 50 * MINUTE, -HOUR }, /* … and again */
	{ 20 * DAY + 70 * MINUTE, 0 },
	{ 25 * DAY, 7 * HOUR },    /* local time for UTC */
	{ 26 * DAY, -3 * SECOND }, /* hardly worth a step */
	{ 27 * DAY, 0 },
};

/* The model: by the time that passed. nm, as the gauge counts. */
static int64_t fallen[ROUNDS + 1]; /* before round i, all in all */

static void let_it_rain(void)
{
	struct chance chance = chance_begin();
	int64_t total = 0;
	bool raining = false;

	for (int i = 0; i < ROUNDS; i++) {
		if (chance_below(&chance, raining ? 100 : 1000) == 0)
			raining = !raining;
		/* The first reading is where counting begins. */
		if (i > 0 && raining && chance_below(&chance, 3) == 0)
			total += 200000 * (int64_t)(1 + chance_below(&chance, 3));
		fallen[i + 1] = total;
	}
}

static void set_the_clock(int64_t passed_ms)
{
	for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
		if (settings[i].at_ms == passed_ms)
			rig_set(true_start + passed_ms + settings[i].wrong_ms);
}

static void live_through_it(void)
{
	rig.config.store.commit_every = 1;
	rig_boot("a", 10 * SECOND);
	rig_start();
	for (int i = 0; i < ROUNDS; i++) {
		set_the_clock((int64_t)i * EVERY);
		/* The process is not always there, either. */
		if (i % (ROUNDS / 7) == ROUNDS / 14) {
			rig_stop();
			rig_start();
		}
		rig_push("gauge", METRIC_RAIN_TOTAL, 1000 + (double)fallen[i + 1] / 1e6);
		if (i % 2 == 0)
			rig_push("dust", METRIC_PM25, i % 500);
		rig_pass(EVERY);
		/* Far behind the clock, all hours would be made again and again. */
		if (i % 40 == 0)
			rig_catch_up();
	}
	rig_stop();
}

/* --- what became of it -------------------------------------------------------- */

struct looking {
	int rounds, dust;
	double credited;
	int said[RAIN_WINDOWS];
	int days; /* reports of a day that is over */
	/* By the hours that the stored times lie in. */
	int counts[SENSORS][HOURS];
};

static void count_in_hour(struct looking *looking, int sensor, int64_t time_ms)
{
	int64_t hour = (aggregate_hour_end(time_ms) - true_start) / HOUR + 24;

	assert_in_range(hour, 0, HOURS - 1);
	looking->counts[sensor][hour]++;
}

static void check_sum(struct looking *looking, const struct reading *reading, size_t w)
{
	int round = looking->rounds;
	int64_t length = rain_windows[w].length_ms / EVERY;
	/* (t − n, t]: what the first reading in the window tells fell before it. */
	int64_t before = round - length < 0 ? 0 : fallen[round - length + 1];
	int64_t wanted = fallen[round + 1] - before;

	if (llround(reading->value * 1e6) != wanted)
		fail_msg("round %d, window %zu: %g, not %g", round, w, reading->value,
			(double)wanted / 1e6);
	bool complete = round >= length;
	if ((reading->flag == FLAG_GOOD) != complete)
		fail_msg("round %d, window %zu: flag %d", round, w, reading->flag);
	looking->said[w]++;
}

static bool look(void *arg, const struct stored_report *stored)
{
	struct looking *looking = arg;
	const struct report *report = &stored->report;
	const struct reading *rain = report_find(report, METRIC_RAIN);

	if (strcmp(report->sensor, "dust") == 0) {
		assert_true(report->readings[0].value == looking->dust * 2 % 500);
		looking->dust++;
		count_in_hour(looking, DUST, report->time_ms);
		return true;
	}
	if (!report_find(report, METRIC_RAIN_TOTAL)) {
		looking->days++;
		return true;
	}
	count_in_hour(looking, GAUGE, report->time_ms);
	int round = looking->rounds;
	assert_true(report->readings[0].value == 1000 + (double)fallen[round + 1] / 1e6);
	assert_int_equal(report->marks, round < UNSET ? REPORT_BACKFILLED : 0);
	assert_true(report_time_is_possible(report));
	if (round > 0) {
		assert_non_null(rain);
		assert_int_equal(rain->flag, FLAG_GOOD);
		assert_int_equal(
			llround(rain->value * 1e6), fallen[round + 1] - fallen[round]);
		looking->credited += rain->value;
	}
	for (size_t w = 0; w < RAIN_WINDOWS; w++) {
		const struct reading *sum = report_find(report, rain_windows[w].metric);
		if (sum)
			check_sum(looking, sum, w);
	}
	looking->rounds++;
	return true;
}

/* The time that each report should have: by the clock of its time, or put right. */
static bool check_time(void *arg, const struct stored_report *stored)
{
	int *round = arg;
	int64_t passed_ms = (int64_t)*round * EVERY, wrong_ms = 0;

	if (!report_find(&stored->report, METRIC_RAIN_TOTAL))
		return true;
	for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
		if (settings[i].at_ms <= passed_ms)
			wrong_ms = settings[i].wrong_ms;
	int64_t away_ms = stored->report.time_ms - true_start - passed_ms;
	/*
	 * What was in the ring when the clock was set has the new time already. And the
	 * recorder does not follow where the clock is set again before it has looked.
	 */
	if (away_ms != wrong_ms) {
		bool near = false;
		for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
			near |= away_ms == settings[i].wrong_ms;
		assert_true(near);
	}
	(*round)++;
	return true;
}

static bool check_hour(void *arg, const struct aggregate *aggregate)
{
	int *counts = arg;
	int64_t hour = (aggregate->end_ms - true_start) / HOUR + 24;

	assert_in_range(hour, 0, HOURS - 1);
	assert_int_equal(aggregate->count, counts[hour]);
	counts[hour] = 0;
	return true;
}

/* Does each hour that is over hold what has its times, once? */
static void check_hours(int *counts, const char *sensor, uint16_t metric)
{
	int64_t over_ms = store_mark(rig.reader, STORE_HOURS_MS);
	int64_t last = (over_ms - true_start) / HOUR + 24;

	aggregates_scan(rig.reader, AGGREGATE_HOUR, "S", sensor, metric, 0,
		true_start + 100 * DAY, check_hour, counts);
	assert_true(over_ms > true_start + 29 * DAY);
	for (int64_t hour = 0; hour <= last; hour++)
		assert_int_equal(counts[hour], 0);
}

/* WHAT of all minutes of METRIC. */
static double minutes(const char *what, int metric)
{
	char sql[200];

	snprintf(sql, sizeof sql, "SELECT sum(%s) FROM minute WHERE metric=%d", what,
		metric);
	return temp_number(rig.reader, sql);
}

static void thirty_days(void **state)
{
	(void)state;
	static struct looking looking;
	int round = 0;

	let_it_rain();
	live_through_it();
	assert_true(fallen[ROUNDS] > INT64_C(500) * 1000000); /* mm */
	int count = store_scan(rig.reader, 0, INT32_MAX, look, &looking);
	assert_int_equal(count, ROUNDS + ROUNDS / 2 + looking.days);
	assert_int_equal(looking.rounds, ROUNDS);
	assert_int_equal(looking.dust, ROUNDS / 2);
	assert_int_equal(llround(looking.credited * 1e6), fallen[ROUNDS]);
	for (size_t w = 0; w < RAIN_WINDOWS; w++)
		assert_true(looking.said[w] >= ROUNDS - 10);
	store_scan(rig.reader, 0, INT32_MAX, check_time, &round);

	assert_true(temp_number(rig.reader, "SELECT count(*) FROM undated") == 0);
	check_hours(looking.counts[DUST], "dust", METRIC_PM25);
	check_hours(looking.counts[GAUGE], "gauge", METRIC_RAIN_TOTAL);
	assert_true(minutes("count", METRIC_PM25) == ROUNDS / 2);
	assert_true(minutes("count", METRIC_RAIN_TOTAL) == ROUNDS);
	assert_int_equal(llround(minutes("sum", METRIC_RAIN) * 1e6), fallen[ROUNDS]);
	/* Both sides of the turn of the year are there. */
	char sql[200];
	snprintf(sql, sizeof sql,
		"SELECT count(*) FROM hour WHERE metric=%d AND end IN (%lld, %lld)",
		METRIC_PM25, (long long)new_year, (long long)(new_year + HOUR));
	assert_true(temp_number(rig.reader, sql) == 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(thirty_days, rig_begin, rig_end),
	};

	return cmocka_run_group_tests_name("month", tests, NULL, NULL);
}
