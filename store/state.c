#include "store/state.h"

#include "store/statement.h"

static const char *const mark_names[STORE_MARK_COUNT] = {
	[STORE_RING_SEQ] = "ring_seq",
	[STORE_MERGED_ID] = "merged_id",
	[STORE_HOURS_MS] = "hours_ms",
	[STORE_INDEX_MS] = "index_ms",
	[STORE_KNOWN_MS] = "known_ms",
	[STORE_LOST] = "lost",
	[STORE_SALVAGED] = "salvaged",
	[STORE_UNREADABLE] = "unreadable",
};

int64_t store_mark(struct store *store, enum store_mark mark)
{
	sqlite3_stmt *stmt = statement(store, "SELECT value FROM mark WHERE name=?1");
	int64_t value = 0;

	if (!stmt)
		return 0;
	sqlite3_bind_text(stmt, 1, mark_names[mark], -1, SQLITE_STATIC);
	int rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		value = sqlite3_column_int64(stmt, 0);
	statement_done(store, stmt, rc);
	return value;
}

int store_set_mark(struct store *store, enum store_mark mark, int64_t value)
{
	return statement_run(store, "INSERT OR REPLACE INTO mark VALUES(?1, ?2)", "ti",
		mark_names[mark], value);
}

int store_state_set(struct store *store, int64_t source, const char *kind,
	const void *bytes, size_t length)
{
	sqlite3_stmt *stmt =
		statement(store, "INSERT OR REPLACE INTO state VALUES(?1, ?2, ?3)");

	if (!stmt)
		return -1;
	sqlite3_bind_int64(stmt, 1, source);
	sqlite3_bind_text(stmt, 2, kind, -1, SQLITE_STATIC);
	sqlite3_bind_blob(stmt, 3, bytes, (int)length, SQLITE_STATIC);
	return statement_done(store, stmt, sqlite3_step(stmt));
}

int store_state_get(struct store *store, int64_t source, const char *kind,
	void (*take)(void *arg, const void *bytes, size_t length), void *arg)
{
	sqlite3_stmt *stmt =
		statement(store, "SELECT data FROM state WHERE source=?1 AND kind=?2");

	if (!stmt)
		return -1;
	sqlite3_bind_int64(stmt, 1, source);
	sqlite3_bind_text(stmt, 2, kind, -1, SQLITE_STATIC);
	int rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		take(arg, sqlite3_column_blob(stmt, 0),
			(size_t)sqlite3_column_bytes(stmt, 0));
	return statement_done(store, stmt, rc);
}

int store_state_sources(struct store *store, const char *kind,
	void (*each)(void *arg, const char *station, const char *sensor), void *arg)
{
	sqlite3_stmt *stmt = statement(store,
		"SELECT station, sensor FROM state JOIN source ON source.id = state.source"
		" WHERE kind = ?1");
	int rc;

	if (!stmt)
		return -1;
	sqlite3_bind_text(stmt, 1, kind, -1, SQLITE_STATIC);
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
		each(arg, (const char *)sqlite3_column_text(stmt, 0),
			(const char *)sqlite3_column_text(stmt, 1));
	return statement_done(store, stmt, rc);
}
