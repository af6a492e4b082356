#include "gateway/judge.h"

#include <math.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/metric.h"
#include "gateway/calibrate.h"
#include "gateway/crosscheck.h"
#include "gateway/gauge.h"

bool judge_is_of_its_time(const struct report *report)
{
	return !(report->marks & (REPORT_RETAINED | REPORT_CLOCK_UNSET));
}

/* --- flags of single readings ------------------------------------------- */

void judge_prepare(struct source *source, struct series *series)
{
	if (series->has_limits)
		return;
	series->has_limits = true;
	series->limits = quality_find(&source->treatment.quality,
		&source->treatment.common_quality, series->metric);
	if (series->limits && !(series->quality = calloc(1, sizeof *series->quality)))
		series->limits = NULL;
	source->remembers |= series->limits != NULL;
	source->heeds_humidity |= series->limits && !isnan(series->limits->humidity_max);
}

/* What an instrument says that does not measure teaches nothing about the air. */
static bool teaches(const struct report *report)
{
	return judge_is_of_its_time(report) && report->status == STATUS_MEASURING;
}

static uint8_t flag_by_limits(
	struct source *source, const struct report *report, size_t at)
{
	const struct reading *reading = &report->readings[at];
	struct series *series = source_series(source, reading->metric, at);
	struct quality_config range;

	if (series)
		judge_prepare(source, series);
	if (series && series->limits && teaches(report))
		return quality_judge(series->limits, series->quality, report->time_ms,
			reading->raw, reading->value);
	quality_defaults(&range, metric_by_id(reading->metric));
	return quality_range(series && series->limits ? series->limits : &range,
		reading->raw, reading->value);
}

static void judge_reading(struct source *source, struct report *report, size_t at)
{
	struct reading *reading = &report->readings[at];
	uint8_t flag = flag_by_limits(source, report, at);

	/* What the driver and the calibration said of it counts too. */
	if (reading->flag != FLAG_NOT_EVALUATED)
		flag = quality_worse(flag, reading->flag);
	reading->flag = flag;
}

static void fail_all(struct report *report)
{
	for (size_t i = 0; i < report->count; i++)
		report->readings[i].flag =
			quality_worse(report->readings[i].flag, FLAG_FAIL);
}

/* --- the instrument ----------------------------------------------------- */

/* Does an operator calibrate it? A fault that it reports itself is the worse news. */
static void take_status(const struct source *source, struct report *report)
{
	if (report->status == STATUS_MEASURING &&
		calibrating_touches(source->treatment.calibrating, source->station,
			source->sensor, report->time_ms - 1, report->time_ms))
		report->status = STATUS_CALIBRATING;
}

/*
 * Is REPORT of a gauge and the first since a calibration? Then poured water may be in
 * what it has counted since the report before it. Asked once, before settles().
 */
static bool follows_calibration(struct source *source, const struct report *report)
{
	int64_t before_ms = source->settling.heard_ms;

	if (report->time_ms < before_ms)
		return false; /* a late one; its own time was looked at */
	if (report->status == STATUS_CALIBRATING ||
		(before_ms > 0 &&
			calibrating_touches(source->treatment.calibrating,
				source->station, source->sensor, before_ms,
				report->time_ms)))
		source->was_calibrated = true;
	if (!source->was_calibrated || report->status != STATUS_MEASURING ||
		!(report_find(report, METRIC_RAIN_TOTAL) ||
			report_find(report, METRIC_RAIN)))
		return false;
	source->was_calibrated = false;
	return true;
}

static void fail_increment(struct report *report)
{
	struct reading *rain = report_find(report, METRIC_RAIN);

	if (rain)
		rain->flag = quality_worse(rain->flag, FLAG_FAIL);
}

static bool settles(struct source *source, const struct report *report)
{
	const struct treatment *treatment = &source->treatment;

	source->dirty = true;
	return quality_settles(&source->settling, treatment->settle,
		treatment->settle_after, report->time_ms,
		report->marks & REPORT_RECONNECTED);
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

/* --- reports ------------------------------------------------------------ */

/*
 * Another gateway has judged it and derived what follows: its flags stay. Only what no
 * sensor can mean is called so here, too.
 */
static void judge_relayed(struct source *source, struct report *report)
{
	struct quality_config range;

	for (size_t i = 0; i < report->count; i++) {
		struct reading *reading = &report->readings[i];

		quality_defaults(&range, metric_by_id(reading->metric));
		if (reading->flag != FLAG_MISSING &&
			quality_range(&range, reading->raw, reading->value) == FLAG_FAIL)
			reading->flag = FLAG_FAIL;
	}
	if (judge_is_of_its_time(report))
		remember(source, report);
}

/*
 * One that does not measure (a fault, a calibration) says nothing of the air, and neither
 * does one that settles: all their values fail, so that whoever looks at flags alone does
 * not take them for the air.
 */
void judge_report(struct source *source, struct report *report)
{
	if (report->marks & REPORT_RELAYED) {
		judge_relayed(source, report);
		return;
	}
	if (!clock_is_plausible(report->time_ms))
		report->marks |= REPORT_CLOCK_UNSET;
	bool is_now = judge_is_of_its_time(report);

	if (is_now)
		take_status(source, report);
	calibrate_report(source, report);
	for (size_t i = 0; i < report->count; i++)
		judge_reading(source, report, i);
	crosscheck_report(source, report);
	bool after_calibration = is_now && follows_calibration(source, report);
	bool settling = is_now && settles(source, report);
	if (settling || report->status != STATUS_MEASURING)
		fail_all(report);
	if (!is_now)
		return;
	if (after_calibration) {
		gauge_break(source, report);
		fail_increment(report);
	}
	gauge_derive(source, report);
	remember(source, report);
}

/* The readings' flags stay as they are stored; the tests learn what they learnt then. */
static void learn(struct source *source, const struct report *report)
{
	if (!teaches(report))
		return;
	for (size_t i = 0; i < report->count; i++)
		flag_by_limits(source, report, i);
}

void judge_replay(struct source *source, const struct report *report)
{
	if (!judge_is_of_its_time(report))
		return;
	if (report->marks & REPORT_RELAYED) {
		remember(source, report);
		return;
	}
	learn(source, report);
	if (follows_calibration(source, report))
		gauge_break(source, report);
	settles(source, report);
	gauge_replay(source, report);
	remember(source, report);
}
