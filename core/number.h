/*
 * Numbers as sensors mean them: decimals with few digits. One routine finds
 * the short decimal form of a double; the store packs by it and the outputs
 * print by it, so a value reads back as it was written.
 */
#ifndef MUABUI_CORE_NUMBER_H
#define MUABUI_CORE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	NUMBER_TEXT_SIZE = 32, /* room for any double as text, with NUL */
	NUMBER_DIGITS_MAX = 6, /* decimals tried for the short form */
};

/*
 * VALUE as MANTISSA / 10^DIGITS with 0..6 digits and |mantissa| < 2^53, if
 * that is exactly the same double; otherwise false.
 */
bool number_to_decimal(double value, int64_t *mantissa, int *digits);
double number_from_decimal(int64_t mantissa, int digits);

/*
 * The decimal that was meant: VALUE to DIGITS (1..17) significant digits, so that 536 ×
 * 0.1 is 53.6. Infinite and NaN stay as they are.
 */
double number_round(double value, int digits);

/* The shortest decimal that is this float: 23.45, not 23.450000762939453. */
double number_from_float(float value);

/*
 * A short text that reads back as VALUE (finite): a plain decimal where
 * number_to_decimal() finds one, else %g with 15 to 17 digits, as few as do.
 * Returns its length.
 */
size_t number_format(char text[static NUMBER_TEXT_SIZE], double value);
size_t number_format_int(char text[static NUMBER_TEXT_SIZE], int64_t value);

/*
 * The whole of TEXT as a finite number: decimal point, optional exponent, no
 * hex, no "nan", no blanks, whatever the locale. False otherwise.
 */
bool number_parse(const char *text, size_t length, double *value);

/* The same for the longest number at the start of TEXT: its length, 0: there is none. */
size_t number_scan(const char *text, size_t length, double *value);

#endif
