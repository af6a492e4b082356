/*
 * Under-catch: what a gauge misses grows with the intensity. Pure.
 */
#ifndef MUABUI_DERIVE_CATCH_H
#define MUABUI_DERIVE_CATCH_H

#include "config/rain.h"

/*
 * What an amount has to be multiplied by that was told at INTENSITY (mm/h): 1 where
 * nothing is configured. Of the curve, interpolated linearly, its ends held beyond them.
 * Of the turning time t (Duchon 2014): I / (1 - loss) with loss = I t / (3600 h), h being
 * the tip; a loss of more than a half is taken for a half.
 */
double catch_factor(const struct rain_config *config, double intensity);

#endif
