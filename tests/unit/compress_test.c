/* gzip and zstd there and back, damaged, cut, and made to do harm. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "core/compress.h"

static const enum compression kinds[] = { COMPRESSION_GZIP, COMPRESSION_ZSTD };
enum { KINDS = 2, LIMIT = 4 << 20 };

static struct decompressor *decompressor;
static struct buffer packed, plain;

static int set_up(void **state)
{
	(void)state;
	decompressor = decompressor_new();
	buffer_init(&packed, LIMIT);
	buffer_init(&plain, LIMIT);
	return decompressor ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	decompressor_free(decompressor);
	buffer_free(&packed);
	buffer_free(&plain);
	return 0;
}

static void pack(enum compression kind, const void *bytes, size_t length)
{
	struct compressor *compressor = compressor_new(kind);

	assert_non_null(compressor);
	assert_true(compressor_run(compressor, bytes, length, &packed));
	compressor_free(compressor);
}

/* From memory that ends where the bytes end. */
static enum decompressed unpack(enum compression kind, const void *bytes, size_t length)
{
	void *exact = malloc(length + !length);

	memcpy(exact, bytes, length);
	enum decompressed result =
		decompressor_run(decompressor, kind, exact, length, &plain);
	free(exact);
	return result;
}

static void goes_there_and_back(void **state)
{
	enum { LENGTH = 300000 };
	char *text = malloc(LENGTH);

	(void)state;
	for (size_t i = 0; i < LENGTH; i++)
		text[i] = (char)('0' + (i * i / 7 + i / 100) % 10);
	for (size_t k = 0; k < KINDS; k++) {
		for (size_t length = 0; length <= LENGTH; length = length * 9 + 1) {
			pack(kinds[k], text, length);
			assert_int_equal(
				compression_of(packed.data, packed.length), kinds[k]);
			assert_int_equal(unpack(kinds[k], packed.data, packed.length),
				DECOMPRESSED);
			assert_int_equal(plain.length, length);
			if (length > 0)
				assert_memory_equal(plain.data, text, length);
		}
	}
	assert_int_equal(compression_of("{\"a\":1}", 7), COMPRESSION_NONE);
	assert_int_equal(compression_of("", 0), COMPRESSION_NONE);
	free(text);
}

static void what_is_cut_or_continued_is_bad(void **state)
{
	static const char text[] = "environment,station=A,sensor=b pm25=1.0 1\n";

	(void)state;
	for (size_t k = 0; k < KINDS; k++) {
		pack(kinds[k], text, sizeof text - 1);
		for (size_t length = 0; length < packed.length; length++)
			assert_int_equal(
				unpack(kinds[k], packed.data, length), DECOMPRESSED_BAD);
		buffer_putc(&packed, '\0');
		assert_int_equal(
			unpack(kinds[k], packed.data, packed.length), DECOMPRESSED_BAD);
	}
}

static void damage_is_seen_or_harmless(void **state)
{
	(void)state;
	for (size_t k = 0; k < KINDS; k++) {
		pack(kinds[k], "0123456789012345678901234567890123456789", 40);
		for (size_t i = 0; i < packed.length * 8; i++) {
			packed.data[i / 8] ^= (char)(1 << i % 8);
			unpack(kinds[k], packed.data, packed.length);
			assert_true(plain.length <= COMPRESSION_FREE);
			packed.data[i / 8] ^= (char)(1 << i % 8);
		}
	}
}

static void bombs_are_refused(void **state)
{
	enum { LENGTH = 3 << 20 };
	char *zeros = calloc(1, LENGTH);

	(void)state;
	for (size_t k = 0; k < KINDS; k++) {
		pack(kinds[k], zeros, LENGTH);
		assert_int_equal(unpack(kinds[k], packed.data, packed.length),
			DECOMPRESSED_TOO_LARGE);
		assert_true(plain.length <= packed.length * COMPRESSION_RATIO_MAX ||
			plain.length <= COMPRESSION_FREE);
		/* Below the ratio, above the buffer's own limit. */
		struct buffer small;
		buffer_init(&small, 1000);
		pack(kinds[k], zeros, 1001);
		assert_int_equal(decompressor_run(decompressor, kinds[k], packed.data,
					 packed.length, &small),
			DECOMPRESSED_TOO_LARGE);
		buffer_free(&small);
	}
	free(zeros);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goes_there_and_back),
		cmocka_unit_test(what_is_cut_or_continued_is_bad),
		cmocka_unit_test(damage_is_seen_or_harmless),
		cmocka_unit_test(bombs_are_refused),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
