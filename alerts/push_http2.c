#include "alerts/push_http2.h"

#include <curl/curl.h>
#include <nghttp2/nghttp2.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"

enum {
	HOST_MAX = 128,
	STREAMS_MAX = 100,
	HEADERS_MAX = 16,
	NAME_MAX_BYTES = 40,
	READ_BYTES = 16 << 10,
	WRITE_BYTES = 64 << 10,
	FRAME_BYTES = 20000, /* no frame of ours is longer */
	STATUS_FIRST = 200,  /* final answer */
};

struct push_http2 {
	int fd;
	SSL *ssl;
	nghttp2_session *session;
	enum push_http2_state state;
	bool wants_write;
	char authority[HOST_MAX]; /* host[:port] */
	char why[PUSH_REASON_SIZE];
	int64_t heard_ms;
	struct push_requests active, over;
	size_t out_length, out_at;
	char out[WRITE_BYTES];
};

/* --- TLS ------------------------------------------------------------------------------
 */

SSL_CTX *push_http2_context(const char *ca_file, char *why, size_t size)
{
	static const unsigned char protocols[] = "\x02h2\x08http/1.1";
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	bool ok = context &&
		SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
		SSL_CTX_set_alpn_protos(context, protocols, sizeof protocols - 1) == 0 &&
		(*ca_file ? SSL_CTX_load_verify_file(context, ca_file)
			  : SSL_CTX_set_default_verify_paths(context)) == 1;

	ERR_clear_error();
	if (!ok) {
		snprintf(why, size, "no certificate authorities can be read%s%s",
			*ca_file ? " from " : "", ca_file);
		SSL_CTX_free(context);
		return NULL;
	}
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_mode(context,
		SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	return context;
}

/* The certificate must be for HOST, a name or an address. */
static bool expect_host(SSL *ssl, const char *authority)
{
	char host[HOST_MAX];
	bool six = authority[0] == '[';
	size_t length = six ? strcspn(authority + 1, "]") : strcspn(authority, ":");

	snprintf(host, sizeof host, "%.*s", (int)length, authority + six);
	if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1)
		return true;
	ERR_clear_error();
	return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

static enum push_http2_state end(struct push_http2 *connection, const char *why)
{
	snprintf(connection->why, sizeof connection->why, "%s", why);
	connection->state = PUSH_HTTP2_ENDED;
	connection->wants_write = false;
	return connection->state;
}

/* True where RESULT of an SSL call means that it may be called again later. */
static bool may_go_on(struct push_http2 *connection, int result)
{
	int error = SSL_get_error(connection->ssl, result);

	if (error == SSL_ERROR_WANT_WRITE)
		connection->wants_write = true;
	return error == SSL_ERROR_WANT_WRITE || error == SSL_ERROR_WANT_READ;
}

/* --- what nghttp2 calls ---------------------------------------------- */

static struct push_request *request_of(nghttp2_session *session, int32_t stream)
{
	return nghttp2_session_get_stream_user_data(session, stream);
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame,
	const uint8_t *name, size_t name_length, const uint8_t *value,
	size_t value_length, uint8_t flags, void *arg)
{
	struct push_request *request = request_of(session, frame->hd.stream_id);

	(void)flags;
	(void)arg;
	if (!request)
		return 0;
	if (name_length == 7 && memcmp(name, ":status", 7) == 0) {
		int status = (int)strtol((const char *)value, NULL, 10);
		request->status = status >= STATUS_FIRST ? status : 0;
	} else if (name_length == 11 && memcmp(name, "retry-after", 11) == 0) {
		push_request_retry_after(request, (const char *)value, value_length);
	}
	return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t stream,
	const uint8_t *data, size_t length, void *arg)
{
	struct push_request *request = request_of(session, stream);

	(void)flags;
	(void)arg;
	if (request)
		push_request_excerpt(request, (const char *)data, length);
	return 0;
}

static int on_close(nghttp2_session *session, int32_t stream, uint32_t code, void *arg)
{
	struct push_request *request = request_of(session, stream);
	struct push_http2 *connection = arg;

	if (!request)
		return 0;
	request->is_unseen = request->status == 0 && code == NGHTTP2_REFUSED_STREAM;
	push_request_end(request, request->status, nghttp2_http2_strerror(code));
	request->connection = NULL;
	push_requests_remove(&connection->active, request);
	push_requests_add(&connection->over, request);
	return 0;
}

static ssize_t read_body(nghttp2_session *session, int32_t stream, uint8_t *out,
	size_t size, uint32_t *flags, nghttp2_data_source *source, void *arg)
{
	struct push_request *request = source->ptr;
	size_t left = request->length - request->sent;

	(void)session;
	(void)stream;
	(void)arg;
	size = left < size ? left : size;
	memcpy(out, (const char *)request->body + request->sent, size);
	request->sent += size;
	if (request->sent == request->length)
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)size;
}

/* --- making one ------------------------------------------------------ */

static bool make_session(struct push_http2 *connection)
{
	static const nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_ENABLE_PUSH, 0 },
	};
	nghttp2_session_callbacks *callbacks;

	if (nghttp2_session_callbacks_new(&callbacks) != 0)
		return false;
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
	bool ok = nghttp2_session_client_new(
			  &connection->session, callbacks, connection) == 0 &&
		nghttp2_submit_settings(
			connection->session, NGHTTP2_FLAG_NONE, settings, 1) == 0;
	nghttp2_session_callbacks_del(callbacks);
	return ok;
}

struct push_http2 *push_http2_new(
	SSL_CTX *context, int fd, const char *origin, int64_t now_ms)
{
	struct push_http2 *connection = calloc(1, sizeof *connection);
	const char *authority = strstr(origin, "://");

	if (!connection || !authority) {
		free(connection);
		close(fd);
		return NULL;
	}
	connection->fd = fd;
	connection->heard_ms = now_ms;
	snprintf(
		connection->authority, sizeof connection->authority, "%s", authority + 3);
	connection->ssl = SSL_new(context);
	if (!connection->ssl || SSL_set_fd(connection->ssl, fd) != 1 ||
		!expect_host(connection->ssl, connection->authority) ||
		!make_session(connection)) {
		push_http2_free(connection);
		ERR_clear_error();
		return NULL;
	}
	SSL_set_connect_state(connection->ssl);
	return connection;
}

void push_http2_free(struct push_http2 *connection)
{
	if (!connection)
		return;
	nghttp2_session_del(connection->session);
	SSL_free(connection->ssl);
	close(connection->fd);
	free(connection);
}

/* --- moving ---------------------------------------------------------- */

static enum push_http2_state shake_hands(struct push_http2 *connection)
{
	const unsigned char *protocol;
	unsigned length = 0;
	int result = SSL_do_handshake(connection->ssl);

	if (result != 1) {
		if (may_go_on(connection, result))
			return connection->state;
		long verdict = SSL_get_verify_result(connection->ssl);
		return end(connection,
			verdict == X509_V_OK ? "no TLS connection comes about"
					     : X509_verify_cert_error_string(verdict));
	}
	SSL_get0_alpn_selected(connection->ssl, &protocol, &length);
	connection->state = length == 2 && memcmp(protocol, "h2", 2) == 0
		? PUSH_HTTP2_READY
		: PUSH_HTTP2_OTHER;
	return connection->state;
}

static bool receive(struct push_http2 *connection)
{
	uint8_t bytes[READ_BYTES];

	for (;;) {
		int n = SSL_read(connection->ssl, bytes, sizeof bytes);
		if (n <= 0)
			return may_go_on(connection, n);
		connection->heard_ms = clock_real_ms();
		if (nghttp2_session_mem_recv(connection->session, bytes, (size_t)n) < 0)
			return false;
	}
}

/* Frames are gathered: many go out in one record. */
static bool gather(struct push_http2 *connection)
{
	const uint8_t *data;

	connection->out_at = connection->out_length = 0;
	while (connection->out_length < WRITE_BYTES - FRAME_BYTES) {
		ssize_t n = nghttp2_session_mem_send(connection->session, &data);
		if (n < 0 || (size_t)n > WRITE_BYTES - connection->out_length)
			return false;
		if (n == 0)
			break;
		memcpy(connection->out + connection->out_length, data, (size_t)n);
		connection->out_length += (size_t)n;
	}
	return true;
}

static bool transmit(struct push_http2 *connection)
{
	for (;;) {
		while (connection->out_at < connection->out_length) {
			int n = SSL_write(connection->ssl,
				connection->out + connection->out_at,
				(int)(connection->out_length - connection->out_at));
			if (n <= 0)
				return may_go_on(connection, n);
			connection->out_at += (size_t)n;
		}
		if (!gather(connection))
			return false;
		if (connection->out_length == 0)
			return true;
	}
}

enum push_http2_state push_http2_drive(struct push_http2 *connection)
{
	connection->wants_write = false;
	ERR_clear_error();
	if (connection->state == PUSH_HTTP2_SHAKING)
		shake_hands(connection);
	if (connection->state != PUSH_HTTP2_READY)
		return connection->state;
	bool ok = receive(connection);
	if (ok && !transmit(connection)) {
		/* Who has hung up may have said something before. */
		receive(connection);
		ok = false;
	}
	ERR_clear_error();
	if (!ok)
		return end(connection, "the connection has ended");
	if (!nghttp2_session_want_read(connection->session) &&
		!nghttp2_session_want_write(connection->session))
		return end(connection, "the service has ended the connection");
	return connection->state;
}

/* --- requests -------------------------------------------------------- */

unsigned push_http2_room(const struct push_http2 *connection)
{
	uint32_t most;

	if (connection->state != PUSH_HTTP2_READY ||
		!nghttp2_session_check_request_allowed(connection->session))
		return 0;
	most = nghttp2_session_get_remote_settings(
		connection->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
	most = most < STREAMS_MAX ? most : STREAMS_MAX;
	return connection->active.count < most ? most - connection->active.count : 0;
}

static nghttp2_nv field(const char *name, size_t name_length, const char *value)
{
	return (nghttp2_nv){ .name = (uint8_t *)name,
		.namelen = name_length,
		.value = (uint8_t *)value,
		.valuelen = strlen(value) };
}

/* "Name: value" with the name in small letters, as HTTP/2 has it, in NAME. */
static nghttp2_nv named(const char *header, char name[static NAME_MAX_BYTES])
{
	size_t length = strcspn(header, ":");

	length = length < NAME_MAX_BYTES ? length : NAME_MAX_BYTES - 1;
	for (size_t i = 0; i < length; i++)
		name[i] = header[i] >= 'A' && header[i] <= 'Z' ? (char)(header[i] | 32)
							       : header[i];
	const char *value = header + length;
	return field(name, length, value + strspn(value, ": "));
}

/* The URL's host is the origin's, which was looked at; what follows it is the path. */
static const char *path_of(const char *url)
{
	const char *host = strstr(url, "://");
	const char *path = host ? strchr(host + 3, '/') : NULL;

	return path ? path : "/";
}

bool push_http2_send(struct push_http2 *connection, struct push_request *request)
{
	char names[HEADERS_MAX][NAME_MAX_BYTES], length[24];
	nghttp2_nv fields[HEADERS_MAX + 6];
	size_t count = 0, i = 0;
	nghttp2_data_provider body = { .source.ptr = request,
		.read_callback = read_body };

	snprintf(length, sizeof length, "%zu", request->length);
	fields[count++] = field(":method", 7, "POST");
	fields[count++] = field(":scheme", 7, "https");
	fields[count++] = field(":authority", 10, connection->authority);
	fields[count++] = field(":path", 5, path_of(request->url));
	for (const struct curl_slist *header = request->headers;
		header && i < HEADERS_MAX; header = header->next)
		fields[count++] = named(header->data, names[i++]);
	fields[count++] = field("user-agent", 10, "muabui");
	fields[count++] = field("content-length", 14, length);
	request->sent = 0;
	request->stream = nghttp2_submit_request(
		connection->session, NULL, fields, count, &body, request);
	if (request->stream < 0)
		return false;
	request->connection = connection;
	push_requests_add(&connection->active, request);
	return true;
}

struct push_request *push_http2_take(struct push_http2 *connection, bool all)
{
	struct push_request *request = push_requests_pop(&connection->over);

	if (request || !all)
		return request;
	request = push_requests_pop(&connection->active);
	if (!request)
		return NULL;
	nghttp2_session_set_stream_user_data(connection->session, request->stream, NULL);
	request->connection = NULL;
	push_request_end(request, request->status, connection->why);
	return request;
}

void push_http2_cancel(struct push_http2 *connection, struct push_request *request)
{
	nghttp2_session_set_stream_user_data(connection->session, request->stream, NULL);
	nghttp2_submit_rst_stream(
		connection->session, NGHTTP2_FLAG_NONE, request->stream, NGHTTP2_CANCEL);
	push_requests_remove(&connection->active, request);
	request->connection = NULL;
}

struct push_request *push_http2_overdue(struct push_http2 *connection, int64_t now_ms)
{
	struct push_request *request = connection->active.first;

	/* In the order of sending, so the first is the longest on its way. */
	return request && request->deadline_ms <= now_ms ? request : NULL;
}

int push_http2_fd(const struct push_http2 *connection)
{
	return connection->fd;
}

bool push_http2_wants_write(const struct push_http2 *connection)
{
	return connection->wants_write;
}

const char *push_http2_why(const struct push_http2 *connection)
{
	return connection->why;
}

enum push_http2_state push_http2_state(const struct push_http2 *connection)
{
	return connection->state;
}

int64_t push_http2_heard_ms(const struct push_http2 *connection)
{
	return connection->heard_ms;
}

unsigned push_http2_count(const struct push_http2 *connection)
{
	return connection->active.count + connection->over.count;
}
