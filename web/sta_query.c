#include "web/sta_query.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "web/route.h"

/* --- the path -------------------------------------------------------------------------
 */

/* "('id')", or "(1)", behind the name. */
static bool take_id(struct sta_segment *segment, const char *text)
{
	size_t length = strlen(text), used = 0;

	if (length < 3 || text[0] != '(' || text[length - 1] != ')')
		return false;
	bool quoted = text[1] == '\'';
	const char *from = text + 1 + quoted, *end = text + length - 1 - quoted;
	if (quoted && (length < 5 || *end != '\''))
		return false;
	for (; from < end && used + 1 < STA_ID_SIZE; from++) {
		if (*from == '\'' && (!quoted || ++from == end || *from != '\''))
			return false;
		segment->id[used++] = *from;
	}
	segment->id[used] = '\0';
	segment->has_id = used > 0;
	return segment->has_id && from == end;
}

static bool take_segment(struct sta_segment *segment, const char *text, size_t length)
{
	char decoded[STA_ID_SIZE + STA_NAME_SIZE];

	*segment = (struct sta_segment){ .has_id = false };
	if (!web_decode(text, length, decoded, sizeof decoded))
		return false;
	size_t name = strcspn(decoded, "(");
	if (name == 0 || name >= STA_NAME_SIZE)
		return false;
	memcpy(segment->name, decoded, name);
	segment->name[name] = '\0';
	return !decoded[name] || take_id(segment, decoded + name);
}

bool sta_path_parse(struct sta_path *path, const char *text)
{
	path->count = 0;
	while (*text) {
		size_t length = strcspn(text, "/");
		if (path->count == STA_SEGMENTS ||
			!take_segment(&path->segments[path->count++], text, length))
			return false;
		text += length;
		/* A slash at the end says nothing. */
		if (*text)
			text++;
	}
	return true;
}

/* --- the options ----------------------------------------------------------------------
 */

static bool fail(char *why, const char *name, const char *what)
{
	snprintf(why, STA_WHY_SIZE, "%s: %s.", name, what);
	return false;
}

static bool take_number(
	const char *name, const char *value, int most, int *number, char *why)
{
	char *end;
	long parsed = strtol(value, &end, 10);

	if (*value < '0' || *value > '9' || *end || parsed > most) {
		snprintf(why, STA_WHY_SIZE, "%s is a whole number, %d at most.", name,
			most);
		return false;
	}
	*number = (int)parsed;
	return true;
}

static bool take_name(const char *text, size_t length, char name[static STA_NAME_SIZE])
{
	while (length > 0 && *text == ' ') {
		text++;
		length--;
	}
	while (length > 0 && text[length - 1] == ' ')
		length--;
	if (length == 0 || length >= STA_NAME_SIZE)
		return false;
	memcpy(name, text, length);
	name[length] = '\0';
	return !strpbrk(name, " ()';=,");
}

static bool take_order(struct sta_options *options, const char *value, char *why)
{
	size_t length = strcspn(value, " ,");
	const char *rest = value + length + strspn(value + length, " ");

	options->descending = strcmp(rest, "desc") == 0;
	if (!take_name(value, length, options->order) ||
		(*rest && !options->descending && strcmp(rest, "asc") != 0))
		return fail(why, "$orderby", "it is one property, and asc or desc");
	return true;
}

static bool take_selected(struct sta_options *options, const char *value, char *why)
{
	for (;;) {
		size_t length = strcspn(value, ",");
		if (options->selected_count == STA_SELECTED ||
			!take_name(value, length,
				options->selected[options->selected_count++]))
			return fail(why, "$select", "it is some names by comma");
		if (!value[length])
			return true;
		value += length + 1;
	}
}

static bool take_option(struct sta_query *query, struct sta_options *options, int depth,
	const char *name, const char *value, char *why);

/* The length of what goes up to SEPARATOR outside of parentheses and texts. */
static size_t part_length(const char *text, char separator)
{
	size_t length = 0;
	int open = 0;
	bool quoted = false;

	for (; text[length]; length++) {
		char c = text[length];
		if (c == '\'')
			quoted = !quoted;
		else if (!quoted && c == '(')
			open++;
		else if (!quoted && c == ')')
			open--;
		else if (!quoted && open <= 0 && c == separator)
			break;
	}
	return length;
}

/* "$select=name;$top=5", what stands in an expansion's parentheses. */
static bool take_inner(struct sta_query *query, struct sta_options *options, int depth,
	const char *text, size_t length, char *why)
{
	char copy[STA_FILTER_TEXT], *at = copy;

	if (length >= sizeof copy)
		return fail(why, "$expand", "it is too long");
	memcpy(copy, text, length);
	copy[length] = '\0';
	while (*at) {
		size_t part = part_length(at, ';');
		bool is_last = at[part] == '\0';
		at[part] = '\0';
		char *equals = strchr(at, '=');
		if (!equals)
			return fail(why, "$expand", "an option has no value");
		*equals = '\0';
		if (!take_option(query, options, depth, at, equals + 1, why))
			return false;
		at += part + !is_last;
	}
	return true;
}

static void set_defaults(struct sta_options *options)
{
	*options = (struct sta_options){ .top = STA_TOP, .filter = { .root = -1 } };
}

/* The expansion NAME of OPTIONS, made if need be; NULL: there are too many. */
static struct sta_expand *add_expand(
	struct sta_query *query, struct sta_options *options, const char *name)
{
	for (size_t i = 0; i < options->expanded_count; i++) {
		struct sta_expand *expand = &query->expands[options->expanded[i]];
		if (strcmp(expand->name, name) == 0)
			return expand;
	}
	if (options->expanded_count == STA_EXPANDED ||
		query->expand_count == STA_EXPAND_ALL)
		return NULL;
	options->expanded[options->expanded_count++] = (int)query->expand_count;
	struct sta_expand *expand = &query->expands[query->expand_count++];
	set_defaults(&expand->options);
	snprintf(expand->name, sizeof expand->name, "%s", name);
	return expand;
}

/* "Datastreams/ObservedProperty($select=name)": what is behind a slash is within. */
static bool take_one_expand(struct sta_query *query, struct sta_options *options,
	int depth, const char *text, size_t length, char *why)
{
	size_t slash = part_length(text, '/');
	size_t level = slash < length ? slash : length;
	size_t named = 0;
	char name[STA_NAME_SIZE];

	while (named < level && text[named] != '(')
		named++;
	if (depth == STA_EXPAND_DEPTH)
		return fail(why, "$expand", "it is too deep");
	if (!take_name(text, named, name))
		return fail(why, "$expand", "it is some names by comma");
	struct sta_expand *expand = add_expand(query, options, name);
	if (!expand)
		return fail(why, "$expand", "that is too much at once");
	if (named < level &&
		(text[level - 1] != ')' ||
			!take_inner(query, &expand->options, depth + 1, text + named + 1,
				level - named - 2, why)))
		return *why ? false : fail(why, "$expand", "a parenthesis is missing");
	return slash >= length ||
		take_one_expand(query, &expand->options, depth + 1, text + slash + 1,
			length - slash - 1, why);
}

static bool take_expands(struct sta_query *query, struct sta_options *options, int depth,
	const char *value, char *why)
{
	for (;;) {
		size_t length = part_length(value, ',');
		if (!take_one_expand(query, options, depth, value, length, why))
			return false;
		if (!value[length])
			return true;
		value += length + 1;
	}
}

static bool take_option(struct sta_query *query, struct sta_options *options, int depth,
	const char *name, const char *value, char *why)
{
	if (strcmp(name, "$top") == 0) {
		options->has_top = true;
		return take_number(name, value, STA_TOP_MAX, &options->top, why);
	}
	if (strcmp(name, "$skip") == 0)
		return take_number(name, value, STA_SKIP_MAX, &options->skip, why);
	if (strcmp(name, "$count") == 0) {
		options->count = strcmp(value, "true") == 0;
		return options->count || strcmp(value, "false") == 0 ||
			fail(why, name, "it is true or false");
	}
	if (strcmp(name, "$orderby") == 0)
		return take_order(options, value, why);
	if (strcmp(name, "$select") == 0)
		return take_selected(options, value, why);
	if (strcmp(name, "$filter") == 0)
		return sta_filter_parse(&options->filter, value, why);
	if (strcmp(name, "$expand") == 0)
		return take_expands(query, options, depth, value, why);
	return fail(why, "$expand", "an option in it is unknown");
}

bool sta_query_init(struct sta_query *query)
{
	*query = (struct sta_query){ .expand_count = 0 };
	set_defaults(&query->options);
	query->expands = calloc(STA_EXPAND_ALL, sizeof *query->expands);
	return query->expands != NULL;
}

void sta_query_free(struct sta_query *query)
{
	free(query->expands);
	query->expands = NULL;
}

bool sta_query_take(struct sta_query *query, const char *name, const char *value,
	char why[static STA_WHY_SIZE])
{
	why[0] = '\0';
	return take_option(query, &query->options, 0, name, value, why);
}

const struct sta_expand *sta_query_expanded(const struct sta_query *query,
	const struct sta_options *options, const char *name)
{
	for (size_t i = 0; i < options->expanded_count; i++)
		if (strcmp(query->expands[options->expanded[i]].name, name) == 0)
			return &query->expands[options->expanded[i]];
	return NULL;
}

bool sta_query_selects(const struct sta_options *options, const char *name)
{
	for (size_t i = 0; i < options->selected_count; i++)
		if (strcmp(options->selected[i], name) == 0 ||
			(strcmp(options->selected[i], "id") == 0 &&
				strcmp(name, "@iot.id") == 0))
			return true;
	return options->selected_count == 0;
}
