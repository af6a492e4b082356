/* Apple's provider tokens: one for an hour, for whoever in this program has the key. */
#ifndef MUABUI_ALERTS_APNS_TOKEN_H
#define MUABUI_ALERTS_APNS_TOKEN_H

#include <stdbool.h>

#include "core/jwt.h"

enum {
	APNS_KEY_ID_SIZE = 10, /* characters of a key's and of a team's id */
	APNS_TOKEN_MAX = 1024,
};

/*
 * Copies the token of KEY to TEXT. It is made anew after 50 minutes; WAS_REFUSED: after
 * 20, more often Apple does not take one. False: it cannot be signed, or was refused and
 * is too young for another.
 */
bool apns_token_get(const char *key_id, const char *team_id, const struct jwt_key *key,
	bool was_refused, char text[static APNS_TOKEN_MAX]);

#endif
