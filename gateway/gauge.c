#include "gateway/gauge.h"

#include <stdlib.h>

#include "core/log.h"
#include "core/metric.h"
#include "derive/rain.h"

static const int64_t repeat_sums_ms = 60 * 1000; /* unchanged sums are said this often */

struct gauge {
	struct rain_gauge rain;
	int64_t said_ms; /* when all sums were last reported */
	int64_t said[RAIN_WINDOWS];
	bool dirty; /* not yet saved */
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
	rain_init(&source->gauge->rain, source->treatment.rain_modulus);
	if (source->store &&
		store_state_get(
			source->store, source->id, "rain", take_rain_state, source) < 0)
		log_error("%s", store_error(source->store));
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

void gauge_derive(struct source *source, struct report *report)
{
	const struct reading *total = report_find(report, METRIC_RAIN_TOTAL);
	const struct reading *rain = report_find(report, METRIC_RAIN);

	if (!has_watched(report, total, rain))
		return;
	struct gauge *gauge = find_gauge(source);
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

void gauge_replay(struct source *source, const struct report *report)
{
	const struct reading *total = report_find(report, METRIC_RAIN_TOTAL);
	const struct reading *rain = report_find(report, METRIC_RAIN);
	double ignored;

	if (!total && !rain)
		return;
	struct gauge *gauge = find_gauge(source);
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
	gauge->dirty = true;
}

void gauge_forget_after(struct source *source, int64_t limit_ms)
{
	struct gauge *gauge = source->gauge;

	if (!gauge ||
		(gauge->rain.last_ms <= limit_ms && gauge->rain.total_ms <= limit_ms))
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
