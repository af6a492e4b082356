/*
 * What the files of the alert engine share, and no one else's: alerts.c (reports and
 * time), states.c (the rules' states in the store), alerts_clock.c (steps of the clock),
 * gate.c (may it be told?), episodes.c (what becomes of a rule's event), gather.c
 * (several alerts in one message).
 */
#ifndef MUABUI_ALERTS_ENGINE_H
#define MUABUI_ALERTS_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "alerts/alerts.h"
#include "alerts/announce.h"
#include "alerts/limit.h"
#include "alerts/digests.h"
#include "alerts/places.h"
#include "alerts/rule.h"
#include "alerts/site.h"
#include "core/metric.h"

enum { METRIC_SLOTS = METRIC_BUILTIN_END + METRIC_DECLARED_MAX };

struct alerts {
	const struct config *config;
	struct store *store;
	const struct directory *directory;     /* may be NULL */
	const struct desk *desk;               /* may be NULL */
	const struct calibrating *calibrating; /* may be NULL */
	const struct rule *rules;              /* config->alerts.rules */
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
	struct limit limit;
	struct digests digests;
};

/* A rule at a place. */
struct subject {
	size_t number; /* of the rule */
	const struct rule *rule;
	struct place *place;
	struct entry *entry;
};

/* --- alerts_clock.c ------------------------------------------------------ */

/* From now on silence counts, and sensors read back have the time to speak. */
void alerts_settle(struct alerts *alerts, int64_t now_ms);

/*
 * Time passes unevenly when the clock is set: what looks like hours of silence is none.
 * Only looked for where NOW_MS is the gateway's own clock; a back-test's leaps are real.
 */
void alerts_watch_clock(struct alerts *alerts, int64_t now_ms);

/* --- states.c ------------------------------------------------------------ */

/* Writes the state of RULE at PLACE in the recorder's transaction. 0 or -1. */
int states_save(struct alerts *alerts, const struct rule *rule, const struct place *place,
	struct entry *entry);

/* Saves what has changed without an event, in the recorder's transaction. 0 or -1. */
int states_save_quiet(struct alerts *alerts, int64_t now_ms);

/* --- gate.c -------------------------------------------------------------- */

/* Where SUBJECT is. */
void gate_site(
	const struct alerts *alerts, const struct subject *subject, struct site *site);

/* Has an operator silenced it? Cheap while nobody has silenced anything. */
bool gate_is_silenced(
	const struct alerts *alerts, const struct subject *subject, int64_t now_ms);

/* Is there an alert of its station that the device behind its metric is at fault? */
bool gate_has_fault(const struct alerts *alerts, const struct subject *subject);

/*
 * Does another alert say it already: that the device is at fault, or, not less severely
 * than SEVERITY, that the whole area has this hazard?
 */
bool gate_is_inhibited(
	const struct alerts *alerts, const struct subject *subject, int severity);

/* Has its area had enough messages, so that it has to be told together with others? */
bool gate_is_limited(struct alerts *alerts, const struct subject *subject, int severity,
	int64_t now_ms);

/* --- episodes.c ---------------------------------------------------------- */

/* Is there an alert, whoever has been told of it? */
bool episode_stands(const struct entry *entry);

/* What follows from EVENT: messages and state. How many messages, or -1. */
int episode_follow(struct alerts *alerts, const struct subject *subject,
	const struct rule_event *event, int64_t now_ms);

/* Says what had to wait and may be said now. How many messages, or -1. */
int episode_tick(struct alerts *alerts, const struct subject *subject, int64_t now_ms);

/* Tells EVENT by itself, whatever the gate says. How many messages, or -1. */
int episode_tell(struct alerts *alerts, const struct subject *subject,
	const struct rule_event *event, int64_t now_ms);

/* --- gather.c ------------------------------------------------------------ */

/* SUBJECT's alert is to be told together with others of its area. 0 or -1. */
int gather_take(struct alerts *alerts, const struct subject *subject, int64_t now_ms);

/* It is over, or told by itself from now on. 0 or -1. */
int gather_release(struct alerts *alerts, const struct subject *subject, int64_t now_ms);

/* Rules may be gone since the states were written: ends digests that have no alert left.
 */
void gather_settle(struct alerts *alerts, int64_t now_ms);

/* Tells the digests that are due. How many messages, or -1. */
int gather_tick(struct alerts *alerts, int64_t now_ms);

/* Tells what waits to be told, as gather_tick() will when it is due. The same. */
int gather_finish(struct alerts *alerts, int64_t now_ms);

#endif
