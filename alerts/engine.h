/*
 * What the files of the alert engine share: alerts.c (reports and time), states.c (the
 * rules' states in the store) and alerts_clock.c (steps of the clock). No one else's.
 */
#ifndef MUABUI_ALERTS_ENGINE_H
#define MUABUI_ALERTS_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "alerts/alerts.h"
#include "alerts/announce.h"
#include "alerts/places.h"
#include "alerts/rule.h"
#include "core/metric.h"

enum { METRIC_SLOTS = METRIC_BUILTIN_END + METRIC_DECLARED_MAX };

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

/* From now on silence counts, and sensors read back have the time to speak. */
void alerts_settle(struct alerts *alerts, int64_t now_ms);

/*
 * Time passes unevenly when the clock is set: what looks like hours of silence is none.
 * Only looked for where NOW_MS is the gateway's own clock; a back-test's leaps are real.
 */
void alerts_watch_clock(struct alerts *alerts, int64_t now_ms);

/* Writes the state of RULE at PLACE in the recorder's transaction. 0 or -1. */
int states_save(struct alerts *alerts, const struct rule *rule, const struct place *place,
	struct entry *entry);

/*
 * Saves what has changed without an event. By itself, in a transaction of its own, where
 * none is open: the recorder may have nothing to commit for long. 0 or -1.
 */
int states_save_quiet(struct alerts *alerts, int64_t now_ms);

#endif
