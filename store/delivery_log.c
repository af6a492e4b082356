#include "store/delivery_log.h"

#include "store/statement.h"

#define ENTRIES_MAX "2000000"

/*
 * The texts are a table of their own: entries of older stores have none, and are looked
 * at by channel and episode far more often than they are read.
 */
const char delivery_log_schema[] =
	"CREATE TABLE IF NOT EXISTS delivery("
	" id INTEGER PRIMARY KEY, channel TEXT NOT NULL, episode TEXT NOT NULL,"
	" revision INTEGER NOT NULL, resolved INTEGER NOT NULL, created INTEGER NOT NULL,"
	" ended INTEGER NOT NULL, result TEXT NOT NULL, attempts INTEGER NOT NULL,"
	" maybe INTEGER NOT NULL, answer TEXT NOT NULL);"
	"CREATE INDEX IF NOT EXISTS delivery_channel ON delivery(channel, episode);"
	"CREATE TABLE IF NOT EXISTS delivery_text("
	" id INTEGER PRIMARY KEY, rule TEXT NOT NULL, station TEXT NOT NULL,"
	" language TEXT NOT NULL, title TEXT NOT NULL, body TEXT NOT NULL);";

static const char *text_of(sqlite3_stmt *stmt, int column)
{
	const unsigned char *text = sqlite3_column_text(stmt, column);

	return text ? (const char *)text : "";
}

static sqlite3_stmt *choose(struct store *store, const struct delivery_choice *choice)
{
	static const char sql[] =
		"SELECT d.id, channel, episode, revision, resolved, created, ended, result,"
		" attempts, answer, rule, station, language, title, body"
		" FROM delivery AS d LEFT JOIN delivery_text AS t ON t.id = d.id"
		" WHERE ended >= ?1 AND ended < ?2 AND (?3 IS NULL OR rule = ?3)"
		" AND (?4 IS NULL OR station = ?4) AND (?5 IS NULL OR channel = ?5)"
		" AND (?6 IS NULL OR result = ?6) ORDER BY d.id";
	sqlite3_stmt *stmt = statement(store, sql);

	if (!stmt)
		return NULL;
	sqlite3_bind_int64(stmt, 1, choice->from_ms);
	sqlite3_bind_int64(stmt, 2, choice->to_ms > 0 ? choice->to_ms : INT64_MAX);
	sqlite3_bind_text(stmt, 3, choice->rule, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 4, choice->station, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 5, choice->channel, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 6, choice->result, -1, SQLITE_STATIC);
	return stmt;
}

int64_t delivery_log_each(struct store *store, const struct delivery_choice *choice,
	void (*each)(void *arg, const struct delivery *delivery), void *arg)
{
	sqlite3_stmt *stmt = choose(store, choice);
	int64_t count = 0;
	int rc;

	if (!stmt)
		return -1;
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		const struct delivery delivery = {
			.id = sqlite3_column_int64(stmt, 0),
			.channel = text_of(stmt, 1),
			.episode = text_of(stmt, 2),
			.revision = sqlite3_column_int(stmt, 3),
			.resolved = sqlite3_column_int(stmt, 4) != 0,
			.created_ms = sqlite3_column_int64(stmt, 5),
			.ended_ms = sqlite3_column_int64(stmt, 6),
			.result = text_of(stmt, 7),
			.attempts = (unsigned)sqlite3_column_int(stmt, 8),
			.answer = text_of(stmt, 9),
			.rule = text_of(stmt, 10),
			.station = text_of(stmt, 11),
			.language = text_of(stmt, 12),
			.title = text_of(stmt, 13),
			.body = text_of(stmt, 14),
		};

		each(arg, &delivery);
		count++;
	}
	return statement_done(store, stmt, rc) < 0 ? -1 : count;
}

/* The oldest LIMIT entries are looked at, no more: they ended nearly in this order. */
#define OLDEST                                                        \
	"(SELECT id FROM (SELECT id, ended FROM delivery ORDER BY id" \
	" LIMIT ?2) WHERE ended < ?1 OR id <= (SELECT max(id) FROM"   \
	" delivery) - " ENTRIES_MAX ")"

int delivery_log_forget(struct store *store, int64_t keep_ms, int limit)
{
	static const char texts[] = "DELETE FROM delivery_text WHERE id IN " OLDEST;
	static const char entries[] = "DELETE FROM delivery WHERE id IN " OLDEST;
	static const char due[] = "SELECT EXISTS" OLDEST;
	sqlite3_stmt *stmt = statement(store, due);
	bool is_due = false;

	if (!stmt)
		return -1;
	sqlite3_bind_int64(stmt, 1, keep_ms);
	sqlite3_bind_int(stmt, 2, limit);
	int rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		is_due = sqlite3_column_int(stmt, 0) != 0;
	if (statement_done(store, stmt, rc) < 0)
		return -1;
	if (!is_due) /* without a write: this is asked often */
		return 0;
	if (store_begin(store) < 0)
		return -1;
	int count = -1;
	if (statement_run(store, texts, "ii", keep_ms, (int64_t)limit) == 0 &&
		statement_run(store, entries, "ii", keep_ms, (int64_t)limit) == 0)
		count = (int)sqlite3_changes64(store_handle(store));
	if (count < 0 || store_commit(store) < 0) {
		store_rollback(store);
		return -1;
	}
	return count;
}
