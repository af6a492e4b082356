#include "store/cursors.h"

#include <stdio.h>
#include <string.h>

#include "core/log.h"
#include "store/statement.h"

/* An output may keep a second place, under its name and a '/' (outputs/periods.c). */
static bool is_named(const char *name, const char *const *names, size_t count)
{
	size_t length = strcspn(name, "/");

	for (size_t i = 0; i < count; i++)
		if (strncmp(name, names[i], length) == 0 && !names[i][length])
			return true;
	return false;
}

/* One cursor that nobody answers to is removed. 1: there may be more; 0; or -1. */
static int drop_a_cursor(struct store *store, const char *const *names, size_t count)
{
	sqlite3_stmt *stmt = statement(store, "SELECT output FROM cursor");
	char stray[NAME_SIZE] = "";
	int rc = SQLITE_OK;

	if (!stmt)
		return -1;
	while (!*stray && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		const char *name = (const char *)sqlite3_column_text(stmt, 0);
		if (name && !is_named(name, names, count))
			snprintf(stray, sizeof stray, "%s", name);
	}
	if (statement_done(store, stmt, rc) < 0)
		return -1;
	if (!*stray)
		return 0;
	log_notice("output %s: is no longer configured; its place in the store is "
		   "forgotten",
		stray);
	return statement_run(store, "DELETE FROM lane WHERE output=?1", "t", stray) < 0 ||
			statement_run(store, "DELETE FROM cursor WHERE output=?1", "t",
				stray) < 0
		? -1
		: 1;
}

int store_cursors_keep(struct store *store, const char *const *names, size_t count)
{
	int result;

	while ((result = drop_a_cursor(store, names, count)) > 0)
		;
	for (size_t i = 0; i < count && result == 0; i++)
		result = statement_run(store,
			"INSERT OR IGNORE INTO cursor(output, report) VALUES(?1, 0)", "t",
			names[i]);
	return result;
}

int store_cursor_get(struct store *store, const char *name, int64_t *id)
{
	sqlite3_stmt *stmt =
		statement(store, "SELECT report FROM cursor WHERE output=?1");

	if (!stmt)
		return -1;
	*id = 0;
	sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
	int rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		*id = sqlite3_column_int64(stmt, 0);
	return statement_done(store, stmt, rc);
}

int store_cursor_set(struct store *store, const char *name, int64_t id)
{
	return statement_run(
		store, "INSERT OR REPLACE INTO cursor VALUES(?1, ?2)", "ti", name, id);
}
