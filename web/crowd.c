#include "web/crowd.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "store/codec.h"

enum { PLACES = 8192 }; /* twice the connections there can be, so that some is free */

struct place {
	struct rate_key key;
	int count; /* 0: free, or nobody any more */
};

struct crowd {
	pthread_mutex_t mutex;
	int each;
	struct place places[PLACES];
};

struct crowd *crowd_new(int each)
{
	struct crowd *crowd = calloc(1, sizeof *crowd);

	if (!crowd)
		return NULL;
	crowd->each = each;
	pthread_mutex_init(&crowd->mutex, NULL);
	return crowd;
}

void crowd_free(struct crowd *crowd)
{
	if (!crowd)
		return;
	pthread_mutex_destroy(&crowd->mutex);
	free(crowd);
}

/* KEY's place, or the free one where it would be; NULL: every place is taken. */
static struct place *find(struct crowd *crowd, const struct rate_key *key)
{
	size_t at = codec_hash(0, key->bytes, sizeof key->bytes) % PLACES;

	for (size_t i = 0; i < PLACES; i++, at = (at + 1) % PLACES) {
		struct place *place = &crowd->places[at];
		if (place->count == 0 || memcmp(&place->key, key, sizeof *key) == 0)
			return place;
	}
	return NULL;
}

/* Moves up what could not be found any more behind the place that became FREE. */
static void close_up(struct crowd *crowd, size_t free_at)
{
	for (size_t at = (free_at + 1) % PLACES; crowd->places[at].count > 0;
		at = (at + 1) % PLACES) {
		struct place moved = crowd->places[at];
		crowd->places[at].count = 0;
		*find(crowd, &moved.key) = moved;
	}
}

bool crowd_has_room(struct crowd *crowd, const struct rate_key *key)
{
	pthread_mutex_lock(&crowd->mutex);
	const struct place *place = find(crowd, key);
	bool has_room = place && place->count < crowd->each;
	pthread_mutex_unlock(&crowd->mutex);
	return has_room;
}

void crowd_enter(struct crowd *crowd, const struct rate_key *key)
{
	pthread_mutex_lock(&crowd->mutex);
	struct place *place = find(crowd, key);
	if (place) {
		place->key = *key;
		place->count++;
	}
	pthread_mutex_unlock(&crowd->mutex);
}

void crowd_leave(struct crowd *crowd, const struct rate_key *key)
{
	pthread_mutex_lock(&crowd->mutex);
	struct place *place = find(crowd, key);
	if (place && place->count > 0 && --place->count == 0)
		close_up(crowd, (size_t)(place - crowd->places));
	pthread_mutex_unlock(&crowd->mutex);
}
