#include "web/respond.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/compress.h"
#include "store/codec.h"
#include "web/headers.h"
#include "web/kept.h"

enum {
	LIVE_MAX = 64 << 20, /* bytes of all bodies being sent at one time */
	SQUEEZE_FROM = 1400, /* bytes: what goes into one packet is left alone */
	PIECE = 16 << 10,    /* of a stream, where nothing else is said */
};

struct responder {
	struct kept *kept;
	pthread_mutex_t mutex;         /* over the compressor */
	struct compressor *compressor; /* made when it is first needed */
	atomic_size_t live;            /* bytes of the bodies that exist */
};

struct body {
	struct responder *responder;
	char *data;
	size_t capacity;
};

struct responder *responder_new(void)
{
	struct responder *responder = calloc(1, sizeof *responder);

	if (!responder || !(responder->kept = kept_new())) {
		free(responder);
		return NULL;
	}
	pthread_mutex_init(&responder->mutex, NULL);
	return responder;
}

void responder_free(struct responder *responder)
{
	if (!responder)
		return;
	kept_free(responder->kept);
	compressor_free(responder->compressor);
	pthread_mutex_destroy(&responder->mutex);
	free(responder);
}

const char *respond_header(struct MHD_Connection *connection, const char *name)
{
	return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* --- bodies ---------------------------------------------------------------------- */

static void free_body(void *arg)
{
	struct body *body = arg;

	atomic_fetch_sub(&body->responder->live, body->capacity);
	free(body->data);
	free(body);
}

/* REPLY's body goes over to the response; with NULL it stays where it is. */
static struct MHD_Response *make_response(
	struct responder *responder, struct web_reply *reply)
{
	const struct web_stream *stream = &reply->stream;

	if (stream->read)
		return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN,
			stream->piece ? stream->piece : PIECE, stream->read, stream->arg,
			stream->free);
	if (reply->fixed)
		return MHD_create_response_from_buffer(reply->fixed_length,
			(void *)reply->fixed, MHD_RESPMEM_PERSISTENT);
	struct body *body = malloc(sizeof *body);
	if (!body)
		return NULL;
	*body = (struct body){
		.responder = responder,
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
	atomic_fetch_add(&responder->live, body->capacity);
	buffer_init(&reply->body, WEB_BODY_MAX);
	return response;
}

static void drop_stream(struct web_reply *reply)
{
	if (reply->stream.read && reply->stream.free)
		reply->stream.free(reply->stream.arg);
	reply->stream = (struct web_stream){ .read = NULL };
}

/* Problem documents for programs, a line for people. */
static void refuse(
	struct web_reply *reply, const char *path, int status, const char *detail)
{
	drop_stream(reply);
	web_problem(reply, status, detail);
	if (headers_is_interface(path))
		return;
	buffer_clear(&reply->body);
	buffer_printf(&reply->body, "%s\n", detail);
	reply->type = "text/plain; charset=utf-8";
}

/* Turns REPLY into a response, whatever has to be said instead of it. */
static struct MHD_Response *finish(
	struct responder *responder, struct web_reply *reply, const char *path)
{
	if (reply->body.failed)
		refuse(reply, path, 500, "The answer is too large.");
	else if (atomic_load(&responder->live) + reply->body.capacity > LIVE_MAX)
		refuse(reply, path, 503, "Too much is being sent; try again.");
	struct MHD_Response *response = make_response(responder, reply);
	if (response)
		headers_add(response, reply, path);
	else
		drop_stream(reply);
	return response;
}

static enum MHD_Result queue(
	struct MHD_Connection *connection, unsigned status, struct MHD_Response *response)
{
	if (!response)
		return MHD_NO;
	enum MHD_Result result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

enum MHD_Result respond_refuse(struct responder *responder,
	struct MHD_Connection *connection, const char *path, int status,
	const char *detail, const char *allow, int retry_after_s)
{
	struct web_reply reply = { .allow = allow, .retry_after_s = retry_after_s };

	buffer_init(&reply.body, 4096);
	refuse(&reply, path, status, detail);
	struct MHD_Response *response = finish(responder, &reply, path);
	buffer_free(&reply.body);
	return queue(connection, (unsigned)status, response);
}

enum MHD_Result respond_options(struct MHD_Connection *connection, const char *path,
	const char *allow, bool is_public)
{
	struct web_reply reply = { .status = 204, .fixed = "", .allow = allow };
	struct MHD_Response *response =
		MHD_create_response_from_buffer(0, "", MHD_RESPMEM_PERSISTENT);

	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, "Allow", allow ? allow : "GET, HEAD, OPTIONS");
	if (is_public)
		headers_add_preflight(response);
	else
		headers_add(response, &reply, path);
	return queue(connection, 204, response);
}

/* --- answering ------------------------------------------------------------------------
 */

/* Has the reader it already, by its ETag or, without one, by its time? */
static bool is_known(
	struct MHD_Connection *connection, const char *etag, int64_t modified_ms)
{
	const char *known = etag ? respond_header(connection, "If-None-Match") : NULL;
	char modified[HEADERS_TIME_SIZE];

	if (known)
		return headers_matches(known, etag);
	const char *since = respond_header(connection, "If-Modified-Since");
	if (!since || modified_ms == 0)
		return false;
	/* Readers say again what they were told. */
	headers_time(modified_ms, modified);
	return strcmp(since, modified) == 0;
}

/* REPLY without its body. NULL: memory is out. */
static struct MHD_Response *make_unchanged(
	const struct web_reply *reply, const char *path)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(0, "", MHD_RESPMEM_PERSISTENT);

	if (response)
		headers_add(response, reply, path);
	return response;
}

/* An ETag of what was written, where the handler gave none and it may be asked again. */
static void tag(struct web_reply *reply)
{
	if (reply->etag || reply->status != 200 || !reply->cache || reply->stream.read ||
		reply->fixed)
		return;
	snprintf(reply->made_etag, sizeof reply->made_etag, "W/\"%016" PRIx64 "\"",
		codec_hash(0, reply->body.data, reply->body.length));
	reply->etag = reply->made_etag;
}

static void squeeze(struct responder *responder, struct web_reply *reply)
{
	struct buffer zipped;

	if (reply->body.length < SQUEEZE_FROM || !headers_may_squeeze(reply->type))
		return;
	buffer_init(&zipped, WEB_BODY_MAX);
	pthread_mutex_lock(&responder->mutex);
	if (!responder->compressor)
		responder->compressor = compressor_new(COMPRESSION_GZIP);
	bool done = responder->compressor &&
		compressor_run(responder->compressor, reply->body.data,
			reply->body.length, &zipped);
	pthread_mutex_unlock(&responder->mutex);
	if (!done || zipped.length >= reply->body.length) {
		buffer_free(&zipped);
		return;
	}
	buffer_free(&reply->body);
	reply->body = zipped;
	reply->coding = "gzip";
}

static bool takes_gzip(struct MHD_Connection *connection)
{
	static const char *const codings[] = { "gzip", NULL };
	const char *accept = respond_header(connection, "Accept-Encoding");

	return accept && web_accept(accept, codings) == 0;
}

static enum MHD_Result answer_kept(
	struct MHD_Connection *connection, const struct kept_reply *reply)
{
	bool is_same = reply->status == 200 && reply->unchanged &&
		is_known(connection, *reply->etag ? reply->etag : NULL,
			reply->modified_ms);

	return MHD_queue_response(connection, is_same ? 304 : reply->status,
		is_same ? reply->unchanged : reply->response);
}

/* Makes REPLY's response, keeps it under KEY ("": not), and sends it. */
static enum MHD_Result send_reply(struct responder *responder,
	struct MHD_Connection *connection, const struct web_route *route,
	struct web_request *request, struct web_reply *reply, const char *key)
{
	bool is_same = reply->status == 200 &&
		is_known(connection, reply->etag, reply->modified_ms);
	bool keep = *key && reply->status == 200;
	size_t bytes = reply->body.capacity;
	struct MHD_Response *unchanged =
		is_same || keep ? make_unchanged(reply, request->path) : NULL;
	struct MHD_Response *response =
		is_same && !keep ? NULL : finish(responder, reply, request->path);

	keep = keep && response && unchanged && reply->status == 200;
	if (keep) {
		struct kept_reply kept = {
			.response = response,
			.unchanged = unchanged,
			.status = (unsigned)reply->status,
			.modified_ms = reply->modified_ms,
			.bytes = bytes,
		};
		snprintf(kept.etag, sizeof kept.etag, "%s",
			reply->etag ? reply->etag : "");
		enum MHD_Result result = answer_kept(connection, &kept);
		kept_put(responder->kept, key, &kept, route->keep_ms);
		return result;
	}
	if (is_same) {
		drop_stream(reply);
		if (response)
			MHD_destroy_response(response);
		return queue(connection, 304, unchanged);
	}
	if (unchanged)
		MHD_destroy_response(unchanged);
	return queue(connection, (unsigned)reply->status, response);
}

enum MHD_Result respond(struct responder *responder, struct MHD_Connection *connection,
	const struct web_route *route, struct web_request *request)
{
	struct web_reply reply = {
		.status = 200,
		.allow = web_route_methods(route),
		.has_types = route->types && route->types[0] && route->types[1],
	};
	bool zipped = takes_gzip(connection);
	char key[KEPT_KEY_SIZE];
	const struct kept_reply *kept;

	kept_key(route, request, zipped, key);
	if (*key && (kept = kept_lock(responder->kept, key))) {
		enum MHD_Result result = answer_kept(connection, kept);
		kept_unlock(responder->kept);
		return result;
	}
	buffer_init(&reply.body, WEB_BODY_MAX);
	route->handle(request, &reply);
	if (reply.retry_after_s == 0 && reply.status == 503)
		reply.retry_after_s = 5;
	tag(&reply);
	if (zipped && !reply.body.failed)
		squeeze(responder, &reply);
	enum MHD_Result result =
		send_reply(responder, connection, route, request, &reply, key);
	buffer_free(&reply.body);
	return result;
}
