#include "config/value.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "config/quantity.h"
#include "config/suggest.h"
#include "config/url.h"
#include "core/metric.h"
#include "core/number.h"
#include "core/utf8.h"

static const char *const expected[] = {
	[OPTION_STRING] = "text in quotes",
	[OPTION_PATH] = "a path in quotes",
	[OPTION_SECRET] = "the name of a file in quotes",
	[OPTION_URL] = "an address in quotes",
	[OPTION_NUMBER] = "a number",
	[OPTION_LEVEL] = "a number, or a name in quotes,",
	[OPTION_INTEGER] = "a whole number",
	[OPTION_BOOL] = "true or false",
	[OPTION_MAYBE] = "true or false",
	[OPTION_DURATION] = "a duration such as \"10s\", \"1m30s\" or \"6h\"",
	[OPTION_SIZE] = "a size such as \"64KiB\" or \"2GiB\"",
	[OPTION_CHOICE] = "one word in quotes",
	[OPTION_METRIC] = "the name of a metric in quotes",
	[OPTION_NUMBERS] = "numbers in brackets, [ 1, 2 ],",
	[OPTION_STRINGS] = "texts in brackets, [ \"a\", \"b\" ],",
	[OPTION_GROUP] = "a group in braces, { … },",
	[OPTION_LIST] = "a list of groups, ( { … }, { … } ),",
	[OPTION_KINDS] = "a list of groups, ( { … }, { … } ),",
};

const char *value_expected(enum option_type type)
{
	return expected[type];
}

/* Is it written as text in quotes? */
static bool is_text(enum option_type type)
{
	switch (type) {
	case OPTION_STRING:
	case OPTION_PATH:
	case OPTION_SECRET:
	case OPTION_URL:
	case OPTION_DURATION:
	case OPTION_SIZE:
	case OPTION_CHOICE:
	case OPTION_METRIC:
		return true;
	default:
		return false;
	}
}

static bool has_limits(const struct option *option)
{
	return option->min != 0 || option->max != 0;
}

static bool has_upper_limit(const struct option *option)
{
	return option->max >= option->min && isfinite(option->max);
}

bool value_is_in_range(const struct option *option, double number)
{
	if (!has_limits(option))
		return true;
	return number >= option->min &&
		(!has_upper_limit(option) || number <= option->max);
}

static void format_limit(const struct option *option, double limit, char *text)
{
	if (option->type == OPTION_DURATION)
		quantity_format_duration(text, (int64_t)limit);
	else if (option->type == OPTION_SIZE)
		quantity_format_size(text, (int64_t)limit);
	else
		number_format(text, limit);
}

const char *value_range_text(
	const struct option *option, char text[static VALUE_RANGE_SIZE])
{
	char min[NUMBER_TEXT_SIZE], max[NUMBER_TEXT_SIZE];
	const char *unit = option->unit ? option->unit : "";

	text[0] = '\0';
	if (!has_limits(option))
		return text;
	if (option->type == OPTION_DURATION || option->type == OPTION_SIZE)
		unit = "";
	else if (option->type == OPTION_STRINGS ||
		(is_text(option->type) && option->type != OPTION_CHOICE))
		unit = "bytes";
	const char *blank = *unit && strcmp(unit, "°") != 0 ? " " : "";
	if (isfinite(option->min))
		format_limit(option, option->min, min);
	if (has_upper_limit(option))
		format_limit(option, option->max, max);
	/* A text cannot have less than no bytes. */
	if (!isfinite(option->min) || (option->min == 0 && strcmp(unit, "bytes") == 0))
		snprintf(text, VALUE_RANGE_SIZE, "at most %s%s%s",
			has_upper_limit(option) ? max : "?", blank, unit);
	else if (!has_upper_limit(option))
		snprintf(text, VALUE_RANGE_SIZE, "at least %s%s%s", min, blank, unit);
	else
		snprintf(text, VALUE_RANGE_SIZE, "%s to %s%s%s", min, max, blank, unit);
	return text;
}

static bool check_range(
	const struct option *option, double number, const char *written, char *why)
{
	char range[VALUE_RANGE_SIZE];

	if (value_is_in_range(option, number))
		return true;
	snprintf(why, VALUE_WHY_SIZE, "%s is out of range: %s", written,
		value_range_text(option, range));
	return false;
}

static bool check_characters(const struct option *option, const char *text, char *why)
{
	if (!utf8_is_valid(text, strlen(text))) {
		snprintf(why, VALUE_WHY_SIZE, "the text is not UTF-8");
		return false;
	}
	for (const char *c = text; *c; c++) {
		bool blank = *c == '\n' || *c == '\t' || *c == '\r';

		if (((unsigned char)*c >= 0x20 && *c != 0x7f) ||
			(blank && option->type == OPTION_STRING))
			continue;
		snprintf(why, VALUE_WHY_SIZE, "the text holds a control character");
		return false;
	}
	return true;
}

static bool set_string(const struct option *option, struct arena *arena, const char *text,
	void *member, char *why)
{
	const char *copy;
	char written[64];

	if (!check_characters(option, text, why))
		return false;
	if (!*text && option->required) {
		snprintf(why, VALUE_WHY_SIZE, "must not be empty");
		return false;
	}
	if (*text && option->type == OPTION_URL && !url_check(text, option->choices, why))
		return false;
	snprintf(written, sizeof written, "a text of %zu bytes", strlen(text));
	/* An empty text is how an option is left out. */
	if (*text && !check_range(option, (double)strlen(text), written, why))
		return false;
	copy = arena_string(arena, text);
	if (!copy)
		snprintf(why, VALUE_WHY_SIZE, "out of memory");
	else
		*(const char **)member = copy;
	return copy != NULL;
}

static bool set_quantity(
	const struct option *option, const char *text, void *member, char *why)
{
	bool duration = option->type == OPTION_DURATION;
	char written[64];
	int64_t value;

	if (!(duration ? quantity_parse_duration(text, &value)
		       : quantity_parse_size(text, &value))) {
		snprintf(why, VALUE_WHY_SIZE, "\"%.40s\" is not %s", text,
			value_expected(option->type));
		return false;
	}
	snprintf(written, sizeof written, "\"%.40s\"", text);
	if (!check_range(option, (double)value, written, why))
		return false;
	*(int64_t *)member = value;
	return true;
}

static bool set_choice(
	const struct option *option, const char *text, void *member, char *why)
{
	struct suggestion suggestion;
	char nearest[96];
	int length;

	for (int i = 0; option->choices[i]; i++)
		if (strcmp(option->choices[i], text) == 0) {
			*(int *)member = i;
			return true;
		}
	suggest_init(&suggestion, text);
	length = snprintf(why, VALUE_WHY_SIZE, "\"%.40s\" is not one of", text);
	for (int i = 0; option->choices[i]; i++) {
		suggest_try(&suggestion, option->choices[i]);
		if (length < VALUE_WHY_SIZE - 1)
			length +=
				snprintf(why + length, (size_t)(VALUE_WHY_SIZE - length),
					"%s %s", i > 0 ? "," : "", option->choices[i]);
	}
	if (length < VALUE_WHY_SIZE - 1)
		snprintf(why + length, (size_t)(VALUE_WHY_SIZE - length), "%s",
			suggest_text(&suggestion, nearest, sizeof nearest));
	return false;
}

bool value_set_text(const struct option *option, struct arena *arena, const char *text,
	void *member, char why[static VALUE_WHY_SIZE])
{
	switch (option->type) {
	case OPTION_DURATION:
	case OPTION_SIZE:
		return set_quantity(option, text, member, why);
	case OPTION_CHOICE:
		return set_choice(option, text, member, why);
	default:
		return set_string(option, arena, text, member, why);
	}
}

bool value_set_number(const struct option *option, double number, void *member,
	char why[static VALUE_WHY_SIZE])
{
	char written[NUMBER_TEXT_SIZE];

	if (!isfinite(number)) {
		snprintf(why, VALUE_WHY_SIZE, "the number is too large");
		return false;
	}
	number_format(written, number);
	if (!check_range(option, number, written, why))
		return false;
	if (option->type != OPTION_INTEGER) {
		*(double *)member = number;
		return true;
	}
	if (number != floor(number)) {
		snprintf(why, VALUE_WHY_SIZE, "a whole number is expected, not %s",
			written);
		return false;
	}
	if (number < INT_MIN || number > INT_MAX) {
		snprintf(why, VALUE_WHY_SIZE, "%s is too large", written);
		return false;
	}
	*(int *)member = (int)number;
	return true;
}

static size_t count_parts(const char *text)
{
	size_t count = 1;

	for (; *text; text++)
		count += *text == ',';
	return count;
}

/* The next of some parts between commas, blanks and brackets around it aside. */
static const char *next_part(const char **text, size_t *length)
{
	const char *start = *text + strspn(*text, " ["),
		   *end = start + strcspn(start, ",");

	*text = *end ? end + 1 : end;
	while (end > start && strchr(" ]", end[-1]))
		end--;
	*length = (size_t)(end - start);
	return start;
}

static bool set_fallback_list(
	const struct option *option, struct arena *arena, void *member)
{
	const char *text = option->fallback, *start;
	struct option_numbers *numbers = member;
	struct option_strings *strings = member;
	size_t most = count_parts(text), count = 0, length;
	double *values = arena_array(arena, most, sizeof *values);
	const char **texts = arena_array(arena, most, sizeof *texts);

	if (!values || !texts)
		return false;
	while (*text) {
		start = next_part(&text, &length);
		if (length == 0)
			continue;
		if (option->type == OPTION_NUMBERS
				? !number_parse(start, length, &values[count])
				: !(texts[count] = arena_copy(arena, start, length)))
			return false;
		count++;
	}
	if (option->type == OPTION_NUMBERS)
		*numbers = (struct option_numbers){ .values = values, .count = count };
	else
		*strings = (struct option_strings){ .values = texts, .count = count };
	return true;
}

bool value_set_fallback(const struct option *option, struct arena *arena, void *member)
{
	/* Without limits: a default may stand outside them. */
	struct option row = { .type = option->type, .choices = option->choices };
	const char *text = option->fallback;
	char why[VALUE_WHY_SIZE];
	double number;

	if (!text) {
		if (option->type == OPTION_NUMBER)
			*(double *)member = NAN;
		if (option->type == OPTION_LEVEL)
			((struct option_level *)member)->number = NAN;
		return true;
	}
	switch (option->type) {
	case OPTION_NUMBER:
	case OPTION_INTEGER:
		return number_parse(text, strlen(text), &number) &&
			value_set_number(&row, number, member, why);
	case OPTION_BOOL:
		*(bool *)member = strcmp(text, "true") == 0;
		return *(bool *)member || strcmp(text, "false") == 0;
	case OPTION_METRIC:
		*(const struct metric **)member = metric_find(text);
		return *(const struct metric **)member != NULL;
	case OPTION_NUMBERS:
	case OPTION_STRINGS:
		return set_fallback_list(option, arena, member);
	case OPTION_LEVEL:
	case OPTION_GROUP:
	case OPTION_LIST:
	case OPTION_KINDS:
		return true;
	default:
		return value_set_text(&row, arena, text, member, why);
	}
}
