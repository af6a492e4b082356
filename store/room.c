#include "store/room.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/metric.h"
#include "store/reports.h"
#include "store/state.h"
#include "store/statement.h"

enum {
	PAGE = 4096,
	WAL_BYTES = 4 << 20,
	WAL_BYTES_MIN = 256 << 10,
	WAL_SHARE = 8,       /* of what is free, at most one part of so many */
	STEP_PAGES = 256,    /* the file's growth: 1 MiB */
	STEP_PAGES_MIN = 16, /* where the disk is nearly full */
	STEP_PAGES_MAX = 16384,
	LOW_PAGES = STEP_PAGES / 2,  /* fewer are free: grow */
	HIGH_PAGES = STEP_PAGES * 3, /* more are free: give some back */
	GIVE_PAGES = 64,             /* at a time */
	KEEP_ROWS = 50,              /* looked at in a commit, at least */
	KEEP_SHARE = 2,              /* and for each new row */
	RELIEF_ROWS = 2000,          /* removed at once when nothing else helps */
	SPARE_BYTES = 16 << 20,      /* with so much, a disk is not full */
	MINUTES_PORTION_MS = 6 * 3600 * 1000, /* of one series' minutes */
};

/* --- what there is --------------------------------------------------------- */

static int64_t ask(struct room *room, const char *sql)
{
	sqlite3_stmt *stmt = statement(room->store, sql);
	int64_t value = -1;

	if (!stmt)
		return -1;
	int rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		value = sqlite3_column_int64(stmt, 0);
	return statement_done(room->store, stmt, rc) < 0 ? -1 : value;
}

static int64_t page_count(struct room *room)
{
	return ask(room, "PRAGMA page_count");
}

static int64_t free_pages(struct room *room)
{
	return ask(room, "PRAGMA freelist_count");
}

/* Pages of the file that max_bytes allows, the WAL's share left out. */
static int64_t most_pages(const struct room *room)
{
	int64_t bytes = room->limits.max_bytes - WAL_BYTES;

	return bytes > 0 ? bytes / PAGE : 0;
}

/* --- growing ---------------------------------------------------------------- */

/*
 * Blocks for the WAL, so that writing it never fails on a full disk. They lie behind its
 * end (FALLOC_FL_KEEP_SIZE), where SQLite does not look. Check-points come before it is
 * used up.
 */
static void reserve_wal(struct room *room)
{
	char path[PATH_MAX], sql[96];
	struct statvfs disk;
	int64_t bytes = WAL_BYTES;

	snprintf(path, sizeof path, "%s-wal", store_path(room->store));
	if (statvfs(path, &disk) == 0)
		while (bytes > WAL_BYTES_MIN &&
			bytes > (int64_t)(disk.f_bavail * disk.f_frsize) / WAL_SHARE)
			bytes /= 2;
	int fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return;
	if (fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, bytes) < 0)
		log_info("%s: no room could be set aside", path);
	close(fd); /* SQLite holds no lock on this file that the close could end */
	snprintf(sql, sizeof sql,
		"PRAGMA wal_autocheckpoint=%d; PRAGMA journal_size_limit=%d",
		(int)(bytes * 3 / 4 / PAGE), (int)bytes);
	sqlite3_exec(store_handle(room->store), sql, NULL, NULL, NULL);
}

/* Makes PAGES free pages of blocks that are ours already. */
static bool add_pages(struct room *room, int64_t pages)
{
	struct store *store = room->store;
	char limit[64];

	snprintf(limit, sizeof limit, "PRAGMA max_page_count=%lld",
		(long long)(page_count(room) + pages));
	sqlite3_exec(store_handle(store), limit, NULL, NULL, NULL);
	/* Pages that come and go in one transaction are not written, only counted. */
	bool ok = store_begin(store) == 0 &&
		statement_run(store, "INSERT INTO ballast VALUES(1, zeroblob(?1))", "i",
			(pages - 4) * (PAGE - 4)) == 0 &&
		statement_run(store, "DELETE FROM ballast", "") == 0 &&
		store_commit(store) == 0;
	if (!ok)
		store_rollback(store);
	/* From here on not a page more. */
	snprintf(limit, sizeof limit, "PRAGMA max_page_count=%lld",
		(long long)page_count(room));
	sqlite3_exec(store_handle(store), limit, NULL, NULL, NULL);
	return ok;
}

/*
 * Takes the blocks from the file system. Where that fails and yet there is room, it is a
 * file system that cannot do so, and the file grows without.
 */
static bool take_blocks(struct room *room, int64_t pages)
{
	sqlite3_int64 size = pages * PAGE;
	struct statvfs disk;
	int rc = sqlite3_file_control(
		store_handle(room->store), "main", SQLITE_FCNTL_SIZE_HINT, &size);

	if (rc == SQLITE_OK)
		return true;
	return rc != SQLITE_FULL && statvfs(store_path(room->store), &disk) == 0 &&
		(int64_t)(disk.f_bavail * disk.f_frsize) > SPARE_BYTES;
}

enum growth {
	GROWTH_DONE,
	GROWTH_NO_ROOM,
	GROWTH_FAILED, /* for another reason: somebody holds the file, the disk fails */
};

static enum growth grow_by(struct room *room, int64_t pages)
{
	int64_t count = page_count(room);

	if (count < 0)
		return GROWTH_FAILED;
	if (count + pages > most_pages(room) || !take_blocks(room, count + pages))
		return GROWTH_NO_ROOM;
	if (add_pages(room, pages))
		return GROWTH_DONE;
	return store_is_full(room->store) ? GROWTH_NO_ROOM : GROWTH_FAILED;
}

/* By as much as there is, up to PAGES. */
static enum growth grow(struct room *room, int64_t pages)
{
	int64_t left = most_pages(room) - page_count(room);
	enum growth growth = GROWTH_NO_ROOM;

	for (pages = pages < left ? pages : left;
		pages >= STEP_PAGES_MIN && growth == GROWTH_NO_ROOM; pages /= 4)
		growth = grow_by(room, pages);
	return growth;
}

/* The transaction in which reports went is committed. */
static void count_forgotten(struct room *room)
{
	room->forgotten += room->forgetting;
	room->lost += room->losing;
	room->forgetting = room->losing = 0;
}

void room_grow(struct room *room)
{
	int64_t pages = free_pages(room);

	count_forgotten(room);
	if (pages < 0 || (pages >= LOW_PAGES && !room->tight))
		return;
	/* Only for want of room do reports go. */
	room->tight = grow(room, STEP_PAGES) == GROWTH_NO_ROOM;
	if (room->tight && !room->tight_said)
		log_warning("%s: no room to grow; the oldest reports make room for new "
			    "ones",
			store_path(room->store));
	else if (!room->tight && room->tight_said)
		log_notice("%s: there is room again", store_path(room->store));
	room->tight_said = room->tight;
}

void room_init(struct room *room, struct store *store, const struct room_limits *limits)
{
	*room = (struct room){
		.store = store,
		.limits = *limits,
		.step_pages = STEP_PAGES,
	};
	reserve_wal(room);
	room_grow(room);
}

/* --- forgetting -------------------------------------------------------------- */

int64_t room_lost(struct store *store)
{
	return store_mark(store, STORE_LOST);
}

/* How many of the next LIMIT older than BEFORE_MS some output has not had; -1. */
static int64_t count_unsent(struct room *room, int64_t before_ms, int limit)
{
	sqlite3_stmt *stmt = statement(room->store,
		"SELECT count(*) FROM (SELECT id, time FROM report ORDER BY id LIMIT ?2) AS r"
		" WHERE time < ?1 AND EXISTS(SELECT 1 FROM cursor AS c WHERE r.id > c.report"
		" AND NOT EXISTS(SELECT 1 FROM lane WHERE lane.output = c.output"
		" AND r.id > first AND r.id <= last))");
	int64_t count = -1;

	if (!stmt)
		return -1;
	sqlite3_bind_int64(stmt, 1, before_ms);
	sqlite3_bind_int(stmt, 2, limit);
	int rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		count = sqlite3_column_int64(stmt, 0);
	return statement_done(room->store, stmt, rc) < 0 ? -1 : count;
}

/*
 * Cursors stand at a report up to which all were had, so what every output has had is
 * the oldest, but for what one that catches up has had ahead of its backlog. How many
 * reports went, or -1.
 */
static int forget(struct room *room, int64_t before_ms, int limit)
{
	int64_t unsent = count_unsent(room, before_ms, limit);

	if (unsent < 0)
		return -1;
	if (unsent > 0 &&
		store_set_mark(room->store, STORE_LOST, room_lost(room->store) + unsent) <
			0)
		return -1;
	int count = store_forget(room->store, before_ms, limit);
	if (count < 0)
		return -1;
	room->forgetting += (uint64_t)count;
	room->losing += (uint64_t)unsent;
	return count;
}

/*
 * Are there any older than BEFORE_MS among the first? Nearly always there are none, and
 * then it is enough to have looked at as many as in a small commit, however large this
 * one is. 0 or 1, or -1.
 */
static int has_old(struct room *room, int64_t before_ms)
{
	sqlite3_stmt *stmt = statement(room->store,
		"SELECT 1 FROM (SELECT time FROM report ORDER BY id LIMIT ?2)"
		" WHERE time < ?1 LIMIT 1");

	if (!stmt)
		return -1;
	sqlite3_bind_int64(stmt, 1, before_ms);
	sqlite3_bind_int(stmt, 2, KEEP_ROWS * KEEP_SHARE);
	int rc = sqlite3_step(stmt);
	return statement_done(room->store, stmt, rc) < 0 ? -1 : rc == SQLITE_ROW;
}

static int forget_old(struct room *room, int64_t before_ms, int portion)
{
	int old = has_old(room, before_ms);

	return old > 0 ? forget(room, before_ms, portion) : old;
}

/* Would the file be too large even if it held no free page? A smaller max_size. */
static bool is_too_large(struct room *room)
{
	return page_count(room) - free_pages(room) > most_pages(room) - LOW_PAGES;
}

int room_keep(struct room *room, int64_t now_ms, int rows)
{
	int portion = rows > KEEP_ROWS ? rows * KEEP_SHARE : KEEP_ROWS * KEEP_SHARE;

	room->forgetting = room->losing = 0;
	/* By an impossible time nothing is too old. */
	if (clock_is_set() &&
		forget_old(room, now_ms - room->limits.keep_raw_ms, portion) < 0)
		return -1;
	if (room->tight && free_pages(room) < LOW_PAGES &&
		forget(room, INT64_MAX, portion) < 0)
		return -1;
	if (is_too_large(room) && forget(room, INT64_MAX, portion) < 0)
		return -1;
	return 0;
}

/* A series' oldest minutes; those of one series lie together. */
static int forget_minutes(struct room *room, int64_t before_ms)
{
	static const char sql[] =
		"DELETE FROM minute WHERE source=?1 AND metric=?2 AND end <= ?3 AND end <="
		" (SELECT min(end) FROM minute WHERE source=?1 AND metric=?2) + ?4";
	const struct metric *metric;

	for (metric = metric_next(NULL); metric; metric = metric_next(metric))
		if (statement_run(room->store, sql, "iiii", room->next_source,
			    (int64_t)metric->id, before_ms,
			    (int64_t)MINUTES_PORTION_MS) < 0)
			return -1;
	return 0;
}

/* The source after the one whose minutes were looked at last; 0: start anew. */
static int64_t next_source(struct room *room)
{
	sqlite3_stmt *stmt =
		statement(room->store, "SELECT min(id) FROM source WHERE id > ?1");
	int64_t next = 0;

	if (!stmt)
		return -1;
	sqlite3_bind_int64(stmt, 1, room->next_source);
	int rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		next = sqlite3_column_int64(stmt, 0);
	return statement_done(room->store, stmt, rc) < 0 ? -1 : next;
}

int room_tidy(struct room *room, int64_t now_ms)
{
	char sql[64];

	room->next_source = next_source(room);
	if (room->next_source < 0)
		return -1;
	if (room->next_source > 0 && clock_is_set() &&
		forget_minutes(room, now_ms - room->limits.keep_minutes_ms) < 0)
		return -1;
	if (free_pages(room) <= HIGH_PAGES)
		return 0;
	snprintf(sql, sizeof sql, "PRAGMA incremental_vacuum(%d)", GIVE_PAGES);
	return store_exec(room->store, sql);
}

bool room_relieve(struct room *room)
{
	struct store *store = room->store;

	room->forgetting = room->losing = 0;
	/* One transaction may need more than a step. */
	if (room->step_pages < STEP_PAGES_MAX)
		room->step_pages *= 4;
	enum growth growth = grow(room, room->step_pages);
	if (growth != GROWTH_NO_ROOM)
		return growth == GROWTH_DONE;
	room->step_pages = STEP_PAGES;
	room->tight = true;
	int count = -1;
	if (store_begin(store) == 0 &&
		(count = forget(room, INT64_MAX, RELIEF_ROWS)) >= 0 &&
		store_commit(store) == 0) {
		count_forgotten(room);
		return count > 0;
	}
	store_rollback(store);
	return false;
}
