/*
 * Recorded readings as reports: rows of CSV with the columns time, station, sensor,
 * metric and value, in the order of their time (up to ten minutes late as they may arrive
 * late); neighbouring rows of one sensor and time are one report. Of `muabui store
 * export`, which has more columns, the raw value and the instrument's status are taken,
 * and what the gateway derives is left out: it is derived anew.
 */
#ifndef MUABUI_GATEWAY_BACKTEST_ROWS_H
#define MUABUI_GATEWAY_BACKTEST_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/csv.h"
#include "core/reading.h"

enum { BACKTEST_WORDS = 64 };

struct backtest_rows {
	struct csv csv;
	int time, station, sensor, metric, value; /* columns */
	int raw, status;                          /* -1: not there */
	int64_t newest_ms;                        /* of all rows; 0: none yet */
	char time_text[BACKTEST_WORDS];           /* of the row before, read already */
	int64_t time_ms;
	struct report next; /* begun; empty: none */
	bool ended;
	uint64_t readings; /* taken */
	uint64_t derived;  /* left out */
	uint64_t skipped;  /* that cannot be used, each named on stderr, up to a number */
};

/* Takes up IN, called NAME. False with a logged reason; backtest_rows_end() is due. */
bool backtest_rows_begin(struct backtest_rows *rows, FILE *in, const char *name);

/* The next report; false: there are no more. */
bool backtest_rows_next(struct backtest_rows *rows, struct report *report);

void backtest_rows_end(struct backtest_rows *rows);

#endif
