/*
 * What a sensor's value becomes by its calibration. Pure.
 *
 * First the instrument's own: gain × x + offset, or a0 + a1 x + a2 x² … Then, for
 * optical dust, the humidity, on what came out of that:
 *
 * - epa: 0.524 x − 0.0862 RH + 5.75 (Barkjohn, Gantt and Clements 2021, for PM2.5 of
 *   PurpleAir's two channels; United States);
 * - epa2021: the same extended to smoke (US EPA), x < 30 as above, to 50 blending into
 *   0.786 x − 0.0862 RH + 5.75, from 210 to 260 into 2.966 + 0.69 x + 0.000884 x²;
 * - kappa: x / (1 + (κ / density) / (100 / RH − 1)), the growth of wet particles after
 *   κ-Köhler theory (Crilley et al. 2018, density 1.65 g/cm³; κ hangs on the place);
 * - linear: c0 x + c1 RH + c2, the site's own.
 *
 * RH is in %. What is below 0 after the humidity's correction is 0: there is no less
 * than no dust. A wind direction stays within 0 to 360°.
 */
#ifndef MUABUI_DERIVE_CALIBRATION_H
#define MUABUI_DERIVE_CALIBRATION_H

#include "config/calibration.h"

struct calibrated {
	double value; /* rounded two decimals beyond what people are shown */
	bool whole;   /* false: the humidity it needs was not there; value is raw */
	bool capped;  /* the humidity was above the cap */
};

/* RAW by CONFIG; HUMIDITY in %, NAN where none is known. */
struct calibrated calibration_apply(
	const struct calibration_config *config, double raw, double humidity);

#endif
