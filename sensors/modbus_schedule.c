#include "sensors/modbus_schedule.h"

enum {
	TOLERANCE_SHARE = 10, /* a tenth of its period is not late */
	PROBE_SHARE = 20,     /* of the bus's time a probe may take one part */
	PROBE_PARTS = 4,      /* a brief probe waits this part of the timeout */
	PROBE_FULL_EVERY = 4, /* every so many probes the timeout is the full one */
	PROBE_MIN_MS = 100,
	COST_MEMORY = 4,   /* turns that a cost is remembered, about */
	COST_HANDICAP = 2, /* times its cost a slot may be overtaken by */
};

void schedule_init(
	struct schedule_slot *slot, int64_t period_ms, int64_t timeout_ms, int64_t now_ms)
{
	*slot = (struct schedule_slot){
		.due_ms = now_ms,
		.period_ms = period_ms,
		.timeout_ms = timeout_ms,
	};
}

static bool is_in_quarantine(const struct schedule_slot *slot, size_t count)
{
	return count > 1 && slot->failures >= SCHEDULE_PATIENCE;
}

int64_t schedule_timeout(const struct schedule_slot *slot, size_t count)
{
	int64_t brief_ms = slot->timeout_ms / PROBE_PARTS;

	if (!is_in_quarantine(slot, count) ||
		(slot->failures - SCHEDULE_PATIENCE) % PROBE_FULL_EVERY ==
			PROBE_FULL_EVERY - 1)
		return slot->timeout_ms;
	if (brief_ms < PROBE_MIN_MS)
		brief_ms = PROBE_MIN_MS;
	return brief_ms < slot->timeout_ms ? brief_ms : slot->timeout_ms;
}

/* What the coming turn of SLOT will take, as far as one can know. */
static int64_t coming_cost(const struct schedule_slot *slot, size_t count)
{
	return is_in_quarantine(slot, count) ? schedule_timeout(slot, count)
					     : slot->cost_ms;
}

/* Must SLOT wait, because OTHER would be late while SLOT has the bus? */
static bool must_wait(const struct schedule_slot *slot, const struct schedule_slot *other,
	size_t count, int64_t now_ms)
{
	int64_t cost_ms = coming_cost(slot, count);

	if (is_in_quarantine(other, count) || coming_cost(other, count) >= cost_ms)
		return false;
	if (now_ms - slot->due_ms >= other->period_ms)
		return false; /* it has waited long enough */
	return now_ms + cost_ms > other->due_ms + other->period_ms / TOLERANCE_SHARE;
}

/*
 * 0 when SLOT may begin at NOW_MS, or a later time at which that should be asked
 * again. The others' turns are asked for anyway, so only patience has to be timed.
 */
static int64_t blocked_until(
	const struct schedule_slot *slots, size_t count, size_t index, int64_t now_ms)
{
	const struct schedule_slot *slot = &slots[index];
	int64_t until_ms = 0;

	for (size_t i = 0; i < count; i++) {
		int64_t patience_ms = slot->due_ms + slots[i].period_ms;

		if (i == index || !must_wait(slot, &slots[i], count, now_ms))
			continue;
		if (until_ms == 0 || patience_ms < until_ms)
			until_ms = patience_ms;
	}
	return until_ms;
}

/* Of those that may begin, the least goes first. */
static int64_t rank(const struct schedule_slot *slot, size_t count)
{
	return slot->due_ms + COST_HANDICAP * coming_cost(slot, count);
}

size_t schedule_next(
	const struct schedule_slot *slots, size_t count, int64_t now_ms, int64_t *when_ms)
{
	size_t best = count;

	*when_ms = INT64_MAX;
	for (size_t i = 0; i < count; i++) {
		int64_t later_ms = slots[i].due_ms;

		if (later_ms <= now_ms) {
			later_ms = blocked_until(slots, count, i, now_ms);
			if (later_ms == 0) {
				if (best == count ||
					rank(&slots[i], count) <
						rank(&slots[best], count))
					best = i;
				continue;
			}
		}
		if (later_ms < *when_ms)
			*when_ms = later_ms;
	}
	return best;
}

/* A probe that failed: the next one after the time that makes it cheap, then twice it. */
static void extend_quarantine(struct schedule_slot *slot, size_t count)
{
	int64_t least_ms = PROBE_SHARE * schedule_timeout(slot, count);
	int64_t most_ms =
		least_ms > SCHEDULE_PROBE_MAX_MS ? least_ms : SCHEDULE_PROBE_MAX_MS;

	slot->pause_ms *= 2;
	if (slot->pause_ms < least_ms)
		slot->pause_ms = least_ms;
	if (slot->pause_ms > most_ms)
		slot->pause_ms = most_ms;
}

void schedule_done(struct schedule_slot *slot, size_t count, int64_t began_ms,
	int64_t ended_ms, bool answered)
{
	int64_t took_ms = ended_ms - began_ms;
	int64_t late_ms = began_ms - slot->due_ms;

	if (slot->cost_ms == 0 && answered)
		slot->cost_ms = took_ms;
	slot->cost_ms += (took_ms - slot->cost_ms) / COST_MEMORY;
	if (late_ms > slot->period_ms / TOLERANCE_SHARE || late_ms < 0)
		slot->due_ms = began_ms;
	slot->due_ms += slot->period_ms;
	if (slot->due_ms < ended_ms)
		slot->due_ms = ended_ms;
	if (answered) {
		slot->failures = 0;
		slot->pause_ms = 0;
		return;
	}
	slot->failures++;
	/* Its answer may yet come, and must not be taken for the next one. */
	if (slot->due_ms < ended_ms + slot->timeout_ms)
		slot->due_ms = ended_ms + slot->timeout_ms;
	if (!is_in_quarantine(slot, count))
		return;
	extend_quarantine(slot, count);
	if (slot->due_ms < ended_ms + slot->pause_ms)
		slot->due_ms = ended_ms + slot->pause_ms;
}
