/* Correcting a report's values by the calibrations of its source. */
#ifndef MUABUI_GATEWAY_CALIBRATE_H
#define MUABUI_GATEWAY_CALIBRATE_H

#include "gateway/source.h"

/*
 * Finds the calibrations of SOURCE, just made, and their numbers in its store, in which a
 * changed one, and one that is no more, is noted. 0, or -1 when the store failed.
 */
int calibrate_prepare(struct source *source);

/*
 * Corrects the values of REPORT, so that value is the corrected one and raw stays. Those
 * that need a humidity nobody knows stay as the sensor said them, suspect.
 */
void calibrate_report(struct source *source, struct report *report);

#endif
