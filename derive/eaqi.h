/*
 * The European air quality index: the worst band of five pollutants' hourly means, by the
 * bands revised in 2024. Pure.
 */
#ifndef MUABUI_DERIVE_EAQI_H
#define MUABUI_DERIVE_EAQI_H

#include "derive/air_hours.h"

/* "Good" for 1 … "Extremely poor" for 6. */
const char *eaqi_category(int band);

/*
 * The band 1..6 of an hourly mean in µg/m³; a bound belongs to the better band. -1 for
 * what is no number, and for CO, which has no bands.
 */
int eaqi_band(enum air_pollutant pollutant, double mean);

/* The worst band of the newest hour of HOURS. */
void eaqi_hour(const struct air_hours *hours, struct air_index *index);

#endif
