#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "outputs/tt10_export.h"
#include "outputs/tt10_options.h"
#include "tests/unit/output_store.h"

static const int64_t minute_ms = 60 * 1000, period_ms = 5 * 60 * 1000;

static struct tt10_parameter parameter = {
	.symbol = "PM2,5", .unit = "ug/Nm3", .factor = 1, .decimals = 1
};
static struct tt10_options options = { .server.url = "ftp://ftp.example/HN_DEMO_KKX001",
	.folder = "YYYY/MM/DD",
	.period = 5 * 60 * 1000,
	.settle = 30 * 1000,
	.min_completeness = 75,
	.parameters = { .items = &parameter, .count = 1 } };
static struct option_item item = { .name = "department", .options = &options };
static struct output_store s;

static int64_t end_ms; /* 2027-01-01 00:00 in Hanoi */

static int set_up(void **state)
{
	(void)state;
	parameter.metric = metric_by_id(METRIC_PM25);
	output_store_open(&s);
	assert_true(clock_parse("2027-01-01T00:00:00+07:00", &end_ms));
	return 0;
}

static int tear_down(void **state)
{
	static const char *const paths[] = {
		"2026/12/31/HN_DEMO_KKX001_20261231235500.txt",
		"2027/01/01/HN_DEMO_KKX001_20270101000000.txt",
		"2027/01/01/HN_DEMO_KKX001_20270101001000.txt", "2026/12/31", "2026/12",
		"2026", "2027/01/01", "2027/01", "2027"
	};
	char path[256];

	(void)state;
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		snprintf(path, sizeof path, "%s/%s", s.directory, paths[i]);
		remove(path);
	}
	output_store_close(&s);
	return 0;
}

/* A reading a minute in the period that ends PERIODS after the year's end. */
static void put(int periods, double value)
{
	assert_int_equal(store_begin(s.recorder), 0);
	for (int i = 0; i < 5; i++)
		output_store_put(&s, end_ms + periods * period_ms - i * minute_ms, value,
			FLAG_GOOD, 0);
	assert_int_equal(store_commit(s.recorder), 0);
}

static void expect(const char *name, const char *contents)
{
	char path[256], text[256] = "";

	snprintf(path, sizeof path, "%s/%s", s.directory, name);
	FILE *file = fopen(path, "r");
	if (!file)
		fail_msg("%s is missing", path);
	size_t length = fread(text, 1, sizeof text - 1, file);
	fclose(file);
	assert_int_equal(length, strlen(contents));
	assert_string_equal(text, contents);
}

static int64_t export(int64_t from_ms, int64_t to_ms, const char *directory)
{
	char why[256];

	return tt10_export(s.recorder, &item, from_ms, to_ms, directory, why, sizeof why);
}

static void test_span(void **state)
{
	(void)state;
	put(-2, 1);
	put(-1, 10);
	put(0, 11);
	put(2, 12); /* nothing in 1: the gateway was off */
	put(3, 2);
	assert_int_equal(
		export(end_ms - 2 * period_ms, end_ms + 2 * period_ms, s.directory), 3);
	expect("2026/12/31/HN_DEMO_KKX001_20261231235500.txt",
		"PM2,5\t10.0\tug/Nm3\t20261231235500\t00\r\n");
	expect("2027/01/01/HN_DEMO_KKX001_20270101000000.txt",
		"PM2,5\t11.0\tug/Nm3\t20270101000000\t00\r\n");
	expect("2027/01/01/HN_DEMO_KKX001_20270101001000.txt",
		"PM2,5\t12.0\tug/Nm3\t20270101001000\t00\r\n");
}

/* The newest period, which nothing comes after, is written too. */
static void test_end_of_store(void **state)
{
	(void)state;
	put(-1, 10);
	put(0, 11);
	assert_int_equal(export(end_ms - minute_ms, end_ms + period_ms, s.directory), 1);
	expect("2027/01/01/HN_DEMO_KKX001_20270101000000.txt",
		"PM2,5\t11.0\tug/Nm3\t20270101000000\t00\r\n");
	assert_int_equal(export(end_ms, end_ms + period_ms, s.directory), 0);
}

static void test_failures(void **state)
{
	(void)state;
	assert_int_equal(export(0, end_ms, s.directory), 0);
	put(0, 11);
	assert_int_equal(export(0, end_ms, "/dev/null"), -1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_span),
		TEST(test_end_of_store),
		TEST(test_failures),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
