/*
 * Dead letters as an operator sees them: what a far side has refused for good, kept with
 * its reason. store_dead_letter() puts them here. One that is to be sent again is taken
 * up by its output within a minute (outputs/again.c).
 */
#ifndef MUABUI_STORE_DEAD_LETTERS_H
#define MUABUI_STORE_DEAD_LETTERS_H

#include <stdbool.h>
#include <stdint.h>

#include "store/store.h"

extern const char dead_letters_schema[]; /* for store_open() */

struct dead_letter {
	int64_t id;
	int64_t report;  /* whose content it is */
	int64_t time_ms; /* when it was refused */
	bool again;      /* it is to be sent again */
	const char *output, *reason, *body;
};

/*
 * Which letters: of OUTPUT (NULL: of all), with ID (0: all). Each returns how many, or
 * -1. Texts are only valid during the call of EACH, which must not use STORE.
 */
int64_t dead_letters_each(struct store *store, const char *output, int64_t id,
	void (*each)(void *arg, const struct dead_letter *letter), void *arg);
int64_t dead_letters_send_again(struct store *store, const char *output, int64_t id);
int64_t dead_letters_drop(struct store *store, const char *output, int64_t id);

/* The next letter of OUTPUT that is to be sent again. 1, 0: there is none, or -1. */
int dead_letters_next(
	struct store *store, const char *output, int64_t *id, int64_t *report);

/*
 * It was tried: REASON is why it was refused again, and it stays; NULL: it was taken, and
 * goes. 0 or -1.
 */
int dead_letters_settle(struct store *store, int64_t id, const char *reason);

/* Puts the content of report ID aside for the output NAME, with the far side's reason. */
int store_dead_letter(struct store *store, const char *name, int64_t id, const char *body,
	const char *reason);

/*
 * A receiver that refuses everything for weeks must not fill the card: so many letters
 * an output may have.
 */
enum { DEAD_LETTERS_MAX = 100000 };

/* Removes the oldest letters of OUTPUT beyond the newest MOST. How many, or -1. */
int64_t dead_letters_trim(struct store *store, const char *output, int64_t most);

int64_t store_dead_letter_count(struct store *store, const char *name);

#endif
