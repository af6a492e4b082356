/* "Did you mean …?": the nearest of some names to a misspelt one. */
#ifndef MUABUI_CONFIG_SUGGEST_H
#define MUABUI_CONFIG_SUGGEST_H

#include <stddef.h>

struct suggestion {
	const char *word;
	const char *best; /* NULL: nothing near enough so far */
	size_t distance;  /* of the best; first, the least that is too far */
};

void suggest_init(struct suggestion *suggestion, const char *word);

/* CANDIDATE (may be NULL) must live as long as the suggestion. */
void suggest_try(struct suggestion *suggestion, const char *candidate);

/* Writes " (did you mean "…"?)" to TEXT, or "" when nothing is near. Returns TEXT. */
const char *suggest_text(const struct suggestion *suggestion, char *text, size_t size);

/*
 * How many letters must be put in, left out, changed or swapped with their
 * neighbour to make B of A, case and '-' for '_' aside. Names longer than 63
 * bytes are far from everything.
 */
size_t suggest_distance(const char *a, const char *b);

#endif
