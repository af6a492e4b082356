/* From what a user writes to what the rules go by. */
#include "alerts/rule_parts.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/category.h"

enum { DAY_MINUTES = 24 * 60 };

static const double three_quarters = 0.75;

static bool is_given(const struct option_level *level)
{
	return level->word || !isnan(level->number);
}

/* " (Tốt, Trung bình, …)" of the index METRIC. */
static void list_categories(const struct metric *metric, char *text, size_t size)
{
	size_t count, used = 0;
	const struct category *table = category_table(metric->id, &count);

	text[0] = '\0';
	for (size_t i = 0; i < count && used < size; i++) {
		int n = snprintf(
			text + used, size - used, "%s%s", i > 0 ? ", " : "", table[i].vi);
		used += n > 0 ? (size_t)n : 0;
	}
}

static const struct category *find_category(const struct metric *metric, const char *key,
	const char *word, const struct config_place *place)
{
	const struct category *found = category_find(metric->id, word);
	size_t count;
	char names[256];

	if (found)
		return found;
	if (!category_table(metric->id, &count)) {
		config_error(place, key,
			"a number is expected: %s is no index and has no categories",
			metric->name);
		return NULL;
	}
	list_categories(metric, names, sizeof names);
	config_error(place, key, "\"%.60s\" is no category of %s: %s", word, metric->name,
		names);
	return NULL;
}

/* The number of LEVEL: of a category its upper bound where HIGH, else its lower one. */
static double number_of(const struct metric *metric, const char *key,
	const struct option_level *level, bool high, const struct config_place *place)
{
	if (!level->word || !metric)
		return level->number;
	const struct category *category = find_category(metric, key, level->word, place);
	if (!category)
		return NAN;
	size_t count;
	const struct category *table = category_table(metric->id, &count);

	if (category == &table[count - 1] && high) {
		config_error(place, key, "nothing is worse than \"%.60s\"", level->word);
		return NAN;
	}
	if (category == table && !high) {
		config_error(place, key, "nothing is better than \"%.60s\"", level->word);
		return NAN;
	}
	return high ? category->high : category->low;
}

/* One level as meant; NAN what is not given. */
struct meant {
	double above, below, clear_below, clear_above;
	bool inclusive;
};

static struct meant settle_levels(const struct metric *metric,
	const struct rule_levels *levels, const struct config_place *place)
{
	struct meant meant = {
		.above = number_of(metric, "above", &levels->above, true, place),
		.below = number_of(metric, "below", &levels->below, false, place),
		.clear_below = number_of(
			metric, "clear_below", &levels->clear_below, false, place),
		.clear_above = number_of(
			metric, "clear_above", &levels->clear_above, true, place),
	};

	if (is_given(&levels->at_least)) {
		meant.above =
			number_of(metric, "at_least", &levels->at_least, false, place);
		meant.inclusive = true;
	}
	if (!isnan(levels->rise)) {
		meant.above = levels->rise;
		meant.inclusive = true;
	}
	return meant;
}

static void settle_steps(struct rule *rule)
{
	const struct option_list *list = &rule->written.steps;
	const struct rule_step_config *rows = list->items;

	for (size_t i = 0; i < list->count && i < RULE_STEPS_MAX; i++) {
		struct meant meant =
			settle_levels(rule->metric, &rows[i].levels, &list->places[i]);
		bool falling = isnan(meant.above);

		rule->steps[i] = (struct rule_step){
			.level = falling ? meant.below : meant.above,
			.clear = falling ? meant.clear_above : meant.clear_below,
			.severity = rows[i].severity,
		};
		if (i > 0)
			continue;
		rule->above = meant.above;
		rule->below = meant.below;
		rule->inclusive = meant.inclusive;
	}
	rule->step_count =
		list->count < RULE_STEPS_MAX ? (int)list->count : RULE_STEPS_MAX;
}

static void settle_window(struct rule *rule)
{
	const struct rule_written *written = &rule->written;

	if (written->within > 0) {
		rule->measure = RULE_RISE;
		rule->window = written->within;
	} else if (written->average > 0) {
		rule->measure = RULE_AVERAGE;
		rule->window = written->average;
	} else if (written->maximum > 0) {
		rule->measure = RULE_MAXIMUM;
		rule->window = written->maximum;
	}
	rule->min_complete =
		isnan(written->min_complete) ? three_quarters : written->min_complete;
}

/* "22:00": minutes since midnight, at the start of TEXT; -1: none. "24:00" is one. */
static int parse_minutes(const char *text)
{
	for (int i = 0; i < 5; i++) {
		if (i == 2 ? text[i] != ':' : text[i] < '0' || text[i] > '9')
			return -1;
	}
	int hours = (text[0] - '0') * 10 + text[1] - '0';
	int minutes = (text[3] - '0') * 10 + text[4] - '0';
	int total = hours * 60 + minutes;

	return minutes < 60 && total <= DAY_MINUTES ? total : -1;
}

static void settle_quiet(struct rule *rule, const struct config_place *place)
{
	const char *text = rule->written.quiet;

	if (!text || !*text)
		return;
	int from = parse_minutes(text);
	int to = from >= 0 && text[5] == '-' ? parse_minutes(text + 6) : -1;

	if (to < 0 || text[11] != '\0') {
		config_error(place, "quiet",
			"\"%.32s\" are no hours such as \"22:00-06:00\"", text);
		return;
	}
	if (from % DAY_MINUTES == to % DAY_MINUTES) {
		config_error(place, "quiet", "begins when it ends");
		return;
	}
	rule->quiet = (struct rule_quiet){
		.from = from % DAY_MINUTES,
		.to = to,
		.broken_by = rule->written.quiet_broken_by,
	};
}

void rule_settle(struct rule *rule, const struct config_place *place)
{
	struct meant meant = settle_levels(rule->metric, &rule->written.levels, place);

	rule->above = meant.above;
	rule->below = meant.below;
	rule->clear_below = meant.clear_below;
	rule->clear_above = meant.clear_above;
	rule->inclusive = meant.inclusive;
	settle_steps(rule);
	settle_window(rule);
	settle_quiet(rule, place);
}
