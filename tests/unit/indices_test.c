/* The indices of the hours: at their end, after a restart, when something comes late. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/clock.h"
#include "core/metric.h"
#include "gateway/pipeline.h"
#include "tests/unit/temp_store.h"
#include "web/air_now.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define ALL    (REPORT_REVISED | REPORT_BACKFILLED | REPORT_INDICATIVE)

static const int64_t noon = 1795323600000; /* a whole hour */
static const char station[] = "S";

static struct temp temp;
static struct store *store; /* NULL: without one */
static struct pipeline *pipeline;
static struct config config;
static int64_t now_ms;

/* What was reported, oldest first. */
static struct report kept[256];
static size_t kept_count;

static int keep(void *arg, int64_t source, const struct report *report)
{
	(void)arg;
	assert_true(kept_count < sizeof kept / sizeof *kept);
	assert_true(source > 0 || !store);
	kept[kept_count++] = *report;
	return 0;
}

static void start(void)
{
	pipeline = pipeline_new(&(struct pipeline_settings){
		.store = store,
		.config = &config,
		.keep_index = keep,
	});
	assert_non_null(pipeline);
	if (store)
		assert_int_equal(store_commit(store), 0);
}

static void set_clock(int64_t ms)
{
	now_ms = ms;
	clock_freeze(ms, ms - noon + HOUR);
}

static int begin(void **state)
{
	(void)state;
	config = (struct config){ .station = { .id = station } };
	kept_count = 0;
	set_clock(noon);
	temp_make(&temp);
	store = temp_open(&temp, STORE_RECORDER);
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(store_write_metrics(store), 0);
	assert_int_equal(store_commit(store), 0);
	start();
	return 0;
}

static int end(void **state)
{
	(void)state;
	pipeline_free(pipeline);
	store_close(store);
	temp_remove(&temp);
	clock_freeze_plainly();
	return 0;
}

/* The process is gone, without a word. */
static void restart(void)
{
	pipeline_free(pipeline);
	start();
}

/* What the recorder does about once a minute. */
static void merge(void)
{
	if (store)
		assert_int_equal(store_join(store), 0);
	assert_int_equal(
		pipeline_merge(pipeline, store ? store_last_id(store) : 0, now_ms), 0);
	assert_int_equal(pipeline_index(pipeline, now_ms), 0);
	if (store)
		assert_int_equal(store_commit(store), 0);
}

static void tell(int64_t time_ms, const char *sensor, uint16_t metric, double value,
	uint16_t marks)
{
	struct report report;

	report_init(&report);
	report.time_ms = time_ms;
	report.marks = marks;
	snprintf(report.station, sizeof report.station, "%s", station);
	snprintf(report.sensor, sizeof report.sensor, "%s", sensor);
	report_add(&report, metric, value);
	struct source *source = pipeline_source(pipeline, &report);
	assert_non_null(source);
	if (!pipeline_has_room(source, time_ms))
		merge();
	pipeline_judge(pipeline, source, &report);
	pipeline_count(source, &report);
}

/* PM2.5 of VALUE, a minute after the other, after FROM up to TO; time goes with it. */
static void measure(int64_t from_ms, int64_t to_ms, double value)
{
	for (int64_t at = from_ms + MINUTE; at <= to_ms; at += MINUTE) {
		set_clock(at);
		tell(at, "dust", METRIC_PM25, value, 0);
	}
}

static void pass_to(int64_t ms)
{
	set_clock(ms);
	merge();
}

/* The newest report of the hour END_MS, or NULL. */
static const struct report *find(int64_t end_ms)
{
	for (size_t i = kept_count; i-- > 0;)
		if (kept[i].time_ms == end_ms)
			return &kept[i];
	return NULL;
}

static void expect(int64_t end_ms, uint16_t metric, double value)
{
	const struct report *report = find(end_ms);

	if (!report)
		fail_msg("hour %+d has no report", (int)((end_ms - noon) / HOUR));
	const struct reading *reading = report_find(report, metric);
	double got = reading ? reading->value : NAN;
	if (isnan(value) ? reading != NULL : !(fabs(got - value) < 1e-6))
		fail_msg("hour %+d: %s is %g, not %g", (int)((end_ms - noon) / HOUR),
			metric_by_id(metric)->name, got, value);
}

static void expect_marks(int64_t end_ms, uint16_t marks)
{
	const struct report *report = find(end_ms);

	assert_non_null(report);
	assert_int_equal(report->marks & ALL, marks);
}

/* --- an hour --------------------------------------------------------------------- */

static void test_an_hour_ends(void **state)
{
	(void)state;
	measure(noon, noon + HOUR, 40);
	pass_to(noon + HOUR + 14 * SECOND);
	assert_int_equal(kept_count, 0);
	assert_false(pipeline_index_is_due(pipeline, now_ms));
	set_clock(noon + HOUR + 15 * SECOND);
	assert_true(pipeline_index_is_due(pipeline, now_ms));
	merge();
	assert_false(pipeline_index_is_due(pipeline, now_ms));
	assert_int_equal(kept_count, 1);
	assert_string_equal(kept[0].station, station);
	assert_string_equal(kept[0].sensor, INDEX_SENSOR);
	expect(noon + HOUR, METRIC_PM25_1H, 40);
	/* One hour is not two of three. */
	expect(noon + HOUR, METRIC_VN_AQI, NAN);
	measure(noon + HOUR, noon + 2 * HOUR, 40);
	pass_to(noon + 2 * HOUR + MINUTE);
	expect(noon + 2 * HOUR, METRIC_VN_AQI, 80);
	expect(noon + 2 * HOUR, METRIC_PM25_NOWCAST, 40);
	/* The configuration does not know it: nobody has vouched for it. */
	expect_marks(noon + 2 * HOUR, REPORT_INDICATIVE);
}

static void test_what_is_exactly_on_the_hour_belongs_to_it(void **state)
{
	(void)state;
	measure(noon, noon + HOUR - MINUTE, 40);
	set_clock(noon + HOUR);
	tell(noon + HOUR, "dust", METRIC_PM25, 100, 0);
	tell(noon + HOUR + 1, "dust", METRIC_PM25, 900, 0);
	pass_to(noon + HOUR + MINUTE);
	expect(noon + HOUR, METRIC_PM25_1H, 41);
}

static void test_an_incomplete_hour_is_none(void **state)
{
	(void)state;
	measure(noon, noon + 2 * HOUR, 40);
	measure(noon + 2 * HOUR, noon + 2 * HOUR + 40 * MINUTE, 90);
	pass_to(noon + 3 * HOUR + MINUTE);
	expect(noon + 3 * HOUR, METRIC_PM25_1H, NAN);
	/* The Decision gives an index all the same, for this one hour. */
	expect(noon + 3 * HOUR, METRIC_VN_AQI, 80);
	assert_int_equal(
		report_find(find(noon + 3 * HOUR), METRIC_VN_AQI)->flag, FLAG_SUSPECT);
	pass_to(noon + 4 * HOUR + MINUTE);
	assert_null(find(noon + 4 * HOUR));
}

/* Nobody says anything: the hour ends all the same, by the recorder's tick. */
static void test_a_silent_end(void **state)
{
	(void)state;
	measure(noon, noon + 50 * MINUTE, 40);
	merge();
	pass_to(noon + HOUR + MINUTE);
	expect(noon + HOUR, METRIC_PM25_1H, 40);
}

/* --- restarts, outages ------------------------------------------------------------ */

static void test_a_restart_in_the_middle_of_an_hour(void **state)
{
	(void)state;
	measure(noon, noon + HOUR + 30 * MINUTE, 40);
	merge();
	restart();
	measure(noon + HOUR + 30 * MINUTE, noon + 2 * HOUR, 60);
	pass_to(noon + 2 * HOUR + MINUTE);
	expect(noon + HOUR, METRIC_PM25_1H, 40);
	expect(noon + 2 * HOUR, METRIC_PM25_1H, 50);
	expect(noon + 2 * HOUR, METRIC_PM25_NOWCAST, (50 + 40 * 0.8) / 1.8);
	restart();
	pass_to(noon + 2 * HOUR + 2 * MINUTE);
	assert_int_equal(kept_count, 2);
}

static void test_hours_that_ended_during_an_outage(void **state)
{
	(void)state;
	measure(noon, noon + 2 * HOUR + 55 * MINUTE, 40);
	merge();
	kept_count = 0;
	set_clock(noon + 7 * HOUR);
	restart();
	measure(noon + 7 * HOUR, noon + 8 * HOUR, 80);
	pass_to(noon + 8 * HOUR + MINUTE);
	expect(noon + 3 * HOUR, METRIC_PM25_1H, 40);
	expect(noon + 3 * HOUR, METRIC_VN_AQI, 80);
	expect(noon + 4 * HOUR, METRIC_PM25_1H, NAN);
	expect(noon + 4 * HOUR, METRIC_VN_AQI, 80);
	/* Of a silent hour after a restart it is known all the same. */
	expect_marks(noon + 4 * HOUR, REPORT_INDICATIVE);
	assert_null(find(noon + 5 * HOUR));
	expect(noon + 8 * HOUR, METRIC_PM25_1H, 80);
	expect(noon + 8 * HOUR, METRIC_VN_AQI, NAN);
}

/* --- what comes late -------------------------------------------------------------- */

static void test_late_readings_revise(void **state)
{
	(void)state;
	measure(noon, noon + HOUR, 40);
	measure(noon + HOUR, noon + HOUR + 30 * MINUTE, 40);
	measure(noon + 2 * HOUR, noon + 4 * HOUR, 40);
	pass_to(noon + 4 * HOUR + MINUTE);
	assert_null(find(noon + 2 * HOUR));
	expect(noon + 3 * HOUR, METRIC_VN_AQI, 80);
	kept_count = 0;
	/* A node's buffer: the half hour that was missing. */
	for (int64_t at = noon + HOUR + 31 * MINUTE; at <= noon + 2 * HOUR; at += MINUTE)
		tell(at, "dust", METRIC_PM25, 80, REPORT_BACKFILLED);
	pass_to(noon + 4 * HOUR + 3 * MINUTE);
	expect(noon + 2 * HOUR, METRIC_PM25_1H, 60);
	/* w = 2/3: (60 + 40 w) / (1 + w) */
	expect(noon + 2 * HOUR, METRIC_PM25_NOWCAST, 52);
	expect(noon + 3 * HOUR, METRIC_PM25_NOWCAST,
		(40 + 60 * 2.0 / 3 + 40 * 4.0 / 9) / (1 + 2.0 / 3 + 4.0 / 9));
	expect_marks(
		noon + 2 * HOUR, REPORT_REVISED | REPORT_BACKFILLED | REPORT_INDICATIVE);
	expect_marks(noon + 4 * HOUR, ALL);
	/* The hour before it has not changed. */
	assert_null(find(noon + HOUR));
	/* What comes next goes on from the corrected hours. */
	measure(noon + 4 * HOUR, noon + 5 * HOUR, 40);
	pass_to(noon + 5 * HOUR + MINUTE);
	expect_marks(noon + 5 * HOUR, REPORT_INDICATIVE);
	expect(noon + 5 * HOUR, METRIC_PM25_NOWCAST,
		(40 + 40 * 2.0 / 3 + 40 * 4.0 / 9 + 60 * 8.0 / 27 + 40 * 16.0 / 81) /
			(1 + 2.0 / 3 + 4.0 / 9 + 8.0 / 27 + 16.0 / 81));
	assert_true(temp_number(store,
			    "SELECT count(*) FROM hour JOIN metric"
			    " ON metric.id = metric WHERE name = 'pm25_1h'"
			    " AND count = 1") == 5);
}

static void test_late_readings_that_change_nothing(void **state)
{
	(void)state;
	measure(noon, noon + 3 * HOUR, 40);
	pass_to(noon + 3 * HOUR + MINUTE);
	kept_count = 0;
	tell(noon + 90 * MINUTE, "dust", METRIC_PM25, 40, REPORT_BACKFILLED);
	pass_to(noon + 3 * HOUR + 3 * MINUTE);
	assert_int_equal(kept_count, 0);
}

static void test_revisions_survive_a_kill(void **state)
{
	(void)state;
	measure(noon, noon + 3 * HOUR, 40);
	pass_to(noon + 3 * HOUR + MINUTE);
	kept_count = 0;
	tell(noon + 90 * MINUTE, "dust", METRIC_PM25, 100, REPORT_BACKFILLED);
	/* Merged, but not yet looked at. */
	assert_int_equal(store_join(store), 0);
	assert_int_equal(pipeline_merge(pipeline, 0, now_ms), 0);
	assert_int_equal(store_commit(store), 0);
	restart();
	assert_int_equal(kept_count, 0);
	pass_to(noon + 3 * HOUR + 3 * MINUTE);
	expect(noon + 2 * HOUR, METRIC_PM25_1H, (60 * 40 + 100) / 61.0);
	expect_marks(noon + 3 * HOUR, ALL);
	kept_count = 0;
	restart();
	pass_to(noon + 3 * HOUR + 6 * MINUTE);
	assert_int_equal(kept_count, 0);
}

/* --- other gateways' stations ------------------------------------------------------- */

static void test_a_relayed_station_has_its_index_already(void **state)
{
	(void)state;
	for (int64_t at = noon + MINUTE; at <= noon + 3 * HOUR; at += MINUTE) {
		set_clock(at);
		tell(at, "dust", METRIC_PM25, 40, REPORT_RELAYED);
	}
	tell(noon + 3 * HOUR, INDEX_SENSOR, METRIC_VN_AQI, 80, REPORT_RELAYED);
	pass_to(noon + 3 * HOUR + MINUTE);
	/* Corrected by the one who made it. */
	tell(noon + 3 * HOUR, INDEX_SENSOR, METRIC_VN_AQI, 90,
		REPORT_RELAYED | REPORT_BACKFILLED);
	pass_to(noon + 3 * HOUR + 2 * MINUTE);
	restart();
	pass_to(noon + 4 * HOUR + MINUTE);
	assert_int_equal(kept_count, 0);
	assert_true(temp_number(store,
			    "SELECT sum FROM hour JOIN metric ON metric.id ="
			    " metric WHERE name = 'vn_aqi' AND count = 1") == 90);
	/* From now on it sends its readings itself, and no index with them. */
	measure(noon + 4 * HOUR, noon + 4 * HOUR + 30 * MINUTE, 40);
	merge();
	restart();
	measure(noon + 4 * HOUR + 30 * MINUTE, noon + 5 * HOUR, 40);
	pass_to(noon + 5 * HOUR + MINUTE);
	expect(noon + 5 * HOUR, METRIC_PM25_1H, 40);
}

/* --- what people are shown --------------------------------------------------------- */

static void look(struct air_now *now)
{
	if (air_now_read(store, &config, station, now_ms, now) < 0)
		fail_msg("%s", store_error(store));
}

static void test_what_is_shown(void **state)
{
	struct air_now now;

	(void)state;
	look(&now);
	assert_true(now.hour.end_ms == 0 && now.running.end_ms == 0);
	measure(noon, noon + 2 * HOUR, 40);
	pass_to(noon + 2 * HOUR);
	look(&now);
	/* The hour has ended, but is not closed yet; the one before had no index. */
	assert_int_equal(now.hour.end_ms, noon + HOUR);
	assert_int_equal(now.hour.vn.index, -1);
	assert_int_equal(now.hour.eu.index, 3);
	measure(noon + 2 * HOUR, noon + 2 * HOUR + 20 * MINUTE, 100);
	merge();
	size_t before = kept_count;
	set_clock(noon + 2 * HOUR + 20 * MINUTE + 30 * SECOND);
	look(&now);
	assert_int_equal(now.hour.end_ms, noon + 2 * HOUR);
	assert_int_equal(now.hour.vn.index, 80);
	assert_int_equal(now.hour.vn.pollutant, AIR_PM25);
	assert_int_equal(now.hour.vn.parts[AIR_PM10], -1);
	assert_int_equal(now.hour.us.index, 112);
	assert_true(now.hour.completeness[AIR_PM25] == 1);
	assert_true(now.hour.means[AIR_PM25] == 40);
	assert_true(now.hour.indicative);
	assert_int_equal(now.running.end_ms, noon + 3 * HOUR);
	/* NowCast, w = 1/2: (100 + 40/2 + 40/4) / 1.75 */
	assert_true(fabs(now.running.vn.pm25 - 130 / 1.75) < 1e-9);
	/* Provisional: nobody else gets it. */
	assert_int_equal(kept_count, before);
	/* What is hours old is not the present. */
	pass_to(noon + 6 * HOUR + 30 * MINUTE);
	look(&now);
	assert_int_equal(now.hour.end_ms, 0);
	assert_int_equal(now.running.end_ms, 0);
	assert_int_equal(now.day.end_ms, 0);
}

static void test_the_day_that_is_shown(void **state)
{
	const int64_t midnight = noon + 12 * HOUR;
	struct air_now now;

	(void)state;
	measure(midnight - 20 * HOUR, midnight, 65);
	pass_to(midnight + MINUTE);
	expect(midnight, METRIC_VN_AQI_DAY, 125);
	look(&now);
	assert_int_equal(now.day.end_ms, midnight);
	assert_int_equal(now.day.vn.index, 125);
	assert_int_equal(now.day.vn.pollutant, AIR_PM25);
}

/* --- the clock ---------------------------------------------------------------------- */

static void test_the_clock_is_set_back(void **state)
{
	struct clock_step step = { .since_ms = 0, .by_ms = -2 * HOUR };

	(void)state;
	measure(noon, noon + 3 * HOUR + 30 * MINUTE, 40);
	merge();
	kept_count = 0;
	set_clock(now_ms - 2 * HOUR);
	assert_int_equal(store_join(store), 0);
	assert_int_equal(pipeline_shift(pipeline, &step), 0);
	assert_int_equal(store_commit(store), 0);
	assert_false(pipeline_index_is_due(pipeline, now_ms));
	measure(noon + 90 * MINUTE, noon + 2 * HOUR, 100);
	pass_to(noon + 2 * HOUR + MINUTE);
	expect(noon + 2 * HOUR, METRIC_PM25_1H, (60 * 40 + 30 * 100) / 90.0);
	expect_marks(noon + 2 * HOUR, REPORT_INDICATIVE);
}

/* --- without a store ------------------------------------------------------------------
 */

static void play(void)
{
	measure(noon - 30 * HOUR, noon, 40);
	measure(noon, noon + HOUR + 30 * MINUTE, 90);
	measure(noon + 3 * HOUR, noon + 9 * HOUR, 150);
	pass_to(noon + 9 * HOUR + MINUTE);
}

static void test_without_a_store_it_is_the_same(void **state)
{
	static struct report with[256];
	struct store *kept_store = store;
	size_t count;

	(void)state;
	set_clock(noon - 30 * HOUR);
	play();
	count = kept_count;
	memcpy(with, kept, sizeof kept);
	pipeline_free(pipeline);
	kept_count = 0;
	store = NULL;
	set_clock(noon - 30 * HOUR);
	start();
	play();
	assert_int_equal(kept_count, count);
	assert_true(count > 30);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(kept[i].time_ms, with[i].time_ms);
		assert_int_equal(kept[i].count, with[i].count);
		for (size_t r = 0; r < kept[i].count; r++) {
			assert_true(
				kept[i].readings[r].value == with[i].readings[r].value);
			assert_int_equal(
				kept[i].readings[r].metric, with[i].readings[r].metric);
		}
	}
	store = kept_store;
}

int main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(test_an_hour_ends),
		TEST(test_what_is_exactly_on_the_hour_belongs_to_it),
		TEST(test_an_incomplete_hour_is_none),
		TEST(test_a_silent_end),
		TEST(test_a_restart_in_the_middle_of_an_hour),
		TEST(test_hours_that_ended_during_an_outage),
		TEST(test_late_readings_revise),
		TEST(test_late_readings_that_change_nothing),
		TEST(test_revisions_survive_a_kill),
		TEST(test_a_relayed_station_has_its_index_already),
		TEST(test_what_is_shown),
		TEST(test_the_day_that_is_shown),
		TEST(test_the_clock_is_set_back),
		TEST(test_without_a_store_it_is_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
