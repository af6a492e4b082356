#include "web/sta_model.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const sta_sets[STA_KINDS] = { "Things", "Locations", "HistoricalLocations",
	"Datastreams", "Sensors", "ObservedProperties", "Observations",
	"FeaturesOfInterest" };

static const struct sta_way ways[] = {
	{ STA_THINGS, "Locations", STA_LOCATIONS, true },
	{ STA_THINGS, "HistoricalLocations", STA_HISTORICAL_LOCATIONS, true },
	{ STA_THINGS, "Datastreams", STA_DATASTREAMS, true },
	{ STA_LOCATIONS, "Things", STA_THINGS, true },
	{ STA_LOCATIONS, "HistoricalLocations", STA_HISTORICAL_LOCATIONS, true },
	{ STA_DATASTREAMS, "Thing", STA_THINGS, false },
	{ STA_DATASTREAMS, "Sensor", STA_SENSORS, false },
	{ STA_DATASTREAMS, "ObservedProperty", STA_OBSERVED_PROPERTIES, false },
	{ STA_DATASTREAMS, "Observations", STA_OBSERVATIONS, true },
	{ STA_SENSORS, "Datastreams", STA_DATASTREAMS, true },
	{ STA_OBSERVED_PROPERTIES, "Datastreams", STA_DATASTREAMS, true },
	{ STA_OBSERVATIONS, "Datastream", STA_DATASTREAMS, false },
	{ STA_OBSERVATIONS, "FeatureOfInterest", STA_FEATURES, false },
	{ STA_FEATURES, "Observations", STA_OBSERVATIONS, true },
};
enum { WAYS = sizeof ways / sizeof *ways };

/* --- making ---------------------------------------------------------------------------
 */

/* Room for one more item of SIZE in ITEMS. False: memory is out. */
static bool grow(
	struct sta_model *model, void *items, size_t count, size_t *room, size_t size)
{
	void **at = items;

	if (count < *room)
		return true;
	size_t more = *room ? *room * 2 : 64;
	void *bigger = realloc(*at, more * size);
	if (!bigger) {
		model->failed = true;
		return false;
	}
	*at = bigger;
	*room = more;
	return true;
}

static void add_station(struct sta_model *model, const struct station *station)
{
	if (grow(model, &model->stations, model->station_count, &model->station_room,
		    sizeof *model->stations))
		model->stations[model->station_count++] = *station;
}

static void note_station(void *arg, const struct station *station)
{
	add_station(arg, station);
}

struct making {
	struct sta_model *model;
	const struct gateway_view *view;
	char last[NAME_SIZE];
};

/* Stations of which something was heard, but that are not in the directory. */
static bool note_heard(void *arg, const struct latest_source *source)
{
	struct making *making = arg;
	struct station station;

	if (strcmp(making->last, source->station) == 0)
		return true;
	memcpy(making->last, source->station, NAME_SIZE);
	if (!directory_find(making->view->directory, source->station, &station))
		add_station(making->model, &station);
	return true;
}

static int compare_stations(const void *a, const void *b)
{
	return strcmp(((const struct station *)a)->id, ((const struct station *)b)->id);
}

static size_t find_station(const struct sta_model *model, const char *id)
{
	struct station key;

	if (strlen(id) >= sizeof key.id || model->station_count == 0)
		return model->station_count;
	snprintf(key.id, sizeof key.id, "%s", id);
	const struct station *found = bsearch(&key, model->stations, model->station_count,
		sizeof key, compare_stations);
	return found ? (size_t)(found - model->stations) : model->station_count;
}

static size_t find_property(struct sta_model *model, const struct metric *metric)
{
	for (size_t i = 0; i < model->property_count; i++)
		if (model->properties[i] == metric)
			return i;
	if (grow(model, &model->properties, model->property_count, &model->property_room,
		    sizeof *model->properties))
		model->properties[model->property_count++] = metric;
	return model->property_count - 1;
}

static bool note_source(void *arg, const struct latest_source *source)
{
	struct sta_model *model = arg;
	size_t station = find_station(model, source->station);

	if (station == model->station_count ||
		!grow(model, &model->sensors, model->sensor_count, &model->sensor_room,
			sizeof *model->sensors))
		return !model->failed;
	struct sta_sensor *sensor = &model->sensors[model->sensor_count++];
	sensor->station = station;
	memcpy(sensor->name, source->sensor, NAME_SIZE);
	for (size_t i = 0; i < source->count && !model->failed; i++) {
		const struct metric *metric =
			metric_by_id(source->values[i].reading.metric);
		if (!metric ||
			!grow(model, &model->streams, model->stream_count,
				&model->stream_room, sizeof *model->streams))
			continue;
		model->streams[model->stream_count++] = (struct sta_stream){
			.sensor = model->sensor_count - 1,
			.property = find_property(model, metric),
			.newest = source->values[i],
		};
	}
	return !model->failed;
}

bool sta_model_make(struct sta_model *model, const struct gateway_view *view)
{
	struct making making = { .model = model, .view = view };

	*model = (struct sta_model){ .failed = false };
	directory_each(view->directory, note_station, model);
	latest_each(view->latest, note_heard, &making);
	if (model->station_count > 0)
		qsort(model->stations, model->station_count, sizeof *model->stations,
			compare_stations);
	latest_each(view->latest, note_source, model);
	return !model->failed;
}

void sta_model_free(struct sta_model *model)
{
	free(model->stations);
	free(model->sensors);
	free(model->streams);
	free(model->properties);
}

/* --- looking up -----------------------------------------------------------------------
 */

size_t sta_count(const struct sta_model *model, enum sta_kind kind)
{
	switch (kind) {
	case STA_THINGS:
	case STA_LOCATIONS:
	case STA_FEATURES:
		return model->station_count;
	case STA_DATASTREAMS:
		return model->stream_count;
	case STA_SENSORS:
		return model->sensor_count;
	case STA_OBSERVED_PROPERTIES:
		return model->property_count;
	default:
		return 0;
	}
}

static bool has_stream(enum sta_kind kind)
{
	return kind == STA_DATASTREAMS || kind == STA_OBSERVATIONS;
}

const struct sta_stream *sta_stream_of(
	const struct sta_model *model, const struct sta_entity *entity)
{
	return has_stream(entity->kind) ? &model->streams[entity->index] : NULL;
}

const struct sta_sensor *sta_sensor_of(
	const struct sta_model *model, const struct sta_entity *entity)
{
	const struct sta_stream *stream = sta_stream_of(model, entity);

	if (stream)
		return &model->sensors[stream->sensor];
	return entity->kind == STA_SENSORS ? &model->sensors[entity->index] : NULL;
}

const struct station *sta_station_of(
	const struct sta_model *model, const struct sta_entity *entity)
{
	const struct sta_sensor *sensor = sta_sensor_of(model, entity);

	if (sensor)
		return &model->stations[sensor->station];
	return entity->kind == STA_OBSERVED_PROPERTIES ? NULL
						       : &model->stations[entity->index];
}

const struct metric *sta_metric_of(
	const struct sta_model *model, const struct sta_entity *entity)
{
	const struct sta_stream *stream = sta_stream_of(model, entity);

	if (stream)
		return model->properties[stream->property];
	return entity->kind == STA_OBSERVED_PROPERTIES ? model->properties[entity->index]
						       : NULL;
}

enum aggregate_step sta_step_of(
	const struct sta_model *model, const struct sta_entity *entity)
{
	return strcmp(sta_sensor_of(model, entity)->name, INDEX_SENSOR) == 0
		? AGGREGATE_HOUR
		: AGGREGATE_MINUTE;
}

void sta_id(const struct sta_model *model, const struct sta_entity *entity,
	char id[static STA_ID_SIZE])
{
	const struct station *station = sta_station_of(model, entity);
	const struct sta_sensor *sensor = sta_sensor_of(model, entity);
	const struct metric *metric = sta_metric_of(model, entity);

	if (entity->kind == STA_OBSERVATIONS)
		snprintf(id, STA_ID_SIZE, "%s:%s:%.60s:%" PRId64, station->id,
			sensor->name, metric->name, entity->row.end_ms);
	else if (entity->kind == STA_DATASTREAMS)
		snprintf(id, STA_ID_SIZE, "%s:%s:%.60s", station->id, sensor->name,
			metric->name);
	else if (entity->kind == STA_SENSORS)
		snprintf(id, STA_ID_SIZE, "%s:%s", station->id, sensor->name);
	else
		snprintf(id, STA_ID_SIZE, "%s", station ? station->id : metric->name);
}

/* Cuts ":end" off ID. */
static bool cut_end(const char *id, char stream[static STA_ID_SIZE], int64_t *end_ms)
{
	const char *colon = strrchr(id, ':');
	char *rest;

	if (!colon || colon[1] < '0' || colon[1] > '9' || colon - id >= STA_ID_SIZE)
		return false;
	*end_ms = strtoll(colon + 1, &rest, 10);
	memcpy(stream, id, (size_t)(colon - id));
	stream[colon - id] = '\0';
	return *rest == '\0';
}

bool sta_find(const struct sta_model *model, enum sta_kind kind, const char *id,
	struct sta_entity *entity, int64_t *end_ms)
{
	char wanted[STA_ID_SIZE], own[STA_ID_SIZE];

	*end_ms = 0;
	*entity = (struct sta_entity){ .kind = kind };
	if (kind == STA_OBSERVATIONS) {
		if (!cut_end(id, wanted, end_ms))
			return false;
		entity->kind = STA_DATASTREAMS;
	} else {
		snprintf(wanted, sizeof wanted, "%s", id);
	}
	for (; entity->index < sta_count(model, entity->kind); entity->index++) {
		const struct station *station = sta_station_of(model, entity);
		/* Most differ in what they begin with. */
		if (station && strncmp(station->id, wanted, strlen(station->id)) != 0)
			continue;
		sta_id(model, entity, own);
		if (strcmp(own, wanted) != 0)
			continue;
		entity->kind = kind;
		return kind != STA_LOCATIONS ||
			isfinite(model->stations[entity->index].latitude);
	}
	return false;
}

/* --- ways -----------------------------------------------------------------------------
 */

const struct sta_way *sta_way_find(enum sta_kind kind, const char *name)
{
	for (size_t i = 0; i < WAYS; i++)
		if (ways[i].from == kind && strcmp(ways[i].name, name) == 0)
			return &ways[i];
	return NULL;
}

const struct sta_way *sta_way_next(enum sta_kind kind, const struct sta_way *way)
{
	for (way = way ? way + 1 : ways; way < ways + WAYS; way++)
		if (way->from == kind)
			return way;
	return NULL;
}

bool sta_leads_to(const struct sta_model *model, const struct sta_entity *of,
	const struct sta_way *way, const struct sta_entity *entity)
{
	if (way->to == STA_LOCATIONS &&
		!isfinite(model->stations[entity->index].latitude))
		return false;
	if (of->kind == STA_OBSERVED_PROPERTIES)
		return sta_metric_of(model, of) == sta_metric_of(model, entity);
	if (way->to == STA_OBSERVED_PROPERTIES)
		return sta_metric_of(model, of) == sta_metric_of(model, entity);
	if (of->kind == STA_SENSORS || way->to == STA_SENSORS)
		return sta_sensor_of(model, of) == sta_sensor_of(model, entity);
	if (way->to == STA_DATASTREAMS && of->kind == STA_OBSERVATIONS)
		return of->index == entity->index;
	return sta_station_of(model, of) == sta_station_of(model, entity);
}

/* The first stream of a station that is not before STATION. */
static size_t first_stream(const struct sta_model *model, size_t station)
{
	size_t low = 0, high = model->stream_count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		if (model->sensors[model->streams[middle].sensor].station < station)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void sta_range(const struct sta_model *model, const struct sta_entity *of,
	const struct sta_way *way, size_t *first, size_t *last)
{
	const struct station *station = sta_station_of(model, of);

	*first = 0;
	*last = sta_count(model, way->to);
	if (!station)
		return;
	size_t index = (size_t)(station - model->stations);
	if (way->to == STA_DATASTREAMS) {
		*first = first_stream(model, index);
		*last = first_stream(model, index + 1);
	} else if (way->to == STA_THINGS || way->to == STA_LOCATIONS ||
		way->to == STA_FEATURES) {
		*first = index;
		*last = index + 1;
	}
}
