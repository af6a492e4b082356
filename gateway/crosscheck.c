#include "gateway/crosscheck.h"

#include <math.h>

#include "core/metric.h"
#include "derive/quality.h"
#include "gateway/judge.h"

enum {
	NEIGHBOURS_MAX = 15, /* compared */
	LOOKED_AT_MAX = 256, /* sources of a station: a bound for its work */
};

static const int64_t humidity_fresh_ms = 10 * 60 * 1000;

static void make_suspect(struct reading *reading)
{
	reading->flag = quality_worse(reading->flag, FLAG_SUSPECT);
}

static int64_t apart_ms(int64_t a, int64_t b)
{
	return a > b ? a - b : b - a;
}

/* The newest reading of METRIC from SOURCE, near to TIME_MS and no failed one; or NULL.
 */
static const struct series *fresh(
	const struct source *source, uint16_t metric, int64_t time_ms, int64_t within_ms)
{
	const struct series *series = source_find_series(source, metric);

	if (!series || series->newest_ms == 0 || series->newest.flag > FLAG_SUSPECT ||
		apart_ms(series->newest_ms, time_ms) > within_ms)
		return NULL;
	return series;
}

/* --- humidity ----------------------------------------------------------- */

static bool has_failed(const struct reading *humidity)
{
	struct quality_config range;

	quality_defaults(&range, metric_by_id(METRIC_HUMIDITY));
	return humidity->flag > FLAG_SUSPECT ||
		quality_range(&range, humidity->raw, humidity->value) > FLAG_SUSPECT;
}

double crosscheck_humidity(const struct source *source, const struct report *report)
{
	const struct reading *own = report_find(report, METRIC_HUMIDITY);
	const struct source *other = source;
	const struct series *best = NULL;

	if (own && !has_failed(own))
		return own->value;
	if (!judge_is_of_its_time(report))
		return NAN;
	for (size_t i = 0; i < LOOKED_AT_MAX; i++) {
		const struct series *series =
			fresh(other, METRIC_HUMIDITY, report->time_ms, humidity_fresh_ms);
		if (series && (!best || series->newest_ms > best->newest_ms))
			best = series;
		/* The sensor's own comes before all others. */
		if ((best && other == source) || (other = other->neighbour) == source)
			break;
	}
	return best ? best->newest.value : NAN;
}

/* In wet air an optical instrument counts droplets as dust. */
static void check_humidity(struct source *source, struct report *report)
{
	double humidity = NAN;
	bool asked = false;

	for (size_t i = 0; i < report->count && source->heeds_humidity; i++) {
		const struct series *series =
			source_series(source, report->readings[i].metric, i);

		if (!series || !series->limits || isnan(series->limits->humidity_max))
			continue;
		if (!asked)
			humidity = crosscheck_humidity(source, report);
		asked = true;
		if (humidity > series->limits->humidity_max)
			make_suspect(&report->readings[i]);
	}
}

/* --- dust and neighbours ------------------------------------------------ */

/* Fine dust is part of all dust: more of it means that one of the two is wrong. */
static void check_dust(struct report *report)
{
	struct reading *fine = report_find(report, METRIC_PM25);
	struct reading *all = report_find(report, METRIC_PM10);

	/* Both carry noise: 5 µg/m³ and a tenth. */
	if (!fine || !all || fine->value <= all->value * 1.1 + 5)
		return;
	make_suspect(fine);
	make_suspect(all);
}

static void check_neighbours(const struct source *source, const struct series *series,
	struct reading *reading, int64_t time_ms)
{
	double values[NEIGHBOURS_MAX];
	size_t count = 0, looked_at = 0;

	for (const struct source *other = source->neighbour;
		other != source && count < NEIGHBOURS_MAX && looked_at < LOOKED_AT_MAX;
		other = other->neighbour, looked_at++) {
		const struct series *theirs = fresh(other, reading->metric, time_ms,
			series->limits->neighbour_within);
		if (theirs)
			values[count++] = theirs->newest.value;
	}
	if (count > 0)
		reading->flag = quality_worse(reading->flag,
			quality_neighbours(
				series->limits, reading->value, values, count));
}

static void check_all_neighbours(struct source *source, struct report *report)
{
	for (size_t i = 0; i < report->count; i++) {
		struct reading *reading = &report->readings[i];
		const struct series *series = source_series(source, reading->metric, i);

		if (series && series->limits && isfinite(reading->value) &&
			!(isnan(series->limits->neighbour) &&
				isnan(series->limits->neighbour_ratio)))
			check_neighbours(source, series, reading, report->time_ms);
	}
}

void crosscheck_report(struct source *source, struct report *report)
{
	check_dust(report);
	check_humidity(source, report);
	if (judge_is_of_its_time(report) && report->status == STATUS_MEASURING &&
		source->neighbour != source)
		check_all_neighbours(source, report);
}
