#include "config/lexer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/number.h"
#include "core/utf8.h"

enum { NUMBER_MAX = 400 };

void lexer_init(struct lexer *lexer, const char *bytes, size_t length)
{
	*lexer = (struct lexer){ .at = bytes, .end = bytes + length, .line = 1 };
	if (length >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0)
		lexer->at += 3; /* the mark some editors put in front */
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool is_name_char(char c)
{
	return is_letter(c) || is_digit(c) || c == '_' || c == '-' || c == '*';
}

static bool is_mark(char c)
{
	return c != '\0' && strchr("=:{}()[],;", c);
}

static bool starts(const struct lexer *lexer, const char *text)
{
	size_t length = strlen(text);

	return (size_t)(lexer->end - lexer->at) >= length &&
		memcmp(lexer->at, text, length) == 0;
}

/* Goes behind the comment that starts here; false when it never ends. */
static bool skip_block_comment(struct lexer *lexer)
{
	for (lexer->at += 2; lexer->at < lexer->end; lexer->at++) {
		if (starts(lexer, "*/")) {
			lexer->at += 2;
			return true;
		}
		lexer->line += *lexer->at == '\n';
	}
	return false;
}

static void skip_line(struct lexer *lexer)
{
	while (lexer->at < lexer->end && *lexer->at != '\n')
		lexer->at++;
}

/* Skips blanks and comments. False with the problem in TOKEN. */
static bool skip_blanks(struct lexer *lexer, struct token *token)
{
	while (lexer->at < lexer->end) {
		char c = *lexer->at;

		if (c == '\n' || c == ' ' || c == '\t' || c == '\r' || c == '\f') {
			lexer->line += c == '\n';
			lexer->at++;
		} else if (c == '#' || starts(lexer, "//")) {
			skip_line(lexer);
		} else if (starts(lexer, "/*")) {
			token->line = lexer->line;
			if (!skip_block_comment(lexer)) {
				token->problem = "a comment starts here that never ends";
				return false;
			}
		} else {
			break;
		}
	}
	return true;
}

/* What is wrong with the escape at TEXT (a backslash), or NULL with its LENGTH. */
static const char *check_escape(const char *text, const char *end, size_t *length)
{
	*length = 2;
	if (end - text >= 2 && text[1] != '\0' && strchr("\"\\nrtf", text[1]))
		return NULL;
	if (end - text >= 4 && (text[1] == 'x' || text[1] == 'X') && is_hex(text[2]) &&
		is_hex(text[3])) {
		*length = 4;
		if (text[2] == '0' && text[3] == '0')
			return "a text cannot hold \\x00";
		return NULL;
	}
	*length = 1;
	return "a backslash must be followed by one of \" \\ n r t f xHH";
}

/* The quote is missing: gives what looks like the end of the setting back. */
static size_t cut_open_string(const char *text, size_t length)
{
	size_t end = length;

	while (end > 0 && text[end - 1] != '\0' && strchr(";,)}] \t\r", text[end - 1]))
		end--;
	return end;
}

static void read_string(struct lexer *lexer, struct token *token)
{
	const char *p = ++lexer->at;

	token->type = TOKEN_STRING;
	token->text = p;
	while (p < lexer->end && *p != '"' && *p != '\n') {
		size_t length = 1;
		const char *problem = NULL;

		if (*p == '\\')
			problem = check_escape(p, lexer->end, &length);
		else if (((unsigned char)*p < 0x20 && *p != '\t' && *p != '\r') ||
			*p == 0x7f)
			problem = "a text cannot hold control characters";
		if (problem && !token->problem)
			token->problem = problem;
		p += length;
	}
	token->length = (size_t)(p - token->text);
	if (p < lexer->end && *p == '"') {
		lexer->at = p + 1;
		if (!utf8_is_valid(token->text, token->length))
			token->problem = "the text is not UTF-8";
	} else {
		token->length = cut_open_string(token->text, token->length);
		token->problem = "the closing quote is missing on this line";
		lexer->at = token->text + token->length;
	}
	if (token->problem)
		token->length = 0; /* nothing libconfig could stumble over */
}

bool token_integer(const struct token *token, long long *value)
{
	char text[NUMBER_MAX];
	char *end;
	size_t length = token->length;
	int suffix = 0;

	while (length > 0 && token->text[length - 1] == 'L' && suffix < 2) {
		length--;
		suffix++;
	}
	if (length == 0 || length >= sizeof text)
		return false;
	memcpy(text, token->text, length);
	text[length] = '\0';
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	if (hex ? !is_hex(text[2]) : !is_digit(text[length - 1]))
		return false;
	errno = 0;
	*value = strtoll(text, &end, hex ? 16 : 10);
	return errno == 0 && *end == '\0';
}

static const char *check_number(const struct token *token)
{
	long long integer;
	double number;

	if (token->length >= NUMBER_MAX)
		return "the number is too long";
	if (token_integer(token, &integer))
		return NULL;
	/* Only digits, and still no integer: it is too large for one. */
	bool digits = true;
	for (size_t i = 0; i < token->length; i++)
		digits = digits &&
			(is_digit(token->text[i]) || (i == 0 && token->length > 1));
	if (digits && number_parse(token->text, token->length, &number))
		return "the number is too large";
	if (!number_parse(token->text, token->length, &number))
		return "not a number (text must stand in quotes)";
	return NULL;
}

/* The value is spoilt; 0 stands in for it. */
static void judge_number(struct token *token)
{
	token->type = TOKEN_NUMBER;
	token->problem = check_number(token);
	if (token->problem) {
		token->text = "0";
		token->length = 1;
	}
}

static void read_number(struct lexer *lexer, struct token *token)
{
	const char *p = lexer->at + 1;

	while (p < lexer->end &&
		(is_letter(*p) || is_digit(*p) || *p == '.' || *p == '_' ||
			((*p == '-' || *p == '+') && (p[-1] == 'e' || p[-1] == 'E'))))
		p++;
	token->length = (size_t)(p - lexer->at);
	lexer->at = p;
	judge_number(token);
}

/* Does the value that began at FIRST end before P? */
static bool ends_value(const struct lexer *lexer, const char *first, const char *p)
{
	if (*p == '\0' || strchr(" \t\r\n\f;,(){}[]\"#", *p))
		return true;
	if (*p != '/' || lexer->end - p < 2)
		return false;
	/* A comment, unless it is the beginning of an address. */
	return p[1] == '*' || (p[1] == '/' && p > first && p[-1] != ':');
}

/*
 * What stands behind '=' without quotes: a number, a word, or text as it is forgotten
 * to be quoted (/dev/ttyUSB0, 10s, http://host), which is kept together.
 */
static void read_bare_value(struct lexer *lexer, struct token *token)
{
	const char *p = lexer->at + 1;
	bool word = is_letter(token->text[0]);

	/* "key =" with nothing behind it is followed by the next "key =". */
	while (p < lexer->end && !ends_value(lexer, token->text, p) &&
		!(word && *p == '='))
		word = is_name_char(*p++) && word;
	token->length = (size_t)(p - lexer->at);
	lexer->at = p;
	token->type = TOKEN_NAME;
	if (word)
		return;
	judge_number(token);
	if (token->problem && !is_digit(p[-1]))
		token->problem = "text must stand in quotes";
}

static void read_include(struct lexer *lexer, struct token *token)
{
	const char *p = lexer->at + strlen("@include");

	while (p < lexer->end && (*p == ' ' || *p == '\t'))
		p++;
	const char *name = p < lexer->end && *p == '"' ? p + 1 : NULL;
	for (p = name; p && p < lexer->end && *p != '"' && *p != '\n' && *p != '\0';)
		p++;
	if (!name || p == lexer->end || *p != '"') {
		token->problem = "a file name in quotes must follow @include";
		skip_line(lexer);
		return;
	}
	token->type = TOKEN_INCLUDE;
	token->text = name;
	token->length = (size_t)(p - name);
	lexer->at = p + 1;
}

/* A run of what has no meaning, as one problem. */
static void read_junk(struct lexer *lexer, struct token *token)
{
	token->problem = *lexer->at == '\0' ? "the file holds a zero byte"
					    : "there is a character without meaning here";
	do {
		lexer->at++;
	} while (lexer->at < lexer->end && !is_mark(*lexer->at) &&
		!strchr("\n \t\r\f\"#@", *lexer->at) && !is_name_char(*lexer->at));
}

static void read_mark(struct lexer *lexer, struct token *token)
{
	token->type = TOKEN_MARK;
	token->text = *lexer->at == ':' ? "=" : lexer->at;
	token->length = 1;
	lexer->at++;
}

static void read_name(struct lexer *lexer, struct token *token)
{
	token->type = TOKEN_NAME;
	while (lexer->at < lexer->end && is_name_char(*lexer->at))
		lexer->at++;
	token->length = (size_t)(lexer->at - token->text);
}

bool lexer_next(struct lexer *lexer, struct token *token)
{
	*token = (struct token){ .type = TOKEN_BAD };
	if (!skip_blanks(lexer, token))
		return true;
	if (lexer->at >= lexer->end)
		return false;

	char c = *lexer->at;
	token->line = lexer->line;
	token->text = lexer->at;
	if (c == '"')
		read_string(lexer, token);
	else if (is_mark(c))
		read_mark(lexer, token);
	else if (starts(lexer, "@include"))
		read_include(lexer, token);
	else if (lexer->value_next && c != '\0')
		read_bare_value(lexer, token);
	else if (is_letter(c) || c == '*')
		read_name(lexer, token);
	else if (is_digit(c) || c == '-' || c == '+' || c == '.')
		read_number(lexer, token);
	else
		read_junk(lexer, token);
	lexer->value_next = token_is(token, '=');
	return true;
}

bool token_is(const struct token *token, char c)
{
	return token->type == TOKEN_MARK && token->text[0] == c;
}
