#include "store/ring_keys.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "store/ring.h"

enum { PLACES = 2 * RING_KEYS }; /* a power of two */

#define FORGOTTEN UINT64_MAX /* no place for a key, and none to stop at */

struct generation {
	uint64_t places[PLACES]; /* 0: free */
	size_t count;
};

struct ring_keys {
	struct generation *newer, *older;
	struct generation both[2];
};

struct ring_keys *ring_keys_new(void)
{
	struct ring_keys *keys = calloc(1, sizeof *keys);

	if (keys) {
		keys->newer = &keys->both[0];
		keys->older = &keys->both[1];
	}
	return keys;
}

void ring_keys_free(struct ring_keys *keys)
{
	free(keys);
}

/* Where KEY is in GENERATION, or the free place where it would be. */
static uint64_t *find(struct generation *generation, uint64_t key)
{
	size_t at = (size_t)(key ^ key >> 29) % PLACES;

	while (generation->places[at] && generation->places[at] != key)
		at = (at + 1) % PLACES;
	return &generation->places[at];
}

void ring_keys_remember(struct ring_keys *keys, uint64_t key)
{
	uint64_t *place;

	if (!key || *(place = find(keys->newer, key)))
		return;
	if (keys->newer->count == RING_KEYS) {
		struct generation *emptied = keys->older;
		memset(emptied, 0, sizeof *emptied);
		keys->older = keys->newer;
		keys->newer = emptied;
		place = find(emptied, key);
	}
	*place = key;
	keys->newer->count++;
}

bool ring_keys_has(struct ring_keys *keys, uint64_t key)
{
	return key && (*find(keys->newer, key) == key || *find(keys->older, key) == key);
}

void ring_keys_forget(struct ring_keys *keys, uint64_t key)
{
	for (size_t i = 0; key && i < 2; i++) {
		uint64_t *place = find(&keys->both[i], key);
		/* Not freed: the search for others goes on beyond it. */
		if (*place == key)
			*place = FORGOTTEN;
	}
}
