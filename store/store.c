#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log.h"
#include "store/aggregates.h"
#include "store/alert_groups.h"
#include "store/calibrations.h"
#include "store/connection.h"
#include "store/dead_letters.h"
#include "store/decisions.h"
#include "store/delivery_log.h"
#include "store/directory.h"
#include "store/episodes.h"
#include "store/fanout.h"
#include "store/lanes.h"
#include "store/outages.h"
#include "store/outbox.h"
#include "store/salvage.h"
#include "store/statement.h"
#include "store/subscriptions.h"
#include "store/undated.h"

enum {
	PAGE_SIZE = 4096,
	APPLICATION_ID = 0x6d75614d, /* "muaM": file(1) and we know our own */
	SCHEMA_VERSION = 1,
	BUSY_MS = 10000,
	HURRIED_MS = 1000,
	BUSY_STEP_MS = 5,
	CHUNK_BYTES = 64 * 1024,
	DAMAGED_MAX = 8, /* stores moved aside that are kept */
};

/* The files of a store. */
static const char *const suffixes[] = { "", "-wal", "-shm" };

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

/* Moved aside, and nothing saved of it yet. Only the opening of a store uses it. */
static char moved_aside[PATH_MAX];

static int exec(struct store *store, const char *sql, const char *what)
{
	if (sqlite3_exec(store->db, sql, NULL, NULL, NULL) == SQLITE_OK)
		return 0;
	return connection_fail(store, what);
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
		return connection_fail(store, "open");
	ask_int(store, "SELECT value FROM mark WHERE name='schema'", &marked);
	bool is_marked = marked > 0 && marked <= SCHEMA_VERSION;
	/* Most files of SQLite carry no id: ours is new, or has one. */
	bool is_new = id == 0 && version == 0 && tables == 0;
	if (id != APPLICATION_ID && !is_new)
		return connection_refuse(store,
			is_marked && one_bit_apart(id, APPLICATION_ID),
			"is not a store of muabui");
	if (version > SCHEMA_VERSION || version < 0) {
		snprintf(why, sizeof why,
			"was written by a newer muabui (version %d, this one knows %d)",
			version, SCHEMA_VERSION);
		return connection_refuse(
			store, is_marked && one_bit_apart(version, marked), why);
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
		exec(store, delivery_log_schema, "make tables") < 0 ||
		exec(store, episodes_schema, "make tables") < 0 ||
		exec(store, outages_schema, "make tables") < 0 ||
		exec(store, lanes_schema, "make tables") < 0 ||
		exec(store, undated_schema, "make tables") < 0 ||
		exec(store, calibrations_schema, "make tables") < 0 ||
		exec(store, salvage_schema, "make tables") < 0 ||
		exec(store, directory_schema, "make tables") < 0 ||
		exec(store, decisions_schema, "make tables") < 0 ||
		exec(store, alert_groups_schema, "make tables") < 0 ||
		exec(store, dead_letters_schema, "make tables") < 0 ||
		exec(store, subscriptions_schema, "make tables") < 0 ||
		exec(store, fanout_schema, "make tables") < 0 ||
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
		return connection_fail(store, "open");
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

/*
 * A disk that damages one store after the other must not be filled with them: the newest
 * stay.
 */
static void remove_oldest(const char *path)
{
	char pattern[PATH_MAX], name[PATH_MAX];
	glob_t found = { .gl_pathc = 0 };

	/* Ended by digits: not their -wal and -shm. All have the time in as many. */
	snprintf(pattern, sizeof pattern, "%s.damaged-*[0-9]", path);
	if (glob(pattern, 0, NULL, &found) == 0) {
		for (size_t i = 0; i + DAMAGED_MAX < found.gl_pathc; i++) {
			log_error("%s: removed: %d newer damaged stores are kept",
				found.gl_pathv[i], DAMAGED_MAX);
			for (size_t k = 0; k < sizeof suffixes / sizeof *suffixes; k++) {
				snprintf(name, sizeof name, "%s%s", found.gl_pathv[i],
					suffixes[k]);
				unlink(name);
			}
		}
	}
	globfree(&found);
}

void store_move_aside(const char *path)
{
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
	remove_oldest(path);
	connection_heal();
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
	store->foreign = role == STORE_READER;
	if (role == STORE_RECORDER && take_lock(store) < 0) {
		snprintf(why, size, "%s", store->error);
		store_close(store);
		return NULL;
	}
	int result = open_connection(store, role);
	if (result < 0 && role == STORE_RECORDER &&
		(store_is_damaged() || head_is_garbled(path))) {
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

int64_t store_size(struct store *store)
{
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
