/*
 * What happens to every report between the ring and the store: quality control,
 * derivation (rain), and the minutes' accumulators. The live recorder and the
 * back-test run this same code; time comes with the readings.
 */
#ifndef MUABUI_GATEWAY_PIPELINE_H
#define MUABUI_GATEWAY_PIPELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "core/clock.h"
#include "core/reading.h"
#include "gateway/source.h"
#include "store/store.h"

struct pipeline;

struct pipeline_settings {
	struct store *store;     /* state is kept there; NULL: nowhere (back-test) */
	int64_t keep_minutes_ms; /* how long minutes stay there; 0: for ever */
	/* Fills in how SENSOR of STATION is to be treated; TREATMENT is zeroed. May be
	 * NULL.
	 */
	void (*treat)(void *arg, const char *station, const char *sensor,
		struct treatment *treatment);
	void *arg;
	/* The rules for indices and what becomes of their reports: gateway/indices.h.
	 * keep_index NULL: there are none.
	 */
	const struct config *config;
	int (*keep_index)(void *arg, int64_t source, const struct report *report);
	void *index_arg;
};

/*
 * With a store, takes up where the last pipeline left off, counting the reports
 * stored since then. NULL with a logged reason.
 */
struct pipeline *pipeline_new(const struct pipeline_settings *settings);
void pipeline_free(struct pipeline *pipeline);

/* The source of REPORT, made at first sight. NULL when memory is out or the store failed.
 */
struct source *pipeline_source(struct pipeline *pipeline, const struct report *report);

/* Its number in the store, and a place for the caller's own (store/latest.h). */
int64_t source_id(const struct source *source);
size_t *source_slot(struct source *source);

/* Is it the first time that SOURCE says something of the air itself? */
bool source_meets_air(struct source *source, const struct report *report);

/*
 * Moves the time of REPORT behind that of SOURCE's last one, where the two would share a
 * millisecond or be in the wrong order by less than a minute: a backlog that a broker
 * hands over at once is received within few milliseconds, and what tells its readings
 * apart everywhere else is their time. A device's own time is left as it is.
 */
void pipeline_set_apart(struct source *source, struct report *report);

/*
 * Flags REPORT's readings and appends the derived ones. Retained reports and such
 * without a plausible time are flagged only.
 */
void pipeline_judge(
	struct pipeline *pipeline, struct source *source, struct report *report);

/*
 * The clock was set. What is remembered by the clock before STEP is from now on
 * remembered by the clock after it, so that what comes is held against it as if there had
 * been no step. Reports counted already stay in their minutes: merge before, so that
 * those that are not stored yet are, and after, so that what is kept agrees. 0 or -1.
 */
int pipeline_shift(struct pipeline *pipeline, const struct clock_step *step);

/*
 * Forgets what lies after LIMIT_MS, which is now, and therefore cannot be: what comes is
 * not held against it. 0 or -1.
 */
int pipeline_forget_after(struct pipeline *pipeline, int64_t limit_ms);

/*
 * Before REPORT of SOURCE is judged: does the rain day end between the gauge's last
 * report and this one? Then END, judged already, says its sum at the stamp of its end.
 */
bool pipeline_end_day(
	struct source *source, const struct report *report, struct report *end);

/*
 * Can a report of SOURCE with TIME_MS be counted? If not, its series have two other
 * minutes open: call pipeline_merge() first.
 */
bool pipeline_has_room(const struct source *source, int64_t time_ms);

/* Counts REPORT, judged, into its minutes; there must be room. */
void pipeline_count(struct source *source, const struct report *report);

/*
 * Merges everything counted so far into the store's minutes, remakes the hours that are
 * over by NOW_MS or touched by late minutes, and notes LAST_ID as the last report in
 * them. Inside a transaction. 0 or -1.
 */
int pipeline_merge(struct pipeline *pipeline, int64_t last_id, int64_t now_ms);

/*
 * After a merge: makes the indices of hours that are over, and revises those that late
 * minutes have changed. Inside the same transaction. 0 or -1.
 */
int pipeline_index(struct pipeline *pipeline, int64_t now_ms);

/* Is it time for that, sooner than merging by itself would be? */
bool pipeline_index_is_due(const struct pipeline *pipeline, int64_t now_ms);

#endif
