#include "web/api.h"

#include "core/clock.h"
#include "core/json.h"
#include "core/metric.h"
#include "store/store.h"
#include "web/air_json.h"
#include "web/stations.h"

static void put_value(struct json *json, const struct latest_value *value)
{
	const struct reading *reading = &value->reading;
	const struct metric *metric = metric_by_id(reading->metric);

	if (!metric)
		return;
	json_object(json, NULL);
	json_string(json, "metric", metric->name);
	json_number(json, "value", reading->value);
	json_string(json, "unit", metric->unit);
	json_time(json, "time", value->time_ms, VIEW_OFFSET_MINUTES);
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
	json_end_object(json);
}

/* What the visitor writes to; AIR: of the one station that is asked for. */
struct walk {
	struct json json;
	bool with_air;
	const struct air_now *air; /* NULL: not known */
};

static void begin(void *arg, const struct station_view *station)
{
	struct json *json = &((struct walk *)arg)->json;

	json_object(json, NULL);
	json_string(json, "id", station->id);
	json_string(json, "name", station->name);
	json_string(json, "area", station->area);
	json_number(json, "latitude", station->latitude);
	json_number(json, "longitude", station->longitude);
	json_bool(json, "indicative", station->indicative);
	json_array(json, "sensors");
}

static void sensor(void *arg, const struct latest_source *source)
{
	struct json *json = &((struct walk *)arg)->json;

	json_object(json, NULL);
	json_string(json, "name", source->sensor);
	json_time(json, "time", source->time_ms, VIEW_OFFSET_MINUTES);
	json_array(json, "values");
	for (size_t i = 0; i < source->count; i++)
		put_value(json, &source->values[i]);
	json_end_array(json);
	json_end_object(json);
}

static void end(void *arg, const struct station_view *station, int64_t newest_ms)
{
	const struct walk *walk = arg;
	struct json *json = &((struct walk *)arg)->json;

	(void)station;
	json_end_array(json);
	if (walk->with_air)
		air_json(json, walk->air);
	if (newest_ms > 0)
		json_time(json, "time", newest_ms, VIEW_OFFSET_MINUTES);
	else
		json_null(json, "time");
	json_end_object(json);
}

static const struct station_visitor visitor = {
	.begin = begin,
	.sensor = sensor,
	.end = end,
};

static void start(struct json *json, struct web_reply *reply)
{
	reply->type = "application/json";
	reply->cache = "public, max-age=5";
	json_start(json, &reply->body);
}

/* What is kept of STATION's air. False: it cannot be read now. */
static bool read_air(
	const struct gateway_view *view, const char *station, struct air_now *air)
{
	const char *path = view->config->store.path;
	char why[256];
	struct store *store =
		path ? store_open(path, STORE_READER, why, sizeof why) : NULL;

	if (!store)
		return false;
	bool got = air_now_read(store, view->config, station, clock_wall_ms(), air) == 0;
	store_close(store);
	return got;
}

void api_stations(const struct web_request *request, struct web_reply *reply)
{
	struct walk walk = { .with_air = false };

	start(&walk.json, reply);
	json_array(&walk.json, NULL);
	stations_walk(request->view, NULL, &visitor, &walk);
	json_end_array(&walk.json);
	buffer_putc(&reply->body, '\n');
}

void api_station(const struct web_request *request, struct web_reply *reply)
{
	struct walk walk = { .with_air = true };
	struct air_now air;

	if (read_air(request->view, request->id, &air))
		walk.air = &air;
	start(&walk.json, reply);
	if (!stations_walk(request->view, request->id, &visitor, &walk)) {
		web_problem(reply, 404, "There is no station with this id.");
		return;
	}
	buffer_putc(&reply->body, '\n');
}
