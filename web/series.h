/*
 * Minutes or hours of one series gathered into equal steps, for charts and tables. Pure.
 *
 * A step is labelled by its end and holds (end − length, end]; days, and what divides
 * them, end at midnight in Viet Nam. Where nothing was measured there is a gap, not 0.
 */
#ifndef MUABUI_WEB_SERIES_H
#define MUABUI_WEB_SERIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/aggregates.h"

enum {
	SERIES_POINTS = 10000, /* of one series */
	SERIES_AUTO = 600,     /* points that a step chosen by us gives at most */
};

/* What a step's one value is. */
enum series_kind {
	SERIES_MEAN,
	SERIES_SUM,  /* of what fell: the increments of rain */
	SERIES_MAX,  /* of counters, and of sums over a window */
	SERIES_NONE, /* a mean would be nonsense: of 350° and 10° it is not 180° */
};

enum series_kind series_kind_of(uint16_t metric);
const char *series_kind_name(enum series_kind kind); /* "mean", … */

struct series_range {
	int64_t from_ms, to_ms; /* (from, to] as it was asked for */
	int64_t step_ms;
	int64_t first_ms;         /* end of the first step */
	size_t count;             /* steps */
	enum aggregate_step rows; /* what they are made of */
};

/*
 * TEXT as a step: "1m", "15m", "1h", "1d": whole minutes that divide an hour, hours that
 * divide a day, 1 to 31 days. 0: it is none.
 */
int64_t series_step(const char *text);

/* The shortest step that gives SERIES_AUTO points at most; not below LEAST_MS. */
int64_t series_auto(int64_t from_ms, int64_t to_ms, int64_t least_ms);

/* Fills in first_ms, count and rows from what is above them. The count may exceed
 * SERIES_POINTS: that is for the caller to refuse. */
void series_range_set(struct series_range *range);

/* The rows to be read: those that end in (*FROM_MS, *TO_MS]. */
void series_rows(const struct series_range *range, int64_t *from_ms, int64_t *to_ms);

struct series_point {
	int64_t rows, count;
	double sum, min, max;
	double share; /* of the rows, each by how complete it is */
};

struct series {
	const struct series_range *range;
	struct series_point *points; /* range->count */
	struct aggregate *rows;
	size_t row_count, capacity;
};

/* False: memory is out. series_free() is due in any case. */
bool series_init(struct series *series, const struct series_range *range);
void series_free(struct series *series);

/* Takes the next row, oldest first. False: memory is out. */
bool series_add(struct series *series, const struct aggregate *row);

/* All rows are there: makes the points. */
void series_close(struct series *series);

/* The value of point I as KIND; NAN: a gap. */
double series_value(const struct series *series, size_t i, enum series_kind kind);

/*
 * The share of the step I that was measured, 0..1. Minutes are counted, each standing for
 * the time that usually lies between two of this series; hours by how many readings they
 * have against what is usual.
 */
double series_completeness(const struct series *series, size_t i);

#endif
