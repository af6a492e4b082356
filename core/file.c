#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 4096, PATH_SIZE = 4096 };

static bool say(char *why, size_t size, const char *what, const char *path, int error)
{
	snprintf(why, size, "cannot %s %s: %s", what, path, strerror(error));
	errno = error;
	return false;
}

bool file_read(const char *path, struct buffer *out, char *why, size_t size)
{
	/* O_NONBLOCK: a pipe named by mistake must not hang the thread. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	char chunk[CHUNK];
	ssize_t got = -1;

	if (fd < 0)
		return say(why, size, "open", path, errno);
	while (!out->failed && (got = read(fd, chunk, sizeof chunk)) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			break;
		buffer_append(out, chunk, (size_t)got);
	}
	int error = out->failed ? EFBIG : errno;
	close(fd);
	return !out->failed && got == 0 ? true : say(why, size, "read", path, error);
}

static bool write_all(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t written = write(fd, bytes, length);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return false;
		bytes += written;
		length -= (size_t)written;
	}
	return true;
}

/* The new name is in the folder only once the folder is written, too. */
static void sync_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_SIZE];

	snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 1,
		slash ? path : ".");
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	fsync(fd);
	close(fd);
}

bool file_replace(
	const char *path, const void *bytes, size_t length, char *why, size_t size)
{
	char temporary[PATH_SIZE];
	int used = snprintf(temporary, sizeof temporary, "%s.new", path);

	if (used < 0 || (size_t)used >= sizeof temporary)
		return say(why, size, "write", path, ENAMETOOLONG);
	int fd = open(
		temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return say(why, size, "write", temporary, errno);
	bool ok = write_all(fd, bytes, length) && fsync(fd) == 0;
	int error = errno;
	if (close(fd) < 0 && ok) {
		error = errno;
		ok = false;
	}
	if (ok && rename(temporary, path) < 0) {
		error = errno;
		ok = false;
	}
	if (!ok) {
		unlink(temporary);
		return say(why, size, "write", path, error);
	}
	sync_folder(path);
	return true;
}
