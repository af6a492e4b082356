/*
 * A push service that counts: HTTP/2 over TLS on 127.0.0.1, as fast as it can.
 *
 *   push_server PORT STATS_PORT CERT KEY COUNT [EVERY [LIMIT]]
 *
 * A POST to /N (0 <= N < COUNT) is answered with 201; with EVERY above 0, of each EVERY
 * numbers the eighth is gone (410) and the fourteenth is told to come back in a second
 * when it is tried first (429). A connection that has served LIMIT requests says goodbye,
 * and what had come in by then is answered. Whoever connects to STATS_PORT gets a line:
 * requests, numbers taken, numbers taken more than once, refused with 410, with 429,
 * bytes.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nghttp2/nghttp2.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EVENTS = 64, GONE = 7, BUSY = 13 };

struct stream {
	long number;
};

struct connection {
	int fd;
	SSL *ssl;
	nghttp2_session *session;
	char out[64 << 10];
	size_t out_length, out_at;
	bool wants_write;
	long served;
	int32_t last; /* stream, after the goodbye; 0: it was not said */
	bool leaving; /* all is said: what still comes in is not listened to */
};

static long count, every, limit;
static uint8_t *tries, *taken;
static long requests, distinct, twice, gone, busy, bytes;
static int poll_fd;
static SSL_CTX *tls;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* --- HTTP/2 ---------------------------------------------------------- */

static int on_begin(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct stream *stream = calloc(1, sizeof *stream);

	(void)arg;
	if (!stream)
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	stream->number = -1;
	nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, stream);
	return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame,
	const uint8_t *name, size_t name_length, const uint8_t *value,
	size_t value_length, uint8_t flags, void *arg)
{
	struct stream *stream =
		nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

	(void)flags, (void)arg, (void)value_length;
	if (stream && name_length == 5 && memcmp(name, ":path", 5) == 0)
		stream->number = strtol((const char *)value + 1, NULL, 10);
	return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id,
	const uint8_t *data, size_t length, void *arg)
{
	(void)session, (void)flags, (void)id, (void)data, (void)arg;
	bytes += (long)length;
	return 0;
}

static int decide(long number)
{
	bool first = tries[number] == 0;

	if (tries[number] < 255)
		tries[number]++;
	if (every > 0 && number % every == GONE) {
		gone++;
		return 410;
	}
	if (every > 0 && number % every == BUSY && first) {
		busy++;
		return 429;
	}
	if (taken[number] < 255)
		taken[number]++;
	distinct += taken[number] == 1;
	twice += taken[number] == 2;
	return 201;
}

static void reply(nghttp2_session *session, int32_t id, long number)
{
#define FIELD(name, value)                                                           \
	{                                                                            \
		(uint8_t *)(name), (uint8_t *)(value), sizeof(name) - 1,             \
			sizeof(value) - 1,                                           \
			NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE \
	}
	static const nghttp2_nv created[] = { FIELD(":status", "201") };
	static const nghttp2_nv ended[] = { FIELD(":status", "410") };
	static const nghttp2_nv later[] = { FIELD(":status", "429"),
		FIELD("retry-after", "1") };
	static const nghttp2_nv wrong[] = { FIELD(":status", "400") };
	int status = number >= 0 && number < count ? decide(number) : 400;

	requests++;
	if (status == 201)
		nghttp2_submit_response(session, id, created, 1, NULL);
	else if (status == 410)
		nghttp2_submit_response(session, id, ended, 1, NULL);
	else if (status == 429)
		nghttp2_submit_response(session, id, later, 2, NULL);
	else
		nghttp2_submit_response(session, id, wrong, 1, NULL);
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *arg)
{
	struct connection *connection = arg;

	if ((frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS) &&
		(frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) {
		struct stream *stream = nghttp2_session_get_stream_user_data(
			session, frame->hd.stream_id);
		if (stream &&
			(!connection->last || frame->hd.stream_id <= connection->last))
			reply(session, frame->hd.stream_id, stream->number);
		if (limit > 0 && ++connection->served == limit) {
			connection->last =
				nghttp2_session_get_last_proc_stream_id(session);
			nghttp2_submit_goaway(session, NGHTTP2_FLAG_NONE,
				connection->last, NGHTTP2_NO_ERROR, NULL, 0);
		}
	}
	return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t code, void *arg)
{
	(void)code, (void)arg;
	free(nghttp2_session_get_stream_user_data(session, id));
	return 0;
}

static void make_session(struct connection *connection)
{
	const nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 100 },
	};
	nghttp2_session_callbacks *callbacks;

	nghttp2_session_callbacks_new(&callbacks);
	nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
	nghttp2_session_server_new(&connection->session, callbacks, connection);
	nghttp2_session_callbacks_del(callbacks);
	nghttp2_submit_settings(connection->session, NGHTTP2_FLAG_NONE, settings, 1);
}

/* --- connections ---------------------------------------------------------------------
 */

static void watch(int operation, int fd, uint32_t events, void *data)
{
	struct epoll_event event = { .events = events, .data.ptr = data };

	if (epoll_ctl(poll_fd, operation, fd, &event) < 0)
		die("epoll_ctl");
}

static void hang_up(struct connection *connection)
{
	nghttp2_session_del(connection->session);
	SSL_free(connection->ssl);
	close(connection->fd);
	free(connection);
}

/* What the session has to say, gathered into records as large as may be. */
static bool send_all(struct connection *connection)
{
	for (;;) {
		while (connection->out_at < connection->out_length) {
			int n = SSL_write(connection->ssl,
				connection->out + connection->out_at,
				(int)(connection->out_length - connection->out_at));
			if (n <= 0)
				return SSL_get_error(connection->ssl, n) ==
					SSL_ERROR_WANT_WRITE;
			connection->out_at += (size_t)n;
		}
		connection->out_at = connection->out_length = 0;
		const uint8_t *data;
		while (connection->out_length < sizeof connection->out - 20000) {
			ssize_t n = nghttp2_session_mem_send(connection->session, &data);
			if (n < 0) {
				fprintf(stderr, "push_server: %s\n",
					nghttp2_strerror((int)n));
				return false;
			}
			if (n == 0)
				break;
			memcpy(connection->out + connection->out_length, data, (size_t)n);
			connection->out_length += (size_t)n;
		}
		if (connection->out_length == 0)
			return true;
	}
}

static bool receive(struct connection *connection)
{
	uint8_t buffer[64 << 10];

	for (;;) {
		int n = SSL_read(connection->ssl, buffer, sizeof buffer);
		if (n <= 0)
			return SSL_get_error(connection->ssl, n) == SSL_ERROR_WANT_READ;
		ssize_t taken_in =
			nghttp2_session_mem_recv(connection->session, buffer, (size_t)n);
		if (taken_in < 0) {
			fprintf(stderr, "push_server: %s\n",
				nghttp2_strerror((int)taken_in));
			return false;
		}
	}
}

/* Closing with something unread would take back what was said. */
static void listen_on(struct connection *connection)
{
	char heard[4096];
	ssize_t n;

	while ((n = recv(connection->fd, heard, sizeof heard, 0)) > 0)
		;
	if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
		hang_up(connection);
}

static void serve(struct connection *connection)
{
	if (connection->leaving) {
		listen_on(connection);
		return;
	}
	ERR_clear_error();
	/* Before the handshake is over there is nobody to write to. */
	if (!receive(connection) ||
		(SSL_is_init_finished(connection->ssl) && !send_all(connection))) {
		hang_up(connection);
		return;
	}
	if (!nghttp2_session_want_read(connection->session) &&
		!nghttp2_session_want_write(connection->session) &&
		connection->out_at == connection->out_length) {
		connection->leaving = true;
		SSL_shutdown(connection->ssl);
		shutdown(connection->fd, SHUT_WR);
		listen_on(connection);
		return;
	}
	bool wants = connection->out_at < connection->out_length;
	if (wants != connection->wants_write)
		watch(EPOLL_CTL_MOD, connection->fd,
			EPOLLIN | (wants ? (uint32_t)EPOLLOUT : 0), connection);
	connection->wants_write = wants;
}

static void welcome(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), yes = 1;
	struct connection *connection = calloc(1, sizeof *connection);

	if (fd < 0 || !connection)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
	connection->fd = fd;
	connection->ssl = SSL_new(tls);
	SSL_set_fd(connection->ssl, fd);
	SSL_set_accept_state(connection->ssl);
	make_session(connection);
	watch(EPOLL_CTL_ADD, fd, EPOLLIN, connection);
}

static void tell(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	char line[160];

	if (fd < 0)
		return;
	int length = snprintf(line, sizeof line, "%ld %ld %ld %ld %ld %ld\n", requests,
		distinct, twice, gone, busy, bytes);
	if (write(fd, line, (size_t)length) != length)
		fprintf(stderr, "push_server: nobody listens\n");
	close(fd);
}

static int open_port(const char *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)strtol(port, NULL, 10)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), yes = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
		listen(fd, 128) < 0)
		die(port);
	return fd;
}

/* "h2", and nothing else. */
static int choose(SSL *ssl, const unsigned char **out, unsigned char *length,
	const unsigned char *in, unsigned in_length, void *arg)
{
	(void)ssl, (void)arg;
	return nghttp2_select_next_protocol(
		       (unsigned char **)(void *)out, length, in, in_length) == 1
		? SSL_TLSEXT_ERR_OK
		: SSL_TLSEXT_ERR_NOACK;
}

int main(int argc, char **argv)
{
	struct epoll_event events[EVENTS];
	int listeners[2];

	if (argc < 6) {
		fprintf(stderr,
			"push_server PORT STATS_PORT CERT KEY COUNT [EVERY [LIMIT]]\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	count = strtol(argv[5], NULL, 10);
	every = argc > 6 ? strtol(argv[6], NULL, 10) : 0;
	limit = argc > 7 ? strtol(argv[7], NULL, 10) : 0;
	tries = calloc((size_t)count + 1, 1);
	taken = calloc((size_t)count + 1, 1);
	tls = SSL_CTX_new(TLS_server_method());
	if (!tries || !taken ||
		SSL_CTX_use_certificate_file(tls, argv[3], SSL_FILETYPE_PEM) != 1 ||
		SSL_CTX_use_PrivateKey_file(tls, argv[4], SSL_FILETYPE_PEM) != 1)
		die("certificate");
	SSL_CTX_set_mode(
		tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_alpn_select_cb(tls, choose, NULL);
	poll_fd = epoll_create1(EPOLL_CLOEXEC);
	for (int i = 0; i < 2; i++) {
		listeners[i] = open_port(argv[1 + i]);
		watch(EPOLL_CTL_ADD, listeners[i], EPOLLIN, &listeners[i]);
	}
	for (;;) {
		int n = epoll_wait(poll_fd, events, EVENTS, -1);
		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr == &listeners[0])
				welcome(listeners[0]);
			else if (events[i].data.ptr == &listeners[1])
				tell(listeners[1]);
			else
				serve(events[i].data.ptr);
		}
	}
}
