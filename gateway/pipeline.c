#include "gateway/pipeline.h"

#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/metric.h"
#include "gateway/calibrate.h"
#include "gateway/gauge.h"
#include "gateway/indices.h"
#include "gateway/judge.h"
#include "gateway/memory.h"
#include "gateway/minutes.h"
#include "gateway/sources.h"
#include "store/aggregates.h"
#include "store/reports.h"
#include "store/state.h"
#include "web/air_read.h"

enum { STATE_MAX = 8 << 20 };

static const int64_t apart_ms = 60 * 1000; /* beyond it, the clock was set back */

struct pipeline {
	struct pipeline_settings settings;
	struct sources sources;
	struct minutes minutes;
};

/* --- sources ---------------------------------------------------------- */

static bool is_known_to_store(struct store *store, struct source *source)
{
	return store_join(store) == 0 &&
		store_source(store, source->station, source->sensor, &source->id) == 0;
}

static void take_relayed(void *arg, const void *bytes, size_t length)
{
	struct source *source = arg;

	(void)bytes;
	source->is_relayed = source->relayed_kept = length > 0;
}

/* Did another gateway make its station's index, when it was last heard? */
static int open_relayed(struct source *source)
{
	if (!source->store)
		return 0;
	return store_state_get(
		source->store, source->id, air_relayed, take_relayed, source);
}

static struct source *find_or_make(
	struct pipeline *pipeline, const char *station, const char *sensor)
{
	const struct pipeline_settings *settings = &pipeline->settings;
	struct source *source = sources_find(&pipeline->sources, station, sensor);

	if (source)
		return source;
	source = sources_add(&pipeline->sources, station, sensor);
	if (!source)
		return NULL;
	source->store = settings->store;
	source->is_index = strcmp(source->sensor, INDEX_SENSOR) == 0;
	if (settings->treat)
		settings->treat(settings->arg, source->station, source->sensor,
			&source->treatment);
	source->remembers = source->treatment.settle > 0;
	if (source->store && !is_known_to_store(source->store, source))
		return NULL; /* the whole pipeline is made anew after that */
	if (calibrate_prepare(source) < 0 || memory_open(source) < 0 ||
		open_relayed(source) < 0)
		return NULL;
	return source;
}

struct source *pipeline_source(struct pipeline *pipeline, const struct report *report)
{
	return find_or_make(pipeline, report->station, report->sensor);
}

int64_t source_id(const struct source *source)
{
	return source->id;
}

size_t *source_slot(struct source *source)
{
	return &source->slot;
}

bool source_meets_air(struct source *source, const struct report *report)
{
	if (source->met_air || source->is_index)
		return false;
	for (size_t i = 0; i < report->count && !source->met_air; i++) {
		const struct metric *metric = metric_by_id(report->readings[i].metric);

		source->met_air = metric && metric->hazard == HAZARD_AIR;
	}
	return source->met_air;
}

/* --- judging and counting --------------------------------------------- */

void pipeline_set_apart(struct source *source, struct report *report)
{
	int64_t behind_ms = source->last_ms - report->time_ms;

	if (behind_ms >= 0 && behind_ms < apart_ms &&
		!(report->marks & REPORT_DEVICE_TIME))
		report->time_ms = source->last_ms + 1;
	source->last_ms = report->time_ms;
	source->has_own_clock = report->marks & REPORT_DEVICE_TIME;
}

void pipeline_judge(
	struct pipeline *pipeline, struct source *source, struct report *report)
{
	(void)pipeline;
	judge_report(source, report);
}

bool pipeline_end_day(
	struct source *source, const struct report *report, struct report *end)
{
	return judge_is_of_its_time(report) && clock_is_plausible(report->time_ms) &&
		gauge_end_day(source, report, end);
}

static struct accumulator *find_minute(const struct series *series, int64_t end_ms)
{
	for (size_t m = 0; m < SOURCE_MINUTES; m++) {
		const struct accumulator *minute = &series->minutes[m];
		if (minute->count == 0 || minute->end_ms == end_ms)
			return (struct accumulator *)minute;
	}
	return NULL;
}

bool pipeline_has_room(const struct source *source, int64_t time_ms)
{
	int64_t end_ms = aggregate_minute_end(time_ms);

	/* The usual case: the same minute as the report before. */
	if (source->newest_minute_ms == end_ms)
		return true;
	for (size_t i = 0; i < source->count; i++)
		if (!find_minute(&source->series[i], end_ms))
			return false;
	return true;
}

void pipeline_count(struct source *source, const struct report *report)
{
	int64_t end_ms = aggregate_minute_end(report->time_ms);

	source->is_relayed = report->marks & REPORT_RELAYED;
	/* Its own indices are in the hours already. */
	if (!judge_is_of_its_time(report) || (source->is_index && !source->is_relayed))
		return;
	for (size_t i = 0; i < report->count; i++) {
		const struct reading *reading = &report->readings[i];
		struct series *series;

		if (reading_is_usable(report, reading) &&
			(series = source_series(source, reading->metric, i)))
			accumulator_add(
				find_minute(series, end_ms), end_ms, reading->value);
	}
	source->newest_minute_ms = end_ms;
}

/* --- keeping ----------------------------------------------------------- */

int pipeline_merge(struct pipeline *pipeline, int64_t last_id, int64_t now_ms)
{
	struct store *store = pipeline->settings.store;

	if (minutes_merge(&pipeline->minutes, &pipeline->sources, now_ms) < 0)
		return -1;
	return store ? store_set_mark(store, STORE_MERGED_ID, last_id) : 0;
}

int pipeline_index(struct pipeline *pipeline, int64_t now_ms)
{
	return pipeline->minutes.indices ? indices_make(pipeline->minutes.indices, now_ms)
					 : 0;
}

bool pipeline_index_is_due(const struct pipeline *pipeline, int64_t now_ms)
{
	return pipeline->minutes.indices &&
		indices_are_due(pipeline->minutes.indices, now_ms);
}

/* --- a clock that is set -------------------------------------------------- */

struct opening {
	struct pipeline *pipeline;
	bool failed;
};

/* Made, a source has what its quality control remembers. */
static void open_kept(void *arg, const char *station, const char *sensor)
{
	struct opening *opening = arg;

	if (!find_or_make(opening->pipeline, station, sensor))
		opening->failed = true;
}

static void open_kept_rain(void *arg, const char *station, const char *sensor)
{
	struct opening *opening = arg;
	struct source *source = find_or_make(opening->pipeline, station, sensor);

	if (source)
		gauge_open(source);
	else
		opening->failed = true;
}

/* What is kept in the store must change, too, also of sources not heard of lately. */
static int open_all_kept(struct pipeline *pipeline)
{
	struct opening opening = { .pipeline = pipeline };
	struct store *store = pipeline->settings.store;

	if (!store)
		return 0;
	/* The transaction first: see replay_stored(). */
	if (store_join(store) < 0 ||
		store_state_sources(store, "quality", open_kept, &opening) < 0 ||
		store_state_sources(store, "rain", open_kept_rain, &opening) < 0)
		return -1;
	return opening.failed ? -1 : 0;
}

static void shift_source(struct source *source, const struct clock_step *step)
{
	source->last_ms = clock_after_step(step, source->last_ms);
	quality_settling_shift(&source->settling, step->since_ms, step->by_ms);
	source->dirty = true;
	for (size_t i = 0; i < source->count; i++) {
		struct series *series = &source->series[i];
		series->newest_ms = clock_after_step(step, series->newest_ms);
		if (series->quality)
			quality_shift(series->quality, step->since_ms, step->by_ms);
	}
	gauge_shift(source, step);
}

int pipeline_shift(struct pipeline *pipeline, const struct clock_step *step)
{
	struct source *source = NULL;

	if (open_all_kept(pipeline) < 0)
		return -1;
	while ((source = sources_each(&pipeline->sources, source)))
		if (!source->has_own_clock)
			shift_source(source, step);
	return pipeline->minutes.indices
		? indices_begin_anew(pipeline->minutes.indices, clock_wall_ms())
		: 0;
}

static void forget_after(struct source *source, int64_t limit_ms)
{
	if (source->last_ms > limit_ms)
		source->last_ms = 0;
	if (source->settling.heard_ms > limit_ms)
		source->settling = (struct quality_settling){ .heard_ms = 0 };
	source->dirty = true;
	for (size_t i = 0; i < source->count; i++) {
		struct series *series = &source->series[i];
		if (series->newest_ms > limit_ms)
			series->newest_ms = 0;
		if (series->quality && series->quality->times[0] > limit_ms)
			*series->quality = (struct quality_state){ .count = 0 };
	}
	gauge_forget_after(source, limit_ms);
}

int pipeline_forget_after(struct pipeline *pipeline, int64_t limit_ms)
{
	struct source *source = NULL;

	if (open_all_kept(pipeline) < 0)
		return -1;
	while ((source = sources_each(&pipeline->sources, source)))
		forget_after(source, limit_ms);
	return pipeline->minutes.indices
		? indices_begin_anew(pipeline->minutes.indices, limit_ms)
		: 0;
}

/* --- beginning --------------------------------------------------------- */

struct replay {
	struct pipeline *pipeline;
	int64_t last_id;
	bool full, failed;
};

/* What a report stored but not yet merged has told before the restart. */
static bool replay_report(void *arg, const struct stored_report *stored)
{
	struct replay *replay = arg;
	struct report report = stored->report;
	struct source *source = pipeline_source(replay->pipeline, &report);

	if (!source) {
		replay->failed = true;
		return false;
	}
	if (!pipeline_has_room(source, report.time_ms)) {
		replay->full = true;
		return false;
	}
	pipeline_count(source, &report);
	source->last_ms = report.time_ms;
	source->has_own_clock = report.marks & REPORT_DEVICE_TIME;
	replay->last_id = stored->id;
	judge_replay(source, &report);
	return true;
}

static void wake_source(void *arg, const char *station, const char *sensor)
{
	struct replay *replay = arg;

	if (!find_or_make(replay->pipeline, station, sensor))
		replay->failed = true;
}

/*
 * In one transaction from the start, which the recorder goes on with: one begun in
 * the middle of the scan could find that somebody else has written meanwhile.
 */
static int replay_stored(struct pipeline *pipeline)
{
	struct store *store = pipeline->settings.store;
	struct replay replay = {
		.pipeline = pipeline,
		.last_id = store_mark(store, STORE_MERGED_ID),
	};
	enum { PORTION = 1000 };
	int count;

	/* Those that remember first: others of their stations are held against them. */
	if (store_join(store) < 0 ||
		store_state_sources(store, "quality", wake_source, &replay) < 0 ||
		replay.failed)
		return -1;
	do {
		replay.full = false;
		count = store_scan(
			store, replay.last_id, PORTION, replay_report, &replay);
		if (count < 0 || replay.failed)
			return -1;
		if (replay.full &&
			pipeline_merge(pipeline, replay.last_id, clock_wall_ms()) < 0)
			return -1;
	} while (count == PORTION || replay.full);
	return 0;
}

static bool open_indices(struct pipeline *pipeline)
{
	const struct pipeline_settings *settings = &pipeline->settings;
	struct indices_settings indices = {
		.store = settings->store,
		.config = settings->config,
		.keep = settings->keep_index,
		.arg = settings->index_arg,
	};

	if (!settings->keep_index)
		return true;
	pipeline->minutes.indices = indices_new(&indices);
	return pipeline->minutes.indices != NULL;
}

struct pipeline *pipeline_new(const struct pipeline_settings *settings)
{
	struct pipeline *pipeline = calloc(1, sizeof *pipeline);

	if (!pipeline ||
		(pipeline->settings = *settings, !sources_init(&pipeline->sources))) {
		log_error("out of memory");
		free(pipeline);
		return NULL;
	}
	pipeline->minutes.store = settings->store;
	pipeline->minutes.keep_ms = settings->keep_minutes_ms;
	buffer_init(&pipeline->minutes.bytes, STATE_MAX);
	if (!open_indices(pipeline)) {
		pipeline_free(pipeline);
		return NULL;
	}
	if (!settings->store)
		return pipeline;
	pipeline->minutes.hours_ms = store_mark(settings->store, STORE_HOURS_MS);
	if (replay_stored(pipeline) < 0) {
		log_error("%s", store_error(settings->store));
		pipeline_free(pipeline);
		return NULL;
	}
	return pipeline;
}

void pipeline_free(struct pipeline *pipeline)
{
	if (!pipeline)
		return;
	indices_free(pipeline->minutes.indices);
	sources_free(&pipeline->sources);
	buffer_free(&pipeline->minutes.bytes);
	free(pipeline);
}
