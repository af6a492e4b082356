#include "gateway/gauge.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/log.h"
#include "core/metric.h"
#include "derive/catch.h"
#include "derive/quality.h"
#include "derive/rain.h"
#include "store/state.h"

static const int64_t repeat_sums_ms = 60 * 1000; /* unchanged sums are said this often */
static const int64_t mean_ms = 60 * 1000;        /* intensities are means over so long */

struct gauge {
	struct rain_gauge rain;
	int64_t said_ms; /* when all sums were last reported */
	int64_t said[RAIN_SUMS];
	int64_t ended_ms; /* the end of the day that was said to be over last */
	bool says_rate;   /* the device says the intensity itself */
	bool dirty;       /* not yet saved */
};

static void take_rain_state(void *arg, const void *bytes, size_t length)
{
	struct source *source = arg;

	if (!rain_load(&source->gauge->rain, bytes, length))
		log_warning("%s/%s: the rain gauge's kept state is not readable; "
			    "its sums begin anew",
			source->station, source->sensor);
}

static struct gauge *find_gauge(struct source *source)
{
	if (source->gauge)
		return source->gauge;
	source->gauge = calloc(1, sizeof *source->gauge);
	if (!source->gauge)
		return NULL;
	rain_init(&source->gauge->rain, source->treatment.rain,
		source->treatment.rain_modulus);
	if (source->store &&
		store_state_get(
			source->store, source->id, "rain", take_rain_state, source) < 0)
		log_error("%s", store_error(source->store));
	return source->gauge;
}

/* --- what a report tells -------------------------------------------------- */

/*
 * The counter's reading and the increment, where they are there and can be used. An
 * instrument in fault or calibration has not seen what fell: that is a gap, and not a dry
 * time.
 */
struct told {
	struct reading *total, *rain;
	bool lost; /* there is an increment, but not to be used */
};

static struct reading *find_usable(const struct report *report, uint16_t metric)
{
	struct reading *reading = report_find(report, metric);

	return reading && reading_is_usable(report, reading) ? reading : NULL;
}

static struct told look_at(const struct report *report)
{
	struct told told = {
		.total = find_usable(report, METRIC_RAIN_TOTAL),
		.rain = find_usable(report, METRIC_RAIN),
	};

	told.lost = !told.rain && report_find(report, METRIC_RAIN);
	return told;
}

/* A reading out of a device's buffer: a newer one has credited what it could tell. */
static bool is_late(const struct counter *counter, const struct report *report)
{
	return counter->has_total && report->time_ms < counter->total_ms &&
		(report->marks & (REPORT_BACKFILLED | REPORT_DEVICE_TIME));
}

/* What the counter's reading in REPORT means; late, or none: COUNTER_HELD. */
static struct counter_step take_total(
	struct gauge *gauge, const struct report *report, const struct told *told)
{
	if (!told->total || is_late(&gauge->rain.counter, report))
		return (struct counter_step){ .verdict = COUNTER_HELD };
	return rain_credit(&gauge->rain, report->time_ms, told->total->value);
}

/* What has to happen before REPORT's own rain is observed, live and after a restart. */
static void prepare(
	struct gauge *gauge, const struct report *report, const struct told *told)
{
	gauge->dirty = true;
	/* What a device polled at times says is too coarse for the time between tips. */
	gauge->rain.smooth_ms = report->marks & REPORT_DEVICE_TIME ? 0 : mean_ms;
	if (told->lost || (report->marks & REPORT_AFTER_LOSS))
		rain_lose(&gauge->rain, report->time_ms);
}

/* --- increments ------------------------------------------------------------ */

static void note_step(
	const struct source *source, const struct counter_step *step, double total)
{
	switch (step->verdict) {
	case COUNTER_CORRUPT:
		log_notice("%s/%s: one reading of the rain counter was corrupt; it goes "
			   "on to %g mm",
			source->station, source->sensor, total);
		break;
	case COUNTER_RESET:
		log_notice("%s/%s: the rain counter was set back, and has come to %g mm; "
			   "%g mm credited",
			source->station, source->sensor, total, step->increment);
		break;
	case COUNTER_WRAPPED:
		log_notice("%s/%s: the rain counter ran over its end; %g mm credited",
			source->station, source->sensor, step->increment);
		break;
	case COUNTER_JUMPED:
		log_warning(
			"%s/%s: the rain counter jumped by %g mm, more than can fall; "
			"not credited",
			source->station, source->sensor, step->refused);
		break;
	default:
		break;
	}
}

/* RAIN as it would be if the gauge had caught all; its raw value stays. */
static void correct(struct gauge *gauge, int64_t time_ms, struct reading *rain)
{
	static const double nm_per_mm = 1e6;
	double intensity = rain_intensity(&gauge->rain, time_ms, rain->value);
	/* Where nobody knows it, it was not much: a first tip, after a long time. */
	double factor =
		catch_factor(&gauge->rain.config, isnan(intensity) ? 0 : intensity);

	if (factor != 1)
		rain->value = nearbyint(rain->value * factor * nm_per_mm) / nm_per_mm;
}

/* One tip, of a device that says when it was, too close to another one? */
static bool is_bounce(const struct gauge *gauge, const struct report *report, double mm)
{
	return (report->marks & REPORT_DEVICE_TIME) && mm > 0 &&
		mm < gauge->rain.config.tip * 1.5 &&
		rain_is_bounce(&gauge->rain, report->time_ms);
}

/*
 * The flag of an increment that the device itself told. What a broker hands over at once
 * out of its queue has no times of its own: such is marked, but counted.
 */
static uint8_t judge_increment(const struct gauge *gauge, const struct report *report,
	const struct reading *rain)
{
	int64_t last_ms = gauge->rain.coverage.last_ms;

	if (last_ms == 0 && (report->marks & REPORT_AFTER_LOSS))
		return FLAG_SUSPECT; /* nobody knows since when it was gathered */
	if (last_ms == 0 || report->time_ms < last_ms ||
		counter_can_fall(
			&gauge->rain.counter, rain->value, report->time_ms - last_ms))
		return FLAG_GOOD;
	return report->marks & REPORT_DEVICE_TIME ? FLAG_FAIL : FLAG_SUSPECT;
}

/* False: the increment that REPORT tells is not to be believed. */
static bool treat_increment(
	struct gauge *gauge, const struct report *report, struct reading *rain)
{
	uint8_t flag;

	if (is_bounce(gauge, report, rain->value)) {
		rain->value = 0;
		return true;
	}
	flag = judge_increment(gauge, report, rain);
	rain->flag = quality_worse(rain->flag, flag);
	correct(gauge, report->time_ms, rain);
	return flag != FLAG_FAIL;
}

/* Appends the increment of STEP to REPORT: what is to be observed, mm. */
static double add_increment(
	struct gauge *gauge, struct report *report, const struct counter_step *step)
{
	if (step->verdict == COUNTER_BASELINE ||
		!report_add(report, METRIC_RAIN, step->increment))
		return 0;
	struct reading *rain = &report->readings[report->count - 1];
	rain->flag = FLAG_GOOD;
	correct(gauge, report->time_ms, rain);
	return rain->value;
}

/* --- sums ------------------------------------------------------------------ */

static void add_good(struct report *report, uint16_t metric, double value, bool is_good)
{
	if (report_add(report, metric, value))
		report->readings[report->count - 1].flag =
			is_good ? FLAG_GOOD : FLAG_SUSPECT;
}

/* The intensity, unless the device says it, or nobody knows. */
static void say_rate(const struct gauge *gauge, struct report *report)
{
	double rate = gauge->says_rate ? NAN : rain_rate(&gauge->rain);

	if (!isnan(rate))
		add_good(report, METRIC_RAIN_RATE, rate, true);
}

/*
 * All sums once in a while and, in between, those that have changed. Of a time that
 * nobody has watched none is said: 0 would be a lie.
 */
static void say_sums(struct gauge *gauge, struct report *report)
{
	const struct rain_gauge *rain = &gauge->rain;
	bool all = report->time_ms - gauge->said_ms >= repeat_sums_ms;
	bool some = false;

	for (size_t w = 0; w < RAIN_SUMS; w++) {
		if ((!all && gauge->said[w] == rain->sums[w]) ||
			rain_completeness(rain, w) <= 0)
			continue;
		/* A sum that the device says itself is not said twice. */
		if (report_find(report, rain_windows[w].metric))
			continue;
		add_good(report, rain_windows[w].metric, rain_sum(rain, w),
			rain_is_complete(rain, w));
		gauge->said[w] = rain->sums[w];
		some = true;
	}
	if (!some)
		return;
	say_rate(gauge, report);
	if (all)
		gauge->said_ms = report->time_ms;
}

static void observe(
	struct gauge *gauge, const struct source *source, int64_t time_ms, double mm)
{
	if (!rain_observe(&gauge->rain, time_ms, mm))
		log_error("%s/%s: no room for more rain in its sums", source->station,
			source->sensor);
}

void gauge_break(struct source *source, const struct report *report)
{
	struct gauge *gauge = find_gauge(source);

	if (!gauge)
		return;
	rain_break(&gauge->rain, report->time_ms);
	gauge->dirty = true;
}

void gauge_derive(struct source *source, struct report *report)
{
	struct told told = look_at(report);
	struct gauge *gauge;
	double mm;

	if ((!told.total && !told.rain && !told.lost) || !(gauge = find_gauge(source)))
		return;
	if (report_find(report, METRIC_RAIN_RATE))
		gauge->says_rate = true;
	prepare(gauge, report, &told);
	struct counter_step step = take_total(gauge, report, &told);
	if (told.total)
		note_step(source, &step, told.total->value);
	if (told.total && gauge->rain.counter.has_odd)
		told.total->flag = quality_worse(told.total->flag, FLAG_SUSPECT);
	/* Where a device says both, its increment is what counts. */
	if (told.rain && !treat_increment(gauge, report, told.rain)) {
		rain_lose(&gauge->rain, report->time_ms);
		return;
	}
	if (told.rain)
		mm = told.rain->value;
	else if (told.lost || step.verdict == COUNTER_HELD)
		return;
	else
		mm = add_increment(gauge, report, &step);
	observe(gauge, source, report->time_ms, mm);
	if (report->time_ms == gauge->rain.coverage.last_ms)
		say_sums(gauge, report);
}

bool gauge_end_day(struct source *source, const struct report *report, struct report *end)
{
	struct told told = look_at(report);
	struct gauge *gauge = source->gauge;
	struct rain_day day;

	if (!gauge || (!told.total && !told.rain) ||
		!rain_end_day(&gauge->rain, report->time_ms, &day) ||
		day.end_ms == gauge->ended_ms)
		return false;
	gauge->ended_ms = day.end_ms;
	report_init(end);
	end->time_ms = day.end_ms;
	end->mono_ms = report->mono_ms;
	snprintf(end->station, sizeof end->station, "%s", source->station);
	snprintf(end->sensor, sizeof end->sensor, "%s", source->sensor);
	add_good(end, METRIC_RAIN_DAY, day.mm, day.completeness >= 1);
	return true;
}

void gauge_replay(struct source *source, const struct report *report)
{
	struct told told = look_at(report);
	struct gauge *gauge;

	if ((!told.total && !told.rain && !told.lost) || !(gauge = find_gauge(source)))
		return;
	prepare(gauge, report, &told);
	struct counter_step step = take_total(gauge, report, &told);
	if (told.rain)
		rain_observe(&gauge->rain, report->time_ms, told.rain->value);
	else if (!told.lost && step.verdict != COUNTER_HELD)
		rain_observe(&gauge->rain, report->time_ms, 0);
}

void gauge_open(struct source *source)
{
	find_gauge(source);
}

void gauge_shift(struct source *source, const struct clock_step *step)
{
	struct gauge *gauge = source->gauge;

	if (!gauge)
		return;
	rain_shift(&gauge->rain, step->since_ms, step->by_ms);
	gauge->said_ms = clock_after_step(step, gauge->said_ms);
	gauge->ended_ms = 0;
	gauge->dirty = true;
}

void gauge_forget_after(struct source *source, int64_t limit_ms)
{
	struct gauge *gauge = source->gauge;

	if (!gauge ||
		(gauge->rain.coverage.last_ms <= limit_ms &&
			gauge->rain.counter.total_ms <= limit_ms))
		return;
	log_warning("%s/%s: rain was remembered from the future, by a wrong clock; its "
		    "sums begin anew",
		source->station, source->sensor);
	rain_forget(&gauge->rain, limit_ms);
	gauge->said_ms = 0;
	gauge->dirty = true;
}

int gauge_save(struct source *source, struct buffer *bytes)
{
	struct gauge *gauge = source->gauge;

	if (!gauge || !gauge->dirty)
		return 0;
	buffer_clear(bytes);
	rain_save(&gauge->rain, bytes);
	if (bytes->failed)
		return 0; /* too large to keep: the sums begin anew after a restart */
	gauge->dirty = false;
	return store_state_set(
		source->store, source->id, "rain", bytes->data, bytes->length);
}

void gauge_free(struct gauge *gauge)
{
	if (gauge)
		rain_free(&gauge->rain);
	free(gauge);
}
