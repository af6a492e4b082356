/*
 * A disk that fails, for SQLite: a VFS over the default one. It counts writes and, at the
 * one it is told, is full, fails, writes half, or loses its power; and it remembers what
 * was written and not yet synced, so that a power cut can take any of it.
 *
 * Only one thread may use it.
 */
#ifndef MUABUI_TESTS_FAULT_VFS_H
#define MUABUI_TESTS_FAULT_VFS_H

#include <fcntl.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/chance.h"

enum fault_kind { FAULT_NONE, FAULT_FULL, FAULT_EIO, FAULT_SHORT, FAULT_CRASH };

/* One write (or truncation) that no sync has followed. */
struct fault_write {
	struct fault_write *before;
	char path[160];
	off_t at;
	size_t length;     /* written; 0: a truncation to AT */
	size_t old_length; /* of what was there */
	off_t old_size;    /* of the file */
	uint8_t *bytes;    /* the new ones, then the old ones */
};

static struct fault {
	enum fault_kind kind; /* what happens at the write when LEFT is 0 */
	long left;
	bool full;           /* no file may grow beyond the blocks it has */
	void (*crash)(void); /* FAULT_CRASH: does not return */
	uint64_t writes, syncs, faults;
	struct fault_write *unsynced;
} fault;

struct fault_file {
	sqlite3_file base;
	sqlite3_file *real;
	int fd; /* for looking; never closed, which would end SQLite's locks */
	char path[160];
};

#define REAL(FILE) ((struct fault_file *)(FILE))->real

/* --- what is not synced ---------------------------------------------------------- */

static inline void fault_remember(
	struct fault_file *file, const void *bytes, size_t length, off_t at)
{
	struct fault_write *write = calloc(1, sizeof *write);
	struct stat info = { .st_size = 0 };

	fstat(file->fd, &info);
	snprintf(write->path, sizeof write->path, "%s", file->path);
	write->at = at;
	write->length = length;
	write->old_size = info.st_size;
	size_t span = length;
	if (length == 0 && info.st_size > at)
		span = (size_t)(info.st_size - at);
	write->bytes = malloc(length + span + 1);
	if (length > 0)
		memcpy(write->bytes, bytes, length);
	ssize_t got = pread(file->fd, write->bytes + length, span, at);
	write->old_length = got > 0 ? (size_t)got : 0;
	write->before = fault.unsynced;
	fault.unsynced = write;
}

static inline void fault_forget(const char *path)
{
	struct fault_write **link = &fault.unsynced;

	while (*link) {
		struct fault_write *write = *link;
		if (path && strcmp(write->path, path) != 0) {
			link = &write->before;
			continue;
		}
		*link = write->before;
		free(write->bytes);
		free(write);
	}
}

static inline void fault_redo(
	const struct fault_write *write, struct chance *chance, int odds)
{
	size_t length = write->length;
	int fd;

	if (write->before)
		fault_redo(write->before, chance, odds);
	if ((int)chance_below(chance, 100) >= odds ||
		(fd = open(write->path, O_RDWR)) < 0)
		return;
	/* Now and then a sector's part of it only. */
	if (odds < 100 && length > 512 && chance_below(chance, 8) == 0)
		length = chance_below(chance, length / 512) * 512;
	if (write->length == 0 ? ftruncate(fd, write->at) < 0
			       : pwrite(fd, write->bytes, length, write->at) < 0)
		abort();
	close(fd);
}

/*
 * The power is gone: of what was not synced, ODDS of a hundred is on the disk all the
 * same, in any order. The process must end at once.
 */
static inline void fault_power_cut(struct chance *chance, int odds)
{
	for (const struct fault_write *write = fault.unsynced; write;
		write = write->before) {
		int fd = open(write->path, O_RDWR);
		if (fd < 0)
			continue;
		if (pwrite(fd, write->bytes + write->length, write->old_length,
			    write->at) < 0 ||
			ftruncate(fd, write->old_size) < 0)
			abort();
		close(fd);
	}
	if (fault.unsynced)
		fault_redo(fault.unsynced, chance, odds);
}

/* --- methods ------------------------------------------------------------------------ */

static inline int fault_close(sqlite3_file *file)
{
	int rc = REAL(file)->pMethods->xClose(REAL(file));

	sqlite3_free(REAL(file));
	return rc;
}

static inline int fault_read(
	sqlite3_file *file, void *bytes, int length, sqlite3_int64 at)
{
	return REAL(file)->pMethods->xRead(REAL(file), bytes, length, at);
}

/* Does the file own the blocks up to END already? */
static inline bool fault_has_blocks(const struct fault_file *file, off_t end)
{
	struct stat info;

	return stat(file->path, &info) == 0 &&
		(end <= info.st_size || end <= info.st_blocks * 512);
}

static inline int fault_write(
	sqlite3_file *file, const void *bytes, int length, sqlite3_int64 at)
{
	struct fault_file *own = (struct fault_file *)file;

	fault.writes++;
	if (fault.full && !fault_has_blocks(own, at + length))
		return fault.faults++, SQLITE_FULL;
	if (fault.kind != FAULT_NONE && fault.left-- == 0) {
		enum fault_kind kind = fault.kind;
		fault.kind = FAULT_NONE;
		fault.faults++;
		if (kind == FAULT_FULL)
			return SQLITE_FULL;
		if (kind == FAULT_EIO)
			return SQLITE_IOERR_WRITE;
		fault_remember(own, bytes, (size_t)length / 2, at);
		own->real->pMethods->xWrite(own->real, bytes, length / 2, at);
		if (kind == FAULT_CRASH)
			fault.crash();
		return SQLITE_IOERR_WRITE;
	}
	fault_remember(own, bytes, (size_t)length, at);
	return own->real->pMethods->xWrite(own->real, bytes, length, at);
}

static inline int fault_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	fault_remember((struct fault_file *)file, NULL, 0, size);
	return REAL(file)->pMethods->xTruncate(REAL(file), size);
}

static inline int fault_sync(sqlite3_file *file, int flags)
{
	fault.syncs++;
	fault_forget(((struct fault_file *)file)->path);
	/* The real one would only cost: what is synced is decided here. */
	(void)flags;
	return SQLITE_OK;
}

static inline int fault_size(sqlite3_file *file, sqlite3_int64 *size)
{
	return REAL(file)->pMethods->xFileSize(REAL(file), size);
}

static inline int fault_lock(sqlite3_file *file, int level)
{
	return REAL(file)->pMethods->xLock(REAL(file), level);
}

static inline int fault_unlock(sqlite3_file *file, int level)
{
	return REAL(file)->pMethods->xUnlock(REAL(file), level);
}

static inline int fault_check(sqlite3_file *file, int *result)
{
	return REAL(file)->pMethods->xCheckReservedLock(REAL(file), result);
}

static inline int fault_control(sqlite3_file *file, int op, void *arg)
{
	if (op == SQLITE_FCNTL_SIZE_HINT && fault.full &&
		!fault_has_blocks((struct fault_file *)file, *(sqlite3_int64 *)arg))
		return SQLITE_FULL;
	return REAL(file)->pMethods->xFileControl(REAL(file), op, arg);
}

static inline int fault_sector(sqlite3_file *file)
{
	return REAL(file)->pMethods->xSectorSize(REAL(file));
}

static inline int fault_traits(sqlite3_file *file)
{
	return REAL(file)->pMethods->xDeviceCharacteristics(REAL(file));
}

static inline int fault_map(
	sqlite3_file *file, int page, int size, int extend, void volatile **at)
{
	return REAL(file)->pMethods->xShmMap(REAL(file), page, size, extend, at);
}

static inline int fault_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
	return REAL(file)->pMethods->xShmLock(REAL(file), offset, count, flags);
}

static inline void fault_barrier(sqlite3_file *file)
{
	REAL(file)->pMethods->xShmBarrier(REAL(file));
}

static inline int fault_unmap(sqlite3_file *file, int delete)
{
	return REAL(file)->pMethods->xShmUnmap(REAL(file), delete);
}

static inline int fault_open(
	sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
	static const sqlite3_io_methods methods = {
		.iVersion = 2,
		.xClose = fault_close,
		.xRead = fault_read,
		.xWrite = fault_write,
		.xTruncate = fault_truncate,
		.xSync = fault_sync,
		.xFileSize = fault_size,
		.xLock = fault_lock,
		.xUnlock = fault_unlock,
		.xCheckReservedLock = fault_check,
		.xFileControl = fault_control,
		.xSectorSize = fault_sector,
		.xDeviceCharacteristics = fault_traits,
		.xShmMap = fault_map,
		.xShmLock = fault_shm_lock,
		.xShmBarrier = fault_barrier,
		.xShmUnmap = fault_unmap,
	};
	struct fault_file *own = (struct fault_file *)file;
	sqlite3_vfs *real = vfs->pAppData;

	own->base.pMethods = NULL;
	own->real = sqlite3_malloc(real->szOsFile);
	snprintf(own->path, sizeof own->path, "%s", name ? name : "");
	int rc = real->xOpen(real, name, own->real, flags, out);
	own->fd = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
	if (rc == SQLITE_OK)
		own->base.pMethods = &methods;
	else
		sqlite3_free(own->real);
	return rc;
}

static inline int fault_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
	sqlite3_vfs *real = vfs->pAppData;

	fault_forget(name);
	return real->xDelete(real, name, sync);
}

/* From now on every file of SQLite goes through it. */
static inline void fault_install(void)
{
	static sqlite3_vfs vfs;
	sqlite3_vfs *real = sqlite3_vfs_find(NULL);

	if (vfs.zName)
		return;
	vfs = *real;
	vfs.zName = "fault";
	vfs.pNext = NULL;
	vfs.pAppData = real;
	vfs.szOsFile = sizeof(struct fault_file);
	vfs.xOpen = fault_open;
	vfs.xDelete = fault_delete;
	sqlite3_vfs_register(&vfs, 1);
}

#endif
