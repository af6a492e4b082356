/*
 * Quality control: which flag a value deserves. Pure. Flags and tests after QARTOD
 * as ioos_qc computes them (regulation.md §7.1; its vectors are our tests), with
 * one difference: a spike is judged when it arrives, against the two values before
 * it, because a gateway may not wait for the next one.
 */
#ifndef MUABUI_DERIVE_QUALITY_H
#define MUABUI_DERIVE_QUALITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/quality.h"

/* The worse of two flags: 9 after 4 after 3 after 2 after 1. */
uint8_t quality_worse(uint8_t a, uint8_t b);

/*
 * Fails where what the instrument said, RAW, is outside min..max or no number. VALUE, the
 * corrected one, is suspect outside suspect_min..suspect_max, and where only the
 * correction took it out of min..max. Bounds are good. Without a metric and limits: not
 * evaluated.
 */
uint8_t quality_range(const struct quality_config *config, double raw, double value);

/* The change from BEFORE to VALUE in ELAPSED_MS; good where nothing can be said. */
uint8_t quality_rate(const struct quality_config *config, double before, double value,
	int64_t elapsed_ms);

/* VALUE against the mean of its two neighbours A and B. */
uint8_t quality_spike(
	const struct quality_config *config, double a, double value, double b);

/*
 * VALUE against the COUNT values (1 or more; they are sorted here) that the station's
 * other sensors have of the same thing. With one other, nobody can tell which is wrong:
 * suspect where the two differ, and so will the other be. With more, suspect where VALUE
 * differs from the median of all. Differing is more than neighbour, and more than
 * neighbour_ratio of the mean of the two; of these the ones that are given.
 */
uint8_t quality_neighbours(
	const struct quality_config *config, double value, double *others, size_t count);

/* Whether a sensor has been back for long enough. Zeroed: it was never heard. */
struct quality_settling {
	int64_t heard_ms;   /* time of its newest report */
	int64_t settled_ms; /* until then it settles */
};

/*
 * Does a report at TIME_MS fall into the SETTLE_MS after a silence of more than GAP_MS,
 * or after LOST: the connection was lost before it? A late report changes nothing.
 *
 * What settles fails rather than being suspect: it is known that the device does not yet
 * measure (a fan gains speed, a cell heats up), where suspect values count in sums and
 * rules. After a power cut in a district all its stations come back at once, and their
 * first peaks must not raise an alert.
 */
bool quality_settles(struct quality_settling *settling, int64_t settle_ms, int64_t gap_ms,
	int64_t time_ms, bool lost);

/* What a series' tests remember. Zeroed: nothing yet. */
struct quality_state {
	unsigned count;   /* values below that are known, 0..2 */
	double values[2]; /* the latest first */
	int64_t times[2];
	int64_t flat_since; /* start of the run that stands still */
	double flat_min, flat_max;
};

/*
 * The flag of VALUE (corrected; the sensor said RAW) at TIME_MS by all tests of one
 * series, and STATE after it. A late value (older than the latest) is held against its
 * range only.
 */
uint8_t quality_judge(const struct quality_config *config, struct quality_state *state,
	int64_t time_ms, double raw, double value);

/* The clock was set: as rain_shift(). */
void quality_shift(struct quality_state *state, int64_t since_ms, int64_t by_ms);
void quality_settling_shift(
	struct quality_settling *settling, int64_t since_ms, int64_t by_ms);

#endif
