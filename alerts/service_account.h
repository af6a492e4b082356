/*
 * Google's OAuth 2.0 for machines: a key file's assertion (RFC 7523, RS256) is exchanged
 * for an access token, which is kept until shortly before it expires.
 */
#ifndef MUABUI_ALERTS_SERVICE_ACCOUNT_H
#define MUABUI_ALERTS_SERVICE_ACCOUNT_H

#include <stddef.h>

#include "core/answer.h"
#include "core/http_client.h"

struct service_account;

/*
 * Reads the key FILE of a service account (JSON; see core/secret.h for where). Tokens are
 * asked for SCOPE with SETTINGS. NULL with a sentence in WHY.
 */
struct service_account *service_account_open(const char *file, const char *scope,
	const struct http_settings *settings, char *why, size_t size);
void service_account_close(struct service_account *account); /* accepts NULL */

const char *service_account_project(const struct service_account *account);

/*
 * An access token, asked for where there is none that still holds for some minutes. NULL:
 * ANSWER says why and what to do (a key that is not accepted, or a clock that is wrong:
 * HELD). Valid until the next call.
 */
const char *service_account_token(struct service_account *account, struct answer *answer);

/* The token was refused: the next call asks for another. */
void service_account_forget(struct service_account *account);

/* See http_client_abort(). */
void service_account_abort(struct service_account *account);

#endif
