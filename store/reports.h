/*
 * The reports in the store: appended by the recorder, read in the order of acceptance by
 * whoever sends or counts them, removed by retention. Functions return 0, or -1 with the
 * reason in store_error().
 */
#ifndef MUABUI_STORE_REPORTS_H
#define MUABUI_STORE_REPORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/reading.h"
#include "store/store.h"

struct stored_report {
	int64_t id;     /* rowid; grows in the order of acceptance */
	int64_t source; /* number of station + sensor; stands for the two names */
	struct report report;
};

/*
 * The number of a station's sensor, given to it at first sight, inside the recorder's
 * transaction. After a rollback it has to be asked for again.
 */
int store_source(
	struct store *store, const char *station, const char *sensor, int64_t *source);

/*
 * Appends a report of SOURCE, as packed by store/codec.h, inside the recorder's
 * transaction; its id to ID (may be NULL).
 */
int store_append(struct store *store, int64_t source, int64_t time_ms,
	const uint8_t *packed, size_t length, int64_t *id);

/* What store_append() is given of one report. */
struct store_row {
	int64_t source, time_ms;
	const uint8_t *packed;
	size_t length;
};

enum { STORE_ROWS = 16 }; /* appended at once at best */

/*
 * The same for COUNT reports in this order, in one go where they are STORE_ROWS, which
 * costs half. The id of the last to LAST_ID. After -1 some may have been appended: the
 * transaction is to be rolled back.
 */
int store_append_rows(struct store *store, const struct store_row *rows, size_t count,
	int64_t *last_id);

/* The id of the newest report, 0 in an empty store. */
int64_t store_last_id(struct store *store);

/*
 * Calls EACH with the reports after id AFTER, oldest first, at most LIMIT, until it
 * returns false. Returns how many were handed over, -1 on error; fewer than LIMIT, unless
 * EACH ended it: there are no more. EACH must not call store_scan() again. The report is
 * only valid during the call. Rows that cannot be unpacked are skipped (and the log
 * says the first of them); an id that is not behind the one before, or beyond the
 * newest, would send a cursor astray: the file is damaged then.
 */
int store_scan(struct store *store, int64_t after, int limit,
	bool (*each)(void *arg, const struct stored_report *stored), void *arg);

/*
 * Removes at most LIMIT of the oldest reports older than BEFORE_MS. Returns how many,
 * -1 on error. A part of retention that never takes long.
 */
int store_forget(struct store *store, int64_t before_ms, int limit);

/* Writes the names and units of all metrics, for those who read the file without us. */
int store_write_metrics(struct store *store);

#endif
