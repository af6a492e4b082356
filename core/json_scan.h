/*
 * Reading JSON from front to back without making a tree of it: for large documents of a
 * known shape. The caller asks for what should come next; the first thing that is not
 * there marks the scan as failed, so that a chain of calls is checked once, at its end.
 * Small documents of any shape are cJSON's.
 */
#ifndef MUABUI_CORE_JSON_SCAN_H
#define MUABUI_CORE_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

struct json_scan {
	const char *at, *end;
	bool failed;
};

/* A string as it stands between its quotes. */
struct json_text {
	const char *bytes;
	size_t length;
	bool is_escaped; /* has backslashes in it */
};

void json_scan_start(struct json_scan *scan, const char *bytes, size_t length);

/* Goes into the object ('{') or array ('[') that comes next. */
void json_scan_enter(struct json_scan *scan, char bracket);

/*
 * The next member of the object one is in: its KEY, and then its value is next. False at
 * the object's end, which is passed, or when the scan fails. FIRST is true before the
 * first.
 */
bool json_scan_member(struct json_scan *scan, bool *first, struct json_text *key);

/* The same for arrays. */
bool json_scan_item(struct json_scan *scan, bool *first);

/* The first byte of the next value, '\0' at the end. Fails nothing. */
char json_scan_peek(struct json_scan *scan);

void json_scan_string(struct json_scan *scan, struct json_text *text);
/* A finite number. */
void json_scan_number(struct json_scan *scan, double *value);
/* True when null was next, and is passed. */
bool json_scan_null(struct json_scan *scan);
/* Passes any value, nested at most 32 deep. */
void json_scan_skip(struct json_scan *scan);
/* Nothing but blanks may follow. */
void json_scan_end(struct json_scan *scan);

bool json_text_is(const struct json_text *text, const char *expected);

/* TEXT without escapes, as a string. False: it does not fit, or is not well-formed. */
bool json_text_copy(const struct json_text *text, char *out, size_t size);

#endif
