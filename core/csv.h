/*
 * Reading CSV, record by record: RFC 4180 quoting, LF or CRLF, an optional UTF-8 byte
 * order mark, empty lines passed over. The first record names the columns.
 */
#ifndef MUABUI_CORE_CSV_H
#define MUABUI_CORE_CSV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/buffer.h"

enum {
	CSV_FIELDS_MAX = 64,
	CSV_RECORD_MAX = 4096, /* bytes: a quote left open swallows no more */
};

struct csv {
	FILE *in;
	const char *name;   /* for messages */
	unsigned long line; /* of the present record's beginning, from 1 on */
	unsigned long read; /* lines read so far */
	size_t count;       /* fields of the present record */
	const char *fields[CSV_FIELDS_MAX];
	size_t columns; /* fields of the header */
	const char *header[CSV_FIELDS_MAX];
	struct buffer header_text, text;
	bool has_rest; /* of the line, after an error in it */
	char why[256]; /* after an error: "FILE:LINE: reason" */
};

/*
 * Takes up IN (not owned), called NAME in messages (which must outlive CSV), and reads
 * its header. False with the reason in csv->why; csv_end() is due all the same.
 */
bool csv_begin(struct csv *csv, FILE *in, const char *name);

/*
 * 1: the next record is in fields, as many as the header has; 0: the end; -1: see why.
 * After an error, unless reading failed (ferror()), the next call goes on with the next
 * line.
 */
int csv_next(struct csv *csv);

/* The column called NAME, or -1. */
int csv_column(const struct csv *csv, const char *name);

/* Puts "FILE:LINE: " and the text into csv->why; returns -1. */
int csv_error(struct csv *csv, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * The field in COLUMN as a finite number, NAN where it is empty or COLUMN is -1. False
 * with the reason in why.
 */
bool csv_number(struct csv *csv, int column, double *value);

/*
 * The field in COLUMN as RFC 3339 time with offset: UTC milliseconds, and the offset in
 * minutes it was written with. False with the reason in why.
 */
bool csv_time(struct csv *csv, int column, int64_t *ms, int *offset_minutes);

void csv_end(struct csv *csv);

#endif
