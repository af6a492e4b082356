/*
 * Where the store lives: at home, where the configuration puts it, or in memory while the
 * disk there takes nothing (store/refuge.h). Operators are told when it moves.
 */
#ifndef MUABUI_GATEWAY_LODGING_H
#define MUABUI_GATEWAY_LODGING_H

#include <limits.h>
#include <stdbool.h>

#include "config/config.h"
#include "store/store.h"

/* A place of refuge: the configuration of home, but for the store. */
struct lodging {
	struct config config; /* shares everything else with that of home */
	char path[PATH_MAX];
};

/* Where the ring of the store CONFIG is. */
void lodging_ring_path(const struct store_config *config, char path[static PATH_MAX]);

/* What keeps the store HOME from living there, an errno; 0: nothing. */
int lodging_trouble(const struct store_config *home);

/* Finds LODGING for the store of HOME, because of TROUBLE. False: there is none. */
bool lodging_take(struct lodging *lodging, const struct config *home, int trouble);

/*
 * STORE, opened there, goes on where the one at HOME stopped; one that is in use goes on.
 * False with a logged reason.
 */
bool lodging_move_in(struct store *store, const struct config *config, const char *home);

/*
 * What was kept in the place of refuge, in this process or the one before, comes into
 * STORE, the one at home; where that does not work, at the next start.
 */
void lodging_bring_home(struct store *store, const struct config *config);

#endif
