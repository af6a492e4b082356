#include "alerts/places.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/codec.h"

enum { FIRST_SIZE = 64 };

void places_init(struct places *places, size_t rules)
{
	*places = (struct places){ .rules = rules };
}

void places_free(struct places *places)
{
	for (size_t i = 0; i < places->size; i++) {
		struct place *place = places->table[i];

		for (size_t r = 0; place && r < places->rules; r++)
			free(place->entries[r]);
		free(place);
	}
	free(places->table);
	places_init(places, places->rules);
}

/* Where STATION is, or would be. */
static size_t find_slot(struct place **table, size_t size, const char *station)
{
	size_t at = (size_t)codec_hash(0, station, strlen(station)) & (size - 1);

	while (table[at] && strcmp(table[at]->station, station) != 0)
		at = (at + 1) & (size - 1);
	return at;
}

static int grow(struct places *places)
{
	size_t size = places->size ? 2 * places->size : FIRST_SIZE;
	struct place **table = calloc(size, sizeof *table);

	if (!table)
		return -1;
	for (size_t i = 0; i < places->size; i++) {
		struct place *place = places->table[i];

		if (place)
			table[find_slot(table, size, place->station)] = place;
	}
	free(places->table);
	places->table = table;
	places->size = size;
	return 0;
}

static struct place *add_place(struct places *places, const char *station)
{
	if (places->count >= PLACES_MAX)
		return NULL;
	if (4 * (places->count + 1) > 3 * places->size && grow(places) < 0)
		return NULL;
	struct place *place =
		calloc(1, sizeof *place + places->rules * sizeof place->entries[0]);
	if (!place)
		return NULL;
	snprintf(place->station, sizeof place->station, "%s", station);
	places->table[find_slot(places->table, places->size, place->station)] = place;
	places->count++;
	return place;
}

struct place *places_find(const struct places *places, const char *station)
{
	return places->size > 0
		? places->table[find_slot(places->table, places->size, station)]
		: NULL;
}

struct place *places_get(struct places *places, const char *station)
{
	if (places->last && !strcmp(places->last->station, station))
		return places->last;
	struct place *place = places_find(places, station);
	if (!place)
		place = add_place(places, station);
	if (place)
		places->last = place;
	return place;
}

struct entry *place_entry(struct place *place, size_t rule, size_t windows)
{
	struct entry *entry = place->entries[rule];

	if (entry)
		return entry;
	/* In one piece with its windows, so that there is one thing to free. */
	entry = calloc(1, sizeof *entry + windows * sizeof(struct rule_window));
	if (entry && windows > 0)
		entry->state.windows = (struct rule_window *)(entry + 1);
	place->entries[rule] = entry;
	return entry;
}
