/*
 * GET /api/v1/readings.csv: the readings themselves, as they were stored, in the order in
 * which they were accepted, while they are kept (store.keep_raw).
 *
 *   from, to  RFC 3339; from ≤ time < to. Unless told: the hour up to now; 31 days at
 * most station   only this one metric    only these, by comma
 *
 * time,station,sensor,metric,value,unit,raw,flag,status; status 0 measuring, 1
 * calibrating, 2 fault. It is read and sent piece by piece, however much it is. What was
 * delivered more than an hour after it was measured may be missing: minutes have it, and
 * so has `muabui store export`.
 */
#ifndef MUABUI_WEB_RAW_H
#define MUABUI_WEB_RAW_H

#include "web/route.h"

void raw_handle(const struct web_request *request, struct web_reply *reply);

#endif
