/*
 * Which times were watched. An observation speaks for the time since the one before it,
 * unless that was too long ago: then there is a gap. Pure.
 */
#ifndef MUABUI_DERIVE_COVERAGE_H
#define MUABUI_DERIVE_COVERAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What nobody watched: (from, to]. */
struct coverage_gap {
	int64_t from_ms, to_ms;
	int64_t lost; /* 1: known to be lost, however short it is */
};

enum { COVERAGE_GAPS_MAX = 4096 };

struct coverage {
	int64_t first_ms, last_ms; /* the oldest and the newest observation; 0: none */
	struct coverage_gap *gaps; /* in order of time */
	size_t count, capacity;
};

void coverage_free(struct coverage *coverage);

/*
 * An observation at TIME_MS, which may be late: it then divides the gap it lies in.
 * Times without one that are longer than LEAST_MS are kept as gaps; of more than
 * COVERAGE_GAPS_MAX the oldest are joined, what lies between them counting as not
 * watched. False when memory is out.
 */
bool coverage_observe(struct coverage *coverage, int64_t time_ms, int64_t least_ms);

/*
 * What was after the newest observation, up to TIME_MS, is lost; TIME_MS stands as the
 * newest observation then. Nothing happens without an observation, or where TIME_MS is
 * not newer. False when memory is out.
 */
bool coverage_lose(struct coverage *coverage, int64_t time_ms);

/*
 * How much of (FROM_MS, TO_MS] was not watched, in ms, where only gaps longer than
 * LIMIT_MS (not below the LEAST_MS of before) and lost times count. Before the first
 * observation and after the newest nothing was watched.
 */
int64_t coverage_missed(const struct coverage *coverage, int64_t from_ms, int64_t to_ms,
	int64_t limit_ms);

/* Does TIME_MS lie inside a gap that counts, where something may have fallen after it? */
bool coverage_is_torn(const struct coverage *coverage, int64_t time_ms, int64_t limit_ms);

/* Since when there is no gap longer than LIMIT_MS; 0: there is no observation. */
int64_t coverage_since(const struct coverage *coverage, int64_t limit_ms);

/* Forgets the gaps that ended by TIME_MS, and what was before them. */
void coverage_forget(struct coverage *coverage, int64_t time_ms);

/*
 * Puts the times after SINCE_MS off by BY_MS. Where a step forward tears what was before
 * from what was after, there is a gap if it is longer than LEAST_MS. False when memory is
 * out.
 */
bool coverage_shift(
	struct coverage *coverage, int64_t since_ms, int64_t by_ms, int64_t least_ms);

#endif
