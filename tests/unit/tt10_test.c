#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "outputs/tt10_collect.h"
#include "outputs/tt10_file.h"
#include "store/reports.h"

static const int64_t minute_ms = 60 * 1000, period_ms = 5 * 60 * 1000;

static struct tt10_parameter parameters[TT10_PARAMETERS_MAX];
static struct tt10_settings settings;
static struct buffer text;

static int64_t at(const char *time)
{
	int64_t ms;

	assert_true(clock_parse(time, &ms));
	return ms;
}

static int set_up(void **state)
{
	(void)state;
	settings = (struct tt10_settings){
		.prefix = "HN_DEMO_KKX001",
		.station = "s",
		.folder = "{name}/YYYY/MM/DD",
		.parameters = parameters,
		.count = tt10_default_parameters(parameters),
		.period_ms = period_ms,
		.completeness = 75,
		.line_end = "\r\n",
	};
	buffer_init(&text, 8192);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	buffer_free(&text);
	return 0;
}

/* One parameter alone. */
static void only(uint16_t metric, int decimals)
{
	parameters[0] = (struct tt10_parameter){ .metric = metric_by_id(metric),
		.symbol = "X",
		.unit = "u",
		.factor = 1,
		.decimals = decimals };
	settings.count = 1;
}

static void add(struct tt10_period *period, int minute, uint16_t metric, double value,
	int flag, int status)
{
	struct report report;

	report_init(&report);
	report.time_ms = period->end_ms - minute * minute_ms;
	report.status = (uint8_t)status;
	snprintf(report.station, sizeof report.station, "s");
	snprintf(report.sensor, sizeof report.sensor, "d");
	report_add(&report, metric, value);
	report.readings[0].flag = (uint8_t)flag;
	tt10_period_add(&settings, period, &report);
}

static void add_minutes(
	struct tt10_period *period, int count, uint16_t metric, double value)
{
	for (int i = 0; i < count; i++)
		add(period, i, metric, value, FLAG_GOOD, STATUS_MEASURING);
}

/* The value and status of the one parameter. */
static const char *line(const struct tt10_period *period)
{
	static char line[64];
	char value[32], status[8];

	buffer_clear(&text);
	tt10_write(&settings, period, 1, &text);
	assert_int_equal(
		sscanf(buffer_text(&text), "X\t%31s\tu\t%*s\t%7s", value, status), 2);
	snprintf(line, sizeof line, "%s %s", value, status);
	return line;
}

/* reference: regulation §5.7, to the letter */
static void test_example(void **state)
{
	static const struct {
		uint16_t metric;
		double value;
	} rows[] = { { METRIC_SO2, 12.4 }, { METRIC_CO, 860 }, { METRIC_NO2, 38.1 },
		{ METRIC_O3, 61.7 }, { METRIC_PM10, 74.2 }, { METRIC_TEMPERATURE, 28.3 },
		{ METRIC_HUMIDITY, 71 }, { METRIC_PRESSURE, 1008.6 } };
	struct tt10_period period = { .end_ms = at("2026-10-01T14:35:00+07:00") };
	char name[TT10_NAME_SIZE], folder[TT10_FOLDER_SIZE];
	uint32_t wanted = 0;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		add_minutes(&period, 5, rows[i].metric, rows[i].value);
	for (int i = 0; i < 5; i++)
		add(&period, i, METRIC_PM25, 500, FLAG_GOOD, STATUS_FAULT);
	for (size_t i = 0; i < settings.count; i++) {
		uint16_t id = parameters[i].metric->id;
		bool is_there = id == METRIC_PM25;
		for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
			is_there |= rows[r].metric == id;
		wanted |= (uint32_t)is_there << i;
	}
	tt10_write(&settings, &period, wanted, &text);
	assert_string_equal(buffer_text(&text),
		"SO2\t12.4\tug/Nm3\t20261001143500\t00\r\n"
		"CO\t0.86\tmg/Nm3\t20261001143500\t00\r\n"
		"NO2\t38.1\tug/Nm3\t20261001143500\t00\r\n"
		"O3\t61.7\tug/Nm3\t20261001143500\t00\r\n"
		"PM10\t74.2\tug/Nm3\t20261001143500\t00\r\n"
		"PM2,5\t0\tug/Nm3\t20261001143500\t02\r\n"
		"Temp\t28.3\toC\t20261001143500\t00\r\n"
		"RH\t71.0\t%\t20261001143500\t00\r\n"
		"P\t1008.6\thPa\t20261001143500\t00\r\n");
	tt10_name(&settings, period.end_ms, name);
	assert_string_equal(name, "HN_DEMO_KKX001_20261001143500.txt");
	assert_true(tt10_folder(&settings, period.end_ms, folder));
	assert_string_equal(folder, "HN_DEMO_KKX001/2026/10/01");
}

static void test_year_ends_in_local_time(void **state)
{
	char name[TT10_NAME_SIZE], folder[TT10_FOLDER_SIZE];
	int64_t end = tt10_period_end(at("2026-12-31T16:56:00Z"), period_ms);

	(void)state;
	assert_int_equal(end, at("2027-01-01T00:00:00+07:00"));
	assert_int_equal(tt10_period_end(end, period_ms), end);
	assert_int_equal(tt10_period_end(end + 1, period_ms), end + period_ms);
	tt10_name(&settings, end, name);
	assert_string_equal(name, "HN_DEMO_KKX001_20270101000000.txt");
	assert_true(tt10_folder(&settings, end, folder));
	assert_string_equal(folder, "HN_DEMO_KKX001/2027/01/01");
	settings.folder = "";
	assert_true(tt10_folder(&settings, end, folder));
	assert_string_equal(folder, "");
}

static void test_status(void **state)
{
	struct tt10_period period = { .end_ms = at("2026-10-01T14:35:00+07:00") };
	struct tt10_period empty = period;

	(void)state;
	only(METRIC_PM25, 1);
	assert_string_equal(line(&empty), "0 02");
	add_minutes(&period, 3, METRIC_PM25, 20);
	assert_string_equal(line(&period), "0 02"); /* 60 % */
	add(&period, 3, METRIC_PM25, 900, FLAG_FAIL, STATUS_MEASURING);
	assert_string_equal(line(&period), "0 02");
	add(&period, 4, METRIC_PM25, 900, FLAG_GOOD, STATUS_CALIBRATING);
	assert_string_equal(line(&period), "0 01");
	add(&period, 3, METRIC_PM25, 24, FLAG_SUSPECT, STATUS_MEASURING);
	assert_string_equal(line(&period), "21.0 00"); /* 80 % */
	settings.placeholder = -9999;
	assert_string_equal(line(&empty), "-9999 02");
	settings.completeness = 0;
	assert_string_equal(line(&empty), "-9999 02");
}

static void test_values(void **state)
{
	struct tt10_period a = { .end_ms = at("2026-10-01T14:35:00+07:00") }, b = a,
			   c = a;

	(void)state;
	settings.completeness = 0;
	only(METRIC_RAIN, 1);
	add_minutes(&a, 5, METRIC_RAIN, 0.2);
	assert_string_equal(line(&a), "1.0 00");
	only(METRIC_WIND_DIRECTION, 0);
	add(&b, 0, METRIC_WIND_DIRECTION, 350, FLAG_GOOD, 0);
	add(&b, 1, METRIC_WIND_DIRECTION, 9, FLAG_GOOD, 0);
	assert_string_equal(line(&b), "0 00"); /* 359.5°, not 179.5° and not 360 */
	only(METRIC_TEMPERATURE, 1);
	add(&c, 0, METRIC_TEMPERATURE, -0.04, FLAG_GOOD, 0);
	assert_string_equal(line(&c), "0.0 00");
	parameters[0].factor = 1.8;
	parameters[0].offset = 32;
	add(&c, 0, METRIC_TEMPERATURE, 20.04, FLAG_GOOD, 0);
	assert_string_equal(line(&c), "50.0 00");
	parameters[0].sensor = "another";
	struct tt10_period d = { .end_ms = a.end_ms };
	add(&d, 0, METRIC_TEMPERATURE, 20, FLAG_GOOD, 0);
	assert_string_equal(line(&d), "0 02");
}

static void test_words(void **state)
{
	(void)state;
	assert_true(tt10_prefix_is_valid("HN_DEMO_KKX001"));
	assert_true(tt10_prefix_is_valid("HN_AB-1_K"));
	assert_false(tt10_prefix_is_valid("HN_DEMO"));
	assert_false(tt10_prefix_is_valid("HN__KKX001"));
	assert_false(tt10_prefix_is_valid("_HN_DEMO_K"));
	assert_false(tt10_prefix_is_valid("HN_DEMO_K_"));
	assert_false(tt10_prefix_is_valid("HN_DE MO_K"));
	assert_false(tt10_prefix_is_valid("HN_DEMO_K_X"));
	assert_false(tt10_prefix_is_valid(""));
	assert_true(tt10_word_is_valid("PM2,5"));
	assert_true(tt10_word_is_valid("µg/Nm3"));
	assert_false(tt10_word_is_valid(""));
	assert_false(tt10_word_is_valid("ug /Nm3"));
	assert_false(tt10_word_is_valid("ug\xc2\xa0Nm3"));
	assert_false(tt10_word_is_valid("\xff"));
}

/* --- collecting ---------------------------------------------------------- */

static bool hand(struct tt10_collector *collector, int64_t id, int64_t time_ms)
{
	struct stored_report stored = { .id = id };

	report_init(&stored.report);
	stored.report.time_ms = time_ms;
	snprintf(stored.report.station, sizeof stored.report.station, "s");
	report_add(&stored.report, METRIC_PM25, 10);
	return tt10_collect(collector, &stored, at("2026-10-01T16:00:00+07:00"));
}

static void test_periods_in_order(void **state)
{
	struct tt10_collector collector;
	int64_t end = at("2026-10-01T14:35:00+07:00");

	(void)state;
	tt10_collect_begin(&collector, &settings, 30000, end - period_ms);
	assert_true(hand(&collector, 1, end - period_ms)); /* sent already */
	assert_int_equal(collector.late, 1);
	assert_true(hand(&collector, 2, end - 1000));
	assert_true(hand(&collector, 3, end + 1000)); /* of the next */
	assert_true(hand(&collector, 4, end));        /* late, but not too late */
	assert_true(hand(&collector, 5, end + 100 * period_ms)); /* of the future */
	assert_false(hand(&collector, 6, end + 30001));
	assert_false(tt10_collect_is_over(&collector, end + 29999));
	assert_true(tt10_collect_is_over(&collector, end + 30000));
	assert_int_equal(collector.open.end_ms, end);
	assert_true(tt10_collect_has_file(&collector));
	/* Report 3 is needed again after a restart. */
	assert_int_equal(tt10_collect_advance(&collector, 5), 2);
	assert_true(hand(&collector, 6, end + 30001));
	assert_true(hand(&collector, 7, end - 1)); /* too late */
	assert_int_equal(collector.late, 2);
	assert_int_equal(collector.open.end_ms, end + period_ms);
}

static void test_no_file_while_off(void **state)
{
	struct tt10_collector collector;
	int64_t end = at("2026-10-01T14:35:00+07:00");

	(void)state;
	tt10_collect_begin(&collector, &settings, 30000, end - period_ms);
	assert_false(tt10_collect_has_file(&collector));
	collector.running_ms = end - period_ms + 1;
	assert_false(tt10_collect_has_file(&collector));
	collector.running_ms = end - period_ms;
	assert_true(tt10_collect_has_file(&collector));
	assert_int_equal(tt10_collect_advance(&collector, 9), 9);
	/* Without a place in the store, the first report says where to begin. */
	tt10_collect_begin(&collector, &settings, 30000, 0);
	assert_false(tt10_collect_is_over(&collector, end));
	assert_true(hand(&collector, 1, end - 1));
	assert_int_equal(collector.open.end_ms, end);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_example),
		TEST(test_year_ends_in_local_time),
		TEST(test_status),
		TEST(test_values),
		TEST(test_words),
		TEST(test_periods_in_order),
		TEST(test_no_file_while_off),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
