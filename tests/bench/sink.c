/*
 * A counting InfluxDB: takes POSTs on one keep-alive connection after the other, unpacks
 * them, and counts lines and the sequence numbers in them. GET answers the counts as
 * "LINES DISTINCT BYTES", GET /seen/N whether number N was there (1 or 0). DELETE
 * forgets.
 *
 * usage: sink COUNT_MAX    (prints its port)
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

enum { BODY_MAX = 16 << 20 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static unsigned char *seen; /* one byte per sequence number */
static long seen_max, lines, distinct, bytes;

/* In "… seq=123.0 1795300000000": the field is written last, but may stand anywhere. */
static void count_line(const char *line, size_t length)
{
	const char *seq = memmem(line, length, "seq=", 4);

	lines++;
	if (!seq)
		return;
	long number = strtol(seq + 4, NULL, 10);
	if (number >= 0 && number < seen_max && !seen[number]) {
		seen[number] = 1;
		distinct++;
	}
}

static void count_body(const char *text, size_t length)
{
	const char *end = text + length;

	pthread_mutex_lock(&mutex);
	bytes += (long)length;
	while (text < end) {
		const char *eol = memchr(text, '\n', (size_t)(end - text));
		if (!eol)
			eol = end;
		count_line(text, (size_t)(eol - text));
		text = eol + 1;
	}
	pthread_mutex_unlock(&mutex);
}

static void take_body(const unsigned char *body, size_t length, char *text)
{
	z_stream stream = { .next_in = (Bytef *)body, .avail_in = (uInt)length };

	if (length < 2 || body[0] != 0x1f) {
		count_body((const char *)body, length);
		return;
	}
	stream.next_out = (Bytef *)text;
	stream.avail_out = BODY_MAX;
	inflateInit2(&stream, 31);
	if (inflate(&stream, Z_FINISH) != Z_STREAM_END)
		fprintf(stderr, "sink: a body that does not unpack\n");
	count_body(text, stream.total_out);
	inflateEnd(&stream);
}

static void answer(int fd, const char *head)
{
	char text[256];
	int length;

	pthread_mutex_lock(&mutex);
	if (strncmp(head, "DELETE", 6) == 0) {
		memset(seen, 0, (size_t)seen_max);
		lines = distinct = bytes = 0;
	}
	if (strncmp(head, "POST", 4) == 0) {
		length = snprintf(text, sizeof text, "HTTP/1.1 204 No Content\r\n\r\n");
	} else {
		char counts[96];
		long number = strncmp(head, "GET /seen/", 10) == 0
			? strtol(head + 10, NULL, 10)
			: -1;
		int size = number >= 0 ? snprintf(counts, sizeof counts, "%d\n",
						 number < seen_max && seen[number])
				       : snprintf(counts, sizeof counts, "%ld %ld %ld\n",
						 lines, distinct, bytes);
		length = snprintf(text, sizeof text,
			"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", size, counts);
	}
	pthread_mutex_unlock(&mutex);
	if (write(fd, text, (size_t)length) != length)
		perror("sink: write");
}

static size_t content_length(const char *head)
{
	const char *line = strcasestr(head, "\r\ncontent-length:");

	return line ? (size_t)strtol(line + 17, NULL, 10) : 0;
}

static void *serve(void *arg)
{
	int fd = (int)(long)arg;
	char *in = malloc(BODY_MAX + 65536), *text = malloc(BODY_MAX);
	size_t have = 0;

	for (;;) {
		in[have] = '\0';
		char *end = strstr(in, "\r\n\r\n");
		size_t need =
			end ? (size_t)(end + 4 - in) + content_length(in) : have + 1;
		if (end && have >= need) {
			size_t head = (size_t)(end + 4 - in);
			if (need > head)
				take_body((unsigned char *)in + head, need - head, text);
			answer(fd, in);
			memmove(in, in + need, have - need);
			have -= need;
			continue;
		}
		ssize_t got = need <= BODY_MAX ? read(fd, in + have, BODY_MAX - have) : 0;
		if (got <= 0)
			break;
		have += (size_t)got;
	}
	close(fd);
	free(in);
	free(text);
	return NULL;
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t size = sizeof address;
	int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	seen_max = argc > 1 ? strtol(argv[1], NULL, 10) : 1000000;
	seen = calloc((size_t)seen_max, 1);
	if (bind(listener, (struct sockaddr *)&address, size) < 0 ||
		listen(listener, 16) < 0 ||
		getsockname(listener, (struct sockaddr *)&address, &size) < 0)
		return 1;
	printf("%d\n", ntohs(address.sin_port));
	fflush(stdout);
	for (;;) {
		pthread_t thread;
		int fd = accept(listener, NULL, NULL);
		if (fd < 0)
			continue;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		pthread_create(&thread, NULL, serve, (void *)(long)fd);
		pthread_detach(thread);
	}
}
