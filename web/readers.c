#include "web/readers.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"

enum { KEPT_MAX = 4 };

struct readers {
	char *path;
	pthread_mutex_t mutex;
	struct store *kept[KEPT_MAX];
	size_t count;
};

struct readers *readers_new(const char *path)
{
	struct readers *readers = calloc(1, sizeof *readers);

	if (!readers || !(readers->path = strdup(path))) {
		free(readers);
		return NULL;
	}
	pthread_mutex_init(&readers->mutex, NULL);
	return readers;
}

void readers_free(struct readers *readers)
{
	if (!readers)
		return;
	for (size_t i = 0; i < readers->count; i++)
		store_close(readers->kept[i]);
	pthread_mutex_destroy(&readers->mutex);
	free(readers->path);
	free(readers);
}

struct store *readers_take(struct readers *readers)
{
	struct store *store = NULL;
	char why[256];

	pthread_mutex_lock(&readers->mutex);
	if (readers->count > 0)
		store = readers->kept[--readers->count];
	pthread_mutex_unlock(&readers->mutex);
	if (store)
		return store;
	/* Not a STORE_READER: that one may take the file as one nobody writes to. */
	store = store_open(readers->path, STORE_CLIENT, why, sizeof why);
	if (!store) {
		log_warning("web: %s", why);
		return NULL;
	}
	store_hurry(store);
	if (store_exec(store, "PRAGMA query_only=1") < 0)
		log_warning("web: %s", store_error(store));
	return store;
}

void readers_give(struct readers *readers, struct store *store, bool is_good)
{
	if (!store)
		return;
	if (!is_good)
		log_warning("web: %s", store_error(store));
	pthread_mutex_lock(&readers->mutex);
	if (is_good && readers->count < KEPT_MAX) {
		readers->kept[readers->count++] = store;
		store = NULL;
	}
	pthread_mutex_unlock(&readers->mutex);
	store_close(store);
}
