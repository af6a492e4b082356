/*
 * Many POSTs at a time from one thread: libcurl's multi interface, over HTTP/2 where the
 * push service speaks it, so that one connection carries a hundred of them. No redirects,
 * no proxy, no cookies; what a host's name leads to is looked at before connecting.
 */
#ifndef MUABUI_ALERTS_PUSH_WIRE_H
#define MUABUI_ALERTS_PUSH_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct curl_slist;
struct push_wire;

enum { PUSH_REASON_SIZE = 160 };

/* One POST. Zeroed before its first use; used again as often as one likes. */
struct push_request {
	const char *url;
	const struct curl_slist *headers;
	const void *body;
	size_t length;
	bool may_be_private; /* private addresses are fine: the host was named */

	int status;                    /* 0: no answer came */
	int64_t retry_after_ms;        /* -1: nothing was said */
	char reason[PUSH_REASON_SIZE]; /* as it came: to be made printable; "" when taken
					*/

	void *easy; /* the wire's own from here on */
	bool forbidden;
	size_t excerpt;
	struct push_request *next;
};

struct push_wire_settings {
	int64_t timeout_ms;  /* for a request, once it is sent */
	const char *ca_file; /* "": the system's authorities */
	int connections;     /* at most, to one host */
};

/* NULL when memory is out. The free accepts NULL; nothing may be under way then. */
struct push_wire *push_wire_new(const struct push_wire_settings *settings);
void push_wire_free(struct push_wire *wire);

/* Frees what the wire keeps in REQUEST. */
void push_request_free(struct push_request *request);

/* Begins to send REQUEST, which must stay until it is finished. False: out of memory. */
bool push_wire_send(struct push_wire *wire, struct push_request *request);

/* Sends and receives; waits for something to happen for at most WAIT_MS. */
void push_wire_run(struct push_wire *wire, int wait_ms);

/* One that has finished since, or NULL. */
struct push_request *push_wire_finished(struct push_wire *wire);

/* Gives REQUEST up; it will not be among the finished. */
void push_wire_cancel(struct push_wire *wire, struct push_request *request);

/* Makes push_wire_run() on another thread return. */
void push_wire_wake(void *wire);

#endif
