#include "alerts/envelope.h"

#include <cjson/cJSON.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/texts.h"
#include "core/clock.h"
#include "core/json.h"
#include "core/secret.h"
#include "core/utf8.h"

static const char context[] = "muabui alert 1\n";
static const char head[] = "{\"signature\":\"";

enum {
	HMAC_SIZE = 32,
	ED25519_SIZE = 64,
	BODY_MAX = OUTBOX_BODY_MAX - 1, /* of a message read back */
};

struct envelope_key {
	EVP_PKEY *pair; /* Ed25519; NULL: the secret counts */
	bool is_private;
	char secret[SECRET_MAX];
};

/* --- keys ------------------------------------------------------------------------ */

void envelope_key_free(struct envelope_key *key)
{
	if (!key)
		return;
	EVP_PKEY_free(key->pair);
	secret_wipe(key->secret, sizeof key->secret);
	free(key);
}

/* The PEM text in key->secret. False: there is no Ed25519 key in it. */
static bool read_pem(struct envelope_key *key)
{
	BIO *text = BIO_new_mem_buf(key->secret, -1);

	if (!text)
		return false;
	key->is_private = strstr(key->secret, "PRIVATE KEY") != NULL;
	key->pair = key->is_private ? PEM_read_bio_PrivateKey(text, NULL, NULL, NULL)
				    : PEM_read_bio_PUBKEY(text, NULL, NULL, NULL);
	BIO_free(text);
	return key->pair && EVP_PKEY_base_id(key->pair) == EVP_PKEY_ED25519;
}

struct envelope_key *envelope_key_read(const char *file, char *why, size_t size)
{
	struct envelope_key *key = calloc(1, sizeof *key);

	if (!key) {
		snprintf(why, size, "out of memory");
		return NULL;
	}
	if (!secret_read(file, key->secret, why, size))
		goto failed;
	if (strncmp(key->secret, "-----BEGIN", 10) != 0)
		return key;
	if (read_pem(key))
		return key;
	snprintf(why, size, "%s: no Ed25519 key", file);
failed:
	envelope_key_free(key);
	return NULL;
}

/* --- signing --------------------------------------------------------------------- */

/* What is signed, to be freed. NULL: no memory. */
static char *signed_text(const char *bytes, size_t length, size_t *total)
{
	char *text = malloc(sizeof context - 1 + length);

	if (!text)
		return NULL;
	memcpy(text, context, sizeof context - 1);
	memcpy(text + sizeof context - 1, bytes, length);
	*total = sizeof context - 1 + length;
	return text;
}

static bool sign_with_secret(const struct envelope_key *key, const char *text,
	size_t length, unsigned char *signature)
{
	unsigned size = 0;

	return HMAC(EVP_sha256(), key->secret, (int)strlen(key->secret),
		       (const unsigned char *)text, length, signature, &size) &&
		size == HMAC_SIZE;
}

static bool sign_with_pair(const struct envelope_key *key, const char *text,
	size_t length, unsigned char *signature)
{
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	size_t size = ED25519_SIZE;
	bool done = key->is_private && digest &&
		EVP_DigestSignInit(digest, NULL, NULL, NULL, key->pair) == 1 &&
		EVP_DigestSign(digest, signature, &size, (const unsigned char *)text,
			length) == 1;

	EVP_MD_CTX_free(digest);
	return done && size == ED25519_SIZE;
}

static bool check_with_pair(const struct envelope_key *key, const char *text,
	size_t length, const unsigned char *signature)
{
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	bool good = digest &&
		EVP_DigestVerifyInit(digest, NULL, NULL, NULL, key->pair) == 1 &&
		EVP_DigestVerify(digest, signature, ED25519_SIZE,
			(const unsigned char *)text, length) == 1;

	EVP_MD_CTX_free(digest);
	return good;
}

static const char *method_of(const struct envelope_key *key)
{
	return key->pair ? "ed25519:" : "hmac-sha256:";
}

static size_t signature_size(const struct envelope_key *key)
{
	return key->pair ? ED25519_SIZE : HMAC_SIZE;
}

/* Signs LENGTH bytes at BYTES. */
static bool sign(const struct envelope_key *key, const char *bytes, size_t length,
	unsigned char *signature)
{
	size_t total;
	char *text = signed_text(bytes, length, &total);
	bool done = text &&
		(key->pair ? sign_with_pair(key, text, total, signature)
			   : sign_with_secret(key, text, total, signature));

	free(text);
	return done;
}

bool envelope_write(const struct envelope_key *key, const char *box, int64_t sent_ms,
	int audience, const char *const *bodies, size_t count, struct buffer *out)
{
	unsigned char signature[ED25519_SIZE];
	struct buffer rest;
	struct json json;

	buffer_init(&rest, ENVELOPE_MAX);
	json_start(&json, &rest);
	json_object(&json, NULL);
	json_string(&json, "box", box);
	json_time(&json, "sent", sent_ms, TEXTS_OFFSET_MINUTES);
	json_string(&json, "audience", audience_names[audience]);
	json_array(&json, "messages");
	for (size_t i = 0; i < count; i++)
		json_raw(&json, NULL, bodies[i]);
	json_end_array(&json);
	json_end_object(&json);
	/* All but its first brace, which stands before the signature. */
	bool done = !rest.failed && sign(key, rest.data + 1, rest.length - 1, signature);
	if (done) {
		buffer_puts(out, head);
		buffer_puts(out, method_of(key));
		for (size_t i = 0; i < signature_size(key); i++)
			buffer_printf(out, "%02x", signature[i]);
		buffer_puts(out, "\",");
		buffer_append(out, rest.data + 1, rest.length - 1);
	}
	buffer_free(&rest);
	return done && !out->failed;
}

/* --- checking ---------------------------------------------------------------------- */

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool parse_hex(const char *text, unsigned char *out, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		int high = hex_digit(text[2 * i]);
		int low = high < 0 ? -1 : hex_digit(text[2 * i + 1]);

		if (low < 0)
			return false;
		out[i] = (unsigned char)(high << 4 | low);
	}
	return true;
}

/* Takes TEXT away from the front of *BYTES. */
static bool skip(const char **bytes, size_t *length, const char *text)
{
	size_t size = strlen(text);

	if (*length < size || memcmp(*bytes, text, size) != 0)
		return false;
	*bytes += size;
	*length -= size;
	return true;
}

bool envelope_is_signed(const struct envelope_key *key, const char *bytes, size_t length)
{
	unsigned char claimed[ED25519_SIZE], made[ED25519_SIZE];
	size_t size = signature_size(key), total;

	if (!skip(&bytes, &length, head) || !skip(&bytes, &length, method_of(key)) ||
		length < 2 * size || !parse_hex(bytes, claimed, size))
		return false;
	bytes += 2 * size;
	length -= 2 * size;
	if (!skip(&bytes, &length, "\","))
		return false;
	if (!key->pair)
		return sign(key, bytes, length, made) &&
			CRYPTO_memcmp(made, claimed, size) == 0;
	char *text = signed_text(bytes, length, &total);
	bool good = text && check_with_pair(key, text, total, claimed);
	free(text);
	return good;
}

/* --- reading ------------------------------------------------------------------------ */

static bool read_message(struct message *message, const cJSON *item)
{
	char *text = cJSON_IsObject(item) ? cJSON_PrintUnformatted(item) : NULL;
	bool good = text && strlen(text) <= BODY_MAX && message_from_json(message, text);

	cJSON_free(text);
	return good;
}

/* Are the two about one moment, in different languages? */
static bool belong_together(const struct message *a, const struct message *b)
{
	return !strcmp(a->id, b->id) && a->revision == b->revision &&
		a->resolved == b->resolved && !strcmp(a->station, b->station) &&
		!strcmp(a->rule, b->rule) && a->hazard == b->hazard &&
		a->severity == b->severity && a->expires_ms == b->expires_ms &&
		strcmp(a->language, b->language) != 0;
}

static bool read_messages(struct envelope *envelope, const cJSON *list)
{
	int count = cJSON_GetArraySize(list);

	if (!cJSON_IsArray(list) || count < 1 || count > ENVELOPE_LANGUAGES)
		return false;
	envelope->count = (size_t)count;
	for (int i = 0; i < count; i++)
		if (!read_message(&envelope->messages[i], cJSON_GetArrayItem(list, i)))
			return false;
	return count == 1 ||
		belong_together(&envelope->messages[0], &envelope->messages[1]);
}

static bool read_head(struct envelope *envelope, const cJSON *root)
{
	const char *box =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(root, "box"));
	const char *sent =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(root, "sent"));
	const char *audience =
		cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(root, "audience"));

	if (!box || !sent || !audience || !name_is_valid(box, strlen(box)) ||
		!clock_parse(sent, &envelope->sent_ms))
		return false;
	snprintf(envelope->box, sizeof envelope->box, "%s", box);
	for (int i = 0; audience_names[i]; i++) {
		envelope->audience = i;
		if (!strcmp(audience_names[i], audience))
			return true;
	}
	return false;
}

bool envelope_read(struct envelope *envelope, const char *bytes, size_t length)
{
	if (length > ENVELOPE_MAX || !utf8_is_valid(bytes, length))
		return false;
	cJSON *root = cJSON_ParseWithLength(bytes, length);
	*envelope = (struct envelope){ .count = 0 };
	bool good = cJSON_IsObject(root) && read_head(envelope, root) &&
		read_messages(
			envelope, cJSON_GetObjectItemCaseSensitive(root, "messages"));
	cJSON_Delete(root);
	return good;
}
