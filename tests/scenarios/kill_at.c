/*
 * Preloaded into the program: SIGKILL to itself at a point of its next transaction that
 * reaches the disk. KILL_AT names a file; while it exists, what it says is the point:
 * "write", before the first byte goes to the write-ahead log; "written", right after the
 * last; "synced", when that is on the disk (not every connection syncs).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int is_log(int fd)
{
	char link[64], path[4096];

	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t length = readlink(link, path, sizeof path - 1);
	return length > 4 && !memcmp(path + length - 4, "-wal", 4);
}

static void die_at(int fd, const char *point)
{
	const char *name = getenv("KILL_AT");
	char wanted[16] = "";
	int file = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;

	if (file < 0)
		return;
	ssize_t length = read(file, wanted, sizeof wanted - 1);
	close(file);
	if (length <= 0 || strcmp(wanted, point) || !is_log(fd))
		return;
	unlink(name);
	kill(getpid(), SIGKILL);
	pause();
}

/* The head of the frame that ends a transaction says how large the file is by then. */
static int is_last_head(const void *bytes, size_t length)
{
	static const char zero[4];

	return length == 24 && memcmp((const char *)bytes + 4, zero, 4);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at)
{
	static ssize_t (*next)(int, const void *, size_t, off64_t);
	static _Thread_local int last;

	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "pwrite64");
	die_at(fd, "write");
	ssize_t result = next(fd, bytes, length, at);
	if (last)
		die_at(fd, "written");
	last = is_last_head(bytes, length);
	return result;
}

int fdatasync(int fd)
{
	static int (*next)(int);

	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "fdatasync");
	int result = next(fd);
	die_at(fd, "synced");
	return result;
}
