/*
 * From replies to what the HTTP library sends: headers, compression, "304 Not Modified",
 * and the replies that serve everybody for a while. Thread-safe.
 */
#ifndef MUABUI_WEB_RESPOND_H
#define MUABUI_WEB_RESPOND_H

#include <microhttpd.h>

#include "web/route.h"

struct responder;

/* NULL: memory is out. The free accepts NULL; no response may be on its way any more. */
struct responder *responder_new(void);
void responder_free(struct responder *responder);

/* Answers by ROUTE's handler, or by what is kept of it. */
enum MHD_Result respond(struct responder *responder, struct MHD_Connection *connection,
	const struct web_route *route, struct web_request *request);

/*
 * Says STATUS and DETAIL (a sentence): as a problem document to programs, as a line to
 * people. ALLOW: the methods of the address, for status 405 and 204 (NULL: GET and HEAD).
 * RETRY_AFTER_S: 0 says nothing.
 */
enum MHD_Result respond_refuse(struct responder *responder,
	struct MHD_Connection *connection, const char *path, int status,
	const char *detail, const char *allow, int retry_after_s);

/* What the methods of PATH are, and what pages elsewhere may ask of it (CORS). */
enum MHD_Result respond_options(struct MHD_Connection *connection, const char *path,
	const char *allow, bool is_public);

/* A header of the request, or NULL. */
const char *respond_header(struct MHD_Connection *connection, const char *name);

#endif
