#include "core/discreet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *of(const char *text)
{
	static char out[128];

	discreet_copy(out, sizeof out, text);
	return out;
}

static void what_names_somebody_goes(void **state)
{
	(void)state;
	assert_string_equal(of("550 <nguyen.van-a@hanoi.example>: no such user"),
		"550 <…@hanoi.example>: no such user");
	assert_string_equal(of("user +84912345678 is blocked"), "user … is blocked");
	assert_string_equal(
		of("token fGh7kLmNoPqRsTuVwXyZ12345 is gone"), "token … is gone");
}

static void the_rest_stays(void **state)
{
	(void)state;
	assert_string_equal(of("HTTP 503: quá tải, thử lại sau 120 s"),
		"HTTP 503: quá tải, thử lại sau 120 s");
	assert_string_equal(of("https://push.hanoi.example/a: no connection"),
		"https://push.hanoi.example/a: no connection");
	assert_string_equal(of(""), "");
	assert_string_equal(of("a\xff"
			       "b"),
		"a\xff"
		"b");
}

static void it_fits(void **state)
{
	char out[8];

	(void)state;
	discreet_copy(out, sizeof out, "aaaa bbbb cccc");
	assert_string_equal(out, "aaaa ");
	discreet_copy(out, 1, "a");
	assert_string_equal(out, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_names_somebody_goes),
		cmocka_unit_test(the_rest_stays),
		cmocka_unit_test(it_fits),
	};

	return cmocka_run_group_tests_name("discreet", tests, NULL, NULL);
}
