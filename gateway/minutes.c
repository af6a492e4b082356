#include "gateway/minutes.h"

#include "core/clock.h"
#include "gateway/gauge.h"
#include "gateway/memory.h"
#include "store/aggregates.h"
#include "store/state.h"
#include "web/air_read.h"

static const int64_t hour_ms = 60 * 60 * 1000;

/* What another gateway says of an hour is the hour, and takes the place of another. */
static int merge_index(
	struct store *store, int64_t source, uint16_t metric, struct accumulator *minute)
{
	int64_t hour_ms_end = aggregate_hour_end(minute->end_ms);
	double value = minute->sum / minute->count;

	*minute = (struct accumulator){ 0 };
	return aggregates_put_hour(store, source, metric, hour_ms_end, value);
}

/* The hour of MINUTE is made already: makes it again, or adds to it when it is old. */
static int merge_late(const struct minutes *minutes, int64_t source, uint16_t metric,
	struct accumulator *minute, int64_t now_ms)
{
	int64_t end_ms = aggregate_hour_end(minute->end_ms);

	if (minutes->keep_ms > 0 && end_ms - hour_ms < now_ms - minutes->keep_ms)
		return aggregates_add_to_hour(minutes->store, source, metric, minute);
	if (aggregates_merge(minutes->store, source, metric, minute) < 0)
		return -1;
	return aggregates_make_hours(
		minutes->store, source, metric, end_ms - hour_ms, end_ms);
}

static int merge_minute(const struct minutes *minutes, const struct source *source,
	struct series *series, struct accumulator *minute, int64_t now_ms)
{
	struct store *store = minutes->store;
	uint16_t metric = series->metric;

	if (minutes->indices && !source->is_relayed &&
		indices_take(minutes->indices, source->station, source->sensor, metric,
			minute) < 0)
		return -1;
	if (!store) {
		*minute = (struct accumulator){ 0 };
		return 0;
	}
	if (source->is_index)
		return merge_index(store, source->id, metric, minute);
	if (minute->end_ms <= minutes->hours_ms)
		return merge_late(minutes, source->id, metric, minute, now_ms);
	if (minute->end_ms > series->unmade_ms)
		series->unmade_ms = minute->end_ms;
	return aggregates_merge(store, source->id, metric, minute);
}

static int merge_source(struct minutes *minutes, struct source *source, int64_t now_ms)
{
	source->newest_minute_ms = 0;
	for (size_t i = 0; i < source->count; i++) {
		struct series *series = &source->series[i];

		for (size_t m = 0; m < SOURCE_MINUTES; m++)
			if (series->minutes[m].count > 0 &&
				merge_minute(minutes, source, series, &series->minutes[m],
					now_ms) < 0)
				return -1;
	}
	if (!minutes->store)
		return 0;
	if (source->is_relayed != source->relayed_kept) {
		if (store_state_set(source->store, source->id, air_relayed, "1",
			    source->is_relayed) < 0)
			return -1;
		source->relayed_kept = source->is_relayed;
	}
	if (memory_save(source, &minutes->bytes) < 0)
		return -1;
	return gauge_save(source, &minutes->bytes);
}

/* The hours up to OVER_MS of all series of SOURCE that have minutes in them. */
static int make_hours(
	const struct minutes *minutes, const struct source *source, int64_t over_ms)
{
	for (size_t i = 0; i < source->count; i++) {
		struct series *series = &source->series[i];

		if (series->unmade_ms == 0)
			continue;
		if (minutes->knows_series &&
			aggregates_make_hours(minutes->store, source->id, series->metric,
				minutes->hours_ms, over_ms) < 0)
			return -1;
		if (series->unmade_ms <= over_ms)
			series->unmade_ms = 0;
	}
	return 0;
}

static int make_all_hours(
	struct minutes *minutes, const struct sources *sources, int64_t over_ms)
{
	struct source *source = NULL;

	/* Minutes merged before the start are known to nobody: all are asked, once. */
	if (!minutes->knows_series &&
		aggregates_make_all_hours(minutes->store, minutes->hours_ms, over_ms) < 0)
		return -1;
	while ((source = sources_each(sources, source)))
		if (make_hours(minutes, source, over_ms) < 0)
			return -1;
	if (store_set_mark(minutes->store, STORE_HOURS_MS, over_ms) < 0)
		return -1;
	minutes->knows_series = true;
	minutes->hours_ms = over_ms;
	return 0;
}

int minutes_merge(struct minutes *minutes, const struct sources *sources, int64_t now_ms)
{
	/* The end of the last hour that is over. */
	int64_t over_ms = aggregate_hour_end(now_ms) - hour_ms;
	struct source *source = NULL;

	while ((source = sources_each(sources, source)))
		if (merge_source(minutes, source, now_ms) < 0)
			return -1;
	if (!minutes->store || over_ms <= minutes->hours_ms ||
		!clock_is_plausible(now_ms))
		return 0;
	return make_all_hours(minutes, sources, over_ms);
}
