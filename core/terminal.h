/*
 * The one writer to the terminal, so that notifications, log lines and a live
 * table do not run into each other: what is printed scrolls above, the table
 * stays below. On anything but a terminal everything is plain lines.
 */
#ifndef MUABUI_CORE_TERMINAL_H
#define MUABUI_CORE_TERMINAL_H

#include <stdbool.h>

/* Prints TEXT (whole lines) to stdout, above the table. */
void terminal_print(const char *text);

/* The same for a log line, to stderr. */
void terminal_log(const char *line);

/* Replaces the table at the bottom of stdout by TEXT (whole lines); "" takes it away. */
void terminal_table(const char *text);

/* Is stdout a terminal that understands ANSI sequences? */
bool terminal_is_live(void);

/* Columns and rows of stdout; 80 × 24 when it is no terminal. */
void terminal_size(int *columns, int *rows);

#endif
