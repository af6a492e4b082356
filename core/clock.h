/*
 * The only door to the system's clocks, so that tests and demonstrations can
 * hold another clock behind it. Data time (wall, mono) may be simulated;
 * waiting on descriptors always uses real time.
 */
#ifndef MUABUI_CORE_CLOCK_H
#define MUABUI_CORE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

enum {
	CLOCK_TEXT_SIZE = 40, /* room for an RFC 3339 time */
};

/* UTC in milliseconds since 1970. */
int64_t clock_wall_ms(void);

/* Milliseconds since boot; never steps, counts while suspended. */
int64_t clock_mono_ms(void);

/* Real milliseconds for time-outs; runs at its own pace whatever the clock plays. */
int64_t clock_real_ms(void);

/* CLOCK_MONOTONIC, MS from now: for pthread_cond_timedwait() and its like. */
struct timespec clock_deadline(int64_t ms);

/*
 * May clock_wall_ms() be believed? The kernel says synchronised, or the time is
 * at least not before this program was built.
 */
bool clock_is_set(void);

/* Can a reading have been taken at MS, or had the clock not been set? */
bool clock_is_plausible(int64_t ms);

/* "kernel" (NTP or GPS disciplined), "plausible", "unset" or "simulated". */
const char *clock_source(void);

/*
 * For demonstrations and tests: from now on the data clocks start at START_MS
 * (0: now) and run SPEED times as fast as real time.
 */
void clock_simulate(int64_t start_ms, double speed);

/* For tests: the data clocks stand still at WALL_MS and MONO_MS until set again. */
void clock_freeze(int64_t wall_ms, int64_t mono_ms);

/* The real time that MS of data time take (the same, unless simulated). */
int64_t clock_to_real_ms(int64_t ms);

/* "2026-11-22T09:30:00+07:00" or with milliseconds where they are not 0. Returns TEXT. */
char *clock_format(char text[static CLOCK_TEXT_SIZE], int64_t ms, int offset_minutes);

/*
 * Reads RFC 3339 with an offset or Z, seconds optional fraction. False when TEXT
 * is anything else; a time without a zone is anything else.
 */
bool clock_parse(const char *text, int64_t *ms);

/* The machine's boot id as the kernel names it; "" if unknown. */
const char *clock_boot_id(void);

#endif
