/*
 * Reports without a date: taken while nobody had set the clock. They wait here, as they
 * came, with the boot they are of and its monotonic time, until the gateway can say what
 * time that was (gateway/held.h), outside of everything that reads reports.
 *
 * Those of a boot whose clock was never set cannot be dated by anybody. They stay as
 * long as reports that were stored after them.
 */
#ifndef MUABUI_STORE_UNDATED_H
#define MUABUI_STORE_UNDATED_H

#include <stdint.h>

#include "core/reading.h"
#include "store/store.h"

extern const char undated_schema[];

enum { UNDATED_BOOT_SIZE = 40 };

struct undated {
	int64_t id; /* grows in the order of acceptance */
	char boot[UNDATED_BOOT_SIZE];
	/* Not judged, marked REPORT_CLOCK_UNSET; mono_ms is of that boot, time_ms 0. */
	struct report report;
};

/*
 * Adds a report of SOURCE, as packed by store/codec.h, inside the recorder's transaction.
 * LAST_ID: of the newest report stored before it. 0 or -1.
 */
int undated_add(struct store *store, const char *boot, int64_t source, int64_t mono_ms,
	const uint8_t *packed, size_t length, int64_t last_id);

/*
 * Calls EACH with the reports behind id AFTER, in the order of acceptance, until it
 * returns false. How many, or -1. EACH must not write to the store. Rows that cannot be
 * unpacked are passed over.
 */
int undated_scan(struct store *store, int64_t after,
	bool (*each)(void *arg, const struct undated *undated), void *arg);

/* Removes one; 0 or -1. */
int undated_remove(struct store *store, int64_t id);

/* How many there are of BOOT (NULL: of all boots); -1 on error. */
int64_t undated_count(struct store *store, const char *boot);

/*
 * Retention: removes, of the LIMIT oldest, those of other boots than BOOT, which were
 * there before a report that has been forgotten meanwhile. How many, or -1.
 */
int undated_forget(struct store *store, const char *boot, int limit);

/* Gives up the LIMIT oldest, whatever they are. How many, or -1. */
int undated_drop(struct store *store, int64_t limit);

#endif
