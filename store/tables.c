#include "store/tables.h"

#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/log.h"

sqlite3 *tables_open(const char *path)
{
	char address[STORE_ADDRESS_SIZE];
	sqlite3 *old = NULL;

	/* Read only: it is kept as it was found. Where there is a WAL, an index is made.
	 */
	store_reader_address(path, address);
	if (sqlite3_open_v2(address, &old, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI,
		    NULL) == SQLITE_OK &&
		sqlite3_exec(old, "SELECT count(*) FROM sqlite_master", NULL, NULL,
			NULL) == SQLITE_OK)
		return old;
	sqlite3_close(old);
	return NULL;
}

sqlite3_stmt *tables_prepare(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt = NULL;

	if (!db || sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
		return NULL;
	return stmt;
}

/* The number SQL asks for, or 0. */
int64_t tables_ask(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt = tables_prepare(db, sql);
	int64_t value = 0;

	if (stmt && sqlite3_step(stmt) == SQLITE_ROW)
		value = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return value;
}

/* Their rows do not just move over. */
static bool is_special(const char *table)
{
	static const char *const special[] = { "report", "minute", "hour", "metric",
		"mark", "ballast" };

	for (size_t i = 0; i < sizeof special / sizeof *special; i++)
		if (strcmp(table, special[i]) == 0)
			return true;
	return false;
}

/* The columns of TABLE that both files have, quoted, and as many question marks. */
static int common_columns(sqlite3 *to, sqlite3 *from, const char *table, char *columns,
	char *marks, size_t size)
{
	char *sql = sqlite3_mprintf("SELECT name FROM pragma_table_info(%Q)", table);
	sqlite3_stmt *stmt = tables_prepare(to, sql);
	int count = 0;

	*columns = *marks = '\0';
	while (stmt && sqlite3_step(stmt) == SQLITE_ROW) {
		const char *name = (const char *)sqlite3_column_text(stmt, 0);
		char *probe = sqlite3_mprintf("SELECT \"%w\" FROM \"%w\"", name, table);
		sqlite3_stmt *there = tables_prepare(from, probe);
		size_t used = strlen(columns);
		sqlite3_free(probe);
		if (!there)
			continue;
		sqlite3_finalize(there);
		snprintf(
			columns + used, size - used, "%s\"%s\"", count ? ", " : "", name);
		used = strlen(marks);
		snprintf(marks + used, size - used, "%s?", count ? ", " : "");
		count++;
	}
	sqlite3_finalize(stmt);
	sqlite3_free(sql);
	return count;
}

/* Row by row, until the old file has no more or cannot be read. Rows copied, or -1. */
static int64_t copy_rows(
	sqlite3_stmt *read, sqlite3_stmt *write, int columns, bool *broken)
{
	int64_t copied = 0;
	int rc;

	while ((rc = sqlite3_step(read)) == SQLITE_ROW) {
		for (int i = 0; i < columns; i++)
			sqlite3_bind_value(write, i + 1, sqlite3_column_value(read, i));
		rc = sqlite3_step(write);
		sqlite3_reset(write);
		/* A row that the table does not take is nonsense; a full disk is not. */
		if (rc != SQLITE_DONE && (rc & 0xff) != SQLITE_CONSTRAINT &&
			(rc & 0xff) != SQLITE_MISMATCH)
			return -1;
		copied += rc == SQLITE_DONE;
	}
	*broken = rc != SQLITE_DONE;
	return copied;
}

int tables_copy(struct store *store, sqlite3 *old, const char *table)
{
	char columns[1024], marks[256];
	int count = common_columns(
		store_handle(store), old, table, columns, marks, sizeof marks);
	bool broken = false;

	if (count == 0)
		return 0;
	char *from = sqlite3_mprintf("SELECT %s FROM \"%w\"", columns, table);
	char *into = sqlite3_mprintf(
		"INSERT OR IGNORE INTO \"%w\"(%s) VALUES(%s)", table, columns, marks);
	sqlite3_stmt *read = tables_prepare(old, from);
	sqlite3_stmt *write = tables_prepare(store_handle(store), into);
	int64_t copied = read && write ? copy_rows(read, write, count, &broken) : 0;
	sqlite3_finalize(read);
	sqlite3_finalize(write);
	sqlite3_free(from);
	sqlite3_free(into);
	log_notice("%s: %lld rows of %s%s", store_path(store),
		(long long)(copied > 0 ? copied : 0), table,
		broken ? "; the rest cannot be read" : "");
	return copied < 0 ? -1 : 0;
}

int tables_copy_small(struct store *store, sqlite3 *old)
{
	sqlite3_stmt *tables = tables_prepare(store_handle(store),
		"SELECT name FROM sqlite_master WHERE type='table'"
		" AND name NOT LIKE 'sqlite%' ORDER BY name");
	int result = 0;

	while (old && tables && result == 0 && sqlite3_step(tables) == SQLITE_ROW) {
		char table[64];
		snprintf(table, sizeof table, "%s",
			(const char *)sqlite3_column_text(tables, 0));
		if (!is_special(table))
			result = tables_copy(store, old, table);
	}
	sqlite3_finalize(tables);
	return result;
}

/*
 * The newest id that was given. Where the file does not say, the time does: ids never
 * come near the milliseconds since 1970 otherwise.
 */
int64_t tables_top(sqlite3 *old)
{
	static const char *const questions[] = {
		"SELECT max(id) FROM report",
		"SELECT value FROM mark WHERE name='forgotten_id'",
		/* A name with a '/' stands for a time: outputs/periods.c. */
		"SELECT max(report) FROM cursor WHERE instr(output, '/') = 0",
	};
	int64_t top = 0;

	for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
		int64_t answer = tables_ask(old, questions[i]);
		top = answer > top ? answer : top;
	}
	return tables_ask(old, questions[0]) > 0 ? top : clock_wall_ms();
}
