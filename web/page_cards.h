/* Stations in short, as lists of them have them: name, index, what is most wanted. */
#ifndef MUABUI_WEB_PAGE_CARDS_H
#define MUABUI_WEB_PAGE_CARDS_H

#include "store/directory.h"
#include "web/index_now.h"
#include "web/page_frame.h"

enum {
	PAGE_INDEX_STALE_MS = 2 * 3600 * 1000, /* an hour, and time for the next report */
};

struct page_card {
	struct station station;
	bool own;
	struct index_now index; /* VN_AQI of the newest hour */
	double pm25, rain; /* µg/m³; mm in the last hour; NAN: none that is current */
	int64_t newest_ms; /* of its newest report; 0: there is none */
};

/* All stations, the gateway's own first, then by id; to be freed. NULL: memory is out. */
struct page_card *page_cards(const struct page *page, size_t *count);

/* The worst index first, stations without one at the end; the own stays where it is. */
void page_cards_by_index(struct page_card *cards, size_t count);

/* By area, then by name; those without an area at the end. */
void page_cards_by_area(struct page_card *cards, size_t count);

/* Writes CARD as an item of a list. */
void page_put_card(const struct page *page, const struct page_card *card);

/* Writes an index (-1: none) as a badge: number, the level's name and colour. */
void page_put_badge(const struct page *page, int index, bool is_stale);

#endif
