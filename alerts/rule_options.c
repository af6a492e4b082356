/* The keys of a rule in the configuration. */
#include "alerts/alerts.h"

#include <stddef.h>
#include <string.h>

#include "alerts/message.h"
#include "alerts/rule.h"
#include "alerts/rule_parts.h"

#define SECONDS(N) ((N)*1000.0)
#define DAYS(N)    ((N)*24 * 3600 * 1000.0)

/* Windows are made of twelve parts, and what is shorter than a minute is no window. */
#define WINDOW_MIN SECONDS(60)
#define WINDOW_MAX DAYS(7)

static const char *const scopes[] = { "station", "area", NULL };
static const char *const hazards[] = { "auto", "air", "rain", "wind", "heat", "water",
	"device", NULL };

/* The rows that a rule and a step of it have in common. */
#define LEVEL_ROWS(STRUCT, LEVELS)                                                       \
	{ .name = "above",                                                               \
		.type = OPTION_LEVEL,                                                    \
		.offset = offsetof(STRUCT, LEVELS.above),                                \
		.help = "Fires when the value is greater, in the metric's unit; or "     \
			"worse than the category of an index." },                        \
		{ .name = "at_least",                                                    \
			.type = OPTION_LEVEL,                                            \
			.offset = offsetof(STRUCT, LEVELS.at_least),                     \
			.help = "Fires when the value is that or greater; or the "       \
				"category of an index or a worse one." },                \
		{ .name = "below",                                                       \
			.type = OPTION_LEVEL,                                            \
			.offset = offsetof(STRUCT, LEVELS.below),                        \
			.help = "Fires when the value is less, in the metric's unit." }, \
		{ .name = "rise",                                                        \
			.type = OPTION_NUMBER,                                           \
			.offset = offsetof(STRUCT, LEVELS.rise),                         \
			.help = "Fires when the value is that much or more above the "   \
				"sensor's least value `within` a time." },               \
		{ .name = "clear_below",                                                 \
			.type = OPTION_LEVEL,                                            \
			.offset = offsetof(STRUCT, LEVELS.clear_below),                  \
			.help = "Ends it when the value is less; without it, below the " \
				"threshold." },                                          \
	{                                                                                \
		.name = "clear_above", .type = OPTION_LEVEL,                             \
		.offset = offsetof(STRUCT, LEVELS.clear_above),                          \
		.help = "Ends the alert of `below` when the value is greater; "          \
			"without it, at the threshold."                                  \
	}

static const struct option step_options[] = {
	LEVEL_ROWS(struct rule_step_config, levels),
	{ .name = "severity",
		.type = OPTION_CHOICE,
		.offset = offsetof(struct rule_step_config, severity),
		.required = true,
		.choices = severity_names,
		.help = "How bad it is from here on, in CAP's words." },
	{ .name = NULL },
};

static const struct option_group step_group = {
	.name = "step",
	.options = step_options,
	.size = sizeof(struct rule_step_config),
};

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
	LEVEL_ROWS(struct rule, written.levels),
	{ .name = "within",
		.type = OPTION_DURATION,
		.offset = offsetof(struct rule, written.within),
		.fallback = "0s",
		.min = WINDOW_MIN,
		.max = WINDOW_MAX,
		.help = "With `rise`: how far back the least value is looked for." },
	{ .name = "average",
		.type = OPTION_DURATION,
		.offset = offsetof(struct rule, written.average),
		.fallback = "0s",
		.min = WINDOW_MIN,
		.max = WINDOW_MAX,
		.help = "Looks at each sensor's mean over so long, not at single values." },
	{ .name = "maximum",
		.type = OPTION_DURATION,
		.offset = offsetof(struct rule, written.maximum),
		.fallback = "0s",
		.min = WINDOW_MIN,
		.max = WINDOW_MAX,
		.help = "Looks at each sensor's greatest value in so long." },
	{ .name = "min_complete",
		.type = OPTION_NUMBER,
		.offset = offsetof(struct rule, written.min_complete),
		.min = 0,
		.max = 1,
		.help = "The share of `average` or `maximum` that must be known; without it "
			"0.75." },
	{ .name = "steps",
		.type = OPTION_LIST,
		.offset = offsetof(struct rule, written.steps),
		.group = &step_group,
		.help = "Levels of rising severity, instead of one level." },
	{ .name = "tell_easing",
		.type = OPTION_BOOL,
		.offset = offsetof(struct rule, tell_easing),
		.fallback = "false",
		.help = "Tells a step down, too, not only steps up and the all-clear." },
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
	{ .name = "repeat_widening",
		.type = OPTION_NUMBER,
		.offset = offsetof(struct rule, widening),
		.fallback = "1.0",
		.min = 1,
		.max = 100,
		.help = "Each pause between reminders is so many times the one before." },
	{ .name = "repeat_max",
		.type = OPTION_DURATION,
		.offset = offsetof(struct rule, repeat_max),
		.fallback = "0s",
		.min = SECONDS(1),
		.max = DAYS(30),
		.help = "The longest pause that may come of `repeat_widening`; 0s: no "
			"limit." },
	{ .name = "quiet",
		.type = OPTION_STRING,
		.offset = offsetof(struct rule, written.quiet),
		.min = 1,
		.max = 32,
		.help = "Hours, \"22:00-06:00\" at +07:00, in which it tells nothing; what "
			"still stands is told at their end." },
	{ .name = "quiet_broken_by",
		.type = OPTION_CHOICE,
		.offset = offsetof(struct rule, written.quiet_broken_by),
		.fallback = "extreme",
		.choices = severity_names,
		.help = "From this severity on it is told in quiet hours, too." },
	{ .name = "min_readings",
		.type = OPTION_INTEGER,
		.offset = offsetof(struct rule, min_readings),
		.fallback = "0",
		.min = 1,
		.max = 100000,
		.help = "How many usable readings it takes before the alert: since the "
			"condition began, or in the window." },
	{ .name = "scope",
		.type = OPTION_CHOICE,
		.offset = offsetof(struct rule, scope),
		.fallback = "station",
		.choices = scopes,
		.help = "Whether it looks at each station by itself, or at all of an area." },
	{ .name = "sensors_over",
		.type = OPTION_INTEGER,
		.offset = offsetof(struct rule, sensors_over),
		.fallback = "0",
		.min = 1,
		.max = RULE_SENSORS_MAX,
		.help = "How many sensors of the station must be over; without it, one." },
	{ .name = "stations_over",
		.type = OPTION_INTEGER,
		.offset = offsetof(struct rule, stations_over),
		.fallback = "0",
		.min = 1,
		.max = RULE_SENSORS_MAX,
		.help = "How many stations of the area must be over; without it, one." },
	{ .name = "of",
		.type = OPTION_INTEGER,
		.offset = offsetof(struct rule, of),
		.fallback = "0",
		.min = 1,
		.max = RULE_SENSORS_MAX,
		.help = "How many of them must be heard; without it, as many as must be "
			"over." },
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
		.help = "How bad it is, in CAP's words; of `steps` each says its own." },
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

static void settle(void *values, const struct config_place *place)
{
	rule_settle(values, place);
}

static void check(const void *values, const struct config_place *place)
{
	const struct rule *rule = values;

	rule_check(rule, place);
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
	.settle = settle,
	.check = check,
};
