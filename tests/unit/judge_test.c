/* Judging: calibrations, what sensors say of each other, and the instrument's state. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/clock.h"
#include "core/log.h"
#include "gateway/pipeline.h"
#include "store/reports.h"
#include "tests/unit/temp_store.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)

static const int64_t noon = 1795320000000;

static struct temp temp;
static struct store *store;
static struct pipeline *pipeline;
static struct calibrating *calibrating;
static int64_t last_id;
static char logged[2048];

/* What every sensor of a test is treated by; lists are of at most one row each. */
static struct quality_config own_row, common_row;
static struct calibration_config calibrations[3];
static struct treatment treatment;

static void treat(
	void *arg, const char *station, const char *sensor, struct treatment *out)
{
	(void)arg;
	(void)station;
	if (strcmp(sensor, "plain") != 0)
		*out = treatment;
}

static void keep_log(enum log_level level, const char *line)
{
	(void)level;
	snprintf(logged, sizeof logged, "%s", line);
}

static void start(void)
{
	const struct pipeline_settings settings = { .store = store, .treat = treat };

	pipeline = pipeline_new(&settings);
	assert_non_null(pipeline);
	last_id = store_last_id(store);
}

static int begin(void **state)
{
	(void)state;
	log_set_sink(keep_log);
	logged[0] = '\0';
	clock_freeze(noon, 1000);
	treatment = (struct treatment){ 0 };
	quality_defaults(&own_row, metric_by_id(METRIC_PM25));
	quality_defaults(&common_row, metric_by_id(METRIC_PM25));
	for (int i = 0; i < 3; i++)
		calibrations[i] = (struct calibration_config){
			.metric = metric_by_id(METRIC_PM25),
			.station = "",
			.offset = NAN,
			.gain = NAN,
			.kappa = NAN,
			.density = 1.65,
			.humidity_cap = 95,
			.date = "2026-10-02",
			.by = "A",
			.certificate = "",
		};
	calibrating = calibrating_new();
	temp_make(&temp);
	store = temp_open(&temp, STORE_RECORDER);
	start();
	return 0;
}

static int end(void **state)
{
	(void)state;
	pipeline_free(pipeline);
	store_rollback(store);
	store_close(store);
	temp_remove(&temp);
	calibrating_free(calibrating);
	return 0;
}

static void use_own(void)
{
	treatment.quality = (struct option_list){ .items = &own_row, .count = 1 };
}

static void use_common(void)
{
	treatment.common_quality =
		(struct option_list){ .items = &common_row, .count = 1 };
}

static void use_calibrations(size_t count)
{
	treatment.calibration =
		(struct option_list){ .items = calibrations, .count = count };
}

static struct report report_of(const char *sensor, int64_t time_ms, double pm25)
{
	struct report report;

	report_init(&report);
	report.time_ms = time_ms;
	snprintf(report.station, sizeof report.station, "S");
	snprintf(report.sensor, sizeof report.sensor, "%s", sensor);
	if (!isnan(pm25))
		report_add(&report, METRIC_PM25, pm25);
	return report;
}

static void record(struct report *report)
{
	struct source *source = pipeline_source(pipeline, report);

	assert_non_null(source);
	if (!pipeline_has_room(source, report->time_ms)) {
		assert_int_equal(store_join(store), 0);
		assert_int_equal(pipeline_merge(pipeline, last_id, report->time_ms), 0);
	}
	pipeline_judge(pipeline, source, report);
	pipeline_count(source, report);
	last_id = temp_append(store, report);
}

/* The reading of pm25 as judged. */
static struct reading say(const char *sensor, int64_t time_ms, double pm25)
{
	struct report report = report_of(sensor, time_ms, pm25);

	record(&report);
	return report.readings[0];
}

static struct reading say_with_humidity(
	const char *sensor, int64_t time_ms, double pm25, double humidity)
{
	struct report report = report_of(sensor, time_ms, pm25);

	report_add(&report, METRIC_HUMIDITY, humidity);
	record(&report);
	return report.readings[0];
}

static void say_humidity(const char *sensor, int64_t time_ms, double humidity)
{
	struct report report = report_of(sensor, time_ms, NAN);

	report_add(&report, METRIC_HUMIDITY, humidity);
	record(&report);
}

static void restart(bool merged)
{
	assert_int_equal(store_join(store), 0);
	if (merged)
		assert_int_equal(pipeline_merge(pipeline, last_id, noon), 0);
	assert_int_equal(store_commit(store), 0);
	pipeline_free(pipeline);
	store_close(store);
	store = temp_open(&temp, STORE_RECORDER);
	start();
}

static double minute_count(int64_t end_ms)
{
	char sql[160];

	assert_int_equal(store_join(store), 0);
	assert_int_equal(pipeline_merge(pipeline, last_id, noon), 0);
	snprintf(sql, sizeof sql,
		"SELECT coalesce(sum(count), 0) FROM minute WHERE metric=%d AND end=%lld",
		METRIC_PM25, (long long)end_ms);
	return temp_number(store, sql);
}

/* --- limits --------------------------------------------------------------- */

static void the_sensors_row_takes_the_gateways_place(void **state)
{
	(void)state;
	common_row.suspect_max = 100;
	common_row.rate = 10;
	use_common();
	assert_int_equal(say("a", noon, 101).flag, FLAG_SUSPECT);
	assert_int_equal(say("a", noon + MINUTE, 50).flag, FLAG_SUSPECT); /* its rate */
	own_row.suspect_max = 200;
	use_own();
	/* As a whole: no limit of rate is left of the other. */
	assert_int_equal(say("b", noon, 150).flag, FLAG_GOOD);
	assert_int_equal(say("b", noon + MINUTE, 50).flag, FLAG_GOOD);
	assert_int_equal(say("b", noon + 2 * MINUTE, 201).flag, FLAG_SUSPECT);
	assert_int_equal(say("plain", noon, 999).flag, FLAG_GOOD);
}

static void tests_go_on_after_a_restart(void **state)
{
	(void)state;
	own_row.rate = 10;
	own_row.flat_tolerance = 0.1;
	own_row.flat_suspect = 10 * MINUTE;
	use_own();
	for (int merged = 0; merged < 2; merged++) {
		const char *sensor = merged ? "a" : "b";
		int64_t from = noon + merged * 60 * MINUTE;
		for (int i = 0; i < 8; i++)
			say(sensor, from + i * MINUTE, 20);
		restart(merged);
		for (int i = 8; i < 10; i++)
			assert_int_equal(
				say(sensor, from + i * MINUTE, 20).flag, FLAG_GOOD);
		assert_int_equal(say(sensor, from + 10 * MINUTE, 20).flag, FLAG_SUSPECT);
		restart(merged);
		assert_int_equal(say(sensor, from + 11 * MINUTE, 31).flag, FLAG_SUSPECT);
	}
}

static void unreadable_memory_begins_anew(void **state)
{
	(void)state;
	own_row.rate = 10;
	use_own();
	say("a", noon, 20);
	restart(true);
	assert_int_equal(store_commit(store), 0);
	temp_sql(&temp, "UPDATE state SET data=x'0102' WHERE kind='quality'");
	restart(false);
	assert_non_null(strstr(logged, "not readable"));
	assert_int_equal(say("a", noon + MINUTE, 900).flag, FLAG_GOOD);
	restart(true);
	/* One byte too few. */
	assert_int_equal(store_commit(store), 0);
	temp_sql(&temp,
		"UPDATE state SET data=substr(data, 1, length(data)-1) WHERE kind='quality'");
	logged[0] = '\0';
	restart(false);
	assert_non_null(strstr(logged, "not readable"));
}

/* --- other sensors ---------------------------------------------------------- */

static void neighbours_of_the_same_station(void **state)
{
	(void)state;
	common_row.neighbour = 10;
	common_row.neighbour_within = 5 * MINUTE;
	use_common();
	assert_int_equal(say("a", noon, 30).flag, FLAG_GOOD); /* alone */
	assert_int_equal(say("b", noon + SECOND, 80).flag, FLAG_SUSPECT);
	assert_int_equal(say("a", noon + MINUTE, 31).flag, FLAG_SUSPECT);
	/* With a third one it is known who is wrong. */
	assert_int_equal(say("c", noon + MINUTE + SECOND, 33).flag, FLAG_GOOD);
	assert_int_equal(say("b", noon + 2 * MINUTE, 80).flag, FLAG_SUSPECT);
	assert_int_equal(say("a", noon + 2 * MINUTE, 32).flag, FLAG_GOOD);
	/* What is old tells nothing, and neither does a failed value. */
	assert_int_equal(say("b", noon + 10 * MINUTE, 80).flag, FLAG_GOOD);
	say("c", noon + 11 * MINUTE, 5000);
	assert_int_equal(say("b", noon + 11 * MINUTE, 81).flag, FLAG_GOOD);
	/* Other stations are other air. */
	struct report far = report_of("a", noon + 11 * MINUTE, 500);
	snprintf(far.station, sizeof far.station, "T");
	record(&far);
	assert_int_equal(far.readings[0].flag, FLAG_GOOD);
}

static void humidity_of_another_sensor(void **state)
{
	(void)state;
	own_row.humidity_max = 90;
	use_own();
	assert_int_equal(say("a", noon, 30).flag, FLAG_GOOD);
	say_humidity("plain", noon + SECOND, 95);
	assert_int_equal(say("a", noon + 10 * MINUTE, 30).flag, FLAG_SUSPECT);
	assert_int_equal(say("a", noon + 11 * MINUTE, 30).flag, FLAG_GOOD); /* too old */
	/* Its own comes first, however wet the other's. */
	say_humidity("plain", noon + 12 * MINUTE, 95);
	assert_int_equal(
		say_with_humidity("a", noon + 12 * MINUTE, 30, 50).flag, FLAG_GOOD);
	assert_int_equal(say("a", noon + 13 * MINUTE, 30).flag, FLAG_GOOD);
	/* An impossible one is none. */
	say_humidity("plain", noon + 40 * MINUTE, 120);
	assert_int_equal(say("a", noon + 40 * MINUTE, 30).flag, FLAG_GOOD);
	assert_int_equal(
		say_with_humidity("a", noon + 41 * MINUTE, 30, 120).flag, FLAG_GOOD);
}

static void fine_dust_of_one_and_all_dust_of_another(void **state)
{
	(void)state;
	struct report coarse = report_of("plain", noon, NAN);

	report_add(&coarse, METRIC_PM10, 20);
	record(&coarse);
	assert_int_equal(say("a", noon, 80).flag, FLAG_GOOD);
}

/* --- calibrations ----------------------------------------------------------- */

static void raw_and_corrected_are_kept(void **state)
{
	(void)state;
	calibrations[0].gain = 0.93;
	calibrations[0].offset = -1.2;
	use_calibrations(1);
	struct reading reading = say("a", noon + 1, 35.2);
	assert_true(reading.value == 31.536 && reading.raw == 35.2);
	assert_true(reading.calibration > 0);
	assert_int_equal(reading.flag, FLAG_GOOD);
	assert_int_equal(say("plain", noon + 1, 35.2).calibration, 0);
	/* After a restart the same number, after a change another. */
	restart(true);
	assert_int_equal(say("a", noon + 2, 35.2).calibration, reading.calibration);
	calibrations[0].by = "B";
	restart(true);
	assert_true(say("a", noon + 3, 35.2).calibration > reading.calibration);
	assert_true(temp_number(store,
			    "SELECT count(*) FROM calibration WHERE"
			    " method='gain 0.93, offset -1.2' AND metric=2") == 2);
	/* When there is none any more, that is known too. */
	use_calibrations(0);
	restart(true);
	assert_int_equal(say("a", noon + 4, 35.2).calibration, 0);
	restart(true);
	say("a", noon + 5, 35.2);
	assert_true(temp_number(store,
			    "SELECT count(*) FROM calibration WHERE method='none'") == 1);
}

static void ranges_of_what_was_said_and_of_what_is_meant(void **state)
{
	(void)state;
	calibrations[0].gain = 0.5;
	use_calibrations(1);
	own_row.suspect_max = 300;
	use_own();
	assert_int_equal(say("a", noon, 590).flag, FLAG_GOOD);
	assert_int_equal(say("a", noon + 1, 610).flag, FLAG_SUSPECT);
	assert_int_equal(say("a", noon + 2, 1001).flag, FLAG_FAIL);
}

static void humidity_is_corrected_first(void **state)
{
	(void)state;
	calibrations[0].humidity = HUMIDITY_EPA;
	calibrations[1].metric = metric_by_id(METRIC_HUMIDITY);
	calibrations[1].offset = -10;
	use_calibrations(2);
	struct reading reading = say_with_humidity("a", noon, 100, 60);
	assert_true(reading.value == 53.84); /* at 50 % */
	assert_int_equal(reading.flag, FLAG_GOOD);
	/* Above the cap the correction is not to be trusted. */
	assert_int_equal(say_with_humidity("b", noon, 100, 98).flag, FLAG_GOOD);
	calibrations[1].offset = 0;
	assert_int_equal(say_with_humidity("b", noon + 1, 100, 98).flag, FLAG_SUSPECT);
}

static void without_humidity_the_value_is_suspect(void **state)
{
	(void)state;
	calibrations[0].humidity = HUMIDITY_EPA;
	use_calibrations(1);
	struct reading reading = say("a", noon, 100);
	assert_true(reading.value == 100 && reading.raw == 100);
	assert_int_equal(reading.calibration, 0);
	assert_int_equal(reading.flag, FLAG_SUSPECT);
	/* Another sensor of the station may know it. */
	say_humidity("plain", noon + SECOND, 50);
	reading = say("a", noon + MINUTE, 100);
	assert_true(reading.value == 53.84 && reading.calibration > 0);
	assert_int_equal(reading.flag, FLAG_GOOD);
	restart(false);
	assert_true(say("a", noon + 2 * MINUTE, 100).value == 53.84);
	/* A copy of unknown age was not taken in today's air. */
	struct report old = report_of("a", noon + 3 * MINUTE, 100);
	old.marks = REPORT_RETAINED;
	record(&old);
	assert_true(old.readings[0].value == 100);
	assert_int_equal(old.readings[0].flag, FLAG_SUSPECT);
}

/* --- the instrument's state -------------------------------------------------- */

static void what_does_not_measure_fails(void **state)
{
	(void)state;
	own_row.rate = 10;
	own_row.neighbour = 10;
	own_row.neighbour_within = 5 * MINUTE;
	use_own();
	for (int status = STATUS_CALIBRATING; status <= STATUS_FAULT; status++) {
		const char *sensor = status == STATUS_FAULT ? "a" : "b";
		int64_t from = noon + status * 10 * MINUTE;
		say(sensor, from + SECOND, 30);
		struct report report = report_of(sensor, from + 2 * SECOND, 900);
		report.status = (uint8_t)status;
		record(&report);
		assert_int_equal(report.readings[0].flag, FLAG_FAIL);
		assert_false(reading_is_usable(&report, &report.readings[0]));
		assert_true(minute_count(from + MINUTE) == 1);
		/* It has taught nobody anything. */
		assert_int_equal(say(sensor, from + MINUTE, 31).flag, FLAG_GOOD);
		assert_int_equal(say("c", from + MINUTE + 1, 32).flag, FLAG_GOOD);
	}
}

static void what_settles_fails(void **state)
{
	(void)state;
	treatment.settle = 30 * SECOND;
	treatment.settle_after = 5 * MINUTE;
	assert_int_equal(say("a", noon + SECOND, 900).flag, FLAG_FAIL);
	assert_int_equal(say("a", noon + 30 * SECOND, 800).flag, FLAG_FAIL);
	assert_int_equal(say("a", noon + 31 * SECOND, 30).flag, FLAG_GOOD);
	assert_true(minute_count(noon + MINUTE) == 1);
	/* A restart of the gateway is no silence of the sensor. */
	restart(true);
	assert_int_equal(say("a", noon + 2 * MINUTE, 30).flag, FLAG_GOOD);
	restart(false);
	assert_int_equal(say("a", noon + 3 * MINUTE, 30).flag, FLAG_GOOD);
	assert_int_equal(say("a", noon + 9 * MINUTE, 30).flag, FLAG_FAIL);
	assert_int_equal(say("a", noon + 9 * MINUTE + 30 * SECOND, 30).flag, FLAG_GOOD);
	struct report back = report_of("a", noon + 10 * MINUTE, 30);
	back.marks = REPORT_RECONNECTED;
	record(&back);
	assert_int_equal(back.readings[0].flag, FLAG_FAIL);
	/* In the middle of it, too. */
	restart(true);
	assert_int_equal(say("a", noon + 10 * MINUTE + 20 * SECOND, 30).flag, FLAG_FAIL);
	assert_int_equal(say("a", noon + 10 * MINUTE + 30 * SECOND, 30).flag, FLAG_GOOD);
	assert_int_equal(say("plain", noon, 900).flag, FLAG_GOOD);
}

static void calibrate(const char *sensor, int64_t since_ms, int64_t until_ms)
{
	struct calibrating_span span = { .since_ms = since_ms, .until_ms = until_ms };

	snprintf(span.sensor, sizeof span.sensor, "%s", sensor);
	treatment.calibrating = calibrating;
	assert_true(calibrating_set(calibrating, &span));
}

static void an_operator_calibrates(void **state)
{
	(void)state;
	calibrate("a", noon + MINUTE, noon + 2 * MINUTE);
	for (int i = 0; i < 4; i++) {
		struct report report = report_of("a", noon + i * MINUTE + 1, 30);
		record(&report);
		bool inside = i == 1;
		assert_int_equal(
			report.status, inside ? STATUS_CALIBRATING : STATUS_MEASURING);
		assert_int_equal(report.readings[0].flag, inside ? FLAG_FAIL : FLAG_GOOD);
		assert_true(report.readings[0].value == 30);
	}
	/* By the time they were taken, whenever they come. */
	struct report late = report_of("a", noon + MINUTE + 5, 30);
	record(&late);
	assert_int_equal(late.status, STATUS_CALIBRATING);
	/* A fault stays one, and a copy of unknown age is of no time. */
	struct report fault = report_of("a", noon + MINUTE + 6, 30);
	fault.status = STATUS_FAULT;
	record(&fault);
	assert_int_equal(fault.status, STATUS_FAULT);
	struct report old = report_of("a", noon + MINUTE + 7, 30);
	old.marks = REPORT_RETAINED;
	record(&old);
	assert_int_equal(old.status, STATUS_MEASURING);
}

static struct report gauge_says(int64_t time_ms, double total)
{
	struct report report = report_of("gauge", time_ms, NAN);

	report_add(&report, METRIC_RAIN_TOTAL, total);
	record(&report);
	return report;
}

static double rain_of(const struct report *report, uint16_t metric, int flag)
{
	const struct reading *reading = report_find(report, metric);

	assert_non_null(reading);
	assert_int_equal(reading->flag, flag);
	return reading->value;
}

/* Poured from noon + 1 min to + 5 min, in each of these ways. */
static void poured_water_is_no_rain(void **state)
{
	(void)state;
	enum { SAID_OFTEN = 1, RESTARTED = 2, MERGED = 4, WAYS = 8 };

	for (int way = 0; way < WAYS; way++) {
		int64_t from = noon + way * 60 * MINUTE;
		calibrate("gauge", from + MINUTE, from + 5 * MINUTE);
		gauge_says(from, 100);
		gauge_says(from + MINUTE, 100.2);
		for (int i = 2; way & SAID_OFTEN && i <= 5; i++) {
			struct report wet = gauge_says(from + i * MINUTE, 100 + i * 10);
			assert_int_equal(wet.status, STATUS_CALIBRATING);
			assert_null(report_find(&wet, METRIC_RAIN));
			assert_null(report_find(&wet, METRIC_RAIN_1H));
		}
		if (way & RESTARTED)
			restart(way & MERGED);
		/* Anything else the sensor says does not use the matter up. */
		say("gauge", from + 5 * MINUTE + SECOND, 1);
		struct report after = gauge_says(from + 6 * MINUTE, 155);
		assert_int_equal(after.status, STATUS_MEASURING);
		assert_null(report_find(&after, METRIC_RAIN));
		assert_true(rain_of(&after, METRIC_RAIN_10M, FLAG_SUSPECT) == 0.2);
		after = gauge_says(from + 7 * MINUTE, 155.4);
		assert_true(rain_of(&after, METRIC_RAIN, FLAG_GOOD) == 0.4);
		assert_true(rain_of(&after, METRIC_RAIN_10M, FLAG_SUSPECT) == 0.6);
		/* A gap until ten minutes after it. */
		after = gauge_says(from + 15 * MINUTE, 155.4);
		rain_of(&after, METRIC_RAIN_10M, FLAG_SUSPECT);
		after = gauge_says(from + 16 * MINUTE, 155.4);
		assert_true(rain_of(&after, METRIC_RAIN_10M, FLAG_GOOD) == 0.4);
		gauge_says(from + 59 * MINUTE, 0); /* for the next way */
	}
}

static void poured_increments_are_none_either(void **state)
{
	(void)state;
	calibrate("gauge", noon + MINUTE, noon + 5 * MINUTE);
	for (int i = 0; i < 3; i++) {
		struct report report = report_of("gauge", noon + i * 10 * MINUTE, NAN);
		report_add(&report, METRIC_RAIN, 3);
		record(&report);
		assert_int_equal(report.readings[0].flag, i == 1 ? FLAG_FAIL : FLAG_GOOD);
		if (i == 2)
			assert_true(rain_of(&report, METRIC_RAIN_1H, FLAG_SUSPECT) == 6);
	}
}

int main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(the_sensors_row_takes_the_gateways_place),
		TEST(tests_go_on_after_a_restart),
		TEST(unreadable_memory_begins_anew),
		TEST(neighbours_of_the_same_station),
		TEST(humidity_of_another_sensor),
		TEST(fine_dust_of_one_and_all_dust_of_another),
		TEST(raw_and_corrected_are_kept),
		TEST(ranges_of_what_was_said_and_of_what_is_meant),
		TEST(humidity_is_corrected_first),
		TEST(without_humidity_the_value_is_suspect),
		TEST(what_does_not_measure_fails),
		TEST(what_settles_fails),
		TEST(an_operator_calibrates),
		TEST(poured_water_is_no_rain),
		TEST(poured_increments_are_none_either),
	};

	return cmocka_run_group_tests_name("judge", tests, NULL, NULL);
}
