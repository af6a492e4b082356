/*
 * How much of their windows the rain sums of a station stand for. The recorder keeps that
 * to itself and tells it as a flag only; here it is found again from the minutes in which
 * a gauge said something.
 */
#ifndef MUABUI_WEB_RAIN_NOW_H
#define MUABUI_WEB_RAIN_NOW_H

#include "config/config.h"
#include "core/reading.h"
#include "derive/coverage.h"
#include "store/store.h"

enum { RAIN_NOW_GAUGES = 8 };

struct rain_now_gauge {
	char sensor[NAME_SIZE];
	int64_t gap_ms;
	int day_starts; /* minutes after midnight in Viet Nam */
	struct coverage coverage;
};

struct rain_now {
	struct rain_now_gauge gauges[RAIN_NOW_GAUGES];
	size_t count;
};

/*
 * Reads what there is of STATION's gauges before NOW_MS, a few milliseconds for each. 0,
 * or -1 with the reason in store_error(); rain_now_free() is due in any case.
 */
int rain_now_read(struct store *store, const struct config *config, const char *station,
	int64_t now_ms, struct rain_now *rain);
void rain_now_free(struct rain_now *rain);

/*
 * The share of its window, 0..1, that the sum METRIC, told by SENSOR at TIME_MS, stands
 * for; NAN: METRIC is no such sum, or nothing is known of it. What a counter has lost in
 * a moment is not in it: for that the sum has its flag.
 */
double rain_now_completeness(
	struct rain_now *rain, const char *sensor, uint16_t metric, int64_t time_ms);

#endif
