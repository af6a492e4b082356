/*
 * What can be read of a damaged store that was moved aside goes into the new one: at once
 * the small tables (places of outputs, states of rules, messages that wait, dead letters
 * and whatever else is not a series), row by row until one cannot be read; then, in
 * steps between two commits, so that measuring goes on, the reports, and at last the
 * minutes and hours.
 *
 * Reports are looked for page by page, in the file and its WAL, whatever the tree above
 * them looks like (store/carve.h). They keep their ids, so places of outputs mean what
 * they meant; new reports get ids above all the old ones from the first moment on. The
 * damaged file is only read. Where the process ends meanwhile, the next one goes on.
 */
#ifndef MUABUI_STORE_SALVAGE_H
#define MUABUI_STORE_SALVAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"

/* The table of what is under way; store_open() makes it. */
extern const char salvage_schema[];

/*
 * Begins with DAMAGED, in the new and empty STORE of the recorder: copies the small
 * tables and notes the rest for salvage_resume(). 0 or -1.
 */
int salvage_begin(struct store *store, const char *damaged);

struct salvage;

/* What is still to be saved into STORE; NULL when there is nothing (or no memory). */
struct salvage *salvage_resume(struct store *store);

struct salvage_result {
	char path[512]; /* the damaged file */
	int64_t saved;  /* reports */
	int64_t lost;   /* ids between the first and the last that were not found */
};

/*
 * One step, in a transaction of its own: some pages. 1: there is more to do; 0: it is
 * done and RESULT says what came of it, the transaction being still open for what the
 * caller has to add, then to be committed; -1: the store failed, try again later.
 */
int salvage_step(struct salvage *salvage, struct salvage_result *result);

/* Accepts NULL. */
void salvage_close(struct salvage *salvage);

/* Is anything under way in STORE? Outputs must wait: reports may come below their place.
 */
bool salvage_is_pending(struct store *store);

#endif
