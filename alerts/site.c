#include "alerts/site.h"

#include <math.h>
#include <stdio.h>

#include "config/station.h"

void site_of_station(struct site *site, const struct config *config,
	const struct directory *directory, const char *id)
{
	const char *own = config->station.area ? config->station.area : "";
	struct station station;

	directory_find(directory, id, &station);
	site->is_area = false;
	snprintf(site->place, sizeof site->place, "%s", id);
	snprintf(site->name, sizeof site->name, "%s", station.name);
	snprintf(site->area, sizeof site->area, "%s", *station.area ? station.area : own);
	site->latitude = station.latitude;
	site->longitude = station.longitude;
	site->indicative = station.indicative;
}

void site_of_area(struct site *site, const struct config *config, const char *area)
{
	site->is_area = true;
	site->indicative = false;
	site->latitude = site->longitude = NAN;
	snprintf(site->place, sizeof site->place, "%s", area);
	snprintf(site->name, sizeof site->name, "%s", config_area_name(config, area));
	snprintf(site->area, sizeof site->area, "%s", area);
}
