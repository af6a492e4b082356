#include "config/quantity.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct unit {
	const char *name; /* NULL ends a table; the largest unit comes first */
	int64_t factor;
};

static const struct unit durations[] = {
	{ .name = "d", .factor = 86400000 },
	{ .name = "h", .factor = 3600000 },
	{ .name = "m", .factor = 60000 },
	{ .name = "s", .factor = 1000 },
	{ .name = "ms", .factor = 1 },
	{ .name = NULL },
};

static const struct unit sizes[] = {
	{ .name = "TiB", .factor = INT64_C(1) << 40 },
	{ .name = "TB", .factor = INT64_C(1000000000000) },
	{ .name = "GiB", .factor = INT64_C(1) << 30 },
	{ .name = "GB", .factor = 1000000000 },
	{ .name = "MiB", .factor = 1 << 20 },
	{ .name = "MB", .factor = 1000000 },
	{ .name = "KiB", .factor = 1 << 10 },
	{ .name = "KB", .factor = 1000 },
	{ .name = "B", .factor = 1 },
	{ .name = NULL },
};

/* The digits at *TEXT, which moves behind them. */
static bool parse_digits(const char **text, int64_t *value)
{
	const char *p = *text;
	int64_t sum = 0;

	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(sum, 10, &sum) ||
			__builtin_add_overflow(sum, *p - '0', &sum))
			return false;
	if (p == *text)
		return false;
	*text = p;
	*value = sum;
	return true;
}

/* The unit whose name is the letters at *TEXT, which moves behind them; or NULL. */
static const struct unit *parse_unit(const char **text, const struct unit *units)
{
	size_t length = 0;

	while ((*text)[length] && !((*text)[length] >= '0' && (*text)[length] <= '9'))
		length++;
	for (; units->name; units++)
		if (strlen(units->name) == length &&
			memcmp(units->name, *text, length) == 0)
			break;
	if (!units->name)
		return NULL;
	*text += length;
	return units;
}

static bool parse(const char *text, const struct unit *units, bool sums, int64_t *value)
{
	int64_t sum = 0;

	if (strcmp(text, "0") == 0) {
		*value = 0;
		return true;
	}
	do {
		int64_t part;

		if (!parse_digits(&text, &part))
			return false;
		units = parse_unit(&text, units);
		if (!units || __builtin_mul_overflow(part, units->factor, &part) ||
			__builtin_add_overflow(sum, part, &sum))
			return false;
		units++; /* only smaller ones may follow */
	} while (*text && sums);
	if (*text)
		return false;
	*value = sum;
	return true;
}

bool quantity_parse_duration(const char *text, int64_t *ms)
{
	return parse(text, durations, true, ms);
}

bool quantity_parse_size(const char *text, int64_t *bytes)
{
	return parse(text, sizes, false, bytes);
}

static char *format(char *text, const struct unit *units, int64_t value)
{
	size_t shortest = QUANTITY_TEXT_SIZE;

	for (; units->name; units++) {
		char attempt[QUANTITY_TEXT_SIZE];

		/* Nothing is nothing of the smallest unit. */
		if (value % units->factor != 0 || (value == 0 && units[1].name))
			continue;
		int length = snprintf(attempt, sizeof attempt, "%" PRId64 "%s",
			value / units->factor, units->name);
		if ((size_t)length < shortest) {
			shortest = (size_t)length;
			memcpy(text, attempt, shortest + 1);
		}
	}
	return text;
}

char *quantity_format_duration(char text[static QUANTITY_TEXT_SIZE], int64_t ms)
{
	return ms == 0 ? memcpy(text, "0s", 3) : format(text, durations, ms);
}

char *quantity_format_size(char text[static QUANTITY_TEXT_SIZE], int64_t bytes)
{
	return format(text, sizes, bytes);
}
