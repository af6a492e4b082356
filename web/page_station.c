#include <math.h>
#include <stdio.h>
#include <string.h>

#include "config/station.h"
#include "core/metric.h"
#include "web/air_read.h"
#include "web/page.h"
#include "web/page_air.h"
#include "web/page_alerts.h"
#include "web/page_values.h"
#include "web/readers.h"

static const int64_t hour_ms = 3600 * 1000;

struct writing {
	const struct page *page;
	bool rain; /* this pass is for the rain */
	bool any;
};

static void begin(void *arg, const struct station_view *station)
{
	(void)arg;
	(void)station;
}

static void sensor(void *arg, const struct latest_source *source)
{
	struct writing *writing = arg;

	/* What is made of the readings stands above them. */
	if (strcmp(source->sensor, INDEX_SENSOR) == 0)
		return;
	if (writing->rain) {
		page_put_rain(writing->page, source);
		return;
	}
	if (!writing->any)
		buffer_printf(writing->page->out, "<h2>%s</h2>\n",
			writing->page->words->values_title);
	writing->any = true;
	page_put_values(writing->page, source);
}

static void end(void *arg, const struct station_view *station, int64_t newest_ms)
{
	(void)arg;
	(void)station;
	(void)newest_ms;
}

static const struct station_visitor visitor = {
	.begin = begin,
	.sensor = sensor,
	.end = end,
	.silent_too = true,
};

static void pass_over(void *arg, const struct latest_source *source)
{
	(void)arg;
	(void)source;
}

/* Only tells whether there is one. */
static const struct station_visitor unseen = {
	.begin = begin,
	.sensor = pass_over,
	.end = end,
	.silent_too = true,
};

static void put_nobody(struct page *page)
{
	page_head(page, PAGE_STATION, page->words->not_found, "/", NULL);
	buffer_printf(
		page->out, "<h1>%s</h1>\n<p><a href=\"/stations", page->words->not_found);
	page_put_language(page);
	buffer_printf(page->out, "\">%s</a></p>\n", page->words->all_of);
	page_foot(page);
}

static bool put_live(
	const struct page *page, const struct station *station, struct store *store)
{
	struct writing writing = { .page = page, .rain = true };
	struct air_now air;
	double before = NAN;
	bool has_air = store &&
		air_now_read(
			store, page->view->config, station->id, page->now_ms, &air) == 0;

	if (has_air && air.hour.end_ms > 0 &&
		air_read_value(store, station->id, METRIC_VN_AQI,
			air.hour.end_ms - hour_ms, &before) < 0)
		before = NAN;
	buffer_puts(page->out,
		"<div id=\"now\" class=\"live two\">\n<section class=\"air\">\n");
	page_put_air(page, station, has_air ? &air : NULL, before);
	buffer_puts(page->out, "</section>\n<section class=\"readings\">\n");
	stations_walk(page->view, station->id, &visitor, &writing);
	writing.rain = false;
	stations_walk(page->view, station->id, &visitor, &writing);
	if (!writing.any)
		buffer_printf(
			page->out, "<p class=\"none\">%s</p>\n", page->words->no_data);
	buffer_puts(page->out, "</section>\n</div>\n");
	return has_air;
}

static void put_head(struct page *page, const struct station *station)
{
	char path[NAME_SIZE * 3 + 16];
	struct buffer address;

	buffer_init(&address, sizeof path);
	page_escape_address(&address, station->id);
	snprintf(path, sizeof path, "/stations/%s", buffer_text(&address));
	buffer_free(&address);
	page_head(page, PAGE_STATION, station->name, path, NULL);
	buffer_puts(page->out, "<h1>");
	page_escape(page->out, station->name);
	buffer_puts(page->out, "</h1>\n<p class=\"id\">");
	page_escape(page->out, station->id);
	if (station->area[0]) {
		buffer_puts(page->out, " · ");
		page_escape(
			page->out, config_area_name(page->view->config, station->area));
	}
	buffer_puts(page->out, "</p>\n");
}

/* charts.js draws here; what is read of it without scripts says so. */
static void put_charts(const struct page *page, const struct station *station)
{
	buffer_printf(page->out, "<section id=\"charts\" data-station=\"");
	page_escape(page->out, station->id);
	buffer_printf(page->out,
		"\">\n<h2>%s</h2>\n<noscript><p>%s</p></noscript>\n</section>\n",
		page->words->charts_title, page->words->charts_none);
}

void page_station(const struct web_request *request, struct web_reply *reply)
{
	struct station station;
	struct page page;

	page_start(&page, request, reply);
	if (!stations_walk(request->view, request->id, &unseen, NULL)) {
		reply->status = 404;
		put_nobody(&page);
		return;
	}
	directory_find(page.view->directory, request->id, &station);
	put_head(&page, &station);
	struct store *store = readers_take(request->readers);
	bool good = page_put_active(&page, store, station.area, station.id, false);
	good = put_live(&page, &station, store) && good;
	readers_give(request->readers, store, good);
	put_charts(&page, &station);
	/* Where nothing can be subscribed to, nothing is offered. */
	if (request->signup) {
		buffer_puts(page.out, "<p><a href=\"/alerts");
		page_put_language(&page);
		buffer_printf(page.out, "\">%s</a></p>\n", page.words->subscribe);
	}
	page_foot(&page);
}
