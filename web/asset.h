/* The files of web/page/, built into the program. */
#ifndef MUABUI_WEB_ASSET_H
#define MUABUI_WEB_ASSET_H

#include <stddef.h>

#include "web/route.h"

struct asset {
	const char *path; /* "/style.css" */
	const char *type;
	const unsigned char *bytes;
	size_t length;
	char etag[20]; /* with quotes: 16 hex digits of the content's hash */
};

/* The asset at PATH, or NULL. */
const struct asset *asset_find(const char *path);

/* Serves the asset at the request's path. */
void asset_handle(const struct web_request *request, struct web_reply *reply);

/* Appends PATH with its version: "/style.css?v=1f0c…", which may be cached for ever. */
void asset_link(struct buffer *out, const char *path);

#endif
