/*
 * Judging a report: flags by the limits of each series and by what its readings say of
 * each other, and the rain that follows from it.
 */
#ifndef MUABUI_GATEWAY_JUDGE_H
#define MUABUI_GATEWAY_JUDGE_H

#include "gateway/pipeline.h"
#include "gateway/source.h"

/* Does REPORT say what is the case at its time? Not if retained, or of an unset clock. */
bool judge_is_of_its_time(const struct report *report);

/* As pipeline_judge(). */
void judge_report(const struct pipeline_settings *settings, struct source *source,
	struct report *report);

/*
 * After a restart: what a stored REPORT, which has its increment already, told the rain
 * gauge when it came.
 */
void judge_replay(const struct pipeline_settings *settings, struct source *source,
	struct report *report);

#endif
