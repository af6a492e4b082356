#include "web/csv_text.h"

#include <math.h>
#include <string.h>

#include "core/clock.h"
#include "core/number.h"
#include "web/view.h"

void csv_field(struct buffer *out, const char *text)
{
	if (!strpbrk(text, ",\"\r\n")) {
		buffer_puts(out, text);
	} else {
		buffer_putc(out, '"');
		for (; *text; text++) {
			if (*text == '"')
				buffer_putc(out, '"');
			buffer_putc(out, *text);
		}
		buffer_putc(out, '"');
	}
	buffer_putc(out, ',');
}

void csv_time_field(struct buffer *out, int64_t ms)
{
	char text[CLOCK_TEXT_SIZE];

	buffer_puts(out, clock_format(text, ms, VIEW_OFFSET_MINUTES));
	buffer_putc(out, ',');
}

void csv_number_field(struct buffer *out, double value, int digits)
{
	char text[NUMBER_TEXT_SIZE];

	if (isfinite(value)) {
		number_format(text, digits > 0 ? number_round(value, digits) : value);
		buffer_puts(out, text);
	}
	buffer_putc(out, ',');
}

void csv_integer_field(struct buffer *out, int64_t value)
{
	char text[NUMBER_TEXT_SIZE];

	number_format_int(text, value);
	buffer_puts(out, text);
	buffer_putc(out, ',');
}

void csv_end_record(struct buffer *out)
{
	if (!out->failed && out->length > 0)
		buffer_truncate(out, out->length - 1);
	buffer_puts(out, "\r\n");
}
