/* The keys of a rule in the configuration. */
#include "alerts/alerts.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "alerts/message.h"
#include "alerts/rule.h"

#define SECONDS(N) ((N)*1000.0)
#define DAYS(N)    ((N)*24 * 3600 * 1000.0)

static const char *const hazards[] = { "auto", "air", "rain", "wind", "heat", "water",
	"device", NULL };

static const struct option options[] = {
	{ .name = "name",
		.type = OPTION_STRING,
		.offset = offsetof(struct rule, name),
		.required = true,
		.min = 1,
		.max = NAME_SIZE - 1,
		.help = "What the rule is called in messages and logs." },
	{ .name = "metric",
		.type = OPTION_METRIC,
		.offset = offsetof(struct rule, metric),
		.required = true,
		.help = "What it watches, at each station by itself." },
	{ .name = "above",
		.type = OPTION_NUMBER,
		.offset = offsetof(struct rule, above),
		.help = "Fires when the value is greater, in the metric's unit." },
	{ .name = "below",
		.type = OPTION_NUMBER,
		.offset = offsetof(struct rule, below),
		.help = "Fires when the value is less, in the metric's unit." },
	{ .name = "clear_below",
		.type = OPTION_NUMBER,
		.offset = offsetof(struct rule, clear_below),
		.help = "Ends the alert of `above` when the value is less; without it, the "
			"threshold." },
	{ .name = "clear_above",
		.type = OPTION_NUMBER,
		.offset = offsetof(struct rule, clear_above),
		.help = "Ends the alert of `below` when the value is greater; without it, "
			"the threshold." },
	{ .name = "for",
		.type = OPTION_DURATION,
		.offset = offsetof(struct rule, on_delay),
		.fallback = "0s",
		.min = 0,
		.max = DAYS(30),
		.help = "How long the condition must hold before the alert." },
	{ .name = "clear_for",
		.type = OPTION_DURATION,
		.offset = offsetof(struct rule, off_delay),
		.fallback = "0s",
		.min = 0,
		.max = DAYS(30),
		.help = "How long it must be over before the all-clear." },
	{ .name = "repeat",
		.type = OPTION_DURATION,
		.offset = offsetof(struct rule, repeat),
		.fallback = "0s",
		.min = 0,
		.max = DAYS(30),
		.help = "Reminds of an alert that goes on; 0s: never." },
	{ .name = "absent_for",
		.type = OPTION_DURATION,
		.offset = offsetof(struct rule, absent_for),
		.fallback = "0s",
		.min = 0,
		.max = DAYS(365),
		.help = "Fires when a station seen before gives no usable data for so long." },
	{ .name = "max_age",
		.type = OPTION_DURATION,
		.offset = offsetof(struct rule, max_age),
		.fallback = "10m",
		.min = SECONDS(1),
		.max = DAYS(7),
		.help = "Older readings never alert." },
	{ .name = "expires",
		.type = OPTION_DURATION,
		.offset = offsetof(struct rule, expires),
		.fallback = "2h",
		.min = SECONDS(1),
		.max = DAYS(30),
		.help = "A message not delivered after so long is not sent any more." },
	{ .name = "severity",
		.type = OPTION_CHOICE,
		.offset = offsetof(struct rule, severity),
		.fallback = "moderate",
		.choices = severity_names,
		.help = "How bad it is, in CAP's words." },
	{ .name = "audience",
		.type = OPTION_CHOICE,
		.offset = offsetof(struct rule, audience),
		.fallback = "citizens",
		.choices = audience_names,
		.help = "Which channels carry it." },
	{ .name = "hazard",
		.type = OPTION_CHOICE,
		.offset = offsetof(struct rule, hazard),
		.fallback = "auto",
		.choices = hazards,
		.help = "The kind of danger; auto: by the metric, device for absent_for." },
	{ .name = "stations",
		.type = OPTION_STRINGS,
		.offset = offsetof(struct rule, stations),
		.help = "The only stations it looks at; without it, all." },
	{ .name = NULL },
};

static void check_kind(const struct rule *rule, const struct config_place *place)
{
	int kinds = !isnan(rule->above) + !isnan(rule->below) + (rule->absent_for > 0);

	if (kinds == 0)
		config_error(place, NULL,
			"needs one of \"above\", \"below\" and \"absent_for\"");
	else if (kinds > 1)
		config_error(place, rule->absent_for > 0 ? "absent_for" : "below",
			"only one of \"above\", \"below\" and \"absent_for\" may be given");
	if (rule->absent_for > 0 && rule->on_delay > 0)
		config_error(place, "for", "has no meaning with \"absent_for\"");
	if (rule->absent_for > 0 && rule->off_delay > 0)
		config_error(place, "clear_for", "has no meaning with \"absent_for\"");
}

static void check_levels(const struct rule *rule, const struct config_place *place)
{
	if (!isnan(rule->clear_below) && isnan(rule->above))
		config_error(place, "clear_below", "needs \"above\"");
	else if (rule->clear_below > rule->above)
		config_error(place, "clear_below",
			"must not be greater than \"above\" (%g)", rule->above);
	if (!isnan(rule->clear_above) && isnan(rule->below))
		config_error(place, "clear_above", "needs \"below\"");
	else if (rule->clear_above < rule->below)
		config_error(place, "clear_above", "must not be less than \"below\" (%g)",
			rule->below);
}

static void check(const void *values, const struct config_place *place)
{
	const struct rule *rule = values;

	check_kind(rule, place);
	check_levels(rule, place);
	for (size_t i = 0; i < rule->stations.count; i++) {
		if (!name_is_valid(
			    rule->stations.values[i], strlen(rule->stations.values[i])))
			config_error(place, "stations", "\"%s\" is no station's id",
				rule->stations.values[i]);
	}
}

const struct option_group alerts_rule_group = {
	.name = "rule",
	.options = options,
	.size = sizeof(struct rule),
	.check = check,
};
