/*
 * What the alerts of an area have in common, in the store: how many messages it had
 * lately, and the digests. Written in the recorder's transaction (store_join()).
 */
#ifndef MUABUI_STORE_ALERT_GROUPS_H
#define MUABUI_STORE_ALERT_GROUPS_H

#include <stdint.h>

#include "store/store.h"

/* The tables of this file; store_open() makes them. */
extern const char alert_groups_schema[];

/* Notes a message to AUDIENCE in AREA, and forgets those up to BEFORE_MS. 0 or -1. */
int alert_told_add(struct store *store, int audience, const char *area, int64_t now_ms,
	int64_t before_ms);

/* The times later than SINCE_MS were BY_MS too early. 0 or -1. */
int alert_told_shift(struct store *store, int64_t since_ms, int64_t by_ms);

/* Calls EACH, which must not use STORE, with all that is noted, oldest first. */
int alert_told_each(struct store *store,
	void (*each)(void *arg, int audience, const char *area, int64_t time_ms),
	void *arg);

/*
 * The state of a digest as opaque text (alerts/ packs it), by a key of its owner; STATE
 * NULL removes it. 0 or -1.
 */
int alert_digest_set(struct store *store, const char *key, const char *state);

/* Calls EACH, which must not use STORE, with every state. 0 or -1. */
int alert_digest_each(struct store *store,
	void (*each)(void *arg, const char *key, const char *state), void *arg);

#endif
