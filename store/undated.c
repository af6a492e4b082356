#include "store/undated.h"

#include <stdio.h>
#include <string.h>

#include "store/codec.h"
#include "store/statement.h"

const char undated_schema[] =
	"CREATE TABLE IF NOT EXISTS undated("
	" id INTEGER PRIMARY KEY, boot TEXT NOT NULL, mono INTEGER NOT NULL,"
	" source INTEGER NOT NULL, data BLOB NOT NULL, last_id INTEGER NOT NULL);";

int undated_add(struct store *store, const char *boot, int64_t source, int64_t mono_ms,
	const uint8_t *packed, size_t length, int64_t last_id)
{
	sqlite3_stmt *stmt = statement(store,
		"INSERT INTO undated(boot, mono, source, data, last_id)"
		" VALUES(?1, ?2, ?3, ?4, ?5)");

	if (!stmt)
		return -1;
	sqlite3_bind_text(stmt, 1, boot, -1, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 2, mono_ms);
	sqlite3_bind_int64(stmt, 3, source);
	sqlite3_bind_blob(stmt, 4, packed, (int)length, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 5, last_id);
	return statement_done(store, stmt, sqlite3_step(stmt));
}

static bool take_text(sqlite3_stmt *stmt, int column, char *text, size_t size)
{
	const char *value = (const char *)sqlite3_column_text(stmt, column);

	if (!value)
		return false;
	snprintf(text, size, "%s", value);
	return true;
}

static bool take_row(sqlite3_stmt *stmt, struct undated *undated)
{
	struct report *report = &undated->report;
	const void *data = sqlite3_column_blob(stmt, 3);

	undated->id = sqlite3_column_int64(stmt, 0);
	report_init(report);
	report->mono_ms = sqlite3_column_int64(stmt, 2);
	bool sound = data && take_text(stmt, 1, undated->boot, sizeof undated->boot) &&
		take_text(stmt, 4, report->station, sizeof report->station) &&
		take_text(stmt, 5, report->sensor, sizeof report->sensor) &&
		codec_unpack(report, data, (size_t)sqlite3_column_bytes(stmt, 3));
	report->marks |= REPORT_CLOCK_UNSET;
	return sound;
}

int undated_scan(struct store *store, int64_t after,
	bool (*each)(void *arg, const struct undated *undated), void *arg)
{
	sqlite3_stmt *stmt = statement(store,
		"SELECT undated.id, boot, mono, data, station, sensor FROM undated"
		" LEFT JOIN source ON source.id = undated.source"
		" WHERE undated.id > ?1 ORDER BY undated.id");
	struct undated undated;
	int count = 0, rc;

	if (!stmt)
		return -1;
	sqlite3_bind_int64(stmt, 1, after);
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		if (!take_row(stmt, &undated))
			continue;
		count++;
		if (!each(arg, &undated))
			break;
	}
	return statement_done(store, stmt, rc) < 0 ? -1 : count;
}

int undated_remove(struct store *store, int64_t id)
{
	return statement_run(store, "DELETE FROM undated WHERE id = ?1", "i", id);
}

int64_t undated_count(struct store *store, const char *boot)
{
	sqlite3_stmt *stmt = statement(
		store, "SELECT count(*) FROM undated WHERE ?1 IS NULL OR boot = ?1");
	int64_t count = 0;

	if (!stmt)
		return -1;
	sqlite3_bind_text(stmt, 1, boot, -1, SQLITE_STATIC);
	int rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		count = sqlite3_column_int64(stmt, 0);
	return statement_done(store, stmt, rc) < 0 ? -1 : count;
}

int undated_forget(struct store *store, const char *boot, int limit)
{
	/* Stored before a report that is gone: they are older than that one was. */
	if (statement_run(store,
		    "DELETE FROM undated WHERE boot <> ?1"
		    " AND id IN (SELECT id FROM undated ORDER BY id LIMIT ?2)"
		    " AND last_id < (SELECT value FROM mark WHERE name='forgotten_id')",
		    "ti", boot, (int64_t)limit) < 0)
		return -1;
	return sqlite3_changes(store_handle(store));
}

int undated_drop(struct store *store, int64_t limit)
{
	if (statement_run(store,
		    "DELETE FROM undated"
		    " WHERE id IN (SELECT id FROM undated ORDER BY id LIMIT ?1)",
		    "i", limit) < 0)
		return -1;
	return sqlite3_changes(store_handle(store));
}
