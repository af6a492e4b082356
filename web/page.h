/* The citizens' pages, as plain HTML that needs no script; web/page/ adds the rest. */
#ifndef MUABUI_WEB_PAGE_H
#define MUABUI_WEB_PAGE_H

#include "web/route.h"

/* GET /: the gateway's own station, the worst others, alerts in force. */
void page_home(const struct web_request *request, struct web_reply *reply);

/* GET /stations: areas and their stations; ?area= one area's. */
void page_stations(const struct web_request *request, struct web_reply *reply);

/* GET /stations/{id}: all that is known of one. */
void page_station(const struct web_request *request, struct web_reply *reply);

/* GET /about. */
void page_about(const struct web_request *request, struct web_reply *reply);

#endif
