/* The readings of a station on its page: rain by its windows, the rest sensor by sensor.
 */
#ifndef MUABUI_WEB_PAGE_VALUES_H
#define MUABUI_WEB_PAGE_VALUES_H

#include "web/page_frame.h"
#include "web/stations.h"

/* Writes the rain of SOURCE: now, over 10 minutes … 72 hours, of the day. Nothing where
 * it measures none. */
void page_put_rain(const struct page *page, const struct latest_source *source);

/* Writes the other readings of SOURCE, each with its unit, age and flag. */
void page_put_values(const struct page *page, const struct latest_source *source);

/* Writes VALUE with its unit. */
void page_put_number(const struct page *page, const struct metric *metric, double value);

#endif
