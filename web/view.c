#include "web/view.h"

#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "web/words.h"

enum {
	STALE_DEFAULT_MS = 15 * 60 * 1000,
	INDEX_STALE_MS = 65 * 60 * 1000, /* one comes each hour */
	COMMIT_PATIENCE_MS = 30 * 1000,  /* beyond commit_every, with reports waiting */
};

int64_t view_uptime_ms(const struct gateway_view *view)
{
	if (view->started_mono_ms > 0)
		return clock_mono_ms() - view->started_mono_ms;
	return clock_wall_ms() - view->started_ms;
}

static int64_t item_stale_after(const struct option_item *item)
{
	const struct sensor_common *common = item ? item->common : NULL;

	return common && common->stale_after > 0 ? common->stale_after : STALE_DEFAULT_MS;
}

/* After how many ms without a good reading SENSOR's data count as stale. */
static int64_t stale_after_ms(const struct gateway_view *view, const char *sensor)
{
	const struct option_item *items = view->config->sensors.items;

	if (strcmp(sensor, INDEX_SENSOR) == 0)
		return INDEX_STALE_MS;
	for (size_t i = 0; i < view->config->sensors.count; i++)
		if (strcmp(items[i].name, sensor) == 0)
			return item_stale_after(&items[i]);
	return STALE_DEFAULT_MS;
}

bool view_is_current(const struct gateway_view *view, const char *sensor,
	const struct latest_value *value, int64_t now_ms)
{
	return !(value->marks & (REPORT_RETAINED | REPORT_CLOCK_UNSET)) &&
		now_ms - value->time_ms <= stale_after_ms(view, sensor);
}

size_t view_sensor_count(const struct gateway_view *view)
{
	return view->sensors ? sensors_count(view->sensors) : 0;
}

size_t view_output_count(const struct gateway_view *view)
{
	return view->outputs ? outputs_count(view->outputs) : 0;
}

size_t view_channel_count(const struct gateway_view *view)
{
	return view->notifier ? notifier_count(view->notifier) : 0;
}

/*
 * Is SENSOR silent: no good reading for its stale_after (since the start, where it
 * never had one)?
 */
static bool is_silent(
	const struct gateway_view *view, const struct sensor *sensor, int64_t now_ms)
{
	int64_t last_ms = atomic_load(&sensor->stats.last_good_ms);
	int64_t limit = item_stale_after(sensor->item);

	if (last_ms == 0)
		return view_uptime_ms(view) > limit;
	return now_ms - last_ms > limit;
}

static struct ring_status ring_state(const struct gateway_view *view)
{
	struct ring_status status = { 0 };

	if (view->ring)
		ring_get_status(view->ring, &status);
	return status;
}

/* 0 means never. */
static void put_time(struct json *json, const char *key, int64_t ms)
{
	if (ms > 0)
		json_time(json, key, ms, VIEW_OFFSET_MINUTES);
	else
		json_null(json, key);
}

static void put_age(struct json *json, const char *key, int64_t ms, int64_t now_ms)
{
	if (ms > 0)
		json_number(json, key, (double)((now_ms - ms) / 100) / 10);
	else
		json_null(json, key);
}

static void put_count(
	struct json *json, const char *key, const atomic_uint_fast64_t *count)
{
	json_integer(json, key, (int64_t)atomic_load(count));
}

static void put_station(struct json *json, const struct station_config *station)
{
	json_object(json, "station");
	json_string(json, "id", station->id);
	json_string(json, "name", station->name);
	json_string(json, "area", station->area);
	json_number(json, "latitude", station->latitude);
	json_number(json, "longitude", station->longitude);
	json_end_object(json);
}

static void put_ring(struct json *json, const struct gateway_view *view)
{
	struct ring_status ring = ring_state(view);

	json_object(json, "ring");
	json_integer(json, "used", (int64_t)ring.used);
	json_integer(json, "size", (int64_t)ring.size);
	json_number(json, "fill",
		ring.size ? (double)(ring.used * 1000 / ring.size) / 1000 : 0);
	json_integer(json, "accepted", (int64_t)ring.accepted);
	json_integer(json, "dropped", (int64_t)ring.dropped);
	json_integer(json, "torn", (int64_t)ring.torn);
	json_integer(json, "recovered", (int64_t)ring.recovered);
	json_end_object(json);
}

static void put_store(struct json *json, const struct gateway_view *view)
{
	json_object(json, "store");
	json_string(json, "path", view->config->store.path);
	json_integer(json, "bytes", atomic_load(&view->recorder->store_bytes));
	json_integer(json, "max_bytes", view->config->store.max_size);
	put_count(json, "forgotten", &view->recorder->forgotten);
	json_integer(json, "lost", atomic_load(&view->recorder->lost));
	json_bool(json, "refuge", view->in_refuge);
	json_bool(json, "salvaging", atomic_load(&view->recorder->salvaging));
	json_integer(json, "salvaged", atomic_load(&view->recorder->salvaged));
	json_integer(json, "unreadable", atomic_load(&view->recorder->unreadable));
	json_end_object(json);
}

static void put_recorder(
	struct json *json, const struct gateway_view *view, int64_t now_ms)
{
	const struct recorder_stats *recorder = view->recorder;
	int64_t last_report_ms = atomic_load(&recorder->last_report_ms);

	json_object(json, "recorder");
	put_count(json, "reports", &recorder->reports);
	put_count(json, "readings", &recorder->readings);
	put_count(json, "flagged", &recorder->flagged);
	put_count(json, "commits", &recorder->commits);
	put_count(json, "commit_errors", &recorder->commit_errors);
	put_count(json, "messages", &recorder->messages);
	put_time(json, "last_report", last_report_ms);
	put_age(json, "last_report_age_s", last_report_ms, now_ms);
	put_time(json, "last_commit", atomic_load(&recorder->last_commit_ms));
	json_end_object(json);
}

static void put_span(void *arg, const struct calibrating_span *span)
{
	struct json *json = arg;

	json_object(json, NULL);
	json_string(json, "station", *span->station ? span->station : NULL);
	json_string(json, "author", span->author);
	json_time(json, "since", span->since_ms, VIEW_OFFSET_MINUTES);
	json_time(json, "until", span->until_ms, VIEW_OFFSET_MINUTES);
	json_end_object(json);
}

static void put_calibration(struct json *json, const struct calibration_config *row)
{
	struct buffer method;

	buffer_init(&method, 1024);
	calibration_describe(row, &method);
	json_object(json, NULL);
	json_string(json, "metric", row->metric->name);
	json_string(json, "station", *row->station ? row->station : NULL);
	json_string(json, "method", buffer_text(&method));
	json_string(json, "date", row->date);
	json_string(json, "by", row->by);
	json_string(json, "certificate", *row->certificate ? row->certificate : NULL);
	json_end_object(json);
	buffer_free(&method);
}

void view_put_calibrations(const struct gateway_view *view, const char *name,
	const struct sensor_common *common, struct json *json)
{
	const struct calibration_config *rows = common ? common->calibration.items : NULL;

	json_array(json, "calibration");
	for (size_t i = 0; common && i < common->calibration.count; i++)
		put_calibration(json, &rows[i]);
	json_end_array(json);
	json_array(json, "calibrating");
	calibrating_each(view->calibrating, name, clock_wall_ms(), put_span, json);
	json_end_array(json);
}

static void put_sensor(struct json *json, const struct gateway_view *view,
	const struct sensor *sensor, int64_t now_ms)
{
	const struct sensor_stats *stats = &sensor->stats;
	int64_t last_ms = atomic_load(&stats->last_good_ms);

	json_object(json, NULL);
	json_string(json, "name", sensor->name);
	json_string(json, "driver", sensor->driver->kind.name);
	json_string(json, "station", sensor->station);
	json_string(json, "state",
		sensor_result_name((enum sensor_result)atomic_load(&stats->state)));
	json_bool(json, "connected", atomic_load(&stats->connected));
	json_bool(json, "silent", is_silent(view, sensor, now_ms));
	put_time(json, "last_good", last_ms);
	put_age(json, "age_s", last_ms, now_ms);
	json_integer(json, "stale_after_s", item_stale_after(sensor->item) / 1000);
	json_object(json, "results");
	for (int i = 0; i < SENSOR_RESULT_COUNT; i++)
		if (atomic_load(&stats->results[i]) > 0)
			put_count(json, sensor_result_name((enum sensor_result)i),
				&stats->results[i]);
	json_end_object(json);
	put_count(json, "skipped_bytes", &stats->skipped_bytes);
	put_count(json, "duplicates", &stats->duplicates);
	put_count(json, "retained", &stats->retained);
	put_count(json, "unknown", &stats->unknown);
	put_count(json, "offline", &stats->offline);
	put_count(json, "dropped", &stats->dropped);
	view_put_calibrations(view, sensor->name, sensor->item->common, json);
	json_end_object(json);
}

static void put_output(struct json *json, const struct output_status *status)
{
	json_object(json, NULL);
	json_string(json, "name", status->name);
	json_string(json, "type", status->type);
	json_integer(json, "cursor", status->cursor);
	json_integer(json, "lag", status->lag);
	json_integer(json, "sent", (int64_t)status->sent);
	json_integer(json, "dead", (int64_t)status->dead);
	json_integer(json, "dead_dropped", (int64_t)status->dead_dropped);
	json_integer(json, "failures", (int64_t)status->failures);
	json_bool(json, "held", status->held);
	put_time(json, "last_success", status->last_success_ms);
	put_time(json, "last_error_time", status->last_error_ms);
	json_string(
		json, "last_error", status->last_error[0] ? status->last_error : NULL);
	json_end_object(json);
}

static void put_channel(struct json *json, const struct channel_status *status)
{
	json_object(json, NULL);
	json_string(json, "name", status->name);
	json_string(json, "type", status->type);
	json_integer(json, "waiting", status->waiting);
	json_integer(json, "sent", (int64_t)status->sent);
	json_integer(json, "failures", (int64_t)status->failures);
	json_bool(json, "held", status->held);
	json_bool(json, "down", status->down);
	put_time(json, "last_success", status->last_success_ms);
	put_time(json, "last_error_time", status->last_error_ms);
	json_string(
		json, "last_error", status->last_error[0] ? status->last_error : NULL);
	json_end_object(json);
}

static void put_relays(struct json *json, const struct gateway_view *view)
{
	struct relay_status status;

	json_array(json, "relays");
	for (size_t i = 0; i < relay_count(view->relay); i++) {
		relay_get_status(view->relay, i, &status);
		json_object(json, NULL);
		json_string(json, "name", status.name);
		json_bool(json, "connected", status.connected);
		for (int verdict = 0; verdict < RELAY_VERDICTS; verdict++)
			json_integer(json,
				relay_verdict_name((enum relay_verdict)verdict),
				(int64_t)status.verdicts[verdict]);
		json_end_object(json);
	}
	json_end_array(json);
}

static void put_parts(struct json *json, const struct gateway_view *view, int64_t now_ms)
{
	json_array(json, "sensors");
	for (size_t i = 0; i < view_sensor_count(view); i++)
		put_sensor(json, view, sensors_get(view->sensors, i), now_ms);
	json_end_array(json);

	json_array(json, "outputs");
	for (size_t i = 0; i < view_output_count(view); i++) {
		struct output_status status = { 0 };
		outputs_get_status(view->outputs, i, &status);
		put_output(json, &status);
	}
	json_end_array(json);

	json_array(json, "channels");
	for (size_t i = 0; i < view_channel_count(view); i++) {
		struct channel_status status = { 0 };
		notifier_get_status(view->notifier, i, &status);
		put_channel(json, &status);
	}
	json_end_array(json);
	json_integer(json, "silences", (int64_t)desk_in_force(view->desk, now_ms));
	put_relays(json, view);
}

static void put_clock(
	struct json *json, const struct recorder_stats *recorder, int64_t now_ms)
{
	int64_t step_ms = atomic_load(&recorder->clock_step_ms);

	json_object(json, "clock");
	json_string(json, "source", clock_source());
	json_bool(json, "set", clock_is_set());
	json_time(json, "time", now_ms, VIEW_OFFSET_MINUTES);
	json_integer(json, "held", atomic_load(&recorder->held));
	json_integer(json, "undatable", atomic_load(&recorder->undatable));
	json_integer(json, "dropped", (int64_t)atomic_load(&recorder->held_dropped));
	json_integer(json, "steps", (int64_t)atomic_load(&recorder->clock_steps));
	if (step_ms) {
		json_time(json, "last_step", step_ms, VIEW_OFFSET_MINUTES);
		json_number(json, "last_step_s",
			(double)atomic_load(&recorder->clock_step_by_ms) / 1000);
	}
	json_end_object(json);
}

void view_status_json(const struct gateway_view *view, struct buffer *out)
{
	int64_t now_ms = clock_wall_ms(), uptime_ms = view_uptime_ms(view);
	struct buffer reason;
	struct json json;

	buffer_init(&reason, 1024);
	int health = view_health(view, &reason);

	json_start(&json, out);
	json_object(&json, NULL);
	json_string(&json, "version", view->version);
	json_time(&json, "started", now_ms - uptime_ms, VIEW_OFFSET_MINUTES);
	json_integer(&json, "uptime_s", uptime_ms / 1000);
	json_object(&json, "health");
	json_bool(&json, "ok", health == 200);
	json_string(&json, "reason", buffer_text(&reason));
	json_end_object(&json);
	put_station(&json, &view->config->station);
	put_clock(&json, view->recorder, now_ms);
	put_ring(&json, view);
	put_store(&json, view);
	put_recorder(&json, view, now_ms);
	put_parts(&json, view, now_ms);
	json_end_object(&json);
	buffer_free(&reason);
}

/* The longest silence that is still no fault. */
static int64_t health_limit(const struct gateway_view *view)
{
	const struct option_item *items = view->config->sensors.items;
	int64_t limit = 0;

	for (size_t i = 0; i < view->config->sensors.count; i++)
		if (item_stale_after(&items[i]) > limit)
			limit = item_stale_after(&items[i]);
	return limit > 0 ? limit : STALE_DEFAULT_MS;
}

/* Reports wait in the ring and nothing has been committed for long. */
static bool is_stuck(const struct gateway_view *view, int64_t now_ms)
{
	int64_t last_ms = atomic_load(&view->recorder->last_commit_ms);
	int64_t since_ms = last_ms > 0 ? now_ms - last_ms : view_uptime_ms(view);

	return ring_state(view).used > 0 &&
		since_ms > 3 * view->config->store.commit_every + COMMIT_PATIENCE_MS;
}

int view_health(const struct gateway_view *view, struct buffer *out)
{
	int64_t now_ms = clock_wall_ms();
	int64_t last_ms = atomic_load(&view->recorder->last_report_ms);
	int64_t age_ms = now_ms - last_ms, limit_ms = health_limit(view);

	if (is_stuck(view, now_ms)) {
		buffer_printf(out,
			"Reports wait but the recorder does not commit (%llu failed).",
			(unsigned long long)atomic_load(&view->recorder->commit_errors));
		return 503;
	}
	if (last_ms == 0) {
		buffer_puts(out, "No data yet.");
		return 503;
	}
	/* Farther in the future than the limit: the clock went back, and this says
	 * nothing. */
	if (age_ms < -limit_ms) {
		buffer_puts(
			out, "The newest report is from the future; is the clock right?");
		return 503;
	}
	buffer_puts(out,
		age_ms > limit_ms ? "No data moves: the newest report is "
				  : "Data moves: the newest report is ");
	words_duration(out, age_ms, WORDS_EN);
	buffer_puts(out, " old");
	if (age_ms > limit_ms) {
		buffer_puts(out, ", the limit is ");
		words_duration(out, limit_ms, WORDS_EN);
	}
	buffer_putc(out, '.');
	return age_ms > limit_ms ? 503 : 200;
}
