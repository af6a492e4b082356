#include "store/outages.h"

#include <stdio.h>

#include "store/statement.h"

const char outages_schema[] = "CREATE TABLE IF NOT EXISTS outage("
			      " channel TEXT PRIMARY KEY, episode TEXT NOT NULL,"
			      " since INTEGER NOT NULL) WITHOUT ROWID;";

int outage_add(struct store *store, const struct outage *outage)
{
	static const char sql[] = "INSERT OR REPLACE INTO outage VALUES(?1, ?2, ?3)";

	if (store_join(store) < 0)
		return -1;
	return statement_run(
		store, sql, "tti", outage->channel, outage->episode, outage->since_ms);
}

int outage_remove(struct store *store, const char *channel)
{
	if (store_join(store) < 0)
		return -1;
	return statement_run(
		store, "DELETE FROM outage WHERE channel = ?1", "t", channel);
}

int outage_each(struct store *store, void (*each)(void *arg, const struct outage *outage),
	void *arg)
{
	sqlite3_stmt *stmt =
		statement(store, "SELECT channel, episode, since FROM outage");
	int rc;

	if (!stmt)
		return -1;
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		struct outage outage = { .since_ms = sqlite3_column_int64(stmt, 2) };

		snprintf(outage.channel, sizeof outage.channel, "%s",
			(const char *)sqlite3_column_text(stmt, 0));
		snprintf(outage.episode, sizeof outage.episode, "%s",
			(const char *)sqlite3_column_text(stmt, 1));
		each(arg, &outage);
	}
	return statement_done(store, stmt, rc);
}
