#include "derive/coverage.h"

#include <stdlib.h>
#include <string.h>

void coverage_free(struct coverage *coverage)
{
	free(coverage->gaps);
	*coverage = (struct coverage){ .gaps = NULL };
}

static void take_out(struct coverage *coverage, size_t at, size_t count)
{
	coverage->count -= count;
	memmove(coverage->gaps + at, coverage->gaps + at + count,
		(coverage->count - at) * sizeof *coverage->gaps);
}

/* Rather too much counts as not watched than too little. */
static void join_oldest(struct coverage *coverage)
{
	coverage->gaps[0].to_ms = coverage->gaps[1].to_ms;
	coverage->gaps[0].lost = 1;
	take_out(coverage, 1, 1);
}

static bool insert(struct coverage *coverage, size_t at, struct coverage_gap gap)
{
	if (coverage->count == COVERAGE_GAPS_MAX && at > 1) {
		join_oldest(coverage);
		at--;
	} else if (coverage->count == COVERAGE_GAPS_MAX) {
		if (at == 0)
			coverage->gaps[0].from_ms = gap.from_ms;
		else
			coverage->gaps[0].to_ms = gap.to_ms;
		coverage->gaps[0].lost = 1;
		return true;
	}
	if (coverage->count == coverage->capacity) {
		size_t capacity = coverage->capacity ? coverage->capacity * 2 : 4;
		struct coverage_gap *gaps =
			realloc(coverage->gaps, capacity * sizeof *gaps);
		if (!gaps)
			return false;
		coverage->gaps = gaps;
		coverage->capacity = capacity;
	}
	memmove(coverage->gaps + at + 1, coverage->gaps + at,
		(coverage->count - at) * sizeof *coverage->gaps);
	coverage->gaps[at] = gap;
	coverage->count++;
	return true;
}

/* (FROM, TO] passed without an observation: is it a gap? */
static bool add(struct coverage *coverage, size_t at, int64_t from_ms, int64_t to_ms,
	int64_t least_ms)
{
	if (to_ms - from_ms <= least_ms)
		return true;
	return insert(coverage, at, (struct coverage_gap){ from_ms, to_ms, 0 });
}

/* A late observation inside a gap speaks for a part of it. */
static bool divide(struct coverage *coverage, int64_t time_ms, int64_t least_ms)
{
	size_t at = 0;

	while (at < coverage->count && coverage->gaps[at].to_ms <= time_ms)
		at++;
	if (at == coverage->count || coverage->gaps[at].from_ms >= time_ms ||
		coverage->gaps[at].lost)
		return true;
	struct coverage_gap gap = coverage->gaps[at];
	take_out(coverage, at, 1);
	return add(coverage, at, time_ms, gap.to_ms, least_ms) &&
		add(coverage, at, gap.from_ms, time_ms, least_ms);
}

bool coverage_observe(struct coverage *coverage, int64_t time_ms, int64_t least_ms)
{
	int64_t first_ms = coverage->first_ms, last_ms = coverage->last_ms;

	if (last_ms == 0) {
		coverage->first_ms = coverage->last_ms = time_ms;
		return true;
	}
	if (time_ms > last_ms) {
		coverage->last_ms = time_ms;
		return add(coverage, coverage->count, last_ms, time_ms, least_ms);
	}
	if (time_ms < first_ms) {
		coverage->first_ms = time_ms;
		return add(coverage, 0, time_ms, first_ms, least_ms);
	}
	return divide(coverage, time_ms, least_ms);
}

bool coverage_lose(struct coverage *coverage, int64_t time_ms)
{
	struct coverage_gap *newest =
		coverage->count > 0 ? &coverage->gaps[coverage->count - 1] : NULL;
	int64_t last_ms = coverage->last_ms;

	if (last_ms == 0 || time_ms <= last_ms)
		return true;
	coverage->last_ms = time_ms;
	if (newest && newest->lost && newest->to_ms == last_ms) {
		newest->to_ms = time_ms;
		return true;
	}
	return insert(
		coverage, coverage->count, (struct coverage_gap){ last_ms, time_ms, 1 });
}

/* How much of (FROM, TO] lies in (from, to] too. */
static int64_t overlap(int64_t from_ms, int64_t to_ms, int64_t from, int64_t to)
{
	int64_t start = from > from_ms ? from : from_ms;
	int64_t end = to < to_ms ? to : to_ms;

	return end > start ? end - start : 0;
}

static bool counts(const struct coverage_gap *gap, int64_t limit_ms)
{
	return gap->lost || gap->to_ms - gap->from_ms > limit_ms;
}

int64_t coverage_missed(
	const struct coverage *coverage, int64_t from_ms, int64_t to_ms, int64_t limit_ms)
{
	int64_t missed;

	if (coverage->last_ms == 0)
		return to_ms - from_ms;
	missed = overlap(from_ms, to_ms, INT64_MIN, coverage->first_ms) +
		overlap(from_ms, to_ms, coverage->last_ms, INT64_MAX);
	for (size_t i = coverage->count; i > 0; i--) {
		const struct coverage_gap *gap = &coverage->gaps[i - 1];

		if (gap->to_ms <= from_ms)
			break;
		if (counts(gap, limit_ms))
			missed += overlap(from_ms, to_ms, gap->from_ms, gap->to_ms);
	}
	return missed;
}

bool coverage_is_torn(const struct coverage *coverage, int64_t time_ms, int64_t limit_ms)
{
	for (size_t i = coverage->count; i > 0; i--) {
		const struct coverage_gap *gap = &coverage->gaps[i - 1];

		if (gap->from_ms < time_ms)
			return time_ms < gap->to_ms && counts(gap, limit_ms);
	}
	return false;
}

int64_t coverage_since(const struct coverage *coverage, int64_t limit_ms)
{
	for (size_t i = coverage->count; i > 0; i--)
		if (counts(&coverage->gaps[i - 1], limit_ms))
			return coverage->gaps[i - 1].to_ms;
	return coverage->first_ms;
}

void coverage_forget(struct coverage *coverage, int64_t time_ms)
{
	size_t old = 0;

	while (old < coverage->count && coverage->gaps[old].to_ms <= time_ms)
		old++;
	if (old == 0)
		return;
	coverage->first_ms = coverage->gaps[old - 1].to_ms;
	take_out(coverage, 0, old);
}

static int64_t later(int64_t time_ms, int64_t since_ms, int64_t by_ms)
{
	return time_ms > since_ms ? time_ms + by_ms : time_ms;
}

/* After a step backwards: no gap reaches into the one before it. */
static void put_in_order(struct coverage *coverage)
{
	size_t kept = 0;

	for (size_t i = 0; i < coverage->count; i++) {
		struct coverage_gap gap = coverage->gaps[i];

		if (kept > 0 && gap.from_ms < coverage->gaps[kept - 1].to_ms)
			gap.from_ms = coverage->gaps[kept - 1].to_ms;
		if (gap.to_ms > gap.from_ms)
			coverage->gaps[kept++] = gap;
	}
	coverage->count = kept;
}

bool coverage_shift(
	struct coverage *coverage, int64_t since_ms, int64_t by_ms, int64_t least_ms)
{
	size_t at = 0;

	if (coverage->last_ms <= since_ms)
		return true;
	bool torn = coverage->first_ms <= since_ms;
	coverage->first_ms = later(coverage->first_ms, since_ms, by_ms);
	coverage->last_ms = later(coverage->last_ms, since_ms, by_ms);
	for (size_t i = 0; i < coverage->count; i++) {
		struct coverage_gap *gap = &coverage->gaps[i];

		if (gap->from_ms <= since_ms && gap->to_ms > since_ms)
			torn = false; /* the tear lies in a gap */
		gap->from_ms = later(gap->from_ms, since_ms, by_ms);
		gap->to_ms = later(gap->to_ms, since_ms, by_ms);
		at += gap->to_ms <= since_ms;
	}
	if (by_ms < 0)
		put_in_order(coverage);
	return !torn || add(coverage, at, since_ms, since_ms + by_ms, least_ms);
}
