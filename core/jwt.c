#include "core/jwt.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base64.h"
#include "core/json.h"

enum {
	RSA_BITS_MIN = 2048,
	SIGNATURE_MAX = 2048, /* an RSA key of 16384 bits */
	HALF = 32,            /* r and s of P-256 */
	HEADER_MAX = 1024,
};

struct jwt_key {
	enum jwt_algorithm algorithm;
	EVP_PKEY *pkey;
};

/* Without this, OpenSSL asks for an encrypted key's password on the terminal. */
static int refuse_password(char *password, int size, int writing, void *arg)
{
	(void)password, (void)size, (void)writing, (void)arg;
	return -1;
}

static bool is_p256(const EVP_PKEY *pkey)
{
	char group[64] = "";

	return EVP_PKEY_get_base_id(pkey) == EVP_PKEY_EC &&
		EVP_PKEY_get_utf8_string_param(pkey, OSSL_PKEY_PARAM_GROUP_NAME, group,
			sizeof group, NULL) == 1 &&
		(!strcmp(group, "prime256v1") || !strcmp(group, "P-256"));
}

static bool is_long_rsa(const EVP_PKEY *pkey)
{
	return EVP_PKEY_get_base_id(pkey) == EVP_PKEY_RSA &&
		EVP_PKEY_get_bits(pkey) >= RSA_BITS_MIN &&
		EVP_PKEY_get_size(pkey) <= SIGNATURE_MAX;
}

struct jwt_key *jwt_key_load(
	const char *pem, enum jwt_algorithm algorithm, char *why, size_t size)
{
	struct jwt_key *key = calloc(1, sizeof *key);
	BIO *bio = BIO_new_mem_buf(pem, (int)strlen(pem));

	if (!key || !bio) {
		snprintf(why, size, "out of memory");
		goto failed;
	}
	key->algorithm = algorithm;
	key->pkey = PEM_read_bio_PrivateKey(bio, NULL, refuse_password, NULL);
	if (!key->pkey) {
		snprintf(why, size, "not a private key in PEM without a password");
		goto failed;
	}
	bool fits = algorithm == JWT_RS256 ? is_long_rsa(key->pkey) : is_p256(key->pkey);
	if (!fits) {
		snprintf(why, size, "not a private key of the kind needed (%s)",
			algorithm == JWT_RS256 ? "RSA, at least 2048 bits" : "EC P-256");
		goto failed;
	}
	BIO_free(bio);
	return key;
failed:
	/* OpenSSL's own list of errors is not ours to leave behind. */
	ERR_clear_error();
	BIO_free(bio);
	jwt_key_free(key);
	return NULL;
}

void jwt_key_free(struct jwt_key *key)
{
	if (!key)
		return;
	EVP_PKEY_free(key->pkey);
	free(key);
}

bool jwt_key_point(const struct jwt_key *key, uint8_t point[static JWT_POINT_SIZE])
{
	size_t length = 0;

	if (key->algorithm != JWT_ES256 ||
		EVP_PKEY_get_octet_string_param(key->pkey, OSSL_PKEY_PARAM_PUB_KEY, point,
			JWT_POINT_SIZE, &length) != 1) {
		ERR_clear_error();
		return false;
	}
	return length == JWT_POINT_SIZE && point[0] == 0x04;
}

/* ES256 wants r ‖ s, each in 32 bytes; OpenSSL gives DER, which is of varying length. */
static bool from_der(uint8_t *signature, size_t *length)
{
	const unsigned char *at = signature;
	ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)*length);
	bool ok = pair && BN_bn2binpad(ECDSA_SIG_get0_r(pair), signature, HALF) == HALF &&
		BN_bn2binpad(ECDSA_SIG_get0_s(pair), signature + HALF, HALF) == HALF;

	ECDSA_SIG_free(pair);
	*length = (size_t)2 * HALF;
	return ok;
}

static bool add_signature(const struct jwt_key *key, struct buffer *out, size_t begin)
{
	uint8_t signature[SIGNATURE_MAX];
	size_t length = sizeof signature;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool ok = context &&
		EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, key->pkey) == 1 &&
		EVP_DigestSign(context, signature, &length,
			(const unsigned char *)out->data + begin,
			out->length - begin) == 1;

	EVP_MD_CTX_free(context);
	if (ok && key->algorithm == JWT_ES256)
		ok = from_der(signature, &length);
	if (!ok) {
		ERR_clear_error();
		return false;
	}
	buffer_putc(out, '.');
	base64url_append(out, signature, length);
	return !out->failed;
}

bool jwt_sign(const struct jwt_key *key, const char *kid, const char *claims,
	struct buffer *out)
{
	size_t begin = out->length;
	struct buffer header;
	struct json json;

	buffer_init(&header, HEADER_MAX);
	json_start(&json, &header);
	json_object(&json, NULL);
	json_string(&json, "alg", key->algorithm == JWT_RS256 ? "RS256" : "ES256");
	json_string(&json, "typ", "JWT");
	if (kid && kid[0])
		json_string(&json, "kid", kid);
	json_end_object(&json);

	base64url_append(out, buffer_text(&header), header.length);
	buffer_putc(out, '.');
	base64url_append(out, claims, strlen(claims));
	bool ok = !header.failed && !out->failed && add_signature(key, out, begin);
	buffer_free(&header);
	return ok;
}
