#include "store/latest.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Sources in the order they were first seen; SORTED has their numbers by name. */
struct latest {
	pthread_mutex_t mutex;
	struct stored **sources;
	size_t *sorted;
	size_t count, capacity;
};

/* As struct latest_source, with only as many values as there are metrics. */
struct stored {
	char station[NAME_SIZE];
	char sensor[NAME_SIZE];
	int64_t time_ms;
	uint64_t reports;
	uint8_t count, capacity;
	struct latest_value *values;
};

struct latest *latest_new(void)
{
	struct latest *latest = calloc(1, sizeof *latest);

	if (latest)
		pthread_mutex_init(&latest->mutex, NULL);
	return latest;
}

void latest_free(struct latest *latest)
{
	if (!latest)
		return;
	for (size_t i = 0; i < latest->count; i++) {
		free(latest->sources[i]->values);
		free(latest->sources[i]);
	}
	free(latest->sources);
	free(latest->sorted);
	pthread_mutex_destroy(&latest->mutex);
	free(latest);
}

static int compare(const struct stored *source, const char *station, const char *sensor)
{
	int order = strcmp(source->station, station);

	return order ? order : strcmp(source->sensor, sensor);
}

/* The first place in SORTED whose source does not come before the names. */
static size_t search(const struct latest *latest, const char *station, const char *sensor)
{
	size_t low = 0, high = latest->count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		const struct stored *source = latest->sources[latest->sorted[middle]];
		if (compare(source, station, sensor) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool grow(struct latest *latest)
{
	size_t capacity = latest->capacity ? latest->capacity * 2 : 16;

	if (latest->count < latest->capacity)
		return true;
	struct stored **sources =
		realloc(latest->sources, capacity * sizeof *latest->sources);
	if (!sources)
		return false;
	latest->sources = sources;
	size_t *sorted = realloc(latest->sorted, capacity * sizeof *latest->sorted);
	if (!sorted)
		return false;
	latest->sorted = sorted;
	latest->capacity = capacity;
	return true;
}

/* The slot (index + 1) of the names, made if need be; 0: memory is out. */
static size_t find_or_add(struct latest *latest, const struct report *report)
{
	size_t at = search(latest, report->station, report->sensor);

	if (at < latest->count) {
		size_t index = latest->sorted[at];
		if (compare(latest->sources[index], report->station, report->sensor) == 0)
			return index + 1;
	}
	struct stored *source = grow(latest) ? calloc(1, sizeof *source) : NULL;
	if (!source)
		return 0;
	memcpy(source->station, report->station, NAME_SIZE);
	memcpy(source->sensor, report->sensor, NAME_SIZE);
	latest->sources[latest->count] = source;
	memmove(latest->sorted + at + 1, latest->sorted + at,
		(latest->count - at) * sizeof *latest->sorted);
	latest->sorted[at] = latest->count++;
	return latest->count;
}

/* HINT: where it is likely to be, since a sensor's reports look alike. */
static struct latest_value *value_for(struct stored *source, uint16_t metric, size_t hint)
{
	if (hint < source->count && source->values[hint].reading.metric == metric)
		return &source->values[hint];
	for (size_t i = 0; i < source->count; i++)
		if (source->values[i].reading.metric == metric)
			return &source->values[i];
	if (source->count == READINGS_MAX)
		return NULL;
	if (source->count == source->capacity) {
		uint8_t capacity = (uint8_t)(source->capacity ? source->capacity * 2 : 6);
		struct latest_value *values =
			realloc(source->values, capacity * sizeof *values);
		if (!values)
			return NULL;
		source->values = values;
		source->capacity = capacity;
	}
	source->values[source->count] = (struct latest_value){ .time_ms = INT64_MIN };
	return &source->values[source->count++];
}

/* A late report does not replace a newer value. */
static bool is_late(const struct report *report, const struct latest_value *value)
{
	return report->time_ms < value->time_ms &&
		!((report->marks | value->marks) & REPORT_CLOCK_UNSET);
}

static void put_values(struct stored *source, const struct report *report)
{
	for (size_t i = 0; i < report->count; i++) {
		const struct reading *reading = &report->readings[i];
		struct latest_value *value = value_for(source, reading->metric, i);

		if (!value || is_late(report, value))
			continue;
		*value = (struct latest_value){
			.reading = *reading,
			.time_ms = report->time_ms,
			.marks = report->marks,
			.status = report->status,
		};
	}
	if (report->time_ms > source->time_ms)
		source->time_ms = report->time_ms;
	source->reports++;
}

size_t latest_put(struct latest *latest, size_t slot, const struct report *report)
{
	pthread_mutex_lock(&latest->mutex);
	if (slot == 0)
		slot = find_or_add(latest, report);
	if (slot > 0)
		put_values(latest->sources[slot - 1], report);
	pthread_mutex_unlock(&latest->mutex);
	return slot;
}

void latest_shift(struct latest *latest, const struct clock_step *step)
{
	pthread_mutex_lock(&latest->mutex);
	for (size_t i = 0; i < latest->count; i++) {
		struct stored *source = latest->sources[i];

		source->time_ms = clock_after_step(step, source->time_ms);
		for (size_t v = 0; v < source->count; v++)
			if (!(source->values[v].marks & REPORT_DEVICE_TIME))
				source->values[v].time_ms =
					clock_after_step(step, source->values[v].time_ms);
	}
	pthread_mutex_unlock(&latest->mutex);
}

static bool copy_source(
	const struct latest *latest, size_t at, struct latest_source *copy)
{
	pthread_mutex_lock((pthread_mutex_t *)&latest->mutex);
	bool exists = at < latest->count;
	if (exists) {
		const struct stored *source = latest->sources[latest->sorted[at]];
		memcpy(copy->station, source->station, NAME_SIZE);
		memcpy(copy->sensor, source->sensor, NAME_SIZE);
		copy->time_ms = source->time_ms;
		copy->reports = source->reports;
		copy->count = source->count;
		if (source->count > 0)
			memcpy(copy->values, source->values,
				source->count * sizeof *source->values);
	}
	pthread_mutex_unlock((pthread_mutex_t *)&latest->mutex);
	return exists;
}

/*
 * A source that is added meanwhile moves the others one place on: one may then
 * be seen twice, none is missed.
 */
void latest_each(const struct latest *latest,
	bool (*each)(void *arg, const struct latest_source *source), void *arg)
{
	struct latest_source copy;

	for (size_t at = 0; copy_source(latest, at, &copy); at++)
		if (!each(arg, &copy))
			return;
}

/* What is asked for, and the newest so far. */
struct newest {
	const char *station;
	uint16_t metric;
	int64_t time_ms;
};

static bool look_at(void *arg, const struct latest_source *source)
{
	struct newest *newest = arg;

	if (strcmp(source->station, newest->station) != 0)
		return true;
	for (size_t i = 0; i < source->count; i++) {
		const struct latest_value *value = &source->values[i];

		if (value->reading.metric == newest->metric &&
			value->reading.flag <= FLAG_SUSPECT &&
			value->status == STATUS_MEASURING &&
			!(value->marks & REPORT_RETAINED) &&
			value->time_ms > newest->time_ms)
			newest->time_ms = value->time_ms;
	}
	return true;
}

int64_t latest_time_of(const struct latest *latest, const char *station, uint16_t metric)
{
	struct newest newest = { .station = station, .metric = metric };

	latest_each(latest, look_at, &newest);
	return newest.time_ms;
}

size_t latest_count(const struct latest *latest)
{
	pthread_mutex_lock((pthread_mutex_t *)&latest->mutex);
	size_t count = latest->count;
	pthread_mutex_unlock((pthread_mutex_t *)&latest->mutex);
	return count;
}
