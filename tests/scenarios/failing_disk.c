/*
 * A disk that fails, for the program that this is preloaded into: below the folder in
 * $FAILING_FOLDER every write and sync gives EIO while the file "broken" stands in
 * $FAILING_SIGN.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int fails(int fd)
{
	const char *folder = getenv("FAILING_FOLDER"), *sign = getenv("FAILING_SIGN");
	char link[64], path[4096];

	if (!folder || !sign || access(sign, F_OK) != 0)
		return 0;
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	ssize_t length = readlink(link, path, sizeof path - 1);
	if (length <= 0)
		return 0;
	path[length] = '\0';
	return strncmp(path, folder, strlen(folder)) == 0;
}

#define REAL(NAME, TYPE) ((TYPE)dlsym(RTLD_NEXT, NAME))
#define FAIL_OR(FD, CALL)            \
	do {                         \
		if (fails(FD)) {     \
			errno = EIO; \
			return -1;   \
		}                    \
		return CALL;         \
	} while (0)

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at)
{
	FAIL_OR(fd,
		REAL("pwrite", ssize_t(*)(int, const void *, size_t, off_t))(
			fd, bytes, length, at));
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at)
{
	FAIL_OR(fd,
		REAL("pwrite64", ssize_t(*)(int, const void *, size_t, off64_t))(
			fd, bytes, length, at));
}

int fsync(int fd)
{
	FAIL_OR(fd, REAL("fsync", int (*)(int))(fd));
}

int fdatasync(int fd)
{
	FAIL_OR(fd, REAL("fdatasync", int (*)(int))(fd));
}
