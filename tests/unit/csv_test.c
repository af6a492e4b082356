/* CSV as spreadsheets and loggers write it, and what is not CSV. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "core/csv.h"

struct opened {
	FILE *in;
	struct csv csv;
	bool good;
};

static struct opened *open_text(struct opened *opened, const char *text)
{
	opened->in = fmemopen((void *)text, strlen(text), "r");
	assert_non_null(opened->in);
	opened->good = csv_begin(&opened->csv, opened->in, "data.csv");
	return opened;
}

static void close_text(struct opened *opened)
{
	csv_end(&opened->csv);
	fclose(opened->in);
}

static void test_records(void **state)
{
	struct opened opened;
	struct csv *csv = &opened.csv;

	(void)state;
	open_text(&opened,
		"\xef\xbb\xbftime,pm25,\"note, long\"\r\n"
		"a,1.5,\"he said \"\"no\"\"\"\r\n"
		"\n"
		"b,,\"two\nlines\"\n"
		"c,2,");
	assert_true(opened.good);
	assert_int_equal(csv->columns, 3);
	assert_int_equal(csv_column(csv, "note, long"), 2);
	assert_int_equal(csv_column(csv, "pm10"), -1);
	assert_int_equal(csv_next(csv), 1);
	assert_string_equal(csv->fields[2], "he said \"no\"");
	assert_int_equal(csv->line, 2);
	double value;
	assert_true(csv_number(csv, 1, &value));
	assert_true(value == 1.5);
	assert_int_equal(csv_next(csv), 1);
	assert_string_equal(csv->fields[2], "two\nlines");
	assert_int_equal(csv->line, 4);
	assert_true(csv_number(csv, 1, &value));
	assert_true(isnan(value));
	assert_int_equal(csv_next(csv), 1);
	assert_string_equal(csv->fields[0], "c");
	assert_int_equal(csv->line, 6);
	assert_int_equal(csv_next(csv), 0);
	close_text(&opened);
}

static void expect_error(const char *text, const char *why)
{
	struct opened opened;
	int got = 1;

	open_text(&opened, text);
	if (opened.good)
		while ((got = csv_next(&opened.csv)) == 1)
			;
	assert_true(!opened.good || got == -1);
	assert_string_equal(opened.csv.why, why);
	close_text(&opened);
}

static void test_errors(void **state)
{
	(void)state;
	expect_error("\n", "data.csv:2: is empty; the first line must name the columns");
	expect_error("a,b\n1,2\n3\n", "data.csv:3: 1 fields, but 2 columns");
	expect_error("a,b,a\n", "data.csv:1: the column \"a\" is there twice");
	expect_error("a,b\n1,\"2\n3\n", "data.csv:2: a quote is not closed");
	expect_error("a,b\n1,2\"3\n", "data.csv:2: a quote inside a field");
	expect_error("a,b\n1,\"2\"3\n", "data.csv:2: a quote inside a field");
}

static void test_values(void **state)
{
	struct opened opened;
	struct csv *csv = &opened.csv;
	int64_t ms;
	int offset;
	double value;

	(void)state;
	open_text(&opened,
		"time,x\n2026-11-22T09:00:00+07:00,1\n2026-11-22T02:00:00Z,y\n22/11/2026,1\n");
	assert_int_equal(csv_next(csv), 1);
	assert_true(csv_time(csv, 0, &ms, &offset));
	assert_int_equal(offset, 420);
	int64_t first = ms;
	assert_int_equal(csv_next(csv), 1);
	assert_true(csv_time(csv, 0, &ms, &offset));
	assert_int_equal(offset, 0);
	assert_true(ms == first);
	assert_false(csv_number(csv, 1, &value));
	assert_string_equal(csv->why, "data.csv:3: x: \"y\" is not a number");
	assert_int_equal(csv_next(csv), 1);
	assert_false(csv_time(csv, 0, &ms, &offset));
	assert_non_null(
		strstr(csv->why, "data.csv:4: time: \"22/11/2026\" is not a time"));
	close_text(&opened);
}

static void test_bounds(void **state)
{
	static char text[CSV_RECORD_MAX + 100] = "a,b\n";
	struct opened opened;

	(void)state;
	memset(text + 4, 'x', sizeof text - 5);
	open_text(&opened, text);
	assert_true(opened.good);
	assert_int_equal(csv_next(&opened.csv), -1);
	assert_string_equal(
		opened.csv.why, "data.csv:2: a record of more than 4096 bytes");
	close_text(&opened);
	/* A stray quote costs the lines it swallows, and no more. */
	size_t used = (size_t)snprintf(text, sizeof text, "a,b\n1,\"2\n");
	while (used + 4 < sizeof text)
		used += (size_t)snprintf(text + used, sizeof text - used, "3,4\n");
	open_text(&opened, text);
	assert_int_equal(csv_next(&opened.csv), -1);
	assert_string_equal(opened.csv.why,
		"data.csv:2: a record of more than 4096 bytes: a quote is not closed");
	assert_int_equal(csv_next(&opened.csv), 1);
	assert_string_equal(opened.csv.fields[1], "4");
	assert_true(opened.csv.line > 1000);
	close_text(&opened);
	memset(text, ',', 80);
	text[80] = '\n';
	text[81] = '\0';
	open_text(&opened, text);
	assert_false(opened.good);
	assert_string_equal(opened.csv.why, "data.csv:1: more than 63 fields");
	close_text(&opened);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
