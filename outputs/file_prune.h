/* Old files of the file output go: by their age, or when all of them grow too large. */
#ifndef MUABUI_OUTPUTS_FILE_PRUNE_H
#define MUABUI_OUTPUTS_FILE_PRUNE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct file_prune {
	const char *template; /* the option path: %Y %m %d %H, %% */
	const char *current;  /* never removed */
	int64_t before_ms;    /* files last written before that go, 0: none */
	int64_t bytes;        /* what all may have together, 0: no limit */
};

/* Could NAME have come of TEMPLATE, both without folders, as it is or renamed to .1 …? */
bool file_prune_fits(const char *template, const char *name);

/* Has TEMPLATE a word in its folders? Such files are not found. */
bool file_prune_has_dated_folder(const char *template);

/*
 * Removes of the folder's files that fit the template what PRUNE says, the oldest first.
 * Other files, folders and symbolic links are left alone. Returns how many it removed;
 * -1 with errno when the folder cannot be read.
 */
int file_prune(const struct file_prune *prune);

#endif
