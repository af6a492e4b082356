/*
 * Quality control: which flag a value deserves. Pure. Flags after QARTOD
 * (regulation.md §7.1 names the source of the tests).
 */
#ifndef MUABUI_DERIVE_QUALITY_H
#define MUABUI_DERIVE_QUALITY_H

#include <stdint.h>

#include "core/metric.h"

/*
 * Gross range: FLAG_FAIL outside METRIC's range or for what is no number, else
 * FLAG_GOOD. Bounds are good. METRIC NULL (no longer declared): FLAG_NOT_EVALUATED.
 */
uint8_t quality_gross_range(const struct metric *metric, double value);

/* The worse of two flags: 9 after 4 after 3 after 2 after 1. */
uint8_t quality_worse(uint8_t a, uint8_t b);

#endif
