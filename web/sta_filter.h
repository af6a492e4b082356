/*
 * $filter of SensorThings (OGC 18-088 §9.3.3.5; the grammar is OData's): comparisons of
 * properties and literals with eq ne gt ge lt le, joined by and, or, not and parentheses.
 * Pure.
 *
 *   phenomenonTime ge 2026-11-25T00:00:00+07:00 and not (result lt 35.5 or result gt 100)
 *
 * Literals are numbers, 'texts' ('' is a quote in it), RFC 3339 times, true, false and
 * null. What is compared to something of another kind is unequal to it, and neither
 * greater nor less.
 */
#ifndef MUABUI_WEB_STA_FILTER_H
#define MUABUI_WEB_STA_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	STA_FILTER_NODES = 64,
	STA_FILTER_DEPTH = 16, /* of parentheses and nots */
	STA_FILTER_TEXT = 1024,
	STA_WHY_SIZE = 128,
};

enum sta_type { STA_NULL, STA_NUMBER, STA_TIME, STA_TEXT, STA_BOOL };

struct sta_value {
	enum sta_type type;
	double number;
	int64_t time_ms;
	const char *text;
	bool is_true;
};

enum sta_op {
	STA_OP_OR,
	STA_OP_AND,
	STA_OP_NOT,
	STA_OP_EQ,
	STA_OP_NE,
	STA_OP_GT,
	STA_OP_GE,
	STA_OP_LT,
	STA_OP_LE,
	STA_OP_LITERAL,
	STA_OP_PROPERTY, /* the value's text is its name, with '/' between levels */
};

struct sta_node {
	enum sta_op op;
	int left, right; /* indices of nodes; -1: none */
	struct sta_value value;
};

struct sta_filter {
	struct sta_node nodes[STA_FILTER_NODES];
	int count, root;            /* root -1: everything passes */
	char text[STA_FILTER_TEXT]; /* what the values' texts point into */
	size_t used;
};

/* Parses TEXT (NULL or "": everything passes). False with a sentence in WHY. FILTER must
 * not be moved afterwards. */
bool sta_filter_parse(
	struct sta_filter *filter, const char *text, char why[static STA_WHY_SIZE]);

/* The property NAME of an entity; false: it has none of that name, which is as null. */
typedef bool sta_property(void *arg, const char *name, struct sta_value *value);

bool sta_filter_passes(
	const struct sta_filter *filter, sta_property *property, void *arg);

/*
 * Narrows (*FROM_MS, *TO_MS] to where the property NAME, a time, can lie at all: what is
 * outside does not pass. So the store need not be read there.
 */
void sta_filter_bounds(const struct sta_filter *filter, const char *name,
	int64_t *from_ms, int64_t *to_ms);

/* The first property that KNOWN does not know, or NULL. */
const char *sta_filter_unknown(
	const struct sta_filter *filter, bool (*known)(const char *name));

#endif
