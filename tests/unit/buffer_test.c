/* The buffer: growth, its limit, and what a chain of appends says at its end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/buffer.h"

static void grows_and_ends_in_nul(void **state)
{
	(void)state;
	struct buffer buffer;

	buffer_init(&buffer, 100000);
	assert_string_equal(buffer_text(&buffer), "");
	assert_null(buffer.data); /* nothing is taken before it is needed */
	for (int i = 0; i < 5000; i++) {
		buffer_printf(&buffer, "%04d", i);
		buffer_putc(&buffer, '\n');
		assert_int_equal(buffer.length, (size_t)(i + 1) * 5);
		assert_int_equal(strlen(buffer_text(&buffer)), buffer.length);
	}
	assert_false(buffer.failed);
	assert_memory_equal(buffer.data, "0000\n0001\n", 10);
	assert_string_equal(buffer_text(&buffer) + 24990, "4998\n4999\n");
	buffer_free(&buffer);
	assert_string_equal(buffer_text(&buffer), "");
	buffer_puts(&buffer, "again"); /* with the same limit */
	assert_string_equal(buffer_text(&buffer), "again");
	assert_int_equal(buffer.limit, 100000);
	buffer_free(&buffer);
}

static void holds_its_limit_and_not_one_byte_more(void **state)
{
	(void)state;
	struct buffer buffer;

	for (size_t limit = 0; limit < 700; limit += limit < 5 ? 1 : 173) {
		buffer_init(&buffer, limit);
		for (size_t i = 0; i < limit; i++)
			buffer_putc(&buffer, 'x');
		assert_false(buffer.failed);
		assert_int_equal(buffer.length, limit);
		buffer_append(&buffer, "", 0);
		assert_false(buffer.failed);
		buffer_putc(&buffer, 'y');
		assert_true(buffer.failed);
		assert_int_equal(buffer.length, limit);
		assert_true(buffer.capacity <= limit + 1);
		assert_int_equal(strlen(buffer_text(&buffer)), limit);
		buffer_free(&buffer);
	}
}

static void a_failure_is_seen_at_the_end_of_a_chain(void **state)
{
	(void)state;
	struct buffer buffer;

	buffer_init(&buffer, 8);
	buffer_puts(&buffer, "12345");
	buffer_puts(&buffer, "6789"); /* too much: not even a part of it */
	assert_string_equal(buffer_text(&buffer), "12345");
	buffer_puts(&buffer, "6"); /* would fit, but something is missing before it */
	buffer_printf(&buffer, "%d", 7);
	assert_null(buffer_reserve(&buffer, 0));
	assert_true(buffer.failed);
	assert_string_equal(buffer_text(&buffer), "12345");
	buffer_clear(&buffer);
	assert_false(buffer.failed);
	assert_string_equal(buffer_text(&buffer), "");
	buffer_printf(&buffer, "%08d", 42);
	assert_false(buffer.failed);
	assert_string_equal(buffer_text(&buffer), "00000042");
	buffer_printf(&buffer, "%s", "");
	assert_false(buffer.failed);
	buffer_printf(&buffer, "%s", "x");
	assert_true(buffer.failed);
	buffer_free(&buffer);
}

static void absurd_lengths_are_refused(void **state)
{
	(void)state;
	struct buffer buffer;

	buffer_init(&buffer, 1000);
	buffer_puts(&buffer, "abc");
	assert_null(buffer_reserve(&buffer, SIZE_MAX));
	buffer_clear(&buffer);
	buffer_puts(&buffer, "abc");
	assert_null(buffer_reserve(&buffer, SIZE_MAX - 2)); /* 3 + it is 0 */
	assert_true(buffer.failed);
	assert_string_equal(buffer_text(&buffer), "abc");
	buffer_free(&buffer);
}

static void room_is_taken_as_far_as_it_was_filled(void **state)
{
	(void)state;
	struct buffer buffer;

	buffer_init(&buffer, 1000);
	char *room = buffer_reserve(&buffer, 600);
	assert_non_null(room);
	assert_string_equal(buffer_text(&buffer), ""); /* reserved is not written */
	memset(room, 'a', 600);
	assert_int_equal(buffer.length, 0);
	buffer_advance(&buffer, 3);
	assert_string_equal(buffer_text(&buffer), "aaa");
	memcpy(buffer_reserve(&buffer, 2), "bc", 2);
	buffer_advance(&buffer, 2);
	assert_string_equal(buffer_text(&buffer), "aaabc");
	assert_null(buffer_reserve(&buffer, 996));
	buffer_free(&buffer);
}

static void cuts_back(void **state)
{
	(void)state;
	struct buffer buffer;

	buffer_init(&buffer, 100);
	buffer_truncate(&buffer, 0); /* nothing there yet */
	buffer_puts(&buffer, "readings");
	buffer_truncate(&buffer, 100);
	assert_string_equal(buffer_text(&buffer), "readings");
	buffer_truncate(&buffer, 4);
	assert_string_equal(buffer_text(&buffer), "read");
	buffer_puts(&buffer, "y");
	assert_string_equal(buffer_text(&buffer), "ready");
	buffer_truncate(&buffer, 0);
	assert_string_equal(buffer_text(&buffer), "");
	buffer_free(&buffer);
}

static void a_zeroed_one_holds_nothing_and_may_be_freed(void **state)
{
	(void)state;
	struct buffer buffer = { 0 };

	buffer_clear(&buffer);
	buffer_puts(&buffer, "");
	assert_false(buffer.failed);
	buffer_puts(&buffer, "x");
	assert_true(buffer.failed);
	buffer_free(&buffer);
	buffer_free(&buffer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_and_ends_in_nul),
		cmocka_unit_test(holds_its_limit_and_not_one_byte_more),
		cmocka_unit_test(a_failure_is_seen_at_the_end_of_a_chain),
		cmocka_unit_test(absurd_lengths_are_refused),
		cmocka_unit_test(room_is_taken_as_far_as_it_was_filled),
		cmocka_unit_test(cuts_back),
		cmocka_unit_test(a_zeroed_one_holds_nothing_and_may_be_freed),
	};

	return cmocka_run_group_tests_name("buffer", tests, NULL, NULL);
}
