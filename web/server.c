#include "web/server.h"

#include <microhttpd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/listen.h"
#include "web/signup.h"
#include "web/route.h"

enum {
	CONNECTIONS = 256,
	CONNECTIONS_PER_IP = 64,     /* phones behind one address are many */
	CONNECTION_TIMEOUT_S = 15,   /* without a byte either way */
	CONNECTION_MEMORY = 8 << 10, /* request line and headers, both ways */
	LIVE_MAX = 64 << 20,         /* bytes of all bodies being sent at one time */
	ROUTES_MAX = 32,
	MODIFIED_SIZE = 64,
};

/* A reply that serves everybody for a while. */
struct kept {
	struct MHD_Response *response;
	unsigned status;
	int64_t until_ms; /* real time */
};

/* All but `view` belongs to the server's thread while that runs. */
struct web {
	const struct gateway_view *view;
	struct MHD_Daemon *daemon;
	struct signup *signup;
	int port;
	size_t live; /* bytes of the bodies that exist */
	struct kept kept[ROUTES_MAX][WORDS_LANGUAGES];
};

struct body {
	struct web *web;
	char *data;
	size_t capacity;
};

static const char *const headers[][2] = {
	{ "Content-Security-Policy",
		"default-src 'self'; base-uri 'none'; form-action 'none'; "
		"frame-ancestors 'none'" },
	{ "X-Content-Type-Options", "nosniff" },
	{ "Referrer-Policy", "no-referrer" },
	{ "Cross-Origin-Opener-Policy", "same-origin" },
};

/* The body of a request that may have one, as it comes in. */
struct upload {
	struct buffer body;
};

static void free_body(void *arg)
{
	struct body *body = arg;

	body->web->live -= body->capacity;
	free(body->data);
	free(body);
}

/* Hands REPLY's body over to a response; with NULL it stays where it is. */
static struct MHD_Response *make_response(struct web *web, struct web_reply *reply)
{
	if (reply->fixed)
		return MHD_create_response_from_buffer(reply->fixed_length,
			(void *)reply->fixed, MHD_RESPMEM_PERSISTENT);
	struct body *body = malloc(sizeof *body);
	if (!body)
		return NULL;
	*body = (struct body){
		.web = web,
		.data = reply->body.data,
		.capacity = reply->body.capacity,
	};
	struct MHD_Response *response =
		MHD_create_response_from_buffer_with_free_callback_cls(
			reply->body.length, body->data, free_body, body);
	if (!response) {
		free(body);
		return NULL;
	}
	web->live += body->capacity;
	buffer_init(&reply->body, WEB_BODY_MAX);
	return response;
}

/* As HTTP writes times (RFC 9110 §5.6.7), whatever the locale. */
static void format_modified(int64_t ms, char text[static MODIFIED_SIZE])
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	snprintf(text, MODIFIED_SIZE, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT",
		days + 3 * tm.tm_wday, tm.tm_mday, months + 3 * tm.tm_mon,
		tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static void add_modified(struct MHD_Response *response, int64_t ms)
{
	char text[MODIFIED_SIZE];

	format_modified(ms, text);
	MHD_add_response_header(response, "Last-Modified", text);
}

static void add_headers(
	struct MHD_Response *response, const struct web_reply *reply, const char *path)
{
	for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
		MHD_add_response_header(response, headers[i][0], headers[i][1]);
	MHD_add_response_header(response, "Content-Type", reply->type);
	MHD_add_response_header(
		response, "Cache-Control", reply->cache ? reply->cache : "no-store");
	if (reply->modified_ms > 0)
		add_modified(response, reply->modified_ms);
	if (reply->etag)
		MHD_add_response_header(response, "ETag", reply->etag);
	/* Pages elsewhere may show our data, and may not subscribe their readers. */
	if (strncmp(path, "/api/", 5) == 0 && !reply->allow)
		MHD_add_response_header(response, "Access-Control-Allow-Origin", "*");
	if (reply->status == 405)
		MHD_add_response_header(
			response, "Allow", reply->allow ? reply->allow : "GET, HEAD");
	if (reply->retry_after_s > 0) {
		char seconds[16];
		snprintf(seconds, sizeof seconds, "%d", reply->retry_after_s);
		MHD_add_response_header(response, "Retry-After", seconds);
	}
}

/* Problem documents for programs, a line for people. */
static void refuse(
	struct web_reply *reply, const char *path, int status, const char *detail)
{
	web_problem(reply, status, detail);
	if (strncmp(path, "/api/", 5) == 0)
		return;
	buffer_clear(&reply->body);
	buffer_printf(&reply->body, "%s\n", detail);
	reply->type = "text/plain; charset=utf-8";
}

/* Turns REPLY into a response, whatever has to be said instead of it. */
static struct MHD_Response *finish(
	struct web *web, struct web_reply *reply, const char *path)
{
	if (reply->body.failed)
		refuse(reply, path, 500, "The answer is too large.");
	else if (web->live + reply->body.capacity > LIVE_MAX)
		refuse(reply, path, 503, "Too much is being sent; try again.");
	struct MHD_Response *response = make_response(web, reply);
	if (response)
		add_headers(response, reply, path);
	return response;
}

static const char *allowed(const struct web_route *route)
{
	if (!route || !route->methods)
		return NULL;
	return route->methods & WEB_POST ? "POST" : "PATCH, DELETE";
}

static enum MHD_Result answer_error(struct web *web, struct MHD_Connection *connection,
	const char *path, int status, const char *detail)
{
	char id[NAME_SIZE];
	struct web_reply reply = { .allow = allowed(web_route_find(path, id)) };

	buffer_init(&reply.body, 4096);
	refuse(&reply, path, status, detail);
	struct MHD_Response *response = finish(web, &reply, path);
	buffer_free(&reply.body);
	if (!response)
		return MHD_NO;
	enum MHD_Result result =
		MHD_queue_response(connection, (unsigned)status, response);
	MHD_destroy_response(response);
	return result;
}

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

/* 304 where the reader has it already, by its ETag or, without one, by its time. */
static bool is_unchanged(struct MHD_Connection *connection, const struct web_reply *reply)
{
	const char *known = reply->etag ? MHD_lookup_connection_value(connection,
						  MHD_HEADER_KIND, "If-None-Match")
					: NULL;

	if (known)
		return strstr(known, reply->etag) || strcmp(known, "*") == 0;
	const char *since = MHD_lookup_connection_value(
		connection, MHD_HEADER_KIND, "If-Modified-Since");
	char modified[MODIFIED_SIZE];
	if (!since || reply->modified_ms == 0 || reply->status != 200)
		return false;
	/* Readers say again what they were told. */
	format_modified(reply->modified_ms, modified);
	return strcmp(since, modified) == 0;
}

static enum MHD_Result answer_route(struct web *web, struct MHD_Connection *connection,
	const struct web_route *route, struct web_request *request)
{
	struct web_reply reply = { .status = 200, .allow = allowed(route) };
	size_t index = (size_t)(route - web_routes);
	struct kept *kept = route->keep_ms > 0 && index < ROUTES_MAX
		? &web->kept[index][request->language]
		: NULL;
	int64_t now_ms = clock_real_ms();

	if (kept && kept->response && now_ms < kept->until_ms)
		return MHD_queue_response(connection, kept->status, kept->response);

	buffer_init(&reply.body, WEB_BODY_MAX);
	route->handle(request, &reply);
	if (is_unchanged(connection, &reply)) {
		reply.status = 304;
		reply.fixed = "";
		reply.fixed_length = 0;
	}
	struct MHD_Response *response = finish(web, &reply, request->path);
	buffer_free(&reply.body);
	if (!response)
		return MHD_NO;
	enum MHD_Result result =
		MHD_queue_response(connection, (unsigned)reply.status, response);
	if (!kept || reply.status != 200) {
		MHD_destroy_response(response);
		return result;
	}
	if (kept->response)
		MHD_destroy_response(kept->response);
	*kept = (struct kept){
		.response = response,
		.status = (unsigned)reply.status,
		.until_ms = now_ms + route->keep_ms,
	};
	return result;
}

static const char *header(struct MHD_Connection *connection, const char *name)
{
	return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static bool has_body(struct MHD_Connection *connection)
{
	const char *length = header(connection, "Content-Length");

	return (length && strcmp(length, "0") != 0) ||
		header(connection, "Transfer-Encoding");
}

/*
 * Who asks. Behind a proxy on this machine everybody would be the proxy: there, what it
 * has added to X-Forwarded-For counts, which is the last address.
 */
static void find_asker(struct MHD_Connection *connection, struct rate_key *from)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const char *forwarded = header(connection, "X-Forwarded-For");
	struct rate_key here4, here6, said;

	*from = (struct rate_key){ { 0 } };
	if (info)
		rate_key_of(info->client_addr, from);
	rate_key_parse("127.0.0.1", &here4);
	rate_key_parse("::1", &here6);
	if (!forwarded ||
		(memcmp(from, &here4, sizeof here4) &&
			memcmp(from, &here6, sizeof here6)))
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

/* The first call of a request that changes something: its headers are there. */
static enum MHD_Result begin_change(struct web *web, struct MHD_Connection *connection,
	const char *path, enum web_method method, void **context)
{
	const char *length = header(connection, "Content-Length");

	if (!web->signup)
		return answer_error(
			web, connection, path, 404, "There is nothing at this address.");
	if (method == WEB_DELETE && has_body(connection))
		return answer_error(web, connection, path, 413,
			"A request to remove something must not have a body.");
	if (length && strtoull(length, NULL, 10) > WEB_UPLOAD_MAX)
		return answer_error(web, connection, path, 413, "The body is too large.");
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
	const char *type = header(connection, "Content-Type");
	request->is_json = type && strncasecmp(type, "application/json", 16) == 0 &&
		(type[16] == '\0' || type[16] == ';' || type[16] == ' ');
	request->body = buffer_text(&upload->body);
	request->body_length = upload->body.length;
	find_asker(connection, &request->from);
	return answer_route(web, connection, route, request);
}

static enum MHD_Result begin(struct web *web, struct MHD_Connection *connection,
	const struct web_route *route, const struct web_request *request,
	const char *method, void **context)
{
	const char *path = request->path;
	bool is_read = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;

	*context = web;
	if (!route)
		return answer_error(
			web, connection, path, 404, "There is nothing at this address.");
	if (route->methods & request->method)
		return begin_change(web, connection, path, request->method, context);
	if (route->methods)
		return answer_error(web, connection, path, web->signup ? 405 : 404,
			web->signup ? "This address is for subscribing."
				    : "There is nothing at this address.");
	if (!is_read)
		return answer_error(
			web, connection, path, 405, "This address can only be read.");
	if (has_body(connection))
		return answer_error(
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
	struct web_request request = { .view = web->view,
		.path = path,
		.signup = web->signup,
		.method = find_method(method) };
	const struct web_route *route = web_route_find(path, request.id);

	(void)version;
	if (*context == NULL)
		return begin(web, connection, route, &request, method, context);
	if (!route)
		return MHD_NO;
	if (*context != web)
		return go_on(
			web, connection, route, &request, *context, upload, upload_size);
	if (*upload_size > 0)
		return MHD_NO;
	read_query(&request, connection);
	return answer_route(web, connection, route, &request);
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

struct web *web_start(
	const char *listen, const struct gateway_view *view, char *why, size_t size)
{
	struct web *web = calloc(1, sizeof *web);
	int fd;

	if (!web) {
		snprintf(why, size, "%s: out of memory", listen);
		return NULL;
	}
	web->view = view;
	web->signup = signup_new(view->config);
	fd = listen_open(listen, why, size);
	if (fd < 0)
		goto free_web;
	web->port = listen_port(fd);
	web->daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG,
		0, NULL, NULL, handle, web, MHD_OPTION_EXTERNAL_LOGGER, log_library, NULL,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)CONNECTIONS, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
		(unsigned)CONNECTIONS_PER_IP, MHD_OPTION_CONNECTION_TIMEOUT,
		(unsigned)CONNECTION_TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)CONNECTION_MEMORY, MHD_OPTION_STRICT_FOR_CLIENT, 1,
		MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL,
		MHD_OPTION_NOTIFY_COMPLETED, end_request, web, MHD_OPTION_END);
	if (!web->daemon) {
		snprintf(why, size, "%s: the HTTP server cannot be started", listen);
		goto close_socket;
	}
	return web;

close_socket:
	close(fd);
free_web:
	signup_free(web->signup);
	free(web);
	return NULL;
}

void web_stop(struct web *web)
{
	if (!web)
		return;
	MHD_stop_daemon(web->daemon);
	for (size_t i = 0; i < ROUTES_MAX; i++)
		for (size_t j = 0; j < WORDS_LANGUAGES; j++)
			if (web->kept[i][j].response)
				MHD_destroy_response(web->kept[i][j].response);
	signup_free(web->signup);
	free(web);
}

int web_port(const struct web *web)
{
	return web->port;
}
