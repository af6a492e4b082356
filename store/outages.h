/*
 * The channels of which operators have been told that nothing gets through: so that an
 * outage is said once, over restarts too, and its end.
 */
#ifndef MUABUI_STORE_OUTAGES_H
#define MUABUI_STORE_OUTAGES_H

#include <stdint.h>

#include "store/outbox.h"

extern const char outages_schema[]; /* for store_open() */

struct outage {
	char channel[NAME_SIZE];
	char episode[EPISODE_SIZE];
	int64_t since_ms;
};

/* In the recorder's transaction (store_join()). 0 or -1. */
int outage_add(struct store *store, const struct outage *outage);
int outage_remove(struct store *store, const char *channel);

/* Calls EACH, which must not use STORE, with all of them. 0 or -1. */
int outage_each(struct store *store, void (*each)(void *arg, const struct outage *outage),
	void *arg);

#endif
