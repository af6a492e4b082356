/*
 * The gateway as SensorThings sees it, made for one request of what is in memory:
 *
 *   Thing, Location, FeatureOfInterest   a station; id: the station's
 *   Sensor                               a station's sensor; id: "station:sensor"
 *   Datastream                           a series; id: "station:sensor:metric"
 *   ObservedProperty                     a metric; id: its name
 *   Observation                          a minute of a series (an hour of the sensor
 *                                        "index"); id: "station:sensor:metric:end", the
 *                                        end in ms since 1970
 *
 * Ids never change. Stations do not move: there are no HistoricalLocations. Observations
 * are minutes because those are kept by series and for years, and raw readings are not;
 * the newest raw reading stands in its Datastream's properties.
 */
#ifndef MUABUI_WEB_STA_MODEL_H
#define MUABUI_WEB_STA_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/metric.h"
#include "store/aggregates.h"
#include "store/directory.h"
#include "store/latest.h"
#include "web/sta_query.h"
#include "web/view.h"

enum sta_kind {
	STA_THINGS,
	STA_LOCATIONS,
	STA_HISTORICAL_LOCATIONS,
	STA_DATASTREAMS,
	STA_SENSORS,
	STA_OBSERVED_PROPERTIES,
	STA_OBSERVATIONS,
	STA_FEATURES,
	STA_KINDS,
};

extern const char *const sta_sets[STA_KINDS]; /* "Things", … */

struct sta_sensor {
	size_t station;
	char name[NAME_SIZE];
};

struct sta_stream {
	size_t sensor;
	size_t property;
	struct latest_value newest;
};

/* What belongs to one station lies together. */
struct sta_model {
	struct station *stations; /* by id */
	size_t station_count, station_room;
	struct sta_sensor *sensors;
	size_t sensor_count, sensor_room;
	struct sta_stream *streams;
	size_t stream_count, stream_room;
	const struct metric **properties; /* in the order they were met */
	size_t property_count, property_room;
	bool failed; /* memory is out */
};

/* True unless memory is out; sta_model_free() is due in any case. */
bool sta_model_make(struct sta_model *model, const struct gateway_view *view);
void sta_model_free(struct sta_model *model);

/* One thing: the number INDEX of its kind; of an observation that of its stream. */
struct sta_entity {
	enum sta_kind kind;
	size_t index;
	struct aggregate row; /* of an observation */
};

/* How many there are of KIND (observations: 0, they are in the store). */
size_t sta_count(const struct sta_model *model, enum sta_kind kind);

const struct sta_stream *sta_stream_of(
	const struct sta_model *model, const struct sta_entity *entity);
const struct sta_sensor *sta_sensor_of(
	const struct sta_model *model, const struct sta_entity *entity);
const struct station *sta_station_of(
	const struct sta_model *model, const struct sta_entity *entity);
const struct metric *sta_metric_of(
	const struct sta_model *model, const struct sta_entity *entity);

/* Minutes, or hours for the sensor "index". */
enum aggregate_step sta_step_of(
	const struct sta_model *model, const struct sta_entity *entity);

void sta_id(const struct sta_model *model, const struct sta_entity *entity,
	char id[static STA_ID_SIZE]);

/* The entity ID of KIND, but an observation: of that the stream, and *END_MS. False:
 * there is none. */
bool sta_find(const struct sta_model *model, enum sta_kind kind, const char *id,
	struct sta_entity *entity, int64_t *end_ms);

/* A way from entities of one kind to those of another. */
struct sta_way {
	enum sta_kind from;
	const char *name; /* "Thing", "Datastreams" */
	enum sta_kind to;
	bool is_many;
};

/* The way NAME from KIND, or NULL. */
const struct sta_way *sta_way_find(enum sta_kind kind, const char *name);
/* The ways from KIND in turn, WAY NULL at first; NULL after the last. */
const struct sta_way *sta_way_next(enum sta_kind kind, const struct sta_way *way);

/* Does WAY lead from OF to ENTITY? Not for observations. */
bool sta_leads_to(const struct sta_model *model, const struct sta_entity *of,
	const struct sta_way *way, const struct sta_entity *entity);

/* [*FIRST, *LAST): where the entities lie that WAY leads to from OF. */
void sta_range(const struct sta_model *model, const struct sta_entity *of,
	const struct sta_way *way, size_t *first, size_t *last);

#endif
