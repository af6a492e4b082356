/*
 * What is wrong with a configuration, collected while it is read and written
 * out at once, in the order of the files and lines.
 */
#ifndef MUABUI_CONFIG_ERRORS_H
#define MUABUI_CONFIG_ERRORS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "config/arena.h"
#include "config/text.h"
#include "core/buffer.h"

enum { ERRORS_MAX = 1000 }; /* more are only counted */

struct config_fault {
	size_t file; /* number in the source */
	int line;
	const char *text; /* "key: why" */
};

struct config_errors {
	struct arena *arena;       /* for the texts */
	const struct text *source; /* names the files */
	struct config_fault *faults;
	size_t count, capacity;
	size_t dropped; /* beyond ERRORS_MAX, or for want of memory */
};

/* ARENA and SOURCE must outlive ERRORS. */
void errors_init(
	struct config_errors *errors, struct arena *arena, const struct text *source);

/* KEY NULL: the text stands alone. Control characters in the text become '?'. */
void errors_add(struct config_errors *errors, size_t file, int line, const char *key,
	const char *format, ...) __attribute__((format(printf, 5, 6)));
void errors_vadd(struct config_errors *errors, size_t file, int line, const char *key,
	const char *format, va_list args) __attribute__((format(printf, 5, 0)));

/* How many there are, the dropped ones too. */
size_t errors_count(const struct config_errors *errors);

/* Is there one at this line? */
bool errors_has_line(const struct config_errors *errors, size_t file, int line);

/* Sorts them and appends one line for each to OUT; the same line twice is one. */
void errors_write(struct config_errors *errors, struct buffer *out);

void errors_free(struct config_errors *errors);

#endif
