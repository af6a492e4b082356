/* The newest report of every source. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/thread.h"
#include "store/latest.h"
#include "tests/unit/temp_store.h"

enum { SEEN_MAX = 64 };

struct seen {
	struct latest_source sources[SEEN_MAX];
	size_t count, wanted; /* wanted: stop there */
};

static bool see(void *arg, const struct latest_source *source)
{
	struct seen *seen = arg;

	assert_true(seen->count < SEEN_MAX);
	seen->sources[seen->count++] = *source;
	return seen->count < seen->wanted;
}

static struct seen seen;

static void look(const struct latest *latest)
{
	seen.count = 0;
	seen.wanted = SEEN_MAX;
	latest_each(latest, see, &seen);
}

static size_t put(struct latest *latest, size_t slot, const char *station,
	const char *sensor, int64_t time_ms, double value)
{
	struct report report = temp_report(station, sensor, time_ms, value);

	return latest_put(latest, slot, &report);
}

static void keeps_the_newest_of_each_source(void **state)
{
	(void)state;
	struct latest *latest = latest_new();

	assert_int_equal(latest_count(latest), 0);
	look(latest);
	assert_int_equal(seen.count, 0);
	size_t slot = put(latest, 0, "HN-02", "dust", 1000, 10);
	assert_int_not_equal(slot, 0);
	assert_int_equal(put(latest, 0, "HN-02", "dust", 2000, 11), slot);
	assert_int_equal(put(latest, slot, "HN-02", "dust", 3000, 12), slot);
	size_t other = put(latest, 0, "HN-01", "dust", 500, 5);
	assert_int_not_equal(other, slot);
	put(latest, 0, "HN-02", "air", 600, 6);
	assert_int_equal(latest_count(latest), 3);

	look(latest); /* ordered by names */
	assert_int_equal(seen.count, 3);
	assert_string_equal(seen.sources[0].station, "HN-01");
	assert_string_equal(seen.sources[1].station, "HN-02");
	assert_string_equal(seen.sources[1].sensor, "air");
	assert_string_equal(seen.sources[2].sensor, "dust");
	const struct latest_source *dust = &seen.sources[2];
	assert_int_equal(dust->reports, 3);
	assert_int_equal(dust->time_ms, 3000);
	assert_int_equal(dust->count, 2);
	assert_int_equal(dust->values[0].reading.metric, METRIC_PM25);
	assert_true(dust->values[0].reading.value == 12);
	assert_true(dust->values[1].reading.value == 32);
	assert_int_equal(dust->values[0].time_ms, 3000);
	latest_free(latest);
}

static void a_metric_not_reported_keeps_its_own_time(void **state)
{
	(void)state;
	struct latest *latest = latest_new();
	struct report report = temp_report("S", "d", 1000, 10);

	report.marks = REPORT_RETAINED;
	report.status = STATUS_FAULT;
	report.readings[0].flag = FLAG_FAIL;
	size_t slot = latest_put(latest, 0, &report);
	report_init(&report);
	report.time_ms = 2000;
	report_add(&report, METRIC_PM10, 99);
	report_add(&report, METRIC_RAIN, 0.2);
	latest_put(latest, slot, &report);

	look(latest);
	const struct latest_value *values = seen.sources[0].values;
	assert_int_equal(seen.sources[0].count, 3);
	assert_true(values[0].reading.value == 10);
	assert_int_equal(values[0].time_ms, 1000);
	assert_int_equal(values[0].marks, REPORT_RETAINED);
	assert_int_equal(values[0].status, STATUS_FAULT);
	assert_int_equal(values[0].reading.flag, FLAG_FAIL);
	assert_true(values[1].reading.value == 99);
	assert_int_equal(values[1].time_ms, 2000);
	assert_int_equal(values[1].marks, 0);
	assert_int_equal(values[2].reading.metric, METRIC_RAIN);
	latest_free(latest);
}

static void a_late_report_does_not_replace(void **state)
{
	(void)state;
	struct latest *latest = latest_new();
	size_t slot = put(latest, 0, "S", "d", 5000, 50);

	put(latest, slot, "S", "d", 4999, 49);
	look(latest);
	assert_true(seen.sources[0].values[0].reading.value == 50);
	assert_int_equal(seen.sources[0].time_ms, 5000);
	assert_int_equal(seen.sources[0].reports, 2);
	put(latest, slot, "S", "d", 5000, 51); /* of the same time: the later word */
	look(latest);
	assert_true(seen.sources[0].values[0].reading.value == 51);
	latest_free(latest);
}

/* Where there is no date, what comes later is newer; and a date is better than none. */
static void without_a_date_the_order_counts(void **state)
{
	(void)state;
	struct latest *latest = latest_new();
	struct report report = { .station = "S", .sensor = "d", .time_ms = 5000 };

	report_add(&report, METRIC_PM25, 1);
	size_t slot = latest_put(latest, 0, &report);
	report.time_ms = 20;
	report.marks = REPORT_CLOCK_UNSET;
	report.readings[0].value = 2;
	latest_put(latest, slot, &report);
	look(latest);
	assert_true(seen.sources[0].values[0].reading.value == 2);
	report.time_ms = 10;
	report.marks = REPORT_BACKFILLED;
	report.readings[0].value = 3;
	latest_put(latest, slot, &report);
	look(latest);
	assert_true(seen.sources[0].values[0].reading.value == 3);
	latest_free(latest);
}

static void a_clock_set_back_hides_nothing(void **state)
{
	(void)state;
	struct latest *latest = latest_new();
	struct clock_step step = { .since_ms = 4000, .by_ms = -900 };
	size_t old = put(latest, 0, "S", "before", 4000, 1);
	size_t slot = put(latest, 0, "S", "d", 5000, 50);

	latest_shift(latest, &step);
	put(latest, slot, "S", "d", 4101, 51);
	put(latest, old, "S", "before", 3999, 2);
	look(latest);
	assert_true(seen.sources[0].values[0].reading.value == 1);
	assert_int_equal(seen.sources[1].time_ms, 4101);
	assert_true(seen.sources[1].values[0].reading.value == 51);
	latest_free(latest);
}

static void many_sources_stay_in_order(void **state)
{
	(void)state;
	struct latest *latest = latest_new();
	char name[16], before[16] = "";
	size_t slots[SEEN_MAX];

	for (int i = 0; i < SEEN_MAX; i++) {
		snprintf(name, sizeof name, "S%02d", i * 29 % SEEN_MAX);
		slots[i] = put(latest, 0, name, "d", 1000, i * 29 % SEEN_MAX);
	}
	for (int i = 0; i < SEEN_MAX; i++) {
		snprintf(name, sizeof name, "S%02d", i * 29 % SEEN_MAX);
		assert_int_equal(put(latest, 0, name, "d", 2000, i), slots[i]);
	}
	look(latest);
	assert_int_equal(seen.count, SEEN_MAX);
	for (int i = 0; i < SEEN_MAX; i++) {
		assert_true(strcmp(before, seen.sources[i].station) < 0);
		memcpy(before, seen.sources[i].station, sizeof before);
		assert_int_equal(seen.sources[i].reports, 2);
	}
	seen.count = 0;
	seen.wanted = 3;
	latest_each(latest, see, &seen);
	assert_int_equal(seen.count, 3);
	latest_free(latest);
}

static void more_metrics_than_a_source_may_have(void **state)
{
	(void)state;
	struct latest *latest = latest_new();
	struct report report;
	size_t slot = 0;

	for (uint16_t first = 1; first < 100; first += 10) {
		report_init(&report);
		report.time_ms = first;
		for (uint16_t i = 0; i < 10; i++)
			report_add(&report, (uint16_t)(first + i), first + i);
		slot = latest_put(latest, slot, &report);
		assert_int_not_equal(slot, 0);
	}
	look(latest);
	assert_int_equal(seen.sources[0].count, READINGS_MAX);
	for (size_t i = 0; i < READINGS_MAX; i++) {
		assert_int_equal(seen.sources[0].values[i].reading.metric, i + 1);
		assert_true(seen.sources[0].values[i].reading.value == (double)i + 1);
	}
	assert_int_equal(seen.sources[0].reports, 10);
	latest_free(latest);
}

struct shared {
	struct latest *latest;
	atomic_bool done;
};

static void *write_always(void *arg)
{
	struct shared *shared = arg;
	char name[16];

	for (int i = 0; i < 20000; i++) {
		snprintf(name, sizeof name, "S%d", i / 500);
		put(shared->latest, 0, name, "d", i, i);
	}
	shared->done = true;
	return NULL;
}

/* Every copy is whole: its two values belong together. */
static bool check_whole(void *arg, const struct latest_source *source)
{
	(void)arg;
	assert_int_equal(source->count, 2);
	assert_true(
		source->values[1].reading.value == source->values[0].reading.value + 20);
	assert_true((int64_t)source->values[0].reading.value == source->time_ms);
	return true;
}

static void readers_see_whole_reports(void **state)
{
	(void)state;
	struct shared shared = { .latest = latest_new() };
	pthread_t thread;

	assert_int_equal(thread_start(&thread, "writer", write_always, &shared), 0);
	while (!shared.done)
		latest_each(shared.latest, check_whole, NULL);
	pthread_join(thread, NULL);
	assert_int_equal(latest_count(shared.latest), 40);
	latest_free(shared.latest);
	latest_free(NULL);
}

static void tells_when_a_station_was_last_measured(void **state)
{
	(void)state;
	struct latest *latest = latest_new();
	struct report report = temp_report("A", "other", 9000, 10);

	put(latest, 0, "A", "dust", 1000, 10);
	put(latest, 0, "A", "second", 2000, 10);
	put(latest, 0, "B", "dust", 3000, 10);
	assert_int_equal(latest_time_of(latest, "A", METRIC_PM25), 2000);
	assert_int_equal(latest_time_of(latest, "C", METRIC_PM25), 0);
	assert_int_equal(latest_time_of(latest, "A", METRIC_RAIN), 0);
	/* What says nothing of the present: a failed value, a retained copy. */
	report.readings[0].flag = FLAG_FAIL;
	latest_put(latest, 0, &report);
	assert_int_equal(latest_time_of(latest, "A", METRIC_PM25), 2000);
	assert_int_equal(latest_time_of(latest, "A", METRIC_PM10), 9000);
	report.marks |= REPORT_RETAINED;
	report.time_ms = 10000;
	latest_put(latest, 0, &report);
	assert_int_equal(latest_time_of(latest, "A", METRIC_PM10), 2000);
	latest_free(latest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_the_newest_of_each_source),
		cmocka_unit_test(a_metric_not_reported_keeps_its_own_time),
		cmocka_unit_test(a_late_report_does_not_replace),
		cmocka_unit_test(without_a_date_the_order_counts),
		cmocka_unit_test(a_clock_set_back_hides_nothing),
		cmocka_unit_test(many_sources_stay_in_order),
		cmocka_unit_test(more_metrics_than_a_source_may_have),
		cmocka_unit_test(readers_see_whole_reports),
		cmocka_unit_test(tells_when_a_station_was_last_measured),
	};

	return cmocka_run_group_tests_name("latest", tests, NULL, NULL);
}
