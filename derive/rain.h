/*
 * Rain: increments from a gauge's counter, and running sums. Pure: time comes
 * with the readings.
 *
 * Amounts are whole nanometres inside, so that ten tips of 0.1 mm are 1 mm.
 */
#ifndef MUABUI_DERIVE_RAIN_H
#define MUABUI_DERIVE_RAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buffer.h"

/* What a counter's new reading means. */
enum rain_verdict {
	RAIN_BASELINE,    /* the first reading ever: credits nothing */
	RAIN_CREDITED,    /* it went on, or stood still */
	RAIN_WRAPPED,     /* it ran over its end: credited */
	RAIN_RESET,       /* it was set back: credits nothing, counts on from here */
	RAIN_IMPLAUSIBLE, /* more than can fall: credits nothing, counts on from here */
};

enum { RAIN_WINDOWS = 9 };

/* The windows' metrics, shortest first, and their lengths. */
struct rain_window {
	uint16_t metric;
	int64_t length_ms;
};
extern const struct rain_window rain_windows[RAIN_WINDOWS];

struct rain_tip {
	int64_t time_ms;
	int64_t nm;
};

struct rain_gauge {
	bool has_total;
	double total; /* the counter's last reading, mm */
	int64_t total_ms;
	double modulus;        /* mm at which the counter starts again at 0; 0: unknown */
	int64_t covered_ms;    /* since when there is no gap */
	int64_t last_ms;       /* the newest observation; 0: none */
	struct rain_tip *tips; /* ordered by time, none older than the longest window */
	size_t count, capacity;
	int64_t sums[RAIN_WINDOWS];  /* nm in (last_ms − length, last_ms] */
	size_t starts[RAIN_WINDOWS]; /* index of the first tip in each window */
};

/* MODULUS in mm, 0: unknown. */
void rain_init(struct rain_gauge *gauge, double modulus);
void rain_free(struct rain_gauge *gauge);

/*
 * Compares the counter's reading TOTAL (mm) with the one before it, and keeps it for
 * the next time. INCREMENT (mm) is 0 unless something is credited; for IMPLAUSIBLE
 * it is what would have been.
 *
 * A decrease is a wrap only if the modulus is known, the old reading lay in its upper
 * half, the new one in the lower, and the way between is plausible. Plausible is up
 * to 1000 mm/h over the time since the last reading, and 5 mm besides.
 */
enum rain_verdict rain_credit(
	struct rain_gauge *gauge, int64_t time_ms, double total, double *increment);

/*
 * Observes that MM fell by TIME_MS since the observation before it (0: it was dry).
 * A late one is put in its place. False when memory is out, or the windows hold a tip a
 * second already.
 */
bool rain_observe(struct rain_gauge *gauge, int64_t time_ms, double mm);

/*
 * The clock was set: what was observed after SINCE_MS was observed BY_MS later than its
 * time says (earlier where BY_MS is negative). Sums and increments go on as if it had
 * always been right.
 */
void rain_shift(struct rain_gauge *gauge, int64_t since_ms, int64_t by_ms);

/*
 * Forgets all that fell, but not where the counter stands: as read at TIME_MS. For what
 * was remembered by a time that cannot have been.
 */
void rain_forget(struct rain_gauge *gauge, int64_t time_ms);

/* The sum in mm of window INDEX at the newest observation, half-open (t − n, t]. */
double rain_sum(const struct rain_gauge *gauge, size_t index);

/* Was the whole window observed, without a gap of more than 15 minutes? */
bool rain_is_complete(const struct rain_gauge *gauge, size_t index);

/* The state as bytes, and back (false: not such bytes, GAUGE is as after rain_init()). */
void rain_save(const struct rain_gauge *gauge, struct buffer *out);
bool rain_load(struct rain_gauge *gauge, const void *bytes, size_t length);

#endif
