/*
 * Bytes of a configuration file into tokens of libconfig's language, with the
 * mistakes that can be seen in a single token. It is stricter than libconfig in
 * two things: a text ends on its line (a forgotten quote is found where it is),
 * and a number is what it looks like (libconfig cuts large ones).
 */
#ifndef MUABUI_CONFIG_LEXER_H
#define MUABUI_CONFIG_LEXER_H

#include <stdbool.h>
#include <stddef.h>

enum token_type {
	TOKEN_NAME,
	TOKEN_NUMBER,
	TOKEN_STRING,  /* .text is what stands between the quotes, escapes as written */
	TOKEN_MARK,    /* one of = { } ( ) [ ] , ; and : is given as = */
	TOKEN_INCLUDE, /* @include "…": .text is the file's name */
	TOKEN_BAD,     /* nothing of use: only .problem */
};

struct token {
	enum token_type type;
	int line;
	size_t file;      /* number in the source; the lexer leaves it alone */
	const char *text; /* in the lexer's bytes, or constant */
	size_t length;
	const char *problem; /* NULL, or what is wrong with it; constant */
	const char *before; /* what the scan puts in front of it and behind it; or NULL */
	const char *after;
};

struct lexer {
	const char *at, *end;
	int line;
	bool value_next; /* a '=' has just been read */
};

void lexer_init(struct lexer *lexer, const char *bytes, size_t length);

/* The next token; false at the end. */
bool lexer_next(struct lexer *lexer, struct token *token);

/* Is TOKEN the mark C? */
bool token_is(const struct token *token, char c);

/* Does TOKEN, a number, say a whole one? Then it is in VALUE. */
bool token_integer(const struct token *token, long long *value);

#endif
