#include "config/errors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 512 };

void errors_init(
	struct config_errors *errors, struct arena *arena, const struct text *source)
{
	*errors = (struct config_errors){ .arena = arena, .source = source };
}

void errors_free(struct config_errors *errors)
{
	free(errors->faults);
	errors_init(errors, errors->arena, errors->source);
}

static bool make_room(struct config_errors *errors)
{
	if (errors->count >= ERRORS_MAX)
		return false;
	if (errors->count < errors->capacity)
		return true;
	size_t capacity = errors->capacity ? errors->capacity * 2 : 32;
	struct config_fault *faults =
		reallocarray(errors->faults, capacity, sizeof *faults);
	if (!faults)
		return false;
	errors->faults = faults;
	errors->capacity = capacity;
	return true;
}

void errors_vadd(struct config_errors *errors, size_t file, int line, const char *key,
	const char *format, va_list args)
{
	char text[TEXT_MAX];
	int start = 0;

	if (key)
		start = snprintf(text, sizeof text, "%s: ", key);
	if (start >= 0 && (size_t)start < sizeof text)
		vsnprintf(text + start, sizeof text - (size_t)start, format, args);
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	char *copy = make_room(errors) ? arena_string(errors->arena, text) : NULL;
	if (!copy) {
		errors->dropped++;
		return;
	}
	errors->faults[errors->count++] = (struct config_fault){
		.file = file,
		.line = line,
		.text = copy,
	};
}

void errors_add(struct config_errors *errors, size_t file, int line, const char *key,
	const char *format, ...)
{
	va_list args;

	va_start(args, format);
	errors_vadd(errors, file, line, key, format, args);
	va_end(args);
}

size_t errors_count(const struct config_errors *errors)
{
	return errors->count + errors->dropped;
}

bool errors_has_line(const struct config_errors *errors, size_t file, int line)
{
	for (size_t i = 0; i < errors->count; i++)
		if (errors->faults[i].file == file && errors->faults[i].line == line)
			return true;
	return false;
}

static int compare_places(const void *a, const void *b)
{
	const struct config_fault *x = a, *y = b;

	if (x->file != y->file)
		return x->file < y->file ? -1 : 1;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	return strcmp(x->text, y->text);
}

void errors_write(struct config_errors *errors, struct buffer *out)
{
	const struct config_fault *last = NULL;

	if (errors->count > 1)
		qsort(errors->faults, errors->count, sizeof *errors->faults,
			compare_places);
	for (size_t i = 0; i < errors->count; i++) {
		const struct config_fault *fault = &errors->faults[i];

		if (last && compare_places(last, fault) == 0)
			continue;
		last = fault;
		buffer_printf(out, "%s:%d: %s\n", text_file(errors->source, fault->file),
			fault->line, fault->text);
	}
	if (errors->dropped > 0)
		buffer_printf(out, "%s:1: %zu more errors are not shown\n",
			text_file(errors->source, 0), errors->dropped);
}
