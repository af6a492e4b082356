/* `store export --format tt10`: the station files of a span, into a folder. */
#ifndef MUABUI_OUTPUTS_TT10_EXPORT_H
#define MUABUI_OUTPUTS_TT10_EXPORT_H

#include <stddef.h>
#include <stdint.h>

#include "config/option.h"
#include "store/store.h"

/*
 * Writes the files of the periods that end in (FROM_MS, TO_MS], as the output ITEM (of
 * type "tt10") would send them, into its folders below DIRECTORY, which exists. A file of
 * that name is replaced. Returns how many were written, or -1 with the reason in WHY.
 */
int64_t tt10_export(struct store *store, const struct option_item *item, int64_t from_ms,
	int64_t to_ms, const char *directory, char *why, size_t size);

#endif
