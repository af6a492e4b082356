#include "alerts/overrides.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "alerts/rule.h"
#include "core/utf8.h"

static const char *const hazards[] = { "any", "air", "rain", "wind", "heat", "water",
	"device", NULL };
static const char *const moments[] = { "firing", "still", "over", "worse", NULL };

static const struct option options[] = {
	{
		.name = "language",
		.type = OPTION_CHOICE,
		.offset = offsetof(struct text_override, language),
		.required = true,
		.choices = config_languages,
		.help = "The language of the texts.",
	},
	{
		.name = "rule",
		.type = OPTION_STRING,
		.offset = offsetof(struct text_override, rule),
		.fallback = "",
		.help = "Of the alerts of this rule.",
	},
	{
		.name = "metric",
		.type = OPTION_METRIC,
		.offset = offsetof(struct text_override, metric),
		.help = "Of alerts about this metric.",
	},
	{
		.name = "hazard",
		.type = OPTION_CHOICE,
		.offset = offsetof(struct text_override, hazard),
		.fallback = "any",
		.choices = hazards,
		.help = "Of alerts of this hazard.",
	},
	{
		.name = "moment",
		.type = OPTION_CHOICE,
		.offset = offsetof(struct text_override, moment),
		.required = true,
		.choices = moments,
		.help = "When the alert begins, is repeated, or is over.",
	},
	{
		.name = "title",
		.type = OPTION_STRING,
		.offset = offsetof(struct text_override, title),
		.fallback = "",
		.max = 500,
		.help = "At most 60 characters with everything filled in.",
	},
	{
		.name = "text",
		.type = OPTION_STRING,
		.offset = offsetof(struct text_override, text),
		.fallback = "",
		.max = 1000,
		.help = "At most 240 characters; with the place, the time and the value.",
	},
	{
		.name = "instruction",
		.type = OPTION_STRING,
		.offset = offsetof(struct text_override, instruction),
		.fallback = "",
		.max = 1000,
		.help = "At most 240 characters: what to do.",
	},
	{ .name = NULL },
};

/* --- what is wrong with a text ---------------------------------------------------------
 */

/* How long a placeholder may well become, in code points. */
static const struct {
	const char *name;
	size_t length;
} placeholders[] = {
	{ "{place}", 26 },
	{ "{station}", 44 }, /* with its id */
	{ "{name}", 30 },
	{ "{value}", 13 }, /* "1.234,5 µg/m³" */
	{ "{threshold}", 13 },
	{ "{time}", 11 }, /* "14:35 22/11" */
	{ "{since}", 11 },
	{ "{last}", 11 },
};

enum { PLACEHOLDERS = sizeof placeholders / sizeof *placeholders };

/* The placeholder at TEXT, or PLACEHOLDERS. */
static size_t find_placeholder(const char *text)
{
	size_t i = 0;

	while (i < PLACEHOLDERS &&
		strncmp(text, placeholders[i].name, strlen(placeholders[i].name)) != 0)
		i++;
	return i;
}

/* Is there a mark that belongs into the letter before it (U+0300 to U+036F)? */
static bool has_loose_marks(const char *text)
{
	for (; *text; text++) {
		unsigned char first = (unsigned char)text[0];
		unsigned char second = (unsigned char)text[1];

		if (first == 0xcc || (first == 0xcd && second <= 0xaf))
			return true;
	}
	return false;
}

/* TEXT's length when everything is filled in; an unknown placeholder is said. */
static size_t filled_length(
	const char *text, const char *key, const struct config_place *place)
{
	size_t length = utf8_count(text);

	for (const char *brace = text; (brace = strchr(brace, '{')); brace++) {
		size_t i = find_placeholder(brace);

		if (i == PLACEHOLDERS)
			config_error(place, key,
				"\"%.*s\" is no placeholder; there are {place} {station} {name} "
				"{value} {threshold} {time} {since} {last}",
				(int)strcspn(brace, "} ") + (strchr(brace, '}') != NULL),
				brace);
		else
			length += placeholders[i].length - strlen(placeholders[i].name);
	}
	return length;
}

static void check_text(
	const char *text, const char *key, size_t most, const struct config_place *place)
{
	size_t length = filled_length(text, key, place);

	if (length > most)
		config_error(place, key,
			"comes to %zu characters with long names filled in, at most %zu",
			length, most);
	if (has_loose_marks(text))
		config_error(place, key,
			"has marks apart from their letters: write it in Unicode's form NFC");
}

/* What people must be told: where, when, and how much. */
static void check_needs(
	const struct text_override *override, const struct config_place *place)
{
	const char *text = override->text;

	if (!strstr(text, "{place}") && !strstr(text, "{station}"))
		config_error(place, "text", "must name the {place} or the {station}");
	if (!strstr(text, "{time}") && !strstr(text, "{last}"))
		config_error(place, "text", "must say the {time}");
	/* Of a device there may be no value; of a rule only it knows. */
	if (!strstr(text, "{value}") && override->hazard != HAZARD_DEVICE + 1 &&
		!*override->rule)
		config_error(place, "text", "must say the {value}");
}

static void check(const void *values, const struct config_place *place)
{
	const struct text_override *override = values;

	if (!*override->rule && !override->metric && override->hazard == 0)
		config_error(place, NULL, "needs a rule, a metric or a hazard");
	if (!*override->title && !*override->text && !*override->instruction)
		config_error(place, NULL, "needs a title, a text or an instruction");
	check_text(override->title, "title", TEXTS_TITLE_MAX, place);
	check_text(override->text, "text", TEXTS_BODY_MAX, place);
	check_text(override->instruction, "instruction", TEXTS_BODY_MAX, place);
	if (*override->title && !strstr(override->title, "{place}") &&
		!strstr(override->title, "{station}"))
		config_error(place, "title", "must name the {place} or the {station}");
	if (*override->text)
		check_needs(override, place);
}

const struct option_group text_override_group = {
	.name = "text",
	.options = options,
	.size = sizeof(struct text_override),
	.check = check,
};

void overrides_check(const struct config *config, const struct config_place *place)
{
	const struct option_list *list = &config->alerts.texts;
	const struct text_override *all = list->items;

	for (size_t i = 0; i < list->count; i++) {
		struct config_place here = list->places[i];

		here.errors = place->errors;
		if (!*all[i].rule)
			continue;
		const struct rule *rule = rule_find(&config->alerts.rules, all[i].rule);
		if (!rule)
			config_error(
				&here, "rule", "there is no rule \"%s\"", all[i].rule);
		else if (rule->absent_for == 0 && *all[i].text &&
			!strstr(all[i].text, "{value}"))
			config_error(&here, "text", "must say the {value}");
	}
}

/* --- what is said
 * --------------------------------------------------------------------------- */

/* How particular OVERRIDE is for MESSAGE; 0: it is not meant. */
static int fit(const struct text_override *override, enum text_moment moment,
	const struct message *message)
{
	if (override->moment != (int)moment ||
		strcmp(config_languages[override->language], message->language) != 0)
		return 0;
	if (*override->rule && strcmp(override->rule, message->rule) != 0)
		return 0;
	if (override->metric && strcmp(override->metric->name, message->metric) != 0)
		return 0;
	if (override->hazard && override->hazard != (int)message->hazard + 1)
		return 0;
	return *override->rule ? 3 : override->metric ? 2 : 1;
}

/* Can all of TEMPLATE be filled in? "" is none. */
static bool is_usable(const char *template, const struct message *message)
{
	return *template && !(isnan(message->value) && strstr(template, "{value}")) &&
		!(isnan(message->threshold) && strstr(template, "{threshold}"));
}

/* The best fitting of what is said at OFFSET of an override; NULL: none. */
static const char *find(const struct config *config, enum text_moment moment,
	const struct message *message, size_t offset)
{
	const struct text_override *all = config->alerts.texts.items;
	const char *found = NULL;
	int best = 0;

	for (size_t i = 0; i < config->alerts.texts.count; i++) {
		const char *template =
			*(const char *const *)((const char *)&all[i] + offset);
		int fits = fit(&all[i], moment, message);

		if (fits > best && is_usable(template, message)) {
			best = fits;
			found = template;
		}
	}
	return found;
}

void overrides_apply(const struct config *config, const struct text_about *about,
	struct message *message)
{
	const struct {
		size_t offset;
		char *out;
		size_t size, most;
	} texts[] = {
		{ offsetof(struct text_override, title), message->title,
			sizeof message->title, TEXTS_TITLE_MAX },
		{ offsetof(struct text_override, text), message->text,
			sizeof message->text, TEXTS_BODY_MAX },
		{ offsetof(struct text_override, instruction), message->instruction,
			sizeof message->instruction, TEXTS_BODY_MAX },
	};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		const char *template =
			find(config, about->moment, message, texts[i].offset);

		if (!template && about->moment == TEXT_WORSE)
			template = find(config, TEXT_FIRING, message, texts[i].offset);
		if (template)
			texts_expand(message, about, template, texts[i].out,
				texts[i].size, texts[i].most);
	}
}
