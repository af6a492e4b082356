/*
 * From reports, in the order of their ids, to periods in the order of time: which period
 * is complete, and which reports come too late for theirs. Pure.
 *
 * Two periods are open at a time. The older one is ready when a report has been seen that
 * is stamped more than the settling time after its end, or when everything there is has
 * been read and the clock is that far. A report for a period that is ready is too late:
 * the receiver ignores a name that sorts before the last one, so nothing is sent again.
 */
#ifndef MUABUI_OUTPUTS_TT10_COLLECT_H
#define MUABUI_OUTPUTS_TT10_COLLECT_H

#include "outputs/tt10_file.h"
#include "store/reports.h"
#include "store/store.h"

struct tt10_collector {
	const struct tt10_settings *settings;
	int64_t settle_ms; /* less than the period */
	/* Periods from here on get a file even if nothing at all has come in them: the
	 * gateway was running. Others without any report do not. INT64_MAX: never. */
	int64_t running_ms;
	uint64_t late; /* reports that came too late */
	struct tt10_period open, next;
};

/* Goes on behind the period that ended at SENT_MS; 0: begins with the first report. */
void tt10_collect_begin(struct tt10_collector *collector,
	const struct tt10_settings *settings, int64_t settle_ms, int64_t sent_ms);

/*
 * Takes STORED into account; LATEST_MS is the time no stamp can be behind. False: the
 * open period is ready, and STORED has to be handed in again when it is done with.
 */
bool tt10_collect(struct tt10_collector *collector, const struct stored_report *stored,
	int64_t latest_ms);

/* Every report there is was taken, at NOW_MS: is the open period ready? */
bool tt10_collect_is_over(const struct tt10_collector *collector, int64_t now_ms);

/* Does the open period, ready, get a file? */
bool tt10_collect_has_file(const struct tt10_collector *collector);

/*
 * Done with the open period; the next one is opened. Returns the id up to which reports
 * are not needed again, where SCANNED is the last one taken.
 */
int64_t tt10_collect_advance(struct tt10_collector *collector, int64_t scanned);

#endif
