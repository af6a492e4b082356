#include "alerts/alerts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/channel.h"
#include "alerts/engine.h"
#include "alerts/message.h"
#include "core/clock.h"
#include "core/log.h"
#include "store/codec.h"
#include "store/outbox.h"

enum {
	NO_SLOT = -1,
	MARKS_REFUSED = REPORT_RETAINED | REPORT_BACKFILLED | REPORT_CLOCK_UNSET,
};

/* --- opening ---------------------------------------------------------- */

/* A builtin metric's slot is its id; NO_SLOT for a declared one without a rule. */
static int slot_of(const struct alerts *alerts, uint16_t metric)
{
	if (metric < METRIC_BUILTIN_END)
		return metric;
	for (size_t i = 0; i < alerts->declared_count; i++)
		if (alerts->declared[i] == metric)
			return METRIC_BUILTIN_END + (int)i;
	return NO_SLOT;
}

static void give_slot(struct alerts *alerts, uint16_t metric)
{
	if (slot_of(alerts, metric) == NO_SLOT &&
		alerts->declared_count < METRIC_DECLARED_MAX)
		alerts->declared[alerts->declared_count++] = metric;
}

/* Sorts the rules' numbers by metric, so that a report costs what its metrics ask for. */
static int index_rules(struct alerts *alerts)
{
	uint16_t used = 0;

	alerts->by_metric = calloc(alerts->rule_count + 1, sizeof *alerts->by_metric);
	if (!alerts->by_metric)
		return -1;
	for (size_t i = 0; i < alerts->rule_count; i++)
		give_slot(alerts, alerts->rules[i].metric->id);
	for (int slot = 0; slot < METRIC_SLOTS; slot++) {
		alerts->first[slot] = used;
		for (size_t i = 0; i < alerts->rule_count; i++) {
			if (slot_of(alerts, alerts->rules[i].metric->id) == slot)
				alerts->by_metric[used++] = (uint16_t)i;
		}
	}
	alerts->first[METRIC_SLOTS] = used;
	return 0;
}

static void warn_of_unheard(const struct alerts *alerts)
{
	const struct option_list *channels = &alerts->config->alerts.channels;
	const struct option_item *items = channels->items;

	for (size_t i = 0; i < alerts->rule_count; i++) {
		bool heard = false;

		for (size_t c = 0; c < channels->count; c++) {
			const struct channel_common *common = items[c].common;
			heard |= common->audience == alerts->rules[i].audience;
		}
		if (!heard)
			log_warning("alert %s: no channel is for %s",
				alerts->rules[i].name,
				audience_names[alerts->rules[i].audience]);
	}
}

struct alerts *alerts_open(const struct config *config, struct store *store,
	const struct directory *directory)
{
	struct alerts *alerts = calloc(1, sizeof *alerts);

	if (!alerts)
		goto no_memory;
	alerts->config = config;
	alerts->store = store;
	alerts->rules = config->alerts.rules.items;
	alerts->rule_count = config->alerts.rules.count;
	if (alerts->rule_count > UINT16_MAX || index_rules(alerts) < 0)
		goto no_memory;
	places_init(&alerts->places, alerts->rule_count);
	announcer_init(&alerts->announcer, config, store, directory);
	warn_of_unheard(alerts);
	if (alerts_reload_states(alerts) < 0) {
		alerts_close(alerts);
		return NULL;
	}
	return alerts;
no_memory:
	log_error("alerts: %s", strerror(ENOMEM));
	alerts_close(alerts);
	return NULL;
}

void alerts_close(struct alerts *alerts)
{
	if (!alerts)
		return;
	places_free(&alerts->places);
	free(alerts->by_metric);
	free(alerts);
}

/* --- running ---------------------------------------------------------- */

/* What follows from a step of a rule: messages and state. How many messages, or -1. */
static int follow(struct alerts *alerts, size_t number, const struct place *place,
	struct entry *entry, const struct rule_event *event, int64_t now_ms)
{
	const struct rule *rule = &alerts->rules[number];

	if (entry->state.phase != entry->seen_phase) {
		entry->seen_phase = entry->state.phase;
		entry->changed_ms = now_ms;
	}
	if (event->kind == RULE_NOTHING)
		return 0;
	int added =
		announce(&alerts->announcer, rule, place->station, entry, event, now_ms);
	if (added < 0 || states_save(alerts, rule, place, entry) < 0)
		return -1;
	return added;
}

static struct place *find_place(struct alerts *alerts, const char *station)
{
	struct place *place = places_get(&alerts->places, station);

	if (!place && !alerts->full_said) {
		alerts->full_said = true;
		log_error(
			"alerts: no room for station %s, nor for others: %zu are watched",
			station, alerts->places.count);
	}
	return place;
}

/* Shows one reading to the rules of its metric. How many messages, or -1. */
static int show(struct alerts *alerts, const struct report *report,
	const struct reading *reading, int slot, uint32_t sensor, int64_t now_ms)
{
	struct observation seen = {
		.time_ms = report->time_ms,
		.value = reading->value,
		.sensor = sensor,
		.marks = report->marks,
		.flag = reading->flag,
		.status = report->status,
	};
	int total = 0;

	for (uint16_t i = alerts->first[slot]; i < alerts->first[slot + 1]; i++) {
		size_t number = alerts->by_metric[i];
		const struct rule *rule = &alerts->rules[number];

		if (!rule_may_use(rule, &seen, now_ms) ||
			!rule_covers(rule, report->station))
			continue;
		struct place *place = find_place(alerts, report->station);
		struct entry *entry =
			place ? place_entry(place, number, rule_windows(rule)) : NULL;
		if (!entry)
			continue;
		struct rule_event event =
			rule_observe(rule, &entry->state, &seen, now_ms);
		if (event.kind == RULE_NOTHING && entry->state.phase == entry->seen_phase)
			continue;
		int added = follow(alerts, number, place, entry, &event, now_ms);
		if (added < 0)
			return -1;
		total += added;
	}
	return total;
}

int alerts_report(struct alerts *alerts, const struct report *report, int64_t now_ms)
{
	uint32_t sensor = 0;
	int total = 0;

	if (report->marks & MARKS_REFUSED || report->status != STATUS_MEASURING)
		return 0;
	for (unsigned i = 0; i < report->count; i++) {
		const struct reading *reading = &report->readings[i];

		int slot = slot_of(alerts, reading->metric);

		if (slot == NO_SLOT || alerts->first[slot] == alerts->first[slot + 1])
			continue;
		if (!alerts->settled)
			alerts_settle(alerts, now_ms);
		if (sensor == 0)
			sensor = (uint32_t)codec_hash(
					 0, report->sensor, strlen(report->sensor)) |
				1;
		int added = show(alerts, report, reading, slot, sensor, now_ms);
		if (added < 0)
			return -1;
		total += added;
	}
	return total;
}

static int tick_rules(struct alerts *alerts, int64_t now_ms)
{
	int total = 0;

	for (size_t i = 0; i < alerts->places.size; i++) {
		struct place *place = alerts->places.table[i];

		for (size_t r = 0; place && r < alerts->rule_count; r++) {
			struct entry *entry = place->entries[r];

			if (!entry)
				continue;
			struct rule_event event = rule_tick(&alerts->rules[r],
				&entry->state, now_ms, alerts->start_ms);
			if (event.kind == RULE_NOTHING)
				continue;
			int added = follow(alerts, r, place, entry, &event, now_ms);
			if (added < 0)
				return -1;
			total += added;
		}
	}
	return total;
}

int alerts_tick(struct alerts *alerts, int64_t now_ms)
{
	alerts_watch_clock(alerts, now_ms);
	/* By an impossible time nothing is said. */
	if (alerts->live && !clock_is_set())
		return 0;
	if (!alerts->settled)
		alerts_settle(alerts, now_ms);
	int total = tick_rules(alerts, now_ms);
	if (total < 0 || states_save_quiet(alerts, now_ms) < 0)
		return -1;
	return total;
}
