#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/directory.h"
#include "tests/unit/temp_store.h"

static struct temp temp;
static struct station_config others[] = {
	{ .id = "HN-BD-01",
		.name = "Ba Đình",
		.area = "hn-ba-dinh",
		.latitude = 21.035,
		.longitude = 105.834,
		.indicative = MAYBE_YES },
};
static const struct config config = {
	.station = { .id = "HN-CG-01",
		.name = "Cầu Giấy",
		.area = "hn-cau-giay",
		.latitude = NAN,
		.longitude = NAN },
	.stations = { .items = others, .count = 1 },
};

static struct station heard(const char *id, const char *name)
{
	struct station station = { .latitude = 21.0, .longitude = 105.8 };

	snprintf(station.id, sizeof station.id, "%s", id);
	snprintf(station.name, sizeof station.name, "%s", name);
	return station;
}

static void save(struct directory *directory, struct store *store)
{
	assert_int_equal(directory_save(directory, store), 0);
	assert_int_equal(store_commit(store), 0);
	directory_committed(directory);
}

static void test_unknown_is_named_by_its_id(void **state)
{
	struct directory *directory = *state;
	struct station station;

	assert_false(directory_find(directory, "X", &station));
	assert_string_equal(station.name, "X");
	assert_string_equal(station.area, "");
	assert_true(isnan(station.latitude));
	assert_false(directory_find(NULL, "X", &station));
	assert_string_equal(station.id, "X");
}

static void test_configuration_stands(void **state)
{
	struct directory *directory = *state;
	struct station station, other = heard("HN-BD-01", "elsewhere");

	assert_int_equal(directory_open(directory, &config, NULL), 0);
	assert_false(directory_learn(directory, &other));
	assert_true(directory_find(directory, "HN-BD-01", &station));
	assert_string_equal(station.name, "Ba Đình");
	assert_true(station.latitude == 21.035 && station.indicative);
	assert_true(directory_find(directory, "HN-CG-01", &station));
	assert_string_equal(station.area, "hn-cau-giay");
}

static void test_what_was_heard_is_kept(void **state)
{
	struct directory *directory = *state;
	struct store *store = temp_open(&temp, STORE_RECORDER);
	struct station station = heard("N-1", "Nút 1");

	assert_int_equal(directory_open(directory, &config, store), 0);
	assert_true(directory_learn(directory, &station));
	assert_false(directory_learn(directory, &station));
	/* Rolled back: it is written again. */
	assert_int_equal(directory_save(directory, store), 0);
	store_rollback(store);
	save(directory, store);
	/* What is not said leaves what is known. */
	struct station silent = heard("N-1", "");
	silent.latitude = silent.longitude = NAN;
	assert_false(directory_learn(directory, &silent));
	silent.indicative = true;
	assert_true(directory_learn(directory, &silent));
	save(directory, store);
	assert_int_equal(directory_open(directory, &config, store), 0);
	assert_true(directory_find(directory, "N-1", &station));
	assert_string_equal(station.name, "Nút 1");
	assert_true(station.latitude == 21.0 && station.indicative);
	store_close(store);
}

static bool is_indicative(const struct directory *directory, const char *id)
{
	struct station station;

	directory_find(directory, id, &station);
	return station.indicative;
}

static void test_grade_of_the_sensors(void **state)
{
	struct directory *directory = *state;
	struct station relayed = heard("N-1", "");

	assert_int_equal(directory_open(directory, &config, NULL), 0);
	directory_meet_air(NULL, "N-2", true);
	/* Nobody has said it: as soon as one is of reference grade, it is not. */
	for (int i = 0; i < 2; i++) {
		const char *id = i ? "HN-CG-01" : "N-2"; /* one declared, one not */
		assert_false(is_indicative(directory, id));
		directory_meet_air(directory, id, true);
		assert_true(is_indicative(directory, id));
		directory_meet_air(directory, id, false);
		directory_meet_air(directory, id, true);
		assert_false(is_indicative(directory, id));
	}
	/* What the configuration or another gateway says stands. */
	directory_meet_air(directory, "HN-BD-01", false);
	assert_true(is_indicative(directory, "HN-BD-01"));
	relayed.indicative = false;
	directory_learn(directory, &relayed);
	directory_meet_air(directory, "N-1", true);
	assert_false(is_indicative(directory, "N-1"));
}

static void test_nonsense_is_not_taken(void **state)
{
	struct directory *directory = *state;
	struct station none = heard("a/b", "x"), control = heard("N", "a\nb"),
		       moon = heard("N", "x"), half = heard("N", "x"),
		       bytes = heard("N", "\xff");

	moon.latitude = 91;
	half.longitude = NAN;
	assert_false(directory_learn(directory, &none));
	assert_false(directory_learn(directory, &control));
	assert_false(directory_learn(directory, &moon));
	assert_false(directory_learn(directory, &half));
	assert_false(directory_learn(directory, &bytes));
}

static void check_order(void *arg, const struct station *station)
{
	char *last = arg;

	assert_true(strcmp(last, station->id) < 0);
	snprintf(last, NAME_SIZE, "%s", station->id);
}

static void test_there_is_a_bound(void **state)
{
	struct directory *directory = *state;
	char id[NAME_SIZE], last[NAME_SIZE] = "";

	for (int i = 0; i < DIRECTORY_MAX; i++) {
		snprintf(id, sizeof id, "N-%d", i * 7919 % DIRECTORY_MAX);
		struct station station = heard(id, "x");
		assert_true(directory_learn(directory, &station));
	}
	struct station more = heard("M", "x");
	assert_false(directory_learn(directory, &more));
	directory_each(directory, check_order, last);
	assert_string_equal(last, "N-9999");
}

static int make(void **state)
{
	temp_make(&temp);
	*state = directory_new();
	return 0;
}

static int drop(void **state)
{
	directory_free(*state);
	temp_remove(&temp);
	return 0;
}

#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, make, drop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_unknown_is_named_by_its_id),
		TEST(test_configuration_stands),
		TEST(test_what_was_heard_is_kept),
		TEST(test_grade_of_the_sensors),
		TEST(test_nonsense_is_not_taken),
		TEST(test_there_is_a_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
