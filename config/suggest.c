#include "config/suggest.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { WORD_MAX = 63 };

static int fold(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A' + 'a';
	return c == '-' ? '_' : c;
}

static size_t smallest(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;

	return least < c ? least : c;
}

/* Damerau and Levenshtein's distance (optimal string alignment), by three rows. */
size_t suggest_distance(const char *a, const char *b)
{
	size_t rows[3][WORD_MAX + 1];
	size_t *before = rows[0], *above = rows[1], *row = rows[2];
	size_t length_a = strlen(a), length_b = strlen(b);

	if (length_a > WORD_MAX || length_b > WORD_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= length_b; j++)
		above[j] = before[j] = j;
	for (size_t i = 1; i <= length_a; i++) {
		row[0] = i;
		for (size_t j = 1; j <= length_b; j++) {
			int x = fold(a[i - 1]), y = fold(b[j - 1]);

			row[j] = smallest(
				above[j] + 1, row[j - 1] + 1, above[j - 1] + (x != y));
			if (i > 1 && j > 1 && x == fold(b[j - 2]) &&
				fold(a[i - 2]) == y && before[j - 2] + 1 < row[j])
				row[j] = before[j - 2] + 1;
		}
		size_t *free_row = before;
		before = above;
		above = row;
		row = free_row;
	}
	return above[length_b];
}

void suggest_init(struct suggestion *suggestion, const char *word)
{
	/* In a short word two changes leave nothing of it. */
	size_t length = strlen(word);

	*suggestion = (struct suggestion){
		.word = word,
		.distance = length <= 2 ? 1
			: length <= 4   ? 2
					: 3,
	};
}

void suggest_try(struct suggestion *suggestion, const char *candidate)
{
	if (!candidate)
		return;
	size_t distance = suggest_distance(suggestion->word, candidate);
	if (distance < suggestion->distance) {
		suggestion->best = candidate;
		suggestion->distance = distance;
	}
}

const char *suggest_text(const struct suggestion *suggestion, char *text, size_t size)
{
	text[0] = '\0';
	if (suggestion->best)
		snprintf(text, size, " (did you mean \"%s\"?)", suggestion->best);
	return text;
}
