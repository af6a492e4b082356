/* The usual arguments of the interfaces. False: REPLY is a problem document (400). */
#ifndef MUABUI_WEB_QUERY_H
#define MUABUI_WEB_QUERY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/metric.h"
#include "web/route.h"

/* The RFC 3339 time NAME; where it is missing MS stays as it is. */
bool query_time(const struct web_request *request, struct web_reply *reply,
	const char *name, int64_t *ms);

/* The whole number NAME, 1 to MOST; where it is missing VALUE stays as it is. */
bool query_count(const struct web_request *request, struct web_reply *reply,
	const char *name, int most, int *value);

/* The text NAME of less than SIZE bytes; where it is missing OUT is "". */
bool query_text(const struct web_request *request, struct web_reply *reply,
	const char *name, char *out, size_t size);

enum { QUERY_METRICS = 16 };

/* The metrics NAME, by comma; COUNT 0 where it is missing. */
bool query_metrics(const struct web_request *request, struct web_reply *reply,
	const char *name, const struct metric *metrics[static QUERY_METRICS],
	size_t *count);

#endif
