/*
 * OGC SensorThings API 1.1 (OGC 18-088), what is read of it, under /sta/v1.1/: see
 * web/sta_model.h for what stands for what.
 *
 * Paths as the standard has them, with $ref, properties and $value; the options $top (100
 * unless told, 1000 at most), $skip, $count, $orderby (one property), $select, $expand
 * (three levels) and $filter (no functions). Observations come newest first unless
 * $orderby says otherwise; a phenomenonTime is an interval, and compared by its end. The
 * sets /Observations and FeaturesOfInterest(…)/Observations have the newest observation
 * of each Datastream only.
 */
#ifndef MUABUI_WEB_STA_H
#define MUABUI_WEB_STA_H

#include "web/route.h"

extern const char *const sta_arguments[]; /* NULL-ended: the options */

void sta_handle(const struct web_request *request, struct web_reply *reply);

#endif
