/*
 * What the server can be asked for: one row per path. A handler turns a request
 * into a reply and knows nothing of the HTTP library.
 *
 * New page or interface = one handler, one row in web/routes.c.
 */
#ifndef MUABUI_WEB_ROUTE_H
#define MUABUI_WEB_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/buffer.h"
#include "core/reading.h"
#include "web/rate.h"
#include "web/view.h"
#include "web/words.h"

enum {
	WEB_BODY_MAX = 8 << 20,    /* bytes of one reply */
	WEB_UPLOAD_MAX = 16 << 10, /* bytes of a request's body, where it may have one */
};

/* Or-ed in a route that can be more than read. */
enum web_method {
	WEB_GET = 0, /* and HEAD */
	WEB_POST = 1 << 0,
	WEB_PATCH = 1 << 1,
	WEB_DELETE = 1 << 2,
};

struct events;
struct readers;
struct signup;

struct web_request {
	const struct gateway_view *view;
	const char *path;   /* as it was sent, without the query */
	char id[NAME_SIZE]; /* what stood for {id}, decoded; "" where the route has none
			     */
	enum words_language language; /* ?lang=, Vietnamese unless told */
	/* Of the address's query, by web_query(). NULL: there is none. */
	const char *(*argument)(const void *connection, const char *name);
	const void *connection;
	bool versioned; /* ?v= is there: the address changes with the content */
	enum web_method method;
	const char *body; /* of POST and PATCH */
	size_t body_length;
	bool is_json;            /* that is what it is said to be */
	struct rate_key from;    /* who asks */
	struct signup *signup;   /* NULL: there are no subscriptions */
	struct readers *readers; /* of the store */
	struct events *events;
	size_t type; /* of the route's types the one that is wanted */
};

/*
 * A body that is made while it is sent. READ puts at most SIZE bytes to OUT and returns
 * how many; 0: none yet, ask again; WEB_STREAM_END or _FAILED (the connection is closed,
 * so that nobody takes it for the whole). FREE is called in the end, whatever happens.
 */
struct web_stream {
	ssize_t (*read)(void *arg, uint64_t position, char *out, size_t size);
	void (*free)(void *arg);
	void *arg;
	size_t piece; /* SIZE at most */
};

enum { WEB_STREAM_END = -1, WEB_STREAM_FAILED = -2 };

/* A handler gets it zeroed but for an empty body and status 200. */
struct web_reply {
	int status;
	const char *type;         /* media type */
	const char *cache;        /* Cache-Control; NULL: "no-store" */
	const char *etag;         /* with its quotes; NULL: none */
	char made_etag[24];       /* room for one that is made of the content */
	int64_t modified_ms;      /* Last-Modified; 0: none */
	const char *allow;        /* methods; NULL: GET and HEAD */
	const char *coding;       /* Content-Encoding of the body; NULL: none */
	int retry_after_s;        /* 0: nothing is said of it */
	char link[512];           /* Link (RFC 8288); "": none */
	bool has_types;           /* another Accept would have got another answer */
	struct web_stream stream; /* the body instead, where it has a READ */
	struct buffer body;
	const void *fixed; /* the body instead, constant for the program's life */
	size_t fixed_length;
};

struct web_route {
	/* "/x/{id}/y": {id} is one non-empty segment, a name. "/x/{rest}": all below. */
	const char *path;
	void (*handle)(const struct web_request *request, struct web_reply *reply);
	int64_t keep_ms;  /* a reply serves everybody for so long; 0: asked anew each time
			   */
	unsigned methods; /* enum web_method: only these; 0: it can only be read */
	/* Arguments that a kept reply depends on, but lang; NULL-ended. */
	const char *const *arguments;
	/* Media types it answers in, the usual one first, NULL-ended; NULL: it does not
	 * look at Accept. */
	const char *const *types;
	bool is_costly; /* it reads the store: an address may ask so often only */
};

extern const struct web_route web_routes[]; /* ended by a NULL path */

/* The route for PATH (still percent-encoded), or NULL. Fills ID where the route has one.
 */
const struct web_route *web_route_find(const char *path, char id[static NAME_SIZE]);

/* The methods of ROUTE (may be NULL) for Allow; NULL: it can be read. */
const char *web_route_methods(const struct web_route *route);

/*
 * Decodes %XX in LENGTH bytes of TEXT to OUT. False when an escape is broken, the
 * result is not UTF-8, holds control characters, or does not fit.
 */
bool web_decode(const char *text, size_t length, char *out, size_t size);

/* The query's argument NAME as it came, still encoded, or NULL. */
const char *web_argument(const struct web_request *request, const char *name);

/*
 * The query's argument NAME, decoded, in OUT. 1; 0: it is not there; -1: it is nonsense,
 * or does not fit. Of a route that
 * is kept (keep_ms) only those in its arguments may be asked for.
 */
int web_query(
	const struct web_request *request, const char *name, char *out, size_t size);

/*
 * Which of TYPES (NULL-ended) the header ACCEPT (NULL: none was sent) likes best; of
 * equals the first. -1: none of them. RFC 9110 §12.5.1; what cannot be understood is
 * passed over.
 */
int web_accept(const char *accept, const char *const *types);

/* Makes REPLY a problem document (RFC 9457) saying STATUS and DETAIL (a sentence). */
void web_problem(struct web_reply *reply, int status, const char *detail);

#endif
