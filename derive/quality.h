/*
 * Quality control: which flag a value deserves. Pure. Flags and tests after QARTOD
 * as ioos_qc computes them (regulation.md §7.1; its vectors are our tests), with
 * one difference: a spike is judged when it arrives, against the two values before
 * it, because a gateway may not wait for the next one.
 */
#ifndef MUABUI_DERIVE_QUALITY_H
#define MUABUI_DERIVE_QUALITY_H

#include <stdbool.h>
#include <stdint.h>

#include "config/quality.h"

/* The worse of two flags: 9 after 4 after 3 after 2 after 1. */
uint8_t quality_worse(uint8_t a, uint8_t b);

/*
 * Fails outside min..max and what is no number, is suspect outside
 * suspect_min..suspect_max; bounds are good. Without a metric and limits: not evaluated.
 */
uint8_t quality_range(const struct quality_config *config, double value);

/* The change from BEFORE to VALUE in ELAPSED_MS; good where nothing can be said. */
uint8_t quality_rate(const struct quality_config *config, double before, double value,
	int64_t elapsed_ms);

/* VALUE against the mean of its two neighbours A and B. */
uint8_t quality_spike(
	const struct quality_config *config, double a, double value, double b);

/* What a series' tests remember. Zeroed: nothing yet. */
struct quality_state {
	unsigned count;   /* values below that are known, 0..2 */
	double values[2]; /* the latest first */
	int64_t times[2];
	int64_t flat_since; /* start of the run that stands still */
	double flat_min, flat_max;
};

/*
 * The flag of VALUE at TIME_MS by all tests of one series, and STATE after it. A late
 * value (older than the latest) is held against its range only.
 */
uint8_t quality_judge(const struct quality_config *config, struct quality_state *state,
	int64_t time_ms, double value);

/* The clock was set: as rain_shift(). */
void quality_shift(struct quality_state *state, int64_t since_ms, int64_t by_ms);

#endif
