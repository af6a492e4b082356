/*
 * Watches whether the channels work. Where messages wait and nothing has got through for
 * alerts.channel_down, operators are told on every other channel of theirs: once, and
 * once more when it works again. Used by the recorder's thread only.
 */
#ifndef MUABUI_ALERTS_OUTAGE_H
#define MUABUI_ALERTS_OUTAGE_H

#include <stdint.h>

#include "alerts/notifier.h"
#include "config/config.h"
#include "store/store.h"

struct outage_watch;

/* CONFIG and NOTIFIER must outlive the result. NULL when memory is out. */
struct outage_watch *outage_watch_new(
	const struct config *config, struct notifier *notifier);
void outage_watch_free(struct outage_watch *watch); /* accepts NULL */

/*
 * Looks at the channels, at most once a second; what there is to say joins the
 * recorder's transaction. How many messages, or -1: the store failed.
 */
int outage_look(struct outage_watch *watch, struct store *store, int64_t now_ms);

/* The transaction was rolled back: what is known is read from the store again. */
void outage_rolled_back(struct outage_watch *watch);

#endif
