/*
 * The air of a station as people are shown it: the newest hour that is over, with all
 * that Decision 1459 wants published beside the index (the sub-indices, whose is the
 * highest), the newest day, and a provisional value for the hour that runs. Categories
 * and colours follow from an index by core/category.h.
 */
#ifndef MUABUI_WEB_AIR_NOW_H
#define MUABUI_WEB_AIR_NOW_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "derive/air_hours.h"
#include "store/store.h"

/* An hour; or a day, where only VN is filled in. */
struct air_now_span {
	int64_t end_ms; /* 0: there is none, and the rest says nothing */
	struct air_index vn, us, eu;
	double means[AIR_POLLUTANTS];        /* µg/m³; NAN: none that is complete */
	double completeness[AIR_POLLUTANTS]; /* 0..1; 0 for what another gateway relays */
	bool indicative;                     /* of low-cost sensors: to be labelled so */
};

struct air_now {
	struct air_now_span hour; /* the newest that is over and has a report */
	struct air_now_span day;  /* the newest that is over and has an index */
	/*
	 * Provisional: of the running hour, as if what is there were all of it. To be
	 * named so wherever it is shown. It is computed here and nowhere kept, so it is
	 * never sent on and never an alert's reason.
	 */
	struct air_now_span running;
};

enum {
	AIR_NOW_OLD_MS = 3 * 3600 * 1000, /* hours that ended before are not shown */
};

/*
 * Fills in NOW for STATION at NOW_MS from STORE, which may be a reader's own connection.
 * Takes about a millisecond. 0, or -1 with the reason in store_error().
 */
int air_now_read(struct store *store, const struct config *config, const char *station,
	int64_t now_ms, struct air_now *now);

#endif
