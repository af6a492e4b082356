#include "gateway/recorder.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/alerts.h"
#include "core/buffer.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/thread.h"
#include "gateway/held.h"
#include "gateway/mender.h"
#include "gateway/pipeline.h"
#include "gateway/timekeeper.h"
#include "store/codec.h"
#include "store/outbox.h"
#include "store/reports.h"
#include "store/room.h"
#include "store/state.h"

enum {
	BATCH_BYTES = 256 * 1024, /* of judged reports waiting for their commit */
	GATHER_MS = 5,            /* after a wake-up, more is likely to come at once */
	TICK_MS = 250,            /* rules see time pass this often */
	RETRY_MS = 1000,          /* after the store has failed */
	FORGET_ROWS = 500,        /* retention's portion in a commit */
	FUTURE_MS =
		2 * 60 * 1000, /* what a device's clock may be fast (sensors/inbox.h) */
};

static const int64_t merge_every_ms =
	60 * 1000; /* of clock_mono_ms(): that never steps */

/*
 * Reports wait in a batch in memory, not in an open transaction, so that outputs and
 * the notifier find the file free nearly always. They are in the ring all the while.
 */

/* A judged report in the batch; its packed readings follow. */
struct entry {
	int64_t source;
	int64_t time_ms;
	uint32_t length;
	uint32_t readings;
};

struct recorder {
	struct recorder_settings settings;
	pthread_t thread;
	struct pipeline *pipeline; /* NULL: to be made anew (the store has failed) */
	struct alerts *alerts;
	struct timekeeper keeper;
	struct held held;
	struct mender *mender; /* NULL: nothing is to be saved */
	struct room room;
	struct buffer batch;
	size_t batch_count;
	uint64_t lost_shown;
	bool pausing;            /* before the store is tried again */
	bool failing;            /* since the last commit that worked */
	bool urgent;             /* an alert is in the batch: commit at once */
	size_t index_reports;    /* in the transaction beside the batch … */
	uint64_t index_readings; /* … and their readings */
	uint64_t seq;            /* of the newest report in the batch or the store */
	int64_t last_id;
	int64_t began_ms; /* real time of the batch's first report */
	int64_t commit_real_ms;
	int64_t next_tick_ms, next_merge_ms;
	atomic_bool stopping;
	atomic_int_fast64_t alive_ms;
};

/* --- beginning and beginning anew ------------------------------------- */

static void forget_brain(struct recorder *recorder)
{
	alerts_close(recorder->alerts);
	recorder->alerts = NULL;
	pipeline_free(recorder->pipeline);
	recorder->pipeline = NULL;
	buffer_clear(&recorder->batch);
	recorder->batch_count = 0;
	recorder->urgent = false;
}

static int keep_index(void *arg, int64_t source, const struct report *report);

/*
 * Everything the recorder knows, from what is stored: at start, and after a failed
 * transaction, whose reports then come out of the ring again.
 */
static int make_brain(struct recorder *recorder)
{
	const struct recorder_settings *settings = &recorder->settings;
	struct pipeline_settings pipeline = {
		.store = settings->store,
		.treat = settings->treat,
		.arg = settings->treat_arg,
		.config = settings->config,
		.keep_index = keep_index,
		.index_arg = recorder,
	};
	struct alerts_settings alerts = {
		.config = settings->config,
		.store = settings->store,
		.directory = settings->directory,
		.desk = settings->desk,
	};

	recorder->pipeline = pipeline_new(&pipeline);
	recorder->alerts = alerts_open(&alerts);
	timekeeper_reload(&recorder->keeper);
	if (!recorder->pipeline || !recorder->alerts ||
		held_reload(&recorder->held) < 0 || store_join(settings->store) < 0 ||
		store_commit(settings->store) < 0) {
		store_rollback(settings->store);
		forget_brain(recorder);
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

static void start_again(struct recorder *recorder)
{
	struct recorder_stats *stats = recorder->settings.stats;
	struct store *store = recorder->settings.store;
	bool full = store_is_full(store);

	store_rollback(store);
	tell_ended(recorder, false);
	forget_brain(recorder);
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
	struct entry entry;

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

/*
 * Commits the batch. CURRENT: the report read last is not in it, and must not be
 * released. False when the store failed: the brain is gone.
 */
static bool commit(struct recorder *recorder, bool merge, bool current)
{
	uint64_t readings = 0;

	recorder->commit_real_ms = clock_real_ms();
	recorder->index_reports = 0;
	recorder->index_readings = 0;
	if (write_batch(recorder, merge, &readings) < 0) {
		start_again(recorder);
		return false;
	}
	bool has_reports = recorder->batch_count > 0 || recorder->index_reports > 0;
	bool has_messages = recorder->urgent;
	if (merge)
		recorder->next_merge_ms = clock_mono_ms() + merge_every_ms;
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

/* Is there something to commit? */
static bool has_something(const struct recorder *recorder)
{
	return recorder->batch_count > 0 || held_is_waiting(&recorder->held);
}

/* --- the clock --------------------------------------------------------- */

static int shift_brain(struct recorder *recorder, const struct clock_step *step)
{
	if (pipeline_shift(recorder->pipeline, step) < 0)
		return -1;
	return alerts_shift(recorder->alerts, step);
}

/*
 * What was taken before the step is stored with what was known by then; what is known is
 * kept anew, by the new clock, together with the step itself.
 */
static bool follow_step(
	struct recorder *recorder, const struct clock_step *step, bool current)
{
	if (!commit(recorder, true, current))
		return false;
	timekeeper_follow(&recorder->keeper, step);
	if (shift_brain(recorder, step) < 0) {
		start_again(recorder);
		return false;
	}
	if (!commit(recorder, true, current))
		return false;
	latest_shift(recorder->settings.latest, step);
	/* What was read of it has its times by the old clock. */
	held_drain(&recorder->held);
	return true;
}

/* From now on there are dates: first for what is held. */
static bool follow_belief(struct recorder *recorder, bool current)
{
	int64_t now_ms = clock_wall_ms();

	if (has_something(recorder) && !commit(recorder, false, current))
		return false;
	held_drain(&recorder->held);
	if (!timekeeper_was_misled(&recorder->keeper, now_ms) ||
		pipeline_forget_after(recorder->pipeline, now_ms + FUTURE_MS) == 0)
		return true;
	start_again(recorder);
	return false;
}

/*
 * Follows what has become of the clock. CURRENT: as of commit(). False when the store
 * failed.
 */
static bool follow_clock(struct recorder *recorder, bool current)
{
	struct clock_step step;
	enum clock_event event;

	while ((event = timekeeper_look(&recorder->keeper, &step)) != CLOCK_GOES_ON) {
		bool followed = event == CLOCK_STEPPED
			? follow_step(recorder, &step, current)
			: follow_belief(recorder, current);
		if (!followed)
			return false;
	}
	return true;
}

/* --- taking reports --------------------------------------------------- */

static void count_flags(struct recorder *recorder, const struct report *report)
{
	unsigned flagged = 0;

	for (size_t i = 0; i < report->count; i++)
		flagged += report->readings[i].flag >= FLAG_SUSPECT;
	if (flagged > 0)
		atomic_fetch_add(&recorder->settings.stats->flagged, flagged);
}

static void begin_batch(struct recorder *recorder)
{
	if (!has_something(recorder))
		recorder->began_ms = clock_real_ms();
}

static void put_in_batch(struct recorder *recorder, const struct source *source,
	const struct report *report)
{
	struct entry entry = {
		.source = source_id(source),
		.time_ms = report->time_ms,
		.readings = report->count,
	};
	uint8_t packed[CODEC_MAX];

	entry.length = (uint32_t)codec_pack(report, packed);
	begin_batch(recorder);
	recorder->batch_count++;
	buffer_append(&recorder->batch, &entry, sizeof entry);
	buffer_append(&recorder->batch, packed, entry.length);
}

static void take_messages(struct recorder *recorder, int messages)
{
	if (messages < 0) {
		start_again(recorder);
	} else if (messages > 0) {
		recorder->urgent = true;
		atomic_fetch_add(&recorder->settings.stats->messages, (uint64_t)messages);
	}
}

static void show_latest(struct recorder *recorder, struct source *source,
	const struct report *report, int64_t now_ms)
{
	size_t *slot = source_slot(source);

	*slot = latest_put(recorder->settings.latest, *slot, report);
	recorder->settings.stats->last_report_ms = now_ms;
}

/* REPORT is judged. */
static void keep_report(
	struct recorder *recorder, struct source *source, const struct report *report)
{
	int64_t now_ms = clock_wall_ms();

	pipeline_count(source, report);
	put_in_batch(recorder, source, report);
	count_flags(recorder, report);
	show_latest(recorder, source, report, now_ms);
	take_messages(recorder, alerts_report(recorder->alerts, report, now_ms));
}

/* What the pipeline makes of an hour, in the transaction that merges its minutes. */
static int keep_index(void *arg, int64_t source, const struct report *report)
{
	struct recorder *recorder = arg;
	struct recorder_stats *stats = recorder->settings.stats;
	uint8_t packed[CODEC_MAX];
	size_t length = codec_pack(report, packed);

	if (store_append(recorder->settings.store, source, report->time_ms, packed,
		    length, &recorder->last_id) < 0)
		return -1;
	recorder->index_reports++;
	recorder->index_readings += report->count;
	count_flags(recorder, report);
	latest_put(recorder->settings.latest, 0, report);
	int messages = alerts_report(recorder->alerts, report, clock_wall_ms());
	if (messages < 0)
		return -1;
	if (messages > 0)
		recorder->urgent = true;
	atomic_fetch_add(&stats->messages, (uint64_t)messages);
	return 0;
}

/* What a day's rain was that ends before REPORT. False as of take_report(). */
static bool end_day(
	struct recorder *recorder, struct source *source, const struct report *report)
{
	struct report end;

	if (!pipeline_end_day(source, report, &end))
		return true;
	if (!pipeline_has_room(source, end.time_ms) && !commit(recorder, true, true))
		return false;
	keep_report(recorder, source, &end);
	return recorder->pipeline != NULL;
}

/* REPORT, dated, from SOURCE. False when the store failed: the brain is gone. */
static bool take_report(
	struct recorder *recorder, struct source *source, struct report *report)
{
	pipeline_set_apart(source, report);
	if (!end_day(recorder, source, report))
		return false;
	if (!pipeline_has_room(source, report->time_ms) && !commit(recorder, true, true))
		return false;
	pipeline_judge(recorder->pipeline, source, report);
	keep_report(recorder, source, report);
	return recorder->pipeline != NULL;
}

/* The same for one that comes from the ring, and for one that had to wait. */
static bool take_from_ring(struct recorder *recorder, struct report *report, uint64_t seq)
{
	const char *boot = ring_boot(recorder->settings.ring, seq);

	if (timekeeper_is_off(&recorder->keeper, report, boot) &&
		!follow_clock(recorder, true))
		return false;
	struct source *source = pipeline_source(recorder->pipeline, report);
	if (!source) {
		start_again(recorder);
		return false;
	}
	if (timekeeper_date(&recorder->keeper, report, boot)) {
		if (!take_report(recorder, source, report))
			return false;
	} else {
		begin_batch(recorder);
		held_put(&recorder->held, report, source_id(source), boot);
		show_latest(recorder, source, report, clock_wall_ms());
	}
	recorder->seq = seq;
	return true;
}

static bool take_held(struct recorder *recorder, struct report *report)
{
	struct source *source = pipeline_source(recorder->pipeline, report);

	if (!source) {
		start_again(recorder);
		return false;
	}
	if (!take_report(recorder, source, report))
		return false;
	held_take(&recorder->held);
	return true;
}

static bool batch_is_full(const struct recorder *recorder)
{
	return recorder->batch.length >= BATCH_BYTES - CODEC_MAX ||
		held_is_full(&recorder->held);
}

/* What had to wait for the clock. False: there is no room for more, or no brain. */
static bool take_all_held(struct recorder *recorder)
{
	struct report report;
	int got = 0;

	while (!recorder->urgent && !batch_is_full(recorder) &&
		(got = held_next(&recorder->held, &report)) > 0)
		if (!take_held(recorder, &report))
			return false;
	if (got < 0)
		start_again(recorder);
	return got == 0 && recorder->pipeline && !batch_is_full(recorder);
}

/* Takes what there is, up to a batch: what was held, and then what is in the ring. */
static void take_reports(struct recorder *recorder)
{
	struct report report;
	uint64_t seq;

	if (!take_all_held(recorder))
		return;
	while (!recorder->urgent && !batch_is_full(recorder) &&
		ring_next(recorder->settings.ring, &report, &seq)) {
		/* Stored before a crash, released only now. */
		if (seq <= recorder->seq)
			continue;
		if (!take_from_ring(recorder, &report, seq))
			return;
	}
}

/* --- the thread ------------------------------------------------------- */

/* Better now than when it is time? */
static bool is_pressed(const struct recorder *recorder)
{
	return batch_is_full(recorder) || ring_is_pressed(recorder->settings.ring);
}

static bool commit_is_due(const struct recorder *recorder, int64_t now_ms)
{
	const struct store_config *config = &recorder->settings.config->store;

	if (recorder->urgent || recorder->stopping ||
		ring_is_awaited(recorder->settings.ring))
		return true;
	return has_something(recorder) &&
		(is_pressed(recorder) ||
			now_ms - recorder->began_ms >= config->commit_every);
}

static void tick(struct recorder *recorder, int64_t now_ms)
{
	if (now_ms < recorder->next_tick_ms)
		return;
	recorder->next_tick_ms = now_ms + TICK_MS;
	take_messages(recorder, alerts_tick(recorder->alerts, clock_wall_ms()));
}

/* Relayed alerts are awaited: they do not wait for the next tick. */
static void take_others(struct recorder *recorder)
{
	const struct recorder_settings *settings = &recorder->settings;

	if (settings->add_messages)
		take_messages(recorder,
			settings->add_messages(
				settings->arg, settings->store, clock_wall_ms()));
}

static int64_t wait_ms(const struct recorder *recorder, int64_t now_ms)
{
	int64_t until = recorder->next_tick_ms;
	int64_t due = recorder->began_ms + recorder->settings.config->store.commit_every;

	if (has_something(recorder) && due < until)
		until = due;
	return until > now_ms ? until - now_ms : 0;
}

static void pause_ms(int64_t ms)
{
	struct timespec pause = { .tv_nsec = (long)(ms * 1000000) };

	if (ms >= 1000)
		pause = (struct timespec){ .tv_sec = ms / 1000 };
	nanosleep(&pause, NULL);
}

/* While nothing waits for a commit; true: there is more to do. */
static bool mend(struct recorder *recorder)
{
	if (!recorder->mender || recorder->urgent ||
		alert_state_joins(recorder->settings.store))
		return false;
	switch (mender_step(recorder->mender)) {
	case MENDER_TOLD:
		recorder->settings.on_messages(recorder->settings.arg);
		return true;
	case MENDER_WORKED:
		room_grow(&recorder->room);
		return true;
	case MENDER_FAILED:
		return store_is_full(recorder->settings.store) &&
			room_relieve(&recorder->room);
	default:
		mender_free(recorder->mender);
		recorder->mender = NULL;
		return false;
	}
}

/* One round with a working brain. */
static void go_round(struct recorder *recorder)
{
	if (!follow_clock(recorder, false))
		return;
	take_reports(recorder);
	if (!recorder->pipeline)
		return;
	int64_t now_ms = clock_real_ms();
	tick(recorder, now_ms);
	if (recorder->pipeline)
		take_others(recorder);
	if (!recorder->pipeline)
		return;
	bool merge = clock_mono_ms() >= recorder->next_merge_ms ||
		pipeline_index_is_due(recorder->pipeline, clock_wall_ms());
	if ((commit_is_due(recorder, now_ms) || merge) && !commit(recorder, merge, false))
		return;
	if (has_something(recorder) && is_pressed(recorder))
		return;
	if (mend(recorder))
		return;
	ring_wait(recorder->settings.ring, wait_ms(recorder, now_ms));
	/* Waking for each of many messages would cost more than the messages. */
	if (!recorder->stopping && !ring_is_awaited(recorder->settings.ring))
		pause_ms(GATHER_MS);
}

static void *run(void *arg)
{
	struct recorder *recorder = arg;

	while (!recorder->stopping) {
		recorder->alive_ms = clock_real_ms();
		recorder->pausing = false;
		if (recorder->pipeline || make_brain(recorder) == 0)
			go_round(recorder);
		else
			recorder->pausing = true;
		if (recorder->pausing)
			pause_ms(RETRY_MS);
	}
	return NULL;
}

static void release(struct recorder *recorder)
{
	forget_brain(recorder);
	held_free(&recorder->held);
	mender_free(recorder->mender);
	buffer_free(&recorder->batch);
	free(recorder);
}

/* Only now: what was stored and not yet counted may take more than a step to count. */
static void take_room(struct recorder *recorder)
{
	const struct store_config *config = &recorder->settings.config->store;

	room_init(&recorder->room, recorder->settings.store,
		&(struct room_limits){
			.keep_raw_ms = config->keep_raw,
			.keep_minutes_ms = config->keep_minutes,
			.max_bytes = config->max_size,
		});
}

struct recorder *recorder_start(const struct recorder_settings *settings)
{
	struct recorder *recorder = calloc(1, sizeof *recorder);

	if (!recorder) {
		log_error("out of memory");
		return NULL;
	}
	recorder->settings = *settings;
	recorder->alive_ms = clock_real_ms();
	recorder->next_merge_ms = clock_mono_ms() + merge_every_ms;
	recorder->settings.stats->lost = room_lost(settings->store);
	recorder->mender =
		mender_start(settings->config, settings->store, settings->stats);
	buffer_init(&recorder->batch, BATCH_BYTES + CODEC_MAX);
	timekeeper_init(&recorder->keeper, &settings->config->clock, settings->store,
		settings->stats);
	if (!held_init(&recorder->held, settings->store, &recorder->keeper,
		    settings->stats, settings->config->store.max_size) ||
		make_brain(recorder) < 0) {
		release(recorder);
		return NULL;
	}
	take_room(recorder);
	if (thread_start(&recorder->thread, "recorder", run, recorder) < 0) {
		release(recorder);
		return NULL;
	}
	return recorder;
}

/* All that is left in the ring, portion by portion. */
static int store_rest(struct recorder *recorder)
{
	do {
		if (!recorder->pipeline && make_brain(recorder) < 0)
			return -1;
		if (follow_clock(recorder, false))
			take_reports(recorder);
		if (!recorder->pipeline || !commit(recorder, true, false))
			return -1;
		take_reports(recorder);
	} while (has_something(recorder));
	return recorder->pipeline ? 0 : -1;
}

int recorder_stop(struct recorder *recorder)
{
	if (!recorder)
		return 0;
	recorder->stopping = true;
	store_hurry(recorder->settings.store);
	ring_wake(recorder->settings.ring);
	pthread_join(recorder->thread, NULL);
	int result = store_rest(recorder);
	if (result < 0)
		log_error("store: %s; what is not stored waits in the ring",
			store_error(recorder->settings.store));
	release(recorder);
	return result;
}

int64_t recorder_alive_ms(const struct recorder *recorder)
{
	return recorder->alive_ms;
}
