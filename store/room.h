/*
 * The store's room on the disk: what it may take, and what goes when there is no more.
 *
 * A disk that is full must not stop the gateway, so the store owns its room before it
 * needs it. The file grows by steps, whose blocks are taken from the file system first
 * and then become free pages inside the file; everything else lives on these, and
 * max_page_count keeps SQLite from growing by itself. The blocks of the WAL are taken
 * when the store is opened. So on a full disk commits go on, with the alerts in them:
 * there is a step's half in reserve, and when that is used up, the oldest reports make
 * room for the new ones, those first that every output has had.
 *
 * (Measured choice: a reserve beside the store, given up when the disk is full, would go
 * to whoever fills the disk.)
 */
#ifndef MUABUI_STORE_ROOM_H
#define MUABUI_STORE_ROOM_H

#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"

struct room_limits {
	int64_t keep_raw_ms;     /* age at which reports go */
	int64_t keep_minutes_ms; /* the same of minutes; hours stay */
	int64_t max_bytes;       /* of the store's files */
};

struct room {
	struct store *store;
	struct room_limits limits;
	int64_t step_pages;  /* the file's next growth */
	int64_t next_source; /* whose minutes are looked at next */
	bool tight;          /* no growth: the oldest have to make room */
	bool tight_said;
	uint64_t forgetting, losing; /* in the transaction that is open */
	uint64_t forgotten;          /* reports removed since start */
	uint64_t lost;               /* of these, those some output had not had */
};

/* Takes the first of the room. STORE is the recorder's, outside a transaction. */
void room_init(struct room *room, struct store *store, const struct room_limits *limits);

/*
 * A portion of retention, inside the recorder's transaction: removes reports that are
 * too old or have to make room, a few times as many as the ROWS just added. 0 or -1.
 */
int room_keep(struct room *room, int64_t now_ms, int rows);

/*
 * The same for what needs no haste, about once a minute: minutes that are too old, of
 * one source after the other; and some pages given back to the file system, where many
 * are free. 0 or -1.
 */
int room_tidy(struct room *room, int64_t now_ms);

/* After each commit: counts what went in it, grows the file where it is time to. */
void room_grow(struct room *room);

/*
 * After a transaction has failed for want of room (store_is_full()): makes some, by
 * growth, else by removing the oldest reports. False: there is nothing to be done.
 */
bool room_relieve(struct room *room);

/*
 * Reports that retention has removed before every output had had them, since the store
 * was begun. Here, not in memory: it outlives the process.
 */
int64_t room_lost(struct store *store);

#endif
