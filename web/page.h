/* The citizens' page: every station with its newest values, as plain HTML. */
#ifndef MUABUI_WEB_PAGE_H
#define MUABUI_WEB_PAGE_H

#include "core/buffer.h"
#include "web/route.h"

/* GET /. */
void page_handle(const struct web_request *request, struct web_reply *reply);

/*
 * Appends TEXT so that it is text wherever HTML stands: & < > " ' become references,
 * control characters blanks, invalid UTF-8 U+FFFD.
 */
void page_escape(struct buffer *out, const char *text);

#endif
