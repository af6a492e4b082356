#include "web/kept.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"

struct entry {
	char key[KEPT_KEY_SIZE]; /* "": nothing is here */
	struct kept_reply reply;
	int64_t until_ms; /* real time */
	int64_t made_ms;  /* since when somebody makes it anew; 0: nobody does */
	uint64_t used;    /* when it was last wanted, in turns */
};

enum { GRACE_MS = 3000 }; /* what is over serves on, while it is made anew */

struct kept {
	pthread_mutex_t mutex;
	size_t bytes;
	uint64_t turn;
	struct entry entries[KEPT_REPLIES];
};

struct kept *kept_new(void)
{
	struct kept *kept = calloc(1, sizeof *kept);

	if (kept)
		pthread_mutex_init(&kept->mutex, NULL);
	return kept;
}

static void drop(struct kept *kept, struct entry *entry)
{
	if (!*entry->key)
		return;
	kept->bytes -= entry->reply.bytes;
	MHD_destroy_response(entry->reply.response);
	MHD_destroy_response(entry->reply.unchanged);
	entry->key[0] = '\0';
}

void kept_free(struct kept *kept)
{
	if (!kept)
		return;
	for (size_t i = 0; i < KEPT_REPLIES; i++)
		drop(kept, &kept->entries[i]);
	pthread_mutex_destroy(&kept->mutex);
	free(kept);
}

void kept_key(const struct web_route *route, const struct web_request *request,
	bool zipped, char key[static KEPT_KEY_SIZE])
{
	size_t used;

	key[0] = '\0';
	if (route->keep_ms == 0)
		return;
	used = (size_t)snprintf(key, KEPT_KEY_SIZE, "%s %d%d%zu", request->path,
		request->language, zipped, request->type);
	for (size_t i = 0; route->arguments && route->arguments[i]; i++) {
		const char *value = web_argument(request, route->arguments[i]);
		if (used < KEPT_KEY_SIZE && value)
			used += (size_t)snprintf(
				key + used, KEPT_KEY_SIZE - used, "&%zu%s", i, value);
	}
	if (used >= KEPT_KEY_SIZE)
		key[0] = '\0';
}

const struct kept_reply *kept_lock(struct kept *kept, const char *key)
{
	int64_t now_ms = clock_real_ms();

	pthread_mutex_lock(&kept->mutex);
	for (size_t i = 0; i < KEPT_REPLIES; i++) {
		struct entry *entry = &kept->entries[i];
		if (strcmp(entry->key, key) != 0)
			continue;
		entry->used = ++kept->turn;
		bool is_made = entry->made_ms > 0 && now_ms < entry->until_ms + GRACE_MS;
		if (now_ms < entry->until_ms || is_made)
			return &entry->reply;
		/* One makes it anew, and the others are not kept waiting. */
		entry->made_ms = now_ms;
		break;
	}
	pthread_mutex_unlock(&kept->mutex);
	return NULL;
}

void kept_unlock(struct kept *kept)
{
	pthread_mutex_unlock(&kept->mutex);
}

/* KEY's own place, a free one, or that of what was longest not wanted: a thousand single
 * stations must not drive out the list that everybody reads. */
static struct entry *choose(struct kept *kept, const char *key)
{
	struct entry *best = &kept->entries[0];

	for (size_t i = 0; i < KEPT_REPLIES; i++) {
		struct entry *entry = &kept->entries[i];
		if (strcmp(entry->key, key) == 0)
			return entry;
		if (*best->key && (!*entry->key || entry->used < best->used))
			best = entry;
	}
	return best;
}

/* What is over goes, so that it does not hold its memory. */
static void drop_old(struct kept *kept, int64_t now_ms)
{
	for (size_t i = 0; i < KEPT_REPLIES; i++)
		if (kept->entries[i].until_ms + GRACE_MS <= now_ms)
			drop(kept, &kept->entries[i]);
}

void kept_put(
	struct kept *kept, const char *key, const struct kept_reply *reply, int64_t ms)
{
	int64_t now_ms = clock_real_ms();

	pthread_mutex_lock(&kept->mutex);
	drop_old(kept, now_ms);
	struct entry *entry = choose(kept, key);
	drop(kept, entry);
	bool fits = kept->bytes + reply->bytes <= KEPT_BYTES;
	if (fits) {
		snprintf(entry->key, sizeof entry->key, "%s", key);
		entry->reply = *reply;
		entry->until_ms = now_ms + ms;
		entry->made_ms = 0;
		entry->used = ++kept->turn;
		kept->bytes += reply->bytes;
	}
	pthread_mutex_unlock(&kept->mutex);
	if (fits)
		return;
	MHD_destroy_response(reply->response);
	MHD_destroy_response(reply->unchanged);
}
