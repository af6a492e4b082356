#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "core/base64.h"

/* RFC 4648 §10. */
static const struct {
	const char *plain, *standard, *url;
} vectors[] = {
	{ "", "", "" },
	{ "f", "Zg==", "Zg" },
	{ "fo", "Zm8=", "Zm8" },
	{ "foo", "Zm9v", "Zm9v" },
	{ "foob", "Zm9vYg==", "Zm9vYg" },
	{ "fooba", "Zm9vYmE=", "Zm9vYmE" },
	{ "foobar", "Zm9vYmFy", "Zm9vYmFy" },
	{ "\xfb\xff\xfe", "+//+", "-__-" },
};

static void test_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
		size_t length = strlen(vectors[i].plain);
		uint8_t bytes[16];
		struct buffer out;

		buffer_init(&out, 64);
		base64_append(&out, vectors[i].plain, length);
		assert_string_equal(buffer_text(&out), vectors[i].standard);
		buffer_clear(&out);
		base64url_append(&out, vectors[i].plain, length);
		assert_string_equal(buffer_text(&out), vectors[i].url);
		assert_int_equal(base64url_decode(out.data ? out.data : "", out.length,
					 bytes, sizeof bytes),
			length);
		assert_memory_equal(bytes, vectors[i].plain, length);
		buffer_free(&out);
	}
}

static void test_decoding_refuses(void **state)
{
	static const char *const bad[] = { "A", "AAAAA", "Zg+=", "Z g", "Zh", "Zm9",
		"Zg=", "====", "Z===", "Zg===", "\xc4\x83xx" };
	uint8_t bytes[16];

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (base64url_decode(bad[i], strlen(bad[i]), bytes, sizeof bytes) != -1)
			fail_msg("took %s", bad[i]);
	}
	assert_int_equal(base64url_decode("Zg==", 4, bytes, sizeof bytes), 1);
	assert_int_equal(base64url_decode("Zm9vYg", 6, bytes, 4), 4);
	assert_int_equal(base64url_decode("Zm9vYg", 6, bytes, 3), -1);
	assert_int_equal(base64url_decode("A\0AA", 4, bytes, sizeof bytes), -1);
}

static void test_ceiling(void **state)
{
	struct buffer out;

	(void)state;
	buffer_init(&out, 7);
	base64_append(&out, "foob", 4);
	assert_true(out.failed);
	buffer_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_decoding_refuses),
		cmocka_unit_test(test_ceiling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
