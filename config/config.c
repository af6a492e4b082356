#include "config/config.h"

#include <libconfig.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/arena.h"
#include "config/errors.h"
#include "config/loader.h"
#include "config/scan.h"
#include "config/sections.h"
#include "config/text.h"

enum {
	TREE_TEXT_MAX = 8 * 1024 * 1024, /* several times what a source may hold */
};

/* What is only needed while loading. */
struct loading {
	struct config *config;
	struct arena *scratch;
	struct text source;
	struct config_errors errors;
	struct sections sections;
	config_t tree;
};

static void report_syntax(struct loading *loading, size_t at, const char *text)
{
	const struct text *source = &loading->source;
	const struct token *token;

	if (source->count == 0)
		return;
	token = &source->tokens[at < source->count ? at : source->count - 1];
	/* Something was wrong with this line already; the rest follows from it. */
	if (!errors_has_line(&loading->errors, token->file, token->line))
		errors_add(&loading->errors, token->file, token->line, NULL,
			"syntax error: %s", text);
}

/* libconfig does not say what it stumbled over, only where. */
static void report_stumble(struct loading *loading, size_t at)
{
	char text[96] = "the file ends too early";

	if (at < loading->source.count) {
		const struct token *token = &loading->source.tokens[at];
		bool is_text = token->type == TOKEN_STRING;
		int length = token->length > 40 ? 40 : (int)token->length;

		snprintf(text, sizeof text, "%s%.*s%s is not expected here",
			is_text ? "a text" : "'", is_text ? 0 : length, token->text,
			is_text ? "" : "'");
	}
	report_syntax(loading, at, text);
}

/* Makes libconfig's tree of the source. False when there is none. */
static bool parse(struct loading *loading)
{
	struct scan_fault fault;
	struct buffer text;

	scan_check(&loading->source, &loading->errors, &fault);
	buffer_init(&text, TREE_TEXT_MAX);
	scan_write(&loading->source, &text);
	if (text.failed)
		errors_add(&loading->errors, 0, 1, NULL, "out of memory");
	bool whole =
		!text.failed && config_read_string(&loading->tree, buffer_text(&text));
	size_t at = whole ? SIZE_MAX : (size_t)config_error_line(&loading->tree) - 1;
	buffer_free(&text);
	/* Of the two the first mistake is the cause; it may be the same. */
	if (*fault.text && fault.token <= at)
		report_syntax(loading, fault.place, fault.text);
	else if (!whole)
		report_stumble(loading, at);
	return whole && !*fault.text;
}

static void attach(const struct option_list *list, const struct config *config)
{
	const struct option_item *items = list->items;

	for (size_t i = 0; i < list->count; i++)
		if (items[i].kind->attach)
			items[i].kind->attach(items[i].options, items[i].name, config);
}

static void read_tree(struct loading *loading, const struct config_schema *schema)
{
	struct config *config = loading->config;
	const config_setting_t *root = config_root_setting(&loading->tree);
	struct loader loader = {
		.arena = config->arena,
		.scratch = loading->scratch,
		.errors = &loading->errors,
		.source = &loading->source,
		.metrics = &config->metrics,
	};

	loader_read(&loader, root, &loading->sections.root, config);
	config->http.enabled = config_setting_get_member(root, "http") != NULL;
	if (!config->station.name || !*config->station.name)
		config->station.name = config->station.id;
	const struct config_place place = loader_place(&loader, root);
	if (schema->check && errors_count(&loading->errors) == 0)
		schema->check(config, &place);
	loader_finish(&loader);
	if (errors_count(&loading->errors) > 0)
		return;
	attach(&config->sensors, config);
	attach(&config->outputs, config);
	attach(&config->alerts.channels, config);
}

static struct config *load(const char *name, const char *text,
	const struct config_schema *schema, struct buffer *errors)
{
	struct loading loading = { .scratch = arena_new() };
	struct arena *arena = arena_new();
	struct config *config = arena ? arena_alloc(arena, sizeof *config) : NULL;
	bool good = false;

	if (!loading.scratch || !config) {
		buffer_printf(errors, "%s:1: out of memory\n", name);
		goto free_arenas;
	}
	config->arena = arena;
	config->schema = schema;
	loading.config = config;
	config_init(&loading.tree);
	sections_init(&loading.sections, schema);
	text_init(&loading.source, loading.scratch, arena);
	errors_init(&loading.errors, loading.scratch, &loading.source);
	if (text)
		text_read_text(
			&loading.source, name, text, strlen(text), &loading.errors);
	else
		text_read_file(&loading.source, name, &loading.errors);
	if ((loading.source.count > 0 || errors_count(&loading.errors) == 0) &&
		parse(&loading))
		read_tree(&loading, schema);
	good = errors_count(&loading.errors) == 0;
	errors_write(&loading.errors, errors);
	errors_free(&loading.errors);
	text_free(&loading.source);
	config_destroy(&loading.tree);
free_arenas:
	arena_free(loading.scratch);
	if (good)
		return config;
	arena_free(arena);
	return NULL;
}

struct config *config_load(
	const char *file, const struct config_schema *schema, struct buffer *errors)
{
	return load(file, NULL, schema, errors);
}

struct config *config_load_text(const char *name, const char *text,
	const struct config_schema *schema, struct buffer *errors)
{
	return load(name, text, schema, errors);
}

void config_free(struct config *config)
{
	if (config)
		arena_free(config->arena);
}
