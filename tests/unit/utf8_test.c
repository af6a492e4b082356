/* UTF-8: every boundary of the table in RFC 3629, and chance against a naive reader. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/utf8.h"
#include "tests/unit/chance.h"

/* Decodes first and asks afterwards: how long, how large, was there a shorter form? */
static size_t naive_length(const unsigned char *b, size_t length)
{
	static const uint32_t smallest[] = { 0, 1, 0x80, 0x800, 0x10000 };
	uint32_t point;
	size_t need;

	if (length == 0)
		return 0;
	if (b[0] >> 7 == 0)
		need = 1, point = b[0];
	else if (b[0] >> 5 == 6)
		need = 2, point = b[0] & 0x1f;
	else if (b[0] >> 4 == 14)
		need = 3, point = b[0] & 0x0f;
	else if (b[0] >> 3 == 30)
		need = 4, point = b[0] & 0x07;
	else
		return 0;
	if (need > length)
		return 0;
	for (size_t i = 1; i < need; i++) {
		if (b[i] >> 6 != 2)
			return 0;
		point = point << 6 | (b[i] & 0x3f);
	}
	bool surrogate = point >= 0xd800 && point <= 0xdfff;
	return point < smallest[need] || point > 0x10ffff || surrogate ? 0 : need;
}

static bool naive_valid(const unsigned char *bytes, size_t length)
{
	size_t step;

	for (; length > 0; bytes += step, length -= step)
		if ((step = naive_length(bytes, length)) == 0)
			return false;
	return true;
}

static void boundaries(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t length; /* of the character; 0: there is none */
	} cases[] = {
		{ "\x01", 1 },
		{ "\x7f", 1 },
		{ "\x80", 0 },
		{ "\xbf", 0 },
		{ "\xc0\x80", 0 }, /* NUL, overlong */
		{ "\xc1\xbf", 0 },
		{ "\xc2\x80", 2 },
		{ "\xdf\xbf", 2 },
		{ "\xc2\x7f", 0 },
		{ "\xc2\xc0", 0 },
		{ "\xe0\x9f\xbf", 0 },
		{ "\xe0\xa0\x80", 3 },
		{ "\xed\x9f\xbf", 3 },
		{ "\xed\xa0\x80", 0 }, /* surrogates */
		{ "\xed\xbf\xbf", 0 },
		{ "\xee\x80\x80", 3 },
		{ "\xef\xbf\xbf", 3 },
		{ "\xe1\x80\x7f", 0 },
		{ "\xf0\x8f\xbf\xbf", 0 },
		{ "\xf0\x90\x80\x80", 4 },
		{ "\xf4\x8f\xbf\xbf", 4 },
		{ "\xf4\x90\x80\x80", 0 }, /* U+110000 */
		{ "\xf5\x80\x80\x80", 0 },
		{ "\xf8\x88\x80\x80\x80", 0 },
		{ "\xfe", 0 },
		{ "\xff", 0 },
		{ "\xf1\x80\x80\xc0", 0 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		size_t given = strlen(cases[i].bytes);
		if (utf8_char_length(cases[i].bytes, given) != cases[i].length)
			fail_msg("case %zu: %zu", i,
				utf8_char_length(cases[i].bytes, given));
		assert_true(
			utf8_is_valid(cases[i].bytes, given) == (cases[i].length > 0));
		/* Cut short, it is none. */
		for (size_t cut = 0; cut < cases[i].length; cut++)
			assert_int_equal(utf8_char_length(cases[i].bytes, cut), 0);
	}
}

static void no_nul_anywhere(void **state)
{
	(void)state;
	char text[24];

	assert_int_equal(utf8_char_length("\0", 1), 0);
	assert_true(utf8_is_valid("", 0));
	for (size_t at = 0; at < sizeof text; at++) {
		memset(text, 'a', sizeof text);
		assert_true(utf8_is_valid(text, sizeof text));
		text[at] = '\0';
		assert_false(utf8_is_valid(text, sizeof text));
		assert_true(utf8_is_valid(text, at));
	}
}

/* All of two bytes, all of three that begin a long form. */
static void every_short_sequence(void **state)
{
	(void)state;
	unsigned char b[3];

	for (unsigned i = 0; i < 0x10000; i++) {
		b[0] = (unsigned char)(i >> 8);
		b[1] = (unsigned char)i;
		size_t wanted = b[0] ? naive_length(b, 2) : 0;
		if (utf8_char_length((char *)b, 2) != wanted)
			fail_msg("%02x %02x", b[0], b[1]);
	}
	for (unsigned i = 0; i < 0x100000; i++) {
		b[0] = (unsigned char)(0xe0 | i >> 16);
		b[1] = (unsigned char)(i >> 8);
		b[2] = (unsigned char)i;
		if (utf8_char_length((char *)b, 3) != naive_length(b, 3))
			fail_msg("%02x %02x %02x", b[0], b[1], b[2]);
	}
}

static size_t write_piece(struct chance *chance, unsigned char *to)
{
	static const unsigned char leads[] = { 0xc1, 0xc2, 0xe0, 0xed, 0xef, 0xf0, 0xf4,
		0xf5 };
	static const unsigned char tails[] = { 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf,
		0xc0 };
	static const char *const whole[] = { "a", "ư", "ụ", "。", "😀", "°" };
	size_t count = 0;

	switch (chance_below(chance, 8)) {
	case 0:
		to[count++] = leads[chance_below(chance, sizeof leads)];
		for (size_t n = chance_below(chance, 4); n > 0; n--)
			to[count++] = tails[chance_below(chance, sizeof tails)];
		return count;
	case 1:
		*to = (unsigned char)chance_bits(chance);
		return 1;
	default: {
		const char *text = whole[chance_below(chance, 6)];
		memcpy(to, text, strlen(text));
		return strlen(text);
	}
	}
}

static void chance_against_the_naive_reader(void **state)
{
	(void)state;
	struct chance chance = chance_begin();
	int valid = 0;

	for (int i = 0; i < 200000; i++) {
		unsigned char bytes[64];
		size_t length = 0;
		for (size_t pieces = chance_below(&chance, 12); pieces > 0; pieces--)
			length += write_piece(&chance, bytes + length);
		bool wanted = naive_valid(bytes, length);
		if (utf8_is_valid((char *)bytes, length) != wanted)
			fail_msg("seed %llu, case %d", (unsigned long long)chance_seed(),
				i);
		valid += wanted;
	}
	/* Both answers were asked for often. */
	assert_in_range(valid, 20000, 180000);
}

static void reads_no_further_than_told(void **state)
{
	(void)state;
	static const char *const texts[] = { "Mưa bụi và nắng", "abcdefgh", "abcdefghi",
		"😀", "x😀" };

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		for (size_t length = 1; length <= strlen(texts[i]); length++) {
			char *copy = malloc(length);
			memcpy(copy, texts[i], length);
			bool valid = utf8_is_valid(copy, length);
			free(copy);
			assert_true(valid ==
				naive_valid((const unsigned char *)texts[i], length));
		}
}

static void counts_and_columns(void **state)
{
	(void)state;
	assert_int_equal(utf8_count(""), 0);
	assert_int_equal(utf8_count("Mưa bụi"), 7);
	assert_int_equal(utf8_count("µg/m³"), 5);
	assert_int_equal(utf8_count("😀"), 1);
	assert_int_equal(utf8_width(""), 0);
	assert_int_equal(utf8_width("Cầu Giấy"), 8);
	/* The same with combining marks. */
	assert_int_equal(utf8_width("Ca\xcc\x82\xcc\x80u Gia\xcc\x82\xcc\x81y"), 8);
	assert_int_equal(utf8_width("東京"), 4);
	assert_int_equal(utf8_width("😀"), 2);
	assert_int_equal(utf8_width("a\xff\xc2z"), 4); /* one for each that is none */
}

static void folds_letters(void **state)
{
	static const char *const pairs[][2] = {
		{ "", "" },
		{ "Rất XẤU", "rat xau" },
		{ "Ra\xcc\x82\xcc\x81t Xa\xcc\x82\xcc\x81u", "rat xau" },
		{ "ĐƯỜNG đường", "duong duong" },
		{ "ĂẰẮẲẴẶ ăằắẳẵặ ÂẦẤẨẪẬ âầấẩẫậ", "aaaaaa aaaaaa aaaaaa aaaaaa" },
		{ "ÊỀẾỂỄỆ ỊỈĨÌÍ ÔỒỐỔỖỘ ƠỜỚỞỠỢ", "eeeeee iiiii oooooo oooooo" },
		{ "ỤỦŨÙÚ ƯỪỨỬỮỰ ỲÝỶỸỴ", "uuuuu uuuuuu yyyyy" },
		{ "µg/m³ × 東京 😀", "µg/m³ × 東京 😀" },
		{ "a\xff\xc2z", "a\xff\xc2z" },
	};
	char out[128];

	(void)state;
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		assert_int_equal(
			utf8_fold(out, sizeof out, pairs[i][0]), strlen(pairs[i][1]));
		assert_string_equal(out, pairs[i][1]);
	}
	/* Cut between characters, with room for the NUL. */
	assert_int_equal(utf8_fold(out, 4, "Xấu quá"), 3);
	assert_string_equal(out, "xau");
	assert_int_equal(utf8_fold(out, 3, "a³"), 1);
	assert_string_equal(out, "a");
	assert_int_equal(utf8_fold(out, 1, "a"), 0);
	assert_string_equal(out, "");
}

static void fits_whole_characters(void **state)
{
	const char *text = "Cầu"; /* 1, 3 and 1 bytes */

	(void)state;
	assert_int_equal(utf8_fit(text, 5, 5), 5);
	assert_int_equal(utf8_fit(text, 5, 4), 4);
	assert_int_equal(utf8_fit(text, 5, 3), 1);
	assert_int_equal(utf8_fit(text, 5, 2), 1);
	assert_int_equal(utf8_fit(text, 5, 0), 0);
	assert_int_equal(utf8_fit(text, 3, 9), 1);
	assert_int_equal(utf8_fit("ab\xff"
				  "c",
				 4, 9),
		2);
}

static const char *cut(const char *text, size_t size, size_t max)
{
	static char out[64];

	memset(out, 'x', sizeof out);
	utf8_copy_cut(out, size, text, max);
	assert_true(strlen(out) < size);
	assert_true(utf8_count(out) <= max);
	return out;
}

static void cuts_behind_a_word(void **state)
{
	(void)state;
	assert_string_equal(cut("Mưa bụi", 64, 7), "Mưa bụi");
	assert_string_equal(cut("Mưa bụi rơi", 64, 10), "Mưa bụi…");
	assert_string_equal(cut("Mưa bụi rơi nữa", 64, 11), "Mưa bụi…");
	assert_string_equal(cut("Mưa bụi, rơi", 64, 11), "Mưa bụi…");
	assert_string_equal(cut("một haibabốnnămsáubảy", 64, 12), "một haibabố…");
	assert_string_equal(cut("bụi bụi bụi", 12, 60), "bụi…");
	assert_string_equal(cut("a\xff b", 64, 60), "a b");
	assert_string_equal(cut("abcdef", 5, 60), "a…");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(boundaries),
		cmocka_unit_test(no_nul_anywhere),
		cmocka_unit_test(every_short_sequence),
		cmocka_unit_test(chance_against_the_naive_reader),
		cmocka_unit_test(reads_no_further_than_told),
		cmocka_unit_test(counts_and_columns),
		cmocka_unit_test(folds_letters),
		cmocka_unit_test(fits_whole_characters),
		cmocka_unit_test(cuts_behind_a_word),
	};

	return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
