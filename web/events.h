/*
 * GET /api/v1/events: server-sent events (WHATWG HTML §9.2), as things happen.
 *
 *   event: values  {station, sensor, time, values: […]}; of one sensor every 5 s at most
 *   event: index   {station, index}, when an hour's index is there: web/index_now.h
 *   event: alert   an alert's newest message, as in /api/v1/alerts
 *
 *   station  only what concerns this one
 *   lang     vi or en, of alerts
 *
 * A comment comes every 20 s. "id" goes on after a break (Last-Event-ID) where what was
 * missed is still there, which is for some minutes; otherwise what is missing is to be
 * asked for anew.
 *
 * What happens is written once, into a bounded list that all streams read from, each at
 * its own pace; one that falls behind it is ended, and nothing is heaped up for it. A
 * stream with nothing to send sleeps in the library.
 */
#ifndef MUABUI_WEB_EVENTS_H
#define MUABUI_WEB_EVENTS_H

#include "web/readers.h"
#include "web/route.h"
#include "web/view.h"

/* Starts the thread that looks for what is new while somebody listens. NULL: it cannot
 * be. */
struct events *events_start(const struct gateway_view *view, struct readers *readers);

/* Ends all streams and the thread: before the server stops. Accepts NULL. */
void events_close(struct events *events);
/* After the server has stopped. Accepts NULL. */
void events_free(struct events *events);

void events_handle(const struct web_request *request, struct web_reply *reply);

#endif
