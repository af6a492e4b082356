#include "web/page.h"

#include <stdlib.h>
#include <string.h>

#include "config/station.h"
#include "web/page_alerts.h"
#include "web/page_cards.h"
#include "web/readers.h"

enum {
	WORST = 12,      /* stations beside the own on the first page */
	ALL_AT_ONCE = 60 /* with more, the list shows one area at a time */
};

/* Where page.js puts search, map and what is near; without scripts nobody sees it. */
static void put_finder(const struct page *page)
{
	const struct page_words *words = page->words;

	buffer_printf(page->out,
		"<form id=\"finder\" role=\"search\" hidden>\n<label for=\"query\">%s</label>\n"
		"<input id=\"query\" type=\"search\" placeholder=\"%s\" autocomplete=\"off\" "
		"enterkeyhint=\"search\">\n"
		"<div class=\"tabs\"><button type=\"button\" id=\"as-list\" "
		"aria-pressed=\"true\">%s</button><button type=\"button\" id=\"as-map\" "
		"aria-pressed=\"false\">%s</button><button type=\"button\" id=\"near\" "
		"aria-pressed=\"false\">%s</button></div>\n"
		"<p id=\"told\" role=\"status\"></p>\n</form>\n"
		"<section id=\"found\" hidden aria-label=\"%s\"><div id=\"map\" hidden></div>"
		"<ul class=\"cards\" id=\"results\"></ul></section>\n",
		words->search, words->search_hint, words->as_list, words->as_map,
		words->near, words->found);
}

static void put_cards(
	const struct page *page, const struct page_card *cards, size_t count)
{
	buffer_puts(page->out, "<ul class=\"cards\">\n");
	for (size_t i = 0; i < count; i++)
		page_put_card(page, &cards[i]);
	buffer_puts(page->out, "</ul>\n");
}

static void put_summary(
	const struct page *page, const struct page_card *cards, size_t count)
{
	size_t others = count > 0 && cards[0].own ? count - 1 : count;
	size_t shown = others < WORST ? others : WORST;

	buffer_puts(page->out, "<section id=\"summary\" class=\"live\">\n");
	if (others < count) {
		buffer_printf(page->out, "<h2>%s</h2>\n", page->words->own);
		put_cards(page, cards, 1);
	}
	if (shown > 0) {
		buffer_printf(page->out, "<h2>%s</h2>\n", page->words->worst);
		put_cards(page, cards + (count - others), shown);
	}
	buffer_puts(page->out, "<p><a href=\"/stations");
	page_put_language(page);
	buffer_printf(page->out, "\">%s (%zu)</a></p>\n</section>\n", page->words->all_of,
		count);
}

void page_home(const struct web_request *request, struct web_reply *reply)
{
	struct page page;
	size_t count;

	page_start(&page, request, reply);
	page_head(&page, PAGE_HOME, page.words->brand, "/", NULL);
	buffer_printf(page.out, "<h1>%s</h1>\n", page.words->home_title);
	struct store *store = readers_take(request->readers);
	readers_give(
		request->readers, store, page_put_active(&page, store, NULL, NULL, true));
	put_finder(&page);
	struct page_card *cards = page_cards(&page, &count);
	page_cards_by_index(cards, count);
	put_summary(&page, cards, count);
	free(cards);
	page_foot(&page);
}

/* --- all stations ------------------------------------------------------------- */

static void put_area_name(const struct page *page, const char *area)
{
	page_escape(page->out,
		area[0] ? config_area_name(page->view->config, area)
			: page->words->no_area);
}

static size_t area_length(const struct page_card *cards, size_t count)
{
	size_t length = 1;

	while (length < count &&
		strcmp(cards[length].station.area, cards[0].station.area) == 0)
		length++;
	return length;
}

static void put_area_link(
	const struct page *page, const struct page_card *cards, size_t count)
{
	buffer_puts(page->out, "<li><a href=\"/stations?area=");
	page_escape_address(page->out, cards[0].station.area);
	if (page->language == WORDS_EN)
		buffer_puts(page->out, "&amp;lang=en");
	buffer_puts(page->out, "\">");
	const char *area = cards[0].station.area;
	bool is_named = strcmp(config_area_name(page->view->config, area), area) != 0;

	if (is_named || !area[0])
		put_area_name(page, area);
	/* Where an area has no name but its code, people know its stations. */
	for (size_t i = 0; !is_named && area[0] && i < count && i < 3; i++) {
		buffer_puts(page->out, i ? ", " : "");
		page_escape(page->out, cards[i].station.name);
	}
	buffer_printf(page->out, "%s <small>%zu %s</small></a></li>\n",
		!is_named && area[0] && count > 3 ? "…" : "", count,
		page->words->area_count);
}

static void put_areas(const struct page *page, const struct page_card *cards,
	size_t count, const char *only)
{
	bool as_links = !only && count > ALL_AT_ONCE;

	if (as_links)
		buffer_printf(page->out, "<h2>%s</h2>\n<ul class=\"areas\">\n",
			page->words->choose_area);
	for (size_t at = 0; at < count;) {
		size_t length = area_length(cards + at, count - at);

		if (as_links) {
			put_area_link(page, cards + at, length);
		} else if (!only || strcmp(only, cards[at].station.area) == 0) {
			buffer_puts(page->out, "<h2>");
			put_area_name(page, cards[at].station.area);
			buffer_puts(page->out, "</h2>\n");
			put_cards(page, cards + at, length);
		}
		at += length;
	}
	if (as_links)
		buffer_puts(page->out, "</ul>\n");
}

void page_stations(const struct web_request *request, struct web_reply *reply)
{
	char area[NAME_SIZE];
	struct page page;
	size_t count;
	int has_area = web_query(request, "area", area, sizeof area);

	page_start(&page, request, reply);
	page_head(&page, PAGE_STATIONS, page.words->all_title, "/stations", NULL);
	buffer_printf(page.out, "<h1>%s</h1>\n<section id=\"all\" class=\"live\">\n",
		page.words->all_title);
	struct page_card *cards = page_cards(&page, &count);
	page_cards_by_area(cards, count);
	put_areas(&page, cards, count, has_area > 0 ? area : NULL);
	free(cards);
	buffer_puts(page.out, "</section>\n");
	page_foot(&page);
}

void page_about(const struct web_request *request, struct web_reply *reply)
{
	struct page page;

	page_start(&page, request, reply);
	page_head(&page, PAGE_ABOUT, page.words->about_title, "/about", NULL);
	buffer_printf(page.out, "<h1>%s</h1>\n<div class=\"prose\">%s</div>\n",
		page.words->about_title, page.words->about);
	page_foot(&page);
}
