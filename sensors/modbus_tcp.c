/*
 * Modbus TCP: the request without its CRC, behind a head of seven bytes.
 *
 *   transaction:2  0:2  length:2  unit  function data…
 *
 * The transaction's number comes back with the answer, so that a late one is known.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/clock.h"
#include "sensors/modbus_line.h"

enum {
	HEAD = 6, /* before the unit */
	CRC = 2,
	LENGTH_MIN = 3, /* unit, function, one byte */
	LENGTH_MAX = 254,
	CONNECT_MS = 5000,
	READS_MAX = 16,      /* at one go, whoever never stops */
	GONE_MS = 10 * 1000, /* without acknowledgement the kernel gives up */
	HOST_SIZE = 256,
};

/* Takes the host and the port out of modbus://HOST:PORT, which was checked. */
static void split_url(const char *url, char host[static HOST_SIZE], char port[static 8])
{
	const char *at = strstr(url, "://");
	size_t length;

	at = at ? at + 3 : url;
	if (*at == '[') {
		at++;
		length = strcspn(at, "]");
		snprintf(host, HOST_SIZE, "%.*s", (int)length, at);
		at += length + (at[length] == ']');
	} else {
		length = strcspn(at, ":/");
		snprintf(host, HOST_SIZE, "%.*s", (int)length, at);
		at += length;
	}
	snprintf(port, 8, "502");
	if (*at == ':')
		snprintf(port, 8, "%.*s", (int)strcspn(at + 1, "/"), at + 1);
}

/* Waits until FD is connected. 0, or an errno; ECANCELED: told to stop. */
static int finish_connecting(struct modbus_line *line, int fd)
{
	struct pollfd fds[2] = {
		{ .fd = line->wake_fd, .events = POLLIN },
		{ .fd = fd, .events = POLLOUT },
	};
	int error = 0;
	socklen_t size = sizeof(error);

	if (poll(fds, 2, CONNECT_MS) <= 0)
		return ETIMEDOUT;
	if (fds[0].revents != 0) {
		line->stopping = true;
		return ECANCELED;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
		return errno;
	return error;
}

static int connect_to(struct modbus_line *line, const struct addrinfo *address)
{
	const int on = 1, gone_ms = GONE_MS;
	int error, fd;

	fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &gone_ms, sizeof(gone_ms));
	error = connect(fd, address->ai_addr, address->ai_addrlen) == 0 ? 0 : errno;
	if (error == EINPROGRESS)
		error = finish_connecting(line, fd);
	if (error == 0)
		return fd;
	close(fd);
	errno = error;
	return -1;
}

int modbus_tcp_open(struct modbus_line *line, char *why, size_t size)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *addresses;
	char host[HOST_SIZE], port[8];
	int status;

	split_url(line->options->url, host, port);
	line->tcp_used = 0;
	status = getaddrinfo(host, port, &hints, &addresses);
	if (status != 0) {
		snprintf(why, size, "%s: %s", line->options->url, gai_strerror(status));
		return -1;
	}
	for (const struct addrinfo *at = addresses; at && line->fd < 0 && !line->stopping;
		at = at->ai_next)
		line->fd = connect_to(line, at);
	if (line->fd < 0)
		snprintf(why, size, "%s: %s", line->options->url, strerror(errno));
	freeaddrinfo(addresses);
	return line->fd >= 0 ? 0 : -1;
}

bool modbus_tcp_send(
	struct modbus_line *line, const uint8_t request[static RTU_REQUEST_SIZE])
{
	uint8_t frame[HEAD + RTU_REQUEST_SIZE - CRC];
	ssize_t sent;

	line->transaction++;
	frame[0] = line->transaction >> 8;
	frame[1] = line->transaction & 0xFF;
	frame[2] = frame[3] = frame[4] = 0;
	frame[5] = RTU_REQUEST_SIZE - CRC;
	memcpy(frame + HEAD, request, RTU_REQUEST_SIZE - CRC);
	sent = send(line->fd, frame, sizeof(frame), MSG_NOSIGNAL);
	/* Twelve bytes find room, unless nobody has taken any for a long time. */
	return sent == (ssize_t)sizeof(frame);
}

/* The frame at the start of what has come: its length, 0: not all there, -1: none. */
static ssize_t find_frame(const struct modbus_line *line)
{
	const uint8_t *bytes = line->tcp_bytes;
	size_t length;

	if (line->tcp_used < HEAD)
		return 0;
	length = (size_t)(bytes[4] << 8 | bytes[5]);
	if (bytes[2] != 0 || bytes[3] != 0 || length < LENGTH_MIN || length > LENGTH_MAX)
		return -1;
	return line->tcp_used >= HEAD + length ? (ssize_t)(HEAD + length) : 0;
}

/* Is the frame of LENGTH bytes the answer to the last request? Then it is kept. */
static bool take_frame(struct modbus_line *line, size_t length)
{
	uint8_t frame[LENGTH_MAX + CRC];
	const uint8_t *bytes = line->tcp_bytes;

	if ((bytes[0] << 8 | bytes[1]) != line->transaction ||
		line->reply.frame_length > 0) {
		line->skipped += length;
		return false;
	}
	memcpy(frame, bytes + HEAD, length - HEAD);
	rtu_reply_put(&line->reply, frame, rtu_seal(frame, length - HEAD));
	return true;
}

int modbus_tcp_read(struct modbus_line *line)
{
	bool answered = false;

	for (int i = 0; i < READS_MAX; i++) {
		ssize_t length = recv(line->fd, line->tcp_bytes + line->tcp_used,
			LINE_TCP_SIZE - line->tcp_used, 0);

		if (length < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (length <= 0) /* some answer and hang up */
			return answered ? 1 : -1;
		line->tcp_used += (size_t)length;
		while ((length = find_frame(line)) > 0) {
			answered = take_frame(line, (size_t)length) || answered;
			line->tcp_used -= (size_t)length;
			memmove(line->tcp_bytes, line->tcp_bytes + length,
				line->tcp_used);
		}
		if (length < 0)
			return -1;
	}
	return answered;
}
