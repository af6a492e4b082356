#include "gateway/backtest_rows.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/metric.h"

enum {
	NAMED_MAX = 100, /* rows that are named; more would bury the first */
	/* Sensors of a station overtake one another on their way; so far they may. */
	LATE_MS = 10 * 60 * 1000,
	/* A report gains what is derived from it. */
	REPORT_ROWS = READINGS_MAX - 16,
};

/* --- the columns -------------------------------------------------------------- */

static bool find_column(struct csv *csv, const char *name, int *column)
{
	*column = csv_column(csv, name);
	if (*column >= 0)
		return true;
	csv->line = 1;
	csv_error(csv, "there is no column \"%s\"", name);
	return false;
}

bool backtest_rows_begin(struct backtest_rows *rows, FILE *in, const char *name)
{
	struct csv *csv = &rows->csv;

	*rows = (struct backtest_rows){ .newest_ms = 0 };
	report_init(&rows->next);
	if (csv_begin(csv, in, name) && find_column(csv, "time", &rows->time) &&
		find_column(csv, "station", &rows->station) &&
		find_column(csv, "sensor", &rows->sensor) &&
		find_column(csv, "metric", &rows->metric) &&
		find_column(csv, "value", &rows->value)) {
		rows->raw = csv_column(csv, "raw");
		rows->status = csv_column(csv, "status");
		return true;
	}
	log_error("%s", csv->why);
	return false;
}

void backtest_rows_end(struct backtest_rows *rows)
{
	csv_end(&rows->csv);
}

/* --- a row ---------------------------------------------------------------------- */

struct row {
	int64_t time_ms;
	const char *station, *sensor;
	const struct metric *metric;
	double value;
	uint8_t status;
};

/* Neighbours mostly have the same time: it is read once. */
static bool take_time(struct backtest_rows *rows)
{
	struct csv *csv = &rows->csv;
	const char *text = csv->fields[rows->time];
	int offset;

	if (strcmp(text, rows->time_text) == 0)
		return true;
	rows->time_text[0] = '\0';
	if (!csv_time(csv, rows->time, &rows->time_ms, &offset))
		return false;
	if (!clock_is_plausible(rows->time_ms)) {
		csv_error(csv, "time: nobody can have measured then");
		return false;
	}
	if (rows->time_ms < rows->newest_ms - LATE_MS) {
		csv_error(csv, "time: is before that of an earlier row; sort by time");
		return false;
	}
	if (rows->time_ms > rows->newest_ms)
		rows->newest_ms = rows->time_ms;
	if (strlen(text) < sizeof rows->time_text)
		snprintf(rows->time_text, sizeof rows->time_text, "%s", text);
	return true;
}

static bool take_name(struct backtest_rows *rows, int column, const char **name)
{
	*name = rows->csv.fields[column];
	if (name_is_valid(*name, strlen(*name)))
		return true;
	csv_error(
		&rows->csv, "%s: \"%.40s\" is no name", rows->csv.header[column], *name);
	return false;
}

static bool take_value(struct backtest_rows *rows, struct row *row)
{
	int column =
		rows->raw >= 0 && *rows->csv.fields[rows->raw] ? rows->raw : rows->value;
	double status = 0;

	if (!csv_number(&rows->csv, column, &row->value))
		return false;
	if (isnan(row->value)) {
		csv_error(&rows->csv, "value: is empty");
		return false;
	}
	if (rows->status >= 0 && !csv_number(&rows->csv, rows->status, &status))
		return false;
	row->status = status == STATUS_CALIBRATING ? STATUS_CALIBRATING
		: status == STATUS_FAULT           ? STATUS_FAULT
						   : STATUS_MEASURING;
	return true;
}

static bool take_row(struct backtest_rows *rows, struct row *row)
{
	const char *metric = rows->csv.fields[rows->metric];

	if (!take_name(rows, rows->station, &row->station) || !take_time(rows))
		return false;
	row->time_ms = rows->time_ms;
	row->metric = metric_find(metric);
	if (!row->metric) {
		csv_error(&rows->csv, "metric: \"%.40s\" is not known", metric);
		return false;
	}
	return take_value(rows, row);
}

static void skip(struct backtest_rows *rows)
{
	if (rows->skipped++ < NAMED_MAX)
		log_warning("%s; skipped", rows->csv.why);
	else if (rows->skipped == NAMED_MAX + 1)
		log_warning(
			"%s: more rows are skipped, and only counted", rows->csv.name);
}

/* What the gateway makes of a station's hours, of whichever gateway. */
static bool is_index(const struct row *row)
{
	return strcmp(row->sensor, INDEX_SENSOR) == 0;
}

/* The next row that can be used. False: there are no more. */
static bool next_row(struct backtest_rows *rows, struct row *row)
{
	int got;

	while ((got = csv_next(&rows->csv)) != 0) {
		if (got < 0 && ferror(rows->csv.in))
			break;
		if (got < 0 || !take_name(rows, rows->sensor, &row->sensor))
			skip(rows);
		else if (is_index(row))
			rows->derived++;
		else if (take_row(rows, row))
			return true;
		else
			skip(rows);
	}
	if (got < 0)
		log_error("%s", rows->csv.why);
	rows->ended = true;
	return false;
}

/* --- reports -------------------------------------------------------------------- */

static bool continues(const struct report *report, const struct row *row)
{
	return report->count > 0 && report->count < REPORT_ROWS &&
		report->time_ms == row->time_ms && report->status == row->status &&
		strcmp(report->sensor, row->sensor) == 0 &&
		strcmp(report->station, row->station) == 0 &&
		!report_find(report, row->metric->id);
}

static void add(struct backtest_rows *rows, const struct row *row)
{
	struct report *report = &rows->next;

	if (report->count == 0) {
		report->time_ms = row->time_ms;
		report->status = row->status;
		memcpy(report->station, row->station, strlen(row->station) + 1);
		memcpy(report->sensor, row->sensor, strlen(row->sensor) + 1);
	}
	report_add(report, row->metric->id, row->value);
	rows->readings++;
}

static bool is_sum(uint16_t metric)
{
	return metric >= METRIC_RAIN_RATE && metric <= METRIC_RAIN_DAY;
}

/*
 * A gauge's increments follow from its counter, and its sums and intensity from these:
 * what was made of them when they were recorded is made anew.
 */
static void leave_out_derived(struct backtest_rows *rows, struct report *report)
{
	bool has_total = report_find(report, METRIC_RAIN_TOTAL);
	bool has_rain = has_total || report_find(report, METRIC_RAIN);
	size_t kept = 0;

	for (size_t i = 0; i < report->count; i++) {
		uint16_t metric = report->readings[i].metric;
		if (!(has_total && metric == METRIC_RAIN) &&
			!(has_rain && is_sum(metric)))
			report->readings[kept++] = report->readings[i];
	}
	rows->derived += report->count - kept;
	rows->readings -= report->count - kept;
	report->count = (uint8_t)kept;
}

bool backtest_rows_next(struct backtest_rows *rows, struct report *report)
{
	struct row row;

	while (!rows->ended && next_row(rows, &row)) {
		if (rows->next.count == 0 || continues(&rows->next, &row)) {
			add(rows, &row);
			continue;
		}
		*report = rows->next;
		report_init(&rows->next);
		add(rows, &row);
		leave_out_derived(rows, report);
		return true;
	}
	*report = rows->next;
	rows->next.count = 0;
	leave_out_derived(rows, report);
	return report->count > 0;
}
