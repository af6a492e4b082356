/* The effective configuration, in the language it is read in. */
#include <limits.h>
#include <math.h>
#include <string.h>

#include "config/config.h"
#include "config/quantity.h"
#include "config/sections.h"
#include "config/value.h"
#include "core/metric.h"
#include "core/number.h"

struct printer {
	struct buffer *out;
	int depth;
};

static void start_line(struct printer *printer)
{
	for (int i = 0; i < printer->depth; i++)
		buffer_putc(printer->out, '\t');
}

static void print_string(struct printer *printer, const char *text)
{
	static const char plain[] = "\"\\\n\r\t\f", letters[] = "\"\\nrtf";

	buffer_putc(printer->out, '"');
	for (; *text; text++) {
		const char *special = strchr(plain, *text);

		if (special)
			buffer_printf(printer->out, "\\%c", letters[special - plain]);
		else if ((unsigned char)*text < 0x20 || *text == 0x7f)
			buffer_printf(printer->out, "\\x%02x", (unsigned)*text);
		else
			buffer_putc(printer->out, *text);
	}
	buffer_putc(printer->out, '"');
}

/* Always with a point, so that every reader sees that it need not be whole. */
static void print_number(struct printer *printer, double number)
{
	char text[NUMBER_TEXT_SIZE];
	size_t mantissa;

	number_format(text, number);
	mantissa = strcspn(text, "eE");
	buffer_append(printer->out, text, mantissa);
	if (!memchr(text, '.', mantissa))
		buffer_puts(printer->out, ".0");
	buffer_puts(printer->out, text + mantissa);
}

static void print_row(
	struct printer *printer, const struct option *option, const void *member)
{
	const struct option_numbers *numbers = member;
	const struct option_strings *strings = member;
	bool is_numbers = option->type == OPTION_NUMBERS;
	size_t count = is_numbers ? numbers->count : strings->count;

	buffer_puts(printer->out, "[ ");
	for (size_t i = 0; i < count; i++) {
		buffer_puts(printer->out, i > 0 ? ", " : "");
		if (is_numbers)
			print_number(printer, numbers->values[i]);
		else
			print_string(printer, strings->values[i]);
	}
	buffer_puts(printer->out, count > 0 ? " ]" : "]");
}

static void print_level(struct printer *printer, const struct option_level *level)
{
	if (level->word)
		print_string(printer, level->word);
	else
		print_number(printer, level->number);
}

static bool text_is_set(const struct option *option, const char *text)
{
	if (!text)
		return false;
	return *text ? value_is_in_range(option, (double)strlen(text))
		     : !option->required;
}

/* Is there anything to print, and would it be taken again? */
static bool is_set(const struct option *option, const void *member)
{
	switch (option->type) {
	case OPTION_NUMBER:
		return isfinite(*(const double *)member) &&
			value_is_in_range(option, *(const double *)member);
	case OPTION_LEVEL:
		return ((const struct option_level *)member)->word ||
			isfinite(((const struct option_level *)member)->number);
	case OPTION_INTEGER:
		return value_is_in_range(option, *(const int *)member);
	case OPTION_DURATION:
	case OPTION_SIZE:
		return value_is_in_range(option, (double)*(const int64_t *)member);
	case OPTION_BOOL:
	case OPTION_CHOICE:
	case OPTION_GROUP:
		return true;
	case OPTION_MAYBE:
		return *(const int *)member != MAYBE_UNSAID;
	case OPTION_METRIC:
		return *(const struct metric *const *)member != NULL;
	case OPTION_NUMBERS:
		return ((const struct option_numbers *)member)->count > 0 ||
			option->fallback;
	case OPTION_STRINGS:
		return ((const struct option_strings *)member)->count > 0 ||
			option->fallback;
	case OPTION_LIST:
	case OPTION_KINDS:
		return option->required ||
			((const struct option_list *)member)->count > 0;
	default:
		return text_is_set(option, *(const char *const *)member);
	}
}

static void print_options(
	struct printer *printer, const struct option *options, const void *values);

/* One element of a list: its options, of a kind with what names it in front. */
static void print_element(
	struct printer *printer, const struct option *option, const void *element)
{
	const struct option_item *item = element;

	if (option->type == OPTION_LIST) {
		print_options(printer, option->group->options, element);
		return;
	}
	start_line(printer);
	buffer_puts(printer->out, "name = ");
	print_string(printer, item->name);
	buffer_puts(printer->out, ";\n");
	start_line(printer);
	buffer_printf(printer->out, "%s = ", option->family->key);
	print_string(printer, item->kind->name);
	buffer_puts(printer->out, ";\n");
	print_options(printer, option->family->common.options, item->common);
	print_options(printer, item->kind->group.options, item->options);
}

static void print_list(struct printer *printer, const struct option *option,
	const struct option_list *list)
{
	size_t size = option->type == OPTION_LIST ? option->group->size
						  : sizeof(struct option_item);

	buffer_puts(printer->out, "(");
	printer->depth++;
	for (size_t i = 0; i < list->count; i++) {
		buffer_puts(printer->out, i > 0 ? ",\n" : "\n");
		start_line(printer);
		buffer_puts(printer->out, "{\n");
		printer->depth++;
		print_element(printer, option, (const char *)list->items + i * size);
		printer->depth--;
		start_line(printer);
		buffer_puts(printer->out, "}");
	}
	printer->depth--;
	if (list->count > 0) {
		buffer_putc(printer->out, '\n');
		start_line(printer);
	} else {
		buffer_putc(printer->out, ' ');
	}
	buffer_putc(printer->out, ')');
}

static void print_group(
	struct printer *printer, const struct option_group *group, const void *values)
{
	buffer_puts(printer->out, "{\n");
	printer->depth++;
	print_options(printer, group->options, values);
	printer->depth--;
	start_line(printer);
	buffer_putc(printer->out, '}');
}

static void print_value(
	struct printer *printer, const struct option *option, const void *member)
{
	char text[QUANTITY_TEXT_SIZE];

	switch (option->type) {
	case OPTION_NUMBER:
		print_number(printer, *(const double *)member);
		break;
	case OPTION_LEVEL:
		print_level(printer, member);
		break;
	case OPTION_INTEGER:
		buffer_printf(printer->out, "%d", *(const int *)member);
		break;
	case OPTION_BOOL:
		buffer_puts(printer->out, *(const bool *)member ? "true" : "false");
		break;
	case OPTION_MAYBE:
		buffer_puts(printer->out,
			*(const int *)member == MAYBE_YES ? "true" : "false");
		break;
	case OPTION_DURATION:
		print_string(printer,
			quantity_format_duration(text, *(const int64_t *)member));
		break;
	case OPTION_SIZE:
		print_string(
			printer, quantity_format_size(text, *(const int64_t *)member));
		break;
	case OPTION_CHOICE:
		print_string(printer, option->choices[*(const int *)member]);
		break;
	case OPTION_METRIC:
		print_string(printer, (*(const struct metric *const *)member)->name);
		break;
	case OPTION_NUMBERS:
	case OPTION_STRINGS:
		print_row(printer, option, member);
		break;
	case OPTION_GROUP:
		print_group(printer, option->group, member);
		break;
	case OPTION_LIST:
	case OPTION_KINDS:
		print_list(printer, option, member);
		break;
	default:
		print_string(printer, *(const char *const *)member);
	}
}

/* A group that was left out and has a key that may not be. */
static bool is_absent(const struct option *option, const void *member)
{
	if (option->type != OPTION_GROUP)
		return false;
	for (const struct option *row = option->group->options; row->name; row++)
		if (row->required && !is_set(row, (const char *)member + row->offset))
			return true;
	return false;
}

static void print_option(
	struct printer *printer, const struct option *option, const void *values)
{
	const void *member = (const char *)values + option->offset;

	if (!is_set(option, member) || is_absent(option, member))
		return;
	start_line(printer);
	buffer_printf(printer->out, "%s = ", option->name);
	print_value(printer, option, member);
	buffer_puts(printer->out, ";\n");
}

static void print_options(
	struct printer *printer, const struct option *options, const void *values)
{
	for (; options && options->name; options++)
		print_option(printer, options, values);
}

void config_print(const struct config *config, struct buffer *out)
{
	struct printer printer = { .out = out };
	struct sections sections;
	size_t start = out->length;

	sections_init(&sections, config->schema);
	for (const struct option *section = sections.rows; section->name; section++) {
		size_t before = out->length;

		if (section->group && section->offset == offsetof(struct config, http) &&
			!config->http.enabled)
			continue;
		if (before > start)
			buffer_putc(out, '\n');
		size_t blank = out->length;
		print_option(&printer, section, config);
		if (out->length == blank)
			buffer_truncate(out, before);
	}
}
