/* UTF-8 as far as a gateway needs it. */
#ifndef MUABUI_CORE_UTF8_H
#define MUABUI_CORE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Is it well-formed UTF-8 (no overlong forms, no surrogates, no NUL)? */
bool utf8_is_valid(const char *bytes, size_t length);

/* Bytes of the well-formed character at BYTES, 0 if there is none. */
size_t utf8_char_length(const char *bytes, size_t length);

/*
 * How many of LENGTH bytes of TEXT are at most MOST and end with a whole character; what
 * is not UTF-8 ends it, too.
 */
size_t utf8_fit(const char *text, size_t length, size_t most);

/* Code points in TEXT. */
size_t utf8_count(const char *text);

/* Columns TEXT takes in a terminal, near enough: combining marks take none. */
size_t utf8_width(const char *text);

/*
 * TEXT for comparing: Latin letters small and without marks ("Rất XẤU" is "rat xau"),
 * whether the marks are part of the letter or stand behind it; all else as it is. OUT is
 * cut to SIZE bytes with NUL, between characters. Returns the length.
 */
size_t utf8_fold(char *out, size_t size, const char *text);

/*
 * Copies TEXT to OUT so that at most MAX (> 1) code points and SIZE (> 4) bytes are
 * taken. What does not fit is cut behind a word, unless the last one is longer than a
 * third of it all, and "…" shows that. Bytes that are no UTF-8 are left out.
 */
void utf8_copy_cut(char *out, size_t size, const char *text, size_t max);

#endif
