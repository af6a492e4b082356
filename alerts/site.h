/* Where an alert is: a station, or with scope = "area" an area. */
#ifndef MUABUI_ALERTS_SITE_H
#define MUABUI_ALERTS_SITE_H

#include <stdbool.h>

#include "config/config.h"
#include "store/directory.h"

struct site {
	bool is_area;
	char place[NAME_SIZE]; /* the station's id, or the area */
	char name[STATION_NAME_SIZE];
	char area[NAME_SIZE]; /* "": not known */
	double latitude;      /* °; NAN: not known, or an area's */
	double longitude;
	bool indicative; /* its air values are of low-cost sensors */
};

/*
 * Finds the station ID. One that is not known to be elsewhere is where the gateway is.
 * DIRECTORY may be NULL.
 */
void site_of_station(struct site *site, const struct config *config,
	const struct directory *directory, const char *id);

void site_of_area(struct site *site, const struct config *config, const char *area);

#endif
