/* The state of a rule at a place, as the store keeps it. */
#ifndef MUABUI_ALERTS_STATES_H
#define MUABUI_ALERTS_STATES_H

#include <stdbool.h>
#include <stdint.h>

#include "alerts/places.h"
#include "alerts/rule.h"

/*
 * Reads TEXT, from alert_state_each(), into ENTRY, which is zeroed. Sensors count as
 * heard at NOW_MS (0: the engine says when). False: it is none of RULE, or of another
 * version.
 */
bool states_read(
	const struct rule *rule, struct entry *entry, const char *text, int64_t now_ms);

#endif
