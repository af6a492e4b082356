/* From the ring, and from what had to wait for the clock, into the batch. */
#include "gateway/recorder_state.h"

#include "core/clock.h"
#include "sensors/sensor.h"
#include "store/codec.h"
#include "store/reports.h"

enum {
	FUTURE_MS =
		2 * 60 * 1000, /* what a device's clock may be fast (sensors/inbox.h) */
};

/* --- the clock --------------------------------------------------------- */

static int shift_brain(
	struct recorder *recorder, const struct clock_step *step, int64_t now_ms)
{
	struct store *store = recorder->settings.store;

	if (store_join(store) < 0 || calibrating_move(store, step, now_ms) < 0 ||
		pipeline_shift(recorder->pipeline, step) < 0)
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
	int64_t now_ms = clock_wall_ms();

	if (!recorder_commit(recorder, true, current))
		return false;
	timekeeper_follow(&recorder->keeper, step);
	if (shift_brain(recorder, step, now_ms) < 0) {
		recorder_start_again(recorder);
		return false;
	}
	if (!recorder_commit(recorder, true, current))
		return false;
	latest_shift(recorder->settings.latest, step);
	calibrating_shift(recorder->settings.calibrating, step, now_ms);
	/* What was read of it has its times by the old clock. */
	held_drain(&recorder->held);
	return true;
}

/* From now on there are dates: first for what is held. */
static bool follow_belief(struct recorder *recorder, bool current)
{
	int64_t now_ms = clock_wall_ms();

	if (recorder_has_something(recorder) &&
		!recorder_commit(recorder, false, current))
		return false;
	held_drain(&recorder->held);
	if (!timekeeper_was_misled(&recorder->keeper, now_ms) ||
		pipeline_forget_after(recorder->pipeline, now_ms + FUTURE_MS) == 0)
		return true;
	recorder_start_again(recorder);
	return false;
}

bool recorder_follow_clock(struct recorder *recorder, bool current)
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
	if (!recorder_has_something(recorder))
		recorder->began_ms = clock_real_ms();
}

static void put_in_batch(struct recorder *recorder, const struct source *source,
	const struct report *report)
{
	struct batch_entry entry = {
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

void recorder_take_messages(struct recorder *recorder, int messages)
{
	if (messages < 0) {
		recorder_start_again(recorder);
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
	recorder_take_messages(recorder, alerts_report(recorder->alerts, report, now_ms));
}

int recorder_keep_index(void *arg, int64_t source, const struct report *report)
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
	if (!pipeline_has_room(source, end.time_ms) &&
		!recorder_commit(recorder, true, true))
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
	if (!pipeline_has_room(source, report->time_ms) &&
		!recorder_commit(recorder, true, true))
		return false;
	pipeline_judge(recorder->pipeline, source, report);
	if (source_meets_air(source, report))
		directory_meet_air(recorder->settings.directory, report->station,
			sensors_are_indicative(
				&recorder->settings.config->sensors, report->sensor));
	keep_report(recorder, source, report);
	return recorder->pipeline != NULL;
}

/* The same for one that comes from the ring, and for one that had to wait. */
static bool take_from_ring(struct recorder *recorder, struct report *report, uint64_t seq)
{
	const char *boot = ring_boot(recorder->settings.ring, seq);

	if (timekeeper_is_off(&recorder->keeper, report, boot) &&
		!recorder_follow_clock(recorder, true))
		return false;
	struct source *source = pipeline_source(recorder->pipeline, report);
	if (!source) {
		recorder_start_again(recorder);
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
		recorder_start_again(recorder);
		return false;
	}
	if (!take_report(recorder, source, report))
		return false;
	held_take(&recorder->held);
	return true;
}

bool recorder_batch_is_full(const struct recorder *recorder)
{
	return recorder->batch.length >= RECORDER_BATCH_BYTES - CODEC_MAX ||
		held_is_full(&recorder->held);
}

/* What had to wait for the clock. False: there is no room for more, or no brain. */
static bool take_all_held(struct recorder *recorder)
{
	struct report report;
	int got = 0;

	while (!recorder->urgent && !recorder_batch_is_full(recorder) &&
		(got = held_next(&recorder->held, &report)) > 0)
		if (!take_held(recorder, &report))
			return false;
	if (got < 0)
		recorder_start_again(recorder);
	return got == 0 && recorder->pipeline && !recorder_batch_is_full(recorder);
}

void recorder_take(struct recorder *recorder)
{
	struct report report;
	uint64_t seq;

	if (!take_all_held(recorder))
		return;
	while (!recorder->urgent && !recorder_batch_is_full(recorder) &&
		ring_next(recorder->settings.ring, &report, &seq)) {
		/* Stored before a crash, released only now. */
		if (seq <= recorder->seq)
			continue;
		if (!take_from_ring(recorder, &report, seq))
			return;
	}
}
