/*
 * Minutes and hours per series: what indices, charts and look-ups read instead of
 * raw reports.
 *
 * Accumulators in memory are merged into the minute table about once a minute, all
 * at once, together with the id up to which reports are in them (STORE_MERGED_ID);
 * after a crash the reports behind that id are counted again. Hours are made from
 * the finished minutes, so they can be made again at any time.
 *
 * Only usable values enter (flags 1-3, status 0). A minute or hour is labelled by its
 * end and holds (end − length, end].
 */
#ifndef MUABUI_STORE_AGGREGATES_H
#define MUABUI_STORE_AGGREGATES_H

#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"

extern const char aggregates_schema[];

/* One series' values of one minute, not yet merged. */
struct accumulator {
	int64_t end_ms; /* of the minute; 0: empty */
	uint32_t count;
	double sum, min, max;
};

/* The end of the minute or hour that TIME_MS belongs to. */
int64_t aggregate_minute_end(int64_t time_ms);
int64_t aggregate_hour_end(int64_t time_ms);

void accumulator_add(struct accumulator *accumulator, int64_t end_ms, double value);

/* Merges ACCUMULATOR into the minute table and empties it; inside a transaction. */
int aggregates_merge(struct store *store, int64_t source, uint16_t metric,
	struct accumulator *accumulator);

/*
 * Makes the hours of one series that end after FROM_MS and not after TO_MS (both ends of
 * hours) from their minutes, in place of what was there; inside a transaction.
 */
int aggregates_make_hours(struct store *store, int64_t source, uint16_t metric,
	int64_t from_ms, int64_t to_ms);

/* The same of all series. Takes about 3 µs for each pair of a source and a metric. */
int aggregates_make_all_hours(struct store *store, int64_t from_ms, int64_t to_ms);

/*
 * Adds ACCUMULATOR to the hour that its minute belongs to, for minutes so late that those
 * of their hour may be gone already, and empties it; inside a transaction.
 */
int aggregates_add_to_hour(struct store *store, int64_t source, uint16_t metric,
	struct accumulator *accumulator);

/* Puts VALUE in as the hour of a series that is not made of minutes; replaces. */
int aggregates_put_hour(struct store *store, int64_t source, uint16_t metric,
	int64_t hour_end_ms, double value);

struct aggregate {
	int64_t end_ms;
	int64_t count;
	double sum, min, max;
};

/* 1: there is a minute of METRIC at STATION (NULL or "": anywhere); 0 or -1. */
int aggregates_has(struct store *store, const char *station, uint16_t metric);

/*
 * Calls EACH, which must not use STORE, with the sensors of STATION that have minutes or
 * hours of METRIC, by name. How many, or -1.
 */
int aggregates_sensors(struct store *store, const char *station, uint16_t metric,
	void (*each)(void *arg, const char *sensor), void *arg);

enum aggregate_step { AGGREGATE_MINUTE, AGGREGATE_HOUR };

/*
 * Calls EACH with the aggregates of a series whose end lies in (FROM_MS, TO_MS], oldest
 * first, until it returns false. How many, or -1.
 */
int aggregates_scan(struct store *store, enum aggregate_step step, const char *station,
	const char *sensor, uint16_t metric, int64_t from_ms, int64_t to_ms,
	bool (*each)(void *arg, const struct aggregate *aggregate), void *arg);

/* The same, newest first. */
int aggregates_scan_back(struct store *store, enum aggregate_step step,
	const char *station, const char *sensor, uint16_t metric, int64_t from_ms,
	int64_t to_ms, bool (*each)(void *arg, const struct aggregate *aggregate),
	void *arg);

struct aggregate_minute {
	const char *station, *sensor;
	uint16_t metric;
	int64_t end_ms;
	int64_t count;
	double sum;
};

enum { AGGREGATE_METRICS = 6 };

/*
 * Calls EACH with the minutes of METRICS at STATION (NULL: at all) whose end lies in
 * (FROM_MS, TO_MS], oldest first, until it returns false; without sources that have a
 * state of the kind EXCEPT (store_state_set()) that is not empty. How many, or -1.
 */
int aggregates_scan_minutes(struct store *store, const char *station,
	const uint16_t metrics[static AGGREGATE_METRICS], const char *except,
	int64_t from_ms, int64_t to_ms,
	bool (*each)(void *arg, const struct aggregate_minute *minute), void *arg);

#endif
