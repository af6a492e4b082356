/*
 * Going through the newest data station by station: what the API, the page and
 * the terminal's table have in common.
 */
#ifndef MUABUI_WEB_STATIONS_H
#define MUABUI_WEB_STATIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "web/view.h"

struct station_view {
	const char *id;
	const char *name;      /* the id where no other name is known */
	const char *area;      /* NULL: not known */
	const char *area_name; /* what people call it; the id where it has no name */
	double latitude;       /* °, NAN: not known */
	double longitude;
	bool indicative;
	bool own; /* the gateway's own */
};

struct station_visitor {
	void (*begin)(void *arg, const struct station_view *station);
	void (*sensor)(void *arg, const struct latest_source *source);
	/* NEWEST_MS: of its newest report, 0: there is none. */
	void (*end)(void *arg, const struct station_view *station, int64_t newest_ms);
	bool silent_too; /* also stations that are known, but of which nothing was heard
			  */
};

/*
 * Visits the gateway's own station first (also when it has no data yet), then the
 * others by id; those without data only where VISITOR wants them. ONLY: the one station
 * to visit; NULL: all. False when there was none.
 */
bool stations_walk(const struct gateway_view *view, const char *only,
	const struct station_visitor *visitor, void *arg);

/*
 * The readings of SOURCE in the order of words_rank(); the rain counter and single
 * increments are left out where there are sums. Returns how many are in VALUES.
 */
size_t stations_order(const struct latest_source *source,
	const struct latest_value *values[static READINGS_MAX]);

/* Is METRIC rain over a window (rain_10m … rain_72h, rain_day)? */
bool stations_is_rain_sum(uint16_t metric);

#endif
