/*
 * The timekeeper: when the machine's clock is believed, where it was set, and what time
 * it was when a report was taken. Used by the recorder's thread only; the judgement is
 * the whole process's (clock_is_set()).
 *
 * The machine has no clock battery: it wakes up in 1970, or, where the system restores
 * it, at the time of its last shutdown, and NTP sets the clock later or never. But its
 * monotonic clock never steps. So while the wall clock is believed, the difference
 * of the two is noted for the boot, and with it everything else of that boot is
 * dated, whatever the wall clock said at the time.
 */
#ifndef MUABUI_GATEWAY_TIMEKEEPER_H
#define MUABUI_GATEWAY_TIMEKEEPER_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "core/clock.h"
#include "core/reading.h"
#include "store/store.h"
#include "store/undated.h"
#include "web/view.h"

enum { TIMEKEEPER_BOOTS = 8 }; /* boots whose difference is remembered */

/* A boot, and its wall − monotonic clock: when the machine was started. */
struct boot_time {
	char boot[UNDATED_BOOT_SIZE];
	int64_t offset_ms;
};

struct timekeeper {
	struct clock_config config;
	struct store *store;
	struct recorder_stats *stats;
	struct boot_time boots[TIMEKEEPER_BOOTS]; /* as kept; the latest first */
	bool was_believed;                        /* in this boot: boots[0] is ours */
	bool believes;                            /* at the last look */
	bool has_looked, was_unset;
	bool dirty;        /* boots are not in the store yet */
	bool is_in_doubt;  /* there was a reason at the start, and no better one since */
	const char *doubt; /* the reason */
	int64_t known_ms;  /* a time that had been before the start; 0: none */
	int64_t first_offset_ms, first_mono_ms;
};

/* Begins, with what STORE remembers, and judges the clock at once. */
void timekeeper_init(struct timekeeper *keeper, const struct clock_config *config,
	struct store *store, struct recorder_stats *stats);

/* After a rollback: what the store remembers is what there is. */
void timekeeper_reload(struct timekeeper *keeper);

enum clock_event {
	CLOCK_GOES_ON,
	CLOCK_BELIEVED, /* from now on; the first time in this boot, or again */
	CLOCK_STEPPED,  /* believed before and now, but set by more than two seconds */
};

/*
 * Looks at the clock, and says what has changed in log and counters. After a step it says
 * so, with STEP, until timekeeper_follow() is called; what was taken before must be dealt
 * with first.
 */
enum clock_event timekeeper_look(struct timekeeper *keeper, struct clock_step *step);
void timekeeper_follow(struct timekeeper *keeper, const struct clock_step *step);

/*
 * Asked when the clock is believed: may times be remembered that lie behind NOW_MS? Then
 * a clock that was believed before was wrong, or devices' own could not be compared with
 * it.
 */
bool timekeeper_was_misled(const struct timekeeper *keeper, int64_t now_ms);

/* Was REPORT, taken in BOOT, stamped before a step, so far as is known? */
bool timekeeper_is_off(
	const struct timekeeper *keeper, const struct report *report, const char *boot);

/*
 * Sees to it that REPORT, taken in BOOT, has the time that it was then. What was taken
 * before the clock was right is marked back-filled now, so that nobody is alarmed by it.
 * False when nobody can say yet: it has to be held.
 */
bool timekeeper_date(
	const struct timekeeper *keeper, struct report *report, const char *boot);

/* Keeps what is known, in the open transaction. 0 or -1. */
int timekeeper_save(struct timekeeper *keeper, int64_t now_ms);

#endif
