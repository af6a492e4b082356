/*
 * Saves what can be read of a damaged store (store/salvage.h), step by step between the
 * recorder's commits, and tells operators what came of it. The recorder's thread only.
 */
#ifndef MUABUI_GATEWAY_MENDER_H
#define MUABUI_GATEWAY_MENDER_H

#include <stdbool.h>

#include "config/config.h"
#include "store/store.h"
#include "web/view.h"

struct mender;

/* NULL: there is nothing to save, or no memory. */
struct mender *mender_start(
	const struct config *config, struct store *store, struct recorder_stats *stats);
/* Accepts NULL. */
void mender_free(struct mender *mender);

enum mender_step {
	MENDER_IDLE,   /* nothing is left to do */
	MENDER_WORKED, /* come back soon */
	MENDER_TOLD,   /* a file is done, and messages are in the outbox */
	MENDER_FAILED, /* the store did not take it; again later */
};

/* One bounded step, outside a transaction. Accepts NULL. */
enum mender_step mender_step(struct mender *mender);

#endif
