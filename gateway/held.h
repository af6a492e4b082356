/*
 * Reports that cannot be dated yet: held in the store (store/undated.h) from the
 * transaction that takes them off the ring until the one that stores them with their
 * time. Used by the recorder's thread only.
 */
#ifndef MUABUI_GATEWAY_HELD_H
#define MUABUI_GATEWAY_HELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buffer.h"
#include "gateway/timekeeper.h"

enum { HELD_PORTION = 64 }; /* read at a time */

struct held {
	struct store *store;
	const struct timekeeper *keeper;
	struct recorder_stats *stats;
	int64_t most;          /* rows in the store; beyond, the oldest go */
	struct buffer waiting; /* entries for the next commit */
	bool is_draining;
	int64_t scanned_id;      /* while draining: read up to here */
	struct undated *portion; /* read, to be handed out */
	size_t portion_count, portion_at;
	struct buffer taken; /* ids handed out, to be removed in the next commit */
	/* Rows of this boot and of others; and what the next commit adds to them. */
	int64_t own, foreign, more_own, more_foreign;
	bool was_said;
};

/* MAX_BYTES: of the store; a part of it is for what is held. False: no memory. */
bool held_init(struct held *held, struct store *store, const struct timekeeper *keeper,
	struct recorder_stats *stats, int64_t max_bytes);
void held_free(struct held *held);

/* After a rollback: forgets what is in no commit, and counts what is there. 0 or -1. */
int held_reload(struct held *held);

/* Holds REPORT of SOURCE, taken in BOOT, from the next held_write() on. */
void held_put(
	struct held *held, const struct report *report, int64_t source, const char *boot);

/* Is there something for the next commit? And has it become much? */
bool held_is_waiting(const struct held *held);
bool held_is_full(const struct held *held);

/* The clock is believed now, or again: what is held is gone through from the start. */
void held_drain(struct held *held);

/*
 * The next report that can be dated by now, with its time, oldest first. 1, or 0: there
 * is none, or -1: the store failed. It is removed from what is held in the next commit
 * after held_take(). While there is one, nothing newer may be stored.
 */
int held_next(struct held *held, struct report *report);
void held_take(struct held *held);

/* Adds and removes, in the open transaction; LAST_ID: the newest report's. 0 or -1. */
int held_write(struct held *held, int64_t last_id);

/* The transaction is committed. */
void held_committed(struct held *held);

/* Retention, in the open transaction: of what can never be dated. 0 or -1. */
int held_forget(struct held *held, int limit);

#endif
