#include "gateway/recorder.h"

#include <stdlib.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/thread.h"
#include "gateway/recorder_state.h"
#include "store/codec.h"
#include "store/outbox.h"

enum {
	GATHER_MS = 5,   /* after a wake-up, more is likely to come at once */
	TICK_MS = 250,   /* rules see time pass this often */
	RETRY_MS = 1000, /* after the store has failed */
};

/* Better now than when it is time? */
static bool is_pressed(const struct recorder *recorder)
{
	return recorder_batch_is_full(recorder) ||
		ring_is_pressed(recorder->settings.ring);
}

static bool commit_is_due(const struct recorder *recorder, int64_t now_ms)
{
	const struct store_config *config = &recorder->settings.config->store;

	if (recorder->urgent || recorder->stopping ||
		ring_is_awaited(recorder->settings.ring))
		return true;
	return recorder_has_something(recorder) &&
		(is_pressed(recorder) ||
			now_ms - recorder->began_ms >= config->commit_every);
}

static void tick(struct recorder *recorder, int64_t now_ms)
{
	if (now_ms < recorder->next_tick_ms)
		return;
	recorder->next_tick_ms = now_ms + TICK_MS;
	recorder_take_messages(recorder, alerts_tick(recorder->alerts, clock_wall_ms()));
}

/* Relayed alerts are awaited: they do not wait for the next tick. */
static void take_others(struct recorder *recorder)
{
	const struct recorder_settings *settings = &recorder->settings;

	if (settings->add_messages)
		recorder_take_messages(recorder,
			settings->add_messages(
				settings->arg, settings->store, clock_wall_ms()));
}

static int64_t wait_ms(const struct recorder *recorder, int64_t now_ms)
{
	int64_t until = recorder->next_tick_ms;
	int64_t due = recorder->began_ms + recorder->settings.config->store.commit_every;

	if (recorder_has_something(recorder) && due < until)
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
	if (!recorder_follow_clock(recorder, false))
		return;
	recorder_take(recorder);
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
	if ((commit_is_due(recorder, now_ms) || merge) &&
		!recorder_commit(recorder, merge, false))
		return;
	if (recorder_has_something(recorder) && is_pressed(recorder))
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
		if (recorder->pipeline || recorder_remember(recorder) == 0)
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
	recorder_forget(recorder);
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
	recorder->next_merge_ms = clock_mono_ms() + RECORDER_MERGE_EVERY_MS;
	recorder->settings.stats->lost = room_lost(settings->store);
	recorder->mender =
		mender_start(settings->config, settings->store, settings->stats);
	buffer_init(&recorder->batch, RECORDER_BATCH_BYTES + CODEC_MAX);
	timekeeper_init(&recorder->keeper, &settings->config->clock, settings->store,
		settings->stats);
	if (!held_init(&recorder->held, settings->store, &recorder->keeper,
		    settings->stats, settings->config->store.max_size) ||
		recorder_remember(recorder) < 0) {
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
		if (!recorder->pipeline && recorder_remember(recorder) < 0)
			return -1;
		if (recorder_follow_clock(recorder, false))
			recorder_take(recorder);
		if (!recorder->pipeline || !recorder_commit(recorder, true, false))
			return -1;
		recorder_take(recorder);
	} while (recorder_has_something(recorder));
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
