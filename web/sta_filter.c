#include "web/sta_filter.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/number.h"

struct parser {
	struct sta_filter *filter;
	const char *at;
	int depth;
	char *why;
};

static int parse_or(struct parser *parser);

static int fail(struct parser *parser, const char *what)
{
	if (!*parser->why)
		snprintf(parser->why, STA_WHY_SIZE, "$filter: %s at \"%.40s\".", what,
			parser->at);
	return -1;
}

static int add_node(struct parser *parser, enum sta_op op, int left, int right)
{
	struct sta_filter *filter = parser->filter;

	if (filter->count == STA_FILTER_NODES)
		return fail(parser, "too long");
	filter->nodes[filter->count] = (struct sta_node){
		.op = op,
		.left = left,
		.right = right,
	};
	return filter->count++;
}

static void skip_blanks(struct parser *parser)
{
	parser->at += strspn(parser->at, " \t");
}

static bool is_name_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		(c >= '0' && c <= '9') || c == '_' || c == '.' || c == '@' || c == '/' ||
		c == '-';
}

static size_t word_length(const char *text)
{
	size_t length = 0;

	while (is_name_byte(text[length]))
		length++;
	return length;
}

/* Is the next word WORD? Then it is passed over. */
static bool take_word(struct parser *parser, const char *word)
{
	size_t length = strlen(word);

	skip_blanks(parser);
	if (strncmp(parser->at, word, length) != 0 || is_name_byte(parser->at[length]))
		return false;
	parser->at += length;
	return true;
}

/* Copies LENGTH bytes to where the values' texts are; NULL: no room. */
static char *keep_text(struct parser *parser, const char *text, size_t length)
{
	struct sta_filter *filter = parser->filter;
	char *kept = filter->text + filter->used;

	if (length >= STA_FILTER_TEXT - filter->used)
		return NULL;
	memcpy(kept, text, length);
	kept[length] = '\0';
	filter->used += length + 1;
	return kept;
}

static int literal(struct parser *parser, const struct sta_value *value)
{
	int node = add_node(parser, STA_OP_LITERAL, -1, -1);

	if (node >= 0)
		parser->filter->nodes[node].value = *value;
	return node;
}

/* 'text', with '' for a quote. */
static int parse_text(struct parser *parser)
{
	const char *from = parser->at + 1, *end = from;
	char *out;

	while (*end && (*end != '\'' || end[1] == '\''))
		end += *end == '\'' ? 2 : 1;
	if (!*end)
		return fail(parser, "a text without its end");
	char *kept = keep_text(parser, from, (size_t)(end - from));
	if (!kept)
		return fail(parser, "too long");
	for (out = kept; *kept; kept++) {
		*out++ = *kept;
		kept += *kept == '\'';
	}
	/* Its beginning stayed where it was; only quotes inside became single. */
	*out = '\0';
	struct sta_value value = {
		.type = STA_TEXT,
		.text = parser->filter->text + parser->filter->used - 1 -
			(size_t)(end - from),
	};
	parser->at = end + 1;
	return literal(parser, &value);
}

/*
 * A time, its length in *LENGTH. The plus of an offset is a blank where it was not
 * escaped.
 */
static bool scan_time(const char *text, int64_t *ms, size_t *length)
{
	char copy[CLOCK_TEXT_SIZE];
	size_t n = strspn(text, "0123456789-:.TtZz+");

	if (n < 11 || (text[10] | 0x20) != 't')
		return false;
	if (text[n] == ' ' && strspn(text + n + 1, "0123456789:") == 5 &&
		text[n + 3] == ':')
		n += 6;
	if (n >= sizeof copy)
		return false;
	memcpy(copy, text, n);
	copy[n] = '\0';
	char *blank = strchr(copy, ' ');
	if (blank)
		*blank = '+';
	*length = n;
	return clock_parse(copy, ms);
}

static int parse_number(struct parser *parser)
{
	struct sta_value value = { .type = STA_TIME };
	size_t length;

	if (scan_time(parser->at, &value.time_ms, &length)) {
		parser->at += length;
		return literal(parser, &value);
	}
	value.type = STA_NUMBER;
	length = number_scan(parser->at, strlen(parser->at), &value.number);
	if (length == 0 || is_name_byte(parser->at[length]))
		return fail(parser, "no number and no time");
	parser->at += length;
	return literal(parser, &value);
}

static int parse_property(struct parser *parser)
{
	size_t length = word_length(parser->at);

	if (length == 0)
		return fail(parser, "a property or a value is missing");
	if (parser->at[length] == '(')
		return fail(parser, "there are no functions");
	char *name = keep_text(parser, parser->at, length);
	int node = name ? add_node(parser, STA_OP_PROPERTY, -1, -1)
			: fail(parser, "too long");
	if (node < 0)
		return -1;
	parser->filter->nodes[node].value.text = name;
	parser->at += length;
	return node;
}

static int parse_operand(struct parser *parser)
{
	struct sta_value value = { .type = STA_BOOL };

	skip_blanks(parser);
	if (*parser->at == '\'')
		return parse_text(parser);
	if ((*parser->at >= '0' && *parser->at <= '9') || *parser->at == '-')
		return parse_number(parser);
	if (take_word(parser, "true")) {
		value.is_true = true;
		return literal(parser, &value);
	}
	if (take_word(parser, "false"))
		return literal(parser, &value);
	if (take_word(parser, "null")) {
		value.type = STA_NULL;
		return literal(parser, &value);
	}
	return parse_property(parser);
}

static int parse_comparison(struct parser *parser)
{
	static const struct {
		const char *word;
		enum sta_op op;
	} words[] = {
		{ "eq", STA_OP_EQ },
		{ "ne", STA_OP_NE },
		{ "gt", STA_OP_GT },
		{ "ge", STA_OP_GE },
		{ "lt", STA_OP_LT },
		{ "le", STA_OP_LE },
	};
	int left = parse_operand(parser);

	if (left < 0)
		return -1;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		if (!take_word(parser, words[i].word))
			continue;
		int right = parse_operand(parser);
		return right < 0 ? -1 : add_node(parser, words[i].op, left, right);
	}
	return fail(parser, "eq, ne, gt, ge, lt or le is missing");
}

static int parse_not(struct parser *parser)
{
	int node;

	skip_blanks(parser);
	bool is_not = take_word(parser, "not");
	skip_blanks(parser);
	if (!is_not && *parser->at != '(')
		return parse_comparison(parser);
	if (++parser->depth > STA_FILTER_DEPTH)
		return fail(parser, "too deep");
	if (is_not) {
		int inner = parse_not(parser);
		node = inner < 0 ? -1 : add_node(parser, STA_OP_NOT, inner, -1);
	} else {
		parser->at++;
		node = parse_or(parser);
		skip_blanks(parser);
		if (node >= 0 && *parser->at != ')')
			return fail(parser, "a parenthesis is missing");
		parser->at += node >= 0;
	}
	parser->depth--;
	return node;
}

static int parse_and(struct parser *parser)
{
	int left = parse_not(parser);

	while (left >= 0 && take_word(parser, "and")) {
		int right = parse_not(parser);
		left = right < 0 ? -1 : add_node(parser, STA_OP_AND, left, right);
	}
	return left;
}

static int parse_or(struct parser *parser)
{
	int left = parse_and(parser);

	while (left >= 0 && take_word(parser, "or")) {
		int right = parse_and(parser);
		left = right < 0 ? -1 : add_node(parser, STA_OP_OR, left, right);
	}
	return left;
}

bool sta_filter_parse(
	struct sta_filter *filter, const char *text, char why[static STA_WHY_SIZE])
{
	struct parser parser = { .filter = filter, .at = text, .why = why };

	filter->count = 0;
	filter->used = 0;
	filter->root = -1;
	why[0] = '\0';
	if (!text || !*text)
		return true;
	filter->root = parse_or(&parser);
	skip_blanks(&parser);
	if (filter->root >= 0 && *parser.at)
		filter->root = fail(&parser, "and or or is missing");
	return filter->root >= 0;
}

/* --- evaluation -----------------------------------------------------------------------
 */

/* A text beside a time is one, too, if it can be. */
static void make_alike(struct sta_value *a, struct sta_value *b)
{
	if (a->type == STA_TIME && b->type == STA_TEXT &&
		clock_parse(b->text, &b->time_ms))
		b->type = STA_TIME;
	else if (b->type == STA_TIME && a->type == STA_TEXT &&
		clock_parse(a->text, &a->time_ms))
		a->type = STA_TIME;
}

/* -1, 0, 1; 2: they cannot be compared. */
static int compare(struct sta_value a, struct sta_value b)
{
	make_alike(&a, &b);
	if (a.type != b.type)
		return 2;
	switch (a.type) {
	case STA_NULL:
		return 0;
	case STA_NUMBER:
		if (isnan(a.number) || isnan(b.number))
			return 2;
		return (a.number > b.number) - (a.number < b.number);
	case STA_TIME:
		return (a.time_ms > b.time_ms) - (a.time_ms < b.time_ms);
	case STA_TEXT: {
		int order = strcmp(a.text, b.text);
		return (order > 0) - (order < 0);
	}
	case STA_BOOL:
		return (int)a.is_true - (int)b.is_true;
	}
	return 2;
}

static bool holds(enum sta_op op, int order)
{
	switch (op) {
	case STA_OP_EQ:
		return order == 0;
	case STA_OP_NE:
		return order != 0;
	case STA_OP_GT:
		return order == 1;
	case STA_OP_GE:
		return order == 0 || order == 1;
	case STA_OP_LT:
		return order == -1;
	default:
		return order == 0 || order == -1;
	}
}

static struct sta_value value_of(
	const struct sta_node *node, sta_property *property, void *arg)
{
	struct sta_value value = { .type = STA_NULL };

	if (node->op == STA_OP_LITERAL)
		return node->value;
	if (!property(arg, node->value.text, &value))
		value.type = STA_NULL;
	return value;
}

/* As deep as the parser let it be: STA_FILTER_NODES at most. */
static bool passes(
	const struct sta_filter *filter, int at, sta_property *property, void *arg)
{
	const struct sta_node *node = &filter->nodes[at];

	switch (node->op) {
	case STA_OP_OR:
		return passes(filter, node->left, property, arg) ||
			passes(filter, node->right, property, arg);
	case STA_OP_AND:
		return passes(filter, node->left, property, arg) &&
			passes(filter, node->right, property, arg);
	case STA_OP_NOT:
		return !passes(filter, node->left, property, arg);
	default:
		return holds(node->op,
			compare(value_of(&filter->nodes[node->left], property, arg),
				value_of(&filter->nodes[node->right], property, arg)));
	}
}

bool sta_filter_passes(const struct sta_filter *filter, sta_property *property, void *arg)
{
	return filter->root < 0 || passes(filter, filter->root, property, arg);
}

/* "NAME op TIME" as it limits; what stands the other way round is turned. */
static void bound(
	enum sta_op op, bool turned, int64_t ms, int64_t *from_ms, int64_t *to_ms)
{
	bool above = turned ? op == STA_OP_LT || op == STA_OP_LE
			    : op == STA_OP_GT || op == STA_OP_GE;
	bool below = turned ? op == STA_OP_GT || op == STA_OP_GE
			    : op == STA_OP_LT || op == STA_OP_LE;

	if ((above || op == STA_OP_EQ) && ms - 1 > *from_ms)
		*from_ms = ms - 1;
	if ((below || op == STA_OP_EQ) && ms < *to_ms)
		*to_ms = ms;
}

static void narrow(const struct sta_filter *filter, int at, const char *name,
	int64_t *from_ms, int64_t *to_ms)
{
	const struct sta_node *node = &filter->nodes[at];

	if (node->op == STA_OP_AND) {
		narrow(filter, node->left, name, from_ms, to_ms);
		narrow(filter, node->right, name, from_ms, to_ms);
	}
	if (node->op < STA_OP_EQ || node->op > STA_OP_LE)
		return;
	const struct sta_node *left = &filter->nodes[node->left];
	const struct sta_node *right = &filter->nodes[node->right];
	bool turned = left->op == STA_OP_LITERAL;
	const struct sta_node *property = turned ? right : left;
	const struct sta_node *value = turned ? left : right;
	if (property->op == STA_OP_PROPERTY && value->op == STA_OP_LITERAL &&
		value->value.type == STA_TIME && strcmp(property->value.text, name) == 0)
		bound(node->op, turned, value->value.time_ms, from_ms, to_ms);
}

void sta_filter_bounds(const struct sta_filter *filter, const char *name,
	int64_t *from_ms, int64_t *to_ms)
{
	if (filter->root >= 0)
		narrow(filter, filter->root, name, from_ms, to_ms);
}

const char *sta_filter_unknown(
	const struct sta_filter *filter, bool (*known)(const char *name))
{
	for (int i = 0; i < filter->count; i++)
		if (filter->nodes[i].op == STA_OP_PROPERTY &&
			!known(filter->nodes[i].value.text))
			return filter->nodes[i].value.text;
	return NULL;
}
