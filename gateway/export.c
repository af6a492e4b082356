#include "gateway/export.h"

#include <inttypes.h>
#include <string.h>

#include "core/buffer.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/metric.h"
#include "core/number.h"
#include "outputs/line_protocol.h"
#include "store/reports.h"

enum { PORTION = 1000, TEXT_MAX = 4 << 20, FLUSH = 64 << 10, OFFSET_MINUTES = 420 };

struct exporting {
	const struct export_choice *choice;
	struct line_encoder *encoder;
	struct buffer text;
	FILE *out;
	int64_t last; /* id seen */
	bool failed;
};

static void put_name(struct buffer *text, const char *name)
{
	if (!strpbrk(name, ",\"\r\n")) {
		buffer_puts(text, name);
		return;
	}
	buffer_putc(text, '"');
	for (; *name; name++) {
		if (*name == '"')
			buffer_putc(text, '"');
		buffer_putc(text, *name);
	}
	buffer_putc(text, '"');
}

static void put_reading(struct exporting *exporting, const struct report *report,
	const struct reading *reading, const char *metric)
{
	struct buffer *text = &exporting->text;
	char time[CLOCK_TEXT_SIZE], number[NUMBER_TEXT_SIZE];

	buffer_puts(text, clock_format(time, report->time_ms, OFFSET_MINUTES));
	buffer_putc(text, ',');
	put_name(text, report->station);
	buffer_putc(text, ',');
	put_name(text, report->sensor);
	buffer_printf(text, ",%s,", metric);
	number_format(number, reading->value);
	buffer_printf(text, "%s,", number);
	number_format(number, reading->raw);
	buffer_printf(text, "%s,%d,%d\n", number, reading->flag, report->status);
}

/* Only the readings that are wanted stay. */
static void choose(const struct export_choice *choice, struct report *report)
{
	size_t kept = 0;

	for (size_t i = 0; i < report->count; i++) {
		const struct metric *metric = metric_by_id(report->readings[i].metric);
		if (!choice->metric ||
			(metric && strcmp(metric->name, choice->metric) == 0))
			report->readings[kept++] = report->readings[i];
	}
	report->count = (uint8_t)kept;
}

static void flush(struct exporting *exporting)
{
	struct buffer *text = &exporting->text;

	if (text->failed ||
		fwrite(text->data, 1, text->length, exporting->out) != text->length)
		exporting->failed = true;
	buffer_clear(text);
}

static bool take(void *arg, const struct stored_report *stored)
{
	struct exporting *exporting = arg;
	const struct export_choice *choice = exporting->choice;
	struct report report = stored->report;

	exporting->last = stored->id;
	if (report.time_ms < choice->from_ms || report.time_ms >= choice->to_ms ||
		(choice->station && strcmp(report.station, choice->station) != 0) ||
		(choice->sensor && strcmp(report.sensor, choice->sensor) != 0))
		return true;
	choose(choice, &report);
	if (report.count > 0 && choice->lines)
		line_encode(
			exporting->encoder, stored->source, &report, &exporting->text);
	for (size_t i = 0; i < report.count && !choice->lines; i++) {
		const struct metric *metric = metric_by_id(report.readings[i].metric);
		char number[16];
		snprintf(number, sizeof number, "%d", report.readings[i].metric);
		put_reading(exporting, &report, &report.readings[i],
			metric ? metric->name : number);
	}
	if (exporting->text.length >= FLUSH)
		flush(exporting);
	return !exporting->failed;
}

static bool look(void *arg, const struct stored_report *stored)
{
	(void)arg;
	(void)stored;
	return false;
}

static bool is_readable(struct store *store, int64_t after)
{
	return store_scan(store, after, 1, look, NULL) >= 0;
}

/*
 * From AFTER, behind which nothing can be read, to where something can, not farther than
 * LAST: by ever longer steps, then back to the first such place.
 */
static int64_t pass_over(struct store *store, int64_t after, int64_t last)
{
	int64_t step = 1, bad = after, good;

	while ((good = bad + step) < last && !is_readable(store, good)) {
		bad = good;
		step *= 2;
	}
	while (good - bad > 1) {
		int64_t middle = bad + (good - bad) / 2;
		if (is_readable(store, middle))
			good = middle;
		else
			bad = middle;
	}
	return good;
}

static bool read_all(struct store *store, struct exporting *exporting)
{
	int64_t last = store_last_id(store);
	bool whole = true;

	while (!exporting->failed) {
		int got = store_scan(store, exporting->last, PORTION, take, exporting);
		if (got == 0 || (got > 0 && exporting->last >= last))
			return whole;
		if (got > 0)
			continue;
		if (whole)
			log_error("%s; going on behind it", store_error(store));
		whole = false;
		if (exporting->last >= last)
			return false;
		exporting->last = pass_over(store, exporting->last, last);
	}
	return false;
}

bool export_reports(struct store *store, const struct export_choice *choice, FILE *out)
{
	struct exporting exporting = {
		.choice = choice,
		.encoder = line_encoder_new(LINE_INFLUX_1_2),
		.out = out,
	};

	buffer_init(&exporting.text, TEXT_MAX);
	if (!choice->lines)
		buffer_puts(&exporting.text,
			"time,station,sensor,metric,value,raw,flag,status\n");
	bool all = exporting.encoder && read_all(store, &exporting);
	if (!exporting.failed)
		flush(&exporting);
	if (exporting.failed || fflush(out) != 0) {
		log_error("the output cannot be written");
		all = false;
	}
	line_encoder_free(exporting.encoder);
	buffer_free(&exporting.text);
	return all;
}
