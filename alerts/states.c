/* The rules' states in the store: read when opening, written when they change. */
#include "alerts/engine.h"
#include "alerts/states.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "store/outbox.h"

enum {
	SETTLE_MS = 30 * 1000,      /* a phase younger than that is not worth a write */
	REFRESH_MS = 2 * 60 * 1000, /* how far the stored last reading may be behind */
	PRESENCE_REFRESH_MS = 5 * 60 * 1000, /* the same for absent_for */
	WINDOW_REFRESH_MS = 5 * 60 * 1000,   /* and for a rule with a window */
	SAVES_MAX = 500,                     /* in one tick */
	FLAGS_SIZE = 8,
	COURSE_TEXT_MAX = EPISODE_SIZE + 48, /* what stands before a rule's state */
};

/* --- reading ---------------------------------------------------------- */

static void copy(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%s", text);
}

/* What the letters behind the revision say. */
static void read_flags(struct entry *entry, const char *flags)
{
	entry->told = strchr(flags, 't') != NULL;
	entry->gathered = strchr(flags, 'g') != NULL;
	entry->digested = strchr(flags, 'd') != NULL;
	entry->owed = strchr(flags, 'a') ? OWED_ALERT
		: strchr(flags, 'o')     ? OWED_OVER
					 : OWED_NOTHING;
}

/* "REVISION" as it was written once, "REVISION/SEVERITY/FLAGS". */
static bool read_course(struct entry *entry, const char **text)
{
	int revision, severity, used = 0;
	char flags[FLAGS_SIZE];

	if (sscanf(*text, " %9d/%1d/%7s%n", &revision, &severity, flags, &used) == 3 &&
		used > 0) {
		entry->severity = severity;
		read_flags(entry, flags);
	} else if (sscanf(*text, " %9d%n", &revision, &used) == 1 && used > 0 &&
		(*text)[used] == ' ') {
		/* Whatever there was had been told. */
		entry->told = entry->episode[0] != '\0';
	} else {
		return false;
	}
	entry->revision = revision;
	*text += used;
	return revision >= 0;
}

bool states_read(
	const struct rule *rule, struct entry *entry, const char *text, int64_t now_ms)
{
	size_t length = strcspn(text, " ");

	if (length == 0 || length >= sizeof entry->episode)
		return false;
	memcpy(entry->episode, text, length);
	entry->episode[length] = '\0';
	if (!strcmp(entry->episode, "-"))
		entry->episode[0] = '\0';
	text += length;
	return read_course(entry, &text) &&
		rule_state_read(rule, &entry->state, text, now_ms);
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
	if (i == alerts->rule_count ||
		(alerts->rules[i].scope != RULE_OF_AREA &&
			!rule_covers(&alerts->rules[i], station))) {
		add_stray(loading, name, station);
		return;
	}
	struct place *place = places_get(&alerts->places, station);
	struct entry *entry =
		place ? place_entry(place, i, rule_windows(&alerts->rules[i])) : NULL;
	if (!entry) {
		loading->failed = true;
		return;
	}
	if (!states_read(&alerts->rules[i], entry, text, 0)) {
		*entry = (struct entry){ .state.windows = entry->state.windows };
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
	if (limit_load(&alerts->limit) < 0 ||
		digests_load(&alerts->digests, alerts->store) < 0) {
		log_error("alerts: counts and digests: %s", store_error(alerts->store));
		result = -1;
	}
	return result;
}

/* --- writing ---------------------------------------------------------- */

int states_save(struct alerts *alerts, const struct rule *rule, const struct place *place,
	struct entry *entry)
{
	bool quiet =
		rule_state_is_idle(rule, &entry->state) && entry->owed == OWED_NOTHING;
	static const char *const owed[] = {
		[OWED_NOTHING] = "",
		[OWED_ALERT] = "a",
		[OWED_OVER] = "o",
	};
	char text[COURSE_TEXT_MAX + RULE_TEXT_MAX];

	if (!quiet) {
		int used = snprintf(text, COURSE_TEXT_MAX, "%s %d/%d/%s%s%s%s. ",
			entry->episode[0] ? entry->episode : "-", entry->revision,
			entry->severity, entry->told ? "t" : "",
			entry->gathered ? "g" : "", entry->digested ? "d" : "",
			owed[entry->owed]);
		rule_state_write(rule, &entry->state, text + used);
	}
	if (alert_state_set(
		    alerts->store, rule->name, place->station, quiet ? NULL : text) < 0)
		return -1;
	entry->saved_phase = entry->state.phase;
	entry->saved_last_ms = entry->state.last_ms;
	return 0;
}

/* Is it in another phase than in the store, where that makes a difference? */
static bool has_turned(const struct entry *entry)
{
	return entry->state.phase != entry->saved_phase &&
		(entry->state.phase > RULE_CLEAR || entry->saved_phase > RULE_CLEAR);
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
			if (states_save(alerts, rule, place, entry) < 0)
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
	if (rule_windows(rule) > 0 && behind >= WINDOW_REFRESH_MS)
		return true;
	if (state->phase != RULE_PENDING && state->phase != RULE_CLEARING)
		return false;
	return behind >= REFRESH_MS || behind >= rule->max_age / 4;
}

int states_save_quiet(struct alerts *alerts, int64_t now_ms)
{
	int saves = 0;

	for (size_t i = 0; i < alerts->places.size; i++) {
		struct place *place = alerts->places.table[i];

		for (size_t r = 0; place && r < alerts->rule_count; r++) {
			struct entry *entry = place->entries[r];

			if (!entry || saves == SAVES_MAX ||
				!wants_saving(&alerts->rules[r], entry, now_ms))
				continue;
			saves++;
			if (states_save(alerts, &alerts->rules[r], place, entry) < 0)
				return -1;
		}
	}
	return 0;
}
