/*
 * GET /api/v1/stations/{id}/history (and history.csv, or Accept: text/csv): what was
 * measured, in equal steps, out of the minutes and hours in the store.
 *
 *   metric   one or more, by comma
 *   sensor   only this one of the station's; all unless told
 *   from, to RFC 3339; (from, to]. Unless told: the 24 hours up to now
 *   step     "1m" … "30m", "1h" … "12h", "1d" … "31d", or "auto" (the default: at most
 * 600 steps)
 *
 * An object {station, name, from, to, step, step_s, times, series}: times are the ends of
 * the steps, and every series {sensor, metric, unit, aggregate, values, min, max,
 * completeness} has arrays that go along them; null is a gap. "aggregate" says what
 * values are: "mean", "sum" (rain that fell), "max" (sums over a window, counters) or
 * "none" (directions). Only values that passed quality control are in it.
 *
 * As CSV: time,station,sensor,metric,unit,aggregate,value,min,max,completeness; in a gap
 * the last four are empty.
 */
#ifndef MUABUI_WEB_HISTORY_H
#define MUABUI_WEB_HISTORY_H

#include "web/route.h"

/* The media types it has, in this order. */
enum { HISTORY_JSON, HISTORY_CSV };

void history_handle(const struct web_request *request, struct web_reply *reply);
void history_csv_handle(const struct web_request *request, struct web_reply *reply);

#endif
