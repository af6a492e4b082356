#include "core/discreet.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "core/utf8.h"

enum { DIGITS_MAX = 7, WORD_MAX = 24 };

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("_-.+", c));
}

/* The word at TEXT, of LENGTH bytes: is it somebody's? */
static bool is_personal(const char *text, size_t length)
{
	size_t digits = 0, run = 0, longest = 0;

	for (size_t i = 0; i < length; i++) {
		digits += isdigit((unsigned char)text[i]) != 0;
		run = isalnum((unsigned char)text[i]) || strchr("_-", text[i]) ? run + 1
									       : 0;
		longest = run > longest ? run : longest;
	}
	return text[length] == '@' || digits > DIGITS_MAX || longest > WORD_MAX;
}

void discreet_copy(char *out, size_t size, const char *text)
{
	static const char dots[] = "…";
	size_t used = 0;

	while (size > 0 && *text) {
		const char *piece = text;
		size_t length = 0, whole;

		while (is_word(text[length]))
			length++;
		if (length > 0 && is_personal(text, length)) {
			piece = dots;
			whole = length;
			length = sizeof dots - 1;
		} else {
			if (length == 0)
				length = utf8_char_length(text, strlen(text));
			whole = length > 0 ? length : (length = 1);
		}
		if (length >= size - used)
			break;
		memcpy(out + used, piece, length);
		used += length;
		text += whole;
	}
	if (size > 0)
		out[used] = '\0';
}
