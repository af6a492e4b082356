/*
 * An output's place in the store: what it has delivered. Beyond everything up to one id
 * there may be islands, delivered ahead of an older backlog (DESIGN §6.5).
 */
#ifndef MUABUI_STORE_LANES_H
#define MUABUI_STORE_LANES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/store.h"

enum { LANES_MAX = 8 }; /* outages in outages; a further one is not overtaken */

struct lane {
	int64_t from, to; /* the reports after FROM up to TO are delivered */
};

struct lanes {
	int64_t done; /* every report up to this id is delivered */
	size_t count;
	struct lane
		ahead[LANES_MAX]; /* ascending, apart; the last one is the live lane */
};

/* The tables of this file; store_open() makes them. */
extern const char lanes_schema[];

/* Reads and writes the place of the output NAME, unknown: 0. Writing is one transaction,
 * the caller's where there is one. 0 or -1. */
int lanes_load(struct store *store, const char *name, struct lanes *lanes);
int lanes_save(struct store *store, const char *name, const struct lanes *lanes);

/* --- without the store ------------------------------------------------- */

/* Where the next live report is looked for, and the next of the backlog. */
int64_t lanes_live(const struct lanes *lanes);
int64_t lanes_backlog(const struct lanes *lanes);

/* The last id of the backlog; 0: there is none, the live lane is all there is. */
int64_t lanes_backlog_end(const struct lanes *lanes);

/* The live lane begins anew behind NEWEST. False: too many islands, or nothing to split.
 */
bool lanes_split(struct lanes *lanes, int64_t newest);

/* Delivered up to ID in one of the two; a backlog that reaches an island takes it in. */
void lanes_advance_live(struct lanes *lanes, int64_t id);
void lanes_advance_backlog(struct lanes *lanes, int64_t id);

/* How many ids beyond `done` are delivered. */
int64_t lanes_ahead(const struct lanes *lanes);

#endif
