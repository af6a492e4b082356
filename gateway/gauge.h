/*
 * The rain of one source: its counter's increments, the running sums and the intensity,
 * made at the first reading of rain and kept in the store.
 */
#ifndef MUABUI_GATEWAY_GAUGE_H
#define MUABUI_GATEWAY_GAUGE_H

#include <stdbool.h>

#include "core/buffer.h"
#include "core/clock.h"
#include "gateway/source.h"

/*
 * Before REPORT, which has a reading of rain, the gauge was being calibrated: what the
 * counter has gone on by may be poured water. It counts on from here, after a gap.
 */
void gauge_break(struct source *source, const struct report *report);

/*
 * Appends to REPORT, whose flags are set, the increment, the sums and the intensity that
 * follow. An odd reading of the counter becomes suspect. Increments are corrected for
 * under-catch; their raw value is what the gauge told.
 */
void gauge_derive(struct source *source, struct report *report);

/* As pipeline_end_day(). */
bool gauge_end_day(
	struct source *source, const struct report *report, struct report *end);

/* After a restart: what a stored REPORT, which has its increment already, told. */
void gauge_replay(struct source *source, const struct report *report);

/* Takes the kept state of SOURCE up, as its first reading of rain would. */
void gauge_open(struct source *source);

/* What pipeline_shift() and pipeline_forget_after() mean for the rain, if there is any.
 */
void gauge_shift(struct source *source, const struct clock_step *step);
void gauge_forget_after(struct source *source, int64_t limit_ms);

/* Keeps what has changed, in the open transaction; BYTES is for use. 0 or -1. */
int gauge_save(struct source *source, struct buffer *bytes);

/* Accepts NULL. */
void gauge_free(struct gauge *gauge);

#endif
