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

/* Those about the device come first: that it is well again must not come too late. */
static uint16_t add_rules(struct alerts *alerts, int slot, bool device, uint16_t used)
{
	for (size_t i = 0; i < alerts->rule_count; i++) {
		const struct rule *rule = &alerts->rules[i];

		if (slot_of(alerts, rule->metric->id) == slot &&
			(rule_hazard(rule) == HAZARD_DEVICE) == device)
			alerts->by_metric[used++] = (uint16_t)i;
	}
	return used;
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
		used = add_rules(alerts, slot, true, used);
		used = add_rules(alerts, slot, false, used);
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

struct alerts *alerts_open(const struct alerts_settings *settings)
{
	const struct config *config = settings->config;
	struct alerts *alerts = calloc(1, sizeof *alerts);

	if (!alerts)
		goto no_memory;
	alerts->config = config;
	alerts->store = settings->store;
	alerts->directory = settings->directory;
	alerts->desk = settings->desk;
	alerts->calibrating = settings->calibrating;
	alerts->rules = config->alerts.rules.items;
	alerts->rule_count = config->alerts.rules.count;
	if (alerts->rule_count > UINT16_MAX || index_rules(alerts) < 0)
		goto no_memory;
	places_init(&alerts->places, alerts->rule_count);
	announcer_init(&alerts->announcer, config, settings->store);
	limit_init(&alerts->limit, &config->alerts.limit, settings->store);
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

void alerts_set_salt(struct alerts *alerts, uint64_t salt)
{
	alerts->announcer.salt = salt;
}

void alerts_close(struct alerts *alerts)
{
	if (!alerts)
		return;
	places_free(&alerts->places);
	limit_free(&alerts->limit);
	digests_free(&alerts->digests);
	free(alerts->by_metric);
	free(alerts);
}

/* --- running ---------------------------------------------------------- */

static void note_phase(struct entry *entry, int64_t now_ms)
{
	if (entry->state.phase == entry->seen_phase)
		return;
	entry->seen_phase = entry->state.phase;
	entry->changed_ms = now_ms;
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

/* A report on its way through the rules. */
struct passage {
	const struct report *report;
	uint32_t sensor, station; /* keys; 0: not known yet */
	char area[NAME_SIZE];     /* "": not known yet, or of no area */
	bool indicative;          /* the station's air is, where AREA is known */
	int64_t now_ms;
};

/* Where RULE keeps what it knows of the report's place; NULL: nowhere. */
static struct entry *find_entry(struct alerts *alerts, struct passage *passage,
	const struct rule *rule, struct subject *subject)
{
	const char *name = passage->report->station;
	struct site site;

	if (rule->scope == RULE_OF_AREA) {
		if (!passage->area[0]) {
			site_of_station(&site, alerts->config, alerts->directory, name);
			memcpy(passage->area, site.area, sizeof passage->area);
			passage->indicative = site.indicative;
		}
		name = passage->area;
		if (!*name)
			return NULL;
	}
	subject->rule = rule;
	subject->number = (size_t)(rule - alerts->rules);
	subject->place = find_place(alerts, name);
	subject->entry = subject->place
		? place_entry(subject->place, subject->number, rule_windows(rule))
		: NULL;
	return subject->entry;
}

static uint32_t key_of(uint32_t seed, const char *name)
{
	return (uint32_t)codec_hash(seed, name, strlen(name)) | 1;
}

/* Which of the sensors of the place it is, and of which of its stations. */
static void identify(
	struct passage *passage, const struct rule *rule, struct observation *seen)
{
	const struct report *report = passage->report;

	if (passage->sensor == 0) {
		passage->sensor = key_of(0, report->sensor);
		passage->station = key_of(0, report->station);
	}
	seen->station = passage->station;
	seen->sensor = rule->scope == RULE_OF_AREA
		? key_of(passage->station, report->sensor)
		: passage->sensor;
}

/* Shows one reading to the rules of its metric. How many messages, or -1. */
static int show(struct alerts *alerts, struct passage *passage,
	const struct reading *reading, int slot)
{
	const struct report *report = passage->report;
	struct observation seen = {
		.time_ms = report->time_ms,
		.value = reading->value,
		.marks = report->marks,
		.flag = reading->flag,
		.status = report->status,
	};
	int64_t now_ms = passage->now_ms;
	int total = 0;

	for (uint16_t i = alerts->first[slot]; i < alerts->first[slot + 1]; i++) {
		const struct rule *rule = &alerts->rules[alerts->by_metric[i]];
		struct subject subject;

		if (!rule_may_use(rule, &seen, now_ms) ||
			!rule_covers(rule, report->station) ||
			!find_entry(alerts, passage, rule, &subject))
			continue;
		identify(passage, rule, &seen);
		subject.entry->heard = passage->sensor;
		subject.entry->indicative =
			report->marks & REPORT_INDICATIVE || passage->indicative;
		struct rule_event event =
			rule_observe(rule, &subject.entry->state, &seen, now_ms);
		note_phase(subject.entry, now_ms);
		int added = episode_follow(alerts, &subject, &event, now_ms);
		if (added < 0)
			return -1;
		total += added;
	}
	return total;
}

int alerts_report(struct alerts *alerts, const struct report *report, int64_t now_ms)
{
	struct passage passage = { .report = report, .now_ms = now_ms };
	int total = 0;

	if (report->marks & MARKS_REFUSED || report->status == STATUS_FAULT)
		return 0;
	for (unsigned i = 0; i < report->count; i++) {
		const struct reading *reading = &report->readings[i];

		int slot = slot_of(alerts, reading->metric);

		if (slot == NO_SLOT || alerts->first[slot] == alerts->first[slot + 1])
			continue;
		if (!alerts->settled)
			alerts_settle(alerts, now_ms);
		int added = show(alerts, &passage, reading, slot);
		if (added < 0)
			return -1;
		total += added;
	}
	return total;
}

static bool is_last_heard(void *arg, const char *sensor)
{
	const struct entry *entry = arg;

	return entry->heard == 0 || entry->heard == key_of(0, sensor);
}

/* From when on the silence of SUBJECT counts. */
static int64_t silent_from(
	const struct alerts *alerts, const struct subject *subject, int64_t now_ms)
{
	int64_t calibrated_ms = 0;

	if (subject->rule->absent_for > 0)
		calibrated_ms = calibrating_latest(alerts->calibrating,
			subject->place->station, is_last_heard, subject->entry, now_ms);
	return calibrated_ms > alerts->start_ms ? calibrated_ms : alerts->start_ms;
}

static int tick_subject(
	struct alerts *alerts, const struct subject *subject, int64_t now_ms)
{
	struct rule_event event = rule_tick(subject->rule, &subject->entry->state, now_ms,
		silent_from(alerts, subject, now_ms));

	note_phase(subject->entry, now_ms);
	int added = episode_follow(alerts, subject, &event, now_ms);
	int late = added < 0 ? -1 : episode_tick(alerts, subject, now_ms);
	return late < 0 ? -1 : added + late;
}

static int tick_rules(struct alerts *alerts, int64_t now_ms)
{
	int total = 0;

	for (size_t i = 0; i < alerts->places.size; i++) {
		struct place *place = alerts->places.table[i];

		for (size_t r = 0; place && r < alerts->rule_count; r++) {
			struct subject subject = { .number = r,
				.rule = &alerts->rules[r],
				.place = place,
				.entry = place->entries[r] };
			int added = subject.entry ? tick_subject(alerts, &subject, now_ms)
						  : 0;

			if (added < 0)
				return -1;
			total += added;
		}
	}
	return total;
}

static int let_time_pass(struct alerts *alerts, int64_t now_ms)
{
	int total = tick_rules(alerts, now_ms);
	int together = total < 0 ? -1 : gather_tick(alerts, now_ms);

	if (together < 0 || states_save_quiet(alerts, now_ms) < 0)
		return -1;
	return total + together;
}

int alerts_tick(struct alerts *alerts, int64_t now_ms)
{
	bool joins = alert_state_joins(alerts->store);

	alerts_watch_clock(alerts, now_ms);
	/* By an impossible time nothing is said. */
	if (alerts->live && !clock_is_set())
		return 0;
	if (!alerts->settled)
		alerts_settle(alerts, now_ms);
	int total = let_time_pass(alerts, now_ms);
	/* The recorder may have nothing to commit for long. */
	if (total == 0 && !joins && alert_state_joins(alerts->store) &&
		store_commit(alerts->store) < 0)
		return -1;
	return total;
}

int alerts_finish(struct alerts *alerts, int64_t now_ms)
{
	return gather_finish(alerts, now_ms);
}
