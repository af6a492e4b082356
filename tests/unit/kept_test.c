/* What is kept of replies, and for whom; and connections by address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "web/crowd.h"
#include "web/kept.h"

static struct MHD_Response *make(void)
{
	return MHD_create_response_from_buffer(1, (void *)"x", MHD_RESPMEM_PERSISTENT);
}

static void put(struct kept *kept, const char *key, size_t bytes, int64_t ms)
{
	struct kept_reply reply = {
		.response = make(), .unchanged = make(), .status = 200, .bytes = bytes
	};

	kept_put(kept, key, &reply, ms);
}

static bool has(struct kept *kept, const char *key)
{
	bool found = kept_lock(kept, key) != NULL;

	if (found)
		kept_unlock(kept);
	return found;
}

static void test_one_makes_it_anew(void **state)
{
	struct kept *kept = kept_new();

	(void)state;
	assert_false(has(kept, "a"));
	put(kept, "a", 10, 60000);
	assert_true(has(kept, "a"));
	/* Over at once: the first has to make it, the others get the old one. */
	put(kept, "a", 10, 0);
	assert_false(has(kept, "a"));
	assert_true(has(kept, "a"));
	assert_true(has(kept, "a"));
	put(kept, "a", 10, 60000);
	assert_true(has(kept, "a"));
	kept_free(kept);
}

static void test_what_is_wanted_stays(void **state)
{
	struct kept *kept = kept_new();
	char key[32];

	(void)state;
	put(kept, "list", 1000, 30000);
	for (int i = 0; i < 3 * KEPT_REPLIES; i++) {
		snprintf(key, sizeof key, "station %d", i);
		put(kept, key, 10, 60000);
		assert_true(has(kept, "list"));
	}
	assert_true(has(kept, key));
	assert_false(has(kept, "station 0"));
	kept_free(kept);
}

static void test_weight(void **state)
{
	struct kept *kept = kept_new();

	(void)state;
	put(kept, "heavy", KEPT_BYTES + 1, 60000);
	assert_false(has(kept, "heavy"));
	put(kept, "a", KEPT_BYTES / 2, 60000);
	put(kept, "b", KEPT_BYTES / 2, 60000);
	put(kept, "c", KEPT_BYTES / 2, 60000);
	assert_true(has(kept, "a") && has(kept, "b"));
	assert_false(has(kept, "c"));
	kept_free(kept);
}

static void test_crowd(void **state)
{
	struct crowd *crowd = crowd_new(3);
	struct rate_key keys[2000];

	(void)state;
	for (int i = 0; i < 2000; i++) {
		char text[32];
		snprintf(text, sizeof text, "10.0.%d.%d", i / 250, i % 250);
		assert_true(rate_key_parse(text, &keys[i]));
		for (int n = 0; n < 3; n++) {
			assert_true(crowd_has_room(crowd, &keys[i]));
			crowd_enter(crowd, &keys[i]);
		}
		assert_false(crowd_has_room(crowd, &keys[i]));
	}
	/* Whoever leaves does not take along those who were behind. */
	for (int i = 0; i < 2000; i += 2)
		for (int n = 0; n < 3; n++)
			crowd_leave(crowd, &keys[i]);
	for (int i = 0; i < 2000; i++)
		assert_int_equal(crowd_has_room(crowd, &keys[i]), i % 2 == 0);
	for (int i = 1; i < 2000; i += 2)
		crowd_leave(crowd, &keys[i]);
	for (int i = 0; i < 2000; i++)
		assert_true(crowd_has_room(crowd, &keys[i]));
	crowd_leave(crowd, &keys[0]);
	crowd_free(crowd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_makes_it_anew),
		cmocka_unit_test(test_what_is_wanted_stays),
		cmocka_unit_test(test_weight),
		cmocka_unit_test(test_crowd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
