/*
 * Which sensors are being calibrated, in memory: an operator says so on the control
 * thread, the recorder asks for every report, the status shows it. What it knows is what
 * the store keeps (store/calibrations.h), so that it outlives the process.
 */
#ifndef MUABUI_STORE_CALIBRATING_H
#define MUABUI_STORE_CALIBRATING_H

#include <stdbool.h>
#include <stdint.h>

#include "store/calibrations.h"

struct calibrating;

enum {
	CALIBRATING_MIN_MS = 1000,
	CALIBRATING_MAX_MS = 7 * 24 * 3600 * 1000, /* a sensor must not be forgotten */
};

/* NULL when memory is out. */
struct calibrating *calibrating_new(void);
void calibrating_free(struct calibrating *calibrating);

/*
 * Takes over what STORE keeps, also of spans that are over: the ring may hold reports
 * from within them. 0 or -1.
 */
int calibrating_open(struct calibrating *calibrating, struct store *store);

/* Takes SPAN as calibrating_keep() does, which has to come first. False: memory is out.
 */
bool calibrating_set(
	struct calibrating *calibrating, const struct calibrating_span *span);

/*
 * Was SENSOR of STATION being calibrated at some time in (FROM_MS, TO_MS]? Cheap while
 * nothing is. Thread-safe, as the next is. CALIBRATING may be NULL.
 */
bool calibrating_touches(const struct calibrating *calibrating, const char *station,
	const char *sensor, int64_t from_ms, int64_t to_ms);

/* Calls EACH, which must not call back, with every span of SENSOR that has begun by
 * NOW_MS and goes on after it. */
void calibrating_each(const struct calibrating *calibrating, const char *sensor,
	int64_t now_ms, void (*each)(void *arg, const struct calibrating_span *span),
	void *arg);

/*
 * The latest time, not after NOW_MS, at which a sensor of STATION that IS_ONE accepts was
 * being calibrated; 0: not lately. Cheap while nothing is. CALIBRATING may be NULL.
 */
int64_t calibrating_latest(const struct calibrating *calibrating, const char *station,
	bool (*is_one)(void *arg, const char *sensor), void *arg, int64_t now_ms);

/* Does in memory what calibrating_move() does in the store. CALIBRATING may be NULL. */
void calibrating_shift(
	struct calibrating *calibrating, const struct clock_step *step, int64_t now_ms);

#endif
