#include "web/sta_entity.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/number.h"
#include "web/series.h"
#include "web/words.h"

static const char geo_json[] = "application/geo+json";
static const char measurement[] =
	"http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement";

enum { DIGITS = 6 };

/* --- names ----------------------------------------------------------------------------
 */

bool sta_name_of(const struct sta_model *model, const struct sta_entity *entity,
	char out[static STA_ID_SIZE])
{
	const struct station *station = sta_station_of(model, entity);
	const struct metric *metric = sta_metric_of(model, entity);

	switch (entity->kind) {
	case STA_OBSERVATIONS:
		return false;
	case STA_DATASTREAMS:
		snprintf(out, STA_ID_SIZE, "%.60s, %s", metric->name, station->name);
		break;
	case STA_SENSORS:
		snprintf(out, STA_ID_SIZE, "%s", sta_sensor_of(model, entity)->name);
		break;
	case STA_OBSERVED_PROPERTIES:
		snprintf(out, STA_ID_SIZE, "%s", metric->name);
		break;
	default:
		snprintf(out, STA_ID_SIZE, "%s", station->name);
	}
	return true;
}

bool sta_description_of(const struct sta_model *model, const struct sta_entity *entity,
	char out[static STA_ID_SIZE])
{
	const struct station *station = sta_station_of(model, entity);
	const struct metric *metric = sta_metric_of(model, entity);

	switch (entity->kind) {
	case STA_OBSERVATIONS:
		return false;
	case STA_DATASTREAMS:
		snprintf(out, STA_ID_SIZE, "%.60s by %s at %s, by %s",
			words_metric(metric, WORDS_EN),
			sta_sensor_of(model, entity)->name, station->id,
			sta_step_of(model, entity) == AGGREGATE_HOUR ? "hours"
								     : "minutes");
		break;
	case STA_SENSORS:
		snprintf(out, STA_ID_SIZE, "Sensor %s of the station %s",
			sta_sensor_of(model, entity)->name, station->id);
		break;
	case STA_OBSERVED_PROPERTIES:
		snprintf(out, STA_ID_SIZE, "%s", words_metric(metric, WORDS_EN));
		break;
	case STA_THINGS:
		snprintf(out, STA_ID_SIZE, "Station %s", station->id);
		break;
	default:
		snprintf(out, STA_ID_SIZE, "Where the station %s stands", station->id);
	}
	return true;
}

double sta_result_of(const struct sta_model *model, const struct sta_entity *entity)
{
	const struct aggregate *row = &entity->row;
	enum series_kind kind = series_kind_of(sta_metric_of(model, entity)->id);

	if (row->count == 0 || kind == SERIES_NONE)
		return NAN;
	return kind == SERIES_SUM    ? row->sum
		: kind == SERIES_MAX ? row->max
				     : row->sum / (double)row->count;
}

/* --- properties -----------------------------------------------------------------------
 */

/* UCUM codes of our units; NULL: it has none. */
static const char *ucum(const char *unit)
{
	static const char *const codes[][2] = {
		{ "µg/m³", "ug/m3" },
		{ "°C", "Cel" },
		{ "%", "%" },
		{ "hPa", "hPa" },
		{ "mm", "mm" },
		{ "mm/h", "mm/h" },
		{ "m/s", "m/s" },
		{ "°", "deg" },
		{ "ppm", "[ppm]" },
		{ "ppb", "[ppb]" },
		{ "dB", "dB" },
		{ "W/m²", "W/m2" },
		{ "lx", "lx" },
		{ "V", "V" },
	};

	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		if (strcmp(codes[i][0], unit) == 0)
			return codes[i][1];
	return NULL;
}

static void put_point(struct json *json, const char *key, const struct station *station)
{
	if (!isfinite(station->latitude)) {
		json_null(json, key);
		return;
	}
	json_object(json, key);
	json_string(json, "type", "Point");
	json_array(json, "coordinates");
	json_number(json, NULL, station->longitude);
	json_number(json, NULL, station->latitude);
	json_end_array(json);
	json_end_object(json);
}

static void put_thing(struct json *json, const struct station *station,
	const struct sta_options *options)
{
	if (!sta_query_selects(options, "properties"))
		return;
	json_object(json, "properties");
	json_string(json, "area", station->area[0] ? station->area : NULL);
	json_bool(json, "indicative", station->indicative);
	json_end_object(json);
}

static void put_place(struct json *json, const struct sta_entity *entity,
	const struct station *station, const struct sta_options *options)
{
	const char *key = entity->kind == STA_LOCATIONS ? "location" : "feature";

	if (sta_query_selects(options, "encodingType"))
		json_string(json, "encodingType", geo_json);
	if (sta_query_selects(options, key))
		put_point(json, key, station);
}

static void put_newest(struct json *json, const struct latest_value *newest)
{
	json_object(json, "newest");
	json_time(json, "time", newest->time_ms, VIEW_OFFSET_MINUTES);
	json_number(json, "value", newest->reading.value);
	json_integer(json, "flag", newest->reading.flag);
	json_integer(json, "status", newest->status);
	json_end_object(json);
}

static void put_stream(struct json *json, const struct sta_model *model,
	const struct sta_entity *entity, const struct sta_options *options)
{
	const struct metric *metric = sta_metric_of(model, entity);
	const char *code = ucum(metric->unit);
	char definition[64];

	if (sta_query_selects(options, "observationType"))
		json_string(json, "observationType", measurement);
	if (sta_query_selects(options, "unitOfMeasurement")) {
		json_object(json, "unitOfMeasurement");
		json_string(json, "name", *metric->unit ? metric->unit : NULL);
		json_string(json, "symbol", *metric->unit ? metric->unit : NULL);
		snprintf(definition, sizeof definition, "ucum:%s", code ? code : "");
		json_string(json, "definition", code ? definition : NULL);
		json_end_object(json);
	}
	if (!sta_query_selects(options, "properties"))
		return;
	json_object(json, "properties");
	json_string(json, "aggregate", series_kind_name(series_kind_of(metric->id)));
	put_newest(json, &sta_stream_of(model, entity)->newest);
	json_end_object(json);
}

static void put_sensor(struct json *json, const struct sta_model *model,
	const struct sta_entity *entity, const struct sta_options *options)
{
	if (sta_query_selects(options, "encodingType"))
		json_string(json, "encodingType", "text/plain");
	if (sta_query_selects(options, "metadata"))
		json_string(json, "metadata", sta_sensor_of(model, entity)->name);
}

static void put_observation(struct json *json, const struct sta_model *model,
	const struct sta_entity *entity, const struct sta_options *options)
{
	const struct aggregate *row = &entity->row;
	bool is_hour = sta_step_of(model, entity) == AGGREGATE_HOUR;
	char from[CLOCK_TEXT_SIZE], to[CLOCK_TEXT_SIZE], text[2 * CLOCK_TEXT_SIZE];
	double result = sta_result_of(model, entity);

	clock_format(
		from, row->end_ms - (is_hour ? 3600000 : 60000), VIEW_OFFSET_MINUTES);
	clock_format(to, row->end_ms, VIEW_OFFSET_MINUTES);
	if (sta_query_selects(options, "phenomenonTime")) {
		snprintf(text, sizeof text, "%s/%s", from, to);
		json_string(json, "phenomenonTime", text);
	}
	if (sta_query_selects(options, "resultTime"))
		json_string(json, "resultTime", to);
	if (sta_query_selects(options, "result"))
		json_number(json, "result", number_round(result, DIGITS));
	/* QARTOD: what was flagged 4 or 9 is in no minute. */
	if (sta_query_selects(options, "resultQuality"))
		json_string(json, "resultQuality", "1-3");
	if (!sta_query_selects(options, "parameters"))
		return;
	json_object(json, "parameters");
	json_integer(json, "count", row->count);
	json_number(json, "min", row->min);
	json_number(json, "max", row->max);
	json_end_object(json);
}

void sta_put_properties(struct json *json, const struct sta_model *model,
	const struct sta_entity *entity, const struct sta_options *options)
{
	const struct station *station = sta_station_of(model, entity);
	char text[STA_ID_SIZE];

	if (sta_query_selects(options, "name") && sta_name_of(model, entity, text))
		json_string(json, "name", text);
	if (sta_query_selects(options, "description") &&
		sta_description_of(model, entity, text))
		json_string(json, "description", text);
	if (entity->kind == STA_THINGS) {
		put_thing(json, station, options);
	} else if (entity->kind == STA_LOCATIONS || entity->kind == STA_FEATURES) {
		put_place(json, entity, station, options);
	} else if (entity->kind == STA_DATASTREAMS) {
		put_stream(json, model, entity, options);
	} else if (entity->kind == STA_SENSORS) {
		put_sensor(json, model, entity, options);
	} else if (entity->kind == STA_OBSERVATIONS) {
		put_observation(json, model, entity, options);
	} else if (sta_query_selects(options, "definition")) {
		snprintf(text, sizeof text, "urn:muabui:metric:%.60s",
			sta_metric_of(model, entity)->name);
		json_string(json, "definition", text);
	}
}
