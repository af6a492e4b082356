/*
 * The delivery log: who was told what, when, and with which answer. One entry for each
 * row that has left the outbox (outbox_finish() writes it), kept for as long as the
 * configuration says; of what was refused for good the whole message, as a dead letter.
 */
#ifndef MUABUI_STORE_DELIVERY_LOG_H
#define MUABUI_STORE_DELIVERY_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"

extern const char delivery_log_schema[]; /* for store_open() */

/* Texts are only valid during the call. */
struct delivery {
	int64_t id;
	const char *channel, *episode;
	int revision;
	bool resolved;      /* it was the all-clear */
	int64_t created_ms; /* announced */
	int64_t ended_ms;   /* told, or given up */
	const char
		*result; /* "delivered", "expired", "superseded", "refused", "untold" */
	unsigned attempts;
	const char *answer; /* the far side's, or why it was not sent */
	const char *rule, *station, *language, *title; /* "" in entries of old stores */
	const char *body; /* the message as JSON, where it was refused; else "" */
};

/* NULL and 0: all. Times are those of ended_ms, [from, to). */
struct delivery_choice {
	int64_t from_ms, to_ms;
	const char *rule, *station, *channel, *result;
};

/* Calls EACH for what is chosen, oldest first; it must not use STORE. How many, or -1. */
int64_t delivery_log_each(struct store *store, const struct delivery_choice *choice,
	void (*each)(void *arg, const struct delivery *delivery), void *arg);

/*
 * Removes at most LIMIT of the oldest entries that ended before KEEP_MS, and of those
 * beyond two million. How many, or -1.
 */
int delivery_log_forget(struct store *store, int64_t keep_ms, int limit);

#endif
