/*
 * One HTTP/2 connection to a push service over TLS, driven from one thread: nghttp2 on
 * OpenSSL. A city's messages go through few of these.
 *
 * Not libcurl's HTTP/2: in Debian 12 that resets each stream when it is done with it, for
 * which services may hang up (it looks like a "rapid reset" attack), and costs four times
 * as much per message.
 */
#ifndef MUABUI_ALERTS_PUSH_HTTP2_H
#define MUABUI_ALERTS_PUSH_HTTP2_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "alerts/push_request.h"

struct push_http2;

enum push_http2_state {
	PUSH_HTTP2_SHAKING, /* hands */
	PUSH_HTTP2_READY,
	PUSH_HTTP2_OTHER, /* the service speaks HTTP/1.1 only */
	PUSH_HTTP2_ENDED, /* push_http2_why() */
};

/* What every connection takes over. NULL: WHY. CA_FILE "": the system's authorities. */
SSL_CTX *push_http2_context(const char *ca_file, char *why, size_t size);

/*
 * Takes over FD, connected to ORIGIN ("https://host[:port]"), in any case. NULL: out of
 * memory. The free closes it; requests that are on it must have been taken before.
 */
struct push_http2 *push_http2_new(
	SSL_CTX *context, int fd, const char *origin, int64_t now_ms);
void push_http2_free(struct push_http2 *connection);

int push_http2_fd(const struct push_http2 *connection);
bool push_http2_wants_write(const struct push_http2 *connection);
const char *push_http2_why(const struct push_http2 *connection);

/* Reads and writes what can be. */
enum push_http2_state push_http2_drive(struct push_http2 *connection);
enum push_http2_state push_http2_state(const struct push_http2 *connection);

/* How many more requests may be on it now. */
unsigned push_http2_room(const struct push_http2 *connection);

/* Puts REQUEST on it, to be sent by the next drive. False: it does not take it. */
bool push_http2_send(struct push_http2 *connection, struct push_request *request);

/*
 * A request that is answered (status), failed (status 0), or was not looked at
 * (is_unseen: it may be sent again); NULL: none. ALL: those that are still on it as well,
 * as failed.
 */
struct push_request *push_http2_take(struct push_http2 *connection, bool all);

/* Takes REQUEST off it; the service is told. */
void push_http2_cancel(struct push_http2 *connection, struct push_request *request);

/* Calls EACH for the requests on it whose deadline is before NOW_MS: to be cancelled. */
struct push_request *push_http2_overdue(struct push_http2 *connection, int64_t now_ms);

/* When it last said something; nothing is on it: how long it has been idle. */
int64_t push_http2_heard_ms(const struct push_http2 *connection);
unsigned push_http2_count(const struct push_http2 *connection);

#endif
