/*
 * What the recorder is made of, for its own files: recorder_commit.c (what it knows, and
 * its transactions), recorder_take.c (from the ring into the batch), recorder.c (the
 * thread).
 */
#ifndef MUABUI_GATEWAY_RECORDER_STATE_H
#define MUABUI_GATEWAY_RECORDER_STATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "alerts/alerts.h"
#include "core/buffer.h"
#include "gateway/held.h"
#include "gateway/mender.h"
#include "gateway/pipeline.h"
#include "gateway/recorder.h"
#include "gateway/timekeeper.h"
#include "store/room.h"

enum { RECORDER_BATCH_BYTES = 256 * 1024 };   /* of judged reports waiting for a commit */
enum { RECORDER_MERGE_EVERY_MS = 60 * 1000 }; /* of clock_mono_ms(): that never steps */

/*
 * Reports wait in a batch in memory, not in an open transaction, so that outputs and
 * the notifier find the file free nearly always. They are in the ring all the while.
 */

/* A judged report in the batch; its packed readings follow. */
struct batch_entry {
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

/*
 * Everything the recorder knows, from what is stored: at start, and after a failed
 * transaction, whose reports then come out of the ring again.
 */
int recorder_remember(struct recorder *recorder);
void recorder_forget(struct recorder *recorder);

/* The transaction failed: forgets all, and looks whether something can be done. */
void recorder_start_again(struct recorder *recorder);

/*
 * Commits the batch. CURRENT: the report read last is not in it, and must not be
 * released. False when the store failed: the brain is gone.
 */
bool recorder_commit(struct recorder *recorder, bool merge, bool current);

/* Is there something to commit? Is the batch full? */
bool recorder_has_something(const struct recorder *recorder);
bool recorder_batch_is_full(const struct recorder *recorder);

/*
 * Follows what has become of the clock. CURRENT: as of recorder_commit(). False when the
 * store failed.
 */
bool recorder_follow_clock(struct recorder *recorder, bool current);

/* Takes what there is, up to a batch: what was held, and then what is in the ring. */
void recorder_take(struct recorder *recorder);

/* The rules have put MESSAGES into the outbox, or -1: the store failed. */
void recorder_take_messages(struct recorder *recorder, int messages);

/* What the pipeline makes of an hour, in the transaction that merges its minutes. */
int recorder_keep_index(void *arg, int64_t source, const struct report *report);

#endif
