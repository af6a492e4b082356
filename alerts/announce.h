/*
 * From a rule's event to the outbox: names the episode, says it in each channel's
 * language, and adds one row per channel of the rule's audience.
 */
#ifndef MUABUI_ALERTS_ANNOUNCE_H
#define MUABUI_ALERTS_ANNOUNCE_H

#include <stdint.h>

#include "alerts/places.h"
#include "alerts/rule.h"
#include "config/config.h"
#include "store/directory.h"
#include "store/outbox.h"

struct announcer {
	const struct config *config;
	struct store *store;
	const struct directory *directory; /* may be NULL */
	uint64_t salt; /* makes episode ids unlike those of other boxes */
	uint64_t episodes;
	struct outbox_item item; /* too large for a stack, as is the next */
	char first[OUTBOX_BODY_MAX];
};

void announcer_init(struct announcer *announcer, const struct config *config,
	struct store *store, const struct directory *directory);

/*
 * Announces EVENT of RULE at STATION inside the store's transaction; gives ENTRY a new
 * episode when it fires, and its next revision. Returns how many rows were added, or -1.
 */
int announce(struct announcer *announcer, const struct rule *rule, const char *station,
	struct entry *entry, const struct rule_event *event, int64_t now_ms);

#endif
