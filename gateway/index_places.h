/* The stations that indices are made of, by name. Of gateway/indices.c only. */
#ifndef MUABUI_GATEWAY_INDEX_PLACES_H
#define MUABUI_GATEWAY_INDEX_PLACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/reading.h"
#include "derive/air_hours.h"
#include "derive/air_station.h"

enum { INDEX_PLACES_MAX = 16384 }; /* their names may come from outside */

struct index_place {
	char station[NAME_SIZE];
	struct air_station air; /* hours that are not closed */
	struct air_hours hours; /* those that are */
	int64_t known_ms;       /* the newest closed hour with a mean; 0: none */
	int64_t source;         /* of its index; 0: not known yet */
	int64_t late_from_ms, late_to_ms; /* ends of hours to be revised; 0: none */
	bool indicative;                  /* the means of its newest hour are */
};

/* Zeroed: empty. */
struct index_places {
	struct index_place **places; /* by station */
	size_t count, capacity;
};

/* The place of STATION, made if need be. NULL: memory is out, or INDEX_PLACES_MAX. */
struct index_place *index_places_get(
	struct index_places *places, const char *station, bool *is_new);

void index_places_free(struct index_places *places);

#endif
