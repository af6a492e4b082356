#include "gateway/memory.h"

#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "core/metric.h"
#include "gateway/judge.h"
#include "store/state.h"

enum { VERSION = 1 };

/* Of this machine only: the file stays with the box that wrote it. */
struct saved {
	uint32_t version;
	uint32_t was_calibrated;
	struct quality_settling settling;
	uint64_t count; /* of what follows */
};

struct saved_series {
	uint64_t metric;
	struct quality_state quality;
	int64_t newest_ms;
	double value, raw;
	uint64_t flag;
};

static void take_series(struct source *source, const struct saved_series *saved)
{
	struct series *series = source_series(source, (uint16_t)saved->metric, 0);

	if (!series)
		return;
	judge_prepare(source, series);
	if (series->quality)
		*series->quality = saved->quality;
	series->newest_ms = saved->newest_ms;
	series->newest = (struct reading){
		.value = saved->value,
		.raw = saved->raw,
		.metric = series->metric,
		.flag = (uint8_t)saved->flag,
	};
}

static void take(void *arg, const void *bytes, size_t length)
{
	struct source *source = arg;
	struct saved saved;
	struct saved_series series;

	if (length < sizeof saved ||
		(memcpy(&saved, bytes, sizeof saved), saved.version != VERSION) ||
		saved.count > length / sizeof series ||
		length != sizeof saved + saved.count * sizeof series) {
		log_warning("%s/%s: what its quality control remembers is not readable; "
			    "it begins anew",
			source->station, source->sensor);
		return;
	}
	source->settling = saved.settling;
	source->was_calibrated = saved.was_calibrated;
	for (uint64_t i = 0; i < saved.count; i++) {
		memcpy(&series, (const char *)bytes + sizeof saved + i * sizeof series,
			sizeof series);
		if (series.quality.count <= 2)
			take_series(source, &series);
	}
}

int memory_open(struct source *source)
{
	if (!source->store)
		return 0;
	return store_state_get(source->store, source->id, "quality", take, source);
}

static bool has_neighbours(const struct source *source)
{
	return source->neighbour != source;
}

/* Sums and intensities of rain are said anew after a start, whether they changed or not.
 */
static bool is_said_anew(uint16_t metric)
{
	return metric >= METRIC_RAIN_RATE && metric <= METRIC_RAIN_DAY;
}

/* What its own next value, or another sensor's, will be held against. */
static bool is_worth(const struct source *source, const struct series *series)
{
	return series->newest_ms > 0 && !is_said_anew(series->metric) &&
		(series->quality || has_neighbours(source));
}

static int by_metric(const void *a, const void *b)
{
	const struct saved_series *x = a, *y = b;

	return x->metric < y->metric ? -1 : x->metric > y->metric;
}

int memory_save(struct source *source, struct buffer *bytes)
{
	struct saved saved = {
		.version = VERSION,
		.was_calibrated = source->was_calibrated,
		.settling = source->settling,
	};

	/* Of a gauge too: for which time does its next reading stand? */
	if (!source->dirty ||
		!(source->remembers || source->gauge || has_neighbours(source)))
		return 0;
	buffer_clear(bytes);
	buffer_append(bytes, &saved, sizeof saved);
	for (size_t i = 0; i < source->count; i++) {
		const struct series *series = &source->series[i];
		struct saved_series entry;

		if (!is_worth(source, series))
			continue;
		memset(&entry, 0, sizeof entry);
		entry.metric = series->metric;
		if (series->quality)
			entry.quality = *series->quality;
		entry.newest_ms = series->newest_ms;
		entry.value = series->newest.value;
		entry.raw = series->newest.raw;
		entry.flag = series->newest.flag;
		buffer_append(bytes, &entry, sizeof entry);
		saved.count++;
	}
	if (bytes->failed)
		return 0; /* too large to keep: it begins anew after a restart */
	memcpy(bytes->data, &saved, sizeof saved);
	/* The same memory is the same bytes, whichever series was seen first. */
	qsort(bytes->data + sizeof saved, saved.count, sizeof(struct saved_series),
		by_metric);
	source->dirty = false;
	return store_state_set(
		source->store, source->id, "quality", bytes->data, bytes->length);
}
