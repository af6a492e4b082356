/*
 * Who of several devices on one bus is asked next, and when. Pure: the caller
 * brings the time. Only one can be asked at a time, and one that is slow or
 * silent takes the time of all the others; so:
 *
 * - the earliest due goes first, the quick a little earlier than the slow, and whoever
 *   was asked waits a whole period;
 * - one that takes long is put off until it makes nobody else late, but for one
 *   of the others' periods at most: then it goes all the same;
 * - one asked late keeps its new phase, so that a crowd spreads out by itself;
 * - one that brought nothing SCHEDULE_PATIENCE times is in quarantine while there are
 *   others: it is tried ever more rarely, briefly first, and in full now and then,
 *   for at most a twentieth of the time of the bus.
 */
#ifndef MUABUI_SENSORS_MODBUS_SCHEDULE_H
#define MUABUI_SENSORS_MODBUS_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SCHEDULE_PATIENCE = 3,
	SCHEDULE_PROBE_MAX_MS = 60 * 1000, /* of quarantine between two probes */
};

/* One device. All times are real milliseconds. Owned by the bus's thread. */
struct schedule_slot {
	int64_t due_ms;
	int64_t period_ms;
	int64_t timeout_ms; /* the configured one */
	int64_t cost_ms;    /* how long a turn lately took */
	int64_t pause_ms;   /* of quarantine, before the next probe */
	unsigned failures;  /* turns in a row that brought nothing */
};

/* PERIOD_MS and TIMEOUT_MS at least 1; due at NOW_MS. */
void schedule_init(struct schedule_slot *slot, int64_t period_ms, int64_t timeout_ms,
	int64_t now_ms);

/*
 * The slot that should begin at NOW_MS, or COUNT with the time to ask again in
 * WHEN_MS, which is later than NOW_MS. COUNT at least 1.
 */
size_t schedule_next(const struct schedule_slot *slots, size_t count, int64_t now_ms,
	int64_t *when_ms);

/* How long an answer of SLOT may take in its coming turn. */
int64_t schedule_timeout(const struct schedule_slot *slot, size_t count);

/*
 * SLOT, one of COUNT, had its turn from BEGAN_MS to ENDED_MS; ANSWERED: with at least
 * an answer of its own, if only a refusal or a damaged one.
 */
void schedule_done(struct schedule_slot *slot, size_t count, int64_t began_ms,
	int64_t ended_ms, bool answered);

#endif
