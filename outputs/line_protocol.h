/*
 * InfluxDB line protocol (DESIGN §5), one line per report:
 *
 *   environment,station=HN-CG-01,sensor=dust pm25=35.2,pm10=60.1 1795300000000
 *
 * Where the instrument does not measure, a field status=1i (calibrating) or 2i (fault)
 * follows the values.
 *
 * No I/O. The encoder only remembers what names look like when escaped.
 */
#ifndef MUABUI_OUTPUTS_LINE_PROTOCOL_H
#define MUABUI_OUTPUTS_LINE_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buffer.h"
#include "core/reading.h"

/* The receivers differ in what a backslash in a tag means. */
enum line_dialect {
	LINE_INFLUX_1_2, /* itself, unless a special character follows */
	LINE_INFLUX_3,   /* it is escaped by another one */
};

enum {
	LINE_MAX_SIZE = 32 * 1024, /* no line is longer */
	LINE_NUMBER_SIZE = 40,     /* room for a number, without NUL */
};

struct line_encoder;

/* NULL when memory is out. The free accepts NULL. */
struct line_encoder *line_encoder_new(enum line_dialect dialect);
void line_encoder_free(struct line_encoder *encoder);

/*
 * Appends REPORT with its line end to OUT. SOURCE is any number that usually stands
 * for the same station and sensor; it only makes the look-up fast. Nothing is
 * appended when the report has no value that can be written.
 */
void line_encode(struct line_encoder *encoder, int64_t source,
	const struct report *report, struct buffer *out);

/*
 * Appends TEXT as a tag's value, key or a field's key. Control characters become
 * '_', bytes that are not UTF-8 '?'; in dialect 1_2 a backslash at the end, which cannot
 * be said there, becomes '/'.
 */
void line_escape(struct buffer *out, enum line_dialect dialect, const char *text);

/*
 * VALUE (finite) as a float: always with a point or an exponent, reading back as the
 * same double. Returns the length, no NUL is written.
 */
size_t line_number(char text[static LINE_NUMBER_SIZE], double value);

#endif
