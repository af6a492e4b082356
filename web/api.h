/* The JSON interface under /api/v1/. */
#ifndef MUABUI_WEB_API_H
#define MUABUI_WEB_API_H

#include "web/route.h"

/*
 * GET /api/v1/stations: an array of stations
 *   {id, name, area, latitude, longitude, sensors, time}
 * sensors: [{name, time, values: [{metric, value, unit, time, flag}]}]. Unknown is
 * null. A value also has "raw" where a correction changed it and
 * "calibration", the number of that correction in the store, "status" ("calibrating",
 * "fault") where the instrument does not measure, and "retained":
 * true where its age is unknown; of the sensor "index" "indicative": true where it is
 * made of low-cost sensors, "revised": true where it took the place of another value.
 * Clients must ignore members they do not know.
 */
void api_stations(const struct web_request *request, struct web_reply *reply);

/*
 * GET /api/v1/stations/{id}: one of these objects, with the member "air" of
 * web/air_json.h besides, null where the store cannot be read; or 404.
 */
void api_station(const struct web_request *request, struct web_reply *reply);

#endif
