/* Rules and observations for the tests of the rules. */
#ifndef MUABUI_TESTS_RULE_SAMPLES_H
#define MUABUI_TESTS_RULE_SAMPLES_H

#include <math.h>

#include "alerts/message.h"
#include "alerts/rule.h"
#include "core/reading.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };

/* 25 November 2026, 0:00 at +07:00. */
static const int64_t midnight = 1795539600000;

static inline struct rule sample_rule(void)
{
	return (struct rule){
		.name = "dust",
		.metric = metric_by_id(METRIC_PM25),
		.above = NAN,
		.below = NAN,
		.clear_below = NAN,
		.clear_above = NAN,
		.severity = SEVERITY_MODERATE,
		.max_age = 10 * MINUTE,
		.expires = 2 * HOUR,
	};
}

static inline struct rule sample_above(double above)
{
	struct rule rule = sample_rule();

	rule.above = above;
	return rule;
}

/* Over at 100 (moderate), 150 (severe), 200 (extreme); over again at 90, 130, 180. */
static inline struct rule sample_steps(void)
{
	struct rule rule = sample_above(100);

	rule.steps[0] = (struct rule_step){ 100, 90, SEVERITY_MODERATE };
	rule.steps[1] = (struct rule_step){ 150, 130, SEVERITY_SEVERE };
	rule.steps[2] = (struct rule_step){ 200, 180, SEVERITY_EXTREME };
	rule.step_count = 3;
	return rule;
}

/* Shows a fresh reading of SENSOR of STATION at TIME. */
static inline struct rule_event sample_show(const struct rule *rule,
	struct rule_state *state, uint32_t station, uint32_t sensor, int64_t time_ms,
	double value)
{
	struct observation seen = {
		.time_ms = time_ms,
		.value = value,
		.station = station,
		.sensor = sensor,
		.flag = FLAG_GOOD,
	};

	return rule_observe(rule, state, &seen, time_ms);
}

#endif
