/* What happens to reports between the ring and the store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/log.h"
#include "gateway/pipeline.h"
#include "store/reports.h"
#include "store/state.h"
#include "tests/unit/temp_store.h"

#define SECOND          INT64_C(1000)
#define MINUTE          (60 * SECOND)
#define HOUR            (60 * MINUTE)
#define KEEP_MINUTES_MS (60 * 24 * HOUR)

static const int64_t noon = 1795320000000; /* a whole hour */

static struct temp temp;
static struct store *store;
static struct pipeline *pipeline;
static int64_t last_id;
static double modulus;
static struct rain_config rain; /* of all gauges */
static char logged[4096];

static void keep_log(enum log_level level, const char *line)
{
	size_t length = strlen(logged);

	(void)level;
	snprintf(logged + length, sizeof logged - length, "%s\n", line);
}

static void treat(
	void *arg, const char *station, const char *sensor, struct treatment *treatment)
{
	static struct quality_config limits;

	(void)arg;
	(void)station;
	treatment->rain_modulus = modulus;
	treatment->rain = &rain;
	if (strcmp(sensor, "limited") != 0)
		return;
	quality_defaults(&limits, metric_by_id(METRIC_PM25));
	limits.max = 500;
	limits.suspect_max = 200;
	limits.rate = 100;
	limits.humidity_max = 95;
	treatment->quality = (struct option_list){ .items = &limits, .count = 1 };
}

static void start_pipeline(void)
{
	const struct pipeline_settings settings = {
		.store = store,
		.keep_minutes_ms = KEEP_MINUTES_MS,
		.treat = treat,
	};

	pipeline = pipeline_new(&settings);
	assert_non_null(pipeline);
	last_id = store_last_id(store);
}

static int begin(void **state)
{
	(void)state;
	log_set_sink(keep_log);
	logged[0] = '\0';
	modulus = 0;
	rain = rain_defaults;
	temp_make(&temp);
	store = temp_open(&temp, STORE_RECORDER);
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(store_write_metrics(store), 0);
	start_pipeline();
	return 0;
}

static int end(void **state)
{
	(void)state;
	pipeline_free(pipeline);
	pipeline = NULL;
	store_rollback(store);
	store_close(store);
	temp_remove(&temp);
	return 0;
}

static void merge(int64_t now_ms)
{
	assert_int_equal(store_join(store), 0);
	assert_int_equal(pipeline_merge(pipeline, last_id, now_ms), 0);
}

/* What the recorder does with REPORT, less the ring. */
static void record(struct report *report)
{
	struct source *source = pipeline_source(pipeline, report);

	assert_non_null(source);
	if (!pipeline_has_room(source, report->time_ms))
		merge(report->time_ms);
	pipeline_judge(pipeline, source, report);
	pipeline_count(source, report);
	last_id = temp_append(store, report);
}

/* The process is gone and comes again; MERGED: it had the time to merge. */
static void restart(bool merged, int64_t now_ms)
{
	if (merged)
		merge(now_ms);
	assert_int_equal(store_join(store), 0);
	assert_int_equal(store_commit(store), 0);
	pipeline_free(pipeline);
	store_close(store);
	store = temp_open(&temp, STORE_RECORDER);
	start_pipeline();
}

static struct report report_of(
	const char *sensor, int64_t time_ms, uint16_t metric, double value)
{
	struct report report;

	report_init(&report);
	report.time_ms = time_ms;
	snprintf(report.station, sizeof report.station, "S");
	snprintf(report.sensor, sizeof report.sensor, "%s", sensor);
	report_add(&report, metric, value);
	return report;
}

static struct report gauge_says(int64_t time_ms, double total)
{
	struct report report = report_of("gauge", time_ms, METRIC_RAIN_TOTAL, total);

	record(&report);
	return report;
}

static void expect_reading(struct report *report, uint16_t metric, double value, int flag)
{
	const struct reading *reading = report_find(report, metric);

	if (!reading)
		fail_msg("%s is not there", metric_by_id(metric)->name);
	else if (reading->value != value || reading->flag != flag)
		fail_msg("%s is %.17g flag %d, not %.17g flag %d",
			metric_by_id(metric)->name, reading->value, reading->flag, value,
			flag);
}

static double minute_of(const char *what, uint16_t metric, int64_t end_ms)
{
	char sql[160];

	snprintf(sql, sizeof sql, "SELECT %s FROM minute WHERE metric=%d AND end=%lld",
		what, metric, (long long)end_ms);
	return temp_number(store, sql);
}

/* --- flags -------------------------------------------------------------- */

static void flags_by_the_metrics_range(void **state)
{
	(void)state;
	struct report report = report_of("dust", noon, METRIC_PM25, 1000);

	report_add(&report, METRIC_HUMIDITY, 100.1);
	report_add(&report, METRIC_TEMPERATURE, -60);
	report_add(&report, 60000, 1); /* declared once, not any more */
	record(&report);
	assert_int_equal(report.readings[0].flag, FLAG_GOOD);
	assert_int_equal(report.readings[1].flag, FLAG_FAIL);
	assert_int_equal(report.readings[2].flag, FLAG_GOOD);
	assert_int_equal(report.readings[3].flag, FLAG_NOT_EVALUATED);
	assert_int_equal(report.count, 4);
}

static void what_the_driver_said_counts(void **state)
{
	(void)state;
	struct report report = report_of("dust", noon, METRIC_PM25, 10);

	report_add(&report, METRIC_PM1, 5);
	report_add(&report, METRIC_HUMIDITY, 200);
	report.readings[0].flag = FLAG_SUSPECT;
	report.readings[1].flag = FLAG_GOOD;
	report.readings[2].flag = FLAG_SUSPECT;
	record(&report);
	assert_int_equal(report.readings[0].flag, FLAG_SUSPECT);
	assert_int_equal(report.readings[1].flag, FLAG_GOOD);
	assert_int_equal(report.readings[2].flag, FLAG_FAIL);
}

static void flags_by_the_configured_limits(void **state)
{
	(void)state;
	static const struct {
		double value;
		int flag;
	} cases[] = { { 100, 1 }, { 150, 1 }, { 201, 3 }, { 501, 4 }, { 400, 3 },
		{ 190, 3 }, { 100, 1 } };

	for (int i = 0; i < 7; i++) {
		struct report report = report_of(
			"limited", noon + i * MINUTE, METRIC_PM25, cases[i].value);
		record(&report);
		assert_int_equal(report.readings[0].flag, cases[i].flag);
	}
	/* A retained copy is of no time: held against its range, remembered by none. */
	struct report old = report_of("limited", noon + 7 * MINUTE, METRIC_PM25, 300);
	old.marks = REPORT_RETAINED;
	record(&old);
	assert_int_equal(old.readings[0].flag, FLAG_SUSPECT);
	struct report next = report_of("limited", noon + 8 * MINUTE, METRIC_PM25, 110);
	record(&next);
	assert_int_equal(next.readings[0].flag, FLAG_GOOD);
}

static void readings_are_held_against_each_other(void **state)
{
	(void)state;
	struct report report = report_of("dust", noon, METRIC_PM25, 16.1);

	report_add(&report, METRIC_PM10, 10); /* 5 and a tenth more may be noise */
	record(&report);
	assert_int_equal(report.readings[0].flag, FLAG_SUSPECT);
	assert_int_equal(report.readings[1].flag, FLAG_SUSPECT);
	report = report_of("dust", noon + MINUTE, METRIC_PM25, 15.9);
	report_add(&report, METRIC_PM10, 10);
	record(&report);
	assert_int_equal(report.readings[0].flag, FLAG_GOOD);

	report = report_of("limited", noon, METRIC_PM25, 10);
	report_add(&report, METRIC_HUMIDITY, 96);
	record(&report);
	assert_int_equal(report.readings[0].flag, FLAG_SUSPECT);
	assert_int_equal(report.readings[1].flag, FLAG_GOOD);
}

/* --- rain --------------------------------------------------------------- */

static void rain_comes_from_the_counter(void **state)
{
	(void)state;
	struct report report = gauge_says(noon, 512.4);

	assert_null(report_find(&report, METRIC_RAIN)); /* nobody knows since when */
	expect_reading(&report, METRIC_RAIN_TOTAL, 512.4, FLAG_GOOD);
	assert_int_equal(report.count, 1); /* nor that it was dry */
	report = gauge_says(noon + 5 * MINUTE, 512.6);
	expect_reading(&report, METRIC_RAIN, 0.2, FLAG_GOOD);
	expect_reading(
		&report, METRIC_RAIN_10M, 0.2, FLAG_SUSPECT); /* not yet complete */
	expect_reading(&report, METRIC_RAIN_72H, 0.2, FLAG_SUSPECT);
	expect_reading(&report, METRIC_RAIN_DAY, 0.2, FLAG_SUSPECT);
	expect_reading(&report, METRIC_RAIN_RATE, 2.4, FLAG_GOOD);
	report = gauge_says(noon + 10 * MINUTE, 513);
	expect_reading(&report, METRIC_RAIN, 0.4, FLAG_GOOD);
	expect_reading(&report, METRIC_RAIN_10M, 0.6, FLAG_GOOD);
	expect_reading(&report, METRIC_RAIN_1H, 0.6, FLAG_SUSPECT);
	report = gauge_says(noon + 15 * MINUTE, 513);
	expect_reading(&report, METRIC_RAIN, 0, FLAG_GOOD);
	expect_reading(&report, METRIC_RAIN_10M, 0.4, FLAG_GOOD); /* half-open */
	expect_reading(&report, METRIC_RAIN_1H, 0.6, FLAG_SUSPECT);
}

static void sums_are_said_when_they_change_or_once_a_minute(void **state)
{
	(void)state;
	struct report report = gauge_says(noon, 10);

	assert_int_equal(report.count, 1); /* of nothing that was watched */
	report = gauge_says(noon + 10 * SECOND, 10);
	assert_int_equal(report.count, 2 + 10);
	report = gauge_says(noon + 20 * SECOND, 10);
	assert_int_equal(report.count, 2);
	report = gauge_says(noon + 30 * SECOND, 10.2);
	assert_int_equal(report.count, 2 + 10);
	report = gauge_says(noon + 69 * SECOND, 10.2);
	assert_int_equal(report.count, 2);
	report = gauge_says(noon + 70 * SECOND, 10.2);
	assert_int_equal(report.count, 2 + 10);
}

static void verdicts_are_logged_and_flagged(void **state)
{
	(void)state;
	gauge_says(noon, 60);
	struct report report = gauge_says(noon + SECOND, 160);
	expect_reading(&report, METRIC_RAIN_TOTAL, 160, FLAG_SUSPECT);
	assert_int_equal(report.count, 1);
	report = gauge_says(noon + 2 * SECOND, 160.2);
	assert_non_null(strstr(logged, "jumped by 100 mm"));
	expect_reading(&report, METRIC_RAIN_TOTAL, 160.2, FLAG_GOOD);
	expect_reading(&report, METRIC_RAIN, 0.2, FLAG_GOOD);
	expect_reading(&report, METRIC_RAIN_1H, 0.2, FLAG_SUSPECT);
	report = gauge_says(noon + 3 * SECOND, 0);
	expect_reading(&report, METRIC_RAIN_TOTAL, 0, FLAG_SUSPECT);
	assert_null(report_find(&report, METRIC_RAIN));
	report = gauge_says(noon + 4 * SECOND, 160.4);
	assert_non_null(strstr(logged, "corrupt"));
	expect_reading(&report, METRIC_RAIN, 0.2, FLAG_GOOD);
	gauge_says(noon + 5 * SECOND, 0.2);
	report = gauge_says(noon + 6 * SECOND, 0.4);
	assert_non_null(strstr(logged, "set back, and has come to 0.4 mm"));
	expect_reading(&report, METRIC_RAIN, 0.4, FLAG_GOOD);
	/* Into the minutes goes what was credited. */
	merge(noon + MINUTE);
	assert_true(minute_of("sum", METRIC_RAIN, noon + MINUTE) == 0.8);
}

static void a_known_modulus_tells_a_wrap(void **state)
{
	(void)state;
	modulus = 6553.6;
	gauge_says(noon, 6553.4);
	struct report report = gauge_says(noon + MINUTE, 0.2);
	expect_reading(&report, METRIC_RAIN, 0.4, FLAG_GOOD);
	assert_non_null(strstr(logged, "ran over its end; 0.4 mm"));
	restart(true, noon + MINUTE);
	gauge_says(noon + 2 * MINUTE, 6553.4); /* implausible, but where it stands */
	gauge_says(noon + 3 * MINUTE, 6553.4);
	report = gauge_says(noon + 4 * MINUTE, 0);
	expect_reading(&report, METRIC_RAIN, 0.2, FLAG_GOOD);
}

static void a_devices_own_increment_comes_first(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct report report = report_of(
			"gauge", noon + i * MINUTE, METRIC_RAIN_TOTAL, 100 + i * 3);
		report_add(&report, METRIC_RAIN, 0.5);
		record(&report);
		expect_reading(&report, METRIC_RAIN, 0.5, FLAG_GOOD);
		if (i == 0)
			continue;
		expect_reading(&report, METRIC_RAIN_1H, 0.5 * (i + 1), FLAG_SUSPECT);
		expect_reading(&report, METRIC_RAIN_RATE, 30, FLAG_GOOD);
		assert_int_equal(report.count, 2 + 11);
	}
	struct report report = report_of("gauge", noon + 3 * MINUTE, METRIC_RAIN, 100.1);
	record(&report); /* more than an increment can be */
	assert_int_equal(report.readings[0].flag, FLAG_FAIL);
	assert_int_equal(report.count, 1);
	/* What it should have told is not known. */
	report = report_of("gauge", noon + 13 * MINUTE, METRIC_RAIN, 0);
	record(&report);
	expect_reading(&report, METRIC_RAIN_10M, 0, FLAG_GOOD);
}

/* An instrument out of order has not seen that it was dry. */
static void what_cannot_be_used_is_a_gap(void **state)
{
	(void)state;
	for (int i = 0; i <= 6; i++)
		gauge_says(noon + i * 10 * MINUTE, 50);
	struct report report = gauge_says(noon + HOUR + MINUTE, 50);
	expect_reading(&report, METRIC_RAIN_1H, 0, FLAG_GOOD);
	for (int i = 1; i <= 6; i++) {
		report = report_of("gauge", noon + HOUR + i * 10 * MINUTE,
			METRIC_RAIN_TOTAL, i % 2 ? 50 : 1e9);
		report.status = i % 2 ? STATUS_FAULT : STATUS_MEASURING;
		record(&report);
		assert_int_equal(report.count, 1);
	}
	report = gauge_says(noon + 2 * HOUR, 54);
	expect_reading(&report, METRIC_RAIN, 4, FLAG_GOOD);
	expect_reading(&report, METRIC_RAIN_1H, 4, FLAG_SUSPECT);
}

static void old_copies_are_not_derived_from(void **state)
{
	(void)state;
	gauge_says(noon, 10);
	struct report report = report_of("gauge", noon + MINUTE, METRIC_RAIN_TOTAL, 11);
	report.marks = REPORT_RETAINED;
	record(&report);
	assert_int_equal(report.count, 1);
	assert_int_equal(report.readings[0].flag, FLAG_GOOD);
	/* A time before the clock was right is none. */
	report = report_of("gauge", 86400000, METRIC_RAIN_TOTAL, 12);
	record(&report);
	assert_int_equal(report.marks, REPORT_CLOCK_UNSET);
	assert_int_equal(report.count, 1);
	report = gauge_says(noon + 2 * MINUTE, 13);
	expect_reading(&report, METRIC_RAIN, 3, FLAG_GOOD);
	merge(noon + 2 * MINUTE);
	assert_true(
		temp_number(store, "SELECT count(*) FROM minute WHERE metric=17") == 2);
	assert_true(minute_of("max", METRIC_RAIN_TOTAL, noon + 2 * MINUTE) == 13);
}

/* --- rain of devices that tell each tip ------------------------------------ */

static struct report tip_at(int64_t time_ms, double mm, int flag)
{
	struct report report = report_of("tips", time_ms, METRIC_RAIN, mm);

	report.marks = REPORT_DEVICE_TIME;
	record(&report);
	assert_int_equal(report.readings[0].flag, flag);
	return report;
}

static void a_bouncing_contact_counts_once(void **state)
{
	(void)state;
	rain.bounce = 100;
	rain.tip = 0.2;
	tip_at(noon, 0.2, FLAG_GOOD);
	struct report report = tip_at(noon + 7200, 0.2, FLAG_GOOD);
	expect_reading(&report, METRIC_RAIN_RATE, 100, FLAG_GOOD);
	report = tip_at(noon + 7250, 0.2, FLAG_GOOD);
	expect_reading(&report, METRIC_RAIN, 0, FLAG_GOOD);
	assert_true(report.readings[0].raw == 0.2);
	/* More than a tip at once is none of it. */
	report = tip_at(noon + 7260, 0.4, FLAG_GOOD);
	expect_reading(&report, METRIC_RAIN_1H, 0.8, FLAG_SUSPECT);
	/* Times of receipt say nothing of the times of tips. */
	report = report_of("tips", noon + 7270, METRIC_RAIN, 0.2);
	record(&report);
	expect_reading(&report, METRIC_RAIN_1H, 1, FLAG_SUSPECT);
}

static void increments_that_cannot_fall(void **state)
{
	(void)state;
	tip_at(noon, 0.2, FLAG_GOOD);
	struct report report = tip_at(noon + SECOND, 30, FLAG_FAIL);
	assert_int_equal(report.count, 1);
	report = tip_at(noon + 10 * SECOND, 0.2, FLAG_GOOD);
	expect_reading(&report, METRIC_RAIN_1H, 0.4, FLAG_SUSPECT);
	/* What was queued somewhere comes at once, and is right. */
	report = report_of("queue", noon, METRIC_RAIN, 0.2);
	record(&report);
	report = report_of("queue", noon + 1, METRIC_RAIN, 8);
	record(&report);
	expect_reading(&report, METRIC_RAIN, 8, FLAG_SUSPECT);
	expect_reading(&report, METRIC_RAIN_1H, 8.2, FLAG_SUSPECT);
}

static void what_the_bucket_missed_is_added(void **state)
{
	(void)state;
	static struct rain_catch rows[] = { { 10, 1 }, { 110, 1.1 } };
	double total = 10;

	rain.undercatch = (struct option_list){ .items = rows, .count = 2 };
	tip_at(noon, 0.2, FLAG_GOOD);
	struct report report = tip_at(noon + 7200, 0.2, FLAG_GOOD); /* 100 mm/h */
	expect_reading(&report, METRIC_RAIN, 0.218, FLAG_GOOD);
	assert_true(report.readings[0].raw == 0.2);
	expect_reading(&report, METRIC_RAIN_1H, 0.418, FLAG_SUSPECT);
	/* Of a counter, too; its own reading stays. */
	for (int i = 0; i < 6; i++)
		report = gauge_says(noon + i * MINUTE, total += 1); /* 60 mm/h */
	expect_reading(&report, METRIC_RAIN_TOTAL, 16, FLAG_GOOD);
	expect_reading(&report, METRIC_RAIN, 1.05, FLAG_GOOD);
	assert_true(report_find(&report, METRIC_RAIN)->raw == 1);
	restart(false, 0);
	report = gauge_says(noon + 6 * MINUTE, total);
	expect_reading(&report, METRIC_RAIN_1H, 1 + 4 * 1.05, FLAG_SUSPECT);
}

/* An increment behind a lost answer is right, but not all that fell. */
static void a_lost_answer_is_a_gap(void **state)
{
	(void)state;
	struct report report;

	for (int merged = 0; merged < 3; merged++) {
		int64_t from = noon + merged * HOUR;

		for (int i = 0; i <= 11; i++) {
			report = report_of("gauge", from + i * MINUTE, METRIC_RAIN, 0);
			record(&report);
		}
		expect_reading(&report, METRIC_RAIN_10M, 0, FLAG_GOOD);
		report = report_of("gauge", from + 12 * MINUTE, METRIC_RAIN, 0.4);
		report.marks = REPORT_AFTER_LOSS;
		record(&report);
		expect_reading(&report, METRIC_RAIN, 0.4, FLAG_GOOD);
		expect_reading(&report, METRIC_RAIN_10M, 0.4, FLAG_SUSPECT);
		if (merged < 2)
			restart(merged, from + 12 * MINUTE);
		report = report_of("gauge", from + 21 * MINUTE, METRIC_RAIN, 0);
		record(&report);
		expect_reading(&report, METRIC_RAIN_10M, 0.4, FLAG_SUSPECT);
		report = report_of("gauge", from + 22 * MINUTE, METRIC_RAIN, 0);
		record(&report);
		expect_reading(&report, METRIC_RAIN_10M, 0, FLAG_GOOD);
	}
	/* Of the very first nobody knows since when it was gathered. */
	report = report_of("other", noon, METRIC_RAIN, 20);
	report.marks = REPORT_AFTER_LOSS;
	record(&report);
	expect_reading(&report, METRIC_RAIN, 20, FLAG_SUSPECT);
	assert_int_equal(report.count, 1);
}

/* What a device had kept of its counter comes behind what it says now. */
static void a_late_counter_is_no_reset(void **state)
{
	(void)state;
	gauge_says(noon, 10);
	struct report report = gauge_says(noon + 10 * MINUTE, 12);
	expect_reading(&report, METRIC_RAIN, 2, FLAG_GOOD);
	for (int i = 1; i < 5; i++) {
		report = report_of(
			"gauge", noon + i * MINUTE, METRIC_RAIN_TOTAL, 10 + i * 0.2);
		report.marks = REPORT_BACKFILLED | REPORT_DEVICE_TIME;
		record(&report);
		assert_int_equal(report.count, 1);
		assert_int_equal(report.readings[0].flag, FLAG_GOOD);
	}
	report = gauge_says(noon + 11 * MINUTE, 12.2);
	expect_reading(&report, METRIC_RAIN, 0.2, FLAG_GOOD);
	expect_reading(&report, METRIC_RAIN_30M, 2.2, FLAG_SUSPECT);
}

static void a_device_that_says_the_intensity_is_left_alone(void **state)
{
	(void)state;
	struct report report;

	for (int i = 0; i < 3; i++) {
		report = report_of("gauge", noon + i * MINUTE, METRIC_RAIN_TOTAL, i);
		if (i < 2)
			report_add(&report, METRIC_RAIN_RATE, 7);
		record(&report);
	}
	assert_null(report_find(&report, METRIC_RAIN_RATE));
}

/* --- the rain day ---------------------------------------------------------- */

/* What is said at the end of the day before REPORT; .count 0: nothing. */
static struct report day_before(struct report *report)
{
	struct report end = { .count = 0 };

	if (!pipeline_end_day(pipeline_source(pipeline, report), report, &end))
		end.count = 0;
	record(report);
	return end;
}

static void a_day_ends_with_its_sum(void **state)
{
	(void)state;
	int64_t evening = noon + 8 * HOUR; /* 19:00 in Viet Nam */
	double total = 0;
	struct report report, end;

	rain.day_starts = "19:00";
	assert_int_equal(evening % (24 * HOUR), 12 * HOUR);
	for (int64_t at = evening - HOUR + 7 * SECOND; at < evening + 25 * HOUR;
		at += 10 * MINUTE) {
		report = report_of("gauge", at, METRIC_RAIN_TOTAL, total += 0.2);
		end = day_before(&report);
		if (at < evening || at > evening + 10 * MINUTE)
			if (at < evening + 24 * HOUR ||
				at > evening + 24 * HOUR + 10 * MINUTE) {
				assert_int_equal(end.count, 0);
				continue;
			}
		assert_int_equal(end.count, 1);
		assert_string_equal(end.station, "S");
		assert_string_equal(end.sensor, "gauge");
		assert_int_equal(
			end.time_ms, at < evening + HOUR ? evening : evening + 24 * HOUR);
		if (at < evening + HOUR) /* five increments in a part of it */
			expect_reading(&end, METRIC_RAIN_DAY, 1, FLAG_SUSPECT);
		else
			expect_reading(&end, METRIC_RAIN_DAY, 28.8, FLAG_GOOD);
		expect_reading(&report, METRIC_RAIN_DAY, 0.2, FLAG_GOOD);
	}
	/* Said once, even if what comes is not to be used. */
	for (int i = 0; i < 3; i++) {
		report = report_of("gauge", evening + 49 * HOUR + i * MINUTE,
			METRIC_RAIN_TOTAL, total);
		report.status = i < 1 ? STATUS_FAULT : STATUS_MEASURING;
		end = day_before(&report);
		assert_int_equal(end.count, i == 1);
	}
}

/* --- times -------------------------------------------------------------- */

static void reports_of_one_moment_are_set_apart(void **state)
{
	(void)state;
	struct report report = report_of("dust", noon, METRIC_PM25, 1);
	struct source *source = pipeline_source(pipeline, &report);
	static const struct {
		int64_t said, meant;
	} cases[] = { { 0, 0 }, { 0, 1 }, { 0, 2 }, { 5, 5 }, { 4, 6 },
		{ 6 - MINUTE + 1, 7 },      /* less than a minute back */
		{ 7 - MINUTE, 7 - MINUTE }, /* the clock was set back */
		{ 8 - MINUTE, 8 - MINUTE }, { 0, 0 } };

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		report.time_ms = noon + cases[i].said;
		pipeline_set_apart(source, &report);
		assert_int_equal(report.time_ms - noon, cases[i].meant);
	}
	report.marks = REPORT_DEVICE_TIME;
	pipeline_set_apart(source, &report);
	assert_int_equal(report.time_ms, noon);
}

static void a_source_is_found_again(void **state)
{
	(void)state;
	struct report a = report_of("a", noon, METRIC_PM25, 1);
	struct report b = report_of("b", noon, METRIC_PM25, 1);
	struct source *first = pipeline_source(pipeline, &a);

	assert_ptr_equal(pipeline_source(pipeline, &a), first);
	assert_ptr_not_equal(pipeline_source(pipeline, &b), first);
	*source_slot(first) = 7;
	/* Many others, so that the table grows. */
	for (int i = 0; i < 300; i++) {
		snprintf(b.station, sizeof b.station, "T%d", i);
		assert_non_null(pipeline_source(pipeline, &b));
	}
	assert_ptr_equal(pipeline_source(pipeline, &a), first);
	assert_int_equal(*source_slot(first), 7);
	int64_t id;
	assert_int_equal(store_source(store, "S", "a", &id), 0);
	assert_int_equal(source_id(first), id);
}

/* --- minutes and hours -------------------------------------------------- */

static void two_minutes_are_open_at_once(void **state)
{
	(void)state;
	struct report report = report_of("dust", noon + 1, METRIC_PM25, 1);
	struct source *source = pipeline_source(pipeline, &report);

	assert_true(pipeline_has_room(source, noon + 1));
	pipeline_judge(pipeline, source, &report);
	pipeline_count(source, &report);
	report.time_ms = noon + MINUTE + 1;
	assert_true(pipeline_has_room(source, report.time_ms));
	pipeline_count(source, &report);
	assert_true(pipeline_has_room(source, noon + 1)); /* a little late */
	assert_false(pipeline_has_room(source, noon + 2 * MINUTE + 1));
	assert_false(pipeline_has_room(source, noon)); /* the minute before */
	merge(noon + 2 * MINUTE);
	assert_true(pipeline_has_room(source, noon + 2 * MINUTE + 1));
	assert_true(minute_of("count", METRIC_PM25, noon + MINUTE) == 1);
	assert_true(minute_of("count", METRIC_PM25, noon + 2 * MINUTE) == 1);
	assert_int_equal(store_mark(store, STORE_MERGED_ID), last_id);
}

static void only_usable_values_are_counted(void **state)
{
	(void)state;
	for (int i = 0; i < 6; i++) {
		struct report report =
			report_of("dust", noon + 1 + i, METRIC_PM25, i == 3 ? 5000 : i);
		report.status = i == 4 ? STATUS_CALIBRATING : STATUS_MEASURING;
		report.readings[0].flag = i == 5 ? FLAG_SUSPECT : FLAG_NOT_EVALUATED;
		record(&report);
	}
	merge(noon + MINUTE);
	assert_true(minute_of("count", METRIC_PM25, noon + MINUTE) == 4);
	assert_true(minute_of("sum", METRIC_PM25, noon + MINUTE) == 0 + 1 + 2 + 5);
	assert_true(minute_of("max", METRIC_PM25, noon + MINUTE) == 5);
}

static double hour_of(const char *what, int64_t end_ms)
{
	char sql[160];

	snprintf(sql, sizeof sql, "SELECT %s FROM hour WHERE metric=%d AND end=%lld",
		what, METRIC_PM25, (long long)end_ms);
	return temp_number(store, sql);
}

static void dust_says(int64_t time_ms, double value)
{
	struct report report = report_of("dust", time_ms, METRIC_PM25, value);

	record(&report);
}

static void an_hour_is_made_when_it_is_over(void **state)
{
	(void)state;
	dust_says(noon + 10 * MINUTE, 10);
	merge(noon + 11 * MINUTE);
	assert_int_equal(store_mark(store, STORE_HOURS_MS), noon);
	dust_says(noon + HOUR, 30); /* its last millisecond */
	merge(noon + HOUR);
	assert_true(hour_of("count", noon + HOUR) == -1);
	dust_says(noon + HOUR + 1, 70);
	merge(noon + HOUR + 1);
	assert_int_equal(store_mark(store, STORE_HOURS_MS), noon + HOUR);
	assert_true(hour_of("count", noon + HOUR) == 2);
	assert_true(hour_of("sum", noon + HOUR) == 40);
	/* A late value makes it again. */
	dust_says(noon + 20 * MINUTE, 2);
	merge(noon + HOUR + 2);
	assert_true(hour_of("count", noon + HOUR) == 3);
	assert_true(hour_of("min", noon + HOUR) == 2);
	assert_true(hour_of("count", noon + 2 * HOUR) == -1);
	/* After an outage all that is over is made. */
	dust_says(noon + 5 * HOUR, 5);
	merge(noon + 6 * HOUR + 1);
	assert_true(hour_of("sum", noon + 2 * HOUR) == 70);
	assert_true(hour_of("sum", noon + 5 * HOUR) == 5);
}

/* Of an hour whose minutes are gone, a late value must not make another of itself alone.
 */
static void an_old_hour_is_added_to(void **state)
{
	(void)state;
	dust_says(noon + 10 * MINUTE, 10);
	merge(noon + HOUR + 1);
	int64_t now_ms = noon + KEEP_MINUTES_MS + HOUR;
	dust_says(now_ms, 5);
	merge(now_ms);
	temp_number(store, "DELETE FROM minute");
	dust_says(noon + 30 * MINUTE, 40);
	dust_says(noon - 30 * MINUTE, 3); /* there was no such hour */
	merge(now_ms + MINUTE);
	assert_true(hour_of("count", noon + HOUR) == 2);
	assert_true(hour_of("sum", noon + HOUR) == 50);
	assert_true(hour_of("max", noon + HOUR) == 40);
	assert_true(hour_of("sum", noon) == 3);
	assert_true(temp_number(store, "SELECT count(*) FROM minute") == 0);
}

/* Which series are touched is not known after a start, and is afterwards. */
static void hours_are_made_whatever_was_before(void **state)
{
	(void)state;
	for (int hour = 0; hour < 4; hour++) {
		int64_t start = noon + hour * HOUR;
		dust_says(start + 10 * MINUTE, 10 + hour);
		merge(start + 11 * MINUTE);
		if (hour % 2 == 0) {
			pipeline_free(pipeline);
			start_pipeline();
		}
		dust_says(start + HOUR + 1, 1); /* of the next hour already */
		merge(start + HOUR + 1);
		assert_true(hour_of("max", start + HOUR) == 10 + hour);
		assert_true(hour_of("count", start + HOUR) == (hour > 0 ? 2 : 1));
		assert_true(hour_of("count", start + 2 * HOUR) == -1);
	}
}

/* The very first merge may come after the first hour's end. */
static void the_first_hour_is_made_too(void **state)
{
	(void)state;
	dust_says(noon - SECOND, 10);
	merge(noon + 30 * SECOND);
	assert_true(hour_of("sum", noon) == 10);
	assert_int_equal(store_mark(store, STORE_HOURS_MS), noon);
}

/* --- restarts ----------------------------------------------------------- */

static void rain_goes_on_after_a_restart(void **state)
{
	(void)state;
	for (int merged = 0; merged < 2; merged++) {
		int64_t from = noon + merged * 12 * HOUR;
		double total = 100 + merged * 10;
		gauge_says(from, total);
		gauge_says(from + MINUTE, total + 1);
		restart(merged, from + MINUTE);
		struct report report = gauge_says(from + 5 * MINUTE, total + 1.2);
		expect_reading(&report, METRIC_RAIN, 0.2, FLAG_GOOD);
		expect_reading(&report, METRIC_RAIN_30M, 1.2, FLAG_SUSPECT);
		report = gauge_says(from + 11 * MINUTE, total + 1.2);
		expect_reading(&report, METRIC_RAIN_10M, 0.2, FLAG_GOOD);
		merge(from + 11 * MINUTE);
		gauge_says(from + 12 * HOUR - 1, total + 1.2); /* let the sums run dry */
		merge(from + 12 * HOUR - 1);
	}
}

/* The counter's jump was seen before the restart, and is not seen again after it. */
static void a_jump_is_remembered(void **state)
{
	(void)state;
	for (int merged = 0; merged < 2; merged++) {
		int64_t from = noon + merged * 4 * HOUR;
		double total = 10 + merged * 51;

		gauge_says(from, total);
		merge(from);
		gauge_says(from + MINUTE, total + 50); /* implausible */
		restart(merged, from + MINUTE);
		/* Two hours later 50 mm would be plausible. */
		struct report report = gauge_says(from + 2 * HOUR, total + 50.2);
		expect_reading(&report, METRIC_RAIN, 0.2, FLAG_GOOD);
		gauge_says(from + 4 * HOUR - 1, total + 51);
	}
}

static void a_crash_counts_nothing_twice(void **state)
{
	(void)state;
	for (int i = 1; i <= 10; i++)
		dust_says(noon + i * SECOND, i);
	merge(noon + 10 * SECOND);
	for (int i = 11; i <= 20; i++)
		dust_says(noon + i * SECOND, i);
	restart(false, 0);
	restart(false, 0);
	dust_says(noon + 21 * SECOND, 21);
	merge(noon + 21 * SECOND);
	assert_true(minute_of("count", METRIC_PM25, noon + MINUTE) == 21);
	assert_true(minute_of("sum", METRIC_PM25, noon + MINUTE) == 231);
	restart(true, noon + 22 * SECOND);
	merge(noon + 23 * SECOND);
	assert_true(minute_of("count", METRIC_PM25, noon + MINUTE) == 21);
}

/* More than one portion of them, more minutes than are open at once, and a row that a
 * power cut has damaged. */
static void a_long_replay_comes_to_its_end(void **state)
{
	(void)state;
	enum { COUNT = 2500 };

	for (int i = 1; i <= COUNT; i++) {
		struct report report =
			report_of("dust", noon + i * SECOND, METRIC_PM25, 1);
		last_id = temp_append(store, &report);
	}
	assert_int_equal(store_commit(store), 0);
	temp_sql(&temp, "UPDATE report SET data=x'00' WHERE id IN (5, 700, 1001)");
	restart(false, 0);
	merge(noon + HOUR + 1);
	assert_true(temp_number(store, "SELECT sum(count) FROM minute") == COUNT - 3);
	assert_true(minute_of("count", METRIC_PM25, noon + MINUTE) == 59);
	assert_true(minute_of("count", METRIC_PM25, noon + 41 * MINUTE) == 60);
	assert_true(hour_of("sum", noon + HOUR) == COUNT - 3);
	assert_int_equal(store_mark(store, STORE_MERGED_ID), COUNT);
}

static void unreadable_rain_state_begins_anew(void **state)
{
	(void)state;
	gauge_says(noon, 10);
	merge(noon);
	assert_int_equal(store_commit(store), 0);
	temp_sql(&temp, "UPDATE state SET data=x'0102'");
	restart(false, 0);
	struct report report = gauge_says(noon + MINUTE, 11);
	assert_null(report_find(&report, METRIC_RAIN)); /* a baseline again */
	assert_non_null(strstr(logged, "kept state is not readable"));
}

static void without_a_store(void **state)
{
	(void)state;
	struct pipeline *offline = pipeline_new(&(struct pipeline_settings){ 0 });
	struct report report;

	assert_non_null(offline);
	for (int i = 0; i < 3; i++) {
		report = report_of(
			"gauge", noon + i * MINUTE, METRIC_RAIN_TOTAL, 10 + i * 0.2);
		struct source *source = pipeline_source(offline, &report);
		assert_non_null(source);
		if (!pipeline_has_room(source, report.time_ms))
			assert_int_equal(pipeline_merge(offline, 0, noon), 0);
		pipeline_judge(offline, source, &report);
	}
	expect_reading(&report, METRIC_RAIN, 0.2, FLAG_GOOD);
	expect_reading(&report, METRIC_RAIN_10M, 0.4, FLAG_SUSPECT);
	pipeline_free(offline);
	pipeline_free(NULL);
}

int main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(flags_by_the_metrics_range),
		TEST(what_the_driver_said_counts),
		TEST(flags_by_the_configured_limits),
		TEST(readings_are_held_against_each_other),
		TEST(rain_comes_from_the_counter),
		TEST(sums_are_said_when_they_change_or_once_a_minute),
		TEST(verdicts_are_logged_and_flagged),
		TEST(a_known_modulus_tells_a_wrap),
		TEST(a_devices_own_increment_comes_first),
		TEST(what_cannot_be_used_is_a_gap),
		TEST(old_copies_are_not_derived_from),
		TEST(a_bouncing_contact_counts_once),
		TEST(increments_that_cannot_fall),
		TEST(what_the_bucket_missed_is_added),
		TEST(a_lost_answer_is_a_gap),
		TEST(a_late_counter_is_no_reset),
		TEST(a_device_that_says_the_intensity_is_left_alone),
		TEST(a_day_ends_with_its_sum),
		TEST(reports_of_one_moment_are_set_apart),
		TEST(a_source_is_found_again),
		TEST(two_minutes_are_open_at_once),
		TEST(only_usable_values_are_counted),
		TEST(an_hour_is_made_when_it_is_over),
		TEST(an_old_hour_is_added_to),
		TEST(hours_are_made_whatever_was_before),
		TEST(the_first_hour_is_made_too),
		TEST(rain_goes_on_after_a_restart),
		TEST(a_jump_is_remembered),
		TEST(a_crash_counts_nothing_twice),
		TEST(a_long_replay_comes_to_its_end),
		TEST(unreadable_rain_state_begins_anew),
		TEST(without_a_store),
	};

	return cmocka_run_group_tests_name("pipeline", tests, NULL, NULL);
}
