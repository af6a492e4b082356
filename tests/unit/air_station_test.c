/* A station's hours: what is complete, which sensor counts, and the hourly report. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/metric.h"
#include "derive/air_report.h"
#include "derive/air_station.h"

#define MINUTE INT64_C(60000)
#define HOUR   (60 * MINUTE)

static const int64_t noon = 1795323600000; /* 2026-11-22T12:00+07:00, a whole hour */

static struct air_station station;

static int begin(void **state)
{
	(void)state;
	station = (struct air_station){ .count = 0 };
	return 0;
}

static int end(void **state)
{
	(void)state;
	air_station_free(&station);
	return 0;
}

static void near(double got, double want)
{
	if (isnan(want) ? !isnan(got) : !(fabs(got - want) <= 1e-9))
		fail_msg("%.9f is not %.9f", got, want);
}

static struct air_part *pm25(const char *sensor, enum air_role role)
{
	struct air_part *part = air_station_part(&station, sensor, AIR_PM25, role);

	assert_non_null(part);
	return part;
}

/* VALUE in the minutes that end FROM … TO minutes after noon, every EVERY. */
static void say(
	const char *sensor, enum air_role role, int from, int to, int every, double value)
{
	struct air_part *part = pm25(sensor, role);

	for (int m = from; m <= to; m += every) {
		air_station_close(&station, noon + (m - 120) * MINUTE);
		assert_true(air_part_add(part, noon + m * MINUTE, 1, value));
	}
}

static struct air_mean hour(int64_t end_ms)
{
	return air_station_mean(&station, AIR_PM25, end_ms, 60, 0.75);
}

/* --- completeness ------------------------------------------------------------ */

static void test_the_hour_is_open_at_its_start(void **state)
{
	struct air_part *part = pm25("a", AIR_REFERENCE);

	(void)state;
	/* Stamped exactly at noon: the hour before. A minute later: the hour after. */
	air_part_add(part, noon, 1, 10);
	for (int m = 1; m <= 60; m++)
		air_part_add(part, noon + m * MINUTE, 1, 20);
	air_part_add(part, noon + 61 * MINUTE, 1, 90);
	struct air_mean mean = hour(noon + HOUR);
	near(mean.mean, 20);
	near(mean.completeness, 1);
	assert_false(mean.indicative);
	near(hour(noon).mean, NAN);
}

static void test_three_quarters_of_the_minutes(void **state)
{
	(void)state;
	say("a", AIR_REFERENCE, 16, 60, 1, 30);
	near(hour(noon + HOUR).completeness, 0.75);
	near(hour(noon + HOUR).mean, 30);
	end(NULL);
	say("a", AIR_REFERENCE, 17, 60, 1, 30);
	near(hour(noon + HOUR).mean, NAN);
	near(hour(noon + HOUR).completeness, 44.0 / 60);
	near(air_station_mean(&station, AIR_PM25, noon + HOUR, 60, 0.7).mean, 30);
}

static void test_slow_sensors_are_complete_too(void **state)
{
	static const int every[] = { 2, 5, 10, 15, 20, 30, 60 };

	(void)state;
	for (size_t i = 0; i < sizeof every / sizeof *every; i++) {
		begin(NULL);
		say("slow", AIR_REFERENCE, every[i] - 300, 60, every[i], 40);
		air_station_close(&station, noon);
		if (hour(noon + HOUR).completeness != 1)
			fail_msg("every %d minutes: %g", every[i],
				hour(noon + HOUR).completeness);
		end(NULL);
	}
	/* Half of them are missing. */
	say("slow", AIR_REFERENCE, -115, 30, 5, 40);
	near(hour(noon + HOUR).completeness, 0.5);
}

static void test_a_word_after_a_silence_is_no_hour(void **state)
{
	(void)state;
	say("a", AIR_REFERENCE, -180, -120, 1, 10);
	air_station_close(&station, noon - HOUR);
	say("a", AIR_REFERENCE, 50, 50, 1, 500);
	assert_true(hour(noon + HOUR).completeness < 0.1);
	near(hour(noon + HOUR).mean, NAN);
	end(NULL);
	/* Nobody knows yet how often it speaks: one silence, or two, is no habit. */
	say("new", AIR_REFERENCE, -60, 60, 60, 500);
	near(hour(noon + HOUR).completeness, 1.0 / 60);
	end(NULL);
	say("new", AIR_REFERENCE, -120, 60, 60, 500);
	near(hour(noon + HOUR).completeness, 1);
}

static void test_every_90_seconds(void **state)
{
	struct air_part *part = pm25("a", AIR_REFERENCE);

	(void)state;
	for (int64_t at = noon + 1; at < noon + HOUR; at += 90000)
		air_part_add(part, (at + MINUTE - 1) / MINUTE * MINUTE, 1, 10);
	near(hour(noon + HOUR).completeness, 1);
}

static void test_the_running_hour(void **state)
{
	(void)state;
	say("a", AIR_REFERENCE, 1, 20, 1, 10);
	near(air_station_mean(&station, AIR_PM25, noon + HOUR, 20, 0.75).mean, 10);
	near(air_station_mean(&station, AIR_PM25, noon + HOUR, 40, 0.75).mean, NAN);
	near(air_station_mean(&station, AIR_PM25, noon + HOUR, 40, 0.75).completeness,
		0.5);
}

static void test_a_fourth_hour_has_no_room(void **state)
{
	struct air_part *part = pm25("a", AIR_REFERENCE);

	(void)state;
	for (int h = 0; h < AIR_OPEN; h++)
		assert_true(air_part_add(part, noon + h * HOUR, 1, 1));
	assert_false(air_part_add(part, noon + AIR_OPEN * HOUR, 1, 1));
	air_station_close(&station, noon);
	assert_true(air_part_add(part, noon + AIR_OPEN * HOUR, 1, 1));
}

/* --- several sensors ------------------------------------------------------------ */

static void test_reference_goes_before_indicative(void **state)
{
	(void)state;
	say("optical", AIR_INDICATIVE, 1, 60, 1, 90);
	say("indoor", AIR_LEFT_OUT, 1, 60, 1, 900);
	near(hour(noon + HOUR).mean, 90);
	assert_true(hour(noon + HOUR).indicative);
	say("beta", AIR_REFERENCE, 10, 60, 1, 40);
	near(hour(noon + HOUR).mean, 40);
	assert_false(hour(noon + HOUR).indicative);
	near(hour(noon + HOUR).completeness, 51.0 / 60);
}

static void test_an_incomplete_reference_gives_way(void **state)
{
	(void)state;
	say("optical", AIR_INDICATIVE, 1, 60, 1, 90);
	say("beta", AIR_REFERENCE, 40, 60, 1, 40);
	near(hour(noon + HOUR).mean, 90);
	assert_true(hour(noon + HOUR).indicative);
}

static void test_median_of_equals(void **state)
{
	(void)state;
	say("a", AIR_INDICATIVE, 1, 60, 1, 30);
	say("b", AIR_INDICATIVE, 1, 60, 1, 50);
	near(hour(noon + HOUR).mean, 40);
	say("stuck", AIR_INDICATIVE, 1, 60, 1, 999);
	near(hour(noon + HOUR).mean, 50);
}

static void test_less_than_nothing_is_nothing(void **state)
{
	(void)state;
	say("a", AIR_REFERENCE, 1, 60, 1, -2);
	near(hour(noon + HOUR).mean, 0);
}

/* --- the report ----------------------------------------------------------------- */

static const struct reading *value(const struct report *report, uint16_t metric)
{
	const struct reading *reading = report_find(report, metric);

	assert_non_null(reading);
	return reading;
}

static struct report fill(const struct air_hours *hours)
{
	struct report report;

	report_init(&report);
	air_report_fill(hours, &air_rules_default, &report);
	return report;
}

static void test_report(void **state)
{
	struct air_hours hours;

	(void)state;
	air_hours_clear(&hours);
	hours.end_ms = noon;
	assert_int_equal(fill(&hours).count, 0);
	for (int h = 0; h < 12; h++)
		hours.means[AIR_PM25][h] = 40;
	hours.means[AIR_NO2][0] = 150;
	struct report report = fill(&hours);
	near(value(&report, METRIC_PM25_1H)->value, 40);
	near(value(&report, METRIC_NO2_1H)->value, 150);
	near(value(&report, METRIC_PM25_NOWCAST)->value, 40);
	near(value(&report, METRIC_VN_AQI)->value, 80);
	assert_int_equal(value(&report, METRIC_VN_AQI)->flag, FLAG_GOOD);
	near(value(&report, METRIC_US_AQI)->value, 112);
	near(value(&report, METRIC_EAQI)->value, 5);
	assert_null(report_find(&report, METRIC_PM10_NOWCAST));
	assert_null(report_find(&report, METRIC_VN_AQI_DAY));
}

static void test_report_without_the_newest_dust(void **state)
{
	struct air_hours hours;

	(void)state;
	air_hours_clear(&hours);
	hours.end_ms = noon;
	hours.means[AIR_PM25][0] = hours.means[AIR_PM25][1] = 40;
	air_hours_advance(&hours, noon + HOUR);
	struct report report = fill(&hours);
	near(value(&report, METRIC_VN_AQI)->value, 80);
	assert_int_equal(value(&report, METRIC_VN_AQI)->flag, FLAG_SUSPECT);
	assert_int_equal(value(&report, METRIC_PM25_NOWCAST)->flag, FLAG_SUSPECT);
	assert_null(report_find(&report, METRIC_PM25_1H));
	air_hours_advance(&hours, noon + 2 * HOUR);
	assert_int_equal(fill(&hours).count, 0);
}

static void test_report_of_a_day(void **state)
{
	const int64_t midnight = noon + 12 * HOUR;
	struct air_hours hours;

	(void)state;
	assert_true(air_ends_day(midnight));
	assert_false(air_ends_day(midnight - HOUR));
	air_hours_clear(&hours);
	hours.end_ms = midnight;
	/* The six newest hours are missing: 18 of 24 are enough, and nothing else is. */
	for (int h = 6; h < 24; h++)
		hours.means[AIR_PM25][h] = 65;
	struct report report = fill(&hours);
	assert_int_equal(report.count, 1);
	near(value(&report, METRIC_VN_AQI_DAY)->value, 125);
	hours.means[AIR_PM25][6] = NAN;
	assert_int_equal(fill(&hours).count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_the_hour_is_open_at_its_start, begin, end),
		cmocka_unit_test_setup_teardown(
			test_three_quarters_of_the_minutes, begin, end),
		cmocka_unit_test_setup_teardown(
			test_slow_sensors_are_complete_too, begin, end),
		cmocka_unit_test_setup_teardown(
			test_a_word_after_a_silence_is_no_hour, begin, end),
		cmocka_unit_test_setup_teardown(test_every_90_seconds, begin, end),
		cmocka_unit_test_setup_teardown(test_the_running_hour, begin, end),
		cmocka_unit_test_setup_teardown(
			test_a_fourth_hour_has_no_room, begin, end),
		cmocka_unit_test_setup_teardown(
			test_reference_goes_before_indicative, begin, end),
		cmocka_unit_test_setup_teardown(
			test_an_incomplete_reference_gives_way, begin, end),
		cmocka_unit_test_setup_teardown(test_median_of_equals, begin, end),
		cmocka_unit_test_setup_teardown(
			test_less_than_nothing_is_nothing, begin, end),
		cmocka_unit_test(test_report),
		cmocka_unit_test(test_report_without_the_newest_dust),
		cmocka_unit_test(test_report_of_a_day),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
