#include "config/scan.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct level {
	size_t token;     /* the opening bracket */
	size_t first_key; /* where its keys begin */
	bool flat;        /* nothing but plain values so far */
};

struct scan {
	struct text *source;
	struct config_errors *errors;
	struct scan_fault *fault;
	struct level levels[SCAN_DEPTH_MAX + 1]; /* [0] is the file, a group */
	size_t depth;
	size_t *keys; /* tokens, of all open levels */
	size_t key_count, key_capacity;
	unsigned renamed;
};

static const struct token *token_at(const struct scan *scan, size_t i)
{
	static const struct token none = { .type = TOKEN_BAD, .text = "" };

	return i < scan->source->count ? &scan->source->tokens[i] : &none;
}

static bool is_same(const struct token *a, const struct token *b)
{
	return a->length == b->length && memcmp(a->text, b->text, a->length) == 0;
}

static bool in_group(const struct scan *scan)
{
	return scan->depth == 0 ||
		token_is(token_at(scan, scan->levels[scan->depth].token), '{');
}

static void complain(struct scan *scan, const struct token *key, const char *why)
{
	char name[64];

	snprintf(name, sizeof name, "%.*s", (int)key->length, key->text);
	errors_add(scan->errors, key->file, key->line, name, "%s", why);
}

/* Gives the key a name of its own, which the loader passes over. */
static void rename_key(struct scan *scan, struct token *key)
{
	char name[24];
	int length = snprintf(name, sizeof name, "*%u", ++scan->renamed);
	char *copy = arena_copy(scan->source->arena, name, (size_t)length);

	if (!copy)
		return; /* then libconfig stumbles over it */
	key->text = copy;
	key->length = (size_t)length;
}

static bool remember_key(struct scan *scan, size_t i)
{
	if (scan->key_count - scan->levels[scan->depth].first_key >= SCAN_KEYS_MAX)
		return false;
	if (scan->key_count == scan->key_capacity) {
		size_t capacity = scan->key_capacity ? scan->key_capacity * 2 : 64;
		size_t *keys = reallocarray(scan->keys, capacity, sizeof *keys);
		if (!keys)
			return false;
		scan->keys = keys;
		scan->key_capacity = capacity;
	}
	scan->keys[scan->key_count++] = i;
	return true;
}

static void check_key(struct scan *scan, size_t i)
{
	struct token *key = &scan->source->tokens[i];

	if (memchr(key->text, '*', key->length)) {
		complain(scan, key, "unknown key");
		rename_key(scan, key);
		return;
	}
	for (size_t k = scan->levels[scan->depth].first_key; k < scan->key_count; k++) {
		const struct token *first = token_at(scan, scan->keys[k]);
		char why[512];

		if (!is_same(first, key))
			continue;
		snprintf(why, sizeof why, "repeated key, first at %s:%d",
			text_file(scan->source, first->file), first->line);
		complain(scan, key, why);
		rename_key(scan, key);
		return;
	}
	if (!remember_key(scan, i)) {
		complain(scan, key, "too many keys in one group");
		rename_key(scan, key);
	}
}

static bool is_bool(const struct token *token)
{
	return (token->length == 4 && strncasecmp(token->text, "true", 4) == 0) ||
		(token->length == 5 && strncasecmp(token->text, "false", 5) == 0);
}

/* A word where a value must stand: the quotes are missing. */
static void quote_word(struct scan *scan, size_t i)
{
	struct token *word = &scan->source->tokens[i];
	const struct token *key = token_at(scan, i - 2);

	if (is_bool(word))
		return;
	if (token_is(token_at(scan, i - 1), '=') && key->type == TOKEN_NAME)
		complain(scan, key, "text must stand in quotes");
	else if (!errors_has_line(scan->errors, word->file, word->line))
		errors_add(scan->errors, word->file, word->line, NULL,
			"syntax error: text must stand in quotes");
	word->type = TOKEN_STRING;
}

/* A mistake in the use of marks; on a line that has one already it may be its echo. */
static void report_mark(struct scan *scan, const struct token *token, const char *why)
{
	if (!errors_has_line(scan->errors, token->file, token->line))
		errors_add(scan->errors, token->file, token->line, NULL,
			"syntax error: %s", why);
}

static bool begins_value(const struct token *token)
{
	return token->type != TOKEN_MARK ? token->type != TOKEN_BAD
					 : strchr("{([", token->text[0]) != NULL;
}

static bool ends_value(const struct token *token)
{
	return token->type != TOKEN_MARK ? token->type != TOKEN_BAD
					 : strchr("})]", token->text[0]) != NULL;
}

/* A name where a key stands: NAME = value. */
static void check_key_name(struct scan *scan, size_t i)
{
	struct token *key = &scan->source->tokens[i];
	const struct token *next = token_at(scan, i + 1);

	if (!token_is(next, '=') && next->type != TOKEN_NAME && begins_value(next)) {
		report_mark(scan, key, "a '=' is missing behind the key");
		key->after = " =";
	} else if (!token_is(next, '=')) {
		return; /* libconfig says so */
	} else if (next->problem || token_at(scan, i + 2)->problem) {
		key->problem = "its value";
	}
	check_key(scan, i);
}

static void check_name(struct scan *scan, size_t i)
{
	bool after_equals = i > 0 && token_is(token_at(scan, i - 1), '=');

	if (in_group(scan) && (!after_equals || token_is(token_at(scan, i + 1), '=')))
		check_key_name(scan, i);
	else if (!token_is(token_at(scan, i + 1), '='))
		quote_word(scan, i);
}

/* "key = ;" or "key =" and then the next key. */
static void check_equals(struct scan *scan, size_t i)
{
	struct token *tokens = scan->source->tokens;
	const struct token *next = token_at(scan, i + 1);

	if (i == 0 || tokens[i - 1].type != TOKEN_NAME || !in_group(scan) ||
		(begins_value(next) &&
			!(next->type == TOKEN_NAME && !is_bool(next) &&
				token_is(token_at(scan, i + 2), '='))))
		return;
	if (!errors_has_line(scan->errors, tokens[i].file, tokens[i].line))
		complain(scan, &tokens[i - 1], "the value is missing");
	tokens[i].after = " 0";
	tokens[i - 1].problem = "its value";
}

/* Values of a list without a comma between them; texts next to each other are one. */
static void check_comma(struct scan *scan, size_t i)
{
	struct token *token = &scan->source->tokens[i];
	const struct token *last = token_at(scan, i - 1);

	if (in_group(scan) || !begins_value(token) || !ends_value(last) ||
		(token->type == TOKEN_STRING && last->type == TOKEN_STRING))
		return;
	report_mark(scan, token, "a ',' is missing in front of this");
	token->before = ", ";
}

static void set_fault(struct scan *scan, size_t token, size_t place, const char *text)
{
	scan->fault->token = token;
	scan->fault->place = place;
	snprintf(scan->fault->text, sizeof scan->fault->text, "%s", text);
}

static bool open_level(struct scan *scan, size_t i)
{
	if (scan->depth == SCAN_DEPTH_MAX) {
		set_fault(scan, i, i, "brackets are nested too deeply");
		return false;
	}
	scan->levels[scan->depth].flat = false;
	scan->levels[++scan->depth] = (struct level){
		.token = i,
		.first_key = scan->key_count,
		.flat = true,
	};
	return true;
}

static bool close_level(struct scan *scan, size_t i)
{
	struct token *tokens = scan->source->tokens;
	struct level *level = &scan->levels[scan->depth];
	char text[96];
	char close = tokens[i].text[0];
	char opening = close == '}' ? '{' : close == ')' ? '(' : '[';

	if (scan->depth == 0) {
		snprintf(text, sizeof text, "nothing is open that '%c' could close",
			close);
		set_fault(scan, i, i, text);
		return false;
	}
	if (!token_is(&tokens[level->token], opening)) {
		snprintf(text, sizeof text, "'%c' cannot close the '%c' of line %d",
			close, tokens[level->token].text[0], tokens[level->token].line);
		set_fault(scan, i, i, text);
		return false;
	}
	if (close != '}' && i > level->token + 2 && token_is(&tokens[i - 1], ','))
		tokens[i - 1].length = 0;
	if (close == ']' && level->flat) {
		/* A list of libconfig's may mix 1 and 2.5, an array may not. */
		tokens[level->token].text = "(";
		tokens[i].text = ")";
	}
	scan->key_count = level->first_key;
	scan->depth--;
	return true;
}

static bool check_token(struct scan *scan, size_t i)
{
	const struct token *token = &scan->source->tokens[i];

	check_comma(scan, i);
	if (token->type == TOKEN_NAME)
		check_name(scan, i);
	else if (token_is(token, '='))
		check_equals(scan, i);
	else if (token->type == TOKEN_MARK && strchr("{([", token->text[0]))
		return open_level(scan, i);
	else if (token->type == TOKEN_MARK && strchr("})]", token->text[0]))
		return close_level(scan, i);
	return true;
}

void scan_check(
	struct text *source, struct config_errors *errors, struct scan_fault *fault)
{
	struct scan scan = { .source = source, .errors = errors, .fault = fault };
	bool matched = true;

	*fault = (struct scan_fault){ .text = "" };
	for (size_t i = 0; i < source->count && matched; i++)
		matched = check_token(&scan, i);
	if (matched && scan.depth > 0) {
		size_t open = scan.levels[scan.depth].token;
		char text[96];

		snprintf(text, sizeof text, "'%c' is never closed",
			source->tokens[open].text[0]);
		set_fault(&scan, source->count, open, text);
	}
	free(scan.keys);
}

/* libconfig cuts integers to 32 bits without a word, unless they end in L. */
static void write_number(const struct token *token, struct buffer *out)
{
	long long value;

	if (!token_integer(token, &value))
		buffer_append(out, token->text, token->length);
	else
		buffer_printf(out, "%lld%s", value,
			value > INT32_MAX || value < INT32_MIN ? "L" : "");
}

void scan_write(const struct text *source, struct buffer *out)
{
	for (size_t i = 0; i < source->count; i++) {
		const struct token *token = &source->tokens[i];

		buffer_puts(out, token->before ? token->before : "");
		if (token->type == TOKEN_NUMBER)
			write_number(token, out);
		else if (token->type == TOKEN_STRING)
			buffer_printf(out, "\"%.*s\"", (int)token->length, token->text);
		else
			buffer_append(out, token->text, token->length);
		buffer_puts(out, token->after ? token->after : "");
		buffer_putc(out, '\n');
	}
}
