/*
 * The digests there are: one for each audience, area and hazard that has, or lately had,
 * more to tell than it may. Only what is remembered of each; alerts/gather.c fills them.
 */
#ifndef MUABUI_ALERTS_DIGESTS_H
#define MUABUI_ALERTS_DIGESTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/clock.h"
#include "core/metric.h"
#include "core/reading.h"
#include "store/outbox.h"

struct digest {
	int audience; /* enum audience */
	enum hazard hazard;
	char area[NAME_SIZE];
	char episode[EPISODE_SIZE]; /* "": there was none yet */
	int revision;
	int severity;         /* that was told last */
	bool standing;        /* it was told, and its all-clear was not */
	int64_t since_ms;     /* the first of its alerts */
	int64_t told_ms;      /* when it was told last; 0: never */
	int64_t due_ms;       /* when there is more to tell; 0: there is nothing */
	char rule[NAME_SIZE]; /* of the alert it named last */
	int64_t near_ms;      /* when an alert of these was told by itself; not kept */
};

struct digests {
	struct digest **list;
	size_t count, capacity;
};

void digests_free(struct digests *digests);

/* Takes what the store keeps, instead of what is known. 0 or -1. */
int digests_load(struct digests *digests, struct store *store);

/* The digest of these three, made if need be. NULL: memory is out. */
struct digest *digests_get(
	struct digests *digests, int audience, const char *area, enum hazard hazard);

/* Writes DIGEST in the recorder's transaction. 0 or -1. */
int digest_save(struct store *store, const struct digest *digest);

/* The clock was set; in the recorder's transaction. 0 or -1. */
int digests_shift(
	struct digests *digests, struct store *store, const struct clock_step *step);

#endif
