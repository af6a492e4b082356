/* What a subscription says in JSON, as it comes from the public. Pure. */
#ifndef MUABUI_WEB_WISHES_H
#define MUABUI_WEB_WISHES_H

#include <stdbool.h>
#include <stddef.h>

#include "config/option.h"
#include "store/subscriptions.h"

enum { WISHES_WHY_SIZE = 160 };

/*
 * Reads {"endpoint","keys":{"p256dh","auth"}} and the wishes below from LENGTH bytes of
 * TEXT into SUBSCRIPTION, which has the defaults. HOSTS: see push_endpoint_check(). False
 * with a sentence in WHY.
 */
bool wishes_read_new(const char *text, size_t length, const struct option_strings *hosts,
	struct subscription *subscription, char why[static WISHES_WHY_SIZE]);

/*
 * Reads {"areas":[…],"hazards":[…],"level":"all"|"sensitive","language":"vi"|"en",
 * "quiet_hours":{"from":"22:00","to":"06:00"}}; what is not there stays as it is, null
 * stands for the default: all areas, all hazards, no quiet hours. The same otherwise.
 */
bool wishes_read(const char *text, size_t length, struct subscription *subscription,
	char why[static WISHES_WHY_SIZE]);

#endif
