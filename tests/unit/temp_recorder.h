/*
 * A recorder with ring, store and newest values in a folder of their own, on a clock that
 * the test holds and that is judged as a real one. To be included once per program.
 */
#ifndef MUABUI_TESTS_TEMP_RECORDER_H
#define MUABUI_TESTS_TEMP_RECORDER_H

#include <unistd.h>

#include "core/clock.h"
#include "core/log.h"
#include "gateway/recorder.h"
#include "store/reports.h"
#include "store/state.h"
#include "tests/unit/temp_store.h"

enum { RIG_RING_SIZE = 256 * 1024 };

struct rig {
	struct temp temp;
	struct store *store, *reader;
	struct ring *ring;
	struct latest *latest;
	struct directory *directory;
	struct recorder *recorder;
	struct recorder_stats stats;
	struct config config;
	char boot[40];
	bool is_synchronised;
	int64_t wall_ms, mono_ms;
	char log[16384];
};

static struct rig rig;

static inline void rig_keep_log(enum log_level level, const char *line)
{
	size_t length = strlen(rig.log);

	(void)level;
	snprintf(rig.log + length, sizeof rig.log - length, "%s\n", line);
}

static inline void rig_no_news(void *arg)
{
	(void)arg;
}

/* Sets both clocks of the machine. */
static inline void rig_clock(int64_t wall_ms, int64_t mono_ms)
{
	rig.wall_ms = wall_ms;
	rig.mono_ms = mono_ms;
	clock_freeze(wall_ms, mono_ms);
}

/* Time passes. */
static inline void rig_pass(int64_t ms)
{
	rig_clock(rig.wall_ms + ms, rig.mono_ms + ms);
}

/* The wall clock is set. */
static inline void rig_set(int64_t wall_ms)
{
	rig_clock(wall_ms, rig.mono_ms);
}

/* The machine starts: in another boot, with WALL_MS on its clock. */
static inline void rig_boot(const char *boot, int64_t wall_ms)
{
	snprintf(rig.boot, sizeof rig.boot, "%s", boot);
	rig.is_synchronised = false;
	rig_clock(wall_ms, 20000);
	clock_pretend(false, boot);
}

static inline void rig_synchronise(int64_t wall_ms)
{
	rig_set(wall_ms);
	rig.is_synchronised = true;
	clock_pretend(true, rig.boot);
}

/* The process starts. */
static inline void rig_start(void)
{
	char path[128], why[256] = "";

	snprintf(path, sizeof path, "%s/test.ring", rig.temp.directory);
	rig.ring = ring_open(path, RIG_RING_SIZE, why, sizeof why);
	if (!rig.ring)
		fail_msg("%s", why);
	rig.store = temp_open(&rig.temp, STORE_RECORDER);
	ring_number_after(rig.ring, (uint64_t)store_mark(rig.store, STORE_RING_SEQ));
	/* As gateway/parts.c does. */
	assert_int_equal(store_begin(rig.store), 0);
	assert_int_equal(store_write_metrics(rig.store), 0);
	assert_int_equal(store_commit(rig.store), 0);
	rig.latest = latest_new();
	rig.directory = directory_new();
	assert_int_equal(directory_open(rig.directory, &rig.config, rig.store), 0);
	memset(&rig.stats, 0, sizeof rig.stats);
	rig.recorder = recorder_start(&(struct recorder_settings){
		.config = &rig.config,
		.store = rig.store,
		.ring = rig.ring,
		.latest = rig.latest,
		.directory = rig.directory,
		.stats = &rig.stats,
		.on_reports = rig_no_news,
		.on_messages = rig_no_news,
	});
	assert_non_null(rig.recorder);
	if (!rig.reader)
		rig.reader = temp_open(&rig.temp, STORE_CLIENT);
}

/* The process ends in order. */
static inline void rig_stop(void)
{
	assert_int_equal(recorder_stop(rig.recorder), 0);
	ring_close(rig.ring);
	store_close(rig.store);
	latest_free(rig.latest);
	directory_free(rig.directory);
}

static inline int rig_begin(void **state)
{
	(void)state;
	memset(&rig, 0, sizeof rig);
	log_set_sink(rig_keep_log);
	rig.config = (struct config){
		.station = { .id = "S" },
		.clock = { .battery = true, .wait_for_sync = 600000 },
		.store = { .commit_every = 20,
			.keep_raw = INT64_C(60) * 86400 * 1000,
			.keep_minutes = INT64_C(60) * 86400 * 1000,
			.max_size = INT64_C(1) << 30 },
	};
	temp_make(&rig.temp);
	return 0;
}

static inline int rig_end(void **state)
{
	(void)state;
	store_close(rig.reader);
	temp_remove(&rig.temp);
	clock_freeze_plainly();
	return 0;
}

/* A report of METRIC = VALUE, stamped and handed over as a sensor's is. */
static inline void rig_push(const char *sensor, uint16_t metric, double value)
{
	struct report report;

	report_init(&report);
	if (!clock_stamp(&report.time_ms, &report.mono_ms))
		report.marks |= REPORT_CLOCK_UNSET;
	snprintf(report.station, sizeof report.station, "S");
	snprintf(report.sensor, sizeof report.sensor, "%s", sensor);
	report_add(&report, metric, value);
	assert_true(ring_push(rig.ring, &report, 0, RING_WAIT));
}

/* Waits until the recorder has stored all that was handed over. */
static inline void rig_catch_up(void)
{
	int64_t deadline = clock_real_ms() + 10000;
	struct ring_status status;

	do {
		usleep(1000);
		ring_get_status(rig.ring, &status);
		if (clock_real_ms() > deadline)
			fail_msg("nothing is stored any more\n%s", rig.log);
	} while (status.used > 0);
}

/* Waits until SQL asks for WANTED; fails after ten seconds. */
static inline void rig_await(const char *sql, double wanted)
{
	int64_t deadline = clock_real_ms() + 10000;
	double have;

	while ((have = temp_number(rig.reader, sql)) != wanted) {
		if (clock_real_ms() > deadline)
			fail_msg("%s: %g, not %g\n%s", sql, have, wanted, rig.log);
		usleep(2000);
	}
}

#endif
