/*
 * What a SensorThings address asks for: its path, and the options $top, $skip, $count,
 * $orderby, $select, $expand and $filter. Pure; depth and number of everything are
 * bounded.
 */
#ifndef MUABUI_WEB_STA_QUERY_H
#define MUABUI_WEB_STA_QUERY_H

#include <stdbool.h>
#include <stddef.h>

#include "web/sta_filter.h"

enum {
	STA_ID_SIZE = 256,
	STA_NAME_SIZE = 48,
	STA_SEGMENTS = 8,
	STA_SELECTED = 16,
	STA_EXPANDED = 8,    /* beside each other */
	STA_EXPAND_ALL = 24, /* of one request, whatever their depth */
	STA_EXPAND_DEPTH = 3,
	STA_TOP = 100,
	STA_TOP_MAX = 1000,
	STA_SKIP_MAX = 1000000,
};

/* "Datastreams", or "Things('HN-CG-01')". */
struct sta_segment {
	char name[STA_NAME_SIZE];
	bool has_id;
	char id[STA_ID_SIZE];
};

struct sta_path {
	struct sta_segment segments[STA_SEGMENTS];
	size_t count;
};

/* Parses PATH, what comes behind "/sta/v1.1/", still percent-encoded. False: there can be
 * nothing there. */
bool sta_path_parse(struct sta_path *path, const char *text);

struct sta_options {
	int top, skip;
	bool has_top, count;
	char order[STA_NAME_SIZE]; /* property; "": none */
	bool descending;
	char selected[STA_SELECTED][STA_NAME_SIZE];
	size_t selected_count;
	int expanded[STA_EXPANDED]; /* indices of struct sta_query's expands */
	size_t expanded_count;
	struct sta_filter filter;
};

struct sta_expand {
	char name[STA_NAME_SIZE];
	struct sta_options options;
};

struct sta_query {
	struct sta_options options;
	struct sta_expand *expands; /* STA_EXPAND_ALL */
	size_t expand_count;
};

/*
 * QUERY, zeroed, gets the defaults; sta_query_free() is due in any case. False: memory is
 * out.
 */
bool sta_query_init(struct sta_query *query);
void sta_query_free(struct sta_query *query);

/* Takes the option NAME ("$top") with its decoded VALUE. False with a sentence in WHY. */
bool sta_query_take(struct sta_query *query, const char *name, const char *value,
	char why[static STA_WHY_SIZE]);

/* The expansion called NAME among those of OPTIONS, or NULL. */
const struct sta_expand *sta_query_expanded(const struct sta_query *query,
	const struct sta_options *options, const char *name);

/* Is NAME to be written? */
bool sta_query_selects(const struct sta_options *options, const char *name);

#endif
