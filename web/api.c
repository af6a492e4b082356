#include "web/api.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/percent.h"
#include "web/query.h"
#include "web/readers.h"
#include "web/station_json.h"

static void finish(struct web_reply *reply, const struct station_page *page)
{
	reply->type = "application/json";
	reply->cache = "public, max-age=5";
	reply->modified_ms = page->newest_ms;
	/* Weak: the same data, an hour older, has the same tag and other ages. */
	snprintf(reply->made_etag, sizeof reply->made_etag, "W/\"%016" PRIx64 "\"",
		page->hash);
	reply->etag = reply->made_etag;
}

static void put_link(struct web_reply *reply, const struct station_page *page)
{
	struct buffer link;

	buffer_init(&link, sizeof reply->link - 1);
	buffer_puts(&link, "</api/v1/stations?");
	if (page->is_summary)
		buffer_puts(&link, "fields=summary&");
	buffer_printf(&link, "limit=%zu&cursor=", page->limit);
	percent_append(&link, page->last);
	buffer_puts(&link, ">; rel=\"next\"");
	if (!link.failed)
		snprintf(reply->link, sizeof reply->link, "%s", buffer_text(&link));
	buffer_free(&link);
}

/* False: REPLY is a problem document. */
static bool choose(const struct web_request *request, struct web_reply *reply,
	struct station_page *page, char cursor[static NAME_SIZE])
{
	char fields[16];
	int limit = API_STATIONS_MAX;

	if (!query_text(request, reply, "fields", fields, sizeof fields) ||
		!query_text(request, reply, "cursor", cursor, NAME_SIZE) ||
		!query_count(request, reply, "limit", API_STATIONS_MAX, &limit))
		return false;
	page->is_summary = strcmp(fields, "summary") == 0;
	if (*fields && !page->is_summary) {
		web_problem(reply, 400, "fields may be \"summary\".");
		return false;
	}
	page->cursor = cursor;
	page->limit = (size_t)limit;
	return true;
}

void api_stations(const struct web_request *request, struct web_reply *reply)
{
	struct station_page page = { .now_ms = clock_wall_ms() };
	char cursor[NAME_SIZE];

	if (!choose(request, reply, &page, cursor))
		return;
	station_json(request->view, &page, &reply->body);
	if (page.has_more)
		put_link(reply, &page);
	finish(reply, &page);
}

void api_station(const struct web_request *request, struct web_reply *reply)
{
	const struct gateway_view *view = request->view;
	struct rain_now rain = { .count = 0 };
	struct air_now air;
	struct station_page page = { .only = request->id, .now_ms = clock_wall_ms() };
	struct store *store = readers_take(request->readers);

	/* Without the store it says what is in memory. */
	bool has_air = store &&
		air_now_read(store, view->config, request->id, page.now_ms, &air) == 0;
	bool has_rain = has_air &&
		rain_now_read(store, view->config, request->id, page.now_ms, &rain) == 0;
	readers_give(request->readers, store, has_rain);
	page.air = has_air ? &air : NULL;
	page.rain = has_rain ? &rain : NULL;
	station_json(view, &page, &reply->body);
	rain_now_free(&rain);
	if (page.count == 0)
		web_problem(reply, 404, "There is no station with this id.");
	else
		finish(reply, &page);
}
