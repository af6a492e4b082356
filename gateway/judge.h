/*
 * Judging a report: flags by the limits of each series and by what its readings say of
 * each other, and the rain that follows from it.
 */
#ifndef MUABUI_GATEWAY_JUDGE_H
#define MUABUI_GATEWAY_JUDGE_H

#include <stdbool.h>

#include "gateway/source.h"

/* Does REPORT say what is the case at its time? Not if retained, or of an unset clock. */
bool judge_is_of_its_time(const struct report *report);

/* As pipeline_judge(). */
void judge_report(struct source *source, struct report *report);

/* After a restart: remembers what a stored REPORT, judged already, told when it came. */
void judge_replay(struct source *source, const struct report *report);

#endif
