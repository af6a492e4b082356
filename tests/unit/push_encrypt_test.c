/* RFC 8291's own example, and what must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "alerts/push_encrypt.h"
#include "core/base64.h"

static const char text[] = "When I grow up, I want to be a watermelon";
static const char as_private[] = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw";
static const char ua_public[] =
	"BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
static const char salt_text[] = "DGv6ra1nlYgDCS1FRnbzlw";
static const char auth_text[] = "BTBZMqHH6r4Tts7J_aSIgg";
static const char body_text[] =
	"DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";

static struct push_cipher *cipher;
static uint8_t point[PUSH_POINT_BYTES], auth[PUSH_AUTH_BYTES], salt[PUSH_SALT_BYTES];
static uint8_t scalar[PUSH_SCALAR_BYTES], body[PUSH_BODY_MAX];

static void decode(const char *base64, uint8_t *bytes, size_t size)
{
	assert_int_equal(base64url_decode(base64, strlen(base64), bytes, size), size);
}

static int set_up(void **unused)
{
	(void)unused;
	cipher = push_cipher_new();
	assert_non_null(cipher);
	decode(ua_public, point, sizeof point);
	decode(auth_text, auth, sizeof auth);
	decode(salt_text, salt, sizeof salt);
	decode(as_private, scalar, sizeof scalar);
	return 0;
}

static int tear_down(void **unused)
{
	(void)unused;
	push_cipher_free(cipher);
	return 0;
}

static void test_example(void **unused)
{
	uint8_t expected[144];

	(void)unused;
	decode(body_text, expected, sizeof expected);
	/* Twice: nothing of the first is left over. */
	for (int i = 0; i < 2; i++) {
		memset(body, 0xAA, sizeof body);
		assert_int_equal(push_encrypt_with(cipher, scalar, salt, point, auth,
					 text, strlen(text), body),
			sizeof expected);
		assert_memory_equal(body, expected, sizeof expected);
	}
}

static void test_fresh_each_time(void **unused)
{
	uint8_t first[PUSH_BODY_MAX];

	(void)unused;
	assert_int_equal(push_encrypt(cipher, point, auth, text, 10, first), 113);
	assert_int_equal(push_encrypt(cipher, point, auth, text, 10, body), 113);
	assert_memory_not_equal(first, body, PUSH_SALT_BYTES);
	assert_memory_not_equal(first + 21, body + 21, PUSH_POINT_BYTES);
	assert_true(push_point_is_valid(body + 21));
	/* Not the example's key that was used before. */
	assert_memory_not_equal(body + 21, point, PUSH_POINT_BYTES);
}

static void test_sizes(void **unused)
{
	static const uint8_t much[PUSH_TEXT_MAX + 1];

	(void)unused;
	assert_int_equal(PUSH_TEXT_MAX, 3993);
	assert_int_equal(push_encrypt(cipher, point, auth, much, 0, body), 103);
	assert_int_equal(
		push_encrypt(cipher, point, auth, much, PUSH_TEXT_MAX, body), 4096);
	assert_int_equal(
		push_encrypt(cipher, point, auth, much, PUSH_TEXT_MAX + 1, body), 0);
}

static void test_points(void **unused)
{
	uint8_t bad[PUSH_POINT_BYTES];

	(void)unused;
	assert_true(push_point_is_valid(point));
	for (size_t i = 0; i < sizeof bad; i++) {
		memcpy(bad, point, sizeof bad);
		bad[i] ^= 1;
		assert_false(push_point_is_valid(bad));
		assert_int_equal(push_encrypt(cipher, bad, auth, text, 10, body), 0);
	}
	memset(bad, 0, sizeof bad);
	assert_false(push_point_is_valid(bad));
	bad[0] = 4;
	assert_false(push_point_is_valid(bad));
	memset(bad + 1, 0xff, sizeof bad - 1);
	assert_false(push_point_is_valid(bad));
	assert_true(push_encrypt(cipher, point, auth, text, 10, body) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_example),
		cmocka_unit_test(test_fresh_each_time),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_points),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
