/*
 * The stations' hourly means and air quality indices, made at each hour's end.
 *
 * The minutes that the pipeline merges are gathered per station (derive/air_station.h)
 * until their hour is over; then the hour is closed and its report made
 * (derive/air_report.h), stamped with the hour's end, of the sensor INDEX_SENSOR, and
 * handed to whoever keeps reports. What follows later hours from (NowCast looks at
 * twelve, a day at 24 and seven before) is read from the store where it is not in
 * memory, so that a restart in the middle of an hour, or hours of outage, change nothing.
 *
 * Minutes of an hour that is closed already make it be computed anew, with those of the
 * AIR_HOURS hours that it reaches into; whatever has become another value is reported
 * again under the same time, marked revised and back-filled: outputs put it in place of
 * the old one, nobody is alarmed. That waits for some time, because late minutes come in
 * masses, and what waits is kept in the store.
 *
 * Used by the recorder's thread only, inside its transaction.
 */
#ifndef MUABUI_GATEWAY_INDICES_H
#define MUABUI_GATEWAY_INDICES_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "core/reading.h"
#include "store/aggregates.h"
#include "store/store.h"

struct indices;

enum {
	/* So long after its end an hour is closed: what is on its way still counts. */
	INDICES_GRACE_MS = 15 * 1000,
};

struct indices_settings {
	struct store *store; /* NULL: nothing is kept, and nothing can come late */
	const struct config *config; /* the rules, and the sensors' grades */
	/*
	 * Takes the REPORT of an hour, flagged; SOURCE: its number in the store, 0
	 * without one. It is in the table of hours already. 0, or -1: the store failed.
	 */
	int (*keep)(void *arg, int64_t source, const struct report *report);
	void *arg;
};

/* NULL when memory is out or the store failed. */
struct indices *indices_new(const struct indices_settings *settings);
void indices_free(struct indices *indices);

/*
 * Takes a minute of METRIC, which is about to be merged into the store. Other metrics
 * than pollutants are passed over. 0 or -1.
 */
int indices_take(struct indices *indices, const char *station, const char *sensor,
	uint16_t metric, const struct accumulator *minute);

/* Is an hour over that indices_make() has not closed? */
bool indices_are_due(const struct indices *indices, int64_t now_ms);

/*
 * Closes the hours that are over by NOW_MS, which is a little after their end so that
 * what was measured in them has arrived, and revises what came late. 0 or -1.
 */
int indices_make(struct indices *indices, int64_t now_ms);

/*
 * The clock was set: what is in memory is read from the store anew, and hours that have
 * not ended by NOW_MS are not over.
 */
int indices_begin_anew(struct indices *indices, int64_t now_ms);

#endif
