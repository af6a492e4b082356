#include "gateway/calibrate.h"

#include <math.h>

#include "core/clock.h"
#include "core/log.h"
#include "derive/calibration.h"
#include "derive/quality.h"
#include "gateway/crosscheck.h"
#include "store/calibrations.h"

enum { METHOD_MAX = 1024 };

/* --- which -------------------------------------------------------------- */

static int note_number(struct source *source, struct series *series)
{
	const struct calibration_config *config = series->calibration;
	struct buffer method;

	buffer_init(&method, METHOD_MAX);
	calibration_describe(config, &method);
	struct calibration_record record = {
		.station = source->station,
		.sensor = source->sensor,
		.metric = series->metric,
		.method = buffer_text(&method),
		.date = config->date,
		.by = config->by,
		.certificate = config->certificate,
	};
	int result = calibrations_number(
		source->store, &record, clock_wall_ms(), &series->calibration_number);
	buffer_free(&method);
	return result;
}

/* Metrics that once had a calibration and have none now. */
struct ended {
	const struct source *source;
	uint16_t metrics[READINGS_MAX];
	size_t count;
};

static void add_ended(void *arg, uint16_t metric)
{
	struct ended *ended = arg;
	const struct series *series = source_find_series(ended->source, metric);

	if ((!series || !series->calibration) && ended->count < READINGS_MAX)
		ended->metrics[ended->count++] = metric;
}

static int note_ended(struct source *source)
{
	struct ended ended = { .source = source };

	if (calibrations_each(source->store, source->station, source->sensor, add_ended,
		    &ended) < 0)
		return -1;
	for (size_t i = 0; i < ended.count; i++) {
		struct calibration_record record = {
			.station = source->station,
			.sensor = source->sensor,
			.metric = ended.metrics[i],
			.method = "none",
			.date = "",
			.by = "",
			.certificate = "",
		};
		uint32_t number;

		if (calibrations_number(
			    source->store, &record, clock_wall_ms(), &number) < 0)
			return -1;
	}
	return 0;
}

int calibrate_prepare(struct source *source)
{
	const struct option_list *rows = &source->treatment.calibration;
	const struct calibration_config *all = rows->items;

	for (size_t i = 0; i < rows->count; i++) {
		uint16_t metric = all[i].metric->id;
		const struct calibration_config *row =
			calibration_find(rows, source->station, metric);
		struct series *series = row ? source_series(source, metric, i) : NULL;

		if (!series || series->calibration)
			continue;
		series->calibration = row;
		source->corrects = true;
		if (source->store && note_number(source, series) < 0)
			return -1;
	}
	return source->store ? note_ended(source) : 0;
}

/* --- correcting --------------------------------------------------------- */

static void correct(const struct series *series, struct reading *reading, double humidity)
{
	struct calibrated result =
		calibration_apply(series->calibration, reading->raw, humidity);

	reading->value = result.value;
	if (result.whole)
		reading->calibration = series->calibration_number;
	if (!result.whole || result.capped)
		reading->flag = quality_worse(reading->flag, FLAG_SUSPECT);
}

/* Of the two kinds of calibration, those that need a humidity come second. */
static void correct_all(struct source *source, struct report *report, bool by_humidity)
{
	double humidity = NAN;
	bool asked = false;

	for (size_t i = 0; i < report->count; i++) {
		const struct series *series =
			source_series(source, report->readings[i].metric, i);

		if (!series || !series->calibration ||
			(series->calibration->humidity != HUMIDITY_NONE) != by_humidity)
			continue;
		if (by_humidity && !asked)
			humidity = crosscheck_humidity(source, report);
		asked = by_humidity;
		correct(series, &report->readings[i], humidity);
	}
}

void calibrate_report(struct source *source, struct report *report)
{
	if (!source->corrects)
		return;
	correct_all(source, report, false);
	correct_all(source, report, true);
}
