/* The keys of a station: the gateway's own, and those it hears of. */
#ifndef MUABUI_CONFIG_STATION_H
#define MUABUI_CONFIG_STATION_H

#include "config/config.h"

extern const struct option_group station_group, area_group;

/* Complains of stations and areas that have a row already, or are the gateway's own. */
void station_check_rows(const struct config *config, const struct config_place *place);

/* What AREA is called by people: its name, or AREA where it has no row. */
const char *config_area_name(const struct config *config, const char *area);

#endif
