/* Durations ("10s", "1m30s") and sizes ("64KiB", "100MB") as users write them. */
#ifndef MUABUI_CONFIG_QUANTITY_H
#define MUABUI_CONFIG_QUANTITY_H

#include <stdbool.h>
#include <stdint.h>

enum { QUANTITY_TEXT_SIZE = 32 };

/*
 * Whole numbers with ms, s, m, h or d, the larger unit first, each at most once; "0"
 * needs no unit. Milliseconds to *MS; false when TEXT is anything else or too large.
 */
bool quantity_parse_duration(const char *text, int64_t *ms);

/* A whole number with B, KB, KiB, MB, MiB, GB, GiB, TB or TiB; "0" needs no unit. */
bool quantity_parse_size(const char *text, int64_t *bytes);

/* The shortest text in one unit that reads back as the same. VALUE >= 0. Returns TEXT. */
char *quantity_format_duration(char text[static QUANTITY_TEXT_SIZE], int64_t ms);
char *quantity_format_size(char text[static QUANTITY_TEXT_SIZE], int64_t bytes);

#endif
