/*
 * How far each output has got: one id of store/reports.h per output, kept by its name.
 */
#ifndef MUABUI_STORE_CURSORS_H
#define MUABUI_STORE_CURSORS_H

#include <stddef.h>
#include <stdint.h>

#include "store/store.h"

/*
 * Outputs other than the COUNT of NAMES are forgotten with their cursors (what they had
 * not had waits for nobody), each with a line in the log; the named that are new have had
 * nothing. 0 or -1.
 */
int store_cursors_keep(struct store *store, const char *const *names, size_t count);

/* How far the output NAME has got (0: nowhere); and moving it. */
int store_cursor_get(struct store *store, const char *name, int64_t *id);
int store_cursor_set(struct store *store, const char *name, int64_t id);

#endif
