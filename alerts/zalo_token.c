#include "alerts/zalo_token.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "core/buffer.h"
#include "core/clock.h"
#include "core/file.h"
#include "core/json.h"
#include "core/log.h"
#include "core/percent.h"
#include "core/reason.h"
#include "core/secret.h"

enum {
	MARGIN_S = 5 * 60,   /* a token is renewed so long before it ends */
	LASTS_S = 25 * 3600, /* where the answer does not say */
	LASTS_MAX_S = 365 * 86400,
	LOCK_SLICE_MS = 50,
	STATE_MAX = 16 * 1024,
	SEED_SIZE = 65,
};

struct tokens {
	char seed[SEED_SIZE];    /* SHA-256 of the refresh token they all come from */
	char access[SECRET_MAX]; /* "": none */
	char refresh[SECRET_MAX];
	int64_t ends_s; /* when access does, by the wall clock */
};

struct zalo_token {
	const struct zalo_token_settings *settings;
	struct http_client *client;
	char secret_header[SECRET_MAX + 16];
	char refused[SECRET_MAX]; /* an access token that was, "": none */
	struct tokens tokens;
	atomic_bool aborted;
};

/* --- the state file ------------------------------------------------------------- */

static bool get_text(const cJSON *root, const char *key, char *out, size_t size)
{
	const char *text =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(root, key));

	if (!text || !text[0] || strlen(text) >= size)
		return false;
	memcpy(out, text, strlen(text) + 1);
	return true;
}

/* What is kept, where it comes from the refresh token we are given. */
static void read_state(struct zalo_token *token)
{
	struct tokens *mine = &token->tokens;
	struct tokens kept = { .ends_s = 0 };
	struct buffer text;
	char why[256];

	buffer_init(&text, STATE_MAX);
	if (!file_read(token->settings->state_file, &text, why, sizeof why)) {
		buffer_free(&text);
		return;
	}
	cJSON *root = cJSON_ParseWithLength(buffer_text(&text), text.length);
	const cJSON *ends = cJSON_GetObjectItemCaseSensitive(root, "expires");
	get_text(root, "access_token", kept.access, sizeof kept.access);
	if (cJSON_IsNumber(ends) && ends->valuedouble > 0 && ends->valuedouble < 1e12)
		kept.ends_s = (int64_t)ends->valuedouble;
	if (get_text(root, "seed", kept.seed, sizeof kept.seed) &&
		get_text(root, "refresh_token", kept.refresh, sizeof kept.refresh) &&
		!strcmp(kept.seed, mine->seed))
		*mine = kept;
	cJSON_Delete(root);
	if (text.data)
		secret_wipe(text.data, text.length);
	buffer_free(&text);
	secret_wipe(&kept, sizeof kept);
}

static bool write_state(struct zalo_token *token, char *why, size_t size)
{
	struct buffer text;
	struct json json;

	buffer_init(&text, STATE_MAX);
	json_start(&json, &text);
	json_object(&json, NULL);
	json_string(&json, "seed", token->tokens.seed);
	json_string(&json, "access_token", token->tokens.access);
	json_string(&json, "refresh_token", token->tokens.refresh);
	json_integer(&json, "expires", token->tokens.ends_s);
	json_end_object(&json);
	bool ok = !text.failed &&
		file_replace(
			token->settings->state_file, text.data, text.length, why, size);
	if (text.data)
		secret_wipe(text.data, text.length);
	buffer_free(&text);
	return ok;
}

/* Waits its turn. A descriptor, or -1 with ANSWER's reason. */
static int lock(struct zalo_token *token, struct answer *answer)
{
	int64_t end = clock_real_ms() + token->settings->http.timeout_ms;
	char path[4096];

	snprintf(path, sizeof path, "%s.lock", token->settings->state_file);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		answer->outcome = OUTCOME_HELD;
		reason_say(answer, "cannot open %s: %s", path, strerror(errno));
		return -1;
	}
	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (clock_real_ms() > end || atomic_load(&token->aborted)) {
			reason_say(answer, "another one renews the token");
			close(fd);
			return -1;
		}
		poll(NULL, 0, LOCK_SLICE_MS);
	}
	return fd;
}

/* --- renewing -------------------------------------------------------------------- */

static bool holds(const struct zalo_token *token)
{
	const struct tokens *mine = &token->tokens;

	return mine->access[0] && strcmp(mine->access, token->refused) != 0 &&
		clock_wall_ms() / 1000 < mine->ends_s - MARGIN_S;
}

/* "90000" or 90000. */
static int64_t lifetime(const cJSON *root)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(root, "expires_in");
	double seconds = cJSON_IsString(item) ? strtod(item->valuestring, NULL)
		: cJSON_IsNumber(item)        ? item->valuedouble
					      : 0;

	return seconds >= 1 && seconds < LASTS_MAX_S ? (int64_t)seconds : LASTS_S;
}

/* Takes both tokens out of RESPONSE; else it is a refusal, which it says. */
static bool take_tokens(
	struct zalo_token *token, const struct buffer *response, struct answer *answer)
{
	cJSON *root = cJSON_ParseWithLength(buffer_text(response), response->length);
	struct tokens *mine = &token->tokens;
	struct tokens got = { .ends_s = clock_wall_ms() / 1000 + lifetime(root) };
	bool ok = get_text(root, "access_token", got.access, sizeof got.access) &&
		get_text(root, "refresh_token", got.refresh, sizeof got.refresh);

	if (ok) {
		memcpy(got.seed, mine->seed, sizeof got.seed);
		*mine = got;
	} else {
		const cJSON *error = cJSON_GetObjectItemCaseSensitive(root, "error");
		const char *name = cJSON_GetStringValue(
			cJSON_GetObjectItemCaseSensitive(root, "error_name"));

		answer->outcome = cJSON_IsNumber(error) ? OUTCOME_HELD : OUTCOME_RETRY;
		reason_say(answer,
			"no access token: %s (%.0f); a new refresh token may have to be put into %s",
			name ? name : "no answer we know",
			cJSON_IsNumber(error) ? error->valuedouble : 0,
			token->settings->refresh_token_file);
	}
	cJSON_Delete(root);
	secret_wipe(&got, sizeof got);
	return ok;
}

static bool ask(struct zalo_token *token, struct answer *answer)
{
	const char *const headers[] = { "Content-Type: application/x-www-form-urlencoded",
		token->secret_header, NULL };
	struct buffer form, response;
	bool ok = false;

	buffer_init(&form, 4 * SECRET_MAX);
	buffer_init(&response, STATE_MAX);
	buffer_puts(&form, "grant_type=refresh_token&app_id=");
	percent_append(&form, token->settings->app_id);
	buffer_puts(&form, "&refresh_token=");
	percent_append(&form, token->tokens.refresh);
	http_post(token->client, token->settings->url, headers, form.data, form.length,
		&response, answer);
	/* Nothing of the message has gone anywhere yet. */
	answer->maybe_taken = false;
	if (answer->outcome == OUTCOME_REFUSED)
		answer->outcome = OUTCOME_HELD;
	if (answer->outcome == OUTCOME_DONE)
		ok = take_tokens(token, &response, answer);
	reason_hide(answer, token->tokens.refresh);
	if (form.data)
		secret_wipe(form.data, form.length);
	if (response.data)
		secret_wipe(response.data, response.length);
	buffer_free(&form);
	buffer_free(&response);
	return ok;
}

/* Under the lock. */
static bool renew(struct zalo_token *token, struct answer *answer)
{
	char why[256];

	read_state(token);
	if (holds(token))
		return true;
	/* A refresh token holds once: what comes for it must have a place. */
	if (!write_state(token, why, sizeof why)) {
		answer->outcome = OUTCOME_HELD;
		reason_say(answer, "%s", why);
		return false;
	}
	if (!ask(token, answer))
		return false;
	if (!write_state(token, why, sizeof why))
		log_error(
			"zalo: the new refresh token is kept in memory only, and lost with the program: %s",
			why);
	token->refused[0] = '\0';
	return true;
}

const char *zalo_token_get(struct zalo_token *token, struct answer *answer)
{
	if (holds(token))
		return token->tokens.access;
	*answer = (struct answer){ .outcome = OUTCOME_RETRY, .retry_after_ms = -1 };
	if (!clock_is_set()) {
		reason_say(answer, "the clock is not set, and tokens end by it");
		return NULL;
	}
	int fd = lock(token, answer);
	if (fd < 0)
		return NULL;
	bool ok = renew(token, answer);
	close(fd);
	return ok ? token->tokens.access : NULL;
}

void zalo_token_forget(struct zalo_token *token)
{
	memcpy(token->refused, token->tokens.access, sizeof token->refused);
}

void zalo_token_abort(struct zalo_token *token)
{
	atomic_store(&token->aborted, true);
	http_client_abort(token->client);
}

/* --- making it -------------------------------------------------------------------- */

static void name_seed(struct tokens *tokens)
{
	unsigned char hash[EVP_MAX_MD_SIZE] = { 0 };
	unsigned size = 0;

	EVP_Digest(tokens->refresh, strlen(tokens->refresh), hash, &size, EVP_sha256(),
		NULL);
	for (unsigned i = 0; i < size && i < SEED_SIZE / 2; i++)
		snprintf(tokens->seed + 2 * i, 3, "%02x", hash[i]);
}

struct zalo_token *zalo_token_open(
	const struct zalo_token_settings *settings, char *why, size_t size)
{
	struct zalo_token *token = calloc(1, sizeof *token);
	char secret[SECRET_MAX];

	if (!token) {
		snprintf(why, size, "out of memory");
		return NULL;
	}
	token->settings = settings;
	atomic_init(&token->aborted, false);
	if (!secret_read(settings->secret_file, secret, why, size))
		goto failed;
	snprintf(token->secret_header, sizeof token->secret_header, "secret_key: %s",
		secret);
	secret_wipe(secret, sizeof secret);
	if (!secret_read(settings->refresh_token_file, token->tokens.refresh, why, size))
		goto failed;
	name_seed(&token->tokens);
	read_state(token);
	token->client = http_client_new(&settings->http);
	if (token->client)
		return token;
	snprintf(why, size, "out of memory");
failed:
	zalo_token_close(token);
	return NULL;
}

void zalo_token_close(struct zalo_token *token)
{
	if (!token)
		return;
	http_client_free(token->client);
	secret_wipe(token, sizeof *token);
	free(token);
}
