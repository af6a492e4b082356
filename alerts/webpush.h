/*
 * The webpush channel as the configuration has it; the web needs it to take
 * subscriptions.
 */
#ifndef MUABUI_ALERTS_WEBPUSH_H
#define MUABUI_ALERTS_WEBPUSH_H

#include <stdint.h>

#include "config/config.h"

extern const char webpush_default_key[]; /* the default of key_file */

struct webpush_options {
	const char *subject;
	const char *key_file;
	struct option_strings endpoint_hosts; /* none: push_known_hosts */
	const char *page;
	int max_subscriptions;
	int requests_per_minute; /* of one address, to change subscriptions */
	int in_flight;
	int workers;
	int connections;
	const char *ca_file;
	int64_t timeout; /* ms */
};

/* The options of the one webpush channel of CONFIG; NULL: it has none. */
const struct webpush_options *webpush_find(const struct config *config);

/* There is one table of subscriptions, so there is one such channel at most. */
void webpush_check(const struct option_list *channels, const struct config_place *place);

#endif
