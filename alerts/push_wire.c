#include "alerts/push_wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/push_easy.h"
#include "alerts/push_http2.h"
#include "core/clock.h"

enum {
	SERVICES_MAX = 128,
	CONNECTIONS_MAX = 32, /* to one service */
	POLLED_MAX = 256,
	TRIES_MAX = 3, /* of a request that a service has not looked at */
	IDLE_MS = 55 * 1000,
	LOOK_MS = 100, /* for what is overdue */
	NAME_MAX_BYTES = 128,
};

/* One push service. */
struct service {
	char origin[NAME_MAX_BYTES];
	bool is_old; /* it does not speak HTTP/2 */
	struct push_dial dial;
	struct push_requests waiting; /* for a connection with room */
	struct push_http2 *connections[CONNECTIONS_MAX];
	int64_t since_ms; /* of the newest connection: its handshake is limited */
	int64_t used_ms;
};

struct push_wire {
	CURLM *multi;
	SSL_CTX *tls;
	long timeout_ms;
	int connections;
	char *ca_file;
	struct push_requests finished;
	int64_t looked_ms;
	size_t count;
	struct service services[SERVICES_MAX];
	struct curl_waitfd polled[POLLED_MAX];
};

struct push_wire *push_wire_new(
	const struct push_wire_settings *settings, char *why, size_t size)
{
	const char *ca_file = settings->ca_file ? settings->ca_file : "";
	struct push_wire *wire = calloc(1, sizeof *wire);

	snprintf(why, size, "out of memory");
	if (!wire)
		return NULL;
	wire->timeout_ms = (long)settings->timeout_ms;
	wire->connections = settings->connections < CONNECTIONS_MAX
		? settings->connections
		: CONNECTIONS_MAX;
	wire->ca_file = strdup(ca_file);
	wire->multi = curl_multi_init();
	wire->tls = push_http2_context(ca_file, why, size);
	if (!wire->ca_file || !wire->multi || !wire->tls) {
		push_wire_free(wire);
		return NULL;
	}
	curl_multi_setopt(
		wire->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)settings->connections);
	return wire;
}

static void hang_up(struct push_wire *wire, struct service *service)
{
	push_dial_cancel(wire->multi, &service->dial);
	for (int i = 0; i < CONNECTIONS_MAX; i++) {
		push_http2_free(service->connections[i]);
		service->connections[i] = NULL;
	}
}

void push_wire_free(struct push_wire *wire)
{
	if (!wire)
		return;
	for (size_t i = 0; i < wire->count; i++)
		hang_up(wire, &wire->services[i]);
	if (wire->multi)
		curl_multi_cleanup(wire->multi);
	SSL_CTX_free(wire->tls);
	free(wire->ca_file);
	free(wire);
}

void push_request_free(struct push_request *request)
{
	curl_easy_cleanup(request->easy);
	request->easy = NULL;
}

/* --- services -------------------------------------------------------- */

static bool is_idle(const struct service *service)
{
	if (service->dial.easy || service->waiting.count > 0)
		return false;
	for (int i = 0; i < CONNECTIONS_MAX; i++)
		if (service->connections[i] &&
			push_http2_count(service->connections[i]) > 0)
			return false;
	return true;
}

static struct service *find_service(struct push_wire *wire, const char *origin)
{
	struct service *oldest = NULL;

	for (size_t i = 0; i < wire->count; i++) {
		struct service *service = &wire->services[i];

		if (strcmp(service->origin, origin) == 0)
			return service;
		if (is_idle(service) && (!oldest || service->used_ms < oldest->used_ms))
			oldest = service;
	}
	if (wire->count < SERVICES_MAX)
		oldest = &wire->services[wire->count++];
	if (!oldest)
		return NULL;
	hang_up(wire, oldest);
	*oldest = (struct service){ 0 };
	snprintf(oldest->origin, sizeof oldest->origin, "%s", origin);
	oldest->is_old = strncmp(origin, "https://", 8) != 0;
	return oldest;
}

static void finish(struct push_wire *wire, struct push_request *request, const char *why)
{
	if (why)
		push_request_end(request, 0, why);
	push_requests_add(&wire->finished, request);
}

static void wait(struct service *service, struct push_request *request)
{
	request->waiting = &service->waiting;
	push_requests_add(&service->waiting, request);
}

static struct push_request *next_waiting(struct service *service)
{
	struct push_request *request = push_requests_pop(&service->waiting);

	if (request)
		request->waiting = NULL;
	return request;
}

static void fail_waiting(struct push_wire *wire, struct service *service, const char *why)
{
	struct push_request *request;

	while ((request = next_waiting(service)))
		finish(wire, request, why);
}

/* --- connections ----------------------------------------------------- */

static void send_old(struct push_wire *wire, struct push_request *request)
{
	request->is_easy =
		push_easy_send(wire->multi, request, wire->timeout_ms, wire->ca_file);
	if (!request->is_easy)
		finish(wire, request, "out of memory");
}

/* What is over on CONNECTION: to the finished, or once more to those that wait. */
static void collect(struct push_wire *wire, struct service *service,
	struct push_http2 *connection, bool all)
{
	struct push_request *request;

	while ((request = push_http2_take(connection, all))) {
		if (!request->is_unseen || ++request->tries >= TRIES_MAX) {
			finish(wire, request, NULL);
			continue;
		}
		push_request_reset(request);
		wait(service, request);
	}
}

static void drop(struct push_wire *wire, struct service *service, int index)
{
	struct push_http2 *connection = service->connections[index];

	collect(wire, service, connection, true);
	push_http2_free(connection);
	service->connections[index] = NULL;
}

static void drive(struct push_wire *wire, struct service *service, int index)
{
	struct push_http2 *connection = service->connections[index];
	bool was_shaking = push_http2_state(connection) == PUSH_HTTP2_SHAKING;
	enum push_http2_state state = push_http2_drive(connection);
	struct push_request *request;

	collect(wire, service, connection, false);
	if (state == PUSH_HTTP2_ENDED) {
		if (was_shaking)
			fail_waiting(wire, service, push_http2_why(connection));
		drop(wire, service, index);
	} else if (state == PUSH_HTTP2_OTHER) {
		service->is_old = true;
		drop(wire, service, index);
		while ((request = next_waiting(service)))
			send_old(wire, request);
	}
}

/* The connection with the most room; *SHAKING: one is coming about. */
static struct push_http2 *find_room(
	const struct service *service, bool *shaking, int *free_index)
{
	struct push_http2 *best = NULL;
	unsigned most = 0;

	*shaking = service->dial.easy != NULL;
	*free_index = -1;
	for (int i = CONNECTIONS_MAX - 1; i >= 0; i--) {
		struct push_http2 *connection = service->connections[i];

		if (!connection) {
			*free_index = i;
			continue;
		}
		*shaking |= push_http2_state(connection) == PUSH_HTTP2_SHAKING;
		if (push_http2_room(connection) > most) {
			most = push_http2_room(connection);
			best = connection;
		}
	}
	return best;
}

/* Puts those that wait on connections; begins another where all are full. */
static void assign(struct push_wire *wire, struct service *service)
{
	bool shaking;
	int index;

	while (service->waiting.count > 0) {
		struct push_http2 *connection = find_room(service, &shaking, &index);

		if (!connection) {
			if (shaking || index < 0 || index >= wire->connections)
				return;
			service->dial.may_be_private =
				service->waiting.first->may_be_private;
			if (!push_dial_begin(wire->multi, &service->dial, service->origin,
				    wire->timeout_ms))
				fail_waiting(wire, service, "out of memory");
			return;
		}
		struct push_request *request = next_waiting(service);
		if (!push_http2_send(connection, request))
			finish(wire, request, "the connection takes no more");
	}
}

static void drive_all(struct push_wire *wire)
{
	for (size_t i = 0; i < wire->count; i++) {
		struct service *service = &wire->services[i];

		assign(wire, service);
		for (int j = 0; j < CONNECTIONS_MAX; j++)
			if (service->connections[j])
				drive(wire, service, j);
	}
}

/* A connection has come about, or has not. */
static void end_dial(struct push_wire *wire, struct service *service, CURLcode code)
{
	char why[PUSH_REASON_SIZE] = "out of memory";
	int64_t now_ms = clock_real_ms();
	bool shaking;
	int index;

	int fd = push_dial_end(wire->multi, &service->dial, code, why, sizeof why);
	find_room(service, &shaking, &index);
	if (fd >= 0) {
		service->connections[index] =
			push_http2_new(wire->tls, fd, service->origin, now_ms);
		service->since_ms = now_ms;
	}
	if (fd < 0 || !service->connections[index])
		fail_waiting(wire, service, why);
}

static struct service *find_dial(struct push_wire *wire, const CURL *easy)
{
	for (size_t i = 0; i < wire->count; i++)
		if (wire->services[i].dial.easy == easy)
			return &wire->services[i];
	return NULL;
}

static void read_curl(struct push_wire *wire)
{
	struct push_request *request = NULL;
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(wire->multi, &left))) {
		if (message->msg != CURLMSG_DONE)
			continue;
		CURLcode code = message->data.result;
		struct service *service = find_dial(wire, message->easy_handle);
		if (service) {
			end_dial(wire, service, code);
			continue;
		}
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &request);
		push_easy_end(wire->multi, request, code);
		request->is_easy = false;
		finish(wire, request, NULL);
	}
}

/* --- time ------------------------------------------------------------ */

static void look_at_connection(
	struct push_wire *wire, struct service *service, int index, int64_t now_ms)
{
	struct push_http2 *connection = service->connections[index];
	int64_t silent_ms = now_ms - push_http2_heard_ms(connection);
	struct push_request *request;
	bool is_late = false;

	while ((request = push_http2_overdue(connection, now_ms))) {
		push_http2_cancel(connection, request);
		finish(wire, request, "no answer in time");
		is_late = true;
	}
	bool is_stuck = push_http2_state(connection) == PUSH_HTTP2_SHAKING &&
		now_ms - service->since_ms >= wire->timeout_ms;
	if (is_stuck)
		fail_waiting(wire, service, "no TLS connection in time");
	if (is_stuck || (is_late && silent_ms >= wire->timeout_ms) ||
		(push_http2_count(connection) == 0 && silent_ms > IDLE_MS))
		drop(wire, service, index);
}

static void look_at_clock(struct push_wire *wire)
{
	int64_t now_ms = clock_real_ms();

	if (now_ms - wire->looked_ms < LOOK_MS)
		return;
	wire->looked_ms = now_ms;
	for (size_t i = 0; i < wire->count; i++) {
		struct service *service = &wire->services[i];

		for (int j = 0; j < CONNECTIONS_MAX; j++)
			if (service->connections[j])
				look_at_connection(wire, service, j, now_ms);
		while (service->waiting.first &&
			service->waiting.first->deadline_ms <= now_ms)
			finish(wire, next_waiting(service), "no connection in time");
	}
}

/* --- requests -------------------------------------------------------- */

bool push_wire_send(struct push_wire *wire, struct push_request *request)
{
	struct service *service = find_service(wire, request->origin);

	if (!service)
		return false;
	push_request_reset(request);
	request->tries = 0;
	request->connection = NULL;
	request->deadline_ms = clock_real_ms() + wire->timeout_ms;
	service->used_ms = clock_real_ms();
	request->is_easy = service->is_old &&
		push_easy_send(wire->multi, request, wire->timeout_ms, wire->ca_file);
	if (!service->is_old)
		wait(service, request);
	return request->is_easy || !service->is_old;
}

static unsigned list_polled(struct push_wire *wire)
{
	unsigned count = 0;

	for (size_t i = 0; i < wire->count; i++)
		for (int j = 0; j < CONNECTIONS_MAX && count < POLLED_MAX; j++) {
			const struct push_http2 *connection =
				wire->services[i].connections[j];
			if (connection)
				wire->polled[count++] = (struct curl_waitfd){
					.fd = push_http2_fd(connection),
					.events = (short)(CURL_WAIT_POLLIN |
						(push_http2_wants_write(connection)
								? CURL_WAIT_POLLOUT
								: 0)),
				};
		}
	return count;
}

void push_wire_run(struct push_wire *wire, int wait_ms)
{
	int running = 0;

	/* First, so that nothing is put on what has long been idle. */
	look_at_clock(wire);
	drive_all(wire);
	curl_multi_perform(wire->multi, &running);
	read_curl(wire);
	if (wait_ms > 0 && wire->finished.count == 0) {
		curl_multi_poll(
			wire->multi, wire->polled, list_polled(wire), wait_ms, NULL);
		curl_multi_perform(wire->multi, &running);
		read_curl(wire);
		drive_all(wire);
	}
}

struct push_request *push_wire_finished(struct push_wire *wire)
{
	return push_requests_pop(&wire->finished);
}

void push_wire_cancel(struct push_wire *wire, struct push_request *request)
{
	if (request->connection)
		push_http2_cancel(request->connection, request);
	else if (request->waiting)
		push_requests_remove(request->waiting, request);
	else if (request->is_easy)
		curl_multi_remove_handle(wire->multi, request->easy);
	request->waiting = NULL;
	request->is_easy = false;
}

void push_wire_wake(void *wire)
{
	curl_multi_wakeup(((struct push_wire *)wire)->multi);
}
