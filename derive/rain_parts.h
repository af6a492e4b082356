/* Shared by the files of the rain gauge only (derive/rain.h). */
#ifndef MUABUI_DERIVE_RAIN_PARTS_H
#define MUABUI_DERIVE_RAIN_PARTS_H

#include "derive/rain.h"

#define RAIN_MINUTE INT64_C(60000)
#define RAIN_HOUR   (60 * RAIN_MINUTE)

enum {
	RAIN_LONGEST = RAIN_WINDOWS - 1,
	/* A tip a second for three days: what is beyond is not rain. */
	RAIN_TIPS_MAX = 3 * 24 * 3600,
};

/* Times without an observation are kept as gaps when they are longer than this. */
int64_t rain_least_gap(const struct rain_gauge *gauge);

/* Adds up all windows at the newest observation. */
void rain_sum_anew(struct rain_gauge *gauge);

/*
 * The intensity, mm/h, at TIP, which is newer than all tips of GAUGE or as new as the
 * newest; the observation before it was at BEFORE_MS (0: there was none). NAN: not known.
 */
double rain_rate_of_tip(
	const struct rain_gauge *gauge, struct rain_tip tip, int64_t before_ms);

#endif
