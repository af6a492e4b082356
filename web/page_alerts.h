/* Alerts to citizens on the pages: those in force, and what was before. */
#ifndef MUABUI_WEB_PAGE_ALERTS_H
#define MUABUI_WEB_PAGE_ALERTS_H

#include "store/store.h"
#include "web/page_frame.h"

/*
 * Writes the alerts that are in force, as a region that is read out when it changes. AREA
 * and STATION: only theirs; both NULL: all. STORE may be NULL: nothing is known, which is
 * said. FOLDED: as titles that can be opened. False: it could not be read.
 */
bool page_put_active(const struct page *page, struct store *store, const char *area,
	const char *station, bool folded);

/* GET /alerts. */
void page_alerts(const struct web_request *request, struct web_reply *reply);

#endif
