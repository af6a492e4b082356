/*
 * What all air quality indices share: concentrations on a piecewise linear scale, and
 * rounding that does not depend on how a decimal fraction looks in binary.
 */
#ifndef MUABUI_DERIVE_SCALE_H
#define MUABUI_DERIVE_SCALE_H

#include <stddef.h>

/* A stretch of a scale: concentrations LOW..HIGH mean BOTTOM..TOP. */
struct scale_step {
	double low, high;
	double bottom, top;
};

/*
 * The value of CONCENTRATION on the COUNT steps, which rise: on the first whose HIGH is
 * not below it; beyond the last one its line goes on. NAN for what is no number; below
 * the first step it is that step's BOTTOM.
 */
double scale_value(const struct scale_step *steps, size_t count, double concentration);

/*
 * To the nearest whole number, halves up. What is a half in decimal arithmetic is one
 * here: 1e-9 is added, less than two different values of data with six decimals can be
 * apart on any scale, and more than the error of the arithmetic.
 */
int scale_round(double value);

/* Cuts VALUE off after DECIMALS, with the same care. */
double scale_truncate(double value, int decimals);

/* The mean of the COUNT values that are numbers; NAN when fewer than NEEDED are. */
double scale_mean(const double *values, size_t count, size_t needed);

#endif
