/*
 * Who is who among the stations: name, area and place of each by its id, in memory. What
 * the configuration says of a station stands; what is heard of one (over MQTT, from
 * another gateway) is kept in the store, so that it is known after a restart before it is
 * heard again. Thread-safe.
 */
#ifndef MUABUI_STORE_DIRECTORY_H
#define MUABUI_STORE_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"
#include "core/reading.h"
#include "store/store.h"

enum {
	DIRECTORY_MAX = 16384, /* stations: their ids may come from outside */
	STATION_NAME_SIZE = 128,
};

struct station {
	char id[NAME_SIZE];
	char name[STATION_NAME_SIZE]; /* for people; never "" when found */
	char area[NAME_SIZE];         /* "": not known */
	double latitude;              /* °, WGS 84; NAN: not known */
	double longitude;
	bool indicative; /* its air values are of low-cost sensors */
};

struct directory;

/* The table of this file; store_open() makes it. */
extern const char directory_schema[];

/* NULL when memory is out. */
struct directory *directory_new(void);
void directory_free(struct directory *directory);

/*
 * Forgets everything, then takes the stations of CONFIG and what STORE (may be NULL) has
 * kept of others. 0, or -1 when memory is out or the store failed.
 */
int directory_open(
	struct directory *directory, const struct config *config, struct store *store);

/*
 * Notes what was heard of a station; an empty text or NAN says nothing, and what the
 * configuration says stays. Names that name_is_valid() refuses, and places not on the
 * Earth, are not taken. True when something is new. DIRECTORY may be NULL.
 */
bool directory_learn(struct directory *directory, const struct station *heard);

/*
 * A sensor of the station ID measures the air; IS_LOW_COST: what it says is indicative.
 * Where nobody has said it of the station, its air is indicative unless one of its
 * sensors is of reference grade. DIRECTORY may be NULL.
 */
void directory_meet_air(struct directory *directory, const char *id, bool is_low_cost);

/*
 * Writes what is new of what was heard, in the recorder's transaction; 0 or -1. It stays
 * new until the transaction is committed. Both cost nothing where there is nothing new.
 */
int directory_save(struct directory *directory, struct store *store);
void directory_committed(struct directory *directory);

/*
 * The station ID. Where it is not known (or DIRECTORY is NULL): false, and STATION is
 * filled all the same, its name being its id.
 */
bool directory_find(
	const struct directory *directory, const char *id, struct station *station);

/* Calls EACH, which must not call back, with every station, by id. */
void directory_each(const struct directory *directory,
	void (*each)(void *arg, const struct station *station), void *arg);

#endif
