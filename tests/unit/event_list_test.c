/* The list that streams of events read from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "web/event_list.h"

static void add(
	struct event_list *list, const char *station, int language, const char *text)
{
	struct buffer buffer;

	buffer_init(&buffer, 1 << 20);
	buffer_puts(&buffer, text);
	assert_true(event_list_add(list, station, language, &buffer));
	buffer_free(&buffer);
}

static void expect(const struct event_list *list, struct event_place *place, size_t size,
	const char *text)
{
	char out[100];
	size_t taken = event_list_take(list, place, out, size);

	assert_int_equal(taken, strlen(text));
	assert_memory_equal(out, text, taken);
}

static void test_places(void **state)
{
	struct event_list *list = calloc(1, sizeof *list);
	struct event_place all = { .next = 0 },
			   one = { .station = "B", .language = WORDS_EN };

	(void)state;
	assert_false(event_list_has(list, &all));
	expect(list, &all, 10, "");
	add(list, "A", -1, "aaaa");
	add(list, "B", WORDS_VI, "vvvv");
	add(list, "B", WORDS_EN, "eeee");
	add(list, "", -1, "::::");
	/* In pieces, over the ends of events. */
	expect(list, &all, 3, "aaa");
	expect(list, &all, 6, "avvvv:");
	expect(list, &all, 100, ":::");
	assert_false(event_list_has(list, &all));
	/* Only what is for this one. */
	assert_true(event_list_has(list, &one));
	expect(list, &one, 100, "eeee::::");
	add(list, "A", -1, "aaaa");
	assert_false(event_list_has(list, &one));
	assert_int_equal(one.next, list->next);
	event_list_free(list);
	free(list);
}

static void test_bounds(void **state)
{
	struct event_list *list = calloc(1, sizeof *list);
	struct event_place place = { .next = 0 };
	char *large = malloc(EVENT_BYTES / 4 + 1);

	(void)state;
	memset(large, 'x', EVENT_BYTES / 4);
	large[EVENT_BYTES / 4] = '\0';
	for (int i = 0; i < 10; i++) {
		add(list, "A", -1, large);
		assert_true(list->bytes <= EVENT_BYTES);
	}
	assert_int_equal(list->next - list->first, 4);
	/* Who was in what is gone cannot go on. */
	assert_true(event_list_is_behind(list, &place));
	place.next = list->first;
	assert_false(event_list_is_behind(list, &place));
	for (int i = 0; i < 2 * EVENT_SLOTS; i++)
		add(list, "A", -1, "x");
	assert_int_equal(list->next - list->first, EVENT_SLOTS);
	assert_true(event_list_is_behind(list, &place));
	event_list_free(list);
	assert_int_equal(list->bytes, 0);
	free(large);
	free(list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
