/*
 * Rows out of a page of an SQLite file, without the tree that leads to it: what is left
 * of a file whose inner pages are damaged. Pure. See https://sqlite.org/fileformat2.html,
 * "B-tree Pages" and "Record Format".
 */
#ifndef MUABUI_STORE_CARVE_H
#define MUABUI_STORE_CARVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CARVE_COLUMNS = 4 };

enum carve_type { CARVE_NULL, CARVE_INTEGER, CARVE_REAL, CARVE_BLOB, CARVE_TEXT };

struct carve_value {
	enum carve_type type;
	int64_t integer;
	const uint8_t *bytes; /* within the page; no NUL behind them */
	size_t length;
};

struct carve_row {
	int64_t rowid;
	size_t count; /* of columns */
	struct carve_value values[CARVE_COLUMNS];
};

/*
 * Calls EACH with the rows of the leaf page of a table that lies in the SIZE bytes at
 * PAGE, whose B-tree header begins at HEADER (100 in the first page of a file, else 0).
 * Anything else has none. Rows of more columns, or with an overflow page, are left out;
 * what a damaged page yields may be nonsense, but lies within it.
 */
void carve_page(const uint8_t *page, size_t size, size_t header,
	void (*each)(void *arg, const struct carve_row *row), void *arg);

#endif
