#include "alerts/apns_token.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/secret.h"

enum {
	TOKENS = 8,                    /* at a time: keys of this box */
	RENEW_MS = 50 * 60 * 1000,     /* Apple refuses one older than an hour … */
	RENEW_MIN_MS = 20 * 60 * 1000, /* … and one more often than that */
};

/*
 * Apple counts how often tokens are renewed, whoever of this program asks: a channel that
 * is opened again, a trial beside it. So they are kept for the whole program, by key (its
 * public half: a file may be replaced by the right one), its id and team.
 */
static struct provider_token {
	char key_id[APNS_KEY_ID_SIZE + 1], team_id[APNS_KEY_ID_SIZE + 1];
	uint8_t point[JWT_POINT_SIZE];
	char text[APNS_TOKEN_MAX]; /* "": free */
	int64_t made_mono_ms;
} tokens[TOKENS];
static pthread_mutex_t tokens_mutex = PTHREAD_MUTEX_INITIALIZER;

static bool make_token(
	const char *key_id, const char *team_id, const struct jwt_key *key, char *text)
{
	struct buffer claims, token;
	struct json json;

	buffer_init(&claims, 256);
	buffer_init(&token, APNS_TOKEN_MAX - 1);
	json_start(&json, &claims);
	json_object(&json, NULL);
	json_string(&json, "iss", team_id);
	json_integer(&json, "iat", clock_wall_ms() / 1000);
	json_end_object(&json);
	bool ok = !claims.failed && jwt_sign(key, key_id, buffer_text(&claims), &token);
	if (ok)
		memcpy(text, token.data, token.length + 1);
	buffer_free(&token);
	buffer_free(&claims);
	return ok;
}

/* The place of this key's token: its own, a free one, or the oldest. */
static struct provider_token *place_of(
	const char *key_id, const char *team_id, const uint8_t *point)
{
	struct provider_token *found = &tokens[0];

	for (size_t i = 0; i < TOKENS; i++) {
		struct provider_token *token = &tokens[i];

		if (token->text[0] && !strcmp(token->key_id, key_id) &&
			!strcmp(token->team_id, team_id) &&
			!memcmp(token->point, point, sizeof token->point))
			return token;
		if (found->text[0] &&
			(!token->text[0] || token->made_mono_ms < found->made_mono_ms))
			found = token;
	}
	secret_wipe(found, sizeof *found);
	return found;
}

bool apns_token_get(const char *key_id, const char *team_id, const struct jwt_key *key,
	bool was_refused, char text[static APNS_TOKEN_MAX])
{
	int64_t now = clock_mono_ms();
	uint8_t point[JWT_POINT_SIZE];
	bool ok = true;

	if (!jwt_key_point(key, point))
		return false;
	pthread_mutex_lock(&tokens_mutex);
	struct provider_token *token = place_of(key_id, team_id, point);
	int64_t age = now - token->made_mono_ms;
	if (!token->text[0] || age >= (was_refused ? RENEW_MIN_MS : RENEW_MS)) {
		ok = make_token(key_id, team_id, key, token->text);
		snprintf(token->key_id, sizeof token->key_id, "%s", key_id);
		snprintf(token->team_id, sizeof token->team_id, "%s", team_id);
		memcpy(token->point, point, sizeof token->point);
		token->made_mono_ms = now;
	} else if (was_refused) {
		ok = false;
	}
	memcpy(text, token->text, APNS_TOKEN_MAX);
	pthread_mutex_unlock(&tokens_mutex);
	return ok;
}
