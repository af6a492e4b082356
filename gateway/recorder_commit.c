/* What the recorder knows, and its transactions. */
#include "gateway/recorder_state.h"

#include <string.h>

#include "core/clock.h"
#include "core/log.h"
#include "store/reports.h"
#include "store/state.h"

enum { FORGET_ROWS = 500 }; /* retention's portion in a commit */

/* --- beginning and beginning anew ------------------------------------- */

void recorder_forget(struct recorder *recorder)
{
	alerts_close(recorder->alerts);
	recorder->alerts = NULL;
	pipeline_free(recorder->pipeline);
	recorder->pipeline = NULL;
	buffer_clear(&recorder->batch);
	recorder->batch_count = 0;
	recorder->urgent = false;
}

int recorder_remember(struct recorder *recorder)
{
	const struct recorder_settings *settings = &recorder->settings;
	struct pipeline_settings pipeline = {
		.store = settings->store,
		.keep_minutes_ms = settings->config->store.keep_minutes,
		.treat = settings->treat,
		.arg = settings->treat_arg,
		.config = settings->config,
		.keep_index = recorder_keep_index,
		.index_arg = recorder,
	};
	struct alerts_settings alerts = {
		.config = settings->config,
		.store = settings->store,
		.directory = settings->directory,
		.desk = settings->desk,
		.calibrating = settings->calibrating,
	};

	recorder->pipeline = pipeline_new(&pipeline);
	recorder->alerts = alerts_open(&alerts);
	timekeeper_reload(&recorder->keeper);
	if (!recorder->pipeline || !recorder->alerts ||
		held_reload(&recorder->held) < 0 || store_join(settings->store) < 0 ||
		store_commit(settings->store) < 0) {
		store_rollback(settings->store);
		recorder_forget(recorder);
		return -1;
	}
	recorder->seq = (uint64_t)store_mark(settings->store, STORE_RING_SEQ);
	recorder->last_id = store_last_id(settings->store);
	ring_rewind(settings->ring);
	return 0;
}

static void tell_ended(struct recorder *recorder, bool committed)
{
	if (recorder->settings.messages_ended)
		recorder->settings.messages_ended(recorder->settings.arg, committed);
}

void recorder_start_again(struct recorder *recorder)
{
	struct recorder_stats *stats = recorder->settings.stats;
	struct store *store = recorder->settings.store;
	bool full = store_is_full(store);

	store_rollback(store);
	tell_ended(recorder, false);
	recorder_forget(recorder);
	/* A file that only had to grow, or to forget, is no failure. */
	if (full && room_relieve(&recorder->room))
		return;
	recorder->pausing = true;
	atomic_fetch_add(&stats->commit_errors, 1);
	if (!recorder->failing)
		log_error(
			"store: %s; what arrives waits in the ring", store_error(store));
	recorder->failing = true;
	stats->failing = true;
}

/* --- committing ------------------------------------------------------- */

static int append_batch(struct recorder *recorder, uint64_t *readings)
{
	const char *at = recorder->batch.data, *end = at + recorder->batch.length;
	struct store_row rows[STORE_ROWS];
	size_t count = 0;
	struct batch_entry entry;

	for (; at < end; at += sizeof entry + entry.length) {
		memcpy(&entry, at, sizeof entry);
		rows[count++] = (struct store_row){
			.source = entry.source,
			.time_ms = entry.time_ms,
			.packed = (const uint8_t *)at + sizeof entry,
			.length = entry.length,
		};
		*readings += entry.readings;
		if (count < STORE_ROWS)
			continue;
		if (store_append_rows(recorder->settings.store, rows, count,
			    &recorder->last_id) < 0)
			return -1;
		count = 0;
	}
	return store_append_rows(
		recorder->settings.store, rows, count, &recorder->last_id);
}

static int write_batch(struct recorder *recorder, bool merge, uint64_t *readings)
{
	struct store *store = recorder->settings.store;
	int64_t now_ms = clock_wall_ms();

	if (store_join(store) < 0 || append_batch(recorder, readings) < 0 ||
		held_write(&recorder->held, recorder->last_id) < 0 ||
		timekeeper_save(&recorder->keeper, now_ms) < 0 ||
		directory_save(recorder->settings.directory, store) < 0 ||
		store_set_mark(store, STORE_RING_SEQ, (int64_t)recorder->seq) < 0)
		return -1;
	if (merge &&
		(pipeline_merge(recorder->pipeline, recorder->last_id, now_ms) < 0 ||
			pipeline_index(recorder->pipeline, now_ms) < 0))
		return -1;
	if (alerts_save(recorder->alerts) < 0)
		return -1;
	/* A clock that is not right knows nothing of age. */
	if (merge && clock_is_set() && room_tidy(&recorder->room, now_ms) < 0)
		return -1;
	if (room_keep(&recorder->room, clock_is_set() ? now_ms : 0,
		    (int)recorder->batch_count) < 0)
		return -1;
	if (merge && clock_is_set() && held_forget(&recorder->held, FORGET_ROWS) < 0)
		return -1;
	return store_commit(store);
}

static void count_commit(struct recorder *recorder, uint64_t readings)
{
	struct recorder_stats *stats = recorder->settings.stats;

	atomic_fetch_add(
		&stats->reports, recorder->batch_count + recorder->index_reports);
	atomic_fetch_add(&stats->readings, readings + recorder->index_readings);
	atomic_fetch_add(&stats->commits, 1);
	stats->last_commit_ms = clock_wall_ms();
	stats->forgotten = recorder->room.forgotten;
	/* Asking the file system once in a while is enough. */
	if (stats->commits % 64 == 1)
		stats->store_bytes = store_size(recorder->settings.store);
	if (recorder->room.lost != recorder->lost_shown)
		stats->lost = room_lost(recorder->settings.store);
	recorder->lost_shown = recorder->room.lost;
}

bool recorder_commit(struct recorder *recorder, bool merge, bool current)
{
	uint64_t readings = 0;

	recorder->commit_real_ms = clock_real_ms();
	recorder->index_reports = 0;
	recorder->index_readings = 0;
	if (write_batch(recorder, merge, &readings) < 0) {
		recorder_start_again(recorder);
		return false;
	}
	bool has_reports = recorder->batch_count > 0 || recorder->index_reports > 0;
	bool has_messages = recorder->urgent;
	if (merge)
		recorder->next_merge_ms = clock_mono_ms() + RECORDER_MERGE_EVERY_MS;
	held_committed(&recorder->held);
	directory_committed(recorder->settings.directory);
	if (current)
		ring_release_but_last(recorder->settings.ring);
	else
		ring_release(recorder->settings.ring);
	room_grow(&recorder->room);
	count_commit(recorder, readings);
	buffer_clear(&recorder->batch);
	recorder->batch_count = 0;
	recorder->urgent = false;
	if (recorder->failing)
		log_notice("store: works again");
	recorder->failing = false;
	recorder->settings.stats->failing = false;
	tell_ended(recorder, true);
	if (has_messages)
		recorder->settings.on_messages(recorder->settings.arg);
	if (has_reports)
		recorder->settings.on_reports(recorder->settings.arg);
	return true;
}

bool recorder_has_something(const struct recorder *recorder)
{
	return recorder->batch_count > 0 || held_is_waiting(&recorder->held);
}
