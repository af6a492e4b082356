#include "alerts/push_encrypt.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

enum {
	HASH_BYTES = 32,
	KEY_BYTES = 16,
	NONCE_BYTES = 12,
	TAG_BYTES = 16,
	LAST_RECORD = 0x02, /* stands behind the text of the last record */
};

struct push_cipher {
	EC_GROUP *group;
	BN_CTX *numbers;
	BIGNUM *scalar, *x;
	EC_POINT *own, *theirs, *shared;
	EVP_MAC *mac;
	EVP_MAC_CTX *hmac;
	EVP_CIPHER *aes;
	EVP_CIPHER_CTX *gcm;
};

void push_cipher_free(struct push_cipher *cipher)
{
	if (!cipher)
		return;
	EVP_CIPHER_CTX_free(cipher->gcm);
	EVP_CIPHER_free(cipher->aes);
	EVP_MAC_CTX_free(cipher->hmac);
	EVP_MAC_free(cipher->mac);
	EC_POINT_free(cipher->shared);
	EC_POINT_free(cipher->theirs);
	EC_POINT_free(cipher->own);
	BN_clear_free(cipher->x);
	BN_clear_free(cipher->scalar);
	BN_CTX_free(cipher->numbers);
	EC_GROUP_free(cipher->group);
	free(cipher);
}

static bool make_points(struct push_cipher *cipher)
{
	cipher->group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	cipher->numbers = BN_CTX_secure_new();
	cipher->scalar = BN_new();
	cipher->x = BN_new();
	if (!cipher->group || !cipher->numbers || !cipher->scalar || !cipher->x)
		return false;
	cipher->own = EC_POINT_new(cipher->group);
	cipher->theirs = EC_POINT_new(cipher->group);
	cipher->shared = EC_POINT_new(cipher->group);
	BN_set_flags(cipher->scalar, BN_FLG_CONSTTIME);
	return cipher->own && cipher->theirs && cipher->shared;
}

/* Looking an algorithm up costs more than using it once: they are fetched here. */
static bool fetch(struct push_cipher *cipher)
{
	char digest[] = "SHA256";
	OSSL_PARAM parameters[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_END,
	};

	cipher->mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	cipher->aes = EVP_CIPHER_fetch(NULL, "AES-128-GCM", NULL);
	cipher->hmac = cipher->mac ? EVP_MAC_CTX_new(cipher->mac) : NULL;
	cipher->gcm = EVP_CIPHER_CTX_new();
	return cipher->hmac && cipher->aes && cipher->gcm &&
		EVP_MAC_CTX_set_params(cipher->hmac, parameters) == 1;
}

struct push_cipher *push_cipher_new(void)
{
	struct push_cipher *cipher = calloc(1, sizeof *cipher);

	if (cipher && make_points(cipher) && fetch(cipher))
		return cipher;
	push_cipher_free(cipher);
	ERR_clear_error();
	return NULL;
}

/* --- points ---------------------------------------------------------- */

/* Only what is on the curve, and not infinity: that has one byte. */
static bool read_point(struct push_cipher *cipher, const uint8_t *bytes)
{
	return bytes[0] == POINT_CONVERSION_UNCOMPRESSED &&
		EC_POINT_oct2point(cipher->group, cipher->theirs, bytes, PUSH_POINT_BYTES,
			cipher->numbers) == 1;
}

bool push_point_is_valid(const uint8_t point[static PUSH_POINT_BYTES])
{
	struct push_cipher *cipher = push_cipher_new();
	bool valid = cipher && read_point(cipher, point);

	ERR_clear_error();
	push_cipher_free(cipher);
	return valid;
}

/* Our public key for cipher->scalar to OWN, the X of what both sides know to SECRET. */
static bool agree(struct push_cipher *cipher, uint8_t *own, uint8_t *secret)
{
	return EC_POINT_mul(cipher->group, cipher->own, cipher->scalar, NULL, NULL,
		       cipher->numbers) == 1 &&
		EC_POINT_point2oct(cipher->group, cipher->own,
			POINT_CONVERSION_UNCOMPRESSED, own, PUSH_POINT_BYTES,
			cipher->numbers) == PUSH_POINT_BYTES &&
		EC_POINT_mul(cipher->group, cipher->shared, NULL, cipher->theirs,
			cipher->scalar, cipher->numbers) == 1 &&
		EC_POINT_get_affine_coordinates(cipher->group, cipher->shared, cipher->x,
			NULL, cipher->numbers) == 1 &&
		BN_bn2binpad(cipher->x, secret, HASH_BYTES) == HASH_BYTES;
}

/* --- keys ------------------------------------------------------------ */

struct part {
	const void *bytes;
	size_t length;
};

/* HMAC-SHA-256 of the parts of TEXT; both steps of HKDF (RFC 5869) are no more here. */
static bool hmac(struct push_cipher *cipher, const void *key, size_t key_length,
	const struct part *text, size_t parts, uint8_t *out)
{
	size_t length = 0;

	if (EVP_MAC_init(cipher->hmac, key, key_length, NULL) != 1)
		return false;
	for (size_t i = 0; i < parts; i++)
		if (EVP_MAC_update(cipher->hmac, text[i].bytes, text[i].length) != 1)
			return false;
	return EVP_MAC_final(cipher->hmac, out, &length, HASH_BYTES) == 1;
}

/* RFC 8291 §3.4. */
static bool derive(struct push_cipher *cipher, const uint8_t *secret, const uint8_t *auth,
	const uint8_t *theirs, const uint8_t *own, const uint8_t *salt, uint8_t *key,
	uint8_t *nonce)
{
	static const char key_info[] = "WebPush: info";
	static const char key_label[] = "Content-Encoding: aes128gcm";
	static const char nonce_label[] = "Content-Encoding: nonce";
	static const uint8_t first = 1; /* block of HKDF's output */
	uint8_t prk[HASH_BYTES], ikm[HASH_BYTES];
	const struct part both[] = { { key_info, sizeof key_info },
		{ theirs, PUSH_POINT_BYTES }, { own, PUSH_POINT_BYTES }, { &first, 1 } };
	const struct part for_key[] = { { key_label, sizeof key_label }, { &first, 1 } };
	const struct part for_nonce[] = { { nonce_label, sizeof nonce_label },
		{ &first, 1 } };

	/* The labels end with their NUL. */
	bool ok = hmac(cipher, auth, PUSH_AUTH_BYTES,
			  &(struct part){ secret, HASH_BYTES }, 1, prk) &&
		hmac(cipher, prk, sizeof prk, both, 4, ikm) &&
		hmac(cipher, salt, PUSH_SALT_BYTES, &(struct part){ ikm, sizeof ikm }, 1,
			prk) &&
		hmac(cipher, prk, sizeof prk, for_key, 2, key) &&
		hmac(cipher, prk, sizeof prk, for_nonce, 2, nonce);
	OPENSSL_cleanse(prk, sizeof prk);
	OPENSSL_cleanse(ikm, sizeof ikm);
	return ok;
}

/* --- the record ------------------------------------------------------ */

static bool seal(struct push_cipher *cipher, const uint8_t *key, const uint8_t *nonce,
	const void *text, size_t length, uint8_t *out)
{
	static const uint8_t mark = LAST_RECORD;
	int done = 0, more = 0, last = 0;

	return EVP_EncryptInit_ex2(cipher->gcm, cipher->aes, key, nonce, NULL) == 1 &&
		EVP_EncryptUpdate(cipher->gcm, out, &done, text, (int)length) == 1 &&
		EVP_EncryptUpdate(cipher->gcm, out + done, &more, &mark, 1) == 1 &&
		EVP_EncryptFinal_ex(cipher->gcm, out + done + more, &last) == 1 &&
		EVP_CIPHER_CTX_ctrl(cipher->gcm, EVP_CTRL_AEAD_GET_TAG, TAG_BYTES,
			out + length + 1) == 1;
}

static size_t encrypt(struct push_cipher *cipher, const uint8_t *salt,
	const uint8_t *p256dh, const uint8_t *auth, const void *text, size_t length,
	uint8_t *body)
{
	static const uint8_t sizes[] = { 0, 0, PUSH_RECORD_SIZE >> 8,
		PUSH_RECORD_SIZE & 0xff, PUSH_POINT_BYTES };
	uint8_t secret[HASH_BYTES], key[HASH_BYTES], nonce[HASH_BYTES];
	uint8_t *own = body + PUSH_SALT_BYTES + sizeof sizes;

	memcpy(body, salt, PUSH_SALT_BYTES);
	memcpy(body + PUSH_SALT_BYTES, sizes, sizeof sizes);
	bool ok = length <= PUSH_TEXT_MAX && read_point(cipher, p256dh) &&
		agree(cipher, own, secret) &&
		derive(cipher, secret, auth, p256dh, own, salt, key, nonce) &&
		seal(cipher, key, nonce, text, length, body + PUSH_HEADER_BYTES);
	OPENSSL_cleanse(secret, sizeof secret);
	OPENSSL_cleanse(key, sizeof key);
	if (!ok)
		ERR_clear_error();
	return ok ? PUSH_HEADER_BYTES + length + 1 + TAG_BYTES : 0;
}

size_t push_encrypt(struct push_cipher *cipher,
	const uint8_t p256dh[static PUSH_POINT_BYTES],
	const uint8_t auth[static PUSH_AUTH_BYTES], const void *text, size_t length,
	uint8_t body[static PUSH_BODY_MAX])
{
	uint8_t salt[PUSH_SALT_BYTES];

	if (RAND_bytes(salt, sizeof salt) != 1)
		return 0;
	do {
		if (BN_priv_rand_range_ex(cipher->scalar,
			    EC_GROUP_get0_order(cipher->group), 0, cipher->numbers) != 1)
			return 0;
	} while (BN_is_zero(cipher->scalar));
	return encrypt(cipher, salt, p256dh, auth, text, length, body);
}

size_t push_encrypt_with(struct push_cipher *cipher,
	const uint8_t scalar[static PUSH_SCALAR_BYTES],
	const uint8_t salt[static PUSH_SALT_BYTES],
	const uint8_t p256dh[static PUSH_POINT_BYTES],
	const uint8_t auth[static PUSH_AUTH_BYTES], const void *text, size_t length,
	uint8_t body[static PUSH_BODY_MAX])
{
	if (!BN_bin2bn(scalar, PUSH_SCALAR_BYTES, cipher->scalar))
		return 0;
	return encrypt(cipher, salt, p256dh, auth, text, length, body);
}
