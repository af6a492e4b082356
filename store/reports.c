#include "store/reports.h"

#include <string.h>

#include "core/log.h"
#include "core/metric.h"
#include "store/codec.h"
#include "store/connection.h"
#include "store/statement.h"

int store_source(
	struct store *store, const char *station, const char *sensor, int64_t *source)
{
	sqlite3_stmt *stmt =
		statement(store, "SELECT id FROM source WHERE station=?1 AND sensor=?2");

	if (!stmt)
		return -1;
	sqlite3_bind_text(stmt, 1, station, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 2, sensor, -1, SQLITE_STATIC);
	int rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		*source = sqlite3_column_int64(stmt, 0);
	if (statement_done(store, stmt, rc) < 0)
		return -1;
	if (rc == SQLITE_ROW)
		return 0;
	if (statement_run(store, "INSERT INTO source(station, sensor) VALUES(?1, ?2)",
		    "tt", station, sensor) < 0)
		return -1;
	*source = sqlite3_last_insert_rowid(store->db);
	return 0;
}

/*
 * Ids go on after the last one ever given, even when retention has removed
 * that row: a cursor must never meet an id twice.
 */
static int64_t next_id(struct store *store)
{
	if (store->last_id < 0)
		store->last_id = store_last_id(store);
	return store->last_id + 1;
}

static void bind_row(
	sqlite3_stmt *stmt, int first, int64_t id, const struct store_row *row)
{
	sqlite3_bind_int64(stmt, first, id);
	sqlite3_bind_int64(stmt, first + 1, row->time_ms);
	sqlite3_bind_int64(stmt, first + 2, row->source);
	sqlite3_bind_blob(stmt, first + 3, row->packed, (int)row->length, SQLITE_STATIC);
}

/* By STMT, which takes COUNT rows. */
static int append_by(struct store *store, sqlite3_stmt *stmt,
	const struct store_row *rows, size_t count, int64_t *last_id)
{
	if (!stmt)
		return -1;
	int64_t id = next_id(store);
	for (size_t i = 0; i < count; i++)
		bind_row(stmt, (int)(4 * i + 1), id + (int64_t)i, &rows[i]);
	int rc = sqlite3_step(stmt);
	/* No clearing: the next append binds all of them again. */
	if (sqlite3_reset(stmt) != SQLITE_OK || rc != SQLITE_DONE)
		return connection_fail(store, "append");
	store->last_id = id + (int64_t)count - 1;
	if (last_id)
		*last_id = store->last_id;
	return 0;
}

int store_append(struct store *store, int64_t source, int64_t time_ms,
	const uint8_t *packed, size_t length, int64_t *id)
{
	const struct store_row row = {
		.source = source,
		.time_ms = time_ms,
		.packed = packed,
		.length = length,
	};

	return append_by(store, statement(store, "INSERT INTO report VALUES(?,?,?,?)"),
		&row, 1, id);
}

/* OR FAIL: else SQLITE keeps a journal of its own to undo the first of many rows. */
#define FOUR_ROWS "(?,?,?,?),(?,?,?,?),(?,?,?,?),(?,?,?,?)"
static const char append_all[] = "INSERT OR FAIL INTO report VALUES" FOUR_ROWS
				 "," FOUR_ROWS "," FOUR_ROWS "," FOUR_ROWS;

int store_append_rows(
	struct store *store, const struct store_row *rows, size_t count, int64_t *last_id)
{
	for (; count >= STORE_ROWS; count -= STORE_ROWS, rows += STORE_ROWS)
		if (append_by(store, statement(store, append_all), rows, STORE_ROWS,
			    last_id) < 0)
			return -1;
	for (; count > 0; count--, rows++)
		if (store_append(store, rows->source, rows->time_ms, rows->packed,
			    rows->length, last_id) < 0)
			return -1;
	return 0;
}

static int64_t query_int(struct store *store, const char *sql)
{
	sqlite3_stmt *stmt = statement(store, sql);
	int64_t value = 0;

	if (!stmt)
		return 0;
	int rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		value = sqlite3_column_int64(stmt, 0);
	statement_done(store, stmt, rc);
	return value;
}

int64_t store_last_id(struct store *store)
{
	int64_t last = query_int(store, "SELECT max(id) FROM report");
	int64_t forgotten =
		query_int(store, "SELECT value FROM mark WHERE name='forgotten_id'");

	return last > forgotten ? last : forgotten;
}

static bool take_name(char name[static NAME_SIZE], sqlite3_stmt *stmt, int column)
{
	const char *text = (const char *)sqlite3_column_text(stmt, column);

	if (!text)
		return false;
	size_t length = strnlen(text, NAME_SIZE - 1);
	memcpy(name, text, length);
	name[length] = '\0';
	return true;
}

/* The row STMT stands on, into store->scanned. */
static bool take_row(struct store *store, sqlite3_stmt *stmt)
{
	struct stored_report *stored = &store->scanned;
	const void *data = sqlite3_column_blob(stmt, 3);
	int length = sqlite3_column_bytes(stmt, 3);

	stored->id = sqlite3_column_int64(stmt, 0);
	stored->source = sqlite3_column_int64(stmt, 2);
	stored->report.time_ms = sqlite3_column_int64(stmt, 1);
	stored->report.mono_ms = 0;
	if (data && take_name(stored->report.station, stmt, 4) &&
		take_name(stored->report.sensor, stmt, 5) &&
		codec_unpack(&stored->report, data, (size_t)length))
		return true;
	if (!store->said_unreadable)
		log_error(
			"%s: report %lld cannot be unpacked, skipped; more are not said",
			store->path, (long long)stored->id);
	store->said_unreadable = true;
	return false;
}

int store_scan(struct store *store, int64_t after, int limit,
	bool (*each)(void *arg, const struct stored_report *stored), void *arg)
{
	sqlite3_stmt *stmt = statement(store,
		"SELECT report.id, time, source, data, station, sensor FROM report"
		" LEFT JOIN source ON source.id = report.source"
		" WHERE report.id > ?1 ORDER BY report.id");
	int64_t before = after, last = -1;
	int count = 0, rc = SQLITE_OK;

	if (!stmt)
		return -1;
	sqlite3_bind_int64(stmt, 1, after);
	/* Damaged rows do not count: fewer than LIMIT means that there are no more. */
	while (count < limit && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		int64_t id = sqlite3_column_int64(stmt, 0);
		/* As this statement sees the file: not before its first step. */
		if (last < 0)
			last = store_last_id(store);
		if (id <= before || id > last) {
			statement_done(store, stmt, SQLITE_OK);
			return connection_refuse(
				store, true, "an id is out of its order");
		}
		before = id;
		if (!take_row(store, stmt))
			continue;
		count++;
		if (!each(arg, &store->scanned))
			break;
	}
	return statement_done(store, stmt, rc) < 0 ? -1 : count;
}

int store_forget(struct store *store, int64_t before_ms, int limit)
{
	sqlite3_stmt *stmt = statement(store,
		"SELECT max(id) FROM"
		" (SELECT id, time FROM report ORDER BY id LIMIT ?2) WHERE time < ?1");
	int64_t last = 0;

	if (!stmt)
		return -1;
	sqlite3_bind_int64(stmt, 1, before_ms);
	sqlite3_bind_int(stmt, 2, limit);
	int rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		last = sqlite3_column_int64(stmt, 0);
	if (statement_done(store, stmt, rc) < 0)
		return -1;
	if (last == 0)
		return 0;
	if (statement_run(store, "DELETE FROM report WHERE id <= ?1 AND time < ?2", "ii",
		    last, before_ms) < 0)
		return -1;
	int count = sqlite3_changes(store->db);
	/* A report out of order may be forgotten after newer ones. */
	if (statement_run(store,
		    "INSERT INTO mark VALUES('forgotten_id', ?1)"
		    " ON CONFLICT DO UPDATE SET value = max(value, excluded.value)",
		    "i", last) < 0)
		return -1;
	return count;
}

int store_write_metrics(struct store *store)
{
	for (const struct metric *metric = metric_next(NULL); metric;
		metric = metric_next(metric))
		if (statement_run(store,
			    "INSERT OR REPLACE INTO metric VALUES(?1, ?2, ?3)", "itt",
			    (int64_t)metric->id, metric->name, metric->unit) < 0)
			return -1;
	return 0;
}
