/*
 * Judging a report: what an operator says of the instrument, its calibration, flags by
 * the limits of each series, by what readings say of each other and by the instrument's
 * state, and the rain that follows from it.
 */
#ifndef MUABUI_GATEWAY_JUDGE_H
#define MUABUI_GATEWAY_JUDGE_H

#include <stdbool.h>

#include "gateway/source.h"

/* Does REPORT say what is the case at its time? Not if retained, or of an unset clock. */
bool judge_is_of_its_time(const struct report *report);

/* Finds the limits of SERIES, at first sight of it. */
void judge_prepare(struct source *source, struct series *series);

/* As pipeline_judge(). */
void judge_report(struct source *source, struct report *report);

/*
 * After a restart: remembers what a stored REPORT, judged already, told when it came. It
 * is left as it is.
 */
void judge_replay(struct source *source, const struct report *report);

#endif
