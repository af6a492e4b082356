/* The stations in the JSON interface under /api/v1/. */
#ifndef MUABUI_WEB_API_H
#define MUABUI_WEB_API_H

#include "web/route.h"

enum { API_STATIONS_MAX = 1000 }; /* on a page */

/*
 * GET /api/v1/stations: an array of all stations that are known, the gateway's own first,
 * then by id:
 *   {id, name, area, latitude, longitude, indicative, sensors, index, time}
 * sensors: [{name, time, values: [{metric, value, unit, time, age, current, flag}]}].
 * Unknown is null. "age" is in seconds at the time of the answer; "current" says whether
 * it may be shown as the present. A value also has "raw" where a correction changed it
 * and "calibration", the number of that correction in the store, "status" ("calibrating",
 * "fault") where the instrument does not measure, and "retained": true where its age is
 * unknown; of the sensor "index" "indicative": true where it is made of low-cost sensors,
 * "revised": true where it took the place of another value. "index": see
 * web/index_now.h. Clients must ignore members they do not know.
 *
 *   fields  "summary": instead of the sensors' list {…, values, index, time}, where
 *           values is {pm25, pm10, rain_1h, rain_24h, temperature, humidity}, as far as
 *           there are current ones
 *   limit   stations on a page, 1000 at most and unless told; a page also ends at some
 *           megabytes
 *   cursor  id after which the page begins
 *
 * Where there are more, the header Link names the next page, rel="next". Nobody is asked
 * where he is: the nearest station is for the reader to find.
 */
void api_stations(const struct web_request *request, struct web_reply *reply);

/*
 * GET /api/v1/stations/{id}: one of these objects, not the summary, with the member "air"
 * of web/air_json.h besides, null where the store cannot be read, and with the member
 * "completeness" (0..1) in each rain sum of which it is known; or 404.
 */
void api_station(const struct web_request *request, struct web_reply *reply);

#endif
