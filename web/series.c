#include "web/series.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/metric.h"

enum { GAPS = 60, DAYS_MAX = 31 };

static const int64_t minute_ms = 60 * 1000;
static const int64_t hour_ms = 60 * 60 * 1000;
static const int64_t day_ms = 24 * 60 * 60 * 1000;
static const int64_t zone_ms = 7 * 60 * 60 * 1000;

enum series_kind series_kind_of(uint16_t metric)
{
	if (metric == METRIC_RAIN)
		return SERIES_SUM;
	if (metric == METRIC_WIND_DIRECTION)
		return SERIES_NONE;
	if (metric == METRIC_RAIN_TOTAL ||
		(metric >= METRIC_RAIN_10M && metric <= METRIC_RAIN_DAY))
		return SERIES_MAX;
	return SERIES_MEAN;
}

const char *series_kind_name(enum series_kind kind)
{
	static const char *const names[] = { "mean", "sum", "max", "none" };

	return names[kind];
}

int64_t series_step(const char *text)
{
	int64_t number = 0, step_ms;
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > 3 || strlen(text) != digits + 1 || text[0] == '0')
		return 0;
	for (size_t i = 0; i < digits; i++)
		number = number * 10 + (text[i] - '0');
	switch (text[digits]) {
	case 'm':
		step_ms = number * minute_ms;
		return number <= 60 && hour_ms % step_ms == 0 ? step_ms : 0;
	case 'h':
		step_ms = number * hour_ms;
		return number <= 24 && day_ms % step_ms == 0 ? step_ms : 0;
	case 'd':
		return number <= DAYS_MAX ? number * day_ms : 0;
	default:
		return 0;
	}
}

int64_t series_auto(int64_t from_ms, int64_t to_ms, int64_t least_ms)
{
	static const int64_t minutes[] = { 1, 5, 10, 30, 60, 180, 360, 720, 1440 };
	int64_t step_ms = 0;

	for (size_t i = 0; i < sizeof minutes / sizeof *minutes; i++) {
		step_ms = minutes[i] * minute_ms;
		if (step_ms >= least_ms && (to_ms - from_ms) / step_ms <= SERIES_AUTO)
			break;
	}
	return step_ms;
}

/* The end of the step that TIME_MS lies in. */
static int64_t step_end(const struct series_range *range, int64_t time_ms)
{
	int64_t into_ms = (time_ms + zone_ms) % range->step_ms;

	if (into_ms < 0)
		into_ms += range->step_ms;
	return into_ms == 0 ? time_ms : time_ms - into_ms + range->step_ms;
}

void series_range_set(struct series_range *range)
{
	int64_t last_ms = step_end(range, range->to_ms);

	range->rows = range->step_ms < hour_ms ? AGGREGATE_MINUTE : AGGREGATE_HOUR;
	range->first_ms = step_end(range, range->from_ms + 1);
	range->count = (size_t)((last_ms - range->first_ms) / range->step_ms) + 1;
}

void series_rows(const struct series_range *range, int64_t *from_ms, int64_t *to_ms)
{
	*from_ms = range->first_ms - range->step_ms;
	*to_ms = *from_ms + (int64_t)range->count * range->step_ms;
}

bool series_init(struct series *series, const struct series_range *range)
{
	*series = (struct series){ .range = range };
	series->points = calloc(range->count, sizeof *series->points);
	return series->points != NULL;
}

void series_free(struct series *series)
{
	free(series->points);
	free(series->rows);
	*series = (struct series){ .range = NULL };
}

bool series_add(struct series *series, const struct aggregate *row)
{
	if (series->row_count == series->capacity) {
		size_t capacity = series->capacity ? series->capacity * 2 : 256;
		struct aggregate *rows = realloc(series->rows, capacity * sizeof *rows);
		if (!rows)
			return false;
		series->rows = rows;
		series->capacity = capacity;
	}
	series->rows[series->row_count++] = *row;
	return true;
}

/* Minutes that usually lie between two rows: the median of the gaps up to an hour. */
static int64_t usual_gap(const struct series *series)
{
	size_t gaps[GAPS + 1] = { 0 }, all = 0, seen = 0;

	for (size_t i = 1; i < series->row_count; i++) {
		int64_t gap =
			(series->rows[i].end_ms - series->rows[i - 1].end_ms) / minute_ms;
		if (gap >= 1 && gap <= GAPS) {
			gaps[gap]++;
			all++;
		}
	}
	for (int64_t gap = 1; gap <= GAPS; gap++) {
		seen += gaps[gap];
		if (all > 0 && 2 * seen >= all)
			return gap;
	}
	return 1;
}

static int compare_counts(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

	return (left > right) - (left < right);
}

/* Readings that an hour usually has: the median. */
static int64_t usual_count(const struct series *series)
{
	int64_t *counts = malloc(series->row_count * sizeof *counts);

	if (!counts)
		return 1;
	for (size_t i = 0; i < series->row_count; i++)
		counts[i] = series->rows[i].count;
	qsort(counts, series->row_count, sizeof *counts, compare_counts);
	int64_t usual = counts[series->row_count / 2];
	free(counts);
	return usual > 0 ? usual : 1;
}

static void add_row(struct series_point *point, const struct aggregate *row, double share)
{
	if (point->rows == 0 || row->min < point->min)
		point->min = row->min;
	if (point->rows == 0 || row->max > point->max)
		point->max = row->max;
	point->rows++;
	point->count += row->count;
	point->sum += row->sum;
	point->share += share;
}

void series_close(struct series *series)
{
	const struct series_range *range = series->range;
	bool by_minutes = range->rows == AGGREGATE_MINUTE;

	if (series->row_count == 0)
		return;
	int64_t usual = by_minutes ? usual_gap(series) : usual_count(series);
	for (size_t i = 0; i < series->row_count; i++) {
		const struct aggregate *row = &series->rows[i];
		int64_t at =
			(step_end(range, row->end_ms) - range->first_ms) / range->step_ms;
		double share = by_minutes ? (double)usual
					  : fmin(1, (double)row->count / (double)usual);
		if (at >= 0 && (size_t)at < range->count && row->count > 0)
			add_row(&series->points[at], row, share);
	}
}

double series_value(const struct series *series, size_t i, enum series_kind kind)
{
	const struct series_point *point = &series->points[i];

	if (point->count == 0 || kind == SERIES_NONE)
		return NAN;
	return kind == SERIES_SUM    ? point->sum
		: kind == SERIES_MAX ? point->max
				     : point->sum / (double)point->count;
}

double series_completeness(const struct series *series, size_t i)
{
	const struct series_range *range = series->range;
	int64_t row_ms = range->rows == AGGREGATE_MINUTE ? minute_ms : hour_ms;

	return fmin(1, series->points[i].share * (double)row_ms / (double)range->step_ms);
}
