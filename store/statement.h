/* Prepared statements, for the files of this room. */
#ifndef MUABUI_STORE_STATEMENT_H
#define MUABUI_STORE_STATEMENT_H

#include <sqlite3.h>

#include "store/store.h"

/*
 * The prepared statement for SQL, kept by the connection until it closes. SQL must be
 * a constant: its address is the key. NULL: store_error() says why. It is reset and
 * its bindings cleared by statement_done().
 */
sqlite3_stmt *statement(struct store *store, const char *sql);

/*
 * Runs a statement that returns no rows, and ends it. ARGUMENTS: one letter per
 * parameter, 'i' int64_t, 't' const char *, 'd' double. 0 or -1.
 */
int statement_run(struct store *store, const char *sql, const char *arguments, ...);

/* Ends the use of STMT. RC is the last step's; 0 for SQLITE_DONE, ROW, OK, else -1. */
int statement_done(struct store *store, sqlite3_stmt *stmt, int rc);

#endif
