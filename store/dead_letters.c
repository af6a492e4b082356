#include "store/dead_letters.h"

#include "core/clock.h"
#include "store/statement.h"

/* A table of its own, nearly always empty: it is looked into often. */
const char dead_letters_schema[] = "CREATE TABLE IF NOT EXISTS again("
				   " letter INTEGER PRIMARY KEY, output TEXT NOT NULL);"
				   "CREATE INDEX IF NOT EXISTS dead_letter_output"
				   " ON dead_letter(output);";

#define WHICH " WHERE (output = ?1 OR ?1 IS NULL) AND (id = ?2 OR ?2 = 0)"

int64_t dead_letters_each(struct store *store, const char *output, int64_t id,
	void (*each)(void *arg, const struct dead_letter *letter), void *arg)
{
	sqlite3_stmt *stmt = statement(store,
		"SELECT id, report, time, id IN (SELECT letter FROM again), output, reason,"
		" body FROM dead_letter" WHICH " ORDER BY id");
	int64_t count = 0;
	int rc;

	if (!stmt)
		return -1;
	sqlite3_bind_text(stmt, 1, output, -1, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 2, id);
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		struct dead_letter letter = {
			.id = sqlite3_column_int64(stmt, 0),
			.report = sqlite3_column_int64(stmt, 1),
			.time_ms = sqlite3_column_int64(stmt, 2),
			.again = sqlite3_column_int(stmt, 3) != 0,
			.output = (const char *)sqlite3_column_text(stmt, 4),
			.reason = (const char *)sqlite3_column_text(stmt, 5),
			.body = (const char *)sqlite3_column_text(stmt, 6),
		};
		if (letter.output && letter.reason && letter.body) {
			each(arg, &letter);
			count++;
		}
	}
	return statement_done(store, stmt, rc) < 0 ? -1 : count;
}

static int64_t run(struct store *store, const char *sql, const char *output, int64_t id)
{
	if (statement_run(store, sql, "ti", output, id) < 0)
		return -1;
	return sqlite3_changes64(store_handle(store));
}

int64_t dead_letters_send_again(struct store *store, const char *output, int64_t id)
{
	return run(store,
		"INSERT OR REPLACE INTO again SELECT id, output FROM dead_letter" WHICH,
		output, id);
}

int64_t dead_letters_drop(struct store *store, const char *output, int64_t id)
{
	/* One put back goes with its letter: dead_letters_next() joins the two. */
	return run(store, "DELETE FROM dead_letter" WHICH, output, id);
}

int64_t dead_letters_trim(struct store *store, const char *output, int64_t most)
{
	/* The rows of the index are in the order of the letters' ids. */
	return run(store,
		"DELETE FROM dead_letter WHERE id IN (SELECT id FROM dead_letter"
		" WHERE output = ?1 ORDER BY id DESC LIMIT -1 OFFSET ?2)",
		output, most);
}

int dead_letters_next(
	struct store *store, const char *output, int64_t *id, int64_t *report)
{
	sqlite3_stmt *stmt = statement(store,
		"SELECT id, report FROM again JOIN dead_letter ON id = letter"
		" WHERE again.output = ?1 ORDER BY id LIMIT 1");

	if (!stmt)
		return -1;
	sqlite3_bind_text(stmt, 1, output, -1, SQLITE_STATIC);
	int rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW) {
		*id = sqlite3_column_int64(stmt, 0);
		*report = sqlite3_column_int64(stmt, 1);
	}
	return statement_done(store, stmt, rc) < 0 ? -1 : rc == SQLITE_ROW;
}

static int settle(struct store *store, int64_t id, const char *reason)
{
	if (statement_run(store, "DELETE FROM again WHERE letter = ?1", "i", id) < 0)
		return -1;
	return reason
		? statement_run(store, "UPDATE dead_letter SET reason = ?2 WHERE id = ?1",
			  "it", id, reason)
		: statement_run(store, "DELETE FROM dead_letter WHERE id = ?1", "i", id);
}

int dead_letters_settle(struct store *store, int64_t id, const char *reason)
{
	if (store_begin(store) == 0 && settle(store, id, reason) == 0 &&
		store_commit(store) == 0)
		return 0;
	store_rollback(store);
	return -1;
}

int store_dead_letter(struct store *store, const char *name, int64_t id, const char *body,
	const char *reason)
{
	return statement_run(store,
		"INSERT INTO dead_letter(output, report, time, body, reason)"
		" VALUES(?1, ?2, ?3, ?4, ?5)",
		"tiitt", name, id, clock_wall_ms(), body, reason);
}

int64_t store_dead_letter_count(struct store *store, const char *name)
{
	sqlite3_stmt *stmt =
		statement(store, "SELECT count(*) FROM dead_letter WHERE output=?1");
	int64_t count = 0;

	if (!stmt)
		return 0;
	sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
	int rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		count = sqlite3_column_int64(stmt, 0);
	statement_done(store, stmt, rc);
	return count;
}
