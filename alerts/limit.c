#include "alerts/limit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/reading.h"
#include "store/alert_groups.h"

/* The times of the newest messages, as many as the limit asks for; a ring. */
struct limit_area {
	int audience;
	char area[NAME_SIZE];
	size_t next;
	int64_t times[]; /* 0: none */
};

void limit_init(
	struct limit *limit, const struct limit_config *config, struct store *store)
{
	*limit = (struct limit){ .config = config, .store = store };
}

static void clear(struct limit *limit)
{
	for (size_t i = 0; i < limit->count; i++)
		free(limit->areas[i]);
	limit->count = 0;
}

void limit_free(struct limit *limit)
{
	clear(limit);
	free(limit->areas);
	*limit = (struct limit){ .areas = NULL };
}

static size_t per_area(const struct limit *limit)
{
	return (size_t)limit->config->per_area;
}

/* A time in the future was written by a clock that has been set back since. */
static bool counts(const struct limit *limit, int64_t time_ms, int64_t now_ms)
{
	return time_ms > now_ms - limit->config->within && time_ms <= now_ms;
}

static size_t used(
	const struct limit *limit, const struct limit_area *area, int64_t now_ms)
{
	size_t used = 0;

	for (size_t i = 0; i < per_area(limit); i++)
		used += counts(limit, area->times[i], now_ms);
	return used;
}

static struct limit_area *find(const struct limit *limit, int audience, const char *name)
{
	for (size_t i = 0; i < limit->count; i++) {
		struct limit_area *area = limit->areas[i];

		if (area->audience == audience && strcmp(area->area, name) == 0)
			return area;
	}
	return NULL;
}

static void forget_idle(struct limit *limit, int64_t now_ms)
{
	size_t kept = 0;

	for (size_t i = 0; i < limit->count; i++) {
		if (used(limit, limit->areas[i], now_ms) > 0)
			limit->areas[kept++] = limit->areas[i];
		else
			free(limit->areas[i]);
	}
	limit->count = kept;
}

static struct limit_area *add(
	struct limit *limit, int audience, const char *name, int64_t now_ms)
{
	if (limit->count == limit->capacity)
		forget_idle(limit, now_ms);
	if (limit->count == limit->capacity) {
		size_t capacity = limit->capacity ? 2 * limit->capacity : 16;
		struct limit_area **areas =
			realloc(limit->areas, capacity * sizeof(struct limit_area *));

		if (!areas)
			return NULL;
		limit->areas = areas;
		limit->capacity = capacity;
	}
	struct limit_area *area =
		calloc(1, sizeof *area + per_area(limit) * sizeof area->times[0]);
	if (!area)
		return NULL;
	area->audience = audience;
	snprintf(area->area, sizeof area->area, "%s", name);
	limit->areas[limit->count++] = area;
	return area;
}

static bool note(struct limit *limit, int audience, const char *name, int64_t time_ms,
	int64_t now_ms)
{
	struct limit_area *area = find(limit, audience, name);

	if (!area)
		area = add(limit, audience, name, now_ms);
	if (!area)
		return false;
	area->times[area->next] = time_ms;
	area->next = (area->next + 1) % per_area(limit);
	return true;
}

bool limit_allows(
	const struct limit *limit, int audience, const char *area, int64_t now_ms)
{
	if (per_area(limit) == 0)
		return true;
	const struct limit_area *found = find(limit, audience, area);
	return !found || used(limit, found, now_ms) < per_area(limit);
}

int limit_count(struct limit *limit, int audience, const char *area, int64_t now_ms)
{
	if (per_area(limit) == 0)
		return 0;
	if (!note(limit, audience, area, now_ms, now_ms))
		return -1;
	return alert_told_add(
		limit->store, audience, area, now_ms, now_ms - limit->config->within);
}

/* --- the store ----------------------------------------------------------- */

struct loading {
	struct limit *limit;
	bool failed;
};

static void take(void *arg, int audience, const char *area, int64_t time_ms)
{
	struct loading *loading = arg;

	if (!note(loading->limit, audience, area, time_ms, time_ms))
		loading->failed = true;
}

int limit_load(struct limit *limit)
{
	struct loading loading = { .limit = limit };

	clear(limit);
	if (per_area(limit) == 0)
		return 0;
	if (alert_told_each(limit->store, take, &loading) < 0)
		return -1;
	return loading.failed ? -1 : 0;
}

int limit_shift(struct limit *limit, const struct clock_step *step)
{
	for (size_t i = 0; i < limit->count; i++) {
		int64_t *times = limit->areas[i]->times;

		for (size_t t = 0; t < per_area(limit); t++)
			if (times[t] > 0)
				times[t] = clock_after_step(step, times[t]);
	}
	return limit->count > 0
		? alert_told_shift(limit->store, step->since_ms, step->by_ms)
		: 0;
}
