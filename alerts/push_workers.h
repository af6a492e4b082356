/*
 * Threads that encrypt: a fixed number of them, fed by the one that sends.
 */
#ifndef MUABUI_ALERTS_PUSH_WORKERS_H
#define MUABUI_ALERTS_PUSH_WORKERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "alerts/push_encrypt.h"

struct push_workers;

/* One message for one subscription. */
struct push_sealing {
	const void *text; /* at most PUSH_TEXT_MAX bytes */
	size_t text_length;
	uint8_t p256dh[PUSH_POINT_BYTES];
	uint8_t auth[PUSH_AUTH_BYTES];
	size_t length; /* of the body; 0: it cannot be encrypted for this key */
	uint8_t body[PUSH_BODY_MAX];
	struct push_sealing *next;
};

/* COUNT threads, which call WAKE with ARG when something is done. NULL: cannot. */
struct push_workers *push_workers_new(int count, void (*wake)(void *arg), void *arg);
/* Ends them; accepts NULL. What they still have is not done. */
void push_workers_free(struct push_workers *workers);

/* Hands over the list that FIRST begins; it must stay until it comes back. */
void push_workers_give(struct push_workers *workers, struct push_sealing *first);

/* What is done since the last time, as a list, or NULL. */
struct push_sealing *push_workers_take(struct push_workers *workers);

#endif
