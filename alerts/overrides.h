/*
 * Texts of the operators' own, from alerts.texts: one takes the place of what the
 * catalogue says at one moment of a rule's, a metric's or a hazard's alerts in one
 * language. The most particular counts: by rule, by metric, by hazard.
 */
#ifndef MUABUI_ALERTS_OVERRIDES_H
#define MUABUI_ALERTS_OVERRIDES_H

#include "alerts/message.h"
#include "alerts/texts.h"
#include "config/config.h"

struct text_override {
	int language; /* index into config_languages */
	const char *rule;
	const struct metric *metric;
	int hazard;                             /* enum hazard + 1; 0: none is named */
	int moment;                             /* enum text_moment */
	const char *title, *text, *instruction; /* "": the catalogue's */
};

extern const struct option_group text_override_group; /* for the schema */

/*
 * Replaces what CONFIG overrides of MESSAGE, which texts_fill_about() has filled in. What
 * there are no words of "worse" for has those of "firing".
 * What needs a value or threshold is left alone where the message has none.
 */
void overrides_apply(const struct config *config, const struct text_about *about,
	struct message *message);

/* Complains of texts for rules that CONFIG does not have. */
void overrides_check(const struct config *config, const struct config_place *place);

#endif
