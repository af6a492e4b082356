/* The option tables as text for people. */

#include "config/config.h"
#include "config/sections.h"
#include "config/value.h"

enum { MAX_DEPTH = 6 };

static const char *const type_names[] = {
	[OPTION_STRING] = "text",
	[OPTION_PATH] = "path",
	[OPTION_SECRET] = "file with a secret",
	[OPTION_URL] = "address",
	[OPTION_NUMBER] = "number",
	[OPTION_LEVEL] = "number or name",
	[OPTION_INTEGER] = "whole number",
	[OPTION_BOOL] = "true or false",
	[OPTION_MAYBE] = "true or false",
	[OPTION_DURATION] = "duration",
	[OPTION_SIZE] = "size",
	[OPTION_CHOICE] = "one of",
	[OPTION_METRIC] = "metric",
	[OPTION_NUMBERS] = "[ numbers ]",
	[OPTION_STRINGS] = "[ texts ]",
	[OPTION_GROUP] = "{ group }",
	[OPTION_LIST] = "( { … }, … )",
	[OPTION_KINDS] = "( { … }, … )",
};

static void indent(struct buffer *out, int depth)
{
	for (int i = 0; i < depth; i++)
		buffer_puts(out, "  ");
}

static void help_choices(const struct option *option, struct buffer *out)
{
	for (const char *const *choice = option->choices; choice && *choice; choice++)
		buffer_printf(out, "%s %s%s", choice > option->choices ? "," : "",
			*choice, option->type == OPTION_URL ? "://" : "");
}

static void help_default(const struct option *option, struct buffer *out)
{
	if (option->required)
		buffer_puts(out, "; required");
	else if (option->fallback && *option->fallback)
		buffer_printf(out, "; default %s", option->fallback);
}

static void help_options(const struct option *options, int depth, struct buffer *out);

static void help_family(const struct option_family *family, int depth, struct buffer *out)
{
	indent(out, depth);
	buffer_puts(
		out, "name: text; required. What it is called, unique in its list.\n");
	indent(out, depth);
	buffer_printf(out, "%s: one of the following; required. The %s.\n", family->key,
		family->noun);
	help_options(family->common.options, depth, out);
	for (const struct option_kind *const *kind = family->kinds; *kind; kind++) {
		indent(out, depth);
		buffer_printf(out, "%s = \"%s\"", family->key, (*kind)->name);
		for (const char *const *a = (*kind)->aliases; a && *a; a++)
			buffer_printf(out, " or \"%s\"", *a);
		buffer_printf(out, ": %s\n", (*kind)->summary ? (*kind)->summary : "");
		help_options((*kind)->group.options, depth + 1, out);
	}
}

static void help_option(const struct option *option, int depth, struct buffer *out)
{
	char range[VALUE_RANGE_SIZE];

	indent(out, depth);
	buffer_printf(out, "%s: %s", option->name, type_names[option->type]);
	if (option->type == OPTION_CHOICE || option->type == OPTION_URL)
		help_choices(option, out);
	value_range_text(option, range);
	if (*range)
		buffer_printf(out, ", %s", range);
	else if (option->unit)
		buffer_printf(out, " in %s", option->unit);
	help_default(option, out);
	buffer_printf(out, ". %s\n", option->help ? option->help : "");
	if (depth >= MAX_DEPTH)
		return;
	if (option->group)
		help_options(option->group->options, depth + 1, out);
	if (option->family)
		help_family(option->family, depth + 1, out);
}

static void help_options(const struct option *options, int depth, struct buffer *out)
{
	for (; options && options->name; options++)
		help_option(options, depth, out);
}

void config_help(const struct config_schema *schema, struct buffer *out)
{
	struct sections sections;

	sections_init(&sections, schema);
	for (const struct option *section = sections.rows; section->name; section++) {
		buffer_puts(out, section > sections.rows ? "\n" : "");
		help_option(section, 0, out);
	}
}
