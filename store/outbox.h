/*
 * The outbox: what has to be told to whom. Rows are added by the recorder in
 * the transaction of the reading that caused them, and taken by the notifier.
 * In order per channel and episode, at least once.
 */
#ifndef MUABUI_STORE_OUTBOX_H
#define MUABUI_STORE_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/store.h"

enum {
	EPISODE_SIZE = 40,      /* an episode's id with its NUL */
	OUTBOX_BODY_MAX = 8192, /* the message as JSON, with its NUL */
};

/* The tables of this file; store_open() makes them. */
extern const char outbox_schema[];

struct outbox_item {
	int64_t id;
	char channel[NAME_SIZE];
	char episode[EPISODE_SIZE];
	int revision;
	bool resolved;      /* it is the all-clear */
	int64_t created_ms; /* wall clock */
	int64_t expires_ms; /* afterwards it must not be sent as it is */
	unsigned attempts;  /* failed ones so far */
	char body[OUTBOX_BODY_MAX];
};

/* Adds ITEM (id and attempts are ignored) to the recorder's transaction: store_join(). */
int outbox_add(struct store *store, const struct outbox_item *item);

/*
 * The row of CHANNEL that is to be sent at NOW_MS: of those that are due and have no
 * older row of the same episode before them, the least often tried, then the oldest,
 * so that one that always fails does not hold up the others. 1: ITEM is filled; 0:
 * nothing is due, *NEXT_MS says when something will be (INT64_MAX: never); -1 on error.
 */
int outbox_next(struct store *store, const char *channel, int64_t now_ms,
	struct outbox_item *item, int64_t *next_ms);

/*
 * For the back-test, which sends nothing: hands every row to EACH, in the order they were
 * added, and removes it. EACH must not use STORE. How many, or -1.
 */
int outbox_take_all(struct store *store,
	void (*each)(void *arg, const struct outbox_item *item), void *arg);

enum outbox_end {
	OUTBOX_DELIVERED,
	OUTBOX_EXPIRED,    /* too late to be said */
	OUTBOX_SUPERSEDED, /* a newer message of the episode says it better */
	OUTBOX_REFUSED,    /* the far side will never take it */
	OUTBOX_UNTOLD,     /* an all-clear for an alert this channel never got */
};

/*
 * The row is done with: it leaves the outbox and stands in the delivery log
 * (store/delivery_log.h), in one transaction.
 */
int outbox_finish(struct store *store, const struct outbox_item *item,
	enum outbox_end end, int64_t now_ms, const char *answer);

/* An attempt failed: the row stays, is due again at NEXT_MS. MAYBE: it may have arrived.
 */
int outbox_retry(struct store *store, const struct outbox_item *item, int64_t next_ms,
	bool maybe, const char *answer);

/*
 * The whole CHANNEL failed: its rows that wait are not due before NEXT_MS either. Rows
 * added later are due at once.
 */
int outbox_defer(struct store *store, const char *channel, int64_t next_ms);

/* Was a message of EPISODE delivered to CHANNEL, or may one have been? -1 on error. */
int outbox_was_told(struct store *store, const char *channel, const char *episode);

/* Does a newer row of the same channel and episode wait behind ITEM? -1 on error. */
int outbox_has_newer(struct store *store, const struct outbox_item *item);

/* Rows of CHANNEL that wait; -1 on error. */
int64_t outbox_count(struct store *store, const char *channel);

/* The same, and when the oldest of them was announced (0: none waits). */
int64_t outbox_waiting(struct store *store, const char *channel, int64_t *oldest_ms);

/* --- state of the rules ----------------------------------------------- */

/*
 * A rule's state at a station as opaque text (alerts/ packs it), written in the
 * recorder's transaction (store_join()). STATE NULL removes it.
 */
int alert_state_set(
	struct store *store, const char *rule, const char *station, const char *state);

/* Is a transaction open that alert_state_set() would join? */
bool alert_state_joins(struct store *store);

/* Calls EACH for every stored state; it must not use STORE. Returns 0 or -1. */
int alert_state_each(struct store *store,
	void (*each)(void *arg, const char *rule, const char *station, const char *state),
	void *arg);

#endif
