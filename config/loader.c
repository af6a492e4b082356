#include "config/loader.h"

#include <libconfig.h>
#include <string.h>

#include "config/config.h"
#include "config/keys.h"
#include "config/names.h"
#include "config/place.h"
#include "config/suggest.h"
#include "config/value.h"
#include "core/metric.h"
#include "core/number.h"

/* A list that was read, to find its places again. */
struct loader_list {
	struct loader_list *next;
	const struct option_list *list;
	bool kinds; /* of struct option_item */
};

static const struct option item_options[] = {
	{
		.name = "name",
		.type = OPTION_STRING,
		.offset = offsetof(struct option_item, name),
		.required = true,
		.help = "What it is called, unique in its list.",
	},
	{ .name = NULL },
};

static bool is_broken(const struct loader *loader, const config_setting_t *setting)
{
	return place_token(loader->source, setting)->problem != NULL;
}

/* Grows whenever a value is not what a table promises. */
static size_t mishaps(const struct loader *loader)
{
	return errors_count(loader->errors) + loader->skipped;
}

static void *need(struct loader *loader, void *memory)
{
	if (!memory)
		errors_add(loader->errors, 0, 1, NULL, "out of memory");
	return memory;
}

/* --- values ------------------------------------------------------------ */

static void read_group(struct loader *loader, const config_setting_t *setting,
	const struct option_group *group, void *values);
static void read_list(struct loader *loader, const config_setting_t *setting,
	const struct option *option, struct option_list *list);
static void read_kinds(struct loader *loader, const config_setting_t *setting,
	const struct option *option, struct option_list *list);

static const char *found(const config_setting_t *setting)
{
	switch (config_setting_type(setting)) {
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
	case CONFIG_TYPE_FLOAT:
		return "a number";
	case CONFIG_TYPE_STRING:
		return "text";
	case CONFIG_TYPE_BOOL:
		return "true or false";
	case CONFIG_TYPE_GROUP:
		return "a group";
	default:
		return "a list";
	}
}

static void report_type(
	struct loader *loader, const config_setting_t *setting, enum option_type type)
{
	place_complain(loader->errors, setting, "%s is expected, not %s",
		value_expected(type), found(setting));
}

static void read_number(struct loader *loader, const config_setting_t *setting,
	const struct option *option, void *member)
{
	char why[VALUE_WHY_SIZE];
	double number;

	if (!config_setting_is_number(setting)) {
		report_type(loader, setting,
			option->type == OPTION_NUMBERS ? OPTION_NUMBER : option->type);
		return;
	}
	if (config_setting_type(setting) == CONFIG_TYPE_FLOAT)
		number = config_setting_get_float(setting);
	else
		number = (double)config_setting_get_int64(setting);
	if (!value_set_number(option, number, member, why))
		place_complain(loader->errors, setting, "%s", why);
}

static void read_text(struct loader *loader, const config_setting_t *setting,
	const struct option *option, void *member)
{
	char why[VALUE_WHY_SIZE];

	if (config_setting_type(setting) != CONFIG_TYPE_STRING)
		report_type(loader, setting, option->type);
	else if (!value_set_text(option, loader->arena,
			 config_setting_get_string(setting), member, why))
		place_complain(loader->errors, setting, "%s", why);
}

static void read_level(struct loader *loader, const config_setting_t *setting,
	const struct option *option, struct option_level *level)
{
	if (config_setting_type(setting) != CONFIG_TYPE_STRING) {
		read_number(loader, setting, option, &level->number);
		return;
	}
	const struct option word = { .type = OPTION_STRING, .required = true };
	const char *text = config_setting_get_string(setting);
	double number;

	if (number_scan(text, strlen(text), &number) > 0)
		report_type(loader, setting, OPTION_NUMBER);
	else
		read_text(loader, setting, &word, &level->word);
}

/* Does this configuration declare a metric called NAME, rightly or wrongly? */
static bool is_declared(const struct loader *loader, const char *name)
{
	const struct metric_config *metrics = loader->metrics->items;

	for (size_t i = 0; i < loader->metrics->count; i++)
		if (metrics[i].name && strcmp(metrics[i].name, name) == 0)
			return true;
	return false;
}

static void read_metric(struct loader *loader, const config_setting_t *setting,
	const struct metric **member)
{
	const char *name = config_setting_get_string(setting);
	struct suggestion suggestion;
	char nearest[96];

	if (!name) {
		report_type(loader, setting, OPTION_METRIC);
		return;
	}
	/* Others may have been declared by an earlier configuration. */
	const struct metric *metric = metric_find(name);
	if (is_declared(loader, name) || (metric && metric->id < METRIC_DECLARED)) {
		*member = metric;
		loader->skipped += !metric; /* its declaration is wrong */
		return;
	}
	suggest_init(&suggestion, name);
	for (metric = metric_next(NULL); metric; metric = metric_next(metric))
		if (metric->id < METRIC_DECLARED)
			suggest_try(&suggestion, metric->name);
	const struct metric_config *declared = loader->metrics->items;
	for (size_t i = 0; i < loader->metrics->count; i++)
		suggest_try(&suggestion, declared[i].name);
	place_complain(loader->errors, setting, "unknown metric \"%.40s\"%s", name,
		suggest_text(&suggestion, nearest, sizeof nearest));
}

static bool is_row(const config_setting_t *setting)
{
	return config_setting_is_list(setting) || config_setting_is_array(setting);
}

/* OPTION_NUMBERS and OPTION_STRINGS. */
static void read_row(struct loader *loader, const config_setting_t *setting,
	const struct option *option, void *member)
{
	struct option_numbers *numbers = member;
	struct option_strings *strings = member;
	struct option text = *option;
	size_t count;

	if (!is_row(setting)) {
		report_type(loader, setting, option->type);
		return;
	}
	count = (size_t)config_setting_length(setting);
	if (count == 0 && option->required)
		place_complain(loader->errors, setting, "must not be empty");
	text.type = OPTION_STRING;
	text.required = true;
	double *values = arena_array(loader->arena, count, sizeof *values);
	const char **texts = arena_array(loader->arena, count, sizeof *texts);
	if (!need(loader, values) || !need(loader, texts))
		return;
	for (size_t i = 0; i < count; i++) {
		const config_setting_t *part =
			config_setting_get_elem(setting, (unsigned)i);

		if (is_broken(loader, part))
			loader->skipped++;
		else if (option->type == OPTION_NUMBERS)
			read_number(loader, part, option, &values[i]);
		else
			read_text(loader, part, &text, &texts[i]);
	}
	if (option->type == OPTION_NUMBERS)
		*numbers = (struct option_numbers){ .values = values, .count = count };
	else
		*strings = (struct option_strings){ .values = texts, .count = count };
}

static void read_value(struct loader *loader, const config_setting_t *setting,
	const struct option *option, void *member)
{
	switch (option->type) {
	case OPTION_NUMBER:
	case OPTION_INTEGER:
		read_number(loader, setting, option, member);
		break;
	case OPTION_LEVEL:
		read_level(loader, setting, option, member);
		break;
	case OPTION_BOOL:
		if (config_setting_type(setting) == CONFIG_TYPE_BOOL)
			*(bool *)member = config_setting_get_bool(setting) != 0;
		else
			report_type(loader, setting, option->type);
		break;
	case OPTION_MAYBE:
		if (config_setting_type(setting) == CONFIG_TYPE_BOOL)
			*(int *)member =
				config_setting_get_bool(setting) ? MAYBE_YES : MAYBE_NO;
		else
			report_type(loader, setting, option->type);
		break;
	case OPTION_METRIC:
		read_metric(loader, setting, member);
		break;
	case OPTION_NUMBERS:
	case OPTION_STRINGS:
		read_row(loader, setting, option, member);
		break;
	case OPTION_GROUP:
		read_group(loader, setting, option->group, member);
		break;
	case OPTION_LIST:
		read_list(loader, setting, option, member);
		break;
	case OPTION_KINDS:
		read_kinds(loader, setting, option, member);
		break;
	default:
		read_text(loader, setting, option, member);
	}
}

/* Defaults for all OPTIONS, those of groups in them too. */
static void set_defaults(
	struct loader *loader, const struct option *options, void *values)
{
	for (const struct option *option = options; option && option->name; option++) {
		void *member = (char *)values + option->offset;

		if (option->type == OPTION_GROUP)
			set_defaults(loader, option->group->options, member);
		else if (!value_set_fallback(option, loader->arena, member))
			errors_add(loader->errors, 0, 1, option->name,
				"its default \"%s\" cannot be used", option->fallback);
	}
}

static void read_options(struct loader *loader, const config_setting_t *setting,
	const struct keys *keys, const struct option *options, void *values)
{
	for (const struct option *option = options; option && option->name; option++) {
		const config_setting_t *member =
			config_setting_get_member(setting, option->name);

		if (member && is_broken(loader, member))
			loader->skipped++;
		else if (member)
			read_value(
				loader, member, option, (char *)values + option->offset);
		else if (option->required)
			keys_missing(loader->errors, setting, keys, option->name);
	}
}

static void read_group(struct loader *loader, const config_setting_t *setting,
	const struct option_group *group, void *values)
{
	const struct keys keys = { .tables = { group->options } };
	size_t before = mishaps(loader);

	if (!config_setting_is_group(setting)) {
		report_type(loader, setting, OPTION_GROUP);
		return;
	}
	set_defaults(loader, group->options, values);
	keys_check(loader->errors, setting, &keys);
	read_options(loader, setting, &keys, group->options, values);
	const struct config_place place = place_of(loader->errors, setting);
	if (group->settle)
		group->settle(values, &place);
	if (group->check && mishaps(loader) == before)
		group->check(values, &place);
}

/* --- lists ------------------------------------------------------------- */

/* Takes room for the SIZE-d items of SETTING and fills in where each stands. */
static bool start_list(struct loader *loader, const config_setting_t *setting,
	const struct option *option, struct option_list *list, size_t size)
{
	struct loader_list *note =
		need(loader, arena_alloc(loader->scratch, sizeof *note));

	if (!note)
		return false;
	if (!is_row(setting)) {
		report_type(loader, setting, option->type);
		return false;
	}
	size_t count = (size_t)config_setting_length(setting);
	if (count > LOADER_LIST_MAX) {
		place_complain(
			loader->errors, setting, "more than %d groups", LOADER_LIST_MAX);
		return false;
	}
	/* Nothing configured can be meant by an empty list of what is required. */
	if (count == 0 && option->required && option->type == OPTION_LIST)
		place_complain(loader->errors, setting, "must not be empty");
	list->items = need(loader, arena_array(loader->arena, count, size));
	list->places = need(
		loader, arena_array(loader->arena, count, sizeof(struct config_place)));
	if (!list->items || !list->places)
		return false;
	list->count = count;
	for (size_t i = 0; i < count; i++)
		list->places[i] = place_of(
			loader->errors, config_setting_get_elem(setting, (unsigned)i));
	*note = (struct loader_list){
		.next = loader->lists,
		.list = list,
		.kinds = option->type == OPTION_KINDS,
	};
	loader->lists = note;
	return true;
}

static const struct option *required_name(const struct option_group *group)
{
	for (const struct option *o = group->options; o && o->name; o++)
		if (o->required && o->type == OPTION_STRING &&
			strcmp(o->name, "name") == 0)
			return o;
	return NULL;
}

static void read_list(struct loader *loader, const config_setting_t *setting,
	const struct option *option, struct option_list *list)
{
	const struct option_group *group = option->group;
	const struct option *name = required_name(group);

	if (!start_list(loader, setting, option, list, group->size))
		return;
	for (size_t i = 0; i < list->count; i++)
		read_group(loader, list->places[i].setting, group,
			(char *)list->items + i * group->size);
	if (name)
		names_check(list, group->size, name->offset);
}

static bool is_called(const struct option_kind *kind, const char *name)
{
	if (strcmp(kind->name, name) == 0)
		return true;
	for (const char *const *alias = kind->aliases; alias && *alias; alias++)
		if (strcmp(*alias, name) == 0)
			return true;
	return false;
}

/* The kind the group names; NULL when it names none, which is reported. */
static const struct option_kind *read_kind(struct loader *loader,
	const config_setting_t *setting, const struct option_family *family)
{
	const struct keys keys = {
		.tables = { item_options, family->common.options },
		.extra = family->key,
	};
	const config_setting_t *member = config_setting_get_member(setting, family->key);
	struct suggestion suggestion;
	char nearest[96];

	if (!member) {
		keys_missing(loader->errors, setting, &keys, family->key);
		return NULL;
	}
	if (is_broken(loader, member)) {
		loader->skipped++;
		return NULL;
	}
	const char *name = config_setting_get_string(member);
	if (!name) {
		report_type(loader, member, OPTION_CHOICE);
		return NULL;
	}
	suggest_init(&suggestion, name);
	for (const struct option_kind *const *kind = family->kinds; *kind; kind++) {
		if (is_called(*kind, name))
			return *kind;
		suggest_try(&suggestion, (*kind)->name);
		for (const char *const *a = (*kind)->aliases; a && *a; a++)
			suggest_try(&suggestion, *a);
	}
	place_complain(loader->errors, member, "unknown %s \"%.40s\"%s", family->noun,
		name, suggest_text(&suggestion, nearest, sizeof nearest));
	return NULL;
}

static void read_item(struct loader *loader, const config_setting_t *setting,
	const struct option_family *family, struct option_item *item)
{
	size_t before = mishaps(loader);

	item->place = place_of(loader->errors, setting);
	if (!config_setting_is_group(setting)) {
		report_type(loader, setting, OPTION_GROUP);
		return;
	}
	item->kind = read_kind(loader, setting, family);
	const struct option_group *own = item->kind ? &item->kind->group : NULL;
	item->common = need(loader, arena_alloc(loader->arena, family->common.size));
	item->options = need(loader, arena_alloc(loader->arena, own ? own->size : 0));
	if (!item->common || !item->options)
		return;
	const struct keys keys = {
		.tables = { item_options, family->common.options,
			own ? own->options : NULL },
		.extra = family->key,
		.partial = !own, /* nobody can tell the kind's keys */
		.noun = own ? family->noun : NULL,
		.word = own ? item->kind->name : NULL,
	};
	keys_check(loader->errors, setting, &keys);
	set_defaults(loader, family->common.options, item->common);
	read_options(loader, setting, &keys, item_options, item);
	read_options(loader, setting, &keys, family->common.options, item->common);
	if (own) {
		set_defaults(loader, own->options, item->options);
		read_options(loader, setting, &keys, own->options, item->options);
	}
	if (mishaps(loader) != before)
		return;
	if (family->common.check)
		family->common.check(item->common, &item->place);
	if (own->check)
		own->check(item->options, &item->place);
}

static void read_kinds(struct loader *loader, const config_setting_t *setting,
	const struct option *option, struct option_list *list)
{
	struct option_item *items;

	if (!start_list(loader, setting, option, list, sizeof *items))
		return;
	items = list->items;
	for (size_t i = 0; i < list->count; i++)
		read_item(loader, list->places[i].setting, option->family, &items[i]);
	names_check(list, sizeof *items, offsetof(struct option_item, name));
}

/* --- the whole --------------------------------------------------------- */

void loader_read(struct loader *loader, const config_setting_t *root,
	const struct option_group *group, void *values)
{
	read_group(loader, root, group, values);
}

struct config_place loader_place(
	const struct loader *loader, const config_setting_t *root)
{
	return place_of(loader->errors, root);
}

void loader_finish(struct loader *loader)
{
	for (const struct loader_list *note = loader->lists; note; note = note->next) {
		struct option_item *items = note->kinds ? note->list->items : NULL;

		for (size_t i = 0; i < note->list->count; i++) {
			note->list->places[i].errors = NULL;
			note->list->places[i].setting = NULL;
			if (items)
				items[i].place = note->list->places[i];
		}
	}
	loader->lists = NULL;
}
