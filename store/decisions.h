/*
 * What operators have decided about alerts, in the store: silences, and which episodes
 * they have acknowledged. Both are kept after they are over, for those who ask later who
 * it was; the oldest go. What is in force is in memory: store/desk.h.
 */
#ifndef MUABUI_STORE_DECISIONS_H
#define MUABUI_STORE_DECISIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/reading.h"
#include "store/outbox.h"
#include "store/store.h"

/* The tables of this file; store_open() makes them. */
extern const char decisions_schema[];

enum {
	SILENCE_REASON_SIZE = 256,
	DECISIONS_KEPT = 1000, /* of each kind, beyond those in force */
};

/* No message goes out of what it covers, from since on and before until. */
struct silence {
	int64_t id;
	char rule[NAME_SIZE];    /* "": every rule */
	char station[NAME_SIZE]; /* "": every station */
	char area[NAME_SIZE];    /* "": everywhere */
	char author[NAME_SIZE];
	char ended_by[NAME_SIZE]; /* "": nobody, its time is up or will be */
	char reason[SILENCE_REASON_SIZE];
	int64_t since_ms, until_ms;
};

/* Somebody deals with it: operators are not reminded of the episode any more. */
struct acknowledgement {
	char episode[EPISODE_SIZE];
	char author[NAME_SIZE];
	int64_t time_ms;
};

/*
 * These three are on disk when they return, whatever the connection's role, each in a
 * transaction of its own. 0 or -1. The first gives SILENCE its id.
 */
int decisions_keep_silence(struct store *store, struct silence *silence);
int decisions_end_silence(
	struct store *store, int64_t id, const char *ended_by, int64_t now_ms);
int decisions_keep_acknowledgement(
	struct store *store, const struct acknowledgement *acknowledgement);

/* Calls EACH with the silences that end after AFTER_MS, oldest first. 0 or -1. */
int decisions_each_silence(struct store *store, int64_t after_ms,
	void (*each)(void *arg, const struct silence *silence), void *arg);

/* Calls EACH with the acknowledgements there are, oldest first. 0 or -1. */
int decisions_each_acknowledgement(struct store *store,
	void (*each)(void *arg, const struct acknowledgement *acknowledgement),
	void *arg);

/* Has the store ever had a report of STATION? */
bool decisions_knows_station(struct store *store, const char *station);

#endif
