/* Writing CSV (RFC 4180) field by field, with commas between and CRLF behind. */
#ifndef MUABUI_WEB_CSV_TEXT_H
#define MUABUI_WEB_CSV_TEXT_H

#include <stdint.h>

#include "core/buffer.h"

/* Text, quoted where it must be. */
void csv_field(struct buffer *out, const char *text);

/* RFC 3339 in Viet Nam's time. */
void csv_time_field(struct buffer *out, int64_t ms);

void csv_integer_field(struct buffer *out, int64_t value);

/* VALUE to DIGITS significant digits (0: as it is); empty for NAN. */
void csv_number_field(struct buffer *out, double value, int digits);

void csv_integer_field(struct buffer *out, int64_t value);

/* Ends the record, in place of the comma behind its last field. */
void csv_end_record(struct buffer *out);

#endif
