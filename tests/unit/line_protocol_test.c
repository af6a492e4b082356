#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/metric.h"
#include "outputs/line_protocol.h"

static struct report sample(const char *station, const char *sensor)
{
	struct report report;

	report_init(&report);
	snprintf(report.station, sizeof report.station, "%s", station);
	snprintf(report.sensor, sizeof report.sensor, "%s", sensor);
	report.time_ms = 1795300000000;
	return report;
}

static void add(struct report *report, uint16_t metric, double value, int flag)
{
	assert_true(report_add(report, metric, value));
	report->readings[report->count - 1].flag = (uint8_t)flag;
}

static void expect_line(const struct report *report, const char *expected)
{
	struct line_encoder *encoder = line_encoder_new(LINE_INFLUX_1_2);
	struct buffer out;

	buffer_init(&out, 1 << 20);
	/* Twice: the second one is made from what was remembered. */
	for (int i = 0; i < 2; i++) {
		buffer_clear(&out);
		line_encode(encoder, 7, report, &out);
		assert_string_equal(buffer_text(&out), expected);
	}
	buffer_free(&out);
	line_encoder_free(encoder);
}

static void test_contract_example(void **state)
{
	struct report report = sample("HN-CG-01", "dust");

	(void)state;
	add(&report, METRIC_PM25, 35.2, FLAG_GOOD);
	add(&report, METRIC_PM10, 60.1, FLAG_NOT_EVALUATED);
	expect_line(&report,
		"environment,station=HN-CG-01,sensor=dust "
		"pm25=35.2,pm10=60.1 1795300000000\n");
}

static void test_flags(void **state)
{
	struct report report = sample("s", "d");

	(void)state;
	add(&report, METRIC_PM1, 3, FLAG_SUSPECT);
	add(&report, METRIC_PM25, 512, FLAG_FAIL);
	add(&report, METRIC_PM10, 9, FLAG_MISSING);
	add(&report, METRIC_CO2, 415, FLAG_GOOD);
	add(&report, METRIC_O3, 1.5, 7); /* no flag of ours */
	expect_line(&report,
		"environment,station=s,sensor=d "
		"pm1=3.0,pm1_qc=3i,pm25_bad=512.0,pm25_qc=4i,co2=415.0,"
		"o3_bad=1.5,o3_qc=7i 1795300000000\n");
}

/* Judged, what does not measure is flagged 4; the line also says why. */
static void test_status(void **state)
{
	struct report report = sample("s", "d");

	(void)state;
	report.status = STATUS_CALIBRATING;
	expect_line(&report, ""); /* of nothing there is no status */
	add(&report, METRIC_PM25, 512, FLAG_FAIL);
	expect_line(&report,
		"environment,station=s,sensor=d "
		"pm25_bad=512.0,pm25_qc=4i,status=1i 1795300000000\n");
	report.status = STATUS_FAULT;
	add(&report, METRIC_PM10, 9, FLAG_FAIL);
	expect_line(&report,
		"environment,station=s,sensor=d pm25_bad=512.0,pm25_qc=4i,"
		"pm10_bad=9.0,pm10_qc=4i,status=2i 1795300000000\n");
}

static void test_nothing_to_write(void **state)
{
	struct report report = sample("s", "d");

	(void)state;
	expect_line(&report, "");
	add(&report, METRIC_PM10, 9, FLAG_MISSING);
	add(&report, METRIC_PM25, NAN, FLAG_GOOD);
	add(&report, METRIC_PM1, INFINITY, FLAG_GOOD);
	add(&report, METRIC_PM1, -INFINITY, FLAG_FAIL);
	add(&report, 60000, 1, FLAG_GOOD); /* no such metric */
	expect_line(&report, "");
	add(&report, METRIC_NOISE, 41, FLAG_GOOD);
	expect_line(&report, "environment,station=s,sensor=d noise=41.0 1795300000000\n");
}

static void test_declared_metrics(void **state)
{
	const struct metric *level = metric_declare(&(struct metric){
		.name = "water_level", .unit = "m", .min = -5, .max = 20 });
	const struct metric *odd = metric_declare(
		&(struct metric){ .name = "a,b=c d", .unit = "m", .min = 0, .max = 20 });
	struct report report = sample("s", "d");

	(void)state;
	assert_non_null(level);
	assert_non_null(odd);
	add(&report, level->id, -1.25, FLAG_GOOD);
	add(&report, odd->id, 2, FLAG_SUSPECT);
	expect_line(&report,
		"environment,station=s,sensor=d water_level=-1.25,"
		"a\\,b\\=c\\ d=2.0,a\\,b\\=c\\ d_qc=3i 1795300000000\n");
}

static void expect_escaped(
	enum line_dialect dialect, const char *text, const char *expected)
{
	struct buffer out;

	buffer_init(&out, 4096);
	line_escape(&out, dialect, text);
	assert_string_equal(buffer_text(&out), expected);
	buffer_free(&out);
}

static void test_escaping(void **state)
{
	static const struct {
		const char *text, *influx_1_2, *influx_3;
	} cases[] = {
		{ "plain", "plain", "plain" },
		{ "a b", "a\\ b", "a\\ b" },
		{ "a,b", "a\\,b", "a\\,b" },
		{ "a=b", "a\\=b", "a\\=b" },
		{ " ,=", "\\ \\,\\=", "\\ \\,\\=" },
		{ "\"q'\"", "\"q'\"", "\"q'\"" },
		{ "a\\b", "a\\b", "a\\\\b" },
		{ "a\\\\b", "a\\\\b", "a\\\\\\\\b" },
		{ "a\\ b", "a\\\\ b", "a\\\\\\ b" },
		{ "a\\,b", "a\\\\,b", "a\\\\\\,b" },
		{ "end\\", "end/", "end\\\\" },
		{ "\\", "/", "\\\\" },
		{ "a\nb\rc\td", "a_b_c_d", "a_b_c_d" },
		{ "\x7f\x01", "__", "__" },
		{ "Cầu Giấy", "Cầu\\ Giấy", "Cầu\\ Giấy" },
		{ "雨,💧", "雨\\,💧", "雨\\,💧" },
		{ "\xff\xc3", "??", "??" },
		{ "#no comment", "#no\\ comment", "#no\\ comment" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		expect_escaped(LINE_INFLUX_1_2, cases[i].text, cases[i].influx_1_2);
		expect_escaped(LINE_INFLUX_3, cases[i].text, cases[i].influx_3);
	}
}

static void test_escaped_tags_in_a_line(void **state)
{
	struct report report = sample("Cầu Giấy, Hà Nội", "a=b\\");

	(void)state;
	add(&report, METRIC_RAIN, 0.2, FLAG_GOOD);
	expect_line(&report,
		"environment,station=Cầu\\ Giấy\\,\\ Hà\\ Nội,sensor=a\\=b/ "
		"rain=0.2 1795300000000\n");
	report = sample("", "x");
	add(&report, METRIC_RAIN, 0.2, FLAG_GOOD);
	expect_line(&report, "environment,sensor=x rain=0.2 1795300000000\n");
}

static void expect_number(double value, const char *expected)
{
	char text[LINE_NUMBER_SIZE + 1];

	memset(text, 'x', sizeof text);
	size_t length = line_number(text, value);
	assert_in_range(length, 1, LINE_NUMBER_SIZE);
	text[length] = '\0';
	assert_string_equal(text, expected);
}

static void test_numbers(void **state)
{
	(void)state;
	expect_number(0, "0.0");
	expect_number(-0.0, "-0.0");
	expect_number(1, "1.0");
	expect_number(-1, "-1.0");
	expect_number(35.2, "35.2");
	expect_number(0.05, "0.05");
	expect_number(-0.5, "-0.5");
	expect_number(1013.25, "1013.25");
	expect_number(0.000001, "0.000001");
	expect_number(-40.125, "-40.125");
	expect_number(1e6, "1000000.0");
	expect_number(9007199254740991.0, "9007199254740991.0");
	expect_number(123456789012.5, "123456789012.5");
}

static void test_extreme_numbers_read_back(void **state)
{
	static const double values[] = { 1e300, -1e300, DBL_MAX, DBL_MIN, DBL_TRUE_MIN,
		1e22, 1e16, -9007199254740992.0, 1.0 / 3, -2.0 / 3, 1e-7,
		3.14159265358979, 0.1 + 0.2, 123456.7890123 };

	(void)state;
	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		char text[LINE_NUMBER_SIZE + 1];
		size_t length = line_number(text, values[i]);
		text[length] = '\0';
		assert_true(strtod(text, NULL) == values[i]);
		/* Without one of these it would be no float for some receivers. */
		assert_non_null(strpbrk(text, ".e"));
		assert_null(strpbrk(text, "iu "));
	}
}

/* Sources that share a slot, and one number that stands for other names later. */
static void test_names_follow_the_report(void **state)
{
	struct line_encoder *encoder = line_encoder_new(LINE_INFLUX_1_2);
	struct report a = sample("a", "x"), b = sample("b", "x");
	struct buffer out;

	(void)state;
	add(&a, METRIC_PM1, 1, FLAG_GOOD);
	add(&b, METRIC_PM1, 2, FLAG_GOOD);
	buffer_init(&out, 1 << 20);
	line_encode(encoder, 1, &a, &out);
	line_encode(encoder, 1 + 4096, &b, &out);
	line_encode(encoder, 1, &a, &out);
	line_encode(encoder, 1, &b, &out);
	line_encode(encoder, -1, &a, &out);
	assert_string_equal(buffer_text(&out),
		"environment,station=a,sensor=x pm1=1.0 1795300000000\n"
		"environment,station=b,sensor=x pm1=2.0 1795300000000\n"
		"environment,station=a,sensor=x pm1=1.0 1795300000000\n"
		"environment,station=b,sensor=x pm1=2.0 1795300000000\n"
		"environment,station=a,sensor=x pm1=1.0 1795300000000\n");
	buffer_free(&out);
	line_encoder_free(encoder);
}

/* The longest report there can be fits LINE_MAX_SIZE. */
static void test_largest_line(void **state)
{
	struct line_encoder *encoder = line_encoder_new(LINE_INFLUX_1_2);
	struct report report = sample("", "");
	struct buffer out;

	(void)state;
	memset(report.station, ',', NAME_SIZE - 1);
	memset(report.sensor, '=', NAME_SIZE - 1);
	for (int i = 0; i < READINGS_MAX; i++)
		add(&report, METRIC_WIND_DIRECTION, -DBL_MAX / 3, FLAG_FAIL);
	buffer_init(&out, LINE_MAX_SIZE);
	line_encode(encoder, 3, &report, &out);
	assert_false(out.failed);
	assert_true(out.length > 2000);
	assert_int_equal(out.data[out.length - 1], '\n');
	/* A buffer without room stays as it was. */
	size_t before = out.length;
	out.limit = out.length + 10;
	line_encode(encoder, 3, &report, &out);
	assert_true(out.failed);
	assert_int_equal(out.length, before);
	buffer_free(&out);
	line_encoder_free(encoder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_contract_example),
		cmocka_unit_test(test_flags),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_nothing_to_write),
		cmocka_unit_test(test_declared_metrics),
		cmocka_unit_test(test_escaping),
		cmocka_unit_test(test_escaped_tags_in_a_line),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_extreme_numbers_read_back),
		cmocka_unit_test(test_names_follow_the_report),
		cmocka_unit_test(test_largest_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
