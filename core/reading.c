#include "core/reading.h"

#include <string.h>

#include "core/clock.h"
#include "core/utf8.h"

void report_init(struct report *report)
{
	report->time_ms = 0;
	report->mono_ms = 0;
	report->marks = 0;
	report->status = STATUS_MEASURING;
	report->count = 0;
	report->station[0] = '\0';
	report->sensor[0] = '\0';
}

bool report_add(struct report *report, uint16_t metric, double value)
{
	if (report->count >= READINGS_MAX)
		return false;
	report->readings[report->count++] = (struct reading){
		.metric = metric,
		.value = value,
		.raw = value,
		.flag = FLAG_NOT_EVALUATED,
	};
	return true;
}

struct reading *report_find(const struct report *report, uint16_t metric)
{
	for (size_t i = 0; i < report->count; i++)
		if (report->readings[i].metric == metric)
			return (struct reading *)&report->readings[i];
	return NULL;
}

bool report_time_is_possible(const struct report *report)
{
	return !(report->marks & REPORT_CLOCK_UNSET) &&
		clock_is_possible(report->time_ms);
}

bool reading_is_usable(const struct report *report, const struct reading *reading)
{
	return report->status == STATUS_MEASURING && reading->flag >= FLAG_GOOD &&
		reading->flag <= FLAG_SUSPECT;
}

bool name_is_valid(const char *text, size_t length)
{
	if (length == 0 || length >= NAME_SIZE || !utf8_is_valid(text, length))
		return false;
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];
		if (c < 0x20 || c == 0x7f || c == '/' || c == '+' || c == '#')
			return false;
	}
	/* Line protocol cannot say it: what follows would be escaped. */
	return text[length - 1] != '\\';
}
