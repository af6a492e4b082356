#include "store/refuge.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log.h"
#include "store/codec.h"
#include "store/reports.h"
#include "store/state.h"
#include "store/statement.h"
#include "store/tables.h"

/* Above every id that a store which cannot be read to its end may have given. */
static const int64_t unread_ids = INT64_C(1) << 32;

/* --- the disk at home ------------------------------------------------------- */

static bool is_trouble(int error)
{
	return error == ENOSPC || error == EDQUOT || error == EROFS || error == EIO;
}

static int try_file(const char *path, int64_t bytes)
{
	char byte = 0;
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	int error = fd < 0 ? errno : posix_fallocate(fd, 0, bytes);

	/* Not every file system can give blocks without a write. */
	if (error == EOPNOTSUPP || error == EINVAL)
		error = pwrite(fd, &byte, 1, bytes - 1) == 1 ? 0 : errno;
	if (error == 0 && (pwrite(fd, &byte, 1, 0) != 1 || fsync(fd) < 0))
		error = errno;
	if (fd >= 0) {
		close(fd);
		unlink(path);
	}
	return error;
}

int refuge_trouble(const char *home, int64_t bytes)
{
	char path[PATH_MAX + 8];

	snprintf(path, sizeof path, "%s.probe", home);
	int error = try_file(path, bytes);
	return is_trouble(error) ? error : 0;
}

/* --- the place of refuge ------------------------------------------------------ */

/* A folder that nobody else can put anything into. */
static bool is_ours(const char *folder)
{
	struct stat info;

	return lstat(folder, &info) == 0 && S_ISDIR(info.st_mode) &&
		info.st_uid == geteuid() && (info.st_mode & 022) == 0;
}

static bool find_folder(char folder[static PATH_MAX])
{
	const char *runtime = getenv("RUNTIME_DIRECTORY");

	if (runtime && *runtime == '/' && !strchr(runtime, ':')) {
		snprintf(folder, PATH_MAX, "%s", runtime);
		return is_ours(folder);
	}
	snprintf(folder, PATH_MAX, "/dev/shm/muabui-%u", (unsigned)geteuid());
	if (mkdir(folder, 0700) < 0 && errno != EEXIST)
		return false;
	return is_ours(folder);
}

bool refuge_path(const char *home, char path[static PATH_MAX])
{
	char folder[PATH_MAX], resolved[PATH_MAX];

	if (!realpath(home, resolved))
		snprintf(resolved, sizeof resolved, "%s", home);
	if (!find_folder(folder))
		return false;
	return snprintf(path, PATH_MAX, "%s/refuge-%016" PRIx64 ".db", folder,
		       codec_hash(0, resolved, strlen(resolved))) < PATH_MAX;
}

bool refuge_is_used(const char *path)
{
	return access(path, F_OK) == 0;
}

/* --- moving ----------------------------------------------------------------------- */

static bool exists(const char *path, const char *suffix)
{
	char name[PATH_MAX + 8];
	struct stat info;

	snprintf(name, sizeof name, "%s%s", path, suffix);
	return stat(name, &info) == 0 && info.st_size > 0;
}

/*
 * A log beside the file cannot be read where nothing can be written: then the file alone
 * is, which is older. *WHOLE: all of it can be read.
 */
static sqlite3 *open_home(const char *home, bool *whole)
{
	sqlite3 *from = tables_open(home);
	char *address;

	*whole = from || !exists(home, "");
	if (from || *whole || !(address = sqlite3_mprintf("file:%s?immutable=1", home)))
		return from;
	if (sqlite3_open_v2(address, &from, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI,
		    NULL) != SQLITE_OK) {
		sqlite3_close(from);
		from = NULL;
	}
	sqlite3_free(address);
	return from;
}

static int set_mark(struct store *store, const char *name, int64_t value)
{
	return statement_run(
		store, "INSERT OR REPLACE INTO mark VALUES(?1, ?2)", "ti", name, value);
}

static int begin_there(struct store *away, sqlite3 *from, bool whole)
{
	int64_t top = tables_top(from) + (whole ? 0 : unread_ids);
	int64_t key = clock_real_ms();

	if (getrandom(&key, sizeof key, 0) == sizeof key)
		key = key >> 1 & INT64_MAX;
	if (tables_copy_small(away, from) < 0 ||
		store_exec(away, "DELETE FROM salvage") < 0 ||
		store_set_mark(away, STORE_MERGED_ID, top) < 0 ||
		set_mark(away, "forgotten_id", top) < 0 ||
		set_mark(away, "refuge_whole", whole) < 0)
		return -1;
	return set_mark(away, "refuge", key);
}

int refuge_enter(struct store *away, const char *home)
{
	bool whole;
	sqlite3 *from = open_home(home, &whole);
	int result = -1;

	if (store_begin(away) == 0 && begin_there(away, from, whole) == 0)
		result = store_commit(away);
	if (result < 0)
		store_rollback(away);
	sqlite3_close(from);
	return result;
}

bool refuge_is_entered(struct store *away)
{
	return tables_ask(store_handle(away),
		       "SELECT value FROM mark WHERE name='refuge'") != 0;
}

/*
 * What stands in a table at home is what was taken along; where that could not be read,
 * it is newer here. But for the places of outputs, who get what came in meanwhile once
 * more, behind all that waited at home; and for the sources' states, which go with the
 * minutes and are counted again. Undated reports come by bring_reports().
 */
static int bring_tables(struct store *home, sqlite3 *from)
{
	bool whole = tables_ask(from, "SELECT value FROM mark WHERE name='refuge_whole'");
	sqlite3_stmt *tables = tables_prepare(from,
		"SELECT name FROM sqlite_master WHERE type='table' AND name NOT IN"
		" ('report', 'minute', 'hour', 'metric', 'mark', 'ballast', 'state',"
		"  'salvage', 'source', 'cursor', 'lane') AND name NOT LIKE 'sqlite%'");
	int result = tables ? 0 : -1;

	while (result == 0 && sqlite3_step(tables) == SQLITE_ROW) {
		const char *table = (const char *)sqlite3_column_text(tables, 0);
		char *empty = sqlite3_mprintf("DELETE FROM \"%w\"", table);

		if (whole && (!empty || store_exec(home, empty) < 0))
			result = -1;
		sqlite3_free(empty);
		if (result == 0 && strcmp(table, "undated") != 0)
			result = tables_copy(home, from, table);
	}
	sqlite3_finalize(tables);
	return result;
}

/*
 * Rows that speak of a source, whose number at home need not be the same: SELECT gives
 * its station and sensor, then what INSERT takes behind the number.
 */
static int bring_rows(
	struct store *home, sqlite3 *from, const char *select, const char *insert)
{
	sqlite3_stmt *read = tables_prepare(from, select);
	int rc = SQLITE_DONE, result = read ? 0 : -1;

	while (result == 0 && (rc = sqlite3_step(read)) == SQLITE_ROW) {
		sqlite3_stmt *write = statement(home, insert);
		int64_t source;

		if (!write ||
			store_source(home, (const char *)sqlite3_column_text(read, 0),
				(const char *)sqlite3_column_text(read, 1),
				&source) < 0) {
			result = -1;
			break;
		}
		sqlite3_bind_int64(write, 1, source);
		for (int i = 2; i < sqlite3_column_count(read); i++)
			sqlite3_bind_value(write, i, sqlite3_column_value(read, i));
		result = statement_done(home, write, sqlite3_step(write));
	}
	sqlite3_finalize(read);
	return rc == SQLITE_DONE ? result : -1;
}

static int bring_reports(struct store *home, sqlite3 *from)
{
	if (bring_rows(home, from,
		    "SELECT station, sensor, report.id, time, data FROM report"
		    " JOIN source ON source.id = report.source ORDER BY report.id",
		    "INSERT OR IGNORE INTO report(source, id, time, data)"
		    " VALUES(?1, ?2, ?3, ?4)") < 0)
		return -1;
	return bring_rows(home, from,
		"SELECT station, sensor, boot, mono, data, last_id FROM undated"
		" JOIN source ON source.id = undated.source ORDER BY undated.id",
		"INSERT INTO undated(source, boot, mono, data, last_id)"
		" VALUES(?1, ?2, ?3, ?4, ?5)");
}

static int bring(struct store *home, sqlite3 *from, int64_t key)
{
	int64_t top = tables_ask(from, "SELECT max(id) FROM report");

	if (bring_tables(home, from) < 0 || bring_reports(home, from) < 0 ||
		set_mark(home, "refuge", key) < 0)
		return -1;
	/* Ids go on after the last one given, even where its report is gone. */
	return statement_run(home,
		"INSERT INTO mark VALUES('forgotten_id', ?1)"
		" ON CONFLICT DO UPDATE SET value = max(value, excluded.value)",
		"i", top);
}

static void remove_store(const char *path)
{
	static const char *const suffixes[] = { "", "-wal", "-shm", ".ring", ".lock" };

	for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
		char name[PATH_MAX + 8];

		snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
		unlink(name);
	}
}

int refuge_leave(struct store *home, const char *path, int64_t *reports)
{
	sqlite3 *from = tables_open(path);
	int64_t key = tables_ask(from, "SELECT value FROM mark WHERE name='refuge'");
	int64_t brought = tables_ask(
		store_handle(home), "SELECT value FROM mark WHERE name='refuge'");
	int result = 0;

	*reports = tables_ask(from, "SELECT count(*) FROM report");
	if (from && key != 0 && key != brought) {
		result = store_begin(home) == 0 && bring(home, from, key) == 0
			? store_commit(home)
			: -1;
		if (result < 0)
			store_rollback(home);
	}
	sqlite3_close(from);
	if (result == 0)
		remove_store(path);
	return result;
}
