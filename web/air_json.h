/* A station's air as JSON, for the API. */
#ifndef MUABUI_WEB_AIR_JSON_H
#define MUABUI_WEB_AIR_JSON_H

#include "core/json.h"
#include "web/air_now.h"

/*
 * Writes the member "air": {hour, day, provisional}, each null or
 *   {end, indicative, vn_aqi, us_aqi, eaqi, means, nowcast, completeness}
 * where an index is null or {value, category: {vi, en}, colour, advice: {vi, en} (VN_AQI
 * only), pollutant, parts}, the
 * others have a number per pollutant that is known, and a day has vn_aqi only. AIR NULL:
 * the member is null.
 */
void air_json(struct json *json, const struct air_now *air);

#endif
