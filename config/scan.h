/*
 * Between the tokens and libconfig: finds repeated keys, text without quotes
 * and brackets that do not match, and makes of the rest what libconfig reads
 * without stumbling, so that one mistake does not hide the next.
 */
#ifndef MUABUI_CONFIG_SCAN_H
#define MUABUI_CONFIG_SCAN_H

#include <stddef.h>

#include "config/errors.h"
#include "config/text.h"
#include "core/buffer.h"

enum {
	SCAN_DEPTH_MAX = 32,  /* brackets within brackets */
	SCAN_KEYS_MAX = 1000, /* keys in one group */
};

/* The first place where brackets are wrong. */
struct scan_fault {
	size_t token;  /* its number; the count of tokens: at the end */
	size_t place;  /* the token whose line is to be named */
	char text[96]; /* "": none */
};

/*
 * Checks SOURCE's tokens and changes them: a repeated key gets a name that begins
 * with '*', text without quotes becomes text, [ 1, 2.5 ] becomes ( 1, 2.5 ), a comma
 * before a closing bracket is emptied; a forgotten '=', ',' or value is reported and
 * put in. A key whose value is not what the user meant has a .problem afterwards. No
 * token is removed.
 */
void scan_check(
	struct text *source, struct config_errors *errors, struct scan_fault *fault);

/* Appends the tokens for libconfig to OUT: number i on line i + 1. */
void scan_write(const struct text *source, struct buffer *out);

#endif
