/* Subscriptions and fan-outs in the store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/fanout.h"
#include "store/outbox.h"
#include "store/subscriptions.h"
#include "tests/unit/temp_store.h"

enum { MANY = 10000 };

static struct temp temp;
static struct store *store;

static int set_up(void **unused)
{
	(void)unused;
	temp_make(&temp);
	store = temp_open(&temp, STORE_RECORDER);
	return 0;
}

static int tear_down(void **unused)
{
	(void)unused;
	store_close(store);
	temp_remove(&temp);
	return 0;
}

static void reopen(void)
{
	store_close(store);
	store = temp_open(&temp, STORE_RECORDER);
}

static struct subscription make(int index)
{
	struct subscription one = { .quiet_from = -1, .quiet_to = -1, .sensitive = true };

	snprintf(one.endpoint, sizeof one.endpoint, "https://p%d.example/%d", index % 3,
		index);
	snprintf(one.origin, sizeof one.origin, "https://p%d.example", index % 3);
	one.p256dh[0] = 4;
	one.auth[0] = (uint8_t)index;
	snprintf(one.areas, sizeof one.areas, "\nhn-cau-giay\n");
	return one;
}

/* Its secret, in a buffer that the next call uses again. */
static const char *add(int index)
{
	static char secret[SUBSCRIPTION_SECRET_SIZE];
	struct subscription one = make(index);

	assert_int_equal(
		subscriptions_put(store, &one, MANY, 1000, secret), SUBSCRIPTION_FOUND);
	assert_int_equal(strlen(secret), 24);
	return secret;
}

/* --- subscriptions --------------------------------------------------- */

static void test_round_trip(void **unused)
{
	struct subscription there, one = make(7);
	char secret[SUBSCRIPTION_SECRET_SIZE];

	(void)unused;
	one.hazards = 3;
	one.language = 1;
	one.quiet_from = 1320;
	one.quiet_to = 360;
	assert_int_equal(
		subscriptions_put(store, &one, MANY, 1000, secret), SUBSCRIPTION_FOUND);
	reopen();
	assert_int_equal(subscriptions_find(store, secret, &there), SUBSCRIPTION_FOUND);
	one.number = 1;
	assert_string_equal(there.endpoint, one.endpoint);
	assert_string_equal(there.origin, one.origin);
	assert_string_equal(there.areas, one.areas);
	assert_memory_equal(there.p256dh, one.p256dh, sizeof one.p256dh);
	assert_memory_equal(there.auth, one.auth, sizeof one.auth);
	assert_int_equal(there.number, 1);
	assert_int_equal(there.hazards, 3);
	assert_int_equal(there.language, 1);
	assert_int_equal(there.quiet_from, 1320);
	assert_int_equal(there.quiet_to, 360);
	assert_true(there.sensitive);

	there.sensitive = false;
	there.hazards = 1;
	assert_int_equal(subscriptions_change(store, &there, 2000), 0);
	assert_int_equal(subscriptions_find(store, secret, &one), SUBSCRIPTION_FOUND);
	assert_false(one.sensitive);
	assert_int_equal(one.hazards, 1);

	assert_int_equal(subscriptions_remove(store, "nobody"), SUBSCRIPTION_NONE);
	assert_int_equal(subscriptions_remove(store, secret), SUBSCRIPTION_FOUND);
	assert_int_equal(subscriptions_find(store, secret, &one), SUBSCRIPTION_NONE);
	assert_int_equal(subscriptions_count(store), 0);
}

static void test_same_endpoint(void **unused)
{
	char first[SUBSCRIPTION_SECRET_SIZE], second[SUBSCRIPTION_SECRET_SIZE];
	struct subscription one = make(1), there;

	(void)unused;
	subscriptions_put(store, &one, 1, 1000, first);
	one.auth[3] = 9;
	/* As many as may be: this is none more. */
	assert_int_equal(
		subscriptions_put(store, &one, 1, 1000, second), SUBSCRIPTION_FOUND);
	assert_string_not_equal(first, second);
	assert_int_equal(subscriptions_find(store, first, &there), SUBSCRIPTION_NONE);
	assert_int_equal(subscriptions_find(store, second, &there), SUBSCRIPTION_FOUND);
	assert_int_equal(there.number, 1);
	assert_int_equal(there.auth[3], 9);
	one = make(2);
	assert_int_equal(
		subscriptions_put(store, &one, 1, 1000, second), SUBSCRIPTION_FULL);
	assert_int_equal(subscriptions_count(store), 1);
}

static void test_numbers_are_given_once(void **unused)
{
	struct subscription there;
	char secret[SUBSCRIPTION_SECRET_SIZE];

	(void)unused;
	snprintf(secret, sizeof secret, "%s", add(1));
	subscriptions_remove(store, secret);
	reopen();
	assert_int_equal(subscriptions_find(store, add(2), &there), SUBSCRIPTION_FOUND);
	assert_int_equal(there.number, 2);
}

/* --- fan-outs -------------------------------------------------------- */

static struct fanout begin(int revision, int64_t *superseded)
{
	struct fanout fanout;

	assert_int_equal(fanout_begin(store, "web", "episode", revision, 5000, 1000,
				 &fanout, superseded),
		0);
	return fanout;
}

static struct fanout_result result(int64_t number, enum fanout_fate fate)
{
	return (struct fanout_result){
		.subscription = number, .fate = fate, .origin = "https://p1.example"
	};
}

static void note_number(void *arg, const struct subscription *subscription)
{
	int64_t **next = arg;

	*(*next)++ = subscription->number;
}

static void note_owed(void *arg, const struct subscription *subscription, unsigned times)
{
	(void)times;
	note_number(arg, subscription);
}

static int owed(const struct fanout *fanout, int64_t now_ms, int64_t numbers[static 10])
{
	int64_t *next = numbers;

	return fanout_due(store, fanout, now_ms, 10, note_owed, &next);
}

static int told(const struct fanout *fanout, int64_t number)
{
	struct fanout_bits bits = { .chunk = -1 };
	int known = fanout_look(store, fanout, &bits, number);

	assert_true(known >= 0);
	return known & FANOUT_TOLD ? 1 : 0;
}

static void test_progress(void **unused)
{
	int64_t superseded, numbers[10], *next = numbers, due;

	(void)unused;
	for (int i = 1; i <= 6; i++)
		add(i);
	struct fanout fanout = begin(1, &superseded);
	assert_int_equal(fanout.done_to, 0);
	assert_int_equal(subscriptions_after(store, 0, 4, note_number, &next), 4);
	assert_int_equal(numbers[3], 4);

	struct fanout_result results[] = { result(1, FANOUT_SENT), result(2, FANOUT_GONE),
		result(3, FANOUT_OWED), result(4, FANOUT_OWED) };
	results[3].due_ms = 3000;
	fanout.done_to = 4;
	assert_int_equal(fanout_save(store, &fanout, results, 4, 1000), 0);
	/* Killed, and begun again: it stands where it stood. */
	reopen();
	fanout = begin(1, &superseded);
	assert_int_equal(superseded, 0);
	assert_int_equal(fanout.done_to, 4);
	assert_int_equal(fanout.counts.sent, 1);
	assert_int_equal(fanout.counts.gone, 1);
	assert_int_equal(owed(&fanout, 2000, numbers), 1);
	assert_int_equal(numbers[0], 3);
	assert_int_equal(fanout_owed(store, &fanout), 2);
	assert_int_equal(fanout_next_due(store, &fanout, &due), 0);
	assert_int_equal(due, 0);
	assert_int_equal(fanout_postpone(store, &fanout, "https://p1.example", 4000), 0);
	assert_int_equal(fanout_next_due(store, &fanout, &due), 0);
	assert_int_equal(due, 4000);
	assert_int_equal(owed(&fanout, 4000, numbers), 2);
	assert_int_equal(subscriptions_count(store), 5);
	assert_int_equal(told(&fanout, 1), 1);
	assert_int_equal(told(&fanout, 2), 0);
	assert_int_equal(told(&fanout, 3), 0);

	results[0] = result(3, FANOUT_SENT);
	results[0].was_owed = true;
	assert_int_equal(fanout_save(store, &fanout, results, 1, 1000), 0);
	assert_int_equal(owed(&fanout, 4000, numbers), 1);
	assert_int_equal(told(&fanout, 3), 1);
	/* Six is dealt with beyond five, who holds up done_to: also after a kill. */
	results[0] = result(6, FANOUT_SENT);
	assert_int_equal(fanout_save(store, &fanout, results, 1, 1000), 0);
	reopen();
	fanout = begin(1, &superseded);
	struct fanout_bits bits = { .chunk = -1 };
	assert_int_equal(fanout_look(store, &fanout, &bits, 5), 0);
	assert_int_equal(
		fanout_look(store, &fanout, &bits, 6), FANOUT_TOLD | FANOUT_DEALT);
	assert_int_equal(fanout_look(store, &fanout, &bits, 4), FANOUT_DEALT);
	/* Four is owed, nobody came to five. */
	assert_int_equal(fanout_end(store, &fanout, false, 1000), 0);
	assert_int_equal(fanout.counts.given_up, 1);
	assert_int_equal(fanout.counts.unseen, 1);
	assert_int_equal(fanout.counts.sent, 3);
	assert_int_equal(owed(&fanout, 9000, numbers), 0);
	assert_int_equal(told(&fanout, 3), 1);
}

static void test_next_revision(void **unused)
{
	int64_t superseded, numbers[10];

	(void)unused;
	add(1);
	add(2);
	struct fanout fanout = begin(1, &superseded);
	struct fanout_result results[] = { result(1, FANOUT_SENT),
		result(2, FANOUT_OWED) };
	fanout.done_to = 2;
	fanout_save(store, &fanout, results, 2, 1000);
	fanout = begin(2, &superseded);
	assert_int_equal(superseded, 1);
	assert_int_equal(fanout.done_to, 0);
	assert_int_equal(fanout.counts.sent, 0);
	assert_int_equal(owed(&fanout, 9000, numbers), 0);
	assert_int_equal(told(&fanout, 1), 1);
	struct fanout_bits bits = { .chunk = -1 };
	assert_int_equal(fanout_look(store, &fanout, &bits, 1), FANOUT_TOLD);
	assert_int_equal(fanout_end(store, &fanout, true, 1000), 0);
	assert_int_equal(told(&fanout, 1), 0);
}

static void test_refusals_end_it(void **unused)
{
	struct subscription there;
	int64_t superseded;
	char secret[SUBSCRIPTION_SECRET_SIZE];

	(void)unused;
	snprintf(secret, sizeof secret, "%s", add(1));
	for (int i = 1; i <= SUBSCRIPTION_FAILURES_MAX; i++) {
		assert_int_equal(
			subscriptions_find(store, secret, &there), SUBSCRIPTION_FOUND);
		struct fanout fanout = begin(i, &superseded);
		struct fanout_result refused = result(1, FANOUT_REFUSED);
		assert_int_equal(fanout_save(store, &fanout, &refused, 1, 1000), 0);
		assert_int_equal(fanout.counts.refused, 1);
	}
	assert_int_equal(subscriptions_find(store, secret, &there), SUBSCRIPTION_GONE);
	assert_int_equal(subscriptions_count(store), 0);
	/* Nothing else is kept of it, and its endpoint may subscribe anew. */
	assert_int_equal(
		(int)temp_number(store,
			"SELECT count(*) FROM subscription WHERE endpoint IS NULL"
			" AND p256dh IS NULL AND auth IS NULL AND areas = ''"),
		1);
	add(1);
	assert_int_equal(subscriptions_count(store), 1);
}

static void test_removed_while_owed(void **unused)
{
	int64_t superseded, due;
	char secret[SUBSCRIPTION_SECRET_SIZE];

	(void)unused;
	snprintf(secret, sizeof secret, "%s", add(1));
	struct fanout fanout = begin(1, &superseded);
	struct fanout_result later = result(1, FANOUT_OWED);
	fanout.done_to = 1;
	fanout_save(store, &fanout, &later, 1, 1000);
	subscriptions_remove(store, secret);
	assert_int_equal(fanout_owed(store, &fanout), 0);
	assert_int_equal(fanout_next_due(store, &fanout, &due), 0);
	assert_int_equal(due, INT64_MAX);
}

static void count_late(
	void *arg, const char *episode, int revision, const struct fanout_counts *counts)
{
	int64_t *given_up = arg;

	assert_string_equal(episode, "episode");
	assert_int_equal(revision, 3);
	*given_up += counts->given_up + counts->unseen;
}

static void test_sweep(void **unused)
{
	int64_t superseded, given_up = 0;

	(void)unused;
	add(1);
	begin(3, &superseded);
	assert_int_equal(fanout_sweep(store, "web", 4999, count_late, &given_up), 0);
	assert_int_equal(fanout_sweep(store, "other", 5000, count_late, &given_up), 0);
	assert_int_equal(fanout_sweep(store, "web", 5000, count_late, &given_up), 1);
	assert_int_equal(given_up, 1);
	assert_int_equal(fanout_sweep(store, "web", 6000, count_late, &given_up), 0);
	assert_int_equal((int)temp_number(store, "SELECT count(*) FROM fanout"), 1);
	assert_int_equal(fanout_sweep(store, "web", INT64_C(31) * 24 * 3600 * 1000,
				 count_late, &given_up),
		0);
	assert_int_equal((int)temp_number(store, "SELECT count(*) FROM fanout"), 0);
}

static void test_outdated(void **unused)
{
	struct outbox_item row = {
		.channel = "web", .episode = "episode", .revision = 2, .body = "{}"
	};

	(void)unused;
	assert_int_equal(fanout_is_outdated(store, "web", "episode", 1), 0);
	assert_int_equal(store_begin(store), 0);
	assert_int_equal(outbox_add(store, &row), 0);
	assert_int_equal(store_commit(store), 0);
	assert_int_equal(fanout_is_outdated(store, "web", "episode", 1), 1);
	assert_int_equal(fanout_is_outdated(store, "web", "episode", 2), 0);
	assert_int_equal(fanout_is_outdated(store, "hook", "episode", 1), 0);
	assert_int_equal(fanout_is_outdated(store, "web", "other", 1), 0);
}

/* Bits far apart, in one save. */
static void test_told_of_many(void **unused)
{
	static const int64_t numbers[] = { 0, 1, 4095, 4096, 4097, 1000000, 7 };
	struct fanout_result results[7];
	int64_t superseded;

	(void)unused;
	struct fanout fanout = begin(1, &superseded);
	for (size_t i = 0; i < 7; i++)
		results[i] = result(numbers[i], FANOUT_SENT);
	assert_int_equal(fanout_save(store, &fanout, results, 7, 1000), 0);
	for (size_t i = 0; i < 7; i++)
		assert_int_equal(told(&fanout, numbers[i]), 1);
	assert_int_equal(told(&fanout, 2), 0);
	assert_int_equal(told(&fanout, 4098), 0);
	assert_int_equal(told(&fanout, 999999), 0);
	assert_int_equal((int)temp_number(store, "SELECT count(*) FROM fanout_bits"), 3);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_round_trip),
		TEST(test_same_endpoint),
		TEST(test_numbers_are_given_once),
		TEST(test_progress),
		TEST(test_next_revision),
		TEST(test_refusals_end_it),
		TEST(test_removed_while_owed),
		TEST(test_sweep),
		TEST(test_outdated),
		TEST(test_told_of_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
