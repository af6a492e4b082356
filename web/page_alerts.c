#include "web/page_alerts.h"

#include <cjson/cJSON.h>
#include <string.h>

#include "alerts/message.h"
#include "core/clock.h"
#include "store/episodes.h"
#include "web/readers.h"

enum { ACTIVE_MAX = 50, HISTORY_MAX = 100 };

static const int64_t history_ms = 30LL * 24 * 3600 * 1000;

struct listing {
	const struct page *page;
	const char *area, *station; /* only theirs; NULL: all */
	bool active;                /* those in force, or the others */
	bool folded;                /* only titles, until one is opened */
	int count;
};

static const char *member(const cJSON *message, const char *key)
{
	const char *text =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(message, key));

	return text ? text : "";
}

static int severity_of(const cJSON *message)
{
	for (int i = 0; severity_names[i]; i++)
		if (strcmp(severity_names[i], member(message, "severity")) == 0)
			return i;
	return 0;
}

static void put_when(const struct page *page, const cJSON *message, const char *key)
{
	int64_t ms;

	if (clock_parse(member(message, key), &ms))
		page_put_clock(page, ms);
}

static void put_alert(
	struct listing *listing, const cJSON *message, const struct episode_message *kept)
{
	const struct page *page = listing->page;
	struct buffer *out = page->out;
	int severity = severity_of(message);
	/* The heading opens what is folded. */
	const char *element = listing->folded ? "details" : "article";

	buffer_printf(out,
		"<%s class=\"alert %s\">%s<h3><span class=\"grade\">%s</span> ", element,
		kept->resolved || !listing->active ? "past" : severity_names[severity],
		listing->folded ? "<summary>" : "",
		kept->resolved            ? page->words->over
			: listing->active ? page->words->severities[severity]
					  : page->words->expired);
	page_escape(out, member(message, "title"));
	buffer_printf(out, "</h3>%s<p>", listing->folded ? "</summary>" : "");
	page_escape(out, member(message, "text"));
	buffer_puts(out, "</p>");
	if (*member(message, "instruction") && !kept->resolved) {
		buffer_printf(out, "<p class=\"do\"><strong>%s:</strong> ",
			page->words->what_to_do);
		page_escape(out, member(message, "instruction"));
		buffer_puts(out, "</p>");
	}
	buffer_printf(out, "<p class=\"when\">%s ", page->words->since);
	put_when(page, message, "since");
	buffer_printf(out, " %s ", page->words->until);
	put_when(page, message, kept->resolved ? "at" : "expires");
	if (*member(message, "station")) {
		buffer_puts(out, " · ");
		page_put_station_link(page, member(message, "station"),
			member(message, "station_name"));
	}
	buffer_printf(out, "</p></%s>\n", element);
}

static bool is_wanted(const struct listing *listing, const cJSON *message)
{
	return (!listing->area && !listing->station) ||
		(listing->area && *listing->area &&
			strcmp(listing->area, member(message, "area")) == 0) ||
		(listing->station &&
			strcmp(listing->station, member(message, "station")) == 0);
}

static void each(void *arg, const struct episode_message *kept)
{
	struct listing *listing = arg;
	bool active = !kept->resolved && kept->expires_ms > listing->page->now_ms;

	if (active != listing->active)
		return;
	cJSON *message = cJSON_Parse(kept->bodies[listing->page->language]);
	if (message && is_wanted(listing, message)) {
		if (listing->active && listing->count == 0)
			buffer_printf(listing->page->out, "<h2>%s</h2>\n",
				listing->page->words->active_title);
		put_alert(listing, message, kept);
		listing->count++;
	}
	cJSON_Delete(message);
}

bool page_put_active(const struct page *page, struct store *store, const char *area,
	const char *station, bool folded)
{
	bool good = store != NULL;
	struct listing listing = {
		.page = page,
		.area = area,
		.station = station,
		.active = true,
		.folded = folded,
	};
	struct history_choice choice = {
		.from_ms = page->now_ms,
		.active_at_ms = page->now_ms,
		.newest_only = true,
		.limit = ACTIVE_MAX,
	};

	buffer_printf(page->out,
		"<section id=\"active\" class=\"live\" aria-live=\"polite\" aria-label=\"%s\">\n",
		page->words->active_title);
	if (store && history_each(store, &choice, each, &listing) < 0)
		good = false;
	if (listing.count == 0)
		buffer_printf(page->out, "<p class=\"calm\">%s</p>\n",
			good ? page->words->none_active : page->words->not_known);
	buffer_puts(page->out, "</section>\n");
	return good;
}

static bool put_history(const struct page *page, struct store *store)
{
	bool good = store != NULL;
	struct listing listing = { .page = page, .active = false };
	struct history_choice choice = {
		.from_ms = page->now_ms - history_ms,
		.newest_only = true,
		.limit = HISTORY_MAX,
	};

	buffer_printf(page->out, "<section id=\"history\" class=\"live\">\n<h2>%s</h2>\n",
		page->words->history_title);
	if (store && history_each(store, &choice, each, &listing) < 0)
		good = false;
	if (listing.count == 0)
		buffer_printf(page->out, "<p class=\"calm\">%s</p>\n",
			good ? page->words->none_before : page->words->not_known);
	buffer_puts(page->out, "</section>\n");
	return good;
}

void page_alerts(const struct web_request *request, struct web_reply *reply)
{
	struct store *store;
	struct page page;

	page_start(&page, request, reply);
	page_head(&page, PAGE_ALERTS, page.words->places[PAGE_ALERTS], "/alerts", NULL);
	buffer_printf(page.out, "<h1>%s</h1>\n", page.words->places[PAGE_ALERTS]);
	store = readers_take(request->readers);
	bool good = page_put_active(&page, store, NULL, NULL, false);
	/* push.js fills it in where the browser and the gateway can do that. */
	buffer_printf(page.out,
		"<section id=\"subscribe\" hidden>\n<h2>%s</h2>\n<p>%s</p>\n</section>\n",
		page.words->subscribe, page.words->subscribe_lead);
	good = put_history(&page, store) && good;
	readers_give(request->readers, store, good);
	page_foot(&page);
}
