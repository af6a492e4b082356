#include "store/salvage.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/metric.h"
#include "store/carve.h"
#include "store/codec.h"
#include "store/reports.h"
#include "store/state.h"
#include "store/statement.h"
#include "store/tables.h"

enum {
	PAGE = 4096, /* of our files; SQLite's default, and never another */
	FIRST_HEADER = 100,
	WAL_HEADER = 32,
	FRAME_HEADER = 24,
	STEP_PAGES = 64,
	SOURCE_PAGES = 512, /* of which little is taken */
	STEP_ROWS = 5000,   /* of minutes or hours */
	STEP_SERIES = 50,   /* that cannot be read */
	SOURCES_MAX = 1 << 16,
	AGGREGATE_COLUMNS = 7,
};

const char salvage_schema[] = "CREATE TABLE IF NOT EXISTS salvage("
			      " id INTEGER PRIMARY KEY, path TEXT NOT NULL,"
			      " top INTEGER NOT NULL,"
			      " position INTEGER NOT NULL DEFAULT 0,"
			      " saved INTEGER NOT NULL DEFAULT 0);";

enum phase { PHASE_SOURCES, PHASE_REPORTS, PHASE_AGGREGATES };

struct salvage {
	struct store *store;
	sqlite3 *old; /* NULL where it cannot be opened */
	int file, wal;
	int64_t id; /* of the row in the table */
	int64_t file_pages, wal_pages;
	int64_t source_position; /* pages looked through for sources */
	int64_t position;        /* pages of the file, then of the WAL, done */
	int64_t saved;
	int64_t top; /* the newest id of the old file */
	enum phase phase;
	bool failed;
	bool whole_sources; /* they came with their ids, by SQL */
	/* Number of the old file → of the new one; 0: not known. */
	int64_t *sources;
	char path[512];
	/* Where the aggregates stand. */
	int table;
	int64_t at_source, at_metric, at_end;
};

/* --- beginning ------------------------------------------------------------ */

/* Marks that go on; those of minutes and hours begin anew with what is saved. */
static int copy_marks(struct store *store, sqlite3 *old, int64_t top)
{
	if (store_set_mark(store, STORE_RING_SEQ,
		    tables_ask(old, "SELECT value FROM mark WHERE name='ring_seq'")) <
			0 ||
		store_set_mark(store, STORE_LOST,
			tables_ask(old, "SELECT value FROM mark WHERE name='lost'")) <
			0 ||
		store_set_mark(store, STORE_SALVAGED,
			tables_ask(old, "SELECT value FROM mark WHERE name='salvaged'")) <
			0 ||
		store_set_mark(store, STORE_UNREADABLE,
			tables_ask(old,
				"SELECT value FROM mark WHERE name='unreadable'")) < 0 ||
		store_set_mark(store, STORE_MERGED_ID, top) < 0)
		return -1;
	return statement_run(store,
		"INSERT OR REPLACE INTO mark VALUES('forgotten_id', ?1)", "i", top);
}

int salvage_begin(struct store *store, const char *damaged)
{
	sqlite3 *old = tables_open(damaged);
	int64_t top = tables_top(old);
	int result = -1;

	if (store_begin(store) == 0 && tables_copy_small(store, old) == 0 &&
		copy_marks(store, old, top) == 0 &&
		statement_run(store, "INSERT INTO salvage(path, top) VALUES(?1, ?2)",
			"ti", damaged, top) == 0)
		result = store_commit(store);
	if (result < 0)
		store_rollback(store);
	sqlite3_close(old);
	return result;
}

bool salvage_is_pending(struct store *store)
{
	return tables_ask(store_handle(store), "SELECT count(*) FROM salvage") > 0;
}

/* --- resuming ------------------------------------------------------------------------
 */

static int open_file(const char *path, const char *suffix, int64_t header, int64_t unit,
	int64_t *pages)
{
	char name[600];
	struct stat info;

	snprintf(name, sizeof name, "%s%s", path, suffix);
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	*pages = fd >= 0 && fstat(fd, &info) == 0 && info.st_size > header
		? (info.st_size - header) / unit
		: 0;
	return fd;
}

static bool read_row(struct store *store, struct salvage *salvage)
{
	sqlite3_stmt *stmt = tables_prepare(store_handle(store),
		"SELECT id, path, position, saved, top FROM salvage"
		" ORDER BY id DESC LIMIT 1");
	bool found = stmt && sqlite3_step(stmt) == SQLITE_ROW;

	if (found) {
		salvage->id = sqlite3_column_int64(stmt, 0);
		snprintf(salvage->path, sizeof salvage->path, "%s",
			(const char *)sqlite3_column_text(stmt, 1));
		salvage->position = sqlite3_column_int64(stmt, 2);
		salvage->saved = sqlite3_column_int64(stmt, 3);
		salvage->top = sqlite3_column_int64(stmt, 4);
	}
	sqlite3_finalize(stmt);
	return found;
}

struct salvage *salvage_resume(struct store *store)
{
	struct salvage *salvage = calloc(1, sizeof *salvage);

	if (!salvage || !read_row(store, salvage) ||
		!(salvage->sources = calloc(SOURCES_MAX, sizeof *salvage->sources))) {
		free(salvage);
		return NULL;
	}
	salvage->store = store;
	salvage->old = tables_open(salvage->path);
	salvage->file = open_file(salvage->path, "", 0, PAGE, &salvage->file_pages);
	salvage->wal = open_file(salvage->path, "-wal", WAL_HEADER, FRAME_HEADER + PAGE,
		&salvage->wal_pages);
	return salvage;
}

void salvage_close(struct salvage *salvage)
{
	if (!salvage)
		return;
	sqlite3_close(salvage->old);
	/* After SQLite's own: these closes would end its locks. */
	if (salvage->file >= 0)
		close(salvage->file);
	if (salvage->wal >= 0)
		close(salvage->wal);
	free(salvage->sources);
	free(salvage);
}

/* --- pages
 * ------------------------------------------------------------------------------ */

static void each_page(struct salvage *salvage, int64_t from, int64_t to,
	void (*each)(void *arg, const struct carve_row *row))
{
	uint8_t page[PAGE];

	for (int64_t i = from; i < to && !salvage->failed; i++) {
		bool in_wal = i >= salvage->file_pages;
		int64_t frame = i - salvage->file_pages;
		off_t at = in_wal
			? WAL_HEADER + frame * (FRAME_HEADER + PAGE) + FRAME_HEADER
			: i * PAGE;
		/* What the disk refuses is passed over like what it garbles. */
		if (pread(in_wal ? salvage->wal : salvage->file, page, PAGE, at) == PAGE)
			carve_page(page, PAGE, i == 0 ? FIRST_HEADER : 0, each, salvage);
	}
}

static bool take_name(const struct carve_value *value, char name[static NAME_SIZE])
{
	if (value->type != CARVE_TEXT || value->length >= NAME_SIZE ||
		!name_is_valid((const char *)value->bytes, value->length))
		return false;
	memcpy(name, value->bytes, value->length);
	name[value->length] = '\0';
	return true;
}

static void know_source(
	struct salvage *salvage, int64_t number, const char *station, const char *sensor)
{
	if (number <= 0 || number >= SOURCES_MAX || salvage->sources[number])
		return;
	if (store_source(salvage->store, station, sensor, &salvage->sources[number]) < 0)
		salvage->failed = true;
}

static void take_source(void *arg, const struct carve_row *row)
{
	char station[NAME_SIZE], sensor[NAME_SIZE];

	/* A metric's row looks alike. */
	if (row->count == 3 && row->values[0].type == CARVE_NULL &&
		take_name(&row->values[1], station) &&
		take_name(&row->values[2], sensor) && !metric_find(station))
		know_source(arg, row->rowid, station, sensor);
}

static void take_report(void *arg, const struct carve_row *row)
{
	struct salvage *salvage = arg;
	const struct carve_value *values = row->values;
	struct report report;
	sqlite3_stmt *stmt = statement(
		salvage->store, "INSERT OR IGNORE INTO report VALUES(?1, ?2, ?3, ?4)");

	report_init(&report);
	if (row->count != 4 || row->rowid <= 0 || values[0].type != CARVE_NULL ||
		values[1].type != CARVE_INTEGER || values[2].type != CARVE_INTEGER ||
		values[3].type != CARVE_BLOB || values[2].integer <= 0 ||
		values[2].integer >= SOURCES_MAX ||
		!salvage->sources[values[2].integer] ||
		!codec_unpack(&report, values[3].bytes, values[3].length) ||
		report.count == 0)
		return;
	if (!stmt) {
		salvage->failed = true;
		return;
	}
	sqlite3_bind_int64(stmt, 1, row->rowid);
	sqlite3_bind_int64(stmt, 2, values[1].integer);
	sqlite3_bind_int64(stmt, 3, salvage->sources[values[2].integer]);
	sqlite3_bind_blob(stmt, 4, values[3].bytes, (int)values[3].length, SQLITE_STATIC);
	if (statement_done(salvage->store, stmt, sqlite3_step(stmt)) < 0)
		salvage->failed = true;
	salvage->saved += sqlite3_changes(store_handle(salvage->store));
}

/* --- steps
 * -------------------------------------------------------------------------------- */

/* By SQL; false where the table cannot be read to its end. */
static bool learn_sources(struct salvage *salvage)
{
	sqlite3_stmt *stmt = tables_prepare(
		salvage->old, "SELECT id, station, sensor FROM source ORDER BY id");
	int rc = SQLITE_ERROR;

	while (stmt && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		const char *station = (const char *)sqlite3_column_text(stmt, 1);
		const char *sensor = (const char *)sqlite3_column_text(stmt, 2);
		if (station && sensor && name_is_valid(station, strlen(station)) &&
			name_is_valid(sensor, strlen(sensor)))
			know_source(
				salvage, sqlite3_column_int64(stmt, 0), station, sensor);
	}
	sqlite3_finalize(stmt);
	salvage->whole_sources = rc == SQLITE_DONE;
	return salvage->whole_sources;
}

/* Without SQL, from all pages. */
static bool step_sources(struct salvage *salvage)
{
	int64_t all = salvage->file_pages + salvage->wal_pages;
	int64_t from = salvage->source_position;

	if (from > 0 || !learn_sources(salvage)) {
		salvage->source_position =
			from + SOURCE_PAGES < all ? from + SOURCE_PAGES : all;
		each_page(salvage, from, salvage->source_position, take_source);
		return salvage->source_position < all;
	}
	return false;
}

static bool step_reports(struct salvage *salvage)
{
	int64_t all = salvage->file_pages + salvage->wal_pages;
	int64_t to = salvage->position + STEP_PAGES < all ? salvage->position + STEP_PAGES
							  : all;

	each_page(salvage, salvage->position, to, take_report);
	salvage->position = to;
	if (statement_run(salvage->store,
		    "UPDATE salvage SET position=?2, saved=?3 WHERE id=?1", "iii",
		    salvage->id, to, salvage->saved) < 0)
		salvage->failed = true;
	return to < all;
}

/* Rows of TABLE from where it stands on; -1: a place that cannot be read. */
static int copy_aggregates(struct salvage *salvage, const char *table)
{
	char sql[256];
	int rows = 0, rc = SQLITE_ERROR;

	snprintf(sql, sizeof sql,
		"SELECT * FROM %s WHERE (source, metric, end) > (%lld, %lld, %lld)"
		" ORDER BY source, metric, end LIMIT %d",
		table, (long long)salvage->at_source, (long long)salvage->at_metric,
		(long long)salvage->at_end, (int)STEP_ROWS);
	sqlite3_stmt *read = tables_prepare(salvage->old, sql);
	snprintf(sql, sizeof sql, "INSERT OR IGNORE INTO %s VALUES(?, ?, ?, ?, ?, ?, ?)",
		table);
	sqlite3_stmt *write = tables_prepare(store_handle(salvage->store), sql);
	while (read && write && (rc = sqlite3_step(read)) == SQLITE_ROW) {
		salvage->at_source = sqlite3_column_int64(read, 0);
		salvage->at_metric = sqlite3_column_int64(read, 1);
		salvage->at_end = sqlite3_column_int64(read, 2);
		for (int i = 0; i < AGGREGATE_COLUMNS; i++)
			sqlite3_bind_value(write, i + 1, sqlite3_column_value(read, i));
		rc = sqlite3_step(write);
		salvage->failed |=
			(rc & 0xff) == SQLITE_FULL || (rc & 0xff) == SQLITE_IOERR;
		sqlite3_reset(write);
		rows++;
	}
	sqlite3_finalize(read);
	sqlite3_finalize(write);
	return rc == SQLITE_DONE ? rows : -1;
}

/* Past a place that cannot be read: to the next metric, after the last to the next
 * source. */
static bool skip_series(struct salvage *salvage)
{
	salvage->at_end = INT64_MAX;
	if (++salvage->at_metric >= METRIC_BUILTIN_END) {
		salvage->at_metric = 0;
		salvage->at_source++;
	}
	return salvage->at_source < SOURCES_MAX &&
		salvage->at_source <=
		tables_ask(salvage->old, "SELECT max(id) FROM source");
}

/*
 * A portion of minutes, then of hours. They go by the sources' numbers, so only where
 * these are known for sure.
 */
static bool step_aggregates(struct salvage *salvage)
{
	static const char *const tables[] = { "minute", "hour" };
	int rows = 0;

	if (!salvage->whole_sources)
		return false;
	for (int i = 0; i < STEP_SERIES && !salvage->failed; i++) {
		rows = copy_aggregates(salvage, tables[salvage->table]);
		if (rows >= 0 || !skip_series(salvage))
			break;
	}
	if (rows < 0 && salvage->at_source < SOURCES_MAX && !salvage->failed &&
		salvage->at_source <=
			tables_ask(salvage->old, "SELECT max(id) FROM source"))
		return true;
	if (rows == STEP_ROWS)
		return true;
	salvage->at_source = salvage->at_metric = salvage->at_end = 0;
	return ++salvage->table < 2;
}

/* Ids have no gaps: how many are not there between the oldest and the newest that was. */
static int64_t count_missing(struct salvage *salvage)
{
	struct sqlite3 *db = store_handle(salvage->store);
	char sql[100];

	snprintf(sql, sizeof sql, "SELECT max(id) FROM report WHERE id <= %lld",
		(long long)salvage->top);
	int64_t found = tables_ask(db, sql),
		oldest = tables_ask(db, "SELECT min(id) FROM report");
	int64_t newest = tables_ask(salvage->old, "SELECT max(id) FROM report");
	if (newest < found || newest > salvage->top)
		newest = found;
	return salvage->saved > 0 && newest - oldest + 1 > salvage->saved
		? newest - oldest + 1 - salvage->saved
		: 0;
}

static void finish(struct salvage *salvage, struct salvage_result *result)
{
	struct store *store = salvage->store;

	*result = (struct salvage_result){
		.saved = salvage->saved,
		.lost = count_missing(salvage),
	};
	snprintf(result->path, sizeof result->path, "%s", salvage->path);
	if (store_set_mark(store, STORE_SALVAGED,
		    store_mark(store, STORE_SALVAGED) + result->saved) < 0 ||
		store_set_mark(store, STORE_UNREADABLE,
			store_mark(store, STORE_UNREADABLE) + result->lost) < 0 ||
		statement_run(
			store, "DELETE FROM salvage WHERE id=?1", "i", salvage->id) < 0)
		salvage->failed = true;
}

/* As it was before a step that failed: numbers given in it are not. */
static void begin_anew(struct salvage *salvage, int64_t position, int64_t saved)
{
	store_rollback(salvage->store);
	salvage->position = position;
	salvage->saved = saved;
	memset(salvage->sources, 0, SOURCES_MAX * sizeof *salvage->sources);
	salvage->phase = PHASE_SOURCES;
	salvage->source_position = 0;
	salvage->table = 0;
	salvage->at_source = salvage->at_metric = salvage->at_end = 0;
}

static bool step(struct salvage *salvage)
{
	switch (salvage->phase) {
	case PHASE_SOURCES:
		return step_sources(salvage);
	case PHASE_REPORTS:
		return step_reports(salvage);
	default:
		return step_aggregates(salvage);
	}
}

int salvage_step(struct salvage *salvage, struct salvage_result *result)
{
	int64_t position = salvage->position, saved = salvage->saved;

	salvage->failed = store_begin(salvage->store) < 0;
	bool more = salvage->failed || step(salvage);
	bool done = !more && salvage->phase == PHASE_AGGREGATES;
	if (done && !salvage->failed)
		finish(salvage, result);
	if (salvage->failed || (!done && store_commit(salvage->store) < 0)) {
		begin_anew(salvage, position, saved);
		return -1;
	}
	if (!more && !done)
		salvage->phase++;
	return !done;
}
