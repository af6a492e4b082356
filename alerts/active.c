#include "alerts/active.h"

#include <stdlib.h>
#include <string.h>

#include "alerts/states.h"
#include "core/clock.h"

enum { ACTIVE_MAX = 20000 }; /* what a list is good for ends long before */

struct reading_states {
	struct active_alerts *alerts;
	size_t capacity;
	const struct config *config;
	const struct directory *directory;
	int64_t now_ms;
	bool failed;
	struct rule_window windows[RULE_SENSORS_MAX]; /* of the one that is read */
};

static struct active_alert *add(struct reading_states *states)
{
	struct active_alerts *alerts = states->alerts;

	if (alerts->count == ACTIVE_MAX)
		return NULL;
	if (alerts->count == states->capacity) {
		size_t capacity = states->capacity ? 2 * states->capacity : 32;
		struct active_alert *list =
			realloc(alerts->list, capacity * sizeof *list);

		if (!list)
			return NULL;
		alerts->list = list;
		states->capacity = capacity;
	}
	return &alerts->list[alerts->count++];
}

static void take(void *arg, const char *name, const char *place, const char *text)
{
	struct reading_states *states = arg;
	const struct rule *rule = rule_find(&states->config->alerts.rules, name);
	struct entry entry = { .state.windows = states->windows };
	bool current;

	if (!rule || !states_read(rule, &entry, text, states->now_ms))
		return;
	bool stands = entry.state.phase >= RULE_FIRING;
	if (!stands && entry.owed != OWED_OVER)
		return;
	struct active_alert *alert = add(states);
	if (!alert) {
		states->failed = true;
		return;
	}
	*alert = (struct active_alert){
		.rule = rule,
		.revision = entry.revision,
		.event = rule_present(rule, &entry.state, states->now_ms, &current),
		.over = !stands,
		.told = entry.told,
		.in_digest = entry.digested,
	};
	/* One that waits for the morning has none yet. */
	if (entry.told || entry.gathered || entry.owed != OWED_NOTHING)
		memcpy(alert->episode, entry.episode, sizeof alert->episode);
	if (rule->scope == RULE_OF_AREA)
		site_of_area(&alert->site, states->config, place);
	else
		site_of_station(&alert->site, states->config, states->directory, place);
}

static int older(const void *a, const void *b)
{
	const struct active_alert *one = a, *other = b;
	int64_t difference = one->event.since_ms - other->event.since_ms;

	return difference < 0 ? -1 : difference > 0;
}

int active_read(struct active_alerts *alerts, const struct config *config,
	const struct directory *directory, struct store *store)
{
	struct reading_states states = {
		.alerts = alerts,
		.config = config,
		.directory = directory,
		.now_ms = clock_wall_ms(),
	};

	*alerts = (struct active_alerts){ .list = NULL };
	if (alert_state_each(store, take, &states) < 0 || states.failed) {
		active_free(alerts);
		return -1;
	}
	if (alerts->count > 0)
		qsort(alerts->list, alerts->count, sizeof *alerts->list, older);
	return 0;
}

void active_free(struct active_alerts *alerts)
{
	free(alerts->list);
	*alerts = (struct active_alerts){ .list = NULL };
}
