#include "store/desk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/clock.h"
#include "tests/unit/temp_store.h"

static const int64_t start = 1795300000000;

static struct temp temp;
static struct desk *desk;

static int make(void **state)
{
	clock_freeze(start, 1000);
	temp_make(&temp);
	*state = temp_open(&temp, STORE_RECORDER);
	desk = desk_new();
	return *state && desk ? 0 : -1;
}

static int drop(void **state)
{
	desk_free(desk);
	store_close(*state);
	temp_remove(&temp);
	return 0;
}

static struct silence make_silence(
	const char *rule, const char *station, const char *area, int64_t for_ms)
{
	struct silence silence = { .author = "an",
		.reason = "?",
		.since_ms = start,
		.until_ms = start + for_ms };

	snprintf(silence.rule, sizeof silence.rule, "%s", rule);
	snprintf(silence.station, sizeof silence.station, "%s", station);
	snprintf(silence.area, sizeof silence.area, "%s", area);
	return silence;
}

static void test_what_is_covered(void **state)
{
	static const struct {
		const char *rule, *station, *area;
		bool covered;
	} cases[] = {
		{ "dust", "", "", true },
		{ "", "A", "", true },
		{ "", "", "one", true },
		{ "dust", "A", "one", true },
		{ "rain", "", "", false },
		{ "dust", "B", "", false },
		{ "dust", "A", "two", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct silence silence = make_silence(
			cases[i].rule, cases[i].station, cases[i].area, 1000);

		silence.id = (int64_t)i + 1;
		assert_true(desk_silence(desk, &silence));
		assert_int_equal(desk_covers(desk, "dust", "A", "one", start),
			cases[i].covered ? silence.id : 0);
		assert_int_equal(desk_covers(desk, "dust", "A", "one", start + 1000), 0);
		desk_unsilence(desk, silence.id, start);
	}
	assert_false(desk_has_silences(desk));
	assert_false(desk_has_silences(NULL));
	assert_int_equal(desk_covers(NULL, "dust", "A", "one", start), 0);
}

static void test_there_is_an_end_to_them(void **state)
{
	struct silence silence = make_silence("dust", "", "", 1000);

	(void)state;
	for (silence.id = 1; silence.id <= DESK_SILENCES_MAX; silence.id++)
		assert_true(desk_silence(desk, &silence));
	assert_int_equal(desk_in_force(desk, start), DESK_SILENCES_MAX);
	assert_false(desk_silence(desk, &silence));
	assert_int_equal(desk_in_force(desk, start + 1000), 0);
	silence.since_ms = start + 1000;
	silence.until_ms = start + 2000;
	assert_true(desk_silence(desk, &silence));
}

static void count(void *arg, const struct silence *silence)
{
	(void)silence;
	++*(int *)arg;
}

static void count_acknowledgement(void *arg, const struct acknowledgement *one)
{
	(void)one;
	++*(int *)arg;
}

/* What ended is remembered, though not for ever; what is in force is. */
static void test_history(void **state)
{
	struct store *store = *state;
	struct silence first = make_silence("dust", "A", "", 3600 * 1000);
	int all = 0, in_force = 0;

	assert_int_equal(decisions_keep_silence(store, &first), 0);
	assert_int_equal(first.id, 1);
	for (int i = 0; i < DECISIONS_KEPT + 5; i++) {
		struct silence silence = make_silence("dust", "", "", 0);
		assert_int_equal(decisions_keep_silence(store, &silence), 0);
		assert_int_equal(silence.id, i + 2);
	}
	assert_int_equal(decisions_each_silence(store, 0, count, &all), 0);
	assert_int_equal(decisions_each_silence(store, start, count, &in_force), 0);
	assert_int_equal(all, DECISIONS_KEPT + 1);
	assert_int_equal(in_force, 1);
	assert_int_equal(desk_open(desk, store), 0);
	assert_int_equal(desk_covers(desk, "dust", "A", "x", start + 1), 1);
	/* By a clock that is not set yet all of them seem to be in force. */
	struct silence last = make_silence("dust", "B", "", 3600 * 1000);
	assert_int_equal(decisions_keep_silence(store, &last), 0);
	clock_freeze(1000, 1000);
	assert_int_equal(desk_open(desk, store), 0);
	assert_int_equal(desk_covers(desk, "dust", "A", "x", start + 1), 1);
	assert_int_equal(desk_covers(desk, "dust", "B", "x", start + 1), last.id);
}

static void test_acknowledgements(void **state)
{
	struct store *store = *state;
	struct acknowledgement one = { .author = "an", .time_ms = start };
	int kept = 0;

	for (int i = 0; i < DECISIONS_KEPT + 5; i++) {
		snprintf(one.episode, sizeof one.episode, "e%d", i);
		assert_int_equal(decisions_keep_acknowledgement(store, &one), 0);
		desk_acknowledge(desk, &one);
	}
	/* The first who did counts, here and there. */
	snprintf(one.author, sizeof one.author, "binh");
	assert_int_equal(decisions_keep_acknowledgement(store, &one), 0);
	desk_acknowledge(desk, &one);
	for (int turn = 0; turn < 2; turn++) {
		assert_true(desk_acknowledged(desk, one.episode, &one));
		assert_string_equal(one.author, "an");
		assert_false(desk_acknowledged(desk, "e0", NULL));
		assert_true(desk_acknowledged(desk, "e5", NULL));
		assert_int_equal(desk_open(desk, store), 0);
	}
	assert_int_equal(
		decisions_each_acknowledgement(store, count_acknowledgement, &kept), 0);
	assert_int_equal(kept, DECISIONS_KEPT);
	assert_false(desk_acknowledged(NULL, "e5", NULL));
}

int main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, make, drop)
	const struct CMUnitTest tests[] = {
		TEST(test_what_is_covered),
		TEST(test_there_is_an_end_to_them),
		TEST(test_history),
		TEST(test_acknowledgements),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
