/*
 * What a store's file holds and whether it is whole, in words: for `store check`. Only
 * reads, so it may be in use, moved aside, or damaged.
 */
#ifndef MUABUI_STORE_INSPECT_H
#define MUABUI_STORE_INSPECT_H

#include <stdbool.h>

#include "core/buffer.h"

/* Writes lines about the file at PATH to OUT. True: it is a store, and whole. */
bool inspect_store(const char *path, struct buffer *out);

#endif
