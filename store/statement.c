#include "store/statement.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "store/connection.h"

static atomic_bool damage_found;

static bool is_damage(int code)
{
	code &= 0xff;
	return code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
}

bool store_is_damaged(void)
{
	return damage_found;
}

int connection_fail(struct store *store, const char *what)
{
	if (is_damage(sqlite3_errcode(store->db)))
		damage_found = true;
	store->full = sqlite3_errcode(store->db) == SQLITE_FULL ||
		sqlite3_system_errno(store->db) == ENOSPC;
	snprintf(store->error, sizeof store->error, "%s: %s: %s", store->path, what,
		sqlite3_errmsg(store->db));
	return -1;
}

int connection_refuse(struct store *store, bool damaged, const char *why)
{
	if (damaged)
		damage_found = true;
	snprintf(store->error, sizeof store->error, "%s: %s", store->path, why);
	return -1;
}

void connection_heal(void)
{
	damage_found = false;
}

sqlite3_stmt *statement(struct store *store, const char *sql)
{
	size_t at = 0;

	while (at < STATEMENTS_MAX && store->statements[at].sql &&
		store->statements[at].sql != sql)
		at++;
	if (at == STATEMENTS_MAX) {
		snprintf(store->error, sizeof store->error, "too many statements");
		return NULL;
	}
	struct cached_statement *cached = &store->statements[at];
	if (!cached->sql) {
		int rc = sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT,
			&cached->stmt, NULL);
		if (rc != SQLITE_OK) {
			/* Our own words on our own tables: a name in the file is garbled.
			 */
			if (rc == SQLITE_ERROR && !store->foreign)
				damage_found = true;
			connection_fail(store, "prepare");
			return NULL;
		}
		cached->sql = sql;
	}
	return cached->stmt;
}

int statement_done(struct store *store, sqlite3_stmt *stmt, int rc)
{
	int result = 0;

	if (rc != SQLITE_DONE && rc != SQLITE_ROW && rc != SQLITE_OK)
		result = connection_fail(store, "write");
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
	return result;
}

int statement_run(struct store *store, const char *sql, const char *arguments, ...)
{
	sqlite3_stmt *stmt = statement(store, sql);
	va_list args;

	if (!stmt)
		return -1;
	va_start(args, arguments);
	for (int i = 0; arguments[i]; i++) {
		switch (arguments[i]) {
		case 'i':
			sqlite3_bind_int64(stmt, i + 1, va_arg(args, int64_t));
			break;
		case 'd':
			sqlite3_bind_double(stmt, i + 1, va_arg(args, double));
			break;
		default:
			sqlite3_bind_text(stmt, i + 1, va_arg(args, const char *), -1,
				SQLITE_STATIC);
		}
	}
	va_end(args);
	return statement_done(store, stmt, sqlite3_step(stmt));
}
