/*
 * What the gateway itself has to tell its operators: no rule, no reading, one message on
 * every channel whose audience they are.
 */
#ifndef MUABUI_ALERTS_NOTICE_H
#define MUABUI_ALERTS_NOTICE_H

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "store/store.h"

/* In the languages of config_languages, and in their order. */
struct notice {
	const char *rule; /* what stands for a rule's name, "store" */
	const char *titles[2];
	const char *texts[2];
	const char *instructions[2]; /* NULL: none */
	const char *episode;         /* NULL: made of rule and time */
	int revision;                /* 0: the first */
	bool resolved;               /* it is over */
	int64_t since_ms;            /* 0: now */
	const char *but;             /* NULL, or the channel it does not go to */
};

/*
 * Puts NOTICE into the outbox, inside the recorder's transaction. How many messages, or
 * -1.
 */
int notice_operators(struct store *store, const struct config *config,
	const struct notice *notice, int64_t now_ms);

#endif
