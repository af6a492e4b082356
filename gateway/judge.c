#include "gateway/judge.h"

#include <stdlib.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/metric.h"

static const int64_t repeat_sums_ms = 60 * 1000; /* unchanged sums are said this often */

/* --- rain ------------------------------------------------------------- */

static void take_rain_state(void *arg, const void *bytes, size_t length)
{
	struct source *source = arg;

	if (!rain_load(&source->gauge->rain, bytes, length))
		log_warning("%s/%s: the rain gauge's kept state is not readable; "
			    "its sums begin anew",
			source->station, source->sensor);
}

static struct gauge *find_gauge(
	const struct pipeline_settings *settings, struct source *source)
{
	if (source->gauge)
		return source->gauge;
	source->gauge = calloc(1, sizeof *source->gauge);
	if (!source->gauge)
		return NULL;
	rain_init(&source->gauge->rain,
		settings->rain_modulus ? settings->rain_modulus(settings->arg,
						 source->station, source->sensor)
				       : 0);
	if (settings->store &&
		store_state_get(
			settings->store, source->id, "rain", take_rain_state, source) < 0)
		log_error("%s", store_error(settings->store));
	return source->gauge;
}

static void note_verdict(const struct source *source, enum rain_verdict verdict,
	double total, double increment)
{
	switch (verdict) {
	case RAIN_RESET:
		log_notice(
			"%s/%s: the rain counter was set back to %g mm; counting on from there",
			source->station, source->sensor, total);
		break;
	case RAIN_WRAPPED:
		log_notice("%s/%s: the rain counter ran over its end; %g mm credited",
			source->station, source->sensor, increment);
		break;
	case RAIN_IMPLAUSIBLE:
		log_warning(
			"%s/%s: the rain counter jumped by %g mm, more than can fall; "
			"not credited",
			source->station, source->sensor, increment);
		break;
	default:
		break;
	}
}

/* The increment a counter's reading is worth, appended to REPORT as its rain. */
static void credit_total(struct gauge *gauge, const struct source *source,
	struct report *report, double total)
{
	double increment;
	enum rain_verdict verdict =
		rain_credit(&gauge->rain, report->time_ms, total, &increment);

	gauge->dirty = true;
	note_verdict(source, verdict, total, increment);
	if (verdict == RAIN_BASELINE || verdict == RAIN_RESET ||
		!report_add(report, METRIC_RAIN, increment))
		return;
	report->readings[report->count - 1].flag =
		verdict == RAIN_IMPLAUSIBLE ? FLAG_FAIL : FLAG_GOOD;
}

static void say_sums(struct gauge *gauge, struct report *report)
{
	bool all = report->time_ms - gauge->said_ms >= repeat_sums_ms;

	for (size_t w = 0; w < RAIN_WINDOWS; w++) {
		if (!all && gauge->said[w] == gauge->rain.sums[w])
			continue;
		if (!report_add(
			    report, rain_windows[w].metric, rain_sum(&gauge->rain, w)))
			return;
		report->readings[report->count - 1].flag =
			rain_is_complete(&gauge->rain, w) ? FLAG_GOOD : FLAG_SUSPECT;
		gauge->said[w] = gauge->rain.sums[w];
	}
	if (all)
		gauge->said_ms = report->time_ms;
}

/*
 * Has the gauge seen what fell? One in fault or calibration has not: that is a gap, and
 * not a dry time.
 */
static bool has_watched(const struct report *report, const struct reading *total,
	const struct reading *rain)
{
	const struct reading *said = rain ? rain : total;

	return said && reading_is_usable(report, said);
}

static void derive_rain(const struct pipeline_settings *settings, struct source *source,
	struct report *report)
{
	const struct reading *total = report_find(report, METRIC_RAIN_TOTAL);
	const struct reading *rain = report_find(report, METRIC_RAIN);

	if (!has_watched(report, total, rain))
		return;
	struct gauge *gauge = find_gauge(settings, source);
	if (!gauge)
		return;
	/* Where a device says both, its increment is what counts. */
	if (!rain) {
		credit_total(gauge, source, report, total->value);
		rain = report_find(report, METRIC_RAIN);
	}
	if (rain && !reading_is_usable(report, rain))
		return;
	if (!rain_observe(&gauge->rain, report->time_ms, rain ? rain->value : 0))
		log_error("%s/%s: out of memory for rain sums", source->station,
			source->sensor);
	gauge->dirty = true;
	if (report->time_ms == gauge->rain.last_ms)
		say_sums(gauge, report);
}

void judge_replay(const struct pipeline_settings *settings, struct source *source,
	struct report *report)
{
	const struct reading *total = report_find(report, METRIC_RAIN_TOTAL);
	const struct reading *rain = report_find(report, METRIC_RAIN);
	double ignored;

	if ((!total && !rain) || !judge_is_of_its_time(report))
		return;
	struct gauge *gauge = find_gauge(settings, source);
	if (!gauge)
		return;
	if (total && reading_is_usable(report, total)) {
		rain_credit(&gauge->rain, report->time_ms, total->value, &ignored);
		gauge->dirty = true;
	}
	if (has_watched(report, total, rain)) {
		rain_observe(&gauge->rain, report->time_ms, rain ? rain->value : 0);
		gauge->dirty = true;
	}
}

/* --- flags -------------------------------------------------------------- */

bool judge_is_of_its_time(const struct report *report)
{
	return !(report->marks & (REPORT_RETAINED | REPORT_CLOCK_UNSET));
}

static void find_limits(const struct pipeline_settings *settings,
	const struct source *source, struct series *series)
{

	series->has_limits = true;
	if (!settings->quality)
		return;
	series->limits = settings->quality(
		settings->arg, source->station, source->sensor, series->metric);
	if (series->limits && !(series->quality = calloc(1, sizeof *series->quality)))
		series->limits = NULL;
}

static uint8_t flag_by_limits(const struct pipeline_settings *settings,
	struct source *source, const struct report *report, size_t at)
{
	const struct reading *reading = &report->readings[at];
	struct series *series = source_series(source, reading->metric, at);
	struct quality_config range;

	if (series && !series->has_limits)
		find_limits(settings, source, series);
	if (series && series->limits && judge_is_of_its_time(report))
		return quality_judge(
			series->limits, series->quality, report->time_ms, reading->value);
	quality_defaults(&range, metric_by_id(reading->metric));
	return quality_range(
		series && series->limits ? series->limits : &range, reading->value);
}

static void judge_reading(const struct pipeline_settings *settings, struct source *source,
	struct report *report, size_t at)
{
	struct reading *reading = &report->readings[at];
	uint8_t flag = flag_by_limits(settings, source, report, at);

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

void judge_report(const struct pipeline_settings *settings, struct source *source,
	struct report *report)
{
	if (!clock_is_plausible(report->time_ms))
		report->marks |= REPORT_CLOCK_UNSET;
	for (size_t i = 0; i < report->count; i++)
		judge_reading(settings, source, report, i);
	check_against_each_other(source, report);
	if (judge_is_of_its_time(report))
		derive_rain(settings, source, report);
}
