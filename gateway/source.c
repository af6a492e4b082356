#include "gateway/source.h"

#include <stdlib.h>

#include "gateway/gauge.h"

/* What a sensor says by itself, and then at once all that is said of rain besides. */
enum { FIRST = 8, MORE = 10 };

struct series *source_find_series(const struct source *source, uint16_t metric)
{
	for (size_t i = 0; i < source->count; i++)
		if (source->series[i].metric == metric)
			return &source->series[i];
	return NULL;
}

struct series *source_series(struct source *source, uint16_t metric, size_t hint)
{
	if (hint < source->count && source->series[hint].metric == metric)
		return &source->series[hint];
	struct series *known = source_find_series(source, metric);
	if (known)
		return known;
	if (source->count == source->capacity) {
		size_t capacity = source->capacity ? source->capacity + MORE : FIRST;
		struct series *series =
			realloc(source->series, capacity * sizeof *series);
		if (!series)
			return NULL;
		source->series = series;
		source->capacity = capacity;
	}
	source->series[source->count] = (struct series){ .metric = metric };
	return &source->series[source->count++];
}

void source_free(struct source *source)
{
	if (!source)
		return;
	for (size_t i = 0; i < source->count; i++)
		free(source->series[i].quality);
	gauge_free(source->gauge);
	free(source->series);
	free(source);
}
