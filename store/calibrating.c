#include "store/calibrating.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"

enum { SPANS_MAX = 4096 };

/* Reports older than that are not in a ring any more. */
static const int64_t remember_ms = INT64_C(7) * 24 * 3600 * 1000;

struct calibrating {
	pthread_mutex_t mutex;
	atomic_size_t count; /* written under the mutex */
	struct calibrating_span *spans;
	size_t capacity;
};

struct calibrating *calibrating_new(void)
{
	struct calibrating *calibrating = calloc(1, sizeof *calibrating);

	if (calibrating)
		pthread_mutex_init(&calibrating->mutex, NULL);
	return calibrating;
}

void calibrating_free(struct calibrating *calibrating)
{
	if (!calibrating)
		return;
	pthread_mutex_destroy(&calibrating->mutex);
	free(calibrating->spans);
	free(calibrating);
}

/* What is in force for SPAN's sensor and station ends where SPAN begins. */
static void end_before(
	struct calibrating *calibrating, const struct calibrating_span *span)
{
	for (size_t i = 0; i < calibrating->count; i++) {
		struct calibrating_span *old = &calibrating->spans[i];

		if (strcmp(old->sensor, span->sensor) == 0 &&
			(!*span->station || strcmp(old->station, span->station) == 0) &&
			old->until_ms > span->since_ms)
			old->until_ms = span->since_ms;
	}
}

static void forget_old(struct calibrating *calibrating, int64_t before_ms)
{
	size_t kept = 0;

	for (size_t i = 0; i < calibrating->count; i++)
		if (calibrating->spans[i].until_ms > before_ms)
			calibrating->spans[kept++] = calibrating->spans[i];
	calibrating->count = kept;
}

/* With the mutex held. */
static bool add(struct calibrating *calibrating, const struct calibrating_span *span)
{
	size_t count = calibrating->count;

	if (count == calibrating->capacity) {
		size_t capacity = count ? count * 2 : 8;
		struct calibrating_span *spans = capacity > SPANS_MAX
			? NULL
			: realloc(calibrating->spans, capacity * sizeof *spans);

		if (!spans)
			return false;
		calibrating->spans = spans;
		calibrating->capacity = capacity;
	}
	calibrating->spans[count] = *span;
	calibrating->count = count + 1;
	return true;
}

bool calibrating_set(struct calibrating *calibrating, const struct calibrating_span *span)
{
	bool added = true;

	pthread_mutex_lock(&calibrating->mutex);
	end_before(calibrating, span);
	forget_old(calibrating, span->since_ms - remember_ms);
	if (span->until_ms > span->since_ms)
		added = add(calibrating, span);
	pthread_mutex_unlock(&calibrating->mutex);
	return added;
}

static void take(void *arg, const struct calibrating_span *span)
{
	add(arg, span);
}

int calibrating_open(struct calibrating *calibrating, struct store *store)
{
	pthread_mutex_lock(&calibrating->mutex);
	calibrating->count = 0;
	int result =
		calibrating_load(store, clock_wall_ms() - remember_ms, take, calibrating);
	pthread_mutex_unlock(&calibrating->mutex);
	return result;
}

bool calibrating_touches(const struct calibrating *calibrating, const char *station,
	const char *sensor, int64_t from_ms, int64_t to_ms)
{
	bool found = false;

	if (!calibrating || atomic_load(&calibrating->count) == 0)
		return false;
	pthread_mutex_t *mutex = (pthread_mutex_t *)&calibrating->mutex;
	pthread_mutex_lock(mutex);
	for (size_t i = 0; i < calibrating->count && !found; i++) {
		const struct calibrating_span *span = &calibrating->spans[i];

		found = span->since_ms < span->until_ms && span->since_ms < to_ms &&
			from_ms < span->until_ms && strcmp(span->sensor, sensor) == 0 &&
			(!*span->station || strcmp(span->station, station) == 0);
	}
	pthread_mutex_unlock(mutex);
	return found;
}

void calibrating_each(const struct calibrating *calibrating, const char *sensor,
	int64_t now_ms, void (*each)(void *arg, const struct calibrating_span *span),
	void *arg)
{
	if (!calibrating)
		return;
	pthread_mutex_t *mutex = (pthread_mutex_t *)&calibrating->mutex;
	pthread_mutex_lock(mutex);
	for (size_t i = 0; i < calibrating->count; i++) {
		const struct calibrating_span *span = &calibrating->spans[i];

		if (strcmp(span->sensor, sensor) == 0 && span->since_ms <= now_ms &&
			now_ms < span->until_ms)
			each(arg, span);
	}
	pthread_mutex_unlock(mutex);
}

int64_t calibrating_latest(const struct calibrating *calibrating, const char *station,
	bool (*is_one)(void *arg, const char *sensor), void *arg, int64_t now_ms)
{
	int64_t latest_ms = 0;

	if (!calibrating || atomic_load(&calibrating->count) == 0)
		return 0;
	pthread_mutex_t *mutex = (pthread_mutex_t *)&calibrating->mutex;
	pthread_mutex_lock(mutex);
	for (size_t i = 0; i < calibrating->count; i++) {
		const struct calibrating_span *span = &calibrating->spans[i];
		int64_t until_ms = span->until_ms < now_ms ? span->until_ms : now_ms;

		if (span->since_ms < until_ms && until_ms > latest_ms &&
			(!*span->station || strcmp(span->station, station) == 0) &&
			is_one(arg, span->sensor))
			latest_ms = until_ms;
	}
	pthread_mutex_unlock(mutex);
	return latest_ms;
}

void calibrating_shift(
	struct calibrating *calibrating, const struct clock_step *step, int64_t now_ms)
{
	if (!calibrating)
		return;
	pthread_mutex_lock(&calibrating->mutex);
	for (size_t i = 0; i < calibrating->count; i++) {
		struct calibrating_span *span = &calibrating->spans[i];

		if (span->since_ms <= step->since_ms ||
			span->since_ms > now_ms - step->by_ms)
			continue;
		span->since_ms += step->by_ms;
		span->until_ms += step->by_ms;
	}
	pthread_mutex_unlock(&calibrating->mutex);
}
