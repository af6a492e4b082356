/*
 * A station's air on its page: what table 3 of Decision 1459/QĐ-TCMT wants published on
 * the web (index, colour, the highest pollutant, all sub-indices, advice, method,
 * source).
 */
#ifndef MUABUI_WEB_PAGE_AIR_H
#define MUABUI_WEB_PAGE_AIR_H

#include "store/directory.h"
#include "web/air_now.h"
#include "web/page_frame.h"

/* BEFORE: the index of the hour before AIR's; NAN: none. */
void page_put_air(const struct page *page, const struct station *station,
	const struct air_now *air, double before);

#endif
