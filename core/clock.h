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

/* What is to be thought of clock_wall_ms(). */
enum clock_state {
	CLOCK_UNSET,     /* before this program was built: nobody has set it */
	CLOCK_DOUBTED,   /* possible, but clock_doubt() was told of a reason against it */
	CLOCK_PLAUSIBLE, /* possible, and nothing speaks against it */
	CLOCK_SYNCHRONISED, /* the kernel says so (NTP or GPS) */
	CLOCK_SIMULATED,
};
enum clock_state clock_state(void);

/* "unset", "doubted", "plausible", "kernel" or "simulated". */
const char *clock_source(void);

/* Is clock_wall_ms() believed: neither unset nor doubted? */
bool clock_is_set(void);

/* From now on a possible time is doubted, or not any more. At first it is not. */
void clock_doubt(bool is_doubted);

/* MS is a time that has been, by the store; 0: nothing is known. */
void clock_know(int64_t ms);

/* Does the kernel say that its clock is synchronised? False while it is simulated. */
bool clock_is_synchronised(void);

/* Can the wall clock step against the monotonic one? Not while it is simulated. */
bool clock_can_step(void);

/*
 * Both clocks at one moment. True when WALL_MS is believed; false also where it came to
 * be believed only while this was called.
 */
bool clock_stamp(int64_t *wall_ms, int64_t *mono_ms);

/*
 * A step of the wall clock. What this boot had stamped before it, all later than
 * SINCE_MS (when the machine was started, by the clock before the step), was stamped
 * BY_MS too early.
 */
struct clock_step {
	int64_t since_ms, by_ms;
};

/* MS, a time by the clock before STEP, by the clock after it. */
int64_t clock_after_step(const struct clock_step *step, int64_t ms);

/* Could a reading have been taken at MS, were the clock right? Not before it was built.
 */
bool clock_is_plausible(int64_t ms);

enum {
	CLOCK_AHEAD_MS = 24 * 3600 * 1000, /* what a stamp may be before our clock */
};

/*
 * May something be stamped with MS, whoever took it? Not before 2020, when there was
 * nothing of ours (2000 while the clock is simulated), and not more than CLOCK_AHEAD_MS
 * before a clock that is believed. One that is not can only go by what is known to have
 * been: not more than a year after that, or before 2040 where nothing is.
 */
bool clock_is_possible(int64_t ms);

/*
 * For demonstrations and tests: from now on the data clocks start at START_MS
 * (0: now) and run SPEED times as fast as real time.
 */
void clock_simulate(int64_t start_ms, double speed);

/* For tests: the data clocks stand still at WALL_MS and MONO_MS until set again. */
void clock_freeze(int64_t wall_ms, int64_t mono_ms);

/*
 * For tests: the frozen clock is judged as a real one would be, with a kernel that says
 * IS_SYNCHRONISED, in the boot BOOT_ID. Ends with clock_freeze_plainly().
 */
void clock_pretend(bool is_synchronised, const char *boot_id);
void clock_freeze_plainly(void);

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
