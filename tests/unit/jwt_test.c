#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base64.h"
#include "core/jwt.h"

enum { PEM_MAX = 4096 };

/* PKEY as PKCS#8, encrypted where there is a PASSWORD. */
static void write_pem(EVP_PKEY *pkey, const char *password, char pem[static PEM_MAX])
{
	BIO *bio = BIO_new(BIO_s_mem());
	const EVP_CIPHER *cipher = password ? EVP_aes_128_cbc() : NULL;
	int length = password ? (int)strlen(password) : 0;

	assert_non_null(pkey);
	assert_int_equal(PEM_write_bio_PKCS8PrivateKey(
				 bio, pkey, cipher, password, length, NULL, NULL),
		1);
	int got = BIO_read(bio, pem, PEM_MAX - 1);
	assert_true(got > 0);
	pem[got] = '\0';
	BIO_free(bio);
}

static struct jwt_key *load(const char *pem, enum jwt_algorithm algorithm)
{
	char why[128] = "";
	struct jwt_key *key = jwt_key_load(pem, algorithm, why, sizeof why);

	if (!key)
		fail_msg("%s", why);
	return key;
}

/* The parts of TOKEN; how long what is signed is. */
static size_t part(
	const char *token, char *header, char *claims, uint8_t *signature, size_t *length)
{
	const char *first = strchr(token, '.'), *second = strrchr(token, '.');
	ptrdiff_t n;

	assert_true(first && second > first);
	n = base64url_decode(token, (size_t)(first - token), (uint8_t *)header, 255);
	assert_true(n > 0);
	header[n] = '\0';
	n = base64url_decode(
		first + 1, (size_t)(second - first - 1), (uint8_t *)claims, 255);
	assert_true(n > 0);
	claims[n] = '\0';
	n = base64url_decode(second + 1, strlen(second + 1), signature, 1024);
	assert_true(n > 0);
	*length = (size_t)n;
	return (size_t)(second - token);
}

/* Does SIGNATURE, as OpenSSL wants it, fit? */
static bool verify(EVP_PKEY *pkey, const char *text, size_t length,
	const uint8_t *signature, size_t size)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();

	assert_int_equal(
		EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, pkey), 1);
	int answer = EVP_DigestVerify(
		context, signature, size, (const unsigned char *)text, length);
	EVP_MD_CTX_free(context);
	return answer == 1;
}

static void test_rs256(void **state)
{
	static const char claims_in[] = "{\"iss\":\"x\",\"exp\":1453523768}";
	EVP_PKEY *pkey = EVP_RSA_gen(2048);
	char pem[PEM_MAX], header[256], claims[256];
	uint8_t signature[1024];
	struct buffer token;
	size_t length;

	(void)state;
	write_pem(pkey, NULL, pem);
	struct jwt_key *key = load(pem, JWT_RS256);
	buffer_init(&token, JWT_MAX);
	buffer_puts(&token, "Bearer ");
	assert_true(jwt_sign(key, "a\"b", claims_in, &token));
	const char *text = buffer_text(&token) + 7;
	size_t is_signed = part(text, header, claims, signature, &length);
	assert_string_equal(
		header, "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"a\\\"b\"}");
	assert_string_equal(claims, claims_in);
	assert_int_equal(length, 256);
	assert_true(verify(pkey, text, is_signed, signature, length));
	assert_false(verify(pkey, text, is_signed - 1, signature, length));
	uint8_t point[JWT_POINT_SIZE];
	assert_false(jwt_key_point(key, point));
	buffer_free(&token);
	jwt_key_free(key);
	EVP_PKEY_free(pkey);
}

/* Often enough that an r or an s with a leading zero byte comes up. */
static void test_es256(void **state)
{
	EVP_PKEY *pkey = EVP_EC_gen("P-256");
	char pem[PEM_MAX], header[256], claims[256];
	uint8_t signature[1024];
	unsigned char der[128];
	struct buffer token;
	size_t length;
	int short_ones = 0;

	(void)state;
	write_pem(pkey, NULL, pem);
	struct jwt_key *key = load(pem, JWT_ES256);
	buffer_init(&token, JWT_MAX);
	for (int i = 0; i < 2000; i++) {
		buffer_clear(&token);
		assert_true(jwt_sign(
			key, NULL, "{\"aud\":\"https://push.example.net\"}", &token));
		const char *text = buffer_text(&token);
		size_t is_signed = part(text, header, claims, signature, &length);
		assert_string_equal(header, "{\"alg\":\"ES256\",\"typ\":\"JWT\"}");
		assert_int_equal(length, 64);
		short_ones += signature[0] == 0 || signature[32] == 0;
		ECDSA_SIG *pair = ECDSA_SIG_new();
		assert_int_equal(ECDSA_SIG_set0(pair, BN_bin2bn(signature, 32, NULL),
					 BN_bin2bn(signature + 32, 32, NULL)),
			1);
		unsigned char *at = der;
		int size = i2d_ECDSA_SIG(pair, &at);
		ECDSA_SIG_free(pair);
		assert_true(verify(pkey, text, is_signed, der, (size_t)size));
	}
	assert_true(short_ones > 0);
	buffer_free(&token);
	jwt_key_free(key);
	EVP_PKEY_free(pkey);
}

/* The key pair of RFC 8291, appendix A, in the older form and without its public half. */
static void test_public_point(void **state)
{
	static const char pem[] =
		"-----BEGIN EC PRIVATE KEY-----\n"
		"MDECAQEEIMn1j4mBPp+Ohy5x9CqmThdXySVNzGK3LdwBC7QEPqEcoAoGCCqGSM49\n"
		"AwEH\n"
		"-----END EC PRIVATE KEY-----\n";
	uint8_t point[JWT_POINT_SIZE];
	struct buffer text;

	(void)state;
	struct jwt_key *key = load(pem, JWT_ES256);
	assert_true(jwt_key_point(key, point));
	buffer_init(&text, 128);
	base64url_append(&text, point, sizeof point);
	assert_string_equal(buffer_text(&text),
		"BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8");
	buffer_free(&text);
	jwt_key_free(key);
}

static void refuses(const char *pem, enum jwt_algorithm algorithm, const char *expected)
{
	char why[128] = "";

	assert_null(jwt_key_load(pem, algorithm, why, sizeof why));
	if (!strstr(why, expected))
		fail_msg("%s", why);
}

static void test_keys_refused(void **state)
{
	EVP_PKEY *rsa = EVP_RSA_gen(2048), *weak = EVP_RSA_gen(1024);
	EVP_PKEY *p256 = EVP_EC_gen("P-256"), *p384 = EVP_EC_gen("P-384");
	char pem[PEM_MAX];

	(void)state;
	refuses("", JWT_RS256, "not a private key in PEM");
	refuses("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
		JWT_ES256, "not a private key in PEM");
	write_pem(rsa, NULL, pem);
	refuses(pem, JWT_ES256, "P-256");
	write_pem(weak, NULL, pem);
	refuses(pem, JWT_RS256, "2048");
	write_pem(p256, NULL, pem);
	refuses(pem, JWT_RS256, "RSA");
	write_pem(p384, NULL, pem);
	refuses(pem, JWT_ES256, "P-256");
	/* Must not ask for it on the terminal. */
	write_pem(p256, "password", pem);
	refuses(pem, JWT_ES256, "without a password");
	EVP_PKEY_free(rsa);
	EVP_PKEY_free(weak);
	EVP_PKEY_free(p256);
	EVP_PKEY_free(p384);
}

static void test_ceiling(void **state)
{
	EVP_PKEY *pkey = EVP_EC_gen("P-256");
	char pem[PEM_MAX];
	struct buffer token;

	(void)state;
	write_pem(pkey, NULL, pem);
	struct jwt_key *key = load(pem, JWT_ES256);
	buffer_init(&token, 100);
	assert_false(jwt_sign(key, NULL, "{}", &token));
	buffer_free(&token);
	jwt_key_free(key);
	EVP_PKEY_free(pkey);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rs256),
		cmocka_unit_test(test_es256),
		cmocka_unit_test(test_public_point),
		cmocka_unit_test(test_keys_refused),
		cmocka_unit_test(test_ceiling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
