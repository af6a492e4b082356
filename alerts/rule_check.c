/* What in a rule contradicts itself. */
#include "alerts/rule_parts.h"

#include <math.h>

#include "alerts/message.h"

static bool is_given(const struct option_level *level)
{
	return level->word || !isnan(level->number);
}

/* How many of above, at_least, below and rise are given; *KEY: the last of them. */
static int count_levels(const struct rule_levels *levels, const char **key)
{
	const struct {
		const char *key;
		bool given;
	} keys[] = {
		{ "above", is_given(&levels->above) },
		{ "at_least", is_given(&levels->at_least) },
		{ "below", is_given(&levels->below) },
		{ "rise", !isnan(levels->rise) },
	};
	int count = 0;

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		if (!keys[i].given)
			continue;
		*key = keys[i].key;
		count++;
	}
	return count;
}

static void check_kind(const struct rule *rule, const struct config_place *place)
{
	const char *key = NULL;
	int kinds = count_levels(&rule->written.levels, &key);

	if (rule->written.steps.count > 0) {
		key = "steps";
		kinds++;
	}
	if (rule->absent_for > 0) {
		key = "absent_for";
		kinds++;
	}
	if (kinds == 0)
		config_error(place, NULL,
			"needs one of \"above\", \"at_least\", \"below\", \"rise\", \"steps\" and "
			"\"absent_for\"");
	else if (kinds > 1)
		config_error(place, key,
			"only one of \"above\", \"at_least\", \"below\", \"rise\", \"steps\" and "
			"\"absent_for\" may be given");
}

static void check_absent(const struct rule *rule, const struct config_place *place)
{
	const struct {
		const char *key;
		bool given;
	} keys[] = {
		{ "for", rule->on_delay > 0 },
		{ "clear_for", rule->off_delay > 0 },
		{ "within", rule->written.within > 0 },
		{ "average", rule->written.average > 0 },
		{ "maximum", rule->written.maximum > 0 },
		{ "min_readings", rule->min_readings > 0 },
		{ "sensors_over", rule->sensors_over > 0 },
		{ "stations_over", rule->stations_over > 0 },
		{ "of", rule->of > 0 },
		{ "tell_easing", rule->tell_easing },
	};

	for (size_t i = 0; rule->absent_for > 0 && i < sizeof keys / sizeof *keys; i++) {
		if (keys[i].given)
			config_error(
				place, keys[i].key, "has no meaning with \"absent_for\"");
	}
}

/* Are the clear levels of LEVELS such as its threshold has them? */
static void check_clear(const struct rule_levels *levels, bool falling,
	const struct rule_step *step, const struct config_place *place)
{
	const char *key = "above";
	int kinds = count_levels(levels, &key);
	bool rising = kinds > 0 && !falling;

	if (is_given(&levels->clear_below) && !rising)
		config_error(place, "clear_below",
			"needs \"above\", \"at_least\" or \"rise\"");
	else if (rising && step->clear > step->level)
		config_error(place, "clear_below", "must not be greater than \"%s\" (%g)",
			key, step->level);
	if (is_given(&levels->clear_above) && (kinds == 0 || !falling))
		config_error(place, "clear_above", "needs \"below\"");
	else if (falling && step->clear < step->level)
		config_error(place, "clear_above", "must not be less than \"below\" (%g)",
			step->level);
}

/* Where the step ends: at its clear level, or else at the level. */
static double end_of(const struct rule_step *step)
{
	return isnan(step->clear) ? step->level : step->clear;
}

static void check_step(const struct rule *rule, size_t index)
{
	const struct option_list *list = &rule->written.steps;
	const struct rule_step_config *rows = list->items;
	const struct config_place *place = &list->places[index];
	const struct rule_step *step = &rule->steps[index];
	const char *first = NULL, *own = NULL;
	bool falling = isnan(rule->above);

	count_levels(&rows[0].levels, &first);
	if (count_levels(&rows[index].levels, &own) != 1) {
		config_error(place, own,
			"a step has one of \"above\", \"at_least\", \"below\" and \"rise\"");
		return;
	}
	check_clear(&rows[index].levels, falling, step, place);
	if (index == 0)
		return;
	if (own != first) {
		config_error(place, own, "the steps before have \"%s\"", first);
		return;
	}
	if (falling ? step->level >= step[-1].level : step->level <= step[-1].level)
		config_error(place, own, "must be %s than the step before (%g)",
			falling ? "less" : "greater", step[-1].level);
	else if (falling ? end_of(step) > end_of(&step[-1])
			 : end_of(step) < end_of(&step[-1]))
		config_error(place, falling ? "clear_above" : "clear_below",
			"the step before would be over first (%g)", end_of(&step[-1]));
	if (step->severity <= step[-1].severity)
		config_error(place, "severity", "must be worse than the step before (%s)",
			severity_names[step[-1].severity]);
}

static void check_steps(const struct rule *rule, const struct config_place *place)
{
	const struct option_list *list = &rule->written.steps;

	if (list->count > RULE_STEPS_MAX)
		config_error(place, "steps", "at most %d, one for each severity",
			RULE_STEPS_MAX);
	/* The default cannot be told from the same word written. */
	if (list->count > 0 && rule->severity != SEVERITY_MODERATE)
		config_error(place, "severity", "each of the steps says its own");
	if (list->count > 0 && is_given(&rule->written.levels.clear_below))
		config_error(place, "clear_below", "each of the steps says its own");
	if (list->count > 0 && is_given(&rule->written.levels.clear_above))
		config_error(place, "clear_above", "each of the steps says its own");
	for (int i = 0; i < rule->step_count; i++)
		check_step(rule, (size_t)i);
}

static bool has_rise(const struct rule *rule)
{
	const struct rule_step_config *rows = rule->written.steps.items;

	return !isnan(rule->written.levels.rise) ||
		(rule->step_count > 0 && !isnan(rows[0].levels.rise));
}

static void check_window(const struct rule *rule, const struct config_place *place)
{
	const struct rule_written *written = &rule->written;
	bool rise = has_rise(rule);

	if (rise && written->within == 0)
		config_error(place, "rise", "needs \"within\"");
	if (!rise && written->within > 0)
		config_error(place, "within", "needs \"rise\"");
	if (rise && (written->average > 0 || written->maximum > 0))
		config_error(place, written->average > 0 ? "average" : "maximum",
			"has no meaning with \"rise\"");
	if (written->average > 0 && written->maximum > 0)
		config_error(place, "maximum",
			"only one of \"average\" and \"maximum\" may be given");
	if (!isnan(written->min_complete) && written->average == 0 &&
		written->maximum == 0)
		config_error(place, "min_complete", "needs \"average\" or \"maximum\"");
}

static void check_counts(const struct rule *rule, const struct config_place *place)
{
	bool area = rule->scope == RULE_OF_AREA;
	const char *key = area ? "stations_over" : "sensors_over";
	int over = area ? rule->stations_over : rule->sensors_over;

	if (area && rule->sensors_over > 0)
		config_error(place, "sensors_over",
			"is for one station: an area has \"stations_over\"");
	if (!area && rule->stations_over > 0)
		config_error(place, "stations_over", "needs scope = \"area\"");
	if (rule->of > 0 && over == 0)
		config_error(place, "of", "needs \"%s\"", key);
	else if (rule->of > 0 && rule->of < over)
		config_error(place, "of", "must not be less than \"%s\" (%d)", key, over);
}

static void check_times(const struct rule *rule, const struct config_place *place)
{
	int highest = rule_step_count(rule) - 1, mildest = rule_step(rule, 0).severity;

	if (rule->widening > 1 && rule->repeat == 0)
		config_error(place, "repeat_widening", "needs \"repeat\"");
	if (rule->repeat_max > 0 && rule->widening <= 1)
		config_error(place, "repeat_max", "needs \"repeat_widening\" above 1");
	else if (rule->repeat_max > 0 && rule->repeat_max < rule->repeat)
		config_error(place, "repeat_max", "must not be less than \"repeat\"");
	if (rule->quiet.from != rule->quiet.to && mildest >= rule->quiet.broken_by)
		config_error(place, "quiet", "has no effect: %s severity breaks it",
			highest > 0 ? "every" : "the rule's");
}

void rule_check(const struct rule *rule, const struct config_place *place)
{
	const struct rule_step step = {
		.level = rule_threshold(rule),
		.clear = isnan(rule->above) ? rule->clear_above : rule->clear_below,
	};
	const char *key = NULL;

	check_kind(rule, place);
	check_absent(rule, place);
	if (rule->written.steps.count == 0)
		check_clear(&rule->written.levels, isnan(rule->above), &step, place);
	else if (count_levels(&rule->written.levels, &key) == 0)
		check_steps(rule, place);
	if (rule->tell_easing && rule->absent_for == 0 && rule->step_count < 2)
		config_error(place, "tell_easing", "needs two \"steps\" at least");
	check_window(rule, place);
	check_counts(rule, place);
	check_times(rule, place);
}
