/* Reports of a store as CSV or line protocol: `store export`. */
#ifndef MUABUI_GATEWAY_EXPORT_H
#define MUABUI_GATEWAY_EXPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "store/store.h"

struct export_choice {
	int64_t from_ms, to_ms;                /* FROM up to, not including, TO */
	const char *station, *sensor, *metric; /* NULL: all */
	bool lines;                            /* line protocol, else CSV */
};

/*
 * Writes the reports of CHOICE to OUT in the order they were stored. CSV has a line per
 * reading, time,station,sensor,metric,value,raw,flag,status. Rows in pages that cannot be
 * read are passed over. False, with a logged reason: not all could be read or written.
 */
bool export_reports(struct store *store, const struct export_choice *choice, FILE *out);

#endif
