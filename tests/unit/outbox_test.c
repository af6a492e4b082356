#include "store/outbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/temp_store.h"

static struct temp temp;

static int make_store(void **state)
{
	temp_make(&temp);
	*state = temp_open(&temp, STORE_RECORDER);
	return *state ? 0 : -1;
}

static int drop_store(void **state)
{

	store_close(*state);
	temp_remove(&temp);
	return 0;
}

static void add(struct store *store, const char *channel, const char *episode,
	int revision, bool resolved)
{
	struct outbox_item item = {
		.revision = revision,
		.resolved = resolved,
		.created_ms = 1000,
		.expires_ms = 9000,
		.body = "{}",
	};

	snprintf(item.channel, sizeof item.channel, "%s", channel);
	snprintf(item.episode, sizeof item.episode, "%s", episode);
	assert_int_equal(outbox_add(store, &item), 0);
	assert_int_equal(store_commit(store), 0);
}

/* "e1:2" for the next row of CHANNEL at NOW, or "wait N". */
static const char *next(struct store *store, const char *channel, int64_t now_ms,
	struct outbox_item *item)
{
	static char text[96];
	int64_t next_ms = -1;

	switch (outbox_next(store, channel, now_ms, item, &next_ms)) {
	case 1:
		snprintf(text, sizeof text, "%s:%d", item->episode, item->revision);
		break;
	case 0:
		snprintf(text, sizeof text, "wait %lld",
			next_ms == INT64_MAX ? -1LL : (long long)next_ms);
		break;
	default:
		snprintf(text, sizeof text, "error");
	}
	return text;
}

static void test_in_order_per_channel(void **state)
{
	struct store *store = *state;
	struct outbox_item item;

	assert_string_equal(next(store, "a", 1000, &item), "wait -1");
	add(store, "a", "e1", 1, false);
	add(store, "b", "e1", 1, false);
	add(store, "a", "e1", 2, true);
	assert_string_equal(next(store, "a", 1000, &item), "e1:1");
	assert_int_equal(item.created_ms, 1000);
	assert_int_equal(item.expires_ms, 9000);
	assert_false(item.resolved);
	assert_string_equal(item.body, "{}");
	assert_int_equal(outbox_finish(store, &item, OUTBOX_DELIVERED, 1100, ""), 0);
	assert_string_equal(next(store, "a", 1000, &item), "e1:2");
	assert_true(item.resolved);
	assert_string_equal(next(store, "b", 1000, &item), "e1:1");
	assert_int_equal(outbox_count(store, "a"), 1);
}

static void test_retry_holds_back_its_episode_only(void **state)
{
	struct store *store = *state;
	struct outbox_item item;

	add(store, "a", "e1", 1, false);
	add(store, "a", "e1", 2, true);
	add(store, "a", "e2", 1, false);
	assert_string_equal(next(store, "a", 1000, &item), "e1:1");
	assert_int_equal(outbox_has_newer(store, &item), 1);
	assert_int_equal(outbox_retry(store, &item, 5000, false, "HTTP 503"), 0);
	assert_string_equal(next(store, "a", 1000, &item), "e2:1");
	assert_int_equal(outbox_has_newer(store, &item), 0);
	assert_int_equal(outbox_finish(store, &item, OUTBOX_DELIVERED, 1100, ""), 0);
	assert_string_equal(next(store, "a", 1000, &item), "wait 5000");
	assert_string_equal(next(store, "a", 5000, &item), "e1:1");
	assert_int_equal(item.attempts, 1);
}

/* One message that always fails lets the others pass. */
static void test_the_least_tried_comes_first(void **state)
{
	struct store *store = *state;
	struct outbox_item item;

	add(store, "a", "e1", 1, false);
	add(store, "a", "e2", 1, false);
	assert_string_equal(next(store, "a", 1000, &item), "e1:1");
	assert_int_equal(outbox_retry(store, &item, 2000, false, ""), 0);
	assert_int_equal(outbox_defer(store, "a", 2000), 0);
	assert_string_equal(next(store, "a", 1000, &item), "wait 2000");
	/* What comes later is due at once. */
	add(store, "a", "e3", 1, false);
	assert_string_equal(next(store, "a", 1000, &item), "e3:1");
	assert_string_equal(next(store, "a", 2000, &item), "e2:1");
}

static void test_clock_set_back_does_not_hold(void **state)
{
	struct store *store = *state;
	struct outbox_item item;

	add(store, "a", "e1", 1, false);
	next(store, "a", 1000, &item);
	assert_int_equal(outbox_retry(store, &item, 50000000, false, ""), 0);
	assert_string_equal(next(store, "a", 49000000, &item), "wait 50000000");
	assert_string_equal(next(store, "a", 1000, &item), "e1:1");
}

static void test_who_was_told(void **state)
{
	static const struct {
		enum outbox_end end;
		bool maybe;
		int told;
	} cases[] = {
		{ OUTBOX_DELIVERED, false, 1 },
		{ OUTBOX_EXPIRED, false, 0 },
		{ OUTBOX_EXPIRED, true, 1 },
		{ OUTBOX_SUPERSEDED, false, 0 },
		{ OUTBOX_SUPERSEDED, true, 1 },
		{ OUTBOX_REFUSED, false, 0 },
		{ OUTBOX_UNTOLD, false, 0 },
	};
	struct store *store = *state;
	struct outbox_item item;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char episode[16];

		snprintf(episode, sizeof episode, "e%zu", i);
		add(store, "a", episode, 1, false);
		assert_string_not_equal(next(store, "a", 1000, &item), "error");
		assert_string_equal(item.episode, episode);
		assert_int_equal(outbox_was_told(store, "a", episode), 0);
		if (cases[i].maybe) {
			assert_int_equal(outbox_retry(store, &item, 0, true, "?"), 0);
			assert_int_equal(outbox_was_told(store, "a", episode), 1);
			/* Another failed attempt does not take it back. */
			assert_int_equal(outbox_retry(store, &item, 0, false, "?"), 0);
		}
		assert_int_equal(outbox_finish(store, &item, cases[i].end, 1, ""), 0);
		assert_int_equal(outbox_was_told(store, "a", episode), cases[i].told);
		assert_int_equal(outbox_was_told(store, "b", episode), 0);
	}
	assert_int_equal(outbox_count(store, "a"), 0);
	assert_true(temp_number(store,
			    "SELECT sum(result = 'delivered') * 100 + count(*)"
			    " FROM delivery WHERE channel = 'a'") == 107);
}

static void test_rollback_leaves_nothing(void **state)
{
	struct store *store = *state;
	struct outbox_item item = { .channel = "a", .episode = "e", .body = "{}" };

	assert_false(alert_state_joins(store));
	assert_int_equal(outbox_add(store, &item), 0);
	assert_true(alert_state_joins(store));
	assert_int_equal(alert_state_set(store, "r", "s", "1"), 0);
	store_rollback(store);
	assert_int_equal(outbox_count(store, "a"), 0);
}

static void count_state(
	void *arg, const char *rule, const char *station, const char *state)
{
	snprintf(arg, 64, "%s@%s=%s", rule, station, state);
}

static void test_states(void **state)
{
	struct store *store = *state;
	char seen[64] = "";

	assert_int_equal(alert_state_set(store, "dust", "A", "1"), 0);
	assert_int_equal(alert_state_set(store, "dust", "A", "2"), 0);
	assert_int_equal(alert_state_set(store, "gone", "A", "3"), 0);
	assert_int_equal(alert_state_set(store, "gone", "A", NULL), 0);
	assert_int_equal(store_commit(store), 0);
	assert_int_equal(alert_state_each(store, count_state, seen), 0);
	assert_string_equal(seen, "dust@A=2");
}

int main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, make_store, drop_store)
	const struct CMUnitTest tests[] = {
		TEST(test_in_order_per_channel),
		TEST(test_retry_holds_back_its_episode_only),
		TEST(test_the_least_tried_comes_first),
		TEST(test_clock_set_back_does_not_hold),
		TEST(test_who_was_told),
		TEST(test_rollback_leaves_nothing),
		TEST(test_states),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
