#include "web/server.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/listen.h"
#include "web/crowd.h"
#include "web/events.h"
#include "web/headers.h"
#include "web/readers.h"
#include "web/respond.h"
#include "web/signup.h"

enum {
	/*
	 * What is shown of the present is ready in memory; history is read from the
	 * store within some ten milliseconds. With three threads somebody who reads
	 * years keeps no one else waiting, and it costs no more than three stacks. Each
	 * request takes a connection to the store of its own (web/readers.h).
	 */
	THREADS = 3,
	CONNECTIONS = 3000,           /* most of them wait for events */
	CONNECTIONS_PER_ADDRESS = 64, /* phones behind one address are many */
	FILES_BESIDE = 256,           /* descriptors that the rest of the gateway has */
	CONNECTION_TIMEOUT_S = 15,    /* without a byte either way */
	CONNECTION_MEMORY = 8 << 10,  /* request line and headers, both ways */
	READS_PER_MINUTE = 600,       /* of the store, for one address */
};

struct web {
	const struct gateway_view *view;
	struct MHD_Daemon *daemon;
	struct signup *signup;
	struct readers *readers;
	struct events *events;
	struct responder *responder;
	struct crowd *crowd;
	pthread_mutex_t mutex; /* over the rate */
	struct rate reads;
	struct rate_key here4, here6;
	int port;
};

/* The body of a request that may have one, as it comes in. */
struct upload {
	struct buffer body;
};

/* --- what was asked --------------------------------------------------------------- */

static const char *query_argument(const void *connection, const char *name)
{
	/* The library takes no pointer to a constant, and changes nothing. */
	return MHD_lookup_connection_value(
		(struct MHD_Connection *)connection, MHD_GET_ARGUMENT_KIND, name);
}

static void read_query(struct web_request *request, struct MHD_Connection *connection)
{
	const char *value;
	char language[8];
	size_t length;

	request->argument = query_argument;
	request->connection = connection;
	request->versioned = MHD_lookup_connection_value(
				     connection, MHD_GET_ARGUMENT_KIND, "v") != NULL;
	if (MHD_lookup_connection_value_n(
		    connection, MHD_GET_ARGUMENT_KIND, "lang", 4, &value, &length) &&
		value && web_decode(value, length, language, sizeof language) &&
		strcmp(language, "en") == 0)
		request->language = WORDS_EN;
}

static bool has_body(struct MHD_Connection *connection)
{
	const char *length = respond_header(connection, "Content-Length");

	return (length && strcmp(length, "0") != 0) ||
		respond_header(connection, "Transfer-Encoding");
}

static bool is_here(const struct web *web, const struct rate_key *key)
{
	return memcmp(key, &web->here4, sizeof *key) == 0 ||
		memcmp(key, &web->here6, sizeof *key) == 0;
}

/*
 * Who asks. Behind a proxy on this machine everybody would be the proxy: there, what it
 * has added to X-Forwarded-For counts, which is the last address.
 */
static void find_asker(
	const struct web *web, struct MHD_Connection *connection, struct rate_key *from)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const char *forwarded = respond_header(connection, "X-Forwarded-For");
	struct rate_key said;

	*from = (struct rate_key){ { 0 } };
	if (info && info->client_addr)
		rate_key_of(info->client_addr, from);
	if (!forwarded || !is_here(web, from))
		return;
	const char *last = strrchr(forwarded, ',');
	last = last ? last + 1 : forwarded;
	if (rate_key_parse(last + strspn(last, " "), &said))
		*from = said;
}

static enum web_method find_method(const char *method)
{
	return strcmp(method, "POST") == 0      ? WEB_POST
		: strcmp(method, "PATCH") == 0  ? WEB_PATCH
		: strcmp(method, "DELETE") == 0 ? WEB_DELETE
						: WEB_GET;
}

/* --- answers --------------------------------------------------------------------------
 */

static enum MHD_Result refuse(struct web *web, struct MHD_Connection *connection,
	const char *path, int status, const char *detail)
{
	char id[NAME_SIZE];

	return respond_refuse(web->responder, connection, path, status, detail,
		web_route_methods(web_route_find(path, id)), 0);
}

static enum MHD_Result refuse_unknown(
	struct web *web, struct MHD_Connection *connection, const char *path)
{
	return refuse(web, connection, path, 404, "There is nothing at this address.");
}

/* May FROM read from the store? Whoever is on this machine may, as often as it likes. */
static bool may_read(struct web *web, const struct rate_key *from, int64_t *wait_ms)
{
	if (is_here(web, from))
		return true;
	pthread_mutex_lock(&web->mutex);
	bool may = rate_allows(&web->reads, from, clock_real_ms(), wait_ms);
	pthread_mutex_unlock(&web->mutex);
	return may;
}

static enum MHD_Result answer_read(struct web *web, struct MHD_Connection *connection,
	const struct web_route *route, struct web_request *request)
{
	const char *accept = respond_header(connection, "Accept");
	int type = route->types ? web_accept(accept, route->types) : 0;
	int64_t wait_ms = 0;

	if (type < 0)
		return refuse(web, connection, request->path, 406,
			"This is not to be had in a form that Accept allows.");
	request->type = (size_t)type;
	read_query(request, connection);
	find_asker(web, connection, &request->from);
	if (route->is_costly && !may_read(web, &request->from, &wait_ms))
		return respond_refuse(web->responder, connection, request->path, 429,
			"Too many requests came from this address; wait.", NULL,
			(int)(wait_ms / 1000 + 1));
	return respond(web->responder, connection, route, request);
}

/* The first call of a request that changes something: its headers are there. */
static enum MHD_Result begin_change(struct web *web, struct MHD_Connection *connection,
	const char *path, enum web_method method, void **context)
{
	const char *length = respond_header(connection, "Content-Length");

	if (!web->signup)
		return refuse_unknown(web, connection, path);
	if (method == WEB_DELETE && has_body(connection))
		return refuse(web, connection, path, 413,
			"A request to remove something must not have a body.");
	if (length && strtoull(length, NULL, 10) > WEB_UPLOAD_MAX)
		return refuse(web, connection, path, 413, "The body is too large.");
	struct upload *upload = calloc(1, sizeof *upload);
	if (!upload)
		return MHD_NO;
	buffer_init(&upload->body, WEB_UPLOAD_MAX);
	*context = upload;
	return MHD_YES;
}

/* The later calls: the body in pieces, at last none. */
static enum MHD_Result go_on(struct web *web, struct MHD_Connection *connection,
	const struct web_route *route, struct web_request *request, struct upload *upload,
	const char *bytes, size_t *size)
{
	if (*size > 0) {
		buffer_append(&upload->body, bytes, *size);
		*size = 0;
		/* Only without a Content-Length: whoever sends on is not listened to. */
		return upload->body.failed ? MHD_NO : MHD_YES;
	}
	const char *type = respond_header(connection, "Content-Type");
	request->is_json = type && strncasecmp(type, "application/json", 16) == 0 &&
		(type[16] == '\0' || type[16] == ';' || type[16] == ' ');
	request->body = buffer_text(&upload->body);
	request->body_length = upload->body.length;
	find_asker(web, connection, &request->from);
	return respond(web->responder, connection, route, request);
}

/* An address where people subscribe, and METHOD is none of its methods. */
static enum MHD_Result refuse_at_signup(
	struct web *web, struct MHD_Connection *connection, const char *path)
{
	if (!web->signup)
		return refuse_unknown(web, connection, path);
	return refuse(web, connection, path, 405, "This address is for subscribing.");
}

static enum MHD_Result begin(struct web *web, struct MHD_Connection *connection,
	const struct web_route *route, const struct web_request *request,
	const char *method, void **context)
{
	const char *path = request->path;
	bool is_read = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;

	*context = web;
	if (!route)
		return refuse_unknown(web, connection, path);
	if (route->methods & request->method)
		return begin_change(web, connection, path, request->method, context);
	if (strcmp(method, "OPTIONS") == 0 && (!route->methods || web->signup) &&
		!has_body(connection))
		return respond_options(connection, path, web_route_methods(route),
			!route->methods && headers_is_interface(path));
	if (route->methods)
		return refuse_at_signup(web, connection, path);
	if (!is_read)
		return refuse(
			web, connection, path, 405, "This address can only be read.");
	if (has_body(connection))
		return refuse(
			web, connection, path, 413, "A request must not have a body.");
	return MHD_YES;
}

/*
 * Called by the library, first when the headers are there, then with each piece of the
 * body, then when the request is whole. Refusals go out at the first call, so that no
 * body is read in vain.
 */
static enum MHD_Result handle(void *arg, struct MHD_Connection *connection,
	const char *path, const char *method, const char *version, const char *upload,
	size_t *upload_size, void **context)
{
	struct web *web = arg;
	struct web_request request = {
		.view = web->view,
		.path = path,
		.signup = web->signup,
		.readers = web->readers,
		.events = web->events,
		.method = find_method(method),
	};
	const struct web_route *route = web_route_find(path, request.id);

	(void)version;
	if (*context == NULL)
		return begin(web, connection, route, &request, method, context);
	if (!route)
		return MHD_NO;
	if (*context != web)
		return go_on(
			web, connection, route, &request, *context, upload, upload_size);
	return *upload_size > 0 ? MHD_NO : answer_read(web, connection, route, &request);
}

static void end_request(void *arg, struct MHD_Connection *connection, void **context,
	enum MHD_RequestTerminationCode code)
{
	struct upload *upload = *context;

	(void)connection;
	(void)code;
	if (!upload || *context == arg)
		return;
	buffer_free(&upload->body);
	free(upload);
	*context = NULL;
}

/* Escapes are decoded where they are understood (web_decode); %00 must not cut a path. */
static size_t leave_escaped(void *arg, struct MHD_Connection *connection, char *text)
{
	(void)arg;
	(void)connection;
	return strlen(text);
}

static void log_library(void *arg, const char *format, va_list arguments)
	__attribute__((format(printf, 2, 0)));

static void log_library(void *arg, const char *format, va_list arguments)
{
	char line[256];

	(void)arg;
	vsnprintf(line, sizeof line, format, arguments);
	line[strcspn(line, "\r\n")] = '\0';
	log_debug("web: %s", line);
}

/* --- connections ----------------------------------------------------------------------
 */

static enum MHD_Result accept_from(
	void *arg, const struct sockaddr *address, socklen_t length)
{
	struct web *web = arg;
	struct rate_key key;

	(void)length;
	rate_key_of(address, &key);
	return is_here(web, &key) || crowd_has_room(web->crowd, &key) ? MHD_YES : MHD_NO;
}

static void note_connection(void *arg, struct MHD_Connection *connection, void **context,
	enum MHD_ConnectionNotificationCode code)
{
	struct web *web = arg;
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	struct rate_key key;

	(void)context;
	if (!info || !info->client_addr)
		return;
	rate_key_of(info->client_addr, &key);
	if (is_here(web, &key))
		return;
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		crowd_enter(web->crowd, &key);
	else
		crowd_leave(web->crowd, &key);
}

/* As many connections as there can be descriptors for, CONNECTIONS at most. */
static unsigned find_limit(void)
{
	struct rlimit files;
	rlim_t wanted = CONNECTIONS + FILES_BESIDE;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return CONNECTIONS / 10;
	if (files.rlim_cur < wanted) {
		files.rlim_cur = files.rlim_max < wanted ? files.rlim_max : wanted;
		setrlimit(RLIMIT_NOFILE, &files);
		getrlimit(RLIMIT_NOFILE, &files);
	}
	if (files.rlim_cur >= wanted)
		return CONNECTIONS;
	return files.rlim_cur > 2 * FILES_BESIDE
		? (unsigned)(files.rlim_cur - FILES_BESIDE)
		: FILES_BESIDE / 2;
}

static struct MHD_Daemon *start_daemon(struct web *web, int fd)
{
	return MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG |
			MHD_ALLOW_SUSPEND_RESUME,
		0, accept_from, web, handle, web, MHD_OPTION_EXTERNAL_LOGGER, log_library,
		NULL, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_THREAD_POOL_SIZE,
		(unsigned)THREADS, MHD_OPTION_CONNECTION_LIMIT, find_limit(),
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)CONNECTION_TIMEOUT_S,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_UNESCAPE_CALLBACK,
		leave_escaped, NULL, MHD_OPTION_NOTIFY_COMPLETED, end_request, web,
		MHD_OPTION_NOTIFY_CONNECTION, note_connection, web, MHD_OPTION_END);
}

/* --- start and stop -------------------------------------------------------------------
 */

static void free_web(struct web *web)
{
	if (!web)
		return;
	events_free(web->events);
	responder_free(web->responder);
	readers_free(web->readers);
	crowd_free(web->crowd);
	signup_free(web->signup);
	pthread_mutex_destroy(&web->mutex);
	free(web);
}

static struct web *make_web(const struct gateway_view *view)
{
	struct web *web = calloc(1, sizeof *web);

	if (!web)
		return NULL;
	pthread_mutex_init(&web->mutex, NULL);
	web->view = view;
	rate_init(&web->reads, READS_PER_MINUTE);
	rate_key_parse("127.0.0.1", &web->here4);
	rate_key_parse("::1", &web->here6);
	web->signup = signup_new(view->config);
	web->responder = responder_new();
	web->readers = readers_new(view->config->store.path);
	web->crowd = crowd_new(CONNECTIONS_PER_ADDRESS);
	if (web->responder && web->readers && web->crowd)
		return web;
	free_web(web);
	return NULL;
}

struct web *web_start(
	const char *listen, const struct gateway_view *view, char *why, size_t size)
{
	struct web *web = make_web(view);
	int fd;

	if (!web) {
		snprintf(why, size, "%s: out of memory", listen);
		return NULL;
	}
	fd = listen_open(listen, why, size);
	if (fd < 0)
		goto free_web;
	web->port = listen_port(fd);
	web->events = events_start(view, web->readers);
	web->daemon = web->events ? start_daemon(web, fd) : NULL;
	if (!web->daemon) {
		snprintf(why, size, "%s: the HTTP server cannot be started", listen);
		goto close_socket;
	}
	return web;

close_socket:
	events_close(web->events);
	close(fd);
free_web:
	free_web(web);
	return NULL;
}

void web_stop(struct web *web)
{
	if (!web)
		return;
	events_close(web->events);
	MHD_stop_daemon(web->daemon);
	free_web(web);
}

int web_port(const struct web *web)
{
	return web->port;
}
