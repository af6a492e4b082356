#include "alerts/service_account.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/url.h"
#include "core/buffer.h"
#include "core/clock.h"
#include "core/json.h"
#include "core/jwt.h"
#include "core/reason.h"
#include "core/secret.h"

enum {
	ASSERTION_S = 3600,        /* the most Google allows */
	MARGIN_MS = 5 * 60 * 1000, /* a token is renewed so long before it expires */
	HELD_BY_DEFAULT_S = 3600,  /* a token whose answer does not say how long */
	RESPONSE_MAX = 16 * 1024,
	TOKEN_MAX = 4096,
	CLAIMS_MAX = 2048,
};

struct service_account {
	char *email, *project, *key_id, *token_uri;
	const char *scope;
	struct jwt_key *key;
	struct http_client *client;
	char token[TOKEN_MAX]; /* "": none */
	int64_t renew_mono_ms;
};

/* --- the key file ---------------------------------------------------------- */

static char *copy_text(const cJSON *root, const char *key, char *why, size_t size)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(root, key);

	if (!cJSON_IsString(item) || !item->valuestring[0]) {
		snprintf(why, size, "not the key file of a service account: no \"%s\"",
			key);
		return NULL;
	}
	char *copy = strdup(item->valuestring);
	if (!copy)
		snprintf(why, size, "out of memory");
	return copy;
}

/* A project is part of the URL of every message. */
static bool is_project(const char *text)
{
	return text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-.:")] == '\0';
}

static bool take_account(
	struct service_account *account, const cJSON *root, char *why, size_t size)
{
	char *pem = copy_text(root, "private_key", why, size), reason[128] = "";

	if (!pem)
		return false;
	account->key = jwt_key_load(pem, JWT_RS256, reason, sizeof reason);
	secret_wipe(pem, strlen(pem));
	free(pem);
	if (!account->key) {
		snprintf(why, size, "private_key: %s", reason);
		return false;
	}
	account->email = copy_text(root, "client_email", why, size);
	account->project = copy_text(root, "project_id", why, size);
	account->key_id = copy_text(root, "private_key_id", why, size);
	account->token_uri = copy_text(root, "token_uri", why, size);
	if (!account->email || !account->project || !account->key_id ||
		!account->token_uri)
		return false;
	if (!is_project(account->project)) {
		snprintf(why, size, "project_id: not the name of a project");
		return false;
	}
	if (strncmp(account->token_uri, "https://", 8) != 0 &&
		!url_is_loopback(account->token_uri)) {
		snprintf(why, size, "token_uri: not https://");
		return false;
	}
	return true;
}

/* cJSON's copies of the key must not stay in memory that is given back. */
static void forget_tree(cJSON *root)
{
	cJSON *item;

	cJSON_ArrayForEach(item, root)
	{
		if (cJSON_IsString(item))
			secret_wipe(item->valuestring, strlen(item->valuestring));
	}
	cJSON_Delete(root);
}

static bool read_account(
	struct service_account *account, const char *file, char *why, size_t size)
{
	char text[SECRET_MAX], reason[200] = "";

	if (!secret_read(file, text, why, size))
		return false;
	cJSON *root = cJSON_Parse(text);
	secret_wipe(text, sizeof text);
	bool ok = cJSON_IsObject(root);
	if (ok)
		ok = take_account(account, root, reason, sizeof reason);
	else
		snprintf(reason, sizeof reason, "not JSON");
	forget_tree(root);
	if (!ok)
		snprintf(why, size, "%s: %s", file, reason);
	return ok;
}

struct service_account *service_account_open(const char *file, const char *scope,
	const struct http_settings *settings, char *why, size_t size)
{
	struct service_account *account = calloc(1, sizeof *account);

	if (!account) {
		snprintf(why, size, "out of memory");
		return NULL;
	}
	account->scope = scope;
	if (!read_account(account, file, why, size))
		goto failed;
	account->client = http_client_new(settings);
	if (!account->client) {
		snprintf(why, size, "out of memory");
		goto failed;
	}
	return account;
failed:
	service_account_close(account);
	return NULL;
}

void service_account_close(struct service_account *account)
{
	if (!account)
		return;
	http_client_free(account->client);
	jwt_key_free(account->key);
	free(account->email);
	free(account->project);
	free(account->key_id);
	free(account->token_uri);
	secret_wipe(account->token, sizeof account->token);
	free(account);
}

const char *service_account_project(const struct service_account *account)
{
	return account->project;
}

/* --- tokens ----------------------------------------------------------------- */

/* The form that asks for a token. False: it cannot be signed. */
static bool put_form(const struct service_account *account, struct buffer *form)
{
	int64_t now = clock_wall_ms() / 1000;
	struct buffer claims;
	struct json json;

	buffer_init(&claims, CLAIMS_MAX);
	json_start(&json, &claims);
	json_object(&json, NULL);
	json_string(&json, "iss", account->email);
	json_string(&json, "scope", account->scope);
	json_string(&json, "aud", account->token_uri);
	json_integer(&json, "iat", now);
	json_integer(&json, "exp", now + ASSERTION_S);
	json_end_object(&json);
	buffer_puts(form,
		"grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=");
	bool ok = !claims.failed &&
		jwt_sign(account->key, account->key_id, buffer_text(&claims), form);
	buffer_free(&claims);
	return ok;
}

/* Takes the token out of RESPONSE. */
static bool take_token(struct service_account *account, const struct buffer *response)
{
	cJSON *root = cJSON_ParseWithLength(buffer_text(response), response->length);
	const cJSON *token = cJSON_GetObjectItemCaseSensitive(root, "access_token");
	const cJSON *expires = cJSON_GetObjectItemCaseSensitive(root, "expires_in");
	double seconds =
		cJSON_IsNumber(expires) ? expires->valuedouble : HELD_BY_DEFAULT_S;
	bool ok = cJSON_IsString(token) && token->valuestring[0] &&
		strlen(token->valuestring) < sizeof account->token;

	if (ok) {
		int64_t ms = seconds > 0 && seconds < 86400 ? (int64_t)(seconds * 1000)
							    : HELD_BY_DEFAULT_S * 1000;
		memcpy(account->token, token->valuestring,
			strlen(token->valuestring) + 1);
		account->renew_mono_ms =
			clock_mono_ms() + (ms > 2 * MARGIN_MS ? ms - MARGIN_MS : ms / 2);
	}
	forget_tree(root);
	return ok;
}

/* {"error":"invalid_grant","error_description":"…"}, what a person can act on. */
static void say_refusal(struct answer *answer, const struct buffer *response)
{
	cJSON *root = cJSON_ParseWithLength(buffer_text(response), response->length);
	const cJSON *error = cJSON_GetObjectItemCaseSensitive(root, "error");
	const cJSON *text = cJSON_GetObjectItemCaseSensitive(root, "error_description");
	struct buffer reason;

	answer->outcome = OUTCOME_HELD;
	buffer_init(&reason, REASON_MAX);
	buffer_printf(&reason, "no access token: HTTP %d", answer->status);
	if (cJSON_IsString(error)) {
		buffer_puts(&reason, ": ");
		reason_append(&reason, error->valuestring, strlen(error->valuestring));
		if (!strcmp(error->valuestring, "invalid_grant"))
			buffer_puts(&reason,
				" (a key that was taken back, or a wrong clock)");
	}
	if (cJSON_IsString(text)) {
		buffer_puts(&reason, ": ");
		reason_append(&reason, text->valuestring, strlen(text->valuestring));
	}
	cJSON_Delete(root);
	reason_keep(answer, &reason);
}

static void ask(struct service_account *account, struct answer *answer)
{
	static const char *const headers[] = {
		"Content-Type: application/x-www-form-urlencoded", NULL
	};
	struct buffer form, response;

	buffer_init(&form, JWT_MAX + 256);
	buffer_init(&response, RESPONSE_MAX);
	*answer = (struct answer){ .outcome = OUTCOME_RETRY, .retry_after_ms = -1 };
	if (!put_form(account, &form)) {
		reason_say(answer, "cannot sign");
		goto done;
	}
	http_post(account->client, account->token_uri, headers, form.data, form.length,
		&response, answer);
	/* Nothing of the message has gone anywhere yet. */
	answer->maybe_taken = false;
	if (answer->outcome == OUTCOME_REFUSED || answer->outcome == OUTCOME_HELD) {
		say_refusal(answer, &response);
	} else if (answer->outcome == OUTCOME_DONE && !take_token(account, &response)) {
		answer->outcome = OUTCOME_RETRY;
		reason_say(answer, "no access token in the answer of the token server");
	}
done:
	if (form.data)
		secret_wipe(form.data, form.length);
	if (response.data)
		secret_wipe(response.data, response.length);
	buffer_free(&form);
	buffer_free(&response);
}

const char *service_account_token(struct service_account *account, struct answer *answer)
{
	if (account->token[0] && clock_mono_ms() < account->renew_mono_ms)
		return account->token;
	service_account_forget(account);
	if (!clock_is_set()) {
		*answer =
			(struct answer){ .outcome = OUTCOME_RETRY, .retry_after_ms = -1 };
		reason_say(answer,
			"the clock is not set, and an assertion with a wrong time is refused");
		return NULL;
	}
	ask(account, answer);
	return answer->outcome == OUTCOME_DONE ? account->token : NULL;
}

void service_account_forget(struct service_account *account)
{
	secret_wipe(account->token, sizeof account->token);
}

void service_account_abort(struct service_account *account)
{
	http_client_abort(account->client);
}
