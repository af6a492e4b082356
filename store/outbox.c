#include "store/outbox.h"

#include <stdio.h>
#include <string.h>

#include "store/statement.h"

/*
 * outbox.due is a time of the wall clock, which may be set back: a row never waits
 * longer than the longest back-off (an hour) and some, see FAR_MS.
 */
#define FAR_MS "7200000"

const char outbox_schema[] =
	"CREATE TABLE IF NOT EXISTS outbox("
	" id INTEGER PRIMARY KEY, channel TEXT NOT NULL, episode TEXT NOT NULL,"
	" revision INTEGER NOT NULL, resolved INTEGER NOT NULL, created INTEGER NOT NULL,"
	" expires INTEGER NOT NULL, due INTEGER NOT NULL DEFAULT 0,"
	" attempts INTEGER NOT NULL DEFAULT 0, maybe INTEGER NOT NULL DEFAULT 0,"
	" answer TEXT NOT NULL DEFAULT '', body TEXT NOT NULL);"
	"CREATE INDEX IF NOT EXISTS outbox_channel ON outbox(channel, episode);"
	"CREATE TABLE IF NOT EXISTS alert_state("
	" rule TEXT NOT NULL, station TEXT NOT NULL, state TEXT NOT NULL,"
	" PRIMARY KEY(rule, station)) WITHOUT ROWID;";

int outbox_add(struct store *store, const struct outbox_item *item)
{
	static const char sql[] =
		"INSERT INTO outbox(channel, episode, revision, resolved, created, expires, body)"
		" VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)";

	if (store_join(store) < 0)
		return -1;
	return statement_run(store, sql, "ttiiiit", item->channel, item->episode,
		(int64_t)item->revision, (int64_t)item->resolved, item->created_ms,
		item->expires_ms, item->body);
}

static void copy_text(char *out, size_t size, sqlite3_stmt *stmt, int column)
{
	const unsigned char *text = sqlite3_column_text(stmt, column);

	snprintf(out, size, "%s", text ? (const char *)text : "");
}

/* A row that may be sent: no older one of its episode stands before it. */
#define FIRST_OF_EPISODE                                              \
	" NOT EXISTS(SELECT 1 FROM outbox AS p WHERE p.channel = ?1 " \
	" AND p.episode = o.episode AND p.id < o.id)"

static int next_due(
	struct store *store, const char *channel, int64_t now_ms, int64_t *next_ms)
{
	static const char sql[] = "SELECT min(due) FROM outbox AS o"
				  " WHERE channel = ?1 AND" FIRST_OF_EPISODE;
	sqlite3_stmt *stmt = statement(store, sql);

	if (!stmt)
		return -1;
	sqlite3_bind_text(stmt, 1, channel, -1, SQLITE_STATIC);
	int rc = sqlite3_step(stmt);
	*next_ms = INT64_MAX;
	if (rc == SQLITE_ROW && sqlite3_column_type(stmt, 0) != SQLITE_NULL) {
		*next_ms = sqlite3_column_int64(stmt, 0);
		if (*next_ms < now_ms)
			*next_ms = now_ms; /* became due in between */
	}
	return statement_done(store, stmt, rc);
}

/* The row under STMT, by the columns that outbox_next() asks for. */
static void take_item(sqlite3_stmt *stmt, struct outbox_item *item)
{
	item->id = sqlite3_column_int64(stmt, 0);
	copy_text(item->channel, sizeof item->channel, stmt, 1);
	copy_text(item->episode, sizeof item->episode, stmt, 2);
	item->revision = sqlite3_column_int(stmt, 3);
	item->resolved = sqlite3_column_int(stmt, 4) != 0;
	item->created_ms = sqlite3_column_int64(stmt, 5);
	item->expires_ms = sqlite3_column_int64(stmt, 6);
	item->attempts = (unsigned)sqlite3_column_int(stmt, 7);
	copy_text(item->body, sizeof item->body, stmt, 8);
}

int outbox_next(struct store *store, const char *channel, int64_t now_ms,
	struct outbox_item *item, int64_t *next_ms)
{
	static const char sql[] =
		"SELECT id, channel, episode, revision, resolved, created, expires,"
		" attempts, body FROM outbox AS o"
		" WHERE channel = ?1 AND (due <= ?2 OR due > ?2 + " FAR_MS ")"
		" AND" FIRST_OF_EPISODE " ORDER BY attempts, id LIMIT 1";
	sqlite3_stmt *stmt = statement(store, sql);

	if (!stmt)
		return -1;
	sqlite3_bind_text(stmt, 1, channel, -1, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 2, now_ms);
	int rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		take_item(stmt, item);
	if (statement_done(store, stmt, rc) < 0)
		return -1;
	if (rc == SQLITE_ROW)
		return 1;
	return next_due(store, channel, now_ms, next_ms);
}

static const char *end_name(enum outbox_end end)
{
	static const char *const names[] = {
		[OUTBOX_DELIVERED] = "delivered",
		[OUTBOX_EXPIRED] = "expired",
		[OUTBOX_SUPERSEDED] = "superseded",
		[OUTBOX_REFUSED] = "refused",
		[OUTBOX_UNTOLD] = "untold",
	};
	return names[end];
}

int outbox_finish(struct store *store, const struct outbox_item *item,
	enum outbox_end end, int64_t now_ms, const char *answer)
{
	static const char log[] =
		"INSERT INTO delivery(channel, episode, revision, resolved, created, ended,"
		" result, attempts, maybe, answer)"
		" SELECT channel, episode, revision, resolved, created, ?2, ?3,"
		" attempts + ?4, maybe, ?5 FROM outbox WHERE id = ?1";
	/* Refused for good, the message itself is kept as a dead letter. */
	static const char text[] =
		"INSERT INTO delivery_text(id, rule, station, language, title, body)"
		" SELECT last_insert_rowid(), coalesce(json_extract(j, '$.rule'), ''),"
		" coalesce(json_extract(j, '$.station'), ''),"
		" coalesce(json_extract(j, '$.language'), ''),"
		" coalesce(json_extract(j, '$.title'), ''),"
		" CASE WHEN ?2 THEN body ELSE '' END FROM (SELECT body,"
		" CASE WHEN json_valid(body) THEN body ELSE '{}' END AS j"
		" FROM outbox WHERE id = ?1)";
	static const char remove[] = "DELETE FROM outbox WHERE id = ?1";
	/* Only these two were really tried once more. */
	int64_t tried = end == OUTBOX_DELIVERED || end == OUTBOX_REFUSED;

	if (store_begin(store) < 0)
		return -1;
	if (statement_run(store, log, "iitit", item->id, now_ms, end_name(end), tried,
		    answer) < 0 ||
		statement_run(store, text, "ii", item->id,
			(int64_t)(end == OUTBOX_REFUSED)) < 0 ||
		statement_run(store, remove, "i", item->id) < 0 ||
		store_commit(store) < 0) {
		store_rollback(store);
		return -1;
	}
	return 0;
}

int outbox_retry(struct store *store, const struct outbox_item *item, int64_t next_ms,
	bool maybe, const char *answer)
{
	static const char sql[] = "UPDATE outbox SET attempts = attempts + 1, due = ?2,"
				  " maybe = max(maybe, ?3), answer = ?4 WHERE id = ?1";

	return statement_run(
		store, sql, "iiit", item->id, next_ms, (int64_t)maybe, answer);
}

int outbox_defer(struct store *store, const char *channel, int64_t next_ms)
{
	static const char sql[] =
		"UPDATE outbox SET due = ?2 WHERE channel = ?1 AND due < ?2";

	return statement_run(store, sql, "ti", channel, next_ms);
}

/* The number in the first row of a statement with up to two texts and an id; -1: error.
 */
static int64_t ask(struct store *store, const char *sql, const char *channel,
	const char *episode, int64_t id)
{
	sqlite3_stmt *stmt = statement(store, sql);
	int64_t number = -1;

	if (!stmt)
		return -1;
	sqlite3_bind_text(stmt, 1, channel, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 2, episode, -1, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 3, id);
	int rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		number = sqlite3_column_int64(stmt, 0);
	return statement_done(store, stmt, rc) < 0 ? -1 : number;
}

int outbox_was_told(struct store *store, const char *channel, const char *episode)
{
	static const char sql[] =
		"SELECT EXISTS(SELECT 1 FROM delivery WHERE channel = ?1 AND episode = ?2"
		"  AND (result = 'delivered' OR maybe))"
		" OR EXISTS(SELECT 1 FROM outbox WHERE channel = ?1 AND episode = ?2"
		"  AND maybe)";

	return (int)ask(store, sql, channel, episode, 0);
}

int outbox_has_newer(struct store *store, const struct outbox_item *item)
{
	static const char sql[] = "SELECT EXISTS(SELECT 1 FROM outbox WHERE channel = ?1"
				  " AND episode = ?2 AND id > ?3)";

	return (int)ask(store, sql, item->channel, item->episode, item->id);
}

int64_t outbox_count(struct store *store, const char *channel)
{
	static const char sql[] = "SELECT count(*) FROM outbox WHERE channel = ?1";

	return ask(store, sql, channel, NULL, 0);
}

int64_t outbox_waiting(struct store *store, const char *channel, int64_t *oldest_ms)
{
	static const char sql[] = "SELECT coalesce(min(created), 0) FROM outbox"
				  " WHERE channel = ?1";

	*oldest_ms = ask(store, sql, channel, NULL, 0);
	return *oldest_ms < 0 ? -1 : outbox_count(store, channel);
}

/* --- state of the rules ----------------------------------------------- */

int alert_state_set(
	struct store *store, const char *rule, const char *station, const char *state)
{
	static const char set[] =
		"INSERT INTO alert_state(rule, station, state) VALUES(?1, ?2, ?3)"
		" ON CONFLICT DO UPDATE SET state = excluded.state";
	static const char remove[] =
		"DELETE FROM alert_state WHERE rule = ?1 AND station = ?2";

	if (store_join(store) < 0)
		return -1;
	if (!state)
		return statement_run(store, remove, "tt", rule, station);
	return statement_run(store, set, "ttt", rule, station, state);
}

bool alert_state_joins(struct store *store)
{
	return !sqlite3_get_autocommit(store_handle(store));
}

int alert_state_each(struct store *store,
	void (*each)(void *arg, const char *rule, const char *station, const char *state),
	void *arg)
{
	static const char sql[] = "SELECT rule, station, state FROM alert_state";
	sqlite3_stmt *stmt = statement(store, sql);
	int rc;

	if (!stmt)
		return -1;
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
		each(arg, (const char *)sqlite3_column_text(stmt, 0),
			(const char *)sqlite3_column_text(stmt, 1),
			(const char *)sqlite3_column_text(stmt, 2));
	return statement_done(store, stmt, rc);
}

int outbox_take_all(struct store *store,
	void (*each)(void *arg, const struct outbox_item *item), void *arg)
{
	sqlite3_stmt *stmt = statement(store,
		"SELECT id, channel, episode, revision, resolved, created, expires,"
		" attempts, body FROM outbox ORDER BY id");
	static _Thread_local struct outbox_item item; /* too large for a stack */
	int count = 0, rc;

	if (!stmt)
		return -1;
	for (; (rc = sqlite3_step(stmt)) == SQLITE_ROW; count++) {
		take_item(stmt, &item);
		each(arg, &item);
	}
	if (statement_done(store, stmt, rc) < 0 ||
		(count > 0 && statement_run(store, "DELETE FROM outbox", "") < 0))
		return -1;
	return count;
}
