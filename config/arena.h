/*
 * Memory that is taken in pieces and freed whole: a configuration lives in one
 * arena, constant once it is loaded.
 */
#ifndef MUABUI_CONFIG_ARENA_H
#define MUABUI_CONFIG_ARENA_H

#include <stddef.h>

struct arena;

/* NULL when memory is out. */
struct arena *arena_new(void);

/* Accepts NULL. */
void arena_free(struct arena *arena);

/* SIZE zeroed bytes (0: an address all the same), aligned for anything; or NULL. */
void *arena_alloc(struct arena *arena, size_t size);

/* COUNT times SIZE zeroed bytes; NULL also when the product overflows. */
void *arena_array(struct arena *arena, size_t count, size_t size);

/* Copies of LENGTH bytes with a NUL behind them, and of a string; or NULL. */
char *arena_copy(struct arena *arena, const char *bytes, size_t length);
char *arena_string(struct arena *arena, const char *text);

#endif
