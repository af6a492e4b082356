/* Stations as the API writes them. */
#ifndef MUABUI_WEB_STATION_JSON_H
#define MUABUI_WEB_STATION_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buffer.h"
#include "core/json.h"
#include "core/reading.h"
#include "store/latest.h"
#include "web/air_now.h"
#include "web/rain_now.h"
#include "web/view.h"

struct station_page {
	const char *only; /* the one station to write, not in an array; NULL: a list */
	const char
		*cursor; /* of a list, those after this id; NULL or "": from the start */
	size_t limit;    /* the most stations of a list */
	bool is_summary;
	const struct air_now *air; /* of the one station; NULL: not known */
	struct rain_now *rain;     /* NULL: not known */
	int64_t now_ms;

	/* What came of it. */
	size_t count;         /* stations written */
	bool has_more;        /* there are others after LAST */
	char last[NAME_SIZE]; /* id of the last station written */
	int64_t newest_ms;    /* time of the newest report in it; 0: there is none */
	uint64_t hash; /* of all that was written but ages, which only time changes */
};

/* Writes PAGE to OUT; see web/api.h for the form. */
void station_json(
	const struct gateway_view *view, struct station_page *page, struct buffer *out);

/* Writes VALUE as an object into an array. */
void station_json_value(struct json *json, const struct latest_value *value);

#endif
