/*
 * The store: one SQLite file in WAL mode, one connection (struct store) per
 * thread. One recorder at a time: a lock file beside the store keeps off others. Only the
 * recorder appends reports and alert events; an output moves only its own cursor; the
 * notifier only its channels' outbox rows.
 *
 * A report is one row, appended by rowid, its readings packed (store/codec.h):
 * a fifth of the cost of a row per reading, and a row is what outputs send.
 * Functions return 0, or -1 with the reason in store_error().
 */
#ifndef MUABUI_STORE_STORE_H
#define MUABUI_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/reading.h"

struct sqlite3;
struct store;

enum store_role {
	STORE_RECORDER, /* makes the file and its tables; the only appender */
	STORE_CLIENT,   /* reads; writes its own small tables */
	STORE_READER,   /* only reads, also what another version has left out */
};

/* Opens the store at PATH. NULL with the reason in WHY. */
struct store *store_open(const char *path, enum store_role role, char *why, size_t size);
/* Accepts NULL. */
void store_close(struct store *store);

/*
 * A damaged file never keeps the gateway from measuring: it is moved aside, with what
 * belongs to it, and a new one begun. store_open() does so for the recorder when the file
 * cannot be opened. Damage may also show later, on any connection of the process: then
 * store_is_damaged() is true until store_move_aside() is called, with all of them closed.
 * The next opening by a recorder begins to save what can be read: store/salvage.h.
 */
bool store_is_damaged(void);
void store_move_aside(const char *path);

/* The reason of the latest failure, for a log line. */
const char *store_error(const struct store *store);

/*
 * From now on STORE waits for locks of others for a second at most, not for ten: the
 * process is about to end. Any thread may call it.
 */
void store_hurry(struct store *store);

/*
 * The address by which the file PATH is read without leaving anything beside it: as one
 * that nobody writes to, where there is no WAL.
 */
enum { STORE_ADDRESS_SIZE = 3 * 4096 + 32 };
void store_reader_address(const char *path, char address[static STORE_ADDRESS_SIZE]);

/* Did the latest failure come of a full disk, or of a file that may not grow? */
bool store_is_full(const struct store *store);

/* The connection, its file, and any SQL, for the other files of this room. */
struct sqlite3 *store_handle(struct store *store);
const char *store_path(const struct store *store);
int store_exec(struct store *store, const char *sql);

int store_begin(struct store *store);
/* Begins unless a transaction is open already: for those who add to the recorder's. */
int store_join(struct store *store);
int store_commit(struct store *store);
void store_rollback(struct store *store);

/* --- reports --------------------------------------------------------- */

struct stored_report {
	int64_t id;     /* rowid; grows in the order of acceptance */
	int64_t source; /* number of station + sensor; stands for the two names */
	struct report report;
};

/*
 * The number of a station's sensor, given to it at first sight, inside the recorder's
 * transaction. After a rollback it has to be asked for again.
 */
int store_source(
	struct store *store, const char *station, const char *sensor, int64_t *source);

/*
 * Appends a report of SOURCE, as packed by store/codec.h, inside the recorder's
 * transaction; its id to ID (may be NULL).
 */
int store_append(struct store *store, int64_t source, int64_t time_ms,
	const uint8_t *packed, size_t length, int64_t *id);

/* The id of the newest report, 0 in an empty store. */
int64_t store_last_id(struct store *store);

/* Numbers the recorder keeps in the transaction of what they speak of; 0 at first. */
enum store_mark {
	STORE_RING_SEQ,   /* the ring is stored up to this sequence number */
	STORE_MERGED_ID,  /* the minutes hold the reports up to this id */
	STORE_HOURS_MS,   /* the hours are made up to this time */
	STORE_KNOWN_MS,   /* the wall clock at the last commit at which it was believed */
	STORE_LOST,       /* reports removed before every output had had them */
	STORE_SALVAGED,   /* reports saved from damaged files */
	STORE_UNREADABLE, /* reports that could not be */
	STORE_MARK_COUNT,
};
int64_t store_mark(struct store *store, enum store_mark mark);
int store_set_mark(struct store *store, enum store_mark mark, int64_t value);

/*
 * Calls EACH with the reports after id AFTER, oldest first, at most LIMIT, until it
 * returns false. Returns how many were handed over, -1 on error; fewer than LIMIT, unless
 * EACH ended it: there are no more. EACH must not call store_scan() again. The report is
 * only valid during the call. Rows that cannot be unpacked are skipped (and counted as
 * damaged by store_damaged()); an id that is not behind the one before, or beyond the
 * newest, would send a cursor astray: the file is damaged then.
 */
int store_scan(struct store *store, int64_t after, int limit,
	bool (*each)(void *arg, const struct stored_report *stored), void *arg);

/* How many rows could not be unpacked since opening. */
uint64_t store_damaged(const struct store *store);

/*
 * Removes at most LIMIT of the oldest reports older than BEFORE_MS. Returns how many,
 * -1 on error. A part of retention that never takes long.
 */
int store_forget(struct store *store, int64_t before_ms, int limit);

/* Bytes of the store's files. */
int64_t store_size(struct store *store);

/* Writes the names and units of all metrics, for those who read the file without us. */
int store_write_metrics(struct store *store);

/* --- what the recorder knows beyond the reports ------------------------ */

/*
 * A source's state of KIND ("rain"), opaque bytes of its owner, written together with
 * STORE_MERGED_ID. Setting it replaces the older one.
 */
int store_state_set(struct store *store, int64_t source, const char *kind,
	const void *bytes, size_t length);

/* Hands the state to TAKE, if there is one. 0 or -1. */
int store_state_get(struct store *store, int64_t source, const char *kind,
	void (*take)(void *arg, const void *bytes, size_t length), void *arg);

/* Calls EACH with the names of all sources that have a state of KIND. 0 or -1. */
int store_state_sources(struct store *store, const char *kind,
	void (*each)(void *arg, const char *station, const char *sensor), void *arg);

/* --- cursors and dead letters ---------------------------------------- */

/*
 * Outputs other than the COUNT of NAMES are forgotten with their cursors (what they had
 * not had waits for nobody), each with a line in the log; the named that are new have had
 * nothing. 0 or -1.
 */
int store_cursors_keep(struct store *store, const char *const *names, size_t count);

/* How far the output NAME has got (0: nowhere); and moving it. */
int store_cursor_get(struct store *store, const char *name, int64_t *id);
int store_cursor_set(struct store *store, const char *name, int64_t id);

/*
 * Up to this id every output that has a cursor is done with the reports, in both its
 * lanes (store/lanes.h); INT64_MAX when none has a cursor.
 */
int64_t store_cursor_lowest(struct store *store);

/* Puts the content of report ID aside for the output NAME, with the far side's reason. */
int store_dead_letter(struct store *store, const char *name, int64_t id, const char *body,
	const char *reason);
int64_t store_dead_letter_count(struct store *store, const char *name);

#endif
