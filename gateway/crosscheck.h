/*
 * What readings say of each other: within one report, and with those of the other sensors
 * of the same station.
 */
#ifndef MUABUI_GATEWAY_CROSSCHECK_H
#define MUABUI_GATEWAY_CROSSCHECK_H

#include "gateway/source.h"

/*
 * The relative humidity in % where REPORT of SOURCE was taken: its own, corrected, else
 * the newest of the sensor and of its station's others that is not older (or younger)
 * than ten minutes. NAN: not known. Failed values tell nothing.
 */
double crosscheck_humidity(const struct source *source, const struct report *report);

/*
 * Makes readings suspect that others speak against: PM2.5 above PM10, dust in wet air,
 * the station's other sensors. REPORT's single flags are set.
 *
 * PM2.5 of one sensor is not held against PM10 of another: between two instruments lie
 * two calibrations, which differ by more than coarse dust is often worth. That two
 * sensors of the same metric differ is what the limit for neighbours finds.
 */
void crosscheck_report(struct source *source, struct report *report);

#endif
