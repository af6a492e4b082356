/* Reports and names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/metric.h"
#include "core/reading.h"

static void a_new_report_is_empty(void **state)
{
	(void)state;
	struct report report;

	memset(&report, 0xa5, sizeof report);
	report_init(&report);
	assert_int_equal(report.time_ms, 0);
	assert_int_equal(report.mono_ms, 0);
	assert_int_equal(report.marks, 0);
	assert_int_equal(report.status, STATUS_MEASURING);
	assert_int_equal(report.count, 0);
	assert_string_equal(report.station, "");
	assert_string_equal(report.sensor, "");
	assert_null(report_find(&report, METRIC_PM25));
}

static void takes_readings_until_it_is_full(void **state)
{
	(void)state;
	struct report report;

	report_init(&report);
	for (int i = 0; i < READINGS_MAX; i++)
		assert_true(report_add(&report, (uint16_t)(i + 1), i / 10.0));
	assert_false(report_add(&report, METRIC_PM25, 1));
	assert_int_equal(report.count, READINGS_MAX);
	for (int i = 0; i < READINGS_MAX; i++) {
		struct reading *reading = report_find(&report, (uint16_t)(i + 1));
		assert_ptr_equal(reading, &report.readings[i]);
		assert_true(reading->value == i / 10.0 && reading->raw == i / 10.0);
		assert_int_equal(reading->flag, FLAG_NOT_EVALUATED);
	}
	assert_null(report_find(&report, READINGS_MAX + 1));
}

static void only_good_enough_values_are_used(void **state)
{
	(void)state;
	struct report report;
	struct reading reading = { .metric = METRIC_PM25 };

	report_init(&report);
	for (unsigned flag = 0; flag < 16; flag++) {
		reading.flag = (uint8_t)flag;
		report.status = STATUS_MEASURING;
		assert_true(
			reading_is_usable(&report, &reading) == (flag >= 1 && flag <= 3));
		report.status = STATUS_CALIBRATING;
		assert_false(reading_is_usable(&report, &reading));
		report.status = STATUS_FAULT;
		assert_false(reading_is_usable(&report, &reading));
		report.status = 77; /* not known here: nothing to rely on */
		assert_false(reading_is_usable(&report, &reading));
	}
}

static bool valid(const char *name)
{
	return name_is_valid(name, strlen(name));
}

static void names(void **state)
{
	(void)state;
	char longest[NAME_SIZE + 1];

	assert_true(valid("HN-CG-01"));
	assert_true(valid("Cầu Giấy"));
	assert_true(valid("a"));
	assert_true(valid("with space, = and \"quotes\""));
	assert_false(valid(""));
	assert_false(valid("a/b"));
	assert_false(valid("+"));
	assert_false(valid("#1"));
	assert_false(valid("a\nb"));
	assert_false(valid("a\x7f"));
	assert_false(valid("a\x1f"));
	assert_false(valid("\xff"));
	assert_false(valid("C\xc3"));
	assert_false(name_is_valid("a\0b", 3));
	assert_true(name_is_valid("ab/c", 2));
	assert_true(name_is_valid("a\\b", 3));
	assert_false(name_is_valid("ab\\", 3));

	memset(longest, 'x', sizeof longest);
	assert_true(name_is_valid(longest, NAME_SIZE - 1));
	assert_false(name_is_valid(longest, NAME_SIZE));
	/* In bytes, not letters: 21 of three bytes fit. */
	for (size_t i = 0; i < sizeof longest - 2; i += 3)
		memcpy(longest + i, "ấ", 3);
	assert_true(name_is_valid(longest, 63));
	assert_false(name_is_valid(longest, 62));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_report_is_empty),
		cmocka_unit_test(takes_readings_until_it_is_full),
		cmocka_unit_test(only_good_enough_values_are_used),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests_name("reading", tests, NULL, NULL);
}
