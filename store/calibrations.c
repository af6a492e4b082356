#include "store/calibrations.h"

#include <stdio.h>
#include <string.h>

#include "store/statement.h"

const char calibrations_schema[] =
	"CREATE TABLE IF NOT EXISTS calibration("
	" id INTEGER PRIMARY KEY, station TEXT NOT NULL, sensor TEXT NOT NULL,"
	" metric INTEGER NOT NULL, method TEXT NOT NULL, date TEXT NOT NULL,"
	" author TEXT NOT NULL, certificate TEXT NOT NULL, since INTEGER NOT NULL);"
	"CREATE INDEX IF NOT EXISTS calibration_sensor"
	" ON calibration(station, sensor, metric);"
	"CREATE TABLE IF NOT EXISTS calibrating("
	" id INTEGER PRIMARY KEY, station TEXT NOT NULL, sensor TEXT NOT NULL,"
	" author TEXT NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL);";

/* --- numbers ------------------------------------------------------------ */

static bool column_is(sqlite3_stmt *stmt, int column, const char *text)
{
	const unsigned char *there = sqlite3_column_text(stmt, column);

	return there && strcmp((const char *)there, text) == 0;
}

static bool is_same(sqlite3_stmt *stmt, const struct calibration_record *record)
{
	return column_is(stmt, 1, record->method) && column_is(stmt, 2, record->date) &&
		column_is(stmt, 3, record->by) && column_is(stmt, 4, record->certificate);
}

static sqlite3_stmt *newest(
	struct store *store, const char *station, const char *sensor, uint16_t metric)
{
	sqlite3_stmt *stmt = statement(store,
		"SELECT id, method, date, author, certificate FROM calibration"
		" WHERE station=?1 AND sensor=?2 AND metric=?3 ORDER BY id DESC LIMIT 1");

	if (!stmt)
		return NULL;
	sqlite3_bind_text(stmt, 1, station, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 2, sensor, -1, SQLITE_STATIC);
	sqlite3_bind_int(stmt, 3, metric);
	return stmt;
}

int calibrations_number(struct store *store, const struct calibration_record *record,
	int64_t now_ms, uint32_t *number)
{
	sqlite3_stmt *stmt =
		newest(store, record->station, record->sensor, record->metric);
	int64_t id = 0;

	if (!stmt)
		return -1;
	int rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW && is_same(stmt, record))
		id = sqlite3_column_int64(stmt, 0);
	if (statement_done(store, stmt, rc) < 0)
		return -1;
	if (id == 0) {
		if (statement_run(store,
			    "INSERT INTO calibration(station, sensor, metric, method,"
			    " date, author, certificate, since)"
			    " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
			    "ttitttti", record->station, record->sensor,
			    (int64_t)record->metric, record->method, record->date,
			    record->by, record->certificate, now_ms) < 0)
			return -1;
		id = sqlite3_last_insert_rowid(store_handle(store));
	}
	*number = (uint32_t)id;
	return 0;
}

int calibrations_each(struct store *store, const char *station, const char *sensor,
	void (*each)(void *arg, uint16_t metric), void *arg)
{
	sqlite3_stmt *stmt = statement(store,
		"SELECT metric, method, max(id) FROM calibration"
		" WHERE station=?1 AND sensor=?2 GROUP BY metric");
	int rc;

	if (!stmt)
		return -1;
	sqlite3_bind_text(stmt, 1, station, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 2, sensor, -1, SQLITE_STATIC);
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
		if (!column_is(stmt, 1, "none"))
			each(arg, (uint16_t)sqlite3_column_int(stmt, 0));
	return statement_done(store, stmt, rc);
}

/* --- being calibrated --------------------------------------------------- */

static int write_span(struct store *store, const struct calibrating_span *span)
{
	if (statement_run(store,
		    "UPDATE calibrating SET until=?3"
		    " WHERE sensor=?1 AND until>?3 AND (?2='' OR station=?2)",
		    "tti", span->sensor, span->station, span->since_ms) < 0)
		return -1;
	if (span->until_ms <= span->since_ms)
		return 0;
	return statement_run(store,
		"INSERT INTO calibrating(station, sensor, author, since, until)"
		" VALUES(?1, ?2, ?3, ?4, ?5)",
		"tttii", span->station, span->sensor, span->author, span->since_ms,
		span->until_ms);
}

int calibrating_keep(struct store *store, const struct calibrating_span *span)
{
	/* A client's connection would not wait for the disk. */
	if (statement_run(store, "PRAGMA synchronous=FULL", "") < 0 ||
		store_begin(store) < 0)
		return -1;
	if (write_span(store, span) == 0 && store_commit(store) == 0)
		return 0;
	store_rollback(store);
	return -1;
}

static void copy_text(char out[static NAME_SIZE], sqlite3_stmt *stmt, int column)
{
	const unsigned char *text = sqlite3_column_text(stmt, column);

	snprintf(out, NAME_SIZE, "%s", text ? (const char *)text : "");
}

int calibrating_move(struct store *store, const struct clock_step *step, int64_t now_ms)
{
	return statement_run(store,
		"UPDATE calibrating SET since = since + ?1, until = until + ?1"
		" WHERE since > ?2 AND since <= ?3",
		"iii", step->by_ms, step->since_ms, now_ms - step->by_ms);
}

int calibrating_load(struct store *store, int64_t after_ms,
	void (*each)(void *arg, const struct calibrating_span *span), void *arg)
{
	sqlite3_stmt *stmt = statement(store,
		"SELECT station, sensor, author, since, until FROM calibrating"
		" WHERE until>?1 ORDER BY id");
	struct calibrating_span span;
	int rc;

	if (!stmt)
		return -1;
	sqlite3_bind_int64(stmt, 1, after_ms);
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		copy_text(span.station, stmt, 0);
		copy_text(span.sensor, stmt, 1);
		copy_text(span.author, stmt, 2);
		span.since_ms = sqlite3_column_int64(stmt, 3);
		span.until_ms = sqlite3_column_int64(stmt, 4);
		each(arg, &span);
	}
	return statement_done(store, stmt, rc);
}

bool calibrating_knows(struct store *store, const char *station, const char *sensor)
{
	sqlite3_stmt *stmt = statement(store,
		"SELECT 1 FROM source WHERE sensor=?1 AND (?2 IS NULL OR station=?2)"
		" LIMIT 1");

	if (!stmt)
		return false;
	sqlite3_bind_text(stmt, 1, sensor, -1, SQLITE_STATIC);
	if (station)
		sqlite3_bind_text(stmt, 2, station, -1, SQLITE_STATIC);
	int rc = sqlite3_step(stmt);
	bool known = rc == SQLITE_ROW;
	statement_done(store, stmt, rc);
	return known;
}
