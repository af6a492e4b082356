/*
 * What the parts of the rules ask of each other; for alerts/rule*.c only. One part knows
 * what the sensors of a place say (rule_sensors.c, rule_window.c), one takes the state
 * from phase to phase (rule.c), one decides what of it is told and when (rule_tell.c),
 * and one writes it down (rule_state.c).
 */
#ifndef MUABUI_ALERTS_RULE_PARTS_H
#define MUABUI_ALERTS_RULE_PARTS_H

#include "alerts/rule.h"

enum { RULE_INTERVAL_MAX_MS = 26 * 3600 * 1000 }; /* a daily index, and some */

/* What the fresh sensors of a place say together. */
struct rule_verdict {
	bool known;   /* enough of them are fresh to say anything */
	double value; /* what as many as have to be over agree on; NAN: not known */
	bool current; /* one that is over the first step was heard within max_age */
	bool seen;    /* one that is not clear was heard within max_age */
};

/* Is VALUE beyond the level of STEP; beyond its clear level, on the good side? */
bool rule_is_over(const struct rule *rule, int step, double value);
bool rule_is_clear(const struct rule *rule, int step, double value);

/* The highest step that VALUE is over; -1: none. */
int rule_highest_step(const struct rule *rule, double value);

struct rule_verdict rule_judge(
	const struct rule *rule, const struct rule_state *state, int64_t now_ms);

/* The value of the sensor that spoke last, for when none is fresh; NAN: none ever did. */
double rule_last_value(const struct rule_state *state);

/*
 * Notes what was seen in its sensor. NULL when it says nothing new. *GAP: there was
 * silence before it, too long to say what happened meanwhile.
 */
const struct rule_sensor *rule_note(const struct rule *rule, struct rule_state *state,
	const struct observation *seen, int64_t now_ms, bool *gap);

/* Takes the sensor number INDEX out, and its window. */
void rule_drop_sensor(struct rule_state *state, unsigned index);

/* --- windows ----------------------------------------------------------- */

/* Adds VALUE at TIME_MS, which stands for the CREDIT_MS before it. Time never falls. */
void rule_window_add(const struct rule *rule, struct rule_window *window, int64_t time_ms,
	double value, int64_t credit_ms);

/*
 * What RULE holds against its threshold, of the window that ends at TIME_MS with VALUE,
 * in a decimal people can read; NAN while it is not complete enough or has too few
 * readings.
 */
double rule_window_measure(const struct rule *rule, const struct rule_window *window,
	int64_t time_ms, double value);

/* The clock was set. */
void rule_window_shift(const struct rule *rule, struct rule_window *window,
	const struct clock_step *step);

/* --- telling ----------------------------------------------------------- */

/*
 * What is to be said of STATE as it is now, if anything, and notes that it was. AT_MS is
 * what the message speaks of.
 */
struct rule_event rule_tell(const struct rule *rule, struct rule_state *state,
	const struct rule_verdict *verdict, int64_t at_ms, int64_t now_ms);

/* --- configuration ----------------------------------------------------- */

/* Reports what in RULE, once settled, contradicts itself. */
void rule_check(const struct rule *rule, const struct config_place *place);

#endif
