/* Rows gathered into steps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "core/clock.h"
#include "core/metric.h"
#include "web/csv_text.h"
#include "web/series.h"

static const int64_t minute = 60000, hour = 3600000, day = 86400000;

static int64_t at(const char *text)
{
	int64_t ms;

	assert_true(clock_parse(text, &ms));
	return ms;
}

static void add(struct series *series, int64_t end_ms, int64_t count, double value)
{
	struct aggregate row = { .end_ms = end_ms,
		.count = count,
		.sum = value * (double)count,
		.min = value - 1,
		.max = value + 1 };

	assert_true(series_add(series, &row));
}

static void test_steps(void **state)
{
	static const char *const bad[] = { "", "m", "0m", "7m", "61m", "5h", "48h", "32d",
		"1w", "01m", "1", "-1m", "1m ", "1mm", "1000m", "auto" };

	(void)state;
	assert_int_equal(series_step("1m"), minute);
	assert_int_equal(series_step("30m"), 30 * minute);
	assert_int_equal(series_step("60m"), hour);
	assert_int_equal(series_step("12h"), 12 * hour);
	assert_int_equal(series_step("24h"), day);
	assert_int_equal(series_step("31d"), 31 * day);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(series_step(bad[i]), 0);
	assert_int_equal(series_auto(0, hour, minute), minute);
	assert_int_equal(series_auto(0, day, minute), 5 * minute);
	assert_int_equal(series_auto(0, hour, hour), hour);
	assert_int_equal(series_auto(0, 365 * day, minute), day);
	assert_int_equal(series_auto(0, 3650 * day, minute), day);
}

static void test_range(void **state)
{
	struct series_range range = { .from_ms = at("2026-11-25T00:00:00+07:00"),
		.to_ms = at("2026-11-26T00:00:00+07:00"),
		.step_ms = day };
	int64_t from, to;

	(void)state;
	/* Days are Viet Nam's, (00:00, 24:00], and labelled by their end. */
	series_range_set(&range);
	assert_int_equal(range.count, 1);
	assert_int_equal(range.first_ms, range.to_ms);
	assert_int_equal(range.rows, AGGREGATE_HOUR);
	series_rows(&range, &from, &to);
	assert_int_equal(from, range.from_ms);
	assert_int_equal(to, range.to_ms);
	range.to_ms += 1;
	series_range_set(&range);
	assert_int_equal(range.count, 2);
	range.step_ms = 30 * minute;
	series_range_set(&range);
	assert_int_equal(range.rows, AGGREGATE_MINUTE);
	assert_int_equal(range.count, 49);
}

static void test_minutes(void **state)
{
	int64_t start = at("2026-11-25T08:00:00+07:00");
	struct series_range range = {
		.from_ms = start, .to_ms = start + hour, .step_ms = 15 * minute
	};
	struct series series;

	(void)state;
	series_range_set(&range);
	assert_int_equal(range.count, 4);
	assert_true(series_init(&series, &range));
	/* A minute belongs to the step it ends in; one that ends at its end, too. */
	for (int i = 1; i <= 15; i++)
		add(&series, start + i * minute, 60, 10);
	for (int i = 16; i <= 20; i++)
		add(&series, start + i * minute, 1, 40);
	add(&series, start + 46 * minute, 3, 5);
	series_close(&series);
	assert_float_equal(series_value(&series, 0, SERIES_MEAN), 10, 1e-9);
	assert_float_equal(series_value(&series, 0, SERIES_SUM), 9000, 1e-9);
	assert_float_equal(series_value(&series, 0, SERIES_MAX), 11, 1e-9);
	assert_true(isnan(series_value(&series, 0, SERIES_NONE)));
	assert_float_equal(series_completeness(&series, 0), 1, 1e-9);
	assert_float_equal(series_value(&series, 1, SERIES_MEAN), 40, 1e-9);
	assert_float_equal(series_completeness(&series, 1), 5.0 / 15, 1e-9);
	/* Nothing is a gap, and no 0. */
	assert_true(isnan(series_value(&series, 2, SERIES_MEAN)));
	assert_true(isnan(series_value(&series, 2, SERIES_SUM)));
	assert_float_equal(series_completeness(&series, 2), 0, 1e-9);
	assert_float_equal(series_value(&series, 3, SERIES_MEAN), 5, 1e-9);
	series_free(&series);
}

static void test_seldom(void **state)
{
	int64_t start = at("2026-11-25T08:00:00+07:00");
	struct series_range range = {
		.from_ms = start, .to_ms = start + 2 * hour, .step_ms = 30 * minute
	};
	struct series series;

	(void)state;
	/* A sensor that speaks every five minutes is whole with six in half an hour. */
	series_range_set(&range);
	assert_true(series_init(&series, &range));
	for (int i = 5; i <= 60; i += 5)
		add(&series, start + i * minute, 1, 10);
	add(&series, start + 65 * minute, 1, 10);
	series_close(&series);
	assert_float_equal(series_completeness(&series, 0), 1, 1e-9);
	assert_float_equal(series_completeness(&series, 1), 1, 1e-9);
	assert_float_equal(series_completeness(&series, 2), 1.0 / 6, 1e-9);
	assert_float_equal(series_completeness(&series, 3), 0, 1e-9);
	series_free(&series);
}

static void test_hours(void **state)
{
	int64_t start = at("2026-11-24T00:00:00+07:00");
	struct series_range range = {
		.from_ms = start, .to_ms = start + 2 * day, .step_ms = day
	};
	struct series series;

	(void)state;
	series_range_set(&range);
	assert_true(series_init(&series, &range));
	for (int i = 1; i <= 24; i++)
		add(&series, start + i * hour, i == 3 ? 1800 : 3600, i <= 12 ? 10 : 30);
	for (int i = 1; i <= 6; i++)
		add(&series, start + day + i * hour, 3600, 50);
	series_close(&series);
	assert_float_equal(series_completeness(&series, 0), 23.5 / 24, 1e-9);
	assert_float_equal(series_completeness(&series, 1), 0.25, 1e-9);
	/* Weighed by readings. */
	assert_float_equal(series_value(&series, 0, SERIES_MEAN),
		(11.5 * 10 + 12 * 30) / 23.5, 1e-9);
	assert_float_equal(series.points[0].min, 9, 1e-9);
	assert_float_equal(series.points[0].max, 31, 1e-9);
	series_free(&series);

	assert_true(series_init(&series, &range));
	series_close(&series);
	assert_true(isnan(series_value(&series, 1, SERIES_MEAN)));
	series_free(&series);
}

static void test_kinds(void **state)
{
	(void)state;
	assert_int_equal(series_kind_of(METRIC_PM25), SERIES_MEAN);
	assert_int_equal(series_kind_of(METRIC_RAIN), SERIES_SUM);
	assert_int_equal(series_kind_of(METRIC_RAIN_24H), SERIES_MAX);
	assert_int_equal(series_kind_of(METRIC_RAIN_RATE), SERIES_MEAN);
	assert_int_equal(series_kind_of(METRIC_WIND_DIRECTION), SERIES_NONE);
}

static void test_csv(void **state)
{
	struct buffer out;

	(void)state;
	buffer_init(&out, 1000);
	csv_time_field(&out, at("2026-11-25T08:00:00+07:00"));
	csv_field(&out, "Cầu Giấy");
	csv_field(&out, "a \"b\", c");
	csv_number_field(&out, 1.0 / 3, 6);
	csv_number_field(&out, NAN, 6);
	csv_end_record(&out);
	assert_string_equal(buffer_text(&out),
		"2026-11-25T08:00:00+07:00,Cầu Giấy,\"a \"\"b\"\", c\",0.333333,\r\n");
	buffer_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_range),
		cmocka_unit_test(test_minutes),
		cmocka_unit_test(test_seldom),
		cmocka_unit_test(test_hours),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_csv),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
