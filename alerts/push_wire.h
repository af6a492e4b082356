/*
 * Many POSTs at a time from one thread, to many push services: over HTTP/2, so that one
 * connection carries a hundred of them, or HTTP/1.1 where a service speaks nothing else.
 * No redirects, no proxy, no cookies; what a host's name leads to is looked at before
 * connecting.
 */
#ifndef MUABUI_ALERTS_PUSH_WIRE_H
#define MUABUI_ALERTS_PUSH_WIRE_H

#include "alerts/push_request.h"

struct push_wire;

struct push_wire_settings {
	int64_t timeout_ms;  /* for a request, and for a connection to come about */
	const char *ca_file; /* "": the system's authorities */
	int connections;     /* at most, to one service */
};

/* NULL with the reason in WHY. The free accepts NULL; nothing may be under way then. */
struct push_wire *push_wire_new(
	const struct push_wire_settings *settings, char *why, size_t size);
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
