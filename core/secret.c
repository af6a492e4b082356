#include "core/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* O_NONBLOCK: a pipe named by mistake must not hang the thread. */
static const int open_flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;

static int secret_open(const char *file)
{
	const char *directory = getenv("CREDENTIALS_DIRECTORY");
	char path[4096];

	if (!strchr(file, '/') && directory && *directory) {
		int length = snprintf(path, sizeof path, "%s/%s", directory, file);
		if (length > 0 && (size_t)length < sizeof path) {
			int fd = open(path, open_flags);
			if (fd >= 0 || errno != ENOENT)
				return fd;
		}
	}
	return open(file, open_flags);
}

/* Reads up to SIZE bytes; -1 with errno. */
static ssize_t read_up_to(int fd, char *bytes, size_t size)
{
	size_t length = 0;

	while (length < size) {
		ssize_t n = read(fd, bytes + length, size - length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		length += (size_t)n;
	}
	return (ssize_t)length;
}

bool secret_read(const char *file, char secret[static SECRET_MAX], char *why, size_t size)
{
	int fd = secret_open(file);
	if (fd < 0) {
		snprintf(why, size, "cannot open %s: %s", file, strerror(errno));
		return false;
	}
	ssize_t got = read_up_to(fd, secret, SECRET_MAX);
	int error = errno;
	close(fd);
	if (got < 0) {
		snprintf(why, size, "cannot read %s: %s", file, strerror(error));
		goto refused;
	}
	size_t length = (size_t)got;
	if (length == SECRET_MAX) {
		snprintf(why, size, "%s is longer than %d bytes", file, SECRET_MAX - 1);
		goto refused;
	}
	if (memchr(secret, '\0', length)) {
		snprintf(why, size, "%s is not a text file", file);
		goto refused;
	}
	while (length > 0 && (secret[length - 1] == '\n' || secret[length - 1] == '\r'))
		length--;
	if (length == 0) {
		snprintf(why, size, "%s is empty", file);
		goto refused;
	}
	memset(secret + length, 0, SECRET_MAX - length);
	return true;

refused:
	secret_wipe(secret, SECRET_MAX);
	return false;
}

void secret_wipe(void *secret, size_t size)
{
	explicit_bzero(secret, size);
}
