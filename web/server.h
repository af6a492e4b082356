/* The public, read-only HTTP server on libmicrohttpd. */
#ifndef MUABUI_WEB_SERVER_H
#define MUABUI_WEB_SERVER_H

#include <stddef.h>

#include "web/view.h"

struct web;

/* Listens at LISTEN ("127.0.0.1:8080", "[::]:8080"). NULL with the reason in WHY. */
struct web *web_start(
	const char *listen, const struct gateway_view *view, char *why, size_t size);
void web_stop(struct web *web);

/* The port really bound (LISTEN may say 0). */
int web_port(const struct web *web);

#endif
