#include "sensors/pty.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

static int make_link(const struct pty *pty, char *why, size_t size)
{
	char other[4096];
	struct stat status;

	if (lstat(pty->link, &status) == 0 && !S_ISLNK(status.st_mode)) {
		snprintf(why, size, "%s: is there, and no symbolic link", pty->link);
		return -1;
	}
	if ((size_t)snprintf(other, sizeof(other), "%s.%ld", pty->link, (long)getpid()) >=
		sizeof(other)) {
		snprintf(why, size, "the link's name is too long");
		return -1;
	}
	/* Renamed into place, so that the name never is half there. */
	unlink(other);
	if (symlink(pty->name, other) != 0 || rename(other, pty->link) != 0) {
		snprintf(why, size, "%s: %s", pty->link, strerror(errno));
		unlink(other);
		return -1;
	}
	return 0;
}

static int make_raw(int fd)
{
	struct termios line;

	if (tcgetattr(fd, &line) != 0)
		return -1;
	cfmakeraw(&line);
	return tcsetattr(fd, TCSANOW, &line);
}

int pty_open(struct pty *pty, const char *link, char *why, size_t size)
{
	*pty = (struct pty){ .fd = -1, .port_fd = -1, .link = link };
	pty->fd = posix_openpt(O_RDWR | O_NOCTTY);
	if (pty->fd < 0 || fcntl(pty->fd, F_SETFD, FD_CLOEXEC) != 0 ||
		fcntl(pty->fd, F_SETFL, O_NONBLOCK) != 0)
		goto failed;
	if (grantpt(pty->fd) != 0 || unlockpt(pty->fd) != 0 ||
		ptsname_r(pty->fd, pty->name, sizeof(pty->name)) != 0)
		goto failed;
	pty->port_fd = open(pty->name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (pty->port_fd < 0 || make_raw(pty->port_fd) != 0)
		goto failed;
	if (link != NULL && make_link(pty, why, size) != 0) {
		pty->link = NULL;
		pty_close(pty);
		return -1;
	}
	return 0;
failed:
	snprintf(why, size, "cannot make a pseudo terminal: %s", strerror(errno));
	pty->link = NULL;
	pty_close(pty);
	return -1;
}

void pty_close(struct pty *pty)
{
	char target[sizeof(pty->name)];
	ssize_t length;

	if (pty->link != NULL) {
		length = readlink(pty->link, target, sizeof(target) - 1);
		if (length > 0) {
			target[length] = '\0';
			if (strcmp(target, pty->name) == 0)
				unlink(pty->link);
		}
	}
	if (pty->port_fd >= 0)
		close(pty->port_fd);
	if (pty->fd >= 0)
		close(pty->fd);
	pty->fd = pty->port_fd = -1;
	pty->link = NULL;
}
