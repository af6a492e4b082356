#include "gateway/judge.h"

#include <stdlib.h>

#include "core/clock.h"
#include "core/metric.h"
#include "gateway/gauge.h"

/* --- flags -------------------------------------------------------------- */

bool judge_is_of_its_time(const struct report *report)
{
	return !(report->marks & (REPORT_RETAINED | REPORT_CLOCK_UNSET));
}

static const struct quality_config *limits_of(
	const struct source *source, const struct series *series)
{
	const struct quality_config *rows = source->treatment.quality.items;

	for (size_t i = 0; i < source->treatment.quality.count; i++)
		if (rows[i].metric->id == series->metric)
			return &rows[i];
	return NULL;
}

static void find_limits(const struct source *source, struct series *series)
{
	series->has_limits = true;
	series->limits = limits_of(source, series);
	if (series->limits && !(series->quality = calloc(1, sizeof *series->quality)))
		series->limits = NULL;
}

static uint8_t flag_by_limits(
	struct source *source, const struct report *report, size_t at)
{
	const struct reading *reading = &report->readings[at];
	struct series *series = source_series(source, reading->metric, at);
	struct quality_config range;

	if (series && !series->has_limits)
		find_limits(source, series);
	if (series && series->limits && judge_is_of_its_time(report))
		return quality_judge(
			series->limits, series->quality, report->time_ms, reading->value);
	quality_defaults(&range, metric_by_id(reading->metric));
	return quality_range(
		series && series->limits ? series->limits : &range, reading->value);
}

static void judge_reading(struct source *source, struct report *report, size_t at)
{
	struct reading *reading = &report->readings[at];
	uint8_t flag = flag_by_limits(source, report, at);

	/* What the driver said of it counts too. */
	if (reading->flag != FLAG_NOT_EVALUATED)
		flag = quality_worse(flag, reading->flag);
	reading->flag = flag;
}

static void make_suspect(struct reading *reading)
{
	reading->flag = quality_worse(reading->flag, FLAG_SUSPECT);
}

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

/* In wet air an optical instrument counts droplets as dust. */
static void check_humidity(struct source *source, struct report *report)
{
	const struct reading *humidity = report_find(report, METRIC_HUMIDITY);

	if (!humidity)
		return;
	for (size_t i = 0; i < report->count; i++) {
		const struct series *series =
			source_series(source, report->readings[i].metric, i);
		if (series && series->limits &&
			humidity->value > series->limits->humidity_max)
			make_suspect(&report->readings[i]);
	}
}

static void check_against_each_other(struct source *source, struct report *report)
{
	check_dust(report);
	check_humidity(source, report);
}

/* For what is judged against it later, here and at the same station. */
static void remember(struct source *source, const struct report *report)
{
	for (size_t i = 0; i < report->count; i++) {
		struct series *series =
			source_series(source, report->readings[i].metric, i);

		if (!series || report->time_ms < series->newest_ms ||
			report->status != STATUS_MEASURING)
			continue;
		series->newest = report->readings[i];
		series->newest_ms = report->time_ms;
	}
}

void judge_report(struct source *source, struct report *report)
{
	if (!clock_is_plausible(report->time_ms))
		report->marks |= REPORT_CLOCK_UNSET;
	for (size_t i = 0; i < report->count; i++)
		judge_reading(source, report, i);
	check_against_each_other(source, report);
	if (!judge_is_of_its_time(report))
		return;
	gauge_derive(source, report);
	remember(source, report);
}

void judge_replay(struct source *source, const struct report *report)
{
	if (!judge_is_of_its_time(report))
		return;
	gauge_replay(source, report);
	remember(source, report);
}
