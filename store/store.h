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

/* Bytes of the store's files. */
int64_t store_size(struct store *store);

/* The connection, its file, and any SQL, for the other files of this room. */
struct sqlite3 *store_handle(struct store *store);
const char *store_path(const struct store *store);
int store_exec(struct store *store, const char *sql);

int store_begin(struct store *store);
/* Begins unless a transaction is open already: for those who add to the recorder's. */
int store_join(struct store *store);
int store_commit(struct store *store);
void store_rollback(struct store *store);

#endif
