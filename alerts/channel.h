/*
 * The channel interface: where alerts go. New channel = one file with one const
 * struct at its end, one line in alerts/registry.c.
 */
#ifndef MUABUI_ALERTS_CHANNEL_H
#define MUABUI_ALERTS_CHANNEL_H

#include <stddef.h>
#include <stdint.h>

#include "alerts/message.h"
#include "config/config.h"
#include "config/option.h"
#include "core/answer.h"

/* Where a channel stands, for those that keep something themselves. Outlives it. */
struct channel_env {
	const char *name;            /* the channel's own, unique in the configuration */
	const struct config *config; /* the whole */
	const char *store_path;      /* NULL: a trial, nothing is to be kept */
};

struct channel_driver {
	struct option_kind kind;
	/* What holds a connection. NULL with the reason in WHY: retried later. */
	void *(*open)(const struct channel_env *env, const void *options, char *why,
		size_t size);
	void (*close)(void *self);
	/* Sends MESSAGE; blocks at most for its time limit. */
	void (*send)(void *self, const struct message *message, struct answer *answer);
	/* Makes a send under way on another thread end soon. May be NULL. */
	void (*abort)(void *self);
};

/* The options every channel has (option_item.common). */
struct channel_common {
	int audience; /* enum audience */
	int language; /* index into config_languages + 1; 0 = alerts.language */
};

/* For a kind's check: KEY's URL carries credentials, so http:// only stays on this
 * machine. */
void channel_check_secure(
	const char *url, const char *key, const struct config_place *place);

extern const struct channel_driver *const channel_drivers[];
extern const struct option_family channel_family;

#endif
