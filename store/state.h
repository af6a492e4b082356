/*
 * What the recorder knows beyond the reports: numbers, and the states of sources. Written
 * in the transaction of the reports they speak of.
 */
#ifndef MUABUI_STORE_STATE_H
#define MUABUI_STORE_STATE_H

#include <stddef.h>
#include <stdint.h>

#include "store/store.h"

/* Numbers the recorder keeps in the transaction of what they speak of; 0 at first. */
enum store_mark {
	STORE_RING_SEQ,   /* the ring is stored up to this sequence number */
	STORE_MERGED_ID,  /* the minutes hold the reports up to this id */
	STORE_HOURS_MS,   /* the hours are made up to this time */
	STORE_INDEX_MS,   /* the indices are made up to this time */
	STORE_KNOWN_MS,   /* the wall clock at the last commit at which it was believed */
	STORE_LOST,       /* reports removed before every output had had them */
	STORE_SALVAGED,   /* reports saved from damaged files */
	STORE_UNREADABLE, /* reports that could not be */
	STORE_MARK_COUNT,
};
int64_t store_mark(struct store *store, enum store_mark mark);
int store_set_mark(struct store *store, enum store_mark mark, int64_t value);

/*
 * A source's state of KIND ("rain"), opaque bytes of its owner, written together with
 * STORE_MERGED_ID. Setting it replaces the older one.
 */
int store_state_set(struct store *store, int64_t source, const char *kind,
	const void *bytes, size_t length);

/* Hands the state to TAKE, if there is one. 0 or -1. */
int store_state_get(struct store *store, int64_t source, const char *kind,
	void (*take)(void *arg, const void *bytes, size_t length), void *arg);

/* Calls EACH with the names of all sources that have a state of KIND. 0 or -1. */
int store_state_sources(struct store *store, const char *kind,
	void (*each)(void *arg, const char *station, const char *sensor), void *arg);

#endif
