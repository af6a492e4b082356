/* A scripted HTTP server on the loopback, for the tests of channels. */
#ifndef MUABUI_TESTS_STUB_SERVER_H
#define MUABUI_TESTS_STUB_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { STUB_REQUESTS = 32, STUB_REQUEST_SIZE = 16384 };

struct stub_server {
	int fd;
	int port;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t arrived;
	int count;                   /* requests received */
	int statuses[STUB_REQUESTS]; /* the answer to each; 0: hang up, -1: never answer
				      */
	char requests[STUB_REQUESTS][STUB_REQUEST_SIZE];
	const char *body; /* of every answer */
};

static inline size_t stub_read(int fd, char *text, size_t size)
{
	size_t used = 0, want = size - 1;

	while (used < want) {
		ssize_t n = read(fd, text + used, want - used);
		if (n <= 0)
			break;
		used += (size_t)n;
		text[used] = '\0';
		char *end = strstr(text, "\r\n\r\n");
		char *length = strcasestr(text, "\r\nContent-Length:");
		if (end && length)
			want = (size_t)(end + 4 - text) +
				(size_t)strtoul(length + 17, NULL, 10);
	}
	text[used] = '\0';
	return used;
}

static inline void *stub_run(void *arg)
{
	struct stub_server *stub = arg;
	static char request[STUB_REQUEST_SIZE];

	for (;;) {
		int fd = accept(stub->fd, NULL, NULL);
		if (fd < 0)
			return NULL;
		if (stub_read(fd, request, sizeof request) == 0) {
			close(fd);
			continue;
		}
		pthread_mutex_lock(&stub->mutex);
		int at = stub->count < STUB_REQUESTS ? stub->count++ : STUB_REQUESTS - 1;
		memcpy(stub->requests[at], request, sizeof request);
		int status = stub->statuses[at];
		pthread_cond_broadcast(&stub->arrived);
		pthread_mutex_unlock(&stub->mutex);
		if (status > 0)
			dprintf(fd,
				"HTTP/1.1 %d X\r\nContent-Length: %zu\r\n"
				"Connection: close\r\n\r\n%s",
				status, strlen(stub->body), stub->body);
		else if (status < 0)
			stub_read(fd, request, sizeof request); /* until it hangs up */
		close(fd);
	}
}

/* Every request gets 200 until statuses[] are set. */
static inline struct stub_server *stub_start(void)
{
	struct stub_server *stub = calloc(1, sizeof *stub);
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof address;

	for (int i = 0; i < STUB_REQUESTS; i++)
		stub->statuses[i] = 200;
	stub->body = "";
	pthread_mutex_init(&stub->mutex, NULL);
	pthread_cond_init(&stub->arrived, NULL);
	stub->fd = socket(AF_INET, SOCK_STREAM, 0);
	bind(stub->fd, (struct sockaddr *)&address, length);
	listen(stub->fd, 8);
	getsockname(stub->fd, (struct sockaddr *)&address, &length);
	stub->port = ntohs(address.sin_port);
	pthread_create(&stub->thread, NULL, stub_run, stub);
	return stub;
}

/* Waits for COUNT requests; false after SECONDS. */
static inline bool stub_wait(struct stub_server *stub, int count, int seconds)
{
	struct timespec until;
	int error = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += seconds;
	pthread_mutex_lock(&stub->mutex);
	while (stub->count < count && error == 0)
		error = pthread_cond_timedwait(&stub->arrived, &stub->mutex, &until);
	bool ok = stub->count >= count;
	pthread_mutex_unlock(&stub->mutex);
	return ok;
}

/* What stands after the headers of request number AT. */
static inline const char *stub_body(struct stub_server *stub, int at)
{
	const char *end = strstr(stub->requests[at], "\r\n\r\n");

	return end ? end + 4 : "";
}

static inline void stub_stop(struct stub_server *stub)
{
	shutdown(stub->fd, SHUT_RDWR);
	close(stub->fd);
	pthread_join(stub->thread, NULL);
	pthread_cond_destroy(&stub->arrived);
	pthread_mutex_destroy(&stub->mutex);
	free(stub);
}

#endif
