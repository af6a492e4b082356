/*
 * Routing: which channels get a message, and in which language. Names the episodes, and
 * adds one outbox row per channel of the audience.
 */
#ifndef MUABUI_ALERTS_ANNOUNCE_H
#define MUABUI_ALERTS_ANNOUNCE_H

#include <stdint.h>

#include "alerts/telling.h"
#include "config/config.h"
#include "store/outbox.h"

struct announcer {
	const struct config *config;
	struct store *store;
	uint64_t salt; /* makes episode ids unlike those of other boxes */
	uint64_t episodes;
	struct outbox_item item; /* too large for a stack, as is the next */
	char first[OUTBOX_BODY_MAX];
};

void announcer_init(
	struct announcer *announcer, const struct config *config, struct store *store);

/* The id of a new episode of WHAT (a rule) at PLACE. */
void announcer_name(struct announcer *announcer, const char *what, const char *place,
	int64_t now_ms, char episode[static EPISODE_SIZE]);

/*
 * Puts TELLING into the outbox, inside the store's transaction. Returns how many rows
 * were added, or -1.
 */
int announce(struct announcer *announcer, const struct telling *telling, int64_t now_ms);

#endif
