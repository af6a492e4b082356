#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/metric.h"
#include "store/aggregates.h"
#include "store/calibrations.h"
#include "store/codec.h"
#include "store/dead_letters.h"
#include "store/directory.h"
#include "store/lanes.h"
#include "store/outbox.h"
#include "store/salvage.h"
#include "store/statement.h"
#include "store/undated.h"

enum {
	PAGE_SIZE = 4096,
	APPLICATION_ID = 0x6d75614d, /* "muaM": file(1) and we know our own */
	SCHEMA_VERSION = 1,
	STATEMENTS_MAX = 128,
	BUSY_MS = 10000,
	HURRIED_MS = 1000,
	BUSY_STEP_MS = 5,
	CHUNK_BYTES = 64 * 1024,
};

struct cached_statement {
	const char *sql;
	sqlite3_stmt *stmt;
};

struct store {
	sqlite3 *db;
	char *path;
	uint64_t damaged;
	int64_t last_id;
	int lock_fd; /* the recorder's: -1 for others */
	bool full;   /* the latest failure came of a full disk */
	atomic_bool hurried;
	int64_t busy_since_ms;
	struct cached_statement statements[STATEMENTS_MAX];
	struct stored_report scanned; /* too large for a thread's stack */
	char error[256];
};

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS mark("
	" name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS metric("
	" id INTEGER PRIMARY KEY, name TEXT NOT NULL, unit TEXT NOT NULL);"
	"CREATE TABLE IF NOT EXISTS source("
	" id INTEGER PRIMARY KEY, station TEXT NOT NULL, sensor TEXT NOT NULL,"
	" UNIQUE(station, sensor));"
	"CREATE TABLE IF NOT EXISTS report("
	" id INTEGER PRIMARY KEY, time INTEGER NOT NULL, source INTEGER NOT NULL,"
	" data BLOB NOT NULL);"
	"CREATE TABLE IF NOT EXISTS state("
	" source INTEGER NOT NULL, kind TEXT NOT NULL, data BLOB NOT NULL,"
	" PRIMARY KEY(source, kind)) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS cursor("
	" output TEXT PRIMARY KEY, report INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS dead_letter("
	" id INTEGER PRIMARY KEY, output TEXT NOT NULL, report INTEGER NOT NULL,"
	" time INTEGER NOT NULL, body TEXT NOT NULL, reason TEXT NOT NULL);"
	/* Empty but for a moment: see store/room.c. */
	"CREATE TABLE IF NOT EXISTS ballast(id INTEGER PRIMARY KEY, data BLOB);";

/* --- statements ------------------------------------------------------- */

static atomic_bool damage_found;
/* Moved aside, and nothing saved of it yet. Only the opening of a store uses it. */
static char moved_aside[PATH_MAX];

static bool is_damage(int code)
{
	code &= 0xff;
	return code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
}

bool store_is_damaged(void)
{
	return damage_found;
}

static int fail(struct store *store, const char *what)
{
	if (is_damage(sqlite3_errcode(store->db)))
		damage_found = true;
	store->full = sqlite3_errcode(store->db) == SQLITE_FULL ||
		sqlite3_system_errno(store->db) == ENOSPC;
	snprintf(store->error, sizeof store->error, "%s: %s: %s", store->path, what,
		sqlite3_errmsg(store->db));
	return -1;
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
		if (sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT,
			    &cached->stmt, NULL) != SQLITE_OK) {
			fail(store, "prepare");
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
		result = fail(store, "write");
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

static int exec(struct store *store, const char *sql, const char *what)
{
	if (sqlite3_exec(store->db, sql, NULL, NULL, NULL) == SQLITE_OK)
		return 0;
	return fail(store, what);
}

/* --- opening ---------------------------------------------------------- */

static void configure_sqlite(void)
{
	/* One connection per thread: its locks and statistics would only cost. */
	sqlite3_config(SQLITE_CONFIG_MULTITHREAD);
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	sqlite3_initialize();
}

/* The number SQL asks for. False: it cannot be asked. */
static bool ask_int(struct store *store, const char *sql, int *value)
{
	sqlite3_stmt *stmt;

	*value = 0;
	if (sqlite3_prepare_v2(store->db, sql, -1, &stmt, NULL) != SQLITE_OK)
		return false;
	if (sqlite3_step(stmt) == SQLITE_ROW)
		*value = sqlite3_column_int(stmt, 0);
	return sqlite3_finalize(stmt) == SQLITE_OK;
}

static bool one_bit_apart(int a, int b)
{
	unsigned difference = (unsigned)a ^ (unsigned)b;

	return difference != 0 && (difference & (difference - 1)) == 0;
}

static int refuse(struct store *store, bool damaged, const char *why)
{
	if (damaged)
		damage_found = true;
	snprintf(store->error, sizeof store->error, "%s: %s", store->path, why);
	return -1;
}

/*
 * Whose file is it, and of which version? Both stand in the head and, so that one flipped
 * bit there makes no stranger of a store, in a mark as well.
 */
static int check_identity(struct store *store)
{
	int id, version, tables, marked;
	char why[100];

	if (!ask_int(store, "PRAGMA application_id", &id) ||
		!ask_int(store, "PRAGMA user_version", &version) ||
		!ask_int(store, "SELECT count(*) FROM sqlite_master", &tables))
		return fail(store, "open");
	ask_int(store, "SELECT value FROM mark WHERE name='schema'", &marked);
	bool is_marked = marked > 0 && marked <= SCHEMA_VERSION;
	/* Most files of SQLite carry no id: ours is new, or has one. */
	bool is_new = id == 0 && version == 0 && tables == 0;
	if (id != APPLICATION_ID && !is_new)
		return refuse(store, is_marked && one_bit_apart(id, APPLICATION_ID),
			"is not a store of muabui");
	if (version > SCHEMA_VERSION || version < 0) {
		snprintf(why, sizeof why,
			"was written by a newer muabui (version %d, this one knows %d)",
			version, SCHEMA_VERSION);
		return refuse(store, is_marked && one_bit_apart(version, marked), why);
	}
	return 0;
}

static int make_tables(struct store *store)
{
	char identity[128];

	snprintf(identity, sizeof identity,
		"PRAGMA application_id=%d; PRAGMA user_version=%d;"
		"INSERT OR REPLACE INTO mark VALUES('schema', %d)",
		APPLICATION_ID, SCHEMA_VERSION, SCHEMA_VERSION);
	if (exec(store, "BEGIN IMMEDIATE", "begin") < 0)
		return -1;
	if (exec(store, schema, "make tables") < 0 ||
		exec(store, aggregates_schema, "make tables") < 0 ||
		exec(store, outbox_schema, "make tables") < 0 ||
		exec(store, lanes_schema, "make tables") < 0 ||
		exec(store, undated_schema, "make tables") < 0 ||
		exec(store, calibrations_schema, "make tables") < 0 ||
		exec(store, salvage_schema, "make tables") < 0 ||
		exec(store, directory_schema, "make tables") < 0 ||
		exec(store, dead_letters_schema, "make tables") < 0 ||
		exec(store, identity, "make tables") < 0) {
		sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
		return -1;
	}
	/* No kept statement: if this fails, the connection may be given up. */
	return exec(store, "COMMIT", "make tables");
}

/*
 * synchronous=FULL for the recorder alone: its commit is what "stored" means. Others
 * lose at most a cursor's last step in a power cut, and repeat.
 */
static int configure(struct store *store, enum store_role role)
{
	if (role == STORE_CLIENT)
		return exec(store, "PRAGMA synchronous=NORMAL; PRAGMA cache_size=-128",
			"configure");
	if (exec(store,
		    "PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=WAL;"
		    "PRAGMA synchronous=FULL; PRAGMA cache_size=-1024;"
		    "PRAGMA journal_size_limit=4194304",
		    "configure") < 0)
		return -1;
	return make_tables(store);
}

/* Somebody else holds a lock: wait some more? COUNT: how often was waited so far. */
static int wait_for_lock(void *arg, int count)
{
	struct store *store = arg;
	int64_t now_ms = clock_real_ms();

	if (count == 0)
		store->busy_since_ms = now_ms;
	if (now_ms - store->busy_since_ms >= (store->hurried ? HURRIED_MS : BUSY_MS))
		return 0;
	nanosleep(&(struct timespec){ .tv_nsec = BUSY_STEP_MS * 1000000L }, NULL);
	return 1;
}

/*
 * Two recorders on one file would each number reports by themselves. The lock is a file's
 * of its own: closing any descriptor of the store's file would end SQLite's locks on it.
 */
static int take_lock(struct store *store)
{
	char resolved[PATH_MAX], path[PATH_MAX + 8];

	/* By whatever name the file is reached. */
	snprintf(path, sizeof path, "%s.lock",
		realpath(store->path, resolved) ? resolved : store->path);
	store->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (store->lock_fd >= 0 && flock(store->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	snprintf(store->error, sizeof store->error, "%.200s: %s", path,
		errno == EWOULDBLOCK ? "in use by another muabui" : strerror(errno));
	return -1;
}

void store_hurry(struct store *store)
{
	store->hurried = true;
}

void store_reader_address(const char *path, char address[static STORE_ADDRESS_SIZE])
{
	char wal[PATH_MAX + 8];
	size_t used = (size_t)snprintf(address, STORE_ADDRESS_SIZE, "file:");
	struct stat info;

	snprintf(wal, sizeof wal, "%s-wal", path);
	for (; *path && used + 32 < STORE_ADDRESS_SIZE; path++)
		used += (size_t)snprintf(address + used, STORE_ADDRESS_SIZE - used,
			strchr("%?#", *path) ? "%%%02X" : "%c", (unsigned char)*path);
	if (stat(wal, &info) < 0 || info.st_size == 0)
		snprintf(address + used, STORE_ADDRESS_SIZE - used, "?immutable=1");
}

static int open_reader(struct store *store)
{
	char address[STORE_ADDRESS_SIZE];

	store_reader_address(store->path, address);
	return sqlite3_open_v2(
		address, &store->db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL);
}

static int open_connection(struct store *store, enum store_role role)
{
	int chunk = CHUNK_BYTES;
	int flags =
		SQLITE_OPEN_READWRITE | (role == STORE_RECORDER ? SQLITE_OPEN_CREATE : 0);

	int rc = role == STORE_READER
		? open_reader(store)
		: sqlite3_open_v2(store->path, &store->db, flags, NULL);
	if (rc != SQLITE_OK)
		return fail(store, "open");
	sqlite3_extended_result_codes(store->db, 1);
	/* Even the first look may find the file closed by another connection's end. */
	sqlite3_busy_handler(store->db, wait_for_lock, store);
	/* Files grow by whole chunks, of blocks that are taken at once: see store/room.h.
	 */
	sqlite3_file_control(store->db, "main", SQLITE_FCNTL_CHUNK_SIZE, &chunk);
	if (check_identity(store) < 0 ||
		(role != STORE_READER && configure(store, role) < 0))
		return -1;
	store->last_id = -1;
	return 0;
}

void store_move_aside(const char *path)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };
	char from[PATH_MAX], to[PATH_MAX];
	long long now = (long long)clock_wall_ms();

	for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
		snprintf(from, sizeof from, "%s%s", path, suffixes[i]);
		snprintf(to, sizeof to, "%s.damaged-%lld%s", path, now, suffixes[i]);
		if (rename(from, to) < 0 && errno != ENOENT)
			log_error("%s: cannot be moved aside: %s", from, strerror(errno));
	}
	log_error("%s: damaged; kept as %s.damaged-%lld, a new store is begun", path,
		path, now);
	snprintf(moved_aside, sizeof moved_aside, "%s.damaged-%lld", path, now);
	damage_found = false;
}

/*
 * Is it ours, but for what never changes in the head of our files? SQLite says all kinds
 * of things of such a file: of an unknown format, or not to be written.
 */
static bool head_is_garbled(const char *path)
{
	static const uint8_t id[] = { 0x6d, 0x75, 0x61, 0x4d };
	static const struct {
		size_t at, length;
		uint8_t bytes[8];
	} fixed[] = {
		{ 16, 2, { PAGE_SIZE >> 8, PAGE_SIZE & 0xff } },
		{ 18, 6, { 2, 2, 0, 64, 32, 32 } }, /* WAL; no spare bytes; fractions */
		{ 44, 4, { 0, 0, 0, 4 } },          /* the schema's format */
		{ 56, 4, { 0, 0, 0, 1 } },          /* UTF-8 */
	};
	uint8_t head[100] = { 0 };
	int file = open(path, O_RDONLY | O_CLOEXEC);
	bool read = file >= 0 && pread(file, head, sizeof head, 0) == sizeof head;
	bool garbled = false;

	if (file >= 0)
		close(file);
	for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
		garbled |=
			memcmp(head + fixed[i].at, fixed[i].bytes, fixed[i].length) != 0;
	return read && garbled && memcmp(head + 68, id, sizeof id) == 0;
}

struct store *store_open(const char *path, enum store_role role, char *why, size_t size)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct store *store = calloc(1, sizeof *store);

	pthread_once(&once, configure_sqlite);
	if (!store || !(store->path = strdup(path))) {
		snprintf(why, size, "out of memory");
		free(store);
		return NULL;
	}
	store->lock_fd = -1;
	if (role == STORE_RECORDER && take_lock(store) < 0) {
		snprintf(why, size, "%s", store->error);
		store_close(store);
		return NULL;
	}
	int result = open_connection(store, role);
	if (result < 0 && role == STORE_RECORDER &&
		(damage_found || head_is_garbled(path))) {
		sqlite3_close_v2(store->db);
		store_move_aside(path);
		result = open_connection(store, role);
	}
	if (result < 0) {
		snprintf(why, size, "%s", store->error);
		store_close(store);
		return NULL;
	}
	if (role == STORE_RECORDER && *moved_aside) {
		if (salvage_begin(store, moved_aside) < 0)
			log_error("%s: nothing can be saved: %s", moved_aside,
				store->error);
		*moved_aside = '\0';
	}
	return store;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	for (size_t i = 0; i < STATEMENTS_MAX; i++)
		sqlite3_finalize(store->statements[i].stmt);
	sqlite3_close_v2(store->db);
	if (store->lock_fd >= 0)
		close(store->lock_fd);
	free(store->path);
	free(store);
}

const char *store_error(const struct store *store)
{
	return store->error;
}

bool store_is_full(const struct store *store)
{
	return store->full;
}

struct sqlite3 *store_handle(struct store *store)
{
	return store->db;
}

const char *store_path(const struct store *store)
{
	return store->path;
}

int store_exec(struct store *store, const char *sql)
{
	return exec(store, sql, "write");
}

int store_begin(struct store *store)
{
	return statement_run(store, "BEGIN IMMEDIATE", "");
}

int store_join(struct store *store)
{
	return sqlite3_get_autocommit(store->db) ? store_begin(store) : 0;
}

int store_commit(struct store *store)
{
	return statement_run(store, "COMMIT", "");
}

void store_rollback(struct store *store)
{
	store->last_id = -1;
	if (!sqlite3_get_autocommit(store->db))
		statement_run(store, "ROLLBACK", "");
}

/* --- reports ---------------------------------------------------------- */

int store_source(
	struct store *store, const char *station, const char *sensor, int64_t *source)
{
	sqlite3_stmt *stmt =
		statement(store, "SELECT id FROM source WHERE station=?1 AND sensor=?2");

	if (!stmt)
		return -1;
	sqlite3_bind_text(stmt, 1, station, -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 2, sensor, -1, SQLITE_STATIC);
	int rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		*source = sqlite3_column_int64(stmt, 0);
	if (statement_done(store, stmt, rc) < 0)
		return -1;
	if (rc == SQLITE_ROW)
		return 0;
	if (statement_run(store, "INSERT INTO source(station, sensor) VALUES(?1, ?2)",
		    "tt", station, sensor) < 0)
		return -1;
	*source = sqlite3_last_insert_rowid(store->db);
	return 0;
}

/*
 * Ids go on after the last one ever given, even when retention has removed
 * that row: a cursor must never meet an id twice.
 */
static int64_t next_id(struct store *store)
{
	if (store->last_id < 0)
		store->last_id = store_last_id(store);
	return store->last_id + 1;
}

int store_append(struct store *store, int64_t source, int64_t time_ms,
	const uint8_t *packed, size_t length, int64_t *id)
{
	sqlite3_stmt *stmt =
		statement(store, "INSERT INTO report VALUES(?1, ?2, ?3, ?4)");

	if (!stmt)
		return -1;
	int64_t new_id = next_id(store);
	sqlite3_bind_int64(stmt, 1, new_id);
	sqlite3_bind_int64(stmt, 2, time_ms);
	sqlite3_bind_int64(stmt, 3, source);
	sqlite3_bind_blob(stmt, 4, packed, (int)length, SQLITE_STATIC);
	int rc = sqlite3_step(stmt);
	/* No clearing: the next append binds all four again. */
	if (sqlite3_reset(stmt) != SQLITE_OK || rc != SQLITE_DONE)
		return fail(store, "append");
	store->last_id = new_id;
	if (id)
		*id = new_id;
	return 0;
}

static int64_t query_int(struct store *store, const char *sql)
{
	sqlite3_stmt *stmt = statement(store, sql);
	int64_t value = 0;

	if (!stmt)
		return 0;
	int rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		value = sqlite3_column_int64(stmt, 0);
	statement_done(store, stmt, rc);
	return value;
}

int64_t store_last_id(struct store *store)
{
	int64_t last = query_int(store, "SELECT max(id) FROM report");
	int64_t forgotten =
		query_int(store, "SELECT value FROM mark WHERE name='forgotten_id'");

	return last > forgotten ? last : forgotten;
}

static const char *const mark_names[STORE_MARK_COUNT] = {
	[STORE_RING_SEQ] = "ring_seq",
	[STORE_MERGED_ID] = "merged_id",
	[STORE_HOURS_MS] = "hours_ms",
	[STORE_KNOWN_MS] = "known_ms",
	[STORE_LOST] = "lost",
	[STORE_SALVAGED] = "salvaged",
	[STORE_UNREADABLE] = "unreadable",
};

int64_t store_mark(struct store *store, enum store_mark mark)
{
	sqlite3_stmt *stmt = statement(store, "SELECT value FROM mark WHERE name=?1");
	int64_t value = 0;

	if (!stmt)
		return 0;
	sqlite3_bind_text(stmt, 1, mark_names[mark], -1, SQLITE_STATIC);
	int rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		value = sqlite3_column_int64(stmt, 0);
	statement_done(store, stmt, rc);
	return value;
}

int store_set_mark(struct store *store, enum store_mark mark, int64_t value)
{
	return statement_run(store, "INSERT OR REPLACE INTO mark VALUES(?1, ?2)", "ti",
		mark_names[mark], value);
}

static bool take_names(struct report *report, sqlite3_stmt *stmt)
{
	const char *station = (const char *)sqlite3_column_text(stmt, 4);
	const char *sensor = (const char *)sqlite3_column_text(stmt, 5);

	if (!station || !sensor)
		return false;
	snprintf(report->station, sizeof report->station, "%s", station);
	snprintf(report->sensor, sizeof report->sensor, "%s", sensor);
	return true;
}

/* The row STMT stands on, into store->scanned. The names only when the source changes. */
static bool take_row(struct store *store, sqlite3_stmt *stmt)
{
	struct stored_report *stored = &store->scanned;
	const void *data = sqlite3_column_blob(stmt, 3);
	int length = sqlite3_column_bytes(stmt, 3);

	stored->id = sqlite3_column_int64(stmt, 0);
	stored->source = sqlite3_column_int64(stmt, 2);
	stored->report.time_ms = sqlite3_column_int64(stmt, 1);
	stored->report.mono_ms = 0;
	if (data && take_names(&stored->report, stmt) &&
		codec_unpack(&stored->report, data, (size_t)length))
		return true;
	store->damaged++;
	return false;
}

int store_scan(struct store *store, int64_t after, int limit,
	bool (*each)(void *arg, const struct stored_report *stored), void *arg)
{
	sqlite3_stmt *stmt = statement(store,
		"SELECT report.id, time, source, data, station, sensor FROM report"
		" LEFT JOIN source ON source.id = report.source"
		" WHERE report.id > ?1 ORDER BY report.id");
	int64_t before = after, last = -1;
	int count = 0, rc = SQLITE_OK;

	if (!stmt)
		return -1;
	sqlite3_bind_int64(stmt, 1, after);
	/* Damaged rows do not count: fewer than LIMIT means that there are no more. */
	while (count < limit && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		int64_t id = sqlite3_column_int64(stmt, 0);
		/* As this statement sees the file: not before its first step. */
		if (last < 0)
			last = store_last_id(store);
		if (id <= before || id > last) {
			statement_done(store, stmt, SQLITE_OK);
			return refuse(store, true, "an id is out of its order");
		}
		before = id;
		if (!take_row(store, stmt))
			continue;
		count++;
		if (!each(arg, &store->scanned))
			break;
	}
	return statement_done(store, stmt, rc) < 0 ? -1 : count;
}

uint64_t store_damaged(const struct store *store)
{
	return store->damaged;
}

int store_forget(struct store *store, int64_t before_ms, int limit)
{
	sqlite3_stmt *stmt = statement(store,
		"SELECT max(id) FROM"
		" (SELECT id, time FROM report ORDER BY id LIMIT ?2) WHERE time < ?1");
	int64_t last = 0;

	if (!stmt)
		return -1;
	sqlite3_bind_int64(stmt, 1, before_ms);
	sqlite3_bind_int(stmt, 2, limit);
	int rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		last = sqlite3_column_int64(stmt, 0);
	if (statement_done(store, stmt, rc) < 0)
		return -1;
	if (last == 0)
		return 0;
	if (statement_run(store, "DELETE FROM report WHERE id <= ?1 AND time < ?2", "ii",
		    last, before_ms) < 0)
		return -1;
	int count = sqlite3_changes(store->db);
	/* A report out of order may be forgotten after newer ones. */
	if (statement_run(store,
		    "INSERT INTO mark VALUES('forgotten_id', ?1)"
		    " ON CONFLICT DO UPDATE SET value = max(value, excluded.value)",
		    "i", last) < 0)
		return -1;
	return count;
}

int64_t store_size(struct store *store)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };
	int64_t total = 0;

	for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
		char path[PATH_MAX];
		struct stat info;

		snprintf(path, sizeof path, "%s%s", store->path, suffixes[i]);
		if (stat(path, &info) == 0)
			total += info.st_size;
	}
	return total;
}

int store_write_metrics(struct store *store)
{
	for (const struct metric *metric = metric_next(NULL); metric;
		metric = metric_next(metric))
		if (statement_run(store,
			    "INSERT OR REPLACE INTO metric VALUES(?1, ?2, ?3)", "itt",
			    (int64_t)metric->id, metric->name, metric->unit) < 0)
			return -1;
	return 0;
}

/* --- what the recorder knows beyond the reports ------------------------ */

int store_state_set(struct store *store, int64_t source, const char *kind,
	const void *bytes, size_t length)
{
	sqlite3_stmt *stmt =
		statement(store, "INSERT OR REPLACE INTO state VALUES(?1, ?2, ?3)");

	if (!stmt)
		return -1;
	sqlite3_bind_int64(stmt, 1, source);
	sqlite3_bind_text(stmt, 2, kind, -1, SQLITE_STATIC);
	sqlite3_bind_blob(stmt, 3, bytes, (int)length, SQLITE_STATIC);
	return statement_done(store, stmt, sqlite3_step(stmt));
}

int store_state_get(struct store *store, int64_t source, const char *kind,
	void (*take)(void *arg, const void *bytes, size_t length), void *arg)
{
	sqlite3_stmt *stmt =
		statement(store, "SELECT data FROM state WHERE source=?1 AND kind=?2");

	if (!stmt)
		return -1;
	sqlite3_bind_int64(stmt, 1, source);
	sqlite3_bind_text(stmt, 2, kind, -1, SQLITE_STATIC);
	int rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		take(arg, sqlite3_column_blob(stmt, 0),
			(size_t)sqlite3_column_bytes(stmt, 0));
	return statement_done(store, stmt, rc);
}

int store_state_sources(struct store *store, const char *kind,
	void (*each)(void *arg, const char *station, const char *sensor), void *arg)
{
	sqlite3_stmt *stmt = statement(store,
		"SELECT station, sensor FROM state JOIN source ON source.id = state.source"
		" WHERE kind = ?1");
	int rc;

	if (!stmt)
		return -1;
	sqlite3_bind_text(stmt, 1, kind, -1, SQLITE_STATIC);
	while ((rc = sqlite3_step(stmt)) == SQLITE_ROW)
		each(arg, (const char *)sqlite3_column_text(stmt, 0),
			(const char *)sqlite3_column_text(stmt, 1));
	return statement_done(store, stmt, rc);
}

/* --- cursors and dead letters ----------------------------------------- */

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

int64_t store_cursor_lowest(struct store *store)
{
	return query_int(
		store, "SELECT coalesce(min(report), 9223372036854775807) FROM cursor");
}

int store_dead_letter(struct store *store, const char *name, int64_t id, const char *body,
	const char *reason)
{
	return statement_run(store,
		"INSERT INTO dead_letter(output, report, time, body, reason)"
		" VALUES(?1, ?2, ?3, ?4, ?5)",
		"tiitt", name, id, clock_wall_ms(), body, reason);
}

int64_t store_dead_letter_count(struct store *store, const char *name)
{
	sqlite3_stmt *stmt =
		statement(store, "SELECT count(*) FROM dead_letter WHERE output=?1");
	int64_t count = 0;

	if (!stmt)
		return 0;
	sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
	int rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		count = sqlite3_column_int64(stmt, 0);
	statement_done(store, stmt, rc);
	return count;
}
