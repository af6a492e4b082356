/*
 * A growing byte buffer with a ceiling given at the start: nothing that comes
 * from outside can make it larger. A failed append marks the buffer, so that
 * a chain of appends is checked once, at its end.
 */
#ifndef MUABUI_CORE_BUFFER_H
#define MUABUI_CORE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

struct buffer {
	char *data; /* always NUL-terminated once anything was appended */
	size_t length;
	size_t capacity;
	size_t limit; /* the most bytes it may hold */
	bool failed;  /* limit met or memory out: contents are cut */
};

/* LIMIT in bytes. No memory is taken yet. */
void buffer_init(struct buffer *buffer, size_t limit);

/* Frees the memory; the buffer may be used again. Accepts a zeroed one. */
void buffer_free(struct buffer *buffer);

/* Forgets contents and failure, keeps the memory. */
void buffer_clear(struct buffer *buffer);

/* Room for LENGTH more bytes at the end, to be taken by buffer_advance(); NULL: failed.
 */
char *buffer_reserve(struct buffer *buffer, size_t length);
void buffer_advance(struct buffer *buffer, size_t length);

void buffer_append(struct buffer *buffer, const void *bytes, size_t length);
void buffer_puts(struct buffer *buffer, const char *text);
void buffer_putc(struct buffer *buffer, char c);
void buffer_printf(struct buffer *buffer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The contents as a string; "" when empty. Valid until the next change. */
const char *buffer_text(const struct buffer *buffer);

/* Cuts the contents back to LENGTH bytes. */
void buffer_truncate(struct buffer *buffer, size_t length);

#endif
