#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "store/cursors.h"
#include "store/lanes.h"
#include "tests/unit/chance.h"
#include "tests/unit/temp_store.h"

static void test_one_lane(void **state)
{
	struct lanes lanes = { .done = 10 };

	(void)state;
	assert_int_equal(lanes_live(&lanes), 10);
	assert_int_equal(lanes_backlog_end(&lanes), 0);
	lanes_advance_live(&lanes, 15);
	assert_int_equal(lanes.done, 15);
	lanes_advance_live(&lanes, 12); /* never back */
	assert_int_equal(lanes.done, 15);
	assert_false(lanes_split(&lanes, 15)); /* there is nothing to split */
}

static void test_split_and_merge(void **state)
{
	struct lanes lanes = { .done = 10 };

	(void)state;
	assert_true(lanes_split(&lanes, 100));
	assert_int_equal(lanes_live(&lanes), 100);
	assert_int_equal(lanes_backlog(&lanes), 10);
	assert_int_equal(lanes_backlog_end(&lanes), 100);
	lanes_advance_live(&lanes, 105);
	assert_true(lanes_split(&lanes, 200));
	lanes_advance_live(&lanes, 201);
	assert_int_equal(lanes_ahead(&lanes), 5 + 1);
	lanes_advance_backlog(&lanes, 99);
	assert_int_equal(lanes_backlog_end(&lanes), 100);
	lanes_advance_backlog(&lanes, 100);
	assert_int_equal(lanes_backlog(&lanes), 105);
	assert_int_equal(lanes_backlog_end(&lanes), 200);
	lanes_advance_backlog(&lanes, 200);
	assert_int_equal(lanes.done, 201);
	assert_int_equal(lanes.count, 0);
}

static void test_islands_have_an_end(void **state)
{
	struct lanes lanes = { 0 };
	int64_t newest = 0;

	(void)state;
	for (int i = 0; i < LANES_MAX; i++) {
		assert_true(lanes_split(&lanes, newest += 100));
		lanes_advance_live(&lanes, newest += 5);
	}
	assert_false(lanes_split(&lanes, newest + 100));
	assert_int_equal(lanes_live(&lanes), newest);
	/* An island where nothing was delivered is not kept. */
	lanes = (struct lanes){ 0 };
	for (int i = 1; i < 50; i++)
		assert_true(lanes_split(&lanes, 100 * i));
	assert_int_equal(lanes.count, 1);
}

/* Against a plain list of what was delivered. */
static void test_no_gap_by_chance(void **state)
{
	enum { IDS = 400 };
	struct chance chance = chance_begin();

	(void)state;
	for (int round = 0; round < 200; round++) {
		bool delivered[IDS + 1] = { false };
		struct lanes lanes = { 0 };
		int64_t newest = 1;

		while (lanes.done < IDS) {
			int64_t step = 1 + (int64_t)chance_below(&chance, 20);
			newest = newest + step < IDS ? newest + step : IDS;
			if (chance_below(&chance, 4) == 0)
				lanes_split(&lanes, newest);
			bool backlog = lanes_backlog_end(&lanes) > 0 &&
				chance_below(&chance, 2) == 0;
			int64_t end = backlog ? lanes_backlog_end(&lanes) : newest;
			int64_t id = backlog ? lanes_backlog(&lanes) : lanes_live(&lanes);
			for (int64_t i = 0; i < step && id < end; i++)
				delivered[++id] = true;
			if (backlog)
				lanes_advance_backlog(&lanes, id);
			else
				lanes_advance_live(&lanes, id);
			for (int64_t i = 1; i <= lanes.done; i++)
				assert_true(delivered[i]);
		}
	}
}

static void test_kept_in_the_store(void **state)
{
	struct lanes lanes = {
		.done = 3, .count = 2, .ahead = { { 10, 20 }, { 30, 30 } }
	};
	struct lanes read;
	struct temp temp;

	(void)state;
	temp_make(&temp);
	struct store *store = temp_open(&temp, STORE_RECORDER);
	assert_int_equal(lanes_load(store, "city", &read), 0);
	assert_int_equal(read.done + (int64_t)read.count, 0);
	assert_int_equal(lanes_save(store, "city", &lanes), 0);
	assert_int_equal(lanes_load(store, "city", &read), 0);
	assert_memory_equal(&lanes, &read, sizeof lanes);
	assert_int_equal(store_cursor_set(store, "other", 2), 0);
	/* A cursor that was moved by hand swallows what is behind it. */
	assert_int_equal(store_cursor_set(store, "city", 25), 0);
	assert_int_equal(lanes_load(store, "city", &read), 0);
	assert_int_equal(read.count, 1);
	assert_int_equal(read.ahead[0].from, 30);
	/* Inside the caller's transaction it is the caller's. */
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(lanes_save(store, "city", &lanes), 0);
	store_rollback(store);
	assert_int_equal(lanes_load(store, "city", &read), 0);
	assert_int_equal(read.done, 25);
	store_close(store);
	temp_remove(&temp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_lane),
		cmocka_unit_test(test_split_and_merge),
		cmocka_unit_test(test_islands_have_an_end),
		cmocka_unit_test(test_no_gap_by_chance),
		cmocka_unit_test(test_kept_in_the_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
