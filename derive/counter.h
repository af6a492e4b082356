/*
 * What a rain gauge's counter means: rain, a wrap, a reset, a jump, or a corrupt read.
 * Pure.
 *
 * One reading alone does not tell a corrupt read from a reset. So the first odd one,
 * which went back or ran faster than it can rain, is held, and the next decides: if it
 * goes on from where the counter was before, the odd one was corrupt and means nothing;
 * if it goes on from the odd one, the counter was set there.
 */
#ifndef MUABUI_DERIVE_COUNTER_H
#define MUABUI_DERIVE_COUNTER_H

#include <stdbool.h>
#include <stdint.h>

enum counter_verdict {
	COUNTER_BASELINE, /* the first reading ever: credits nothing */
	COUNTER_CREDITED, /* it went on, or stood still */
	COUNTER_WRAPPED,  /* it ran over its end: credited */
	COUNTER_HELD,     /* odd: credits nothing, the next reading decides */
	COUNTER_CORRUPT, /* the one held was corrupt: credited from where it was before */
	COUNTER_RESET,   /* it was set back: what fell since is credited */
	COUNTER_JUMPED,  /* it jumped by more than can fall: that is not credited */
};

struct counter {
	double modulus;       /* mm at which it begins again at 0; 0: unknown */
	double max_intensity; /* mm/h */
	int64_t gap_ms;       /* a reset is believed to have been to 0 within so long */
	bool has_total, has_odd;
	double total, odd; /* mm: the last reading believed; the one held since */
	int64_t total_ms, odd_ms;
};

/* What follows from a reading. */
struct counter_step {
	enum counter_verdict verdict;
	double increment; /* mm to credit, as counted in decimals; 0 where nothing is */
	double refused;   /* JUMPED: mm by which it jumped */
	/*
	 * What fell between the last reading believed and LOST_MS is not known: of
	 * JUMPED, and of RESET when the counter may have been set to anything. 0: nothing
	 * is lost.
	 */
	int64_t lost_ms;
	/* RESET: the odd reading's time, at which the counter was watched; else 0. */
	int64_t watched_ms;
};

/* A counter that was never read. */
void counter_init(
	struct counter *counter, double modulus, double max_intensity, int64_t gap_ms);

/*
 * Takes the reading TOTAL (mm) of TIME_MS.
 *
 * Plausible is up to max_intensity over the time since the reading it is compared with,
 * and 5 mm besides. A decrease is a wrap only if the modulus is known, the old reading
 * lay in its upper half, the new one in the lower, and the way between is plausible.
 * Where a reading goes on plausibly from both, the one before and the odd one, the
 * smaller increment is believed. After a reset all the counter has counted since 0 is
 * credited if that can have fallen since the reading before it (without the 5 mm) and
 * this was not longer ago than gap_ms; else only what was added since the odd reading.
 */
struct counter_step counter_take(struct counter *counter, int64_t time_ms, double total);

/* Can MM have fallen in ELAPSED_MS? */
bool counter_can_fall(const struct counter *counter, double mm, int64_t elapsed_ms);

/* Puts its times after SINCE_MS off by BY_MS. */
void counter_shift(struct counter *counter, int64_t since_ms, int64_t by_ms);

#endif
