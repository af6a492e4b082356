#include "core/number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double powers_of_ten[] = {
	1e0,
	1e1,
	1e2,
	1e3,
	1e4,
	1e5,
	1e6,
	1e7,
	1e8,
	1e9,
	1e10,
	1e11,
	1e12,
	1e13,
	1e14,
	1e15,
	1e16,
	1e17,
	1e18,
	1e19,
	1e20,
	1e21,
	1e22,
};
static const double mantissa_limit = 9007199254740992.0; /* 2^53 */

/* nearbyint() of what is below the limit, without a call for what is usual. */
static double round_to_whole(double value)
{
	static const double usual = 2251799813685248.0; /* 2^51 */
	/* So large that a sum with it has no bits left for fractions. */
	static const double shift = 6755399441055744.0; /* 1.5 × 2^52 */

	return fabs(value) < usual ? value + shift - shift : nearbyint(value);
}

bool number_to_decimal(double value, int64_t *mantissa, int *digits)
{
	for (int d = 0; d <= NUMBER_DIGITS_MAX; d++) {
		double scaled = value * powers_of_ten[d];

		if (!(fabs(scaled) < mantissa_limit))
			return false; /* too large, or not a number */
		double whole = round_to_whole(scaled);
		/* A division costs as much as all the rest. It cannot come out where the
		 * product is farther away than two roundings, which are 2^-52. */
		if (fabs(scaled - whole) > fabs(whole) * 1e-15)
			continue;
		/* Both operands are exact, so the quotient is the double nearest to the
		 * decimal: equality means that the decimal reads back as VALUE. */
		if (whole / powers_of_ten[d] == value) {
			if (whole == 0 && signbit(value))
				return false; /* -0 is not 0 */
			*mantissa = (int64_t)whole;
			*digits = d;
			return true;
		}
	}
	return false;
}

double number_from_decimal(int64_t mantissa, int digits)
{
	return (double)mantissa / powers_of_ten[digits];
}

double number_round(double value, int digits)
{
	char text[NUMBER_TEXT_SIZE];

	if (!isfinite(value))
		return value;
	snprintf(text, sizeof text, "%.*g", digits, value);
	return strtod(text, NULL);
}

double number_from_float(float value)
{
	if (!isfinite(value))
		return (double)value;
	/* 6 digits survive in any float, 9 tell any two apart. */
	for (int digits = 6; digits <= 9; digits++) {
		double rounded = number_round((double)value, digits);
		if ((float)rounded == value)
			return rounded;
	}
	return (double)value;
}

size_t number_format_int(char text[static NUMBER_TEXT_SIZE], int64_t value)
{
	char reversed[NUMBER_TEXT_SIZE];
	uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
	size_t count = 0, length = 0;

	do {
		reversed[count++] = (char)('0' + rest % 10);
		rest /= 10;
	} while (rest > 0);
	if (value < 0)
		text[length++] = '-';
	while (count > 0)
		text[length++] = reversed[--count];
	text[length] = '\0';
	return length;
}

static size_t format_decimal(char *text, int64_t mantissa, int digits)
{
	char reversed[NUMBER_TEXT_SIZE];
	uint64_t rest = mantissa < 0 ? -(uint64_t)mantissa : (uint64_t)mantissa;
	size_t count = 0, length = 0;

	/* At least one digit stands before the point. */
	while (rest > 0 || count < (size_t)digits + 1) {
		if (digits > 0 && count == (size_t)digits && reversed[count - 1] != '.') {
			reversed[count++] = '.';
			digits++; /* the point took one place */
			continue;
		}
		reversed[count++] = (char)('0' + rest % 10);
		rest /= 10;
	}
	if (mantissa < 0)
		text[length++] = '-';
	while (count > 0)
		text[length++] = reversed[--count];
	text[length] = '\0';
	return length;
}

size_t number_format(char text[static NUMBER_TEXT_SIZE], double value)
{
	int64_t mantissa;
	int digits;

	if (number_to_decimal(value, &mantissa, &digits))
		return digits == 0 ? number_format_int(text, mantissa)
				   : format_decimal(text, mantissa, digits);
	for (int precision = 15; precision <= 17; precision++) {
		int length = snprintf(text, NUMBER_TEXT_SIZE, "%.*g", precision, value);
		if (strtod(text, NULL) == value || precision == 17)
			return (size_t)length;
	}
	return 0; /* not reached */
}

/* The end of the exponent at P, or P where there is none. */
static const char *skip_exponent(const char *p, const char *end)
{
	const char *at = p;

	if (at == end || (*at != 'e' && *at != 'E'))
		return p;
	at++;
	if (at < end && (*at == '-' || *at == '+'))
		at++;
	if (at == end || *at < '0' || *at > '9')
		return p;
	while (at < end && *at >= '0' && *at <= '9')
		at++;
	return at;
}

/* Most numbers have few digits: exact by one division. The others are strtod's. */
size_t number_scan(const char *text, size_t length, double *value)
{
	const char *p = text, *end = text + length;
	uint64_t mantissa = 0;
	int digits = 0, decimals = 0;
	bool negative = false;

	if (p < end && (*p == '-' || *p == '+'))
		negative = *p++ == '-';
	for (; p < end && *p >= '0' && *p <= '9'; p++, digits++)
		mantissa = digits < 18 ? mantissa * 10 + (uint64_t)(*p - '0') : mantissa;
	if (p < end && *p == '.') {
		p++;
		for (; p < end && *p >= '0' && *p <= '9'; p++, digits++, decimals++)
			mantissa = digits < 18 ? mantissa * 10 + (uint64_t)(*p - '0')
					       : mantissa;
	}
	if (digits == 0)
		return 0;
	const char *rest = skip_exponent(p, end);
	if (rest == p && digits <= 15) {
		double magnitude = (double)mantissa / powers_of_ten[decimals];
		*value = negative ? -magnitude : magnitude;
		return (size_t)(p - text);
	}
	char copy[512];
	size_t used = (size_t)(rest - text);
	if (used >= sizeof copy)
		return 0;
	memcpy(copy, text, used);
	copy[used] = '\0';
	*value = strtod(copy, NULL);
	return isfinite(*value) ? used : 0;
}

bool number_parse(const char *text, size_t length, double *value)
{
	return length > 0 && number_scan(text, length, value) == length;
}
