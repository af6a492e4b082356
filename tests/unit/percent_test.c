#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/percent.h"

static void test_what_is_encoded(void **state)
{
	struct buffer out;

	(void)state;
	buffer_init(&out, 256);
	percent_append(&out, "azAZ09-._~");
	assert_string_equal(buffer_text(&out), "azAZ09-._~");
	buffer_clear(&out);
	percent_append(&out, "a b+c&d=e%f/ạ\n");
	assert_string_equal(buffer_text(&out), "a%20b%2Bc%26d%3De%25f%2F%E1%BA%A1%0A");
	buffer_clear(&out);
	percent_append(&out, "");
	assert_int_equal(out.length, 0);
	buffer_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_encoded),
	};

	return cmocka_run_group_tests_name("percent", tests, NULL, NULL);
}
