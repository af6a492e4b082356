/*
 * Access tokens of a Zalo official account. Each is bought with a refresh token that
 * holds once only and brings the next: who loses that must be given a new one by hand. So
 * both are kept in a state file, replaced whole before anything is sent with them, and
 * only one at a time asks, whether channel, trial or another process.
 */
#ifndef MUABUI_ALERTS_ZALO_TOKEN_H
#define MUABUI_ALERTS_ZALO_TOKEN_H

#include <stddef.h>

#include "core/answer.h"
#include "core/http_client.h"

struct zalo_token;

struct zalo_token_settings {
	const char *url; /* of the OAuth server */
	const char *app_id;
	const char *secret_file;        /* the application's secret key */
	const char *refresh_token_file; /* the first one; another one there begins anew */
	const char *state_file;
	struct http_settings http;
};

/* SETTINGS outlives the result. NULL with a sentence in WHY. */
struct zalo_token *zalo_token_open(
	const struct zalo_token_settings *settings, char *why, size_t size);
void zalo_token_close(struct zalo_token *token); /* accepts NULL */

/*
 * A token that holds for some minutes more. NULL: ANSWER says why; a refresh token that
 * is not taken, and a state file that cannot be written, are HELD. Valid until the next
 * call.
 */
const char *zalo_token_get(struct zalo_token *token, struct answer *answer);

/* It was refused: the next call gets another. */
void zalo_token_forget(struct zalo_token *token);

/* See http_client_abort(). */
void zalo_token_abort(struct zalo_token *token);

#endif
