/*
 * How many messages an area has had lately: alerts.limit. Counts are kept in the store,
 * in the transaction of the message, so that a restart forgets none.
 */
#ifndef MUABUI_ALERTS_LIMIT_H
#define MUABUI_ALERTS_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "core/clock.h"
#include "store/store.h"

struct limit_area;

struct limit {
	const struct limit_config *config;
	struct store *store;
	struct limit_area **areas; /* of those that had one within the time */
	size_t count, capacity;
};

void limit_init(
	struct limit *limit, const struct limit_config *config, struct store *store);
void limit_free(struct limit *limit);

/* Takes what the store keeps, instead of what is known. 0 or -1. */
int limit_load(struct limit *limit);

/* May AREA have one more message for AUDIENCE? */
bool limit_allows(
	const struct limit *limit, int audience, const char *area, int64_t now_ms);

/* Counts one, in the recorder's transaction. 0, or -1: the store failed, memory is out.
 */
int limit_count(struct limit *limit, int audience, const char *area, int64_t now_ms);

/* The clock was set; in the recorder's transaction. 0 or -1. */
int limit_shift(struct limit *limit, const struct clock_step *step);

#endif
