/*
 * The tables of one store taken over into another: of a damaged one (store/salvage.h), or
 * to a place of refuge and back (store/refuge.h).
 */
#ifndef MUABUI_STORE_TABLES_H
#define MUABUI_STORE_TABLES_H

#include <sqlite3.h>
#include <stdint.h>

#include "store/store.h"

/* Opens the store at PATH, only to be read. NULL: SQLite cannot. sqlite3_close() it. */
sqlite3 *tables_open(const char *path);

/* SQL on DB, to be finalized. NULL where DB is NULL or SQL does not fit the file. */
sqlite3_stmt *tables_prepare(sqlite3 *db, const char *sql);

/* The number SQL asks for, or 0. */
int64_t tables_ask(sqlite3 *db, const char *sql);

/*
 * Copies the rows of TABLE that STORE does not have yet, by the columns both have, until
 * FROM has no more or cannot be read. In STORE's transaction. 0, or -1: STORE failed.
 */
int tables_copy(struct store *store, sqlite3 *from, const char *table);

/*
 * The same for every table whose rows may just move over: not those of reports, minutes,
 * hours and marks. FROM may be NULL.
 */
int tables_copy_small(struct store *store, sqlite3 *from);

/*
 * The newest id of a report that FROM has ever given. Where it does not say, the time
 * does: ids never come near the milliseconds since 1970 otherwise.
 */
int64_t tables_top(sqlite3 *from);

#endif
