/*
 * A station's VN_AQI of the newest hour that is over, out of what is in memory: for lists
 * of a thousand stations, where asking the store for each (web/air_now.h) would take a
 * second. Pure.
 */
#ifndef MUABUI_WEB_INDEX_NOW_H
#define MUABUI_WEB_INDEX_NOW_H

#include <stdbool.h>
#include <stdint.h>

#include "core/json.h"
#include "derive/air_hours.h"
#include "store/latest.h"

struct index_now {
	int64_t end_ms; /* of the hour; 0: there is none that may be shown */
	int value;
	int level;          /* 1 (good) to 6 (hazardous) */
	bool has_pollutant; /* whose sub-index it is */
	enum air_pollutant pollutant;
	bool indicative; /* of low-cost sensors */
};

/*
 * SOURCE is a station's INDEX_SENSOR. The sub-indices follow from the hour's means, which
 * are told with the index. An hour that ended more than AIR_NOW_OLD_MS before NOW_MS is
 * none.
 */
void index_now_read(
	const struct latest_source *source, int64_t now_ms, struct index_now *index);

/*
 * Writes the member "index": null, or {metric, value, level, colour, pollutant, hour,
 * provisional, indicative}, and where it is not SHORT also category {vi, en} and advice
 * {general, sensitive}: names for what Decision 1459 advises at that level, for everybody
 * and for those who are sensitive.
 */
void index_now_json(struct json *json, const struct index_now *index, bool is_short);

#endif
