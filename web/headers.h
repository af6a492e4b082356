/* The headers of replies. */
#ifndef MUABUI_WEB_HEADERS_H
#define MUABUI_WEB_HEADERS_H

#include <microhttpd.h>

#include "web/route.h"

enum { HEADERS_TIME_SIZE = 64 };

/* Is PATH one for programs (/api/, /sta/)? They are told what is wrong in JSON. */
bool headers_is_interface(const char *path);

/* Adds what REPLY says of itself, and what all replies say. */
void headers_add(
	struct MHD_Response *response, const struct web_reply *reply, const char *path);

/* What pages elsewhere may do with what can be read (CORS). */
void headers_add_preflight(struct MHD_Response *response);

/* As HTTP writes times (RFC 9110 §5.6.7), whatever the locale. */
void headers_time(int64_t ms, char text[static HEADERS_TIME_SIZE]);

/* Does the If-None-Match KNOWN name ETAG, by the weak comparison (RFC 9110 §13.1.2)? */
bool headers_matches(const char *known, const char *etag);

/* Does what is of media type TYPE become smaller by compression? */
bool headers_may_squeeze(const char *type);

#endif
