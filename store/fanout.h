/*
 * How far one message has got with its many receivers, so that whoever is killed in the
 * middle goes on where they were. Of an episode and channel the store keeps the number up
 * to which all subscriptions were dealt with, a bit for each that was beyond, those that
 * are still owed the message, and a bit for each that was told of the episode at all: the
 * all-clear is theirs.
 *
 * Written by the channel's thread on its own connection.
 */
#ifndef MUABUI_STORE_FANOUT_H
#define MUABUI_STORE_FANOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "store/subscriptions.h"

enum {
	FANOUT_CHUNK = 4096, /* subscriptions whose bits are one row */
};

/* The tables of this file; store_open() makes them. */
extern const char fanout_schema[];

struct fanout_counts {
	int64_t sent;     /* taken by the push service */
	int64_t gone;     /* the push service knows them no more */
	int64_t refused;  /* never taken, for another reason */
	int64_t given_up; /* not reached in time */
	int64_t unseen;   /* not come to in time, whether they wanted it or not */
};

struct fanout {
	int64_t id;
	int64_t done_to;  /* all up to this number were dealt with, or are owed */
	int64_t ended_ms; /* 0: under way */
	struct fanout_counts counts;
};

/*
 * The fan-out of REVISION of EPISODE by CHANNEL: where it stands, or a new one. What an
 * older revision still owed is given up: *SUPERSEDED is how many that were. One that was
 * ended by its time, and now has more of it, begins anew. 0 or -1.
 */
int fanout_begin(struct store *store, const char *channel, const char *episode,
	int revision, int64_t expires_ms, int64_t now_ms, struct fanout *fanout,
	int64_t *superseded);

enum fanout_fate {
	FANOUT_SENT,
	FANOUT_GONE,
	FANOUT_REFUSED,
	FANOUT_OWED, /* to be tried (again) at due_ms */
};

struct fanout_result {
	int64_t subscription;
	enum fanout_fate fate;
	bool was_owed;   /* an earlier fanout_save() was told that it is */
	bool was_failed; /* the subscription counts refusals: they are forgiven */
	unsigned attempts;
	int64_t due_ms;
	const char *origin;
};

/*
 * Keeps what became of COUNT subscriptions, and FANOUT's done_to, in one transaction; its
 * counts follow. A subscription that is gone, or was refused for the last time that may
 * be, is marked so. 0, or -1: nothing was kept.
 */
int fanout_save(struct store *store, struct fanout *fanout,
	const struct fanout_result *results, size_t count, int64_t now_ms);

/*
 * Calls EACH with at most LIMIT of those owed the message at NOW_MS, the longest due
 * first; it must not use STORE. Returns how many, or -1.
 */
int fanout_due(struct store *store, const struct fanout *fanout, int64_t now_ms,
	int limit,
	void (*each)(
		void *arg, const struct subscription *subscription, unsigned attempts),
	void *arg);

/* Those of ORIGIN that are owed the message are not tried before DUE_MS. 0 or -1. */
int fanout_postpone(struct store *store, const struct fanout *fanout, const char *origin,
	int64_t due_ms);

/* When the next of those owed the message is due, to DUE_MS; INT64_MAX: none. 0 or -1. */
int fanout_next_due(struct store *store, const struct fanout *fanout, int64_t *due_ms);

/*
 * How many are owed the message; those whose subscription has been removed are forgotten
 * before. -1 on error.
 */
int64_t fanout_owed(struct store *store, const struct fanout *fanout);

/*
 * Does a later message of the episode wait in CHANNEL's outbox, so that whoever has not
 * had this one is told that instead? 1, 0, or -1 on error.
 */
int fanout_is_outdated(
	struct store *store, const char *channel, const char *episode, int revision);

/*
 * It is over: what is still owed, and whoever it has not come to, is given up and
 * counted. FORGET: nor need it be known any more who was told (after the all-clear). 0 or
 * -1.
 */
int fanout_end(struct store *store, struct fanout *fanout, bool forget, int64_t now_ms);

/*
 * Ends those of CHANNEL that are past their time, calling EACH (may be NULL) with what
 * came of them, and forgets what is old. Returns how many ended, or -1.
 */
int fanout_sweep(struct store *store, const char *channel, int64_t now_ms,
	void (*each)(void *arg, const char *episode, int revision,
		const struct fanout_counts *counts),
	void *arg);

/* --- single subscriptions -------------------------------------------- */

/* What is known of the FANOUT_CHUNK subscriptions around one. */
struct fanout_bits {
	int64_t fanout, chunk;           /* chunk -1: none is held */
	uint8_t told[FANOUT_CHUNK / 8];  /* of the episode, whichever revision */
	uint8_t dealt[FANOUT_CHUNK / 8]; /* with, or owed, in this revision */
};

enum { FANOUT_TOLD = 1, FANOUT_DEALT = 2 };

/*
 * FANOUT_TOLD and FANOUT_DEALT of SUBSCRIPTION, or-ed; -1 on error. BITS, with chunk -1
 * at first, saves asking the store each time; fanout_save() makes it stale for numbers
 * that were in its results.
 */
int fanout_look(struct store *store, const struct fanout *fanout,
	struct fanout_bits *bits, int64_t subscription);

#endif
