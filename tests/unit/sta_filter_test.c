/* $filter of SensorThings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "web/sta_filter.h"

static int64_t at(const char *text)
{
	int64_t ms;

	assert_true(clock_parse(text, &ms));
	return ms;
}

static bool property(void *arg, const char *name, struct sta_value *value)
{
	(void)arg;
	if (strcmp(name, "result") == 0)
		*value = (struct sta_value){ .type = STA_NUMBER, .number = 35.2 };
	else if (strcmp(name, "phenomenonTime") == 0)
		*value = (struct sta_value){ .type = STA_TIME,
			.time_ms = at("2026-11-25T07:00:00+07:00") };
	else if (strcmp(name, "name") == 0)
		*value = (struct sta_value){ .type = STA_TEXT, .text = "O'Neil" };
	else
		return false;
	return true;
}

static bool passes(const char *text)
{
	struct sta_filter filter;
	char why[STA_WHY_SIZE];

	if (!sta_filter_parse(&filter, text, why))
		fail_msg("%s: %s", text, why);
	return sta_filter_passes(&filter, property, NULL);
}

static void test_passes(void **state)
{
	static const char *const yes[] = { "", "result eq 35.2", "result gt 35",
		"35 lt result", "result ge 35.2 and result le 35.2",
		"result lt 1 or result gt 2", "not (result lt 1)", "not result lt 1",
		"((result gt 1))", "result lt 1 and result lt 1 or result gt 1",
		"result gt 1 or result lt 1 and result lt 1",
		"phenomenonTime eq 2026-11-25T00:00:00Z",
		"phenomenonTime eq 2026-11-25T07:00:00+07:00",
		"phenomenonTime eq 2026-11-25T07:00:00 07:00",
		"phenomenonTime gt '2026-11-24T23:59:59.999Z'", "name eq 'O''Neil'",
		"name ne 'x'", "nothing eq null", "result ne null", "result ne 'a'",
		"true eq true", "result gt -1e3" };
	static const char *const no[] = { "result eq 35", "result gt 'a'",
		"result lt 'a'", "not not result lt 1", "nothing gt 1", "nothing lt 1",
		"name eq 'O'", "phenomenonTime gt 2026-11-25T00:00:00Z", "false eq true",
		"result gt 1 and (result lt 1 or result gt 100)" };

	(void)state;
	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
		if (!passes(yes[i]))
			fail_msg("should pass: %s", yes[i]);
	for (size_t i = 0; i < sizeof no / sizeof *no; i++)
		if (passes(no[i]))
			fail_msg("should not pass: %s", no[i]);
}

static void test_errors(void **state)
{
	static const char *const bad[] = { " ", "result", "result eq", "eq 1",
		"result eq 1 and", "(result eq 1", "result eq 1)", "result eq 'a",
		"result eq 1 result eq 2", "result like 1", "result eq 1x",
		"year(phenomenonTime) eq 2026", "not", "result eq 2026-13-45T00:00:00Z",
		"result=1", "result eq 1,2" };
	struct sta_filter filter;
	char why[STA_WHY_SIZE], long_text[4000];

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (sta_filter_parse(&filter, bad[i], why))
			fail_msg("should be refused: %s", bad[i]);
		assert_true(strlen(why) > 10);
	}
	memset(long_text, '(', sizeof long_text - 1);
	long_text[sizeof long_text - 1] = '\0';
	assert_false(sta_filter_parse(&filter, long_text, why));
	assert_non_null(strstr(why, "too deep"));
	size_t used = 0;
	for (int i = 0; i < 100; i++)
		used += (size_t)snprintf(long_text + used, sizeof long_text - used, "%s",
			i ? " or result eq 1" : "result eq 1");
	assert_false(sta_filter_parse(&filter, long_text, why));
	assert_non_null(strstr(why, "too long"));
}

static void check_bounds(const char *text, const char *from, const char *to)
{
	struct sta_filter filter;
	char why[STA_WHY_SIZE];
	int64_t from_ms = 0, to_ms = INT64_MAX;

	assert_true(sta_filter_parse(&filter, text, why));
	sta_filter_bounds(&filter, "phenomenonTime", &from_ms, &to_ms);
	assert_int_equal(from_ms, from ? at(from) - 1 : 0);
	assert_int_equal(to_ms, to ? at(to) : INT64_MAX);
}

static void test_bounds(void **state)
{
	(void)state;
	check_bounds("", NULL, NULL);
	check_bounds("phenomenonTime ge 2026-11-25T00:00:00Z and (result gt 1 and "
		     "2026-11-26T00:00:00Z gt phenomenonTime)",
		"2026-11-25T00:00:00Z", "2026-11-26T00:00:00Z");
	check_bounds("phenomenonTime eq 2026-11-25T00:00:00Z", "2026-11-25T00:00:00Z",
		"2026-11-25T00:00:00Z");
	/* What may pass by something else, or is denied, says nothing. */
	check_bounds("phenomenonTime ge 2026-11-25T00:00:00Z or result gt 1", NULL, NULL);
	check_bounds("not phenomenonTime ge 2026-11-25T00:00:00Z", NULL, NULL);
	check_bounds("resultTime ge 2026-11-25T00:00:00Z", NULL, NULL);
}

static bool known(const char *name)
{
	return strcmp(name, "result") == 0;
}

static void test_unknown(void **state)
{
	struct sta_filter filter;
	char why[STA_WHY_SIZE];

	(void)state;
	assert_true(sta_filter_parse(&filter, "result eq 1 and Thing/name eq 'x'", why));
	assert_string_equal(sta_filter_unknown(&filter, known), "Thing/name");
	assert_true(sta_filter_parse(&filter, "result eq 1", why));
	assert_null(sta_filter_unknown(&filter, known));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_passes),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
