/* The files of web/page/, built into the program. */
#ifndef MUABUI_WEB_ASSET_H
#define MUABUI_WEB_ASSET_H

#include "web/route.h"

/*
 * Serves the asset that the last segment of the request's path names. Below
 * /assets/VERSION/, VERSION being that of all files together, it may be kept for ever; so
 * may what modules import from beside them.
 */
void asset_handle(const struct web_request *request, struct web_reply *reply);

/* Appends the address of NAME that changes with the files: "/assets/1f0c…/style.css". */
void asset_link(struct buffer *out, const char *name);

#endif
