/*
 * What the rules remember, by station: one entry per rule and station, made when
 * the station first says something the rule looks at. Bounded, because station
 * names may come from outside.
 */
#ifndef MUABUI_ALERTS_PLACES_H
#define MUABUI_ALERTS_PLACES_H

#include <stddef.h>
#include <stdint.h>

#include "alerts/rule.h"
#include "core/reading.h"
#include "store/outbox.h"

enum {
	PLACES_MAX = 16384, /* stations */
};

struct entry {
	struct rule_state state;
	char episode[EPISODE_SIZE]; /* "": there was none yet */
	int revision;               /* of the latest message of the episode */
	enum rule_phase seen_phase; /* to notice that it changed, and when */
	int64_t changed_ms;
	enum rule_phase saved_phase; /* as it stands in the store */
	int64_t saved_last_ms;
};

struct place {
	char station[NAME_SIZE];
	struct entry *entries[]; /* one per rule; NULL: nothing yet */
};

struct places {
	struct place **table; /* open addressing; NULL: free */
	size_t size;          /* a power of two */
	size_t count;
	size_t rules;
	struct place *last; /* found last: reports come in runs */
};

/* RULES: how many there are. No memory is taken yet. */
void places_init(struct places *places, size_t rules);
void places_free(struct places *places);

/* The place of STATION, made if need be. NULL: memory out, or PLACES_MAX are there. */
struct place *places_get(struct places *places, const char *station);

/*
 * The entry of rule number RULE, made if need be with WINDOWS windows (rule_windows()).
 * NULL: memory out.
 */
struct entry *place_entry(struct place *place, size_t rule, size_t windows);

#endif
