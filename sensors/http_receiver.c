/*
 * One small server per address. A thread opens the address, again and again where it is
 * taken, and then libmicrohttpd's own serves it. A request is answered 200 only when what
 * it brought is in the ring: a sender that hears nothing, or anything else, keeps it.
 */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "core/buffer.h"
#include "core/clock.h"
#include "core/listen.h"
#include "core/log.h"
#include "core/secret.h"
#include "core/thread.h"
#include "sensors/http.h"
#include "sensors/inbox.h"
#include "store/codec.h"

enum {
	CONNECTIONS = 128,
	CONNECTIONS_PER_IP = 16,
	CONNECTION_TIMEOUT_S = 15,
	CONNECTION_MEMORY = 8 << 10,
	LIVE_MAX = 32 << 20, /* bytes of all bodies being received at one time */
	ADDRESSES = 512,     /* whose rate is known; the longest unheard gives way */
	PATH_SIZE = 512,
	RETRY_FIRST_MS = 1000,
	RETRY_MAX_MS = 30 * 1000,
};

/* One sensor's part of the server. */
struct site {
	const struct http_options *options;
	struct inbox inbox;
	char filter[PATH_SIZE];
	char token[SECRET_MAX]; /* "": none is asked for */
	bool is_shut;           /* the token cannot be read: nobody may */
};

/* How many requests an address may make at once: filled up as time passes. */
struct allowance {
	uint64_t address; /* hash, 0: free */
	double requests;
	int64_t seen_ms;
};

/* Sites and allowances are the server's thread's. */
struct http_receiver {
	const char *listen;
	pthread_t thread;
	struct bell bell;
	struct MHD_Daemon *daemon;
	size_t live;
	struct allowance allowances[ADDRESSES];
	size_t count;
	struct site sites[];
};

struct request {
	struct http_receiver *receiver;
	struct site *site;
	char topic[PATH_SIZE];
	char sender[NAME_SIZE];
	struct buffer body;
	size_t reserved; /* counted in live */
	bool is_too_large;
};

/* --- who may ---------------------------------------------------------------- */

/* Takes the same time wherever the first difference is. */
static bool is_same(const char *secret, const char *shown)
{
	size_t length = strlen(secret), shown_length = strlen(shown);
	unsigned char difference = length != shown_length;

	for (size_t i = 0; i < shown_length; i++)
		difference |= (unsigned char)(secret[i % (length + 1)] ^ shown[i]);
	return difference == 0;
}

static const char *header(struct MHD_Connection *connection, const char *name)
{
	const char *value =
		MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);

	return value ? value : "";
}

static bool has_password(const struct site *site, struct MHD_Connection *connection)
{
	char *password = NULL;
	char *user = MHD_basic_auth_get_username_password(connection, &password);
	bool fits = password && is_same(site->token, password);

	MHD_free(user);
	MHD_free(password);
	return fits;
}

static bool may_send(const struct site *site, struct MHD_Connection *connection,
	const char *path_token)
{
	const char *authorization = header(connection, "Authorization");

	if (!*site->token)
		return true;
	if (strstr(site->options->path, "{token}"))
		return is_same(site->token, path_token);
	if (strncasecmp(authorization, "Bearer ", 7) == 0)
		return is_same(site->token, authorization + 7);
	if (strncasecmp(authorization, "Basic ", 6) == 0)
		return has_password(site, connection);
	return is_same(site->token, header(connection, "X-Token"));
}

/* A network of its own is one sender: /64 of IPv6. */
static uint64_t address_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

	if (!info || !info->client_addr)
		return 1;
	if (info->client_addr->sa_family == AF_INET6) {
		const struct sockaddr_in6 *six =
			(const struct sockaddr_in6 *)(const void *)info->client_addr;
		bool is_four = IN6_IS_ADDR_V4MAPPED(&six->sin6_addr);
		return codec_hash(0, &six->sin6_addr, is_four ? 16 : 8);
	}
	const struct sockaddr_in *four =
		(const struct sockaddr_in *)(const void *)info->client_addr;
	return codec_hash(0, &four->sin_addr, sizeof four->sin_addr);
}

static bool is_within_rate(struct http_receiver *receiver, uint64_t address, int rate)
{
	struct allowance *oldest = &receiver->allowances[0], *one = NULL;
	int64_t now_ms = clock_real_ms();

	/* Free ones were never seen. */
	for (size_t i = 0; i < ADDRESSES && !one; i++) {
		struct allowance *allowance = &receiver->allowances[i];
		if (allowance->address == address)
			one = allowance;
		else if (allowance->seen_ms < oldest->seen_ms)
			oldest = allowance;
	}
	if (!one) {
		one = oldest;
		*one = (struct allowance){ .address = address, .requests = rate };
	} else {
		one->requests += (double)(now_ms - one->seen_ms) * rate / 60000;
		if (one->requests > rate)
			one->requests = rate;
	}
	one->seen_ms = now_ms;
	if (one->requests < 1)
		return false;
	one->requests -= 1;
	return true;
}

/* --- requests ------------------------------------------------------------------ */

static enum MHD_Result answer(
	struct MHD_Connection *connection, unsigned status, const char *text)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
		strlen(text), (void *)text, MHD_RESPMEM_PERSISTENT);

	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, "Content-Type", "text/plain; charset=utf-8");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, "Allow", "POST");
	if (status == MHD_HTTP_TOO_MANY_REQUESTS ||
		status == MHD_HTTP_SERVICE_UNAVAILABLE)
		MHD_add_response_header(response, "Retry-After", "30");
	if (status == MHD_HTTP_UNAUTHORIZED)
		MHD_add_response_header(
			response, "WWW-Authenticate", "Basic realm=\"muabui\"");
	enum MHD_Result result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static struct site *find_site(struct http_receiver *receiver, const char *url,
	char token[static PATH_SIZE], char topic[static PATH_SIZE])
{
	/* Escapes are not read: none is needed, and %00 or %2F must not fool anybody. */
	if (strchr(url, '%'))
		return NULL;
	for (size_t i = 0; i < receiver->count; i++)
		if (http_match(receiver->sites[i].options->path, url, token, topic,
			    PATH_SIZE))
			return &receiver->sites[i];
	return NULL;
}

/* Does the head alone say that it is too large? */
static bool is_too_long(struct MHD_Connection *connection, int64_t limit)
{
	const char *length = header(connection, "Content-Length");

	return strlen(length) > 12 || strtoll(length, NULL, 10) > limit;
}

static enum MHD_Result refuse_wrong_token(
	struct site *site, struct MHD_Connection *connection)
{
	inbox_note(&site->inbox, SENSOR_BAD_SYNC, "a request with a wrong token");
	return answer(connection, MHD_HTTP_UNAUTHORIZED, "wrong token\n");
}

/* The head is there. Refusals go out now, so that no body is read for nothing. */
static enum MHD_Result begin(struct http_receiver *receiver,
	struct MHD_Connection *connection, const char *url, const char *method,
	void **context)
{
	char token[PATH_SIZE], topic[PATH_SIZE];
	struct site *site = find_site(receiver, url, token, topic);
	struct request *request;

	if (!site)
		return answer(connection, MHD_HTTP_NOT_FOUND, "nothing is here\n");
	if (strcmp(method, "POST") != 0)
		return answer(
			connection, MHD_HTTP_METHOD_NOT_ALLOWED, "readings are posted\n");
	if (!is_within_rate(receiver, address_of(connection), site->options->rate))
		return answer(connection, MHD_HTTP_TOO_MANY_REQUESTS, "too often\n");
	if (site->is_shut)
		return answer(connection, MHD_HTTP_SERVICE_UNAVAILABLE,
			"not ready: its token cannot be read\n");
	if (!may_send(site, connection, token))
		return refuse_wrong_token(site, connection);
	if (is_too_long(connection, format_payload_max(&site->options->payload))) {
		inbox_note(&site->inbox, SENSOR_TOO_LARGE, topic);
		return answer(connection, MHD_HTTP_CONTENT_TOO_LARGE, "too large\n");
	}
	request = calloc(1, sizeof *request);
	if (!request)
		return MHD_NO;
	request->receiver = receiver;
	request->site = site;
	memcpy(request->topic, topic, sizeof topic);
	snprintf(request->sender, sizeof request->sender, "%s",
		header(connection, "X-Sensor"));
	buffer_init(&request->body, format_payload_max(&site->options->payload));
	*context = request;
	return MHD_YES;
}

static void take_body(struct request *request, const char *bytes, size_t length)
{
	struct http_receiver *receiver = request->receiver;

	if (request->is_too_large)
		return;
	if (receiver->live + length <= LIVE_MAX)
		buffer_append(&request->body, bytes, length);
	else
		request->body.failed = true;
	if (request->body.failed) {
		request->is_too_large = true;
		return;
	}
	receiver->live += length;
	request->reserved += length;
}

static enum MHD_Result finish(struct request *request, struct MHD_Connection *connection)
{
	struct inbox *inbox = &request->site->inbox;
	struct inbox_message message = {
		.payload = {
			.topic = request->topic,
			.bytes = (const uint8_t *)buffer_text(&request->body),
			.length = request->body.length,
			.sender = request->sender,
		},
	};
	int accepted;

	if (request->is_too_large) {
		inbox_note(inbox, SENSOR_TOO_LARGE, request->topic);
		return answer(connection, MHD_HTTP_CONTENT_TOO_LARGE, "too large\n");
	}
	enum sensor_result result = inbox_take(inbox, &message, &accepted);
	if (accepted < 0)
		return answer(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "try again\n");
	/* Where something good came with something bad, sent again it would be no better.
	 */
	if (result == SENSOR_OK || result == SENSOR_IGNORED || accepted > 0)
		return answer(connection, MHD_HTTP_OK, "ok\n");
	if (result == SENSOR_TOO_LARGE)
		return answer(connection, MHD_HTTP_CONTENT_TOO_LARGE, "too large\n");
	return answer(connection, MHD_HTTP_BAD_REQUEST, "not what is expected here\n");
}

static enum MHD_Result handle(void *arg, struct MHD_Connection *connection,
	const char *url, const char *method, const char *version, const char *upload,
	size_t *upload_size, void **context)
{
	(void)version;
	if (!*context)
		return begin(arg, connection, url, method, context);
	if (*upload_size > 0) {
		take_body(*context, upload, *upload_size);
		*upload_size = 0;
		return MHD_YES;
	}
	return finish(*context, connection);
}

static void completed(void *arg, struct MHD_Connection *connection, void **context,
	enum MHD_RequestTerminationCode code)
{
	struct request *request = *context;

	(void)arg;
	(void)connection;
	(void)code;
	if (!request)
		return;
	request->receiver->live -= request->reserved;
	buffer_free(&request->body);
	free(request);
	*context = NULL;
}

static size_t leave_escaped(void *arg, struct MHD_Connection *connection, char *text)
{
	(void)arg;
	(void)connection;
	return strlen(text);
}

/* --- the server -------------------------------------------------------------------- */

static void set_connected(struct http_receiver *receiver, bool is_connected)
{
	for (size_t i = 0; i < receiver->count; i++)
		receiver->sites[i].inbox.sensor->stats.connected = is_connected;
}

static bool serve(struct http_receiver *receiver, char *why, size_t size)
{
	int fd = listen_open(receiver->listen, why, size);

	if (fd < 0)
		return false;
	receiver->daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL,
		handle, receiver, MHD_OPTION_LISTEN_SOCKET, fd,
		MHD_OPTION_NOTIFY_COMPLETED, completed, NULL, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)CONNECTIONS, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
		(unsigned)CONNECTIONS_PER_IP, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned)CONNECTION_TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)CONNECTION_MEMORY, MHD_OPTION_STRICT_FOR_CLIENT, 1,
		MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL, MHD_OPTION_END);
	if (receiver->daemon)
		return true;
	snprintf(why, size, "%s: the HTTP server cannot be started", receiver->listen);
	close(fd);
	return false;
}

static void *run(void *arg)
{
	struct http_receiver *receiver = arg;
	int64_t pause_ms = RETRY_FIRST_MS;
	char why[256];

	while (!serve(receiver, why, sizeof why)) {
		for (size_t i = 0; i < receiver->count; i++)
			inbox_note(&receiver->sites[i].inbox, SENSOR_PORT_ERROR, why);
		if (!bell_wait(&receiver->bell, pause_ms))
			return NULL;
		pause_ms = pause_ms * 2 < RETRY_MAX_MS ? pause_ms * 2 : RETRY_MAX_MS;
	}
	set_connected(receiver, true);
	log_notice("sensors: readings are received on %s", receiver->listen);
	while (bell_wait(&receiver->bell, -1))
		continue;
	MHD_stop_daemon(receiver->daemon);
	set_connected(receiver, false);
	return NULL;
}

static bool open_site(struct site *site, struct sensor *sensor)
{
	const struct http_options *options = sensor->item->options;
	char why[256];

	site->options = options;
	if (!http_filter(options->path, site->filter, sizeof site->filter) ||
		inbox_init(&site->inbox, sensor, &options->payload, site->filter) < 0)
		return false;
	if (*options->token_file &&
		!secret_read(options->token_file, site->token, why, sizeof why)) {
		log_error("sensor %s: token_file: %s", sensor->name, why);
		site->is_shut = true;
	}
	return true;
}

static void free_receiver(struct http_receiver *receiver)
{
	for (size_t i = 0; i < receiver->count; i++) {
		inbox_finish(&receiver->sites[i].inbox);
		secret_wipe(receiver->sites[i].token, sizeof receiver->sites[i].token);
	}
	bell_free(&receiver->bell);
	free(receiver);
}

struct http_receiver *http_receiver_start(struct sensor *const *sensors, size_t count)
{
	struct http_receiver *receiver =
		calloc(1, sizeof *receiver + count * sizeof *receiver->sites);

	if (!receiver)
		return NULL;
	bell_init(&receiver->bell);
	receiver->listen =
		((const struct http_options *)sensors[0]->item->options)->listen;
	for (size_t i = 0; i < count; i++) {
		receiver->count++;
		if (!open_site(&receiver->sites[i], sensors[i]))
			goto fail;
	}
	if (thread_start(&receiver->thread, "http-in", run, receiver) == 0)
		return receiver;
fail:
	log_error("sensors: no receiver on %s: no memory or no thread", receiver->listen);
	free_receiver(receiver);
	return NULL;
}

void http_receiver_stop(struct http_receiver *receiver)
{
	if (!receiver)
		return;
	bell_stop(&receiver->bell);
	pthread_join(receiver->thread, NULL);
	free_receiver(receiver);
}
