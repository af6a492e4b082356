/*
 * How a sensor's rain is taken: its `gauge` group. derive/rain.h and derive/catch.h say
 * what becomes of it.
 */
#ifndef MUABUI_CONFIG_RAIN_H
#define MUABUI_CONFIG_RAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "config/option.h"

/* A row of the calibration curve: at this intensity, what is told times FACTOR is true.
 */
struct rain_catch {
	double intensity; /* mm/h, as the gauge tells it */
	double factor;
};

struct rain_config {
	const char *day_starts; /* "HH:MM" in Viet Nam's time */
	int64_t gap;            /* ms without an observation that are a gap */
	double max_intensity;   /* mm/h: more cannot fall */
	double tip;             /* mm per tip; 0: not known */
	int64_t bounce;         /* ms; tips closer together count once; 0: off */
	int64_t turn_time;      /* ms in which the bucket turns and loses; 0: off */
	struct option_list undercatch; /* struct rain_catch, by rising intensity */
	double modulus;                /* mm at which the counter begins again at 0; 0: as
					  the driver knows it */
};

extern const struct option_group rain_group;

/* What holds where nothing is configured. */
extern const struct rain_config rain_defaults;

/* "19:00" as minutes after midnight. False: not such a time. */
bool rain_day_starts(const char *text, int *minutes);

#endif
