#include "gateway/index_places.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first place that does not come before STATION. */
static size_t search(const struct index_places *places, const char *station)
{
	size_t low = 0, high = places->count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		if (strcmp(places->places[middle]->station, station) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool grow(struct index_places *places)
{
	if (places->count < places->capacity)
		return true;
	size_t capacity = places->capacity ? places->capacity * 2 : 8;
	struct index_place **grown =
		realloc(places->places, capacity * sizeof *places->places);
	if (!grown)
		return false;
	places->places = grown;
	places->capacity = capacity;
	return true;
}

static struct index_place *make_place(
	struct index_places *places, const char *station, size_t at)
{
	if (places->count == INDEX_PLACES_MAX || !grow(places))
		return NULL;
	struct index_place *place = calloc(1, sizeof *place);
	if (!place)
		return NULL;
	snprintf(place->station, sizeof place->station, "%s", station);
	memmove(places->places + at + 1, places->places + at,
		(places->count - at) * sizeof *places->places);
	places->places[at] = place;
	places->count++;
	return place;
}

struct index_place *index_places_get(
	struct index_places *places, const char *station, bool *is_new)
{
	size_t at = search(places, station);

	*is_new =
		at == places->count || strcmp(places->places[at]->station, station) != 0;
	return *is_new ? make_place(places, station, at) : places->places[at];
}

void index_places_free(struct index_places *places)
{
	for (size_t i = 0; i < places->count; i++) {
		air_station_free(&places->places[i]->air);
		free(places->places[i]);
	}
	free(places->places);
	*places = (struct index_places){ .count = 0 };
}
