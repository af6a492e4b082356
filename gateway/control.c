#include "gateway/control.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/thread.h"

static const char default_folder[] = "/run/muabui";

enum {
	REQUEST_MAX = 4096,
	ANSWER_MAX = 8 << 20,
	REQUEST_MS = 2000, /* for a client to say its line … */
	TAKE_MS = 5000,    /* … and to take its answer; others wait meanwhile */
	ANSWER_MS = 60000, /* for the answer to begin: a test alert has a far side */
};

struct control {
	pthread_t thread;
	int listener;
	int stop; /* eventfd */
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
	void (*handle)(void *arg, const char *request, struct buffer *out);
	void *arg;
};

void control_path(const struct config *config, char *path, size_t size)
{
	if (*config->control.socket)
		snprintf(path, size, "%s", config->control.socket);
	else if (access(default_folder, W_OK) == 0)
		snprintf(path, size, "%s/control.sock", default_folder);
	else
		snprintf(path, size, "%s.sock", config->store.path);
}

static int make_address(const char *path, struct sockaddr_un *address)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof address->sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(address->sun_path, path, strlen(path) + 1);
	return 0;
}

/* For each call; the whole is up to who calls. */
static void set_timeout(int fd, int ms)
{
	struct timeval timeout = { .tv_sec = ms / 1000 };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
}

static int send_all(int fd, const char *bytes, size_t length, int ms)
{
	int64_t deadline = clock_real_ms() + ms;

	while (length > 0) {
		if (clock_real_ms() > deadline) {
			errno = ETIMEDOUT;
			return -1;
		}
		ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent <= 0)
			return -1;
		bytes += sent;
		length -= (size_t)sent;
	}
	return 0;
}

/* --- the gateway's side ------------------------------------------------ */

static bool wait_for_more(int fd, int64_t deadline)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	int64_t left = deadline - clock_real_ms();
	int ready = left > 0 ? poll(&wait, 1, (int)left) : 0;

	return ready > 0 || (ready < 0 && errno == EINTR);
}

/* However slowly it comes: one that dawdles must not keep the others out. */
static bool read_request(int fd, char request[static REQUEST_MAX])
{
	int64_t deadline = clock_real_ms() + REQUEST_MS;
	size_t length = 0;

	while (length < REQUEST_MAX - 1 && wait_for_more(fd, deadline)) {
		ssize_t got = recv(
			fd, request + length, REQUEST_MAX - 1 - length, MSG_DONTWAIT);
		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got <= 0)
			return false;
		length += (size_t)got;
		char *end = memchr(request, '\n', length);
		if (end) {
			*end = '\0';
			return true;
		}
	}
	return false;
}

static void serve(struct control *control, int fd)
{
	char request[REQUEST_MAX];
	struct buffer answer;

	set_timeout(fd, TAKE_MS);
	buffer_init(&answer, ANSWER_MAX);
	if (read_request(fd, request)) {
		control->handle(control->arg, request, &answer);
		if (!answer.failed)
			send_all(fd, buffer_text(&answer), answer.length, TAKE_MS);
	}
	buffer_free(&answer);
}

static void *run(void *arg)
{
	struct control *control = arg;
	struct pollfd waits[] = {
		{ .fd = control->listener, .events = POLLIN },
		{ .fd = control->stop, .events = POLLIN },
	};

	for (;;) {
		if (poll(waits, 2, -1) < 0 && errno != EINTR)
			break;
		if (waits[1].revents)
			break;
		int fd = accept4(control->listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			continue;
		serve(control, fd);
		close(fd);
	}
	return NULL;
}

/* A socket nobody answers is the rest of a gateway that was killed. */
static void remove_stale(const char *path)
{
	struct stat info;
	struct sockaddr_un address;

	if (lstat(path, &info) < 0 || !S_ISSOCK(info.st_mode) ||
		make_address(path, &address) < 0)
		return;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0 &&
		errno == ECONNREFUSED)
		unlink(path);
	close(fd);
}

static int open_listener(const char *path)
{
	struct sockaddr_un address;

	if (make_address(path, &address) < 0)
		return -1;
	remove_stale(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	/* The mode is set before anyone can find the socket: bind() honours umask. */
	mode_t before = umask(0117);
	int result = bind(fd, (struct sockaddr *)&address, sizeof address);
	umask(before);
	if (result < 0 || listen(fd, 8) < 0) {
		int error = errno;
		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

struct control *control_start(const char *path,
	void (*handle)(void *arg, const char *request, struct buffer *out), void *arg)
{
	struct control *control = calloc(1, sizeof *control);

	if (!control)
		goto failed;
	control->handle = handle;
	control->arg = arg;
	control->stop = eventfd(0, EFD_CLOEXEC);
	control->listener = open_listener(path);
	if (control->listener < 0 || control->stop < 0)
		goto failed;
	snprintf(control->path, sizeof control->path, "%s", path);
	if (thread_start(&control->thread, "control", run, control) == 0)
		return control;
	unlink(path);
failed:
	log_warning("control socket %s: %s; going on without", path, strerror(errno));
	if (control && control->listener >= 0)
		close(control->listener);
	if (control && control->stop >= 0)
		close(control->stop);
	free(control);
	return NULL;
}

void control_stop(struct control *control)
{
	if (!control)
		return;
	eventfd_write(control->stop, 1);
	pthread_join(control->thread, NULL);
	unlink(control->path);
	close(control->listener);
	close(control->stop);
	free(control);
}

/* --- the command line's side ------------------------------------------- */

static int read_answer(int fd, struct buffer *answer)
{
	for (;;) {
		char *room = buffer_reserve(answer, 16 * 1024);
		if (!room) {
			errno = EMSGSIZE;
			return -1;
		}
		ssize_t got = recv(fd, room, 16 * 1024, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return (int)got;
		buffer_advance(answer, (size_t)got);
	}
}

int control_ask(const char *path, const char *request, struct buffer *answer, char *why,
	size_t size)
{
	struct sockaddr_un address;
	int result = -1;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && make_address(path, &address) == 0) {
		set_timeout(fd, ANSWER_MS);
		if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
			send_all(fd, request, strlen(request), TAKE_MS) == 0 &&
			send_all(fd, "\n", 1, TAKE_MS) == 0)
			result = read_answer(fd, answer);
	}
	if (result < 0)
		snprintf(why, size, "%s: %s", path,
			errno == ENOENT || errno == ECONNREFUSED
				? "no gateway is running here"
				: strerror(errno));
	else if (answer->length == 0) {
		snprintf(why, size, "%s: the gateway did not answer", path);
		result = -1;
	}
	if (fd >= 0)
		close(fd);
	return result;
}
