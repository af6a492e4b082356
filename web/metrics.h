/* The gateway and its newest readings in Prometheus' text format. */
#ifndef MUABUI_WEB_METRICS_H
#define MUABUI_WEB_METRICS_H

#include "core/buffer.h"
#include "web/route.h"
#include "web/view.h"

/* Readings older than this are left out: Prometheus would show them as the present. */
enum { METRICS_FRESH_MS = 60 * 60 * 1000 };

void metrics_write(const struct gateway_view *view, struct buffer *out);

/* GET /metrics. */
void metrics_handle(const struct web_request *request, struct web_reply *reply);

#endif
