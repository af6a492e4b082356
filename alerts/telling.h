/*
 * What is to be told, before it is in a language: a message without its texts, and what
 * they are made of. Pure.
 */
#ifndef MUABUI_ALERTS_TELLING_H
#define MUABUI_ALERTS_TELLING_H

#include <stdbool.h>
#include <stdint.h>

#include "alerts/message.h"
#include "alerts/rule.h"
#include "alerts/site.h"
#include "alerts/texts.h"

struct telling {
	struct message message;
	struct text_about about;
	int audience;               /* enum audience */
	double latitude, longitude; /* °; NAN: not known */
	bool is_digest;    /* it is about an area; so far it names the worst station */
	unsigned stations; /* that have an alert; a digest's */
};

/*
 * EVENT of RULE at SITE, told at NOW_MS, as REVISION of EPISODE; a digest may make it its
 * own afterwards.
 */
void telling_of_event(struct telling *telling, const struct rule *rule,
	const struct site *site, const struct rule_event *event, const char *episode,
	int revision, int64_t now_ms);

/*
 * Appends it as an outbox row's body, in the language of that index, with the texts that
 * CONFIG has of its own.
 */
void telling_render(const struct telling *telling, const struct config *config,
	int language, struct buffer *body);

#endif
