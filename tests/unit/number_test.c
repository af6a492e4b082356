/* Numbers to text and back, held against the C library's own. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/number.h"
#include "tests/unit/chance.h"

static bool same_bits(double a, double b)
{
	return memcmp(&a, &b, sizeof a) == 0;
}

static double parsed(const char *text)
{
	double value = NAN;

	if (!number_parse(text, strlen(text), &value))
		fail_msg("\"%s\" is not taken", text);
	return value;
}

static const char *formatted(double value)
{
	static char text[NUMBER_TEXT_SIZE];
	size_t length = number_format(text, value);

	assert_int_equal(strlen(text), length);
	return text;
}

/* MANTISSA / 10^DIGITS as people write it: no needless zeros. */
static void write_decimal(char *text, size_t size, int64_t mantissa, int digits)
{
	int64_t power = 1, whole = mantissa < 0 ? -mantissa : mantissa;

	for (int i = 0; i < digits; i++)
		power *= 10;
	size_t length = (size_t)snprintf(text, size, "%s%lld", mantissa < 0 ? "-" : "",
		(long long)(whole / power));
	if (whole % power == 0)
		return;
	length += (size_t)snprintf(text + length, size - length, ".%0*lld", digits,
		(long long)(whole % power));
	while (text[length - 1] == '0')
		text[--length] = '\0';
}

static void decimals_are_exact(void **state)
{
	(void)state;
	struct chance chance = chance_begin();
	char wanted[64];

	for (int i = 0; i < 500000; i++) {
		int digits = (int)chance_below(&chance, NUMBER_DIGITS_MAX + 1);
		int64_t range = INT64_C(1) << chance_below(&chance, 50);
		int64_t mantissa = chance_between(&chance, -range, range), got;
		int got_digits;

		write_decimal(wanted, sizeof wanted, mantissa, digits);
		double value = strtod(wanted, NULL);
		assert_true(number_to_decimal(value, &got, &got_digits));
		assert_true(got_digits <= digits);
		assert_true(same_bits(number_from_decimal(got, got_digits), value));
		for (int d = got_digits; d < digits; d++)
			got *= 10;
		assert_int_equal(got, mantissa);
		assert_string_equal(formatted(value), wanted);
		assert_true(same_bits(parsed(wanted), value));
	}
}

static void any_double_reads_back(void **state)
{
	(void)state;
	struct chance chance = chance_begin();
	char long_form[64];

	for (int i = 0; i < 300000; i++) {
		uint64_t bits = chance_bits(&chance);
		double value, back;
		int64_t mantissa;
		int digits;

		memcpy(&value, &bits, sizeof value);
		/* Half of them of a size that sensors know. */
		if (i % 2 || !isfinite(value))
			value = ((double)(int64_t)bits) / 9007199254740992.0;
		snprintf(long_form, sizeof long_form, "%.17g", value);
		const char *text = formatted(value);
		assert_true(strlen(text) <= 24);
		assert_true(same_bits(strtod(text, NULL), value));
		assert_true(same_bits(parsed(text), value));
		assert_true(same_bits(parsed(long_form), value));
		if (number_to_decimal(value, &mantissa, &digits)) {
			back = number_from_decimal(mantissa, digits);
			assert_true(same_bits(back, value));
		} else {
			snprintf(long_form, sizeof long_form, "%.15g", value);
			if (strtod(long_form, NULL) == value)
				assert_string_equal(text, long_form);
		}
	}
}

static size_t write_digits(struct chance *chance, char *text, size_t count)
{
	for (size_t i = 0; i < count; i++)
		text[i] = (char)('0' + chance_below(chance, 10));
	return count;
}

static void parses_as_strtod_does(void **state)
{
	(void)state;
	struct chance chance = chance_begin();
	char text[128];

	for (int i = 0; i < 300000; i++) {
		size_t length = 0;
		double value = NAN;

		if (chance_below(&chance, 2))
			text[length++] = "+-"[chance_below(&chance, 2)];
		length += write_digits(&chance, text + length, chance_below(&chance, 25));
		if (chance_below(&chance, 2)) {
			text[length++] = '.';
			length += write_digits(
				&chance, text + length, chance_below(&chance, 25));
		}
		if (chance_below(&chance, 3) == 0)
			length += (size_t)snprintf(text + length, 8, "e%d",
				(int)chance_between(&chance, -330, 310));
		text[length] = '\0';
		char *end;
		double wanted = strtod(text, &end);
		/* What strtod leaves over, or has no value, is not ours either. */
		bool good = end == text + length && length > 0 && isfinite(wanted);
		if (number_parse(text, length, &value) != good)
			fail_msg("\"%s\"", text);
		if (good && !same_bits(value, wanted))
			fail_msg("\"%s\": %.17g, not %.17g", text, value, wanted);
	}
}

static void the_ends_of_the_scale(void **state)
{
	(void)state;
	int64_t mantissa;
	int digits;

	assert_string_equal(formatted(0.0), "0");
	assert_string_equal(formatted(-0.0), "-0");
	assert_true(signbit(parsed("-0")) && parsed("-0") == 0);
	assert_true(signbit(parsed("-0.000")));
	assert_false(signbit(parsed("0")));
	assert_false(number_to_decimal(-0.0, &mantissa, &digits));

	assert_string_equal(formatted(0.1), "0.1");
	assert_string_equal(formatted(-0.05), "-0.05");
	assert_string_equal(formatted(1e-6), "0.000001");
	assert_string_equal(formatted(0.1 + 0.2), "0.30000000000000004");
	assert_string_equal(formatted(1e-7), "1e-07");
	assert_string_equal(formatted(9007199254740991.0), "9007199254740991");
	assert_string_equal(formatted(1e300), "1e+300");
	assert_string_equal(
		formatted(-1.7976931348623157e308), "-1.7976931348623157e+308");
	assert_true(
		parsed(formatted(4.9406564584124654e-324)) == 4.9406564584124654e-324);
	assert_true(parsed("1e-400") == 0);

	assert_false(number_to_decimal(9007199254740992.0, &mantissa, &digits));
	assert_false(number_to_decimal(NAN, &mantissa, &digits));
	assert_false(number_to_decimal(INFINITY, &mantissa, &digits));
	assert_false(number_to_decimal(-INFINITY, &mantissa, &digits));
	assert_false(number_to_decimal(5e-7, &mantissa, &digits));
	assert_true(number_to_decimal(-9007199254740991.0, &mantissa, &digits));
	assert_true(mantissa == -9007199254740991 && digits == 0);
}

static void whole_numbers(void **state)
{
	(void)state;
	static const int64_t numbers[] = { 0, 1, -1, 9, 10, -10, 1795300000000, INT64_MAX,
		INT64_MIN };
	char text[NUMBER_TEXT_SIZE], wanted[32];

	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		snprintf(wanted, sizeof wanted, "%lld", (long long)numbers[i]);
		assert_int_equal(number_format_int(text, numbers[i]), strlen(wanted));
		assert_string_equal(text, wanted);
	}
}

static void what_is_a_number(void **state)
{
	(void)state;
	assert_true(parsed("1.") == 1);
	assert_true(parsed(".5") == 0.5);
	assert_true(parsed("+7") == 7);
	assert_true(parsed("1E3") == 1000);
	assert_true(parsed("1e+03") == 1000);
	assert_true(parsed("0000000000000000000000000000000000000012") == 12);
	assert_true(parsed("1234567890123456789012345678901234567890") ==
		1234567890123456789012345678901234567890.0);
	assert_true(parsed("0.1234567890123456789012345678901234567890") ==
		0.1234567890123456789012345678901234567890);
	assert_true(parsed("123456789012345") == 123456789012345);
	assert_true(parsed("0.000000000000001") == 1e-15);
	assert_true(parsed("99999999999999999999.999999999999") == 1e20);
}

static void what_is_none(void **state)
{
	(void)state;
	static const char *const others[] = { "", "+", "-", ".", "-.", "e5", "1e", "1e+",
		"1e-", "1e5.5", "1ee5", "nan", "NaN", "inf", "-infinity", "0x10", "0x1p3",
		" 1", "1 ", "1 2", "\t1", "1\n", "1,5", "1.2.3", "--1", "+-1", "1-",
		"1_000", "1e400", "-1e400", "1f", "１", "²" };
	double value = 42;

	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (number_parse(others[i], strlen(others[i]), &value))
			fail_msg("\"%s\" is taken as %g", others[i], value);
	assert_false(number_parse("1\0"
				  "2",
		3, &value));
}

static void reads_no_further_than_told(void **state)
{
	(void)state;
	double value;

	assert_true(number_parse("12345", 2, &value) && value == 12);
	assert_true(number_parse("1e55", 3, &value) && value == 1e5);
	assert_false(number_parse("12", 0, &value));
	/* At the very end of memory, where AddressSanitizer sees one byte more. */
	static const char *const texts[] = { "7", "-1.25", "1e9",
		"12345678901234567890123", "1.", "9e+" };
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		size_t length = strlen(texts[i]);
		char *copy = malloc(length);
		memcpy(copy, texts[i], length);
		bool good = number_parse(copy, length, &value);
		free(copy);
		assert_int_equal(good, i != 5);
		assert_true(!good || value == strtod(texts[i], NULL));
	}
}

static void endless_digits_are_refused_or_right(void **state)
{
	(void)state;
	char text[1000];
	double value;

	memset(text, '0', sizeof text);
	text[0] = '1';
	assert_true(number_parse(text, 300, &value) && value == 1e299);
	assert_false(number_parse(text, sizeof text, &value));
	text[1] = '.';
	assert_true(number_parse(text, 400, &value) && value == 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decimals_are_exact),
		cmocka_unit_test(any_double_reads_back),
		cmocka_unit_test(parses_as_strtod_does),
		cmocka_unit_test(the_ends_of_the_scale),
		cmocka_unit_test(whole_numbers),
		cmocka_unit_test(what_is_a_number),
		cmocka_unit_test(what_is_none),
		cmocka_unit_test(reads_no_further_than_told),
		cmocka_unit_test(endless_digits_are_refused_or_right),
	};

	return cmocka_run_group_tests_name("number", tests, NULL, NULL);
}
