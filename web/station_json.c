#include "web/station_json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "core/metric.h"
#include "store/codec.h"
#include "web/air_json.h"
#include "web/index_now.h"
#include "web/stations.h"

enum { BODY_FULL = 4 << 20 }; /* a page ends here, however few stations it has */

/* What a list for phones says of a station's present. */
static const uint16_t headlines[] = { METRIC_PM25, METRIC_PM10, METRIC_RAIN_1H,
	METRIC_RAIN_24H, METRIC_TEMPERATURE, METRIC_HUMIDITY };
enum { HEADLINES = sizeof headlines / sizeof *headlines };

struct writing {
	const struct gateway_view *view;
	struct station_page *page;
	struct json json;
	size_t hashed; /* bytes of the buffer that are in the hash */
	bool passed_cursor;
	bool skips; /* this station is not on the page */
	struct index_now index;
	double values[HEADLINES];
	int64_t times[HEADLINES];
};

/* Takes into the hash what was written since. */
static void hash_so_far(struct writing *writing)
{
	const struct buffer *out = writing->json.out;

	writing->page->hash = codec_hash(writing->page->hash,
		buffer_text(out) + writing->hashed, out->length - writing->hashed);
	writing->hashed = out->length;
}

/* An age is no news. */
static void put_age(struct writing *writing, int64_t time_ms)
{
	int64_t age_ms = writing->page->now_ms - time_ms;

	hash_so_far(writing);
	json_integer(&writing->json, "age", age_ms > 0 ? age_ms / 1000 : 0);
	writing->hashed = writing->json.out->length;
}

static void put_value_members(struct json *json, const struct latest_value *value)
{
	const struct reading *reading = &value->reading;

	json_integer(json, "flag", reading->flag);
	if (reading->raw < reading->value || reading->raw > reading->value)
		json_number(json, "raw", reading->raw);
	if (reading->calibration > 0)
		json_integer(json, "calibration", reading->calibration);
	if (value->status == STATUS_CALIBRATING)
		json_string(json, "status", "calibrating");
	else if (value->status == STATUS_FAULT)
		json_string(json, "status", "fault");
	if (value->marks & REPORT_RETAINED)
		json_bool(json, "retained", true);
	if (value->marks & REPORT_INDICATIVE)
		json_bool(json, "indicative", true);
	if (value->marks & REPORT_REVISED)
		json_bool(json, "revised", true);
}

static bool begin_value(struct json *json, const struct latest_value *value)
{
	const struct metric *metric = metric_by_id(value->reading.metric);

	if (!metric)
		return false;
	json_object(json, NULL);
	json_string(json, "metric", metric->name);
	json_number(json, "value", value->reading.value);
	json_string(json, "unit", metric->unit);
	json_time(json, "time", value->time_ms, VIEW_OFFSET_MINUTES);
	return true;
}

void station_json_value(struct json *json, const struct latest_value *value)
{
	if (!begin_value(json, value))
		return;
	put_value_members(json, value);
	json_end_object(json);
}

static void put_value(struct writing *writing, const struct latest_source *source,
	const struct latest_value *value)
{
	struct station_page *page = writing->page;
	struct json *json = &writing->json;

	if (!begin_value(json, value))
		return;
	put_age(writing, value->time_ms);
	json_bool(json, "current",
		view_is_current(writing->view, source->sensor, value, page->now_ms));
	put_value_members(json, value);
	double share = page->rain ? rain_now_completeness(page->rain, source->sensor,
					    value->reading.metric, value->time_ms)
				  : NAN;
	if (!isnan(share))
		json_number(json, "completeness", floor(share * 1000) / 1000);
	json_end_object(json);
}

/* --- station by station ---------------------------------------------------------------
 */

static bool is_on_page(struct writing *writing, const struct station_view *station)
{
	struct station_page *page = writing->page;

	if (page->only)
		return true;
	if (page->cursor && *page->cursor && !writing->passed_cursor) {
		/* The own station comes first, whatever its id. */
		bool own_was_last =
			strcmp(page->cursor, writing->view->config->station.id) == 0;
		if (station->own ||
			(!own_was_last && strcmp(station->id, page->cursor) <= 0))
			return false;
		writing->passed_cursor = true;
	}
	if (page->count == page->limit || writing->json.out->length > BODY_FULL) {
		page->has_more = true;
		return false;
	}
	return true;
}

static void begin(void *arg, const struct station_view *station)
{
	struct writing *writing = arg;
	struct json *json = &writing->json;
	struct station_page *page = writing->page;

	/* Once a page is full, what follows does not come on it either. */
	writing->skips = page->has_more || !is_on_page(writing, station);
	if (writing->skips)
		return;
	page->count++;
	snprintf(page->last, sizeof page->last, "%s", station->id);
	writing->index = (struct index_now){ .end_ms = 0 };
	for (size_t i = 0; i < HEADLINES; i++)
		writing->values[i] = NAN;
	json_object(json, NULL);
	json_string(json, "id", station->id);
	json_string(json, "name", station->name);
	json_string(json, "area", station->area);
	json_string(json, "area_name", station->area_name);
	json_number(json, "latitude", station->latitude);
	json_number(json, "longitude", station->longitude);
	json_bool(json, "indicative", station->indicative);
	if (!page->is_summary)
		json_array(json, "sensors");
}

/* Of several sensors the newest value that may be shown counts. */
static void note_headlines(struct writing *writing, const struct latest_source *source)
{
	for (size_t i = 0; i < source->count; i++) {
		const struct latest_value *value = &source->values[i];
		size_t h = 0;

		while (h < HEADLINES && headlines[h] != value->reading.metric)
			h++;
		if (h == HEADLINES || value->reading.flag > FLAG_SUSPECT ||
			value->status != STATUS_MEASURING ||
			(!isnan(writing->values[h]) &&
				value->time_ms <= writing->times[h]) ||
			!view_is_current(writing->view, source->sensor, value,
				writing->page->now_ms))
			continue;
		writing->values[h] = value->reading.value;
		writing->times[h] = value->time_ms;
	}
}

static void sensor(void *arg, const struct latest_source *source)
{
	struct writing *writing = arg;
	struct json *json = &writing->json;

	if (writing->skips)
		return;
	if (strcmp(source->sensor, INDEX_SENSOR) == 0)
		index_now_read(source, writing->page->now_ms, &writing->index);
	else if (writing->page->is_summary)
		note_headlines(writing, source);
	if (writing->page->is_summary)
		return;
	json_object(json, NULL);
	json_string(json, "name", source->sensor);
	json_time(json, "time", source->time_ms, VIEW_OFFSET_MINUTES);
	json_array(json, "values");
	for (size_t i = 0; i < source->count; i++)
		put_value(writing, source, &source->values[i]);
	json_end_array(json);
	json_end_object(json);
}

static void put_headlines(struct writing *writing)
{
	struct json *json = &writing->json;

	json_object(json, "values");
	for (size_t h = 0; h < HEADLINES; h++)
		if (!isnan(writing->values[h]))
			json_number(json, metric_by_id(headlines[h])->name,
				writing->values[h]);
	json_end_object(json);
}

static void end(void *arg, const struct station_view *station, int64_t newest_ms)
{
	struct writing *writing = arg;
	struct json *json = &writing->json;
	struct station_page *page = writing->page;

	(void)station;
	if (writing->skips)
		return;
	if (page->is_summary)
		put_headlines(writing);
	else
		json_end_array(json);
	index_now_json(json, &writing->index, page->is_summary);
	if (page->only)
		air_json(json, page->air);
	if (newest_ms > 0)
		json_time(json, "time", newest_ms, VIEW_OFFSET_MINUTES);
	else
		json_null(json, "time");
	json_end_object(json);
	if (newest_ms > page->newest_ms)
		page->newest_ms = newest_ms;
}

void station_json(
	const struct gateway_view *view, struct station_page *page, struct buffer *out)
{
	static const struct station_visitor visitor = {
		.begin = begin,
		.sensor = sensor,
		.end = end,
		.silent_too = true,
	};
	struct writing writing = { .view = view, .page = page };

	json_start(&writing.json, out);
	if (!page->only)
		json_array(&writing.json, NULL);
	stations_walk(view, page->only, &visitor, &writing);
	if (!page->only)
		json_end_array(&writing.json);
	buffer_putc(out, '\n');
	hash_so_far(&writing);
}
