/*
 * The newest report of every source, in memory, for those who show the present:
 * the page, the metrics, `status`. The recorder writes it as it takes a report, before
 * the commit; anyone may read. It begins at every start with what the store holds.
 */
#ifndef MUABUI_STORE_LATEST_H
#define MUABUI_STORE_LATEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/clock.h"
#include "core/reading.h"

struct latest;

/* NULL when memory is out. */
struct latest *latest_new(void);
void latest_free(struct latest *latest);

/*
 * Takes REPORT's readings: each replaces the older reading of its metric; metrics the
 * report lacks keep their own, older, time. Where a time says nothing (it is marked
 * REPORT_CLOCK_UNSET), what comes later is newer. SLOT (0: not known yet) is what an
 * earlier call for the same source returned, and spares the look-up. Returns the slot, 0
 * when memory is out. Only the recorder calls this, and who fills it before the start.
 */
size_t latest_put(struct latest *latest, size_t slot, const struct report *report);

/* The clock was set: times by the clock before STEP become times by the one after it. */
void latest_shift(struct latest *latest, const struct clock_step *step);

struct latest_value {
	struct reading reading;
	int64_t time_ms;
	uint16_t marks;
	uint8_t status;
};

struct latest_source {
	char station[NAME_SIZE];
	char sensor[NAME_SIZE];
	int64_t time_ms;  /* of the newest report */
	uint64_t reports; /* since start */
	size_t count;
	struct latest_value values[READINGS_MAX];
};

/*
 * Calls EACH with a copy of every source, ordered by station and sensor, until it
 * returns false. No lock is held during the call.
 */
void latest_each(const struct latest *latest,
	bool (*each)(void *arg, const struct latest_source *source), void *arg);

/*
 * The time of the newest usable reading of METRIC at STATION, whichever sensor it is of:
 * flagged 1 to 3, of a measuring instrument, not retained. 0: there is none.
 */
int64_t latest_time_of(const struct latest *latest, const char *station, uint16_t metric);

/* Sources known. */
size_t latest_count(const struct latest *latest);

#endif
