/*
 * A source: one station's sensor, as the pipeline knows it. Shared by the files of the
 * pipeline only.
 */
#ifndef MUABUI_GATEWAY_SOURCE_H
#define MUABUI_GATEWAY_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/quality.h"
#include "core/reading.h"
#include "derive/quality.h"
#include "derive/rain.h"
#include "store/aggregates.h"

enum { SOURCE_MINUTES = 2 }; /* open minutes a series can hold: this one and the last */

struct series {
	uint16_t metric;
	bool has_limits; /* looked up; NULL below: the metric's range */
	const struct quality_config *limits; /* of the configuration */
	struct quality_state *quality;       /* where there are limits */
	struct accumulator minutes[SOURCE_MINUTES];
};

struct gauge {
	struct rain_gauge rain;
	int64_t said_ms; /* when all sums were last reported */
	int64_t said[RAIN_WINDOWS];
	bool dirty; /* not yet saved */
};

struct source {
	struct source *next; /* in its bucket */
	int64_t id;
	size_t slot;
	uint64_t hash;
	char station[NAME_SIZE];
	char sensor[NAME_SIZE];
	struct series *series;
	size_t count, capacity;
	int64_t newest_minute_ms; /* the minute counted into last */
	int64_t last_ms;          /* time of its last report */
	struct gauge *gauge;      /* NULL: no rain was seen here */
};

/*
 * The series of METRIC, made at first sight. HINT: where it is likely to be, since a
 * sensor's reports look alike. NULL when memory is out.
 */
struct series *source_series(struct source *source, uint16_t metric, size_t hint);

/* Accepts NULL. */
void source_free(struct source *source);

#endif
