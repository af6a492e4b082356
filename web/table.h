/* The live table of the terminal: stations, their newest values, units, flags, ages. */
#ifndef MUABUI_WEB_TABLE_H
#define MUABUI_WEB_TABLE_H

#include <stdbool.h>

#include "core/buffer.h"
#include "web/view.h"

/*
 * Appends the table as whole lines of at most COLUMNS columns (40 or more). COLOUR: with
 * ANSI sequences, dim for what is old, yellow for suspect, red for failed values.
 */
void table_render(
	const struct gateway_view *view, int columns, bool colour, struct buffer *out);

#endif
