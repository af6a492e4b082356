/*
 * NowCast: the weighted mean of the last twelve hours by which both VN_AQI (Decision
 * 1459/QĐ-TCMT) and US AQI (EPA) say what dust is now. The faster it changes, the more
 * the newest hours count.
 */
#ifndef MUABUI_DERIVE_NOWCAST_H
#define MUABUI_DERIVE_NOWCAST_H

enum { NOWCAST_HOURS = 12 };

/*
 * The Decision prints two formulas. For the smallest weight, 1/2, it lacks the division
 * by the sum of weights: with all hours there that is the same to 0.02 %, with gaps it
 * tells too little. LITERAL follows its letter, NORMALISED always divides, as EPA does.
 */
enum nowcast_form { NOWCAST_NORMALISED, NOWCAST_LITERAL };

/*
 * HOURS: hourly means in µg/m³, the newest first; NAN: missing. NAN unless at least two
 * of the newest three are there.
 */
double nowcast(const double hours[static NOWCAST_HOURS], enum nowcast_form form);

#endif
