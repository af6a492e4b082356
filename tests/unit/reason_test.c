#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "core/reason.h"

static void test_one_printable_line(void **state)
{
	static const char said[] =
		"no\r\n\r\n\x1b[31m way \xff https://u:p@host/path?token=x#y";
	struct answer answer = { .outcome = OUTCOME_RETRY };
	struct buffer reason;

	(void)state;
	buffer_init(&reason, REASON_MAX);
	buffer_puts(&reason, "HTTP 400: ");
	reason_append(&reason, said, strlen(said));
	reason_keep(&answer, &reason);
	assert_string_equal(answer.reason, "HTTP 400: no [31m way https://host/path");
}

static void test_cut_between_characters(void **state)
{
	struct answer answer;
	char text[600] = "";

	(void)state;
	for (size_t i = 0; i < 199; i++)
		memcpy(text + 3 * i, "ầ", 3);
	text[597] = '\0';
	reason_say(&answer, "%s", text);
	assert_int_equal(strlen(answer.reason), 255);
	reason_say(&answer, "x%s", text);
	assert_int_equal(strlen(answer.reason), 253);
}

static void test_secrets_are_hidden(void **state)
{
	struct answer answer;

	(void)state;
	reason_say(&answer, "no %s at /bot%s/send", "12:Ab", "12:Ab");
	reason_hide(&answer, "12:Ab");
	assert_string_equal(answer.reason, "no … at /bot…/send");
	reason_hide(&answer, "12:Ab");
	assert_string_equal(answer.reason, "no … at /bot…/send");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_printable_line),
		cmocka_unit_test(test_cut_between_characters),
		cmocka_unit_test(test_secrets_are_hidden),
	};

	return cmocka_run_group_tests_name("reason", tests, NULL, NULL);
}
