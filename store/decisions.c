#include "store/decisions.h"

#include <stdio.h>

#include "store/statement.h"

const char decisions_schema[] =
	/* AUTOINCREMENT: an id that was said to somebody never means another one. */
	"CREATE TABLE IF NOT EXISTS silence("
	" id INTEGER PRIMARY KEY AUTOINCREMENT, rule TEXT NOT NULL,"
	" station TEXT NOT NULL, area TEXT NOT NULL, author TEXT NOT NULL,"
	" reason TEXT NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL,"
	" ended_by TEXT NOT NULL DEFAULT '');"
	"CREATE TABLE IF NOT EXISTS acknowledgement("
	" id INTEGER PRIMARY KEY, episode TEXT NOT NULL UNIQUE, author TEXT NOT NULL,"
	" time INTEGER NOT NULL);";

/* Begins what is on disk when it is committed: a client's would not wait for it. */
static int begin(struct store *store)
{
	if (statement_run(store, "PRAGMA synchronous=FULL", "") < 0)
		return -1;
	return store_begin(store);
}

static int end(struct store *store, int result)
{
	if (result == 0 && store_commit(store) == 0)
		return 0;
	store_rollback(store);
	return -1;
}

static int insert_silence(struct store *store, struct silence *silence)
{
	static const char insert[] =
		"INSERT INTO silence(rule, station, area, author, reason, since, until)"
		" VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)";
	static const char prune[] = "DELETE FROM silence WHERE until <= ?1 AND id NOT IN"
				    " (SELECT id FROM silence ORDER BY id DESC LIMIT ?2)";

	if (statement_run(store, insert, "tttttii", silence->rule, silence->station,
		    silence->area, silence->author, silence->reason, silence->since_ms,
		    silence->until_ms) < 0)
		return -1;
	silence->id = sqlite3_last_insert_rowid(store_handle(store));
	return statement_run(
		store, prune, "ii", silence->since_ms, (int64_t)DECISIONS_KEPT);
}

int decisions_keep_silence(struct store *store, struct silence *silence)
{
	if (begin(store) < 0)
		return -1;
	return end(store, insert_silence(store, silence));
}

int decisions_end_silence(
	struct store *store, int64_t id, const char *ended_by, int64_t now_ms)
{
	if (begin(store) < 0)
		return -1;
	return end(store,
		statement_run(store,
			"UPDATE silence SET until = ?3, ended_by = ?2"
			" WHERE id = ?1 AND until > ?3",
			"iti", id, ended_by, now_ms));
}

int decisions_keep_acknowledgement(
	struct store *store, const struct acknowledgement *acknowledgement)
{
	static const char insert[] =
		"INSERT INTO acknowledgement(episode, author, time) VALUES(?1, ?2, ?3)"
		" ON CONFLICT(episode) DO NOTHING";
	static const char prune[] =
		"DELETE FROM acknowledgement"
		" WHERE id <= (SELECT max(id) FROM acknowledgement) - ?1";

	if (begin(store) < 0)
		return -1;
	int result = statement_run(store, insert, "tti", acknowledgement->episode,
		acknowledgement->author, acknowledgement->time_ms);
	if (result == 0)
		result = statement_run(store, prune, "i", (int64_t)DECISIONS_KEPT);
	return end(store, result);
}

static void copy_text(char *out, size_t size, sqlite3_stmt *stmt, int column)
{
	const unsigned char *text = sqlite3_column_text(stmt, column);

	snprintf(out, size, "%s", text ? (const char *)text : "");
}

int decisions_each_silence(struct store *store, int64_t after_ms,
	void (*each)(void *arg, const struct silence *silence), void *arg)
{
	sqlite3_stmt *stmt = statement(store,
		"SELECT id, rule, station, area, author, ended_by, reason, since, until"
		" FROM silence WHERE until > ?1 ORDER BY id");
	int rc;

	if (!stmt)
		return -1;
	sqlite3_bind_int64(stmt, 1, after_ms);
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		struct silence silence = { .id = sqlite3_column_int64(stmt, 0) };

		copy_text(silence.rule, sizeof silence.rule, stmt, 1);
		copy_text(silence.station, sizeof silence.station, stmt, 2);
		copy_text(silence.area, sizeof silence.area, stmt, 3);
		copy_text(silence.author, sizeof silence.author, stmt, 4);
		copy_text(silence.ended_by, sizeof silence.ended_by, stmt, 5);
		copy_text(silence.reason, sizeof silence.reason, stmt, 6);
		silence.since_ms = sqlite3_column_int64(stmt, 7);
		silence.until_ms = sqlite3_column_int64(stmt, 8);
		each(arg, &silence);
	}
	return statement_done(store, stmt, rc);
}

int decisions_each_acknowledgement(struct store *store,
	void (*each)(void *arg, const struct acknowledgement *acknowledgement), void *arg)
{
	sqlite3_stmt *stmt = statement(
		store, "SELECT episode, author, time FROM acknowledgement ORDER BY id");
	struct acknowledgement acknowledgement;
	int rc;

	if (!stmt)
		return -1;
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		copy_text(
			acknowledgement.episode, sizeof acknowledgement.episode, stmt, 0);
		copy_text(acknowledgement.author, sizeof acknowledgement.author, stmt, 1);
		acknowledgement.time_ms = sqlite3_column_int64(stmt, 2);
		each(arg, &acknowledgement);
	}
	return statement_done(store, stmt, rc);
}

bool decisions_knows_station(struct store *store, const char *station)
{
	sqlite3_stmt *stmt =
		statement(store, "SELECT 1 FROM source WHERE station = ?1 LIMIT 1");

	if (!stmt)
		return false;
	sqlite3_bind_text(stmt, 1, station, -1, SQLITE_STATIC);
	int rc = sqlite3_step(stmt);
	bool known = rc == SQLITE_ROW;
	statement_done(store, stmt, rc);
	return known;
}
