/* A connection from within: for the files of this room that are the store itself. */
#ifndef MUABUI_STORE_CONNECTION_H
#define MUABUI_STORE_CONNECTION_H

#include <sqlite3.h>
#include <stdatomic.h>

#include "store/reports.h"
#include "store/store.h"

enum { STATEMENTS_MAX = 192 };

struct cached_statement {
	const char *sql;
	sqlite3_stmt *stmt;
};

struct store {
	sqlite3 *db;
	char *path;
	bool said_unreadable; /* the log has the first report that was skipped */
	int64_t last_id;
	int lock_fd;  /* the recorder's: -1 for others */
	bool foreign; /* opened by who only reads: maybe of another version */
	bool full;    /* the latest failure came of a full disk */
	atomic_bool hurried;
	int64_t busy_since_ms;
	struct cached_statement statements[STATEMENTS_MAX];
	struct stored_report scanned; /* too large for a thread's stack */
	char error[256];
};

/* Notes that WHAT failed, by SQLite's own word. Returns -1. */
int connection_fail(struct store *store, const char *what);

/* Notes WHY the file is not to be used; DAMAGED: it is to be moved aside. Returns -1. */
int connection_refuse(struct store *store, bool damaged, const char *why);

/* From now on no damage is known: the file was moved aside. */
void connection_heal(void);

#endif
