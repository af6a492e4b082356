/* One value by its row of an option table: reading, limits, defaults. */
#ifndef MUABUI_CONFIG_VALUE_H
#define MUABUI_CONFIG_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "config/arena.h"
#include "config/option.h"

enum {
	VALUE_WHY_SIZE = 320,
	VALUE_RANGE_SIZE = 128,
};

/* What a user has to write: "a whole number", "text", "a duration such as \"10s\"". */
const char *value_expected(enum option_type type);

/*
 * Reads a value written as text in quotes (of any type but OPTION_METRIC) into MEMBER;
 * strings are copied to ARENA. False with the reason in WHY.
 */
bool value_set_text(const struct option *option, struct arena *arena, const char *text,
	void *member, char why[static VALUE_WHY_SIZE]);

/* The same for OPTION_NUMBER, and for OPTION_INTEGER if NUMBER is whole. */
bool value_set_number(const struct option *option, double number, void *member,
	char why[static VALUE_WHY_SIZE]);

/*
 * Puts OPTION's default into MEMBER (zeroed), which is not held against its limits: it
 * may stand outside them and mean "off". False: the row is wrong, or memory is out.
 */
bool value_set_fallback(const struct option *option, struct arena *arena, void *member);

/* Is NUMBER (ms, bytes, the length of text) inside OPTION's limits? */
bool value_is_in_range(const struct option *option, double number);

/* OPTION's limits for people, "1 to 247", "at least 1h"; "" without limits. */
const char *value_range_text(
	const struct option *option, char text[static VALUE_RANGE_SIZE]);

#endif
