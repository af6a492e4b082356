/* Lines, their CRC, and the units that stand in them. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "core/number.h"
#include "sensors/line.h"
#include "sensors/mapping.h"
#include "sensors/unit.h"

static ssize_t frame(const char *text, size_t max)
{
	return line_frame((const uint8_t *)text, strlen(text), max);
}

static ssize_t frame_any(const char *text)
{
	return line_frame_any((const uint8_t *)text, strlen(text), 20);
}

static struct span span(const char *text)
{
	return (struct span){ text, strlen(text) };
}

static void test_line_ends(void **state)
{
	(void)state;
	assert_int_equal(frame("ab\r\ncd", 20), 4);
	assert_int_equal(frame("ab\ncd", 20), 3);
	assert_int_equal(frame("ab\r", 20), 0);
	assert_int_equal(frame("ab", 20), 0);
	assert_int_equal(frame("", 20), 0);
	assert_int_equal(frame("\r\n", 20), -1);
	assert_int_equal(frame("a\001b\n", 20), -1);
	assert_int_equal(frame("a\x80\n", 20), -1);
	assert_int_equal(frame("a\x7f\n", 20), 3); /* a CRC may hold it */
	assert_int_equal(frame("abcd\n", 5), 5);
	assert_int_equal(frame("abcde\n", 5), -1);
	assert_int_equal(frame("abcde", 5), -1);
	assert_int_equal(frame("abcd", 5), 0);

	assert_int_equal(frame_any("ab\r\ncd"), 4);
	assert_int_equal(frame_any("ab\rcd"), 3);
	assert_int_equal(frame_any("ab\r"), 3);
	assert_int_equal(frame_any("ab\n"), 3);
	assert_int_equal(frame_any("\n"), 1);
	assert_int_equal(frame_any("21 \xC2\xB0\x43\n"), 7);
	assert_int_equal(frame_any("a\001\n"), 3);
	assert_true(span_has_control(span("a\001")));
	assert_false(span_has_control(span("a\xC2\xB0\t ")));
	assert_int_equal(frame_any("ab"), 0);
	assert_int_equal(frame_any("abcdefghijklmnopqrstuvw"), 21);
}

static void test_parts(void **state)
{
	struct span rest = span("a,,b,"), field;
	struct span nothing = { NULL, 0 };
	double value;

	(void)state;
	assert_true(span_split(&rest, ',', &field) && span_is(field, "a"));
	assert_true(span_split(&rest, ',', &field) && span_is(field, ""));
	assert_true(span_split(&rest, ',', &field) && span_is(field, "b"));
	assert_true(span_split(&rest, ',', &field) && span_is(field, ""));
	assert_false(span_split(&rest, ',', &field));
	assert_false(span_split(&nothing, ',', &field));
	field = line_body((const uint8_t *)" \tab c \r\n", 9);
	assert_true(span_is(field, "ab c"));
	assert_true(span_begins(field, "ab"));
	assert_false(span_begins(field, "ab cd"));
	assert_true(span_number(span("-1.25"), &value) && value == -1.25);
	assert_false(span_number(span("1.2.5"), &value));
	assert_false(span_number(span("nan"), &value));
}

static void test_crc(void **state)
{
	/* From the data sheets of the WXT and of SDI-12. */
	static const char *const good[] = { "0r1Goe", "0r2Gje", "0r3Kid", "0r5Kcd",
		"0r0Kld", "0tX,Use chksum GoeIU~", "0+3.14OqZ", "0+3.14+2.718+1.414Ipz" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct span text = span(good[i]);

		assert_true(line_take_crc(&text));
		assert_int_equal(text.length, strlen(good[i]) - 3);
	}
	struct span damaged = span("0+3.15OqZ");
	assert_false(line_take_crc(&damaged));
	assert_int_equal(damaged.length, 9);
	damaged = span("Oq");
	assert_false(line_take_crc(&damaged));
}

static void test_units(void **state)
{
	(void)state;
	assert_true(unit_convert(UNIT_SAME, 1.23456789012345) == 1.23456789012345);
	assert_true(unit_convert(UNIT_DEGF, 74.6) == 23.666667);
	assert_true(unit_convert(UNIT_DEGF, -40) == -40);
	assert_true(unit_convert(UNIT_KELVIN, 300.15) == 27);
	assert_true(unit_convert(UNIT_PA, 100580) == 1005.8);
	assert_true(unit_convert(UNIT_KPA, 100.58) == 1005.8);
	assert_true(unit_convert(UNIT_BAR, 1.0058) == 1005.8);
	assert_true(unit_convert(UNIT_INHG, 29.92) == 1013.207589);
	assert_true(unit_convert(UNIT_MMHG, 760) == 1013.25024);
	assert_true(unit_convert(UNIT_KMH, 36) == 10);
	assert_true(unit_convert(UNIT_MPH, 10) == 4.4704);
	assert_true(unit_convert(UNIT_KNOTS, 10) == 5.144444);
	assert_true(unit_convert(UNIT_INCHES, 0.019) == 0.4826);
	assert_true(unit_convert(UNIT_IPH, 0.082) == 2.0828);
	assert_true(unit_convert(UNIT_MM_PER_MIN, 0.1) == 6);
	assert_true(isfinite(unit_convert(UNIT_BAR, 1e300)));
	assert_true(unit_fits(UNIT_DEGF, metric_find("temperature")));
	assert_false(unit_fits(UNIT_DEGF, metric_find("humidity")));
	assert_true(unit_fits(UNIT_SAME, metric_find("humidity")));
	assert_true(unit_fits(UNIT_MG_M3, metric_find("co")));
	for (int i = 0; i < UNIT_COUNT; i++)
		assert_non_null(unit_names[i]);
	assert_null(unit_names[UNIT_COUNT]);
}

static void test_mapping(void **state)
{
	double none[] = { -9999 };
	struct mapping mapping = {
		.metric = metric_find("wind_speed"),
		.unit = UNIT_KMH,
		.scale = 0.1,
		.offset = 0.5,
		.invalid = { none, 1 },
	};
	struct report report;

	(void)state;
	report_init(&report);
	assert_int_equal(mapping_take(&mapping, -9999, &report), SENSOR_OK);
	assert_int_equal(report.count, 0);
	assert_int_equal(mapping_take(&mapping, NAN, &report), SENSOR_BAD_VALUE);
	assert_int_equal(mapping_take(&mapping, 355, &report), SENSOR_OK);
	assert_true(report.readings[0].value == 10);
	mapping.scale = 1e308;
	assert_int_equal(mapping_take(&mapping, 1e10, &report), SENSOR_BAD_VALUE);
}

static void test_rounding(void **state)
{
	(void)state;
	assert_true(number_round(536 * 0.1, 12) == 53.6);
	assert_true(isnan(number_round(NAN, 12)));
	assert_true(number_from_float(23.45f) == 23.45);
	assert_true(number_from_float(16777216.0f) == 16777216);
	assert_true(number_from_float(0.1f) == 0.1);
	assert_true(number_from_float(12.0972185f) == 12.0972185); /* needs all nine */
	assert_true(isinf(number_from_float(INFINITY)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_line_ends),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_crc),
		cmocka_unit_test(test_units),
		cmocka_unit_test(test_mapping),
		cmocka_unit_test(test_rounding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
