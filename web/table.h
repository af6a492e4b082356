/* The live table of the terminal: stations, their newest values, units, flags, ages. */
#ifndef MUABUI_WEB_TABLE_H
#define MUABUI_WEB_TABLE_H

#include <stdbool.h>

#include "core/buffer.h"
#include "web/view.h"

/*
 * Appends the table as at most ROWS whole lines (0: as many as it takes) of at most
 * COLUMNS columns (40 or more): a line per station, then its sensors. Values that share
 * unit and remarks share them on the line. COLOUR: with ANSI sequences, dim for what is
 * old, yellow for suspect, red for failed values.
 */
void table_render(const struct gateway_view *view, int columns, int rows, bool colour,
	struct buffer *out);

#endif
