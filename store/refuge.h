/*
 * A place of refuge for the store, in memory, while its own disk takes nothing: it is
 * full at the start, has turned read-only, or gives errors. The gateway lives there as it
 * does at home, with its outputs' places, rules' states and waiting messages, and brings
 * back what came in meanwhile. What is there outlives the process, not the machine.
 */
#ifndef MUABUI_STORE_REFUGE_H
#define MUABUI_STORE_REFUGE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"

/*
 * What keeps the disk of the file HOME from taking BYTES (> 0) more: ENOSPC, EDQUOT,
 * EROFS or EIO; 0: nothing does, or it is no trouble of a disk (a folder that is not
 * there, or not ours). Makes a file of that size, syncs and removes it.
 */
int refuge_trouble(const char *home, int64_t bytes);

/*
 * The path of the store that stands in for HOME, always the same: in $RUNTIME_DIRECTORY,
 * else in a folder of /dev/shm that is this user's alone. False: there is no such place.
 */
bool refuge_path(const char *home, char path[static PATH_MAX]);

/* Is something at PATH that was not brought home yet? */
bool refuge_is_used(const char *path);

/*
 * Makes AWAY, new and empty, go on where the store at HOME stopped, as far as that can be
 * read. Its reports get ids above all of HOME's. 0 or -1.
 */
int refuge_enter(struct store *away, const char *home);

/* Is it so already? */
bool refuge_is_entered(struct store *away);

/*
 * Brings what the store at PATH holds into HOME, in one transaction, at most once, and
 * removes it then. REPORTS: how many came. 0, or -1: HOME does not take it.
 */
int refuge_leave(struct store *home, const char *path, int64_t *reports);

#endif
