#include "gateway/sources.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/codec.h"

enum { FIRST_BUCKETS = 64 };

static uint64_t hash_station(const char *station)
{
	/* With its NUL: "a" + "bc" is not "ab" + "c". */
	return codec_hash(0, station, strlen(station) + 1);
}

static uint64_t hash_names(const char *station, const char *sensor)
{
	return codec_hash(hash_station(station), sensor, strlen(sensor));
}

static void put_by_name(struct sources *sources, struct source *source)
{
	struct source **bucket = &sources->by_name[source->hash % sources->bucket_count];

	source->next = *bucket;
	*bucket = source;
}

static void put_by_station(struct sources *sources, struct source *source)
{
	struct source **bucket = &sources->by_station[hash_station(source->station) %
		sources->bucket_count];

	source->next_station = *bucket;
	*bucket = source;
}

static bool make_buckets(struct sources *sources, size_t count)
{
	struct source **by_name = calloc(count, sizeof *by_name);
	struct source **by_station = calloc(count, sizeof *by_station);

	if (!by_name || !by_station) {
		free(by_name);
		free(by_station);
		return false;
	}
	sources->by_name = by_name;
	sources->by_station = by_station;
	sources->bucket_count = count;
	return true;
}

static bool grow(struct sources *sources)
{
	struct sources old = *sources;

	if (!make_buckets(sources, old.bucket_count * 2))
		return false;
	for (size_t i = 0; i < old.bucket_count; i++) {
		struct source *next;
		for (struct source *source = old.by_name[i]; source; source = next) {
			next = source->next;
			put_by_name(sources, source);
		}
		for (struct source *source = old.by_station[i]; source; source = next) {
			next = source->next_station;
			put_by_station(sources, source);
		}
	}
	free(old.by_name);
	free(old.by_station);
	return true;
}

bool sources_init(struct sources *sources)
{
	*sources = (struct sources){ .count = 0 };
	return make_buckets(sources, FIRST_BUCKETS);
}

void sources_free(struct sources *sources)
{
	for (size_t i = 0; i < sources->bucket_count; i++) {
		struct source *next;
		for (struct source *source = sources->by_name[i]; source; source = next) {
			next = source->next;
			source_free(source);
		}
	}
	free(sources->by_name);
	free(sources->by_station);
	*sources = (struct sources){ .count = 0 };
}

struct source *sources_find(
	const struct sources *sources, const char *station, const char *sensor)
{
	uint64_t hash = hash_names(station, sensor);
	struct source *source = sources->by_name[hash % sources->bucket_count];

	while (source &&
		(source->hash != hash || strcmp(source->station, station) != 0 ||
			strcmp(source->sensor, sensor) != 0))
		source = source->next;
	return source;
}

/* Among those of its station, which stand in a circle. */
static void join_station(struct sources *sources, struct source *source)
{
	struct source *other = sources->by_station[hash_station(source->station) %
		sources->bucket_count];

	while (other && strcmp(other->station, source->station) != 0)
		other = other->next_station;
	if (!other) {
		source->neighbour = source;
		put_by_station(sources, source);
		return;
	}
	source->neighbour = other->neighbour;
	other->neighbour = source;
}

struct source *sources_add(
	struct sources *sources, const char *station, const char *sensor)
{
	if (sources->count >= sources->bucket_count && !grow(sources))
		return NULL;
	struct source *source = calloc(1, sizeof *source);
	if (!source)
		return NULL;
	snprintf(source->station, sizeof source->station, "%s", station);
	snprintf(source->sensor, sizeof source->sensor, "%s", sensor);
	source->hash = hash_names(station, sensor);
	put_by_name(sources, source);
	join_station(sources, source);
	sources->count++;
	return source;
}

struct source *sources_each(const struct sources *sources, const struct source *before)
{
	size_t bucket = 0;

	if (before && before->next)
		return before->next;
	if (before)
		bucket = before->hash % sources->bucket_count + 1;
	for (; bucket < sources->bucket_count; bucket++)
		if (sources->by_name[bucket])
			return sources->by_name[bucket];
	return NULL;
}
