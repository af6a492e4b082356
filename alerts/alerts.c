#include "alerts/alerts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/announce.h"
#include "alerts/channel.h"
#include "alerts/message.h"
#include "alerts/places.h"
#include "alerts/rule.h"
#include "core/clock.h"
#include "core/log.h"
#include "store/codec.h"
#include "store/outbox.h"

enum {
	METRIC_SLOTS = METRIC_BUILTIN_END + METRIC_DECLARED_MAX,
	NO_SLOT = -1,
	MARKS_REFUSED = REPORT_RETAINED | REPORT_BACKFILLED | REPORT_CLOCK_UNSET,
	SETTLE_MS = 30 * 1000,      /* a phase younger than that is not worth a write */
	REFRESH_MS = 2 * 60 * 1000, /* how far the stored last reading may be behind */
	PRESENCE_REFRESH_MS = 5 * 60 * 1000, /* the same for absent_for */
	SAVES_MAX = 500,                     /* in one tick */
	STEP_MS = 5000,                      /* the wall clock was set, not just slewed */
	LIVE_MS = 2000,
	STATE_TEXT_MAX = RULE_TEXT_MAX + EPISODE_SIZE + 32,
};

struct alerts {
	const struct config *config;
	struct store *store;
	const struct rule *rules; /* config->alerts.rules */
	size_t rule_count;
	/* The numbers of the rules, by metric: those of slot s stand at first[s] …. */
	uint16_t *by_metric;
	uint16_t first[METRIC_SLOTS + 1];
	/* The declared metrics that have rules; their slots follow the builtin ones'. */
	uint16_t declared[METRIC_DECLARED_MAX];
	size_t declared_count;
	struct places places;
	bool full_said;
	bool settled;      /* start_ms is valid */
	int64_t start_ms;  /* silence is not counted from before */
	bool live;         /* the latest tick was by the gateway's own clock */
	int64_t offset_ms; /* wall − monotonic clock at the latest tick */
	struct announcer announcer;
};

/* --- states in the store ---------------------------------------------- */

static int save(struct alerts *alerts, const struct rule *rule, const struct place *place,
	struct entry *entry)
{
	bool quiet = rule_state_is_idle(rule, &entry->state);
	char state[RULE_TEXT_MAX], text[STATE_TEXT_MAX];

	if (!quiet) {
		rule_state_write(rule, &entry->state, state);
		snprintf(text, sizeof text, "%s %d %s",
			entry->episode[0] ? entry->episode : "-", entry->revision, state);
	}
	if (alert_state_set(
		    alerts->store, rule->name, place->station, quiet ? NULL : text) < 0)
		return -1;
	entry->saved_phase = entry->state.phase;
	entry->saved_last_ms = entry->state.last_ms;
	return 0;
}

static void copy(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%s", text);
}

static bool load_text(
	const struct rule *rule, struct entry *entry, const char *text, int64_t now_ms)
{
	size_t length = strcspn(text, " ");
	char *end;

	if (length == 0 || length >= sizeof entry->episode)
		return false;
	memcpy(entry->episode, text, length);
	entry->episode[length] = '\0';
	if (!strcmp(entry->episode, "-"))
		entry->episode[0] = '\0';
	long revision = strtol(text + length, &end, 10);
	if (revision < 0 || revision > 1000000000)
		return false;
	entry->revision = (int)revision;
	return rule_state_read(rule, &entry->state, end, now_ms);
}

/* Stored states that no rule answers to any more, to be removed after the scan. */
struct stray {
	struct stray *next;
	char rule[NAME_SIZE];
	char station[NAME_SIZE];
};

struct loading {
	struct alerts *alerts;
	struct stray *strays;
	bool failed;
};

static void add_stray(struct loading *loading, const char *rule, const char *station)
{
	struct stray *stray = malloc(sizeof *stray);

	if (!stray) {
		loading->failed = true;
		return;
	}
	*stray = (struct stray){ .next = loading->strays };
	copy(stray->rule, sizeof stray->rule, rule);
	copy(stray->station, sizeof stray->station, station);
	loading->strays = stray;
}

static void load_state(void *arg, const char *name, const char *station, const char *text)
{
	struct loading *loading = arg;
	struct alerts *alerts = loading->alerts;
	size_t i = 0;

	while (i < alerts->rule_count && strcmp(alerts->rules[i].name, name) != 0)
		i++;
	if (i == alerts->rule_count || !rule_covers(&alerts->rules[i], station)) {
		add_stray(loading, name, station);
		return;
	}
	struct place *place = places_get(&alerts->places, station);
	struct entry *entry = place ? place_entry(place, i) : NULL;
	if (!entry) {
		loading->failed = true;
		return;
	}
	if (!load_text(&alerts->rules[i], entry, text, 0)) {
		*entry = (struct entry){ .revision = 0 };
		add_stray(loading, name, station);
		return;
	}
	entry->seen_phase = entry->saved_phase = entry->state.phase;
	entry->saved_last_ms = entry->state.last_ms;
}

static int remove_strays(struct alerts *alerts, struct stray *strays)
{
	int result = 0;

	while (strays) {
		struct stray *stray = strays;

		strays = stray->next;
		log_notice(
			"alert %s at %s: the rule is gone or another one now; its state is forgotten",
			stray->rule, stray->station);
		if (alert_state_set(alerts->store, stray->rule, stray->station, NULL) < 0)
			result = -1;
		free(stray);
	}
	return result;
}

int alerts_reload_states(struct alerts *alerts)
{
	struct loading loading = { .alerts = alerts };

	places_free(&alerts->places);
	alerts->settled = false;
	int result = alert_state_each(alerts->store, load_state, &loading);
	if (remove_strays(alerts, loading.strays) < 0)
		result = -1;
	if (result < 0)
		log_error("alerts: states: %s", store_error(alerts->store));
	else if (loading.failed)
		log_error("alerts: not all states could be held");
	return result;
}

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

/* Is it in another phase than in the store, where that makes a difference? */
static bool has_turned(const struct entry *entry)
{
	return entry->state.phase != entry->saved_phase &&
		(entry->state.phase > RULE_CLEAR || entry->saved_phase > RULE_CLEAR);
}

/* From now on silence counts, and sensors read back have the time to speak. */
static void settle(struct alerts *alerts, int64_t now_ms)
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
}

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
	if (added < 0 || save(alerts, rule, place, entry) < 0)
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
		struct entry *entry = place ? place_entry(place, number) : NULL;
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
			settle(alerts, now_ms);
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

int alerts_save(struct alerts *alerts)
{
	for (size_t i = 0; i < alerts->places.size; i++) {
		struct place *place = alerts->places.table[i];

		for (size_t r = 0; place && r < alerts->rule_count; r++) {
			const struct rule *rule = &alerts->rules[r];
			struct entry *entry = place->entries[r];

			if (!entry || rule->absent_for > 0 || !has_turned(entry))
				continue;
			if (save(alerts, rule, place, entry) < 0)
				return -1;
		}
	}
	return 0;
}

/*
 * Time passes unevenly when the clock is set: what looks like hours of silence is none.
 * Only looked for where NOW_MS is the gateway's own clock; a back-test's leaps are real.
 */
static void watch_clock(struct alerts *alerts, int64_t now_ms)
{
	int64_t away = now_ms - clock_wall_ms();
	int64_t offset = now_ms - clock_mono_ms();
	bool live = away > -LIVE_MS && away < LIVE_MS;

	if (alerts->settled && alerts->live && live &&
		offset - alerts->offset_ms > STEP_MS) {
		log_notice("alerts: the clock was set forward; silence is counted anew");
		settle(alerts, now_ms);
	}
	alerts->live = live;
	alerts->offset_ms = offset;
}

static int shift_entry(struct alerts *alerts, const struct rule *rule,
	const struct place *place, struct entry *entry, const struct clock_step *step)
{
	rule_shift(&entry->state, step);
	entry->changed_ms = clock_after_step(step, entry->changed_ms);
	/* As wants_saving() has it: what is not in the store need not change there. */
	if (entry->saved_phase == RULE_UNKNOWN && entry->state.phase <= RULE_CLEAR)
		return 0;
	return save(alerts, rule, place, entry);
}

int alerts_shift(struct alerts *alerts, const struct clock_step *step)
{
	alerts->start_ms = clock_after_step(step, alerts->start_ms);
	alerts->offset_ms += step->by_ms; /* watch_clock() need not find it again */
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
	return 0;
}

/* Is there something in the state that should outlive the process, and stand still? */
static bool wants_saving(
	const struct rule *rule, const struct entry *entry, int64_t now_ms)
{
	const struct rule_state *state = &entry->state;
	int64_t behind = state->last_ms - entry->saved_last_ms;

	/* That a station was seen is kept, so that its silence is known later. */
	if (rule->absent_for > 0)
		return state->phase == RULE_CLEAR &&
			(entry->saved_phase == RULE_UNKNOWN ||
				behind >= PRESENCE_REFRESH_MS);
	if (has_turned(entry))
		return now_ms - entry->changed_ms >= SETTLE_MS;
	if (state->phase != RULE_PENDING && state->phase != RULE_CLEARING)
		return false;
	return behind >= REFRESH_MS || behind >= rule->max_age / 4;
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

/*
 * Saves what has changed without an event. By itself, in a transaction of its own, where
 * none is open: the recorder may have nothing to commit for long.
 */
static int save_quiet_changes(struct alerts *alerts, int64_t now_ms)
{
	bool joins = alert_state_joins(alerts->store);
	int saves = 0;

	for (size_t i = 0; i < alerts->places.size; i++) {
		struct place *place = alerts->places.table[i];

		for (size_t r = 0; place && r < alerts->rule_count; r++) {
			struct entry *entry = place->entries[r];

			if (!entry || saves == SAVES_MAX ||
				!wants_saving(&alerts->rules[r], entry, now_ms))
				continue;
			saves++;
			if (save(alerts, &alerts->rules[r], place, entry) < 0)
				return -1;
		}
	}
	return saves > 0 && !joins ? store_commit(alerts->store) : 0;
}

int alerts_tick(struct alerts *alerts, int64_t now_ms)
{
	watch_clock(alerts, now_ms);
	/* By an impossible time nothing is said. */
	if (alerts->live && !clock_is_set())
		return 0;
	if (!alerts->settled)
		settle(alerts, now_ms);
	int total = tick_rules(alerts, now_ms);
	if (total < 0 || save_quiet_changes(alerts, now_ms) < 0)
		return -1;
	return total;
}
