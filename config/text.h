/*
 * The text of a configuration: a file with all that it includes, as one row of
 * tokens that know where they stand. libconfig is given one token per line, so
 * that the lines it speaks of are numbers of tokens.
 */
#ifndef MUABUI_CONFIG_TEXT_H
#define MUABUI_CONFIG_TEXT_H

#include <stddef.h>
#include <sys/types.h>

#include "config/arena.h"
#include "config/lexer.h"

enum {
	SOURCE_BYTES_MAX = 1024 * 1024, /* all files together */
	SOURCE_TOKENS_MAX = 200000,
	SOURCE_DEPTH_MAX = 10,  /* includes within includes */
	SOURCE_FILES_MAX = 100, /* read, the same one twice counted twice */
};

struct config_errors;

struct text {
	struct arena *arena; /* contents and other things of the moment */
	struct arena *keep;  /* file names */
	const char **names;  /* in the order of their first reading */
	size_t name_count;
	struct token *tokens;
	size_t count, capacity;
	size_t bytes; /* read so far */
	size_t reads; /* files read so far */
};

/* Both arenas (they may be one) must outlive SOURCE. */
void text_init(struct text *source, struct arena *arena, struct arena *keep);
void text_free(struct text *source);

/*
 * Reads FILE, or TEXT as if it stood in FILE, and what it includes, relative to the
 * including file's folder. What is wrong goes to ERRORS; the rest is read all the same.
 */
void text_read_file(struct text *source, const char *file, struct config_errors *errors);
void text_read_text(struct text *source, const char *file, const char *text,
	size_t length, struct config_errors *errors);

/* The name of file number FILE; it lives as long as the arena KEEP. */
const char *text_file(const struct text *source, size_t file);

#endif
