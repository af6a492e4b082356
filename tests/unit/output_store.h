/* A store with reports in it, for the tests of outputs. */
#ifndef MUABUI_TESTS_OUTPUT_STORE_H
#define MUABUI_TESTS_OUTPUT_STORE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/metric.h"
#include "outputs/output.h"
#include "store/codec.h"
#include "store/cursors.h"
#include "store/reports.h"
#include "store/store.h"
#include "tests/unit/temp_store.h"

struct output_store {
	char directory[64];
	char path[128];
	struct store *recorder;
};

static inline void output_store_open(struct output_store *s)
{
	struct temp temp;
	char why[256];

	temp_make(&temp);
	snprintf(s->directory, sizeof s->directory, "%s", temp.directory);
	snprintf(s->path, sizeof s->path, "%s/test.db", s->directory);
	s->recorder = store_open(s->path, STORE_RECORDER, why, sizeof why);
	if (!s->recorder)
		fail_msg("%s", why);
}

static inline void output_store_close(struct output_store *s)
{
	store_close(s->recorder);
	temp_remove_folder(s->directory);
}

/* A report of station "s" and sensor "d" with the one value PM25, inside a transaction.
 */
static inline void output_store_put(
	struct output_store *s, int64_t time_ms, double pm25, int flag, uint16_t marks)
{
	uint8_t packed[CODEC_MAX];
	struct report report;
	int64_t source;

	report_init(&report);
	report_add(&report, METRIC_PM25, pm25);
	report.readings[0].flag = (uint8_t)flag;
	report.marks = marks;
	assert_int_equal(store_source(s->recorder, "s", "d", &source), 0);
	size_t length = codec_pack(&report, packed);
	assert_int_equal(
		store_append(s->recorder, source, time_ms, packed, length, NULL), 0);
}

/* COUNT reports with values from FIRST on, in one transaction. */
static inline void output_store_fill(struct output_store *s, int first, int count)
{
	assert_int_equal(store_begin(s->recorder), 0);
	for (int i = 0; i < count; i++)
		output_store_put(s, 1700000000000 + first + i, first + i, FLAG_GOOD, 0);
	assert_int_equal(store_commit(s->recorder), 0);
}

static inline int64_t output_store_cursor(struct output_store *s, const char *name)
{
	int64_t cursor = -1;

	assert_int_equal(store_cursor_get(s->recorder, name, &cursor), 0);
	return cursor;
}

/*
 * Waits until output number INDEX has got to CURSOR, in the store and in its status;
 * fails after ten seconds.
 */
static inline void output_store_await(struct output_store *s,
	const struct outputs *outputs, size_t index, int64_t cursor)
{
	int64_t end = clock_real_ms() + 10000;
	struct output_status status;

	for (;;) {
		outputs_get_status(outputs, index, &status);
		int64_t stored = output_store_cursor(s, status.name);
		if (stored == cursor && status.cursor == cursor)
			return;
		if (clock_real_ms() > end)
			fail_msg("cursor of %s is %lld, not %lld", status.name,
				(long long)stored, (long long)cursor);
		usleep(5000);
	}
}

#endif
