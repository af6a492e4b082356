/* The files of web/page/, built into the program. */
#ifndef MUABUI_WEB_ASSET_H
#define MUABUI_WEB_ASSET_H

#include <stddef.h>

#include "web/route.h"

struct asset {
	const char *name; /* "style.css" */
	const char *type;
	const unsigned char *begin, *end;
	size_t length;
	char etag[20]; /* with quotes: 16 hex digits of the content's hash */
};

/* The asset of this NAME, or NULL. */
const struct asset *asset_find(const char *name);

/*
 * Serves the asset that the last segment of the request's path names. Below
 * /assets/VERSION/, VERSION being that of all files together, it may be kept for ever; so
 * may what modules import from beside them.
 */
void asset_handle(const struct web_request *request, struct web_reply *reply);

/* Appends the address of NAME that changes with the files: "/assets/1f0c…/style.css". */
void asset_link(struct buffer *out, const char *name);

#endif
