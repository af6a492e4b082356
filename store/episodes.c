#include "store/episodes.h"

#include <math.h>
#include <stdio.h>

#include "store/statement.h"

enum { FORGET_ROWS = 10 }; /* with each one that is added: more than come in */

const char episodes_schema[] =
	"CREATE TABLE IF NOT EXISTS episode_message("
	" id INTEGER PRIMARY KEY, episode TEXT NOT NULL, revision INTEGER NOT NULL,"
	" resolved INTEGER NOT NULL, public INTEGER NOT NULL, created INTEGER NOT NULL,"
	" expires INTEGER NOT NULL, rule TEXT NOT NULL, station TEXT NOT NULL,"
	" hazard TEXT NOT NULL, latitude REAL, longitude REAL,"
	" origin TEXT NOT NULL, vi TEXT NOT NULL, en TEXT NOT NULL,"
	" UNIQUE(episode, revision));"
	"CREATE INDEX IF NOT EXISTS episode_message_created ON episode_message(created);"
	"CREATE INDEX IF NOT EXISTS episode_message_expires ON episode_message(expires);"
	"CREATE INDEX IF NOT EXISTS episode_message_origin"
	" ON episode_message(origin, created) WHERE origin <> '';";

#define COLUMNS                                                                     \
	"id, episode, revision, resolved, public, created, expires, rule, station," \
	" hazard, latitude, longitude, origin, vi, en"

int history_add(
	struct store *store, const struct episode_message *message, int64_t keep_ms)
{
	static const char add[] =
		"INSERT OR IGNORE INTO episode_message(episode, revision, resolved,"
		" public, created, expires, rule, station, hazard, latitude, longitude,"
		" origin, vi, en) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12,"
		" ?13, ?14)";
	static const char forget[] =
		"DELETE FROM episode_message WHERE id IN (SELECT id FROM episode_message"
		" WHERE created < ?1 AND expires < ?1 ORDER BY created LIMIT ?2)";

	if (store_join(store) < 0 ||
		statement_run(store, add, "tiiiiitttddttt", message->episode,
			(int64_t)message->revision, (int64_t)message->resolved,
			(int64_t)message->is_public, message->created_ms,
			message->expires_ms, message->rule, message->station,
			message->hazard, message->latitude, message->longitude,
			message->origin, message->bodies[0], message->bodies[1]) < 0)
		return -1;
	if (keep_ms <= 0)
		return 0;
	return statement_run(store, forget, "ii", keep_ms, (int64_t)FORGET_ROWS);
}

static const char *text_of(sqlite3_stmt *stmt, int column)
{
	const unsigned char *text = sqlite3_column_text(stmt, column);

	return text ? (const char *)text : "";
}

static double number_of(sqlite3_stmt *stmt, int column)
{
	return sqlite3_column_type(stmt, column) == SQLITE_NULL
		? NAN
		: sqlite3_column_double(stmt, column);
}

/* Hands the rows of STMT to EACH and ends it. How many, or -1. */
static int hand_out(struct store *store, sqlite3_stmt *stmt,
	void (*each)(void *arg, const struct episode_message *message), void *arg)
{
	int rc, count = 0;

	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		const struct episode_message message = {
			.id = sqlite3_column_int64(stmt, 0),
			.episode = text_of(stmt, 1),
			.revision = sqlite3_column_int(stmt, 2),
			.resolved = sqlite3_column_int(stmt, 3) != 0,
			.is_public = sqlite3_column_int(stmt, 4) != 0,
			.created_ms = sqlite3_column_int64(stmt, 5),
			.expires_ms = sqlite3_column_int64(stmt, 6),
			.rule = text_of(stmt, 7),
			.station = text_of(stmt, 8),
			.hazard = text_of(stmt, 9),
			.latitude = number_of(stmt, 10),
			.longitude = number_of(stmt, 11),
			.origin = text_of(stmt, 12),
			.bodies = { text_of(stmt, 13), text_of(stmt, 14) },
		};

		each(arg, &message);
		count++;
	}
	return statement_done(store, stmt, rc) < 0 ? -1 : count;
}

#define IS_NEWEST                                                   \
	" (NOT ?4 OR NOT EXISTS(SELECT 1 FROM episode_message AS n" \
	"  WHERE n.episode = m.episode AND n.revision > m.revision))"

int history_each(struct store *store, const struct history_choice *choice,
	void (*each)(void *arg, const struct episode_message *message), void *arg)
{
	/* Along the index by time, and no further than is asked for. */
	static const char by_time[] =
		"SELECT " COLUMNS " FROM episode_message AS m"
		" WHERE created >= ?1 AND created < ?2 AND public"
		" AND" IS_NEWEST " ORDER BY created DESC, id DESC LIMIT ?5";
	/*
	 * By both indices: a + keeps SQLite from going through all that was ever
	 * announced. Only ids are sorted, for the texts are long.
	 */
	static const char also_active[] =
		"SELECT " COLUMNS " FROM episode_message WHERE id IN ("
		"SELECT id FROM episode_message AS m WHERE (created >= ?1 OR expires > ?3)"
		" AND +created < ?2 AND public AND" IS_NEWEST
		" ORDER BY +created DESC, id DESC LIMIT ?5)"
		" ORDER BY created DESC, id DESC";
	bool also = choice->active_at_ms > 0;
	sqlite3_stmt *stmt = statement(store, also ? also_active : by_time);

	if (!stmt)
		return -1;
	sqlite3_bind_int64(stmt, 1, choice->from_ms);
	sqlite3_bind_int64(stmt, 2, choice->to_ms > 0 ? choice->to_ms : INT64_MAX);
	if (also)
		sqlite3_bind_int64(stmt, 3, choice->active_at_ms);
	sqlite3_bind_int(stmt, 4, choice->newest_only);
	sqlite3_bind_int(stmt, 5, choice->limit > 0 ? choice->limit : -1);
	return hand_out(store, stmt, each, arg);
}

int history_chain(struct store *store, const char *episode, int revision,
	void (*each)(void *arg, const struct episode_message *message), void *arg)
{
	static const char sql[] = "SELECT " COLUMNS " FROM episode_message"
				  " WHERE episode = ?1 AND revision <= ?2"
				  " ORDER BY revision";
	sqlite3_stmt *stmt = statement(store, sql);

	if (!stmt)
		return -1;
	sqlite3_bind_text(stmt, 1, episode, -1, SQLITE_STATIC);
	sqlite3_bind_int(stmt, 2, revision);
	return hand_out(store, stmt, each, arg);
}

int history_newest(struct store *store, const char *episode, int *revision,
	bool *resolved, char origin[static NAME_SIZE])
{
	static const char sql[] = "SELECT revision, resolved, origin FROM episode_message"
				  " WHERE episode = ?1 ORDER BY revision DESC LIMIT 1";
	sqlite3_stmt *stmt = statement(store, sql);

	if (!stmt)
		return -1;
	sqlite3_bind_text(stmt, 1, episode, -1, SQLITE_STATIC);
	int rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW) {
		*revision = sqlite3_column_int(stmt, 0);
		*resolved = sqlite3_column_int(stmt, 1) != 0;
		snprintf(origin, NAME_SIZE, "%s", text_of(stmt, 2));
	}
	return statement_done(store, stmt, rc) < 0 ? -1 : rc == SQLITE_ROW;
}

int64_t history_count(struct store *store, const char *origin, int64_t since_ms)
{
	static const char sql[] =
		"SELECT count(*) FROM episode_message"
		" WHERE origin = ?1 AND origin <> '' AND created >= ?2 AND NOT resolved";
	sqlite3_stmt *stmt = statement(store, sql);
	int64_t count = -1;

	if (!stmt)
		return -1;
	sqlite3_bind_text(stmt, 1, origin, -1, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 2, since_ms);
	int rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		count = sqlite3_column_int64(stmt, 0);
	return statement_done(store, stmt, rc) < 0 ? -1 : count;
}
