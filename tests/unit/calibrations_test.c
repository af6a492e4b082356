/* Calibrations in the store, and who is being calibrated, in it and in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/clock.h"
#include "store/calibrating.h"
#include "store/reports.h"
#include "tests/unit/temp_store.h"

#define MINUTE INT64_C(60000)

static const int64_t noon = 1795320000000;

static struct temp temp;
static struct store *store;

static int begin(void **state)
{
	(void)state;
	clock_freeze(noon, 1000);
	temp_make(&temp);
	store = temp_open(&temp, STORE_RECORDER);
	return 0;
}

static int end(void **state)
{
	(void)state;
	store_close(store);
	temp_remove(&temp);
	return 0;
}

static uint32_t number_of(const char *sensor, const char *method, const char *by)
{
	struct calibration_record record = {
		.station = "S",
		.sensor = sensor,
		.metric = METRIC_PM25,
		.method = method,
		.date = "2026-10-02",
		.by = by,
		.certificate = "C-1",
	};
	uint32_t number = 0;

	assert_int_equal(calibrations_number(store, &record, noon, &number), 0);
	assert_true(number > 0);
	return number;
}

static void a_change_makes_a_new_number(void **state)
{
	(void)state;
	uint32_t first = number_of("dust", "gain 0.93", "A");

	assert_int_equal(number_of("dust", "gain 0.93", "A"), first);
	assert_int_not_equal(number_of("other", "gain 0.93", "A"), first);
	uint32_t second = number_of("dust", "gain 0.95", "A");
	assert_true(second > first);
	assert_int_equal(number_of("dust", "gain 0.95", "A"), second);
	uint32_t third = number_of("dust", "gain 0.95", "B");
	assert_true(third > second);
	/* Back to what it was before: another time, another number. */
	assert_true(number_of("dust", "gain 0.93", "A") > third);
	assert_true(temp_number(store,
			    "SELECT count(*) FROM calibration WHERE sensor='dust'"
			    " AND certificate='C-1' AND date='2026-10-02'") == 4);
}

static void note_metric(void *arg, uint16_t metric)
{
	*(int *)arg = *(int *)arg * 1000 + metric;
}

static void those_in_force(void **state)
{
	(void)state;
	int seen = 0;

	number_of("dust", "gain 0.93", "A");
	assert_int_equal(calibrations_each(store, "S", "dust", note_metric, &seen), 0);
	assert_int_equal(seen, METRIC_PM25);
	number_of("dust", "none", "A");
	seen = 0;
	assert_int_equal(calibrations_each(store, "S", "dust", note_metric, &seen), 0);
	assert_int_equal(seen, 0);
}

/* --- being calibrated ----------------------------------------------------- */

static struct calibrating_span span_of(
	const char *station, const char *sensor, int64_t since_ms, int64_t until_ms)
{
	struct calibrating_span span = { .since_ms = since_ms, .until_ms = until_ms };

	snprintf(span.station, sizeof span.station, "%s", station);
	snprintf(span.sensor, sizeof span.sensor, "%s", sensor);
	snprintf(span.author, sizeof span.author, "huy");
	return span;
}

static bool is_at(const struct calibrating *all, const char *station, const char *sensor,
	int64_t ms)
{
	return calibrating_touches(all, station, sensor, ms - 1, ms);
}

static void a_span_is_half_open(void **state)
{
	(void)state;
	struct calibrating *all = calibrating_new();
	struct calibrating_span span = span_of("", "dust", noon, noon + 30 * MINUTE);

	assert_false(calibrating_touches(NULL, "S", "dust", 0, noon));
	assert_false(calibrating_touches(all, "S", "dust", 0, INT64_MAX));
	assert_true(calibrating_set(all, &span));
	assert_false(is_at(all, "S", "dust", noon));
	assert_true(is_at(all, "S", "dust", noon + 1));
	assert_true(is_at(all, "S", "dust", noon + 30 * MINUTE));
	assert_false(is_at(all, "S", "dust", noon + 30 * MINUTE + 1));
	assert_false(is_at(all, "S", "gauge", noon + 1));
	/* Spans of time that reach into it, or over it. */
	assert_true(calibrating_touches(all, "S", "dust", noon - MINUTE, noon + 1));
	assert_false(calibrating_touches(all, "S", "dust", noon - MINUTE, noon));
	assert_true(
		calibrating_touches(all, "S", "dust", noon - MINUTE, noon + 60 * MINUTE));
	assert_false(calibrating_touches(
		all, "S", "dust", noon + 30 * MINUTE, noon + 31 * MINUTE));
	calibrating_free(all);
	calibrating_free(NULL);
}

/* What somebody says later counts from then on. */
static void the_last_word_counts(void **state)
{
	(void)state;
	struct calibrating *all = calibrating_new();
	struct calibrating_span whole = span_of("", "d", noon, noon + 30 * MINUTE);
	struct calibrating_span over = span_of("", "d", noon + MINUTE, noon + MINUTE);
	struct calibrating_span here =
		span_of("S", "d", noon + 2 * MINUTE, noon + 9 * MINUTE);

	calibrating_set(all, &whole);
	calibrating_set(all, &over);
	assert_true(is_at(all, "S", "d", noon + MINUTE));
	assert_false(is_at(all, "S", "d", noon + MINUTE + 1));
	calibrating_set(all, &here);
	assert_true(is_at(all, "S", "d", noon + 3 * MINUTE));
	assert_false(is_at(all, "T", "d", noon + 3 * MINUTE));
	/* The end for one station leaves those of others alone, the end for all does not.
	 */
	over = span_of("T", "d", noon + 4 * MINUTE, noon + 4 * MINUTE);
	calibrating_set(all, &over);
	assert_true(is_at(all, "S", "d", noon + 5 * MINUTE));
	over = span_of("", "d", noon + 4 * MINUTE, noon + 4 * MINUTE);
	calibrating_set(all, &over);
	assert_false(is_at(all, "S", "d", noon + 5 * MINUTE));
	/* One that ended before it began was never there. */
	calibrating_set(all, &whole);
	over = span_of("", "d", noon - MINUTE, noon - MINUTE);
	calibrating_set(all, &over);
	assert_false(
		calibrating_touches(all, "S", "d", noon - MINUTE, noon + 60 * MINUTE));
	calibrating_free(all);
}

/* The clock is set an hour forward, twenty minutes after somebody said "30m". */
static void spans_move_with_the_clock(void **state)
{
	(void)state;
	const struct clock_step step = { .since_ms = noon - 60 * MINUTE,
		.by_ms = 60 * MINUTE };
	struct calibrating_span now = span_of("", "dust", noon, noon + 30 * MINUTE);
	struct calibrating_span before_boot =
		span_of("", "old", noon - 90 * MINUTE, noon + 30 * MINUTE);
	/* Of an earlier boot, whose clock was right. */
	struct calibrating_span right =
		span_of("", "right", noon + 70 * MINUTE, noon + 100 * MINUTE);
	struct calibrating *all = calibrating_new();
	struct calibrating *again = calibrating_new();
	int64_t now_ms = noon + 80 * MINUTE;

	assert_int_equal(calibrating_keep(store, &now), 0);
	assert_int_equal(calibrating_keep(store, &before_boot), 0);
	assert_int_equal(calibrating_keep(store, &right), 0);
	assert_int_equal(calibrating_open(all, store), 0);
	assert_int_equal(store_join(store), 0);
	assert_int_equal(calibrating_move(store, &step, now_ms), 0);
	assert_int_equal(store_commit(store), 0);
	calibrating_shift(all, &step, now_ms);
	calibrating_shift(NULL, &step, now_ms);
	assert_int_equal(calibrating_open(again, store), 0);
	for (int i = 0; i < 2; i++) {
		const struct calibrating *which = i ? again : all;
		assert_false(is_at(which, "S", "dust", noon + 60 * MINUTE));
		assert_true(is_at(which, "S", "dust", noon + 90 * MINUTE));
		assert_false(is_at(which, "S", "dust", noon + 90 * MINUTE + 1));
		assert_true(is_at(which, "S", "old", noon + 30 * MINUTE));
		assert_false(is_at(which, "S", "old", noon + 31 * MINUTE));
		assert_true(is_at(which, "S", "right", noon + 100 * MINUTE));
	}
	calibrating_free(all);
	calibrating_free(again);
}

static void count_span(void *arg, const struct calibrating_span *span)
{
	assert_string_equal(span->author, "huy");
	++*(int *)arg;
}

static void it_outlives_the_process(void **state)
{
	(void)state;
	struct calibrating_span span = span_of("", "dust", noon, noon + 30 * MINUTE);
	struct calibrating_span ended = span_of("S", "gauge", noon, noon + 30 * MINUTE);
	struct calibrating *all = calibrating_new();
	struct store *client = temp_open(&temp, STORE_CLIENT);
	int shown = 0;

	assert_int_equal(calibrating_keep(client, &span), 0);
	assert_int_equal(calibrating_keep(client, &ended), 0);
	ended.since_ms = ended.until_ms = noon + 10 * MINUTE;
	assert_int_equal(calibrating_keep(client, &ended), 0);
	store_close(client);
	assert_int_equal(calibrating_open(all, store), 0);
	/* Also what is over: reports of that time may wait in the ring. */
	assert_true(is_at(all, "S", "gauge", noon + 10 * MINUTE));
	assert_false(is_at(all, "S", "gauge", noon + 11 * MINUTE));
	assert_true(is_at(all, "S", "dust", noon + 30 * MINUTE));
	calibrating_each(all, "dust", noon, count_span, &shown);
	calibrating_each(all, "gauge", noon + 20 * MINUTE, count_span, &shown);
	assert_int_equal(shown, 1);
	/* Opening again is no second copy. */
	assert_int_equal(calibrating_open(all, store), 0);
	calibrating_each(all, "dust", noon, count_span, &shown);
	assert_int_equal(shown, 2);
	calibrating_free(all);
}

static void what_the_store_knows(void **state)
{
	(void)state;
	int64_t source;

	assert_int_equal(store_begin(store), 0);
	assert_int_equal(store_source(store, "S", "dust", &source), 0);
	assert_int_equal(store_commit(store), 0);
	assert_true(calibrating_knows(store, NULL, "dust"));
	assert_true(calibrating_knows(store, "S", "dust"));
	assert_false(calibrating_knows(store, "T", "dust"));
	assert_false(calibrating_knows(store, NULL, "gauge"));
}

int main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(a_change_makes_a_new_number),
		TEST(those_in_force),
		TEST(a_span_is_half_open),
		TEST(the_last_word_counts),
		TEST(it_outlives_the_process),
		TEST(spans_move_with_the_clock),
		TEST(what_the_store_knows),
	};

	return cmocka_run_group_tests_name("calibrations", tests, NULL, NULL);
}
