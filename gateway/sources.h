/*
 * All sources the pipeline knows, found by their two names, and those of one station by
 * each other.
 */
#ifndef MUABUI_GATEWAY_SOURCES_H
#define MUABUI_GATEWAY_SOURCES_H

#include "gateway/source.h"

struct sources {
	struct source **by_name;    /* chained by source.next */
	struct source **by_station; /* one of each station, chained by next_station */
	size_t bucket_count, count;
};

/* False when memory is out. */
bool sources_init(struct sources *sources);
void sources_free(struct sources *sources);

/* The source of these names, or NULL. */
struct source *sources_find(
	const struct sources *sources, const char *station, const char *sensor);

/* Makes one that is not there yet. NULL when memory is out. */
struct source *sources_add(
	struct sources *sources, const char *station, const char *sensor);

/* One after the other, in no order; the first for NULL, NULL after the last. */
struct source *sources_each(const struct sources *sources, const struct source *before);

#endif
