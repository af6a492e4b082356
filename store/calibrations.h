/*
 * Calibrations in the store: which there have been of a sensor's metric, each with a
 * number that stands with every reading corrected by it; and the times in which sensors
 * were being calibrated, set by an operator.
 */
#ifndef MUABUI_STORE_CALIBRATIONS_H
#define MUABUI_STORE_CALIBRATIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/clock.h"
#include "core/reading.h"
#include "store/store.h"

extern const char calibrations_schema[]; /* for store_open() */

struct calibration_record {
	const char *station, *sensor;
	uint16_t metric;
	const char *method; /* canonical: config/calibration.h */
	const char *date, *by, *certificate;
};

/*
 * The number of RECORD, which is that of the newest one of its station, sensor and metric
 * where it says the same, else a new one's, in force since NOW_MS. In the recorder's
 * transaction. 0 or -1.
 */
int calibrations_number(struct store *store, const struct calibration_record *record,
	int64_t now_ms, uint32_t *number);

/*
 * Calls EACH with every metric of the sensor whose newest calibration has a method other
 * than "none". EACH must not use the store. 0 or -1.
 */
int calibrations_each(struct store *store, const char *station, const char *sensor,
	void (*each)(void *arg, uint16_t metric), void *arg);

/* --- being calibrated -------------------------------------------------- */

struct calibrating_span {
	char station[NAME_SIZE]; /* "": every station of the sensor */
	char sensor[NAME_SIZE];
	char author[NAME_SIZE];
	int64_t since_ms, until_ms; /* half-open: (since, until] */
};

/*
 * Keeps SPAN, and ends what was in force for its sensor and station at its begin. One
 * whose end is its begin only ends. On disk when this returns, whatever the connection's
 * role. 0 or -1.
 */
int calibrating_keep(struct store *store, const struct calibrating_span *span);

/*
 * The clock was set by STEP and is NOW_MS: what was said by the clock before it goes on
 * by the clock after it. Inside a transaction. 0 or -1.
 */
int calibrating_move(struct store *store, const struct clock_step *step, int64_t now_ms);

/* Calls EACH with the spans that end after AFTER_MS, oldest first. 0 or -1. */
int calibrating_load(struct store *store, int64_t after_ms,
	void (*each)(void *arg, const struct calibrating_span *span), void *arg);

/* Has the store ever had a report of a sensor of this name (at STATION, if not NULL)? */
bool calibrating_knows(struct store *store, const char *station, const char *sensor);

#endif
