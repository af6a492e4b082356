/*
 * A small HTTP server inside a test: it keeps every request and answers as the
 * test's function says. One thread, one connection at a time, keep-alive.
 */
#ifndef MUABUI_TESTS_SCRIPTED_SERVER_H
#define MUABUI_TESTS_SCRIPTED_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

enum { SERVER_REQUESTS = 512, SERVER_BYTES = 2 * 1024 * 1024 };

struct server_request {
	char *head; /* request line and headers */
	char *body; /* unpacked when it was gzip, NUL behind it */
	size_t length;
	size_t sent_length; /* as it came over the line */
};

struct server {
	int listener;
	int port;
	pthread_t thread;
	atomic_bool stop;
	atomic_int connections;
	pthread_mutex_t mutex;
	size_t count;
	struct server_request requests[SERVER_REQUESTS];
	/*
	 * The answer to request number INDEX, whole, in malloc()ed memory; "" cuts the
	 * connection, NULL never answers.
	 */
	char *(*answer)(void *arg, size_t index, const struct server_request *request);
	void *arg;
};

static char *server_unzip(const char *bytes, size_t length, size_t *unpacked)
{
	char *out = malloc(SERVER_BYTES + 1);
	z_stream z = { .next_in = (Bytef *)bytes,
		.avail_in = (uInt)length,
		.next_out = (Bytef *)out,
		.avail_out = SERVER_BYTES };

	inflateInit2(&z, 16 + 15);
	int result = inflate(&z, Z_FINISH);
	*unpacked = result == Z_STREAM_END ? SERVER_BYTES - z.avail_out : 0;
	out[*unpacked] = '\0';
	inflateEnd(&z);
	return out;
}

/* The value of a header, "" when it is missing. Valid until the next call. */
static inline const char *server_header(
	const struct server_request *request, const char *name)
{
	static _Thread_local char value[8192];
	size_t length = strlen(name);

	value[0] = '\0';
	for (const char *line = request->head; (line = strstr(line, "\r\n"));) {
		line += 2;
		if (strncasecmp(line, name, length) != 0 || line[length] != ':')
			continue;
		snprintf(value, sizeof value, "%.*s",
			(int)strcspn(line + length + 2, "\r\n"), line + length + 2);
		break;
	}
	return value;
}

/* Reads until there are NEEDED bytes, or (0) the end of the headers. */
static bool server_read(
	struct server *server, int fd, char *bytes, size_t *length, size_t needed)
{
	while (needed ? *length < needed : !strstr(bytes, "\r\n\r\n")) {
		struct pollfd waiting = { .fd = fd, .events = POLLIN };
		if (atomic_load(&server->stop))
			return false;
		if (poll(&waiting, 1, 20) <= 0)
			continue;
		ssize_t n = recv(fd, bytes + *length, SERVER_BYTES - *length, 0);
		if (n <= 0)
			return false;
		*length += (size_t)n;
		bytes[*length] = '\0';
	}
	return true;
}

static bool server_request(struct server *server, int fd, char *bytes)
{
	size_t length = 0, index;
	struct server_request request = { 0 };

	bytes[0] = '\0';
	if (!server_read(server, fd, bytes, &length, 0))
		return false;
	size_t head = (size_t)(strstr(bytes, "\r\n\r\n") - bytes) + 4;
	request.head = strndup(bytes, head);
	request.sent_length =
		strtoul(server_header(&request, "Content-Length"), NULL, 10);
	if (!server_read(server, fd, bytes, &length, head + request.sent_length)) {
		free(request.head);
		return false;
	}
	if (strcmp(server_header(&request, "Content-Encoding"), "gzip") == 0) {
		request.body =
			server_unzip(bytes + head, request.sent_length, &request.length);
	} else {
		request.length = request.sent_length;
		request.body = calloc(1, request.length + 1);
		memcpy(request.body, bytes + head, request.length);
	}
	pthread_mutex_lock(&server->mutex);
	index = server->count;
	if (index < SERVER_REQUESTS)
		server->requests[server->count++] = request;
	pthread_mutex_unlock(&server->mutex);
	char *answer = server->answer(server->arg, index, &request);
	while (!answer && !atomic_load(&server->stop)) {
		/* Until the client gives up. */
		struct pollfd waiting = { .fd = fd, .events = POLLIN };
		if (poll(&waiting, 1, 20) > 0)
			return false;
	}
	bool go_on = answer && *answer &&
		send(fd, answer, strlen(answer), MSG_NOSIGNAL) ==
			(ssize_t)strlen(answer) &&
		!strstr(answer, "Connection: close");
	free(answer);
	return go_on;
}

static void *server_run(void *arg)
{
	struct server *server = arg;
	char *bytes = malloc(SERVER_BYTES + 1);

	while (!atomic_load(&server->stop)) {
		struct pollfd waiting = { .fd = server->listener, .events = POLLIN };
		if (poll(&waiting, 1, 20) <= 0)
			continue;
		int fd = accept(server->listener, NULL, NULL);
		if (fd < 0)
			continue;
		atomic_fetch_add(&server->connections, 1);
		while (server_request(server, fd, bytes))
			;
		close(fd);
	}
	free(bytes);
	return NULL;
}

static inline void server_start(struct server *server,
	char *(*answer)(void *, size_t, const struct server_request *), void *arg)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof address;

	memset(server, 0, sizeof *server);
	server->answer = answer;
	server->arg = arg;
	pthread_mutex_init(&server->mutex, NULL);
	server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(server->listener, (struct sockaddr *)&address, size) < 0 ||
		listen(server->listener, 8) < 0 ||
		getsockname(server->listener, (struct sockaddr *)&address, &size) < 0)
		abort();
	server->port = ntohs(address.sin_port);
	pthread_create(&server->thread, NULL, server_run, server);
}

static inline void server_stop(struct server *server)
{
	atomic_store(&server->stop, true);
	pthread_join(server->thread, NULL);
	close(server->listener);
	for (size_t i = 0; i < server->count; i++) {
		free(server->requests[i].head);
		free(server->requests[i].body);
	}
	pthread_mutex_destroy(&server->mutex);
}

static inline size_t server_count(struct server *server)
{
	pthread_mutex_lock(&server->mutex);
	size_t count = server->count;
	pthread_mutex_unlock(&server->mutex);
	return count;
}

/* An answer with a body; HEADERS (each with its line end) may be "". */
static inline char *server_answer(int status, const char *headers, const char *body)
{
	char *text = NULL;

	if (asprintf(&text, "HTTP/1.1 %d Said\r\nContent-Length: %zu\r\n%s\r\n%s", status,
		    strlen(body), headers, body) < 0)
		abort();
	return text;
}

#endif
