/*
 * What operators have decided about alerts, in memory: an operator says so on the control
 * thread, the recorder asks before each message. What it knows is what the store keeps
 * (store/decisions.h), so that it outlives the process. Thread-safe. A desk may be NULL
 * where only asked: nobody has decided anything.
 */
#ifndef MUABUI_STORE_DESK_H
#define MUABUI_STORE_DESK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/decisions.h"

struct desk;

enum {
	SILENCE_MIN_MS = 1000,
	DESK_SILENCES_MAX = 512, /* in force at a time */
};
#define SILENCE_MAX_MS (INT64_C(30) * 24 * 3600 * 1000) /* none may be forgotten */

/* NULL when memory is out. */
struct desk *desk_new(void);
void desk_free(struct desk *desk);

/* Forgets everything, then takes what STORE keeps and is in force. 0 or -1. */
int desk_open(struct desk *desk, struct store *store);

/*
 * Takes SILENCE, which decisions_keep_silence() has kept. False: there are too many, or
 * memory is out.
 */
bool desk_silence(struct desk *desk, const struct silence *silence);

/* How many silences are in force at NOW_MS. */
size_t desk_in_force(const struct desk *desk, int64_t now_ms);

/* Ends the silence ID. False: none of that id is in force at NOW_MS. */
bool desk_unsilence(struct desk *desk, int64_t id, int64_t now_ms);

/*
 * The id of a silence in force at NOW_MS that covers RULE at STATION ("" where the place
 * is an area) in AREA; 0: none does. Cheap while there is none at all.
 */
int64_t desk_covers(const struct desk *desk, const char *rule, const char *station,
	const char *area, int64_t now_ms);

/* Is any silence in force? Cheap: no lock. */
bool desk_has_silences(const struct desk *desk);

/* Takes what decisions_keep_acknowledgement() has kept; of an episode the first counts.
 */
void desk_acknowledge(struct desk *desk, const struct acknowledgement *acknowledgement);

/* Who has acknowledged EPISODE? False: nobody. OUT may be NULL. */
bool desk_acknowledged(
	const struct desk *desk, const char *episode, struct acknowledgement *out);

#endif
