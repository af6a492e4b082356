#include "store/inspect.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "store/carve.h"
#include "store/codec.h"
#include "store/statement.h"

enum { PAGE = 4096, FIRST_HEADER = 100, PROBLEMS = 20, OFFSET_MINUTES = 420 };

struct inspection {
	struct store *store;
	struct buffer *out;
	bool whole;
};

/* Calls EACH with the rows of SQL; what cannot be read is a problem to be told. */
static void each_row(struct inspection *inspection, const char *sql,
	void (*each)(struct inspection *inspection, sqlite3_stmt *row))
{
	sqlite3 *db = store_handle(inspection->store);
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

	while (rc == SQLITE_OK || rc == SQLITE_ROW) {
		rc = sqlite3_step(stmt);
		if (rc == SQLITE_ROW)
			each(inspection, stmt);
	}
	if (rc != SQLITE_DONE) {
		buffer_printf(inspection->out, "! %s\n", sqlite3_errmsg(db));
		inspection->whole = false;
	}
	sqlite3_finalize(stmt);
}

static const char *text(sqlite3_stmt *row, int column)
{
	const char *value = (const char *)sqlite3_column_text(row, column);

	return value ? value : "";
}

static void put_file(struct inspection *inspection, sqlite3_stmt *row)
{
	buffer_printf(inspection->out,
		"version %d, %lld pages of %d bytes, of which %lld are free\n",
		sqlite3_column_int(row, 0), (long long)sqlite3_column_int64(row, 1),
		sqlite3_column_int(row, 2), (long long)sqlite3_column_int64(row, 3));
}

static void put_reports(struct inspection *inspection, sqlite3_stmt *row)
{
	char from[CLOCK_TEXT_SIZE], to[CLOCK_TEXT_SIZE];
	int64_t count = sqlite3_column_int64(row, 0);

	buffer_printf(inspection->out, "report: %lld rows", (long long)count);
	if (count > 0)
		buffer_printf(inspection->out, ", ids %lld to %lld, %s to %s",
			(long long)sqlite3_column_int64(row, 1),
			(long long)sqlite3_column_int64(row, 2),
			clock_format(from, sqlite3_column_int64(row, 3), OFFSET_MINUTES),
			clock_format(to, sqlite3_column_int64(row, 4), OFFSET_MINUTES));
	buffer_putc(inspection->out, '\n');
}

static void put_count(struct inspection *inspection, sqlite3_stmt *row)
{
	buffer_printf(inspection->out, "%s: %lld rows\n", text(row, 0),
		(long long)sqlite3_column_int64(row, 1));
}

static void count_table(struct inspection *inspection, sqlite3_stmt *row)
{
	char *sql = sqlite3_mprintf(
		"SELECT %Q, count(*) FROM \"%w\"", text(row, 0), text(row, 0));

	each_row(inspection, sql, put_count);
	sqlite3_free(sql);
}

static void put_source(struct inspection *inspection, sqlite3_stmt *row)
{
	buffer_printf(inspection->out, "  %s %s: %lld\n", text(row, 0), text(row, 1),
		(long long)sqlite3_column_int64(row, 2));
}

static void put_cursor(struct inspection *inspection, sqlite3_stmt *row)
{
	buffer_printf(inspection->out, "  output %s: at report %lld\n", text(row, 0),
		(long long)sqlite3_column_int64(row, 1));
}

static void put_mark(struct inspection *inspection, sqlite3_stmt *row)
{
	buffer_printf(inspection->out, "  %s: %lld\n", text(row, 0),
		(long long)sqlite3_column_int64(row, 1));
}

static void put_problem(struct inspection *inspection, sqlite3_stmt *row)
{
	if (sqlite3_stricmp(text(row, 0), "ok") == 0)
		return;
	inspection->whole = false;
	buffer_printf(inspection->out, "! %s\n", text(row, 0));
}

/* --- what is left where SQLite gives up --------------------------------------------- */

static void count_report(void *arg, const struct carve_row *row)
{
	const struct carve_value *values = row->values;
	struct report report;

	report_init(&report);
	if (row->count == 4 && values[0].type == CARVE_NULL &&
		values[1].type == CARVE_INTEGER && values[2].type == CARVE_INTEGER &&
		values[3].type == CARVE_BLOB &&
		codec_unpack(&report, values[3].bytes, values[3].length))
		++*(int64_t *)arg;
}

/* Once SQLite has closed it: closing it here would end SQLite's locks on it. */
static void put_carved(const char *path, struct buffer *out)
{
	uint8_t page[PAGE];
	int64_t count = 0;
	int file = open(path, O_RDONLY | O_CLOEXEC);

	for (off_t at = 0; file >= 0 && pread(file, page, PAGE, at) == PAGE; at += PAGE)
		carve_page(page, PAGE, at == 0 ? FIRST_HEADER : 0, count_report, &count);
	if (file >= 0)
		close(file);
	buffer_printf(out, "%lld reports lie in pages that can still be read\n",
		(long long)count);
}

bool inspect_store(const char *path, struct buffer *out)
{
	char why[256], problems[64];
	struct inspection inspection = { .out = out, .whole = true };
	struct stat info;

	if (stat(path, &info) < 0) {
		buffer_printf(out, "! %s: there is no such file\n", path);
		return false;
	}
	inspection.store = store_open(path, STORE_READER, why, sizeof why);
	buffer_printf(out, "%s: %lld bytes\n", path, (long long)info.st_size);
	if (!inspection.store) {
		buffer_printf(out, "! %s\n", why);
		put_carved(path, out);
		return false;
	}
	each_row(&inspection,
		"SELECT user_version, page_count, page_size, freelist_count FROM"
		" pragma_user_version, pragma_page_count, pragma_page_size,"
		" pragma_freelist_count",
		put_file);
	each_row(&inspection,
		"SELECT count(*), min(id), max(id), min(time), max(time) FROM report",
		put_reports);
	each_row(&inspection,
		"SELECT station, sensor, count(*) FROM report JOIN source"
		" ON source.id = source GROUP BY source ORDER BY station, sensor",
		put_source);
	each_row(&inspection,
		"SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT IN"
		" ('report', 'ballast') AND name NOT LIKE 'sqlite%' ORDER BY name",
		count_table);
	each_row(&inspection, "SELECT output, report FROM cursor ORDER BY output",
		put_cursor);
	each_row(&inspection,
		"SELECT name, value FROM mark WHERE name IN ('lost', 'salvaged',"
		" 'unreadable') AND value > 0",
		put_mark);
	sqlite3_snprintf(
		sizeof problems, problems, "PRAGMA integrity_check(%d)", (int)PROBLEMS);
	each_row(&inspection, problems, put_problem);
	buffer_puts(out,
		inspection.whole ? "the file is whole\n" : "! the file is damaged\n");
	store_close(inspection.store);
	if (!inspection.whole)
		put_carved(path, out);
	return inspection.whole;
}
