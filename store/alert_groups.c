#include "store/alert_groups.h"

#include "store/statement.h"

const char alert_groups_schema[] =
	"CREATE TABLE IF NOT EXISTS alert_told("
	" id INTEGER PRIMARY KEY, audience INTEGER NOT NULL, area TEXT NOT NULL,"
	" time INTEGER NOT NULL);"
	"CREATE INDEX IF NOT EXISTS alert_told_time ON alert_told(time);"
	"CREATE TABLE IF NOT EXISTS alert_digest("
	" key TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID;";

int alert_told_add(struct store *store, int audience, const char *area, int64_t now_ms,
	int64_t before_ms)
{
	if (store_join(store) < 0 ||
		statement_run(store, "DELETE FROM alert_told WHERE time <= ?1", "i",
			before_ms) < 0)
		return -1;
	return statement_run(store,
		"INSERT INTO alert_told(audience, area, time) VALUES(?1, ?2, ?3)", "iti",
		(int64_t)audience, area, now_ms);
}

int alert_told_shift(struct store *store, int64_t since_ms, int64_t by_ms)
{
	if (store_join(store) < 0)
		return -1;
	return statement_run(store,
		"UPDATE alert_told SET time = time + ?2 WHERE time > ?1", "ii", since_ms,
		by_ms);
}

int alert_told_each(struct store *store,
	void (*each)(void *arg, int audience, const char *area, int64_t time_ms),
	void *arg)
{
	sqlite3_stmt *stmt = statement(
		store, "SELECT audience, area, time FROM alert_told ORDER BY time, id");
	int rc;

	if (!stmt)
		return -1;
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
		each(arg, sqlite3_column_int(stmt, 0),
			(const char *)sqlite3_column_text(stmt, 1),
			sqlite3_column_int64(stmt, 2));
	return statement_done(store, stmt, rc);
}

int alert_digest_set(struct store *store, const char *key, const char *state)
{
	if (store_join(store) < 0)
		return -1;
	if (!state)
		return statement_run(
			store, "DELETE FROM alert_digest WHERE key = ?1", "t", key);
	return statement_run(store,
		"INSERT INTO alert_digest(key, state) VALUES(?1, ?2)"
		" ON CONFLICT DO UPDATE SET state = excluded.state",
		"tt", key, state);
}

int alert_digest_each(struct store *store,
	void (*each)(void *arg, const char *key, const char *state), void *arg)
{
	sqlite3_stmt *stmt = statement(store, "SELECT key, state FROM alert_digest");
	int rc;

	if (!stmt)
		return -1;
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
		each(arg, (const char *)sqlite3_column_text(stmt, 0),
			(const char *)sqlite3_column_text(stmt, 1));
	return statement_done(store, stmt, rc);
}
