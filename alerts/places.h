/*
 * What the rules remember, by station: one entry per rule and station, made when
 * the station first says something the rule looks at. Bounded, because station
 * names may come from outside.
 */
#ifndef MUABUI_ALERTS_PLACES_H
#define MUABUI_ALERTS_PLACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "alerts/rule.h"
#include "core/reading.h"
#include "store/outbox.h"

enum {
	PLACES_MAX = 16384, /* stations */
};

/* What was held back and is still to be said, once it may be. */
enum owed { OWED_NOTHING, OWED_ALERT, OWED_OVER };

struct entry {
	struct rule_state state;
	char episode[EPISODE_SIZE]; /* "": there was none yet */
	int revision;               /* of the latest message of the episode */
	enum owed owed;
	int severity;        /* that was told last, or gathered */
	bool told;           /* a message of the episode has gone out */
	bool gathered;       /* a digest speaks for it … */
	bool digested;       /* … and has done so */
	int64_t withheld_ms; /* since when the first message is owed; 0: not known */
	enum rule_phase seen_phase; /* to notice that it changed, and when */
	int64_t changed_ms;
	enum rule_phase saved_phase; /* as it stands in the store */
	int64_t saved_last_ms;
	bool indicative; /* what was heard last: by its mark, or its station */
	uint32_t heard;  /* key of the sensor heard last; 0: none since the start */
};

struct place {
	char station[NAME_SIZE]; /* or the area, for rules of that scope */
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

/* The same without making it. NULL: there is none. */
struct place *places_find(const struct places *places, const char *station);

/*
 * The entry of rule number RULE, made if need be with WINDOWS windows (rule_windows()).
 * NULL: memory out.
 */
struct entry *place_entry(struct place *place, size_t rule, size_t windows);

#endif
