/* The clock under the rules: when silence begins to count, and what a step of it means.
 */
#include "alerts/engine.h"

#include "core/clock.h"
#include "core/log.h"

enum {
	STEP_MS = 5000, /* the wall clock was set, not just slewed */
	LIVE_MS = 2000,
};

void alerts_settle(struct alerts *alerts, int64_t now_ms)
{
	alerts->settled = true;
	alerts->start_ms = now_ms;
	for (size_t i = 0; i < alerts->places.size; i++) {
		struct place *place = alerts->places.table[i];

		for (size_t r = 0; place && r < alerts->rule_count; r++) {
			if (place->entries[r])
				place->entries[r]->state.restored_ms = now_ms;
		}
	}
	gather_settle(alerts, now_ms);
}

void alerts_watch_clock(struct alerts *alerts, int64_t now_ms)
{
	int64_t away = now_ms - clock_wall_ms();
	int64_t offset = now_ms - clock_mono_ms();
	bool live = away > -LIVE_MS && away < LIVE_MS;

	if (alerts->settled && alerts->live && live &&
		offset - alerts->offset_ms > STEP_MS) {
		log_notice("alerts: the clock was set forward; silence is counted anew");
		alerts_settle(alerts, now_ms);
	}
	alerts->live = live;
	alerts->offset_ms = offset;
}

static int shift_entry(struct alerts *alerts, const struct rule *rule,
	const struct place *place, struct entry *entry, const struct clock_step *step)
{
	rule_shift(rule, &entry->state, step);
	entry->changed_ms = clock_after_step(step, entry->changed_ms);
	entry->withheld_ms = clock_after_step(step, entry->withheld_ms);
	/* As wants_saving() has it: what is not in the store need not change there. */
	if (entry->saved_phase == RULE_UNKNOWN && entry->state.phase <= RULE_CLEAR)
		return 0;
	return states_save(alerts, rule, place, entry);
}

int alerts_shift(struct alerts *alerts, const struct clock_step *step)
{
	alerts->start_ms = clock_after_step(step, alerts->start_ms);
	alerts->offset_ms +=
		step->by_ms; /* alerts_watch_clock() need not find it again */
	for (size_t i = 0; i < alerts->places.size; i++) {
		struct place *place = alerts->places.table[i];

		for (size_t r = 0; place && r < alerts->rule_count; r++) {
			struct entry *entry = place->entries[r];
			if (entry &&
				shift_entry(alerts, &alerts->rules[r], place, entry,
					step) < 0)
				return -1;
		}
	}
	return limit_shift(&alerts->limit, step) < 0 ||
			digests_shift(&alerts->digests, alerts->store, step) < 0
		? -1
		: 0;
}
