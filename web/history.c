#include "web/history.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/metric.h"
#include "core/number.h"
#include "web/csv_text.h"
#include "web/query.h"
#include "web/readers.h"
#include "web/series.h"

enum {
	SERIES_MAX_COUNT = 32, /* of one answer */
	ROWS_MAX = 100000,     /* that would be read */
	POINTS_MAX = 50000,    /* of all series together */
	DIGITS = 6,            /* significant: more no instrument knows */
};

static const int64_t minute_ms = 60 * 1000;
static const int64_t hour_ms = 60 * 60 * 1000;
static const int64_t latest_ms = 3 * 60 * 60 * 1000;
static const int64_t day_ms = 24 * 60 * 60 * 1000;

struct asked {
	struct series_range range;
	char step[16]; /* as it is written in the answer */
	char sensor[NAME_SIZE];
	const struct metric *metrics[QUERY_METRICS];
	size_t metric_count;
};

struct writing {
	const struct web_request *request;
	const struct asked *asked;
	struct web_reply *reply;
	struct json json;
	bool is_csv;
	/* Sensors that have the metric that is asked about now. */
	char sensors[SERIES_MAX_COUNT][NAME_SIZE];
	size_t sensor_count;
	size_t series_count;
};

/* --- what is asked --------------------------------------------------------------------
 */

/* Of the sensor INDEX_SENSOR only hours are kept. */
static int64_t least_step(const struct asked *asked)
{
	for (size_t i = 0; i < asked->metric_count; i++)
		if (asked->metrics[i]->id < METRIC_PM25_1H ||
			asked->metrics[i]->id >= METRIC_BUILTIN_END)
			return minute_ms;
	return hour_ms;
}

static void name_step(int64_t step_ms, char text[static 16])
{
	if (step_ms % day_ms == 0)
		snprintf(text, 16, "%dd", (int)(step_ms / day_ms));
	else if (step_ms % hour_ms == 0)
		snprintf(text, 16, "%dh", (int)(step_ms / hour_ms));
	else
		snprintf(text, 16, "%dm", (int)(step_ms / minute_ms));
}

/* False: REPLY is a problem document. */
static bool is_bearable(const struct asked *asked, struct web_reply *reply)
{
	const struct series_range *range = &asked->range;
	int64_t row_ms = range->rows == AGGREGATE_MINUTE ? minute_ms : hour_ms;
	int64_t metrics = (int64_t)asked->metric_count;
	int64_t rows = (range->to_ms - range->from_ms) / row_ms * metrics;
	char why[160];

	if (range->count > SERIES_POINTS ||
		(int64_t)range->count * metrics > POINTS_MAX) {
		snprintf(why, sizeof why,
			"That would be %zu steps for %zu metrics; at most %d steps, and %d "
			"together. Take longer steps or a shorter time.",
			range->count, asked->metric_count, SERIES_POINTS, POINTS_MAX);
	} else if (rows > ROWS_MAX) {
		snprintf(why, sizeof why,
			"That would be made of %lld %s; at most %d. Take %s.",
			(long long)rows,
			range->rows == AGGREGATE_MINUTE ? "minutes" : "hours", ROWS_MAX,
			range->rows == AGGREGATE_MINUTE
				? "steps of 1h or more, or less time"
				: "fewer metrics or less time");
	} else {
		return true;
	}
	web_problem(reply, 400, why);
	return false;
}

static bool take_step(
	const struct web_request *request, struct web_reply *reply, struct asked *asked)
{
	struct series_range *range = &asked->range;
	char text[16];

	if (!query_text(request, reply, "step", text, sizeof text))
		return false;
	range->step_ms = !*text || strcmp(text, "auto") == 0
		? series_auto(range->from_ms, range->to_ms, least_step(asked))
		: series_step(text);
	if (range->step_ms == 0) {
		web_problem(reply, 400,
			"step is auto, minutes that divide an hour (1m, 15m), hours that "
			"divide a day (1h, 6h) or days (1d to 31d).");
		return false;
	}
	series_range_set(range);
	name_step(range->step_ms, asked->step);
	return is_bearable(asked, reply);
}

static bool take_arguments(
	const struct web_request *request, struct web_reply *reply, struct asked *asked)
{
	struct series_range *range = &asked->range;

	*asked = (struct asked){ .range = { .to_ms = clock_wall_ms() } };
	range->from_ms = INT64_MIN;
	if (!query_metrics(
		    request, reply, "metric", asked->metrics, &asked->metric_count) ||
		!query_text(request, reply, "sensor", asked->sensor, NAME_SIZE) ||
		!query_time(request, reply, "from", &range->from_ms) ||
		!query_time(request, reply, "to", &range->to_ms))
		return false;
	if (range->from_ms == INT64_MIN)
		range->from_ms = range->to_ms - day_ms;
	if (asked->metric_count == 0) {
		web_problem(reply, 400, "metric is missing: one or more names by comma.");
		return false;
	}
	if (range->from_ms >= range->to_ms) {
		web_problem(reply, 400, "from has to be before to.");
		return false;
	}
	return take_step(request, reply, asked);
}

/* --- writing
 * ---------------------------------------------------------------------------- */

static void put_number(struct json *json, double value)
{
	json_number(json, NULL, isnan(value) ? value : number_round(value, DIGITS));
}

static double least_of(const struct series *series, size_t i)
{
	return series->points[i].count > 0 ? series->points[i].min : NAN;
}

static double most_of(const struct series *series, size_t i)
{
	return series->points[i].count > 0 ? series->points[i].max : NAN;
}

static void put_array(struct json *json, const char *key, const struct series *series,
	double (*value)(const struct series *series, size_t i))
{
	json_array(json, key);
	for (size_t i = 0; i < series->range->count; i++)
		put_number(json, value(series, i));
	json_end_array(json);
}

static double share_of(const struct series *series, size_t i)
{
	return floor(series_completeness(series, i) * 1000 + 1e-6) / 1000;
}

static void put_json(struct writing *writing, const char *sensor,
	const struct metric *metric, const struct series *series)
{
	struct json *json = &writing->json;
	enum series_kind kind = series_kind_of(metric->id);

	json_object(json, NULL);
	json_string(json, "sensor", sensor);
	json_string(json, "metric", metric->name);
	json_string(json, "unit", metric->unit);
	json_string(json, "aggregate", series_kind_name(kind));
	json_array(json, "values");
	for (size_t i = 0; i < series->range->count; i++)
		put_number(json, series_value(series, i, kind));
	json_end_array(json);
	put_array(json, "min", series, least_of);
	put_array(json, "max", series, most_of);
	put_array(json, "completeness", series, share_of);
	json_end_object(json);
}

static void put_csv(struct writing *writing, const char *sensor,
	const struct metric *metric, const struct series *series)
{
	const struct series_range *range = series->range;
	struct buffer *out = &writing->reply->body;
	enum series_kind kind = series_kind_of(metric->id);

	for (size_t i = 0; i < range->count; i++) {
		csv_time_field(out, range->first_ms + (int64_t)i * range->step_ms);
		csv_field(out, writing->request->id);
		csv_field(out, sensor);
		csv_field(out, metric->name);
		csv_field(out, metric->unit);
		csv_field(out, series_kind_name(kind));
		csv_number_field(out, series_value(series, i, kind), DIGITS);
		csv_number_field(out, least_of(series, i), DIGITS);
		csv_number_field(out, most_of(series, i), DIGITS);
		csv_number_field(out, share_of(series, i), DIGITS);
		csv_end_record(out);
	}
}

static bool add_row(void *arg, const struct aggregate *row)
{
	return series_add(arg, row);
}

/* Minutes that are gathered into hours. */
struct folding {
	struct series *series;
	struct aggregate hour; /* end_ms 0: none */
};

static bool end_hour(struct folding *folding)
{
	return folding->hour.end_ms == 0 || series_add(folding->series, &folding->hour);
}

static bool add_minute(void *arg, const struct aggregate *minute)
{
	struct folding *folding = arg;
	struct aggregate *hour = &folding->hour;
	int64_t end_ms = aggregate_hour_end(minute->end_ms);

	if (hour->end_ms != end_ms) {
		if (!end_hour(folding))
			return false;
		*hour = *minute;
		hour->end_ms = end_ms;
		return true;
	}
	hour->count += minute->count;
	hour->sum += minute->sum;
	hour->min = fmin(hour->min, minute->min);
	hour->max = fmax(hour->max, minute->max);
	return true;
}

/* An hour is kept when it is over, and a little later: what is not there yet of the
 * latest is made of minutes. False: the store cannot be read, or memory is out. */
static bool add_latest(struct writing *writing, struct store *store, const char *sensor,
	const struct metric *metric, struct series *series, int64_t to_ms)
{
	struct folding folding = { .series = series };
	int64_t from_ms = aggregate_hour_end(clock_wall_ms()) - latest_ms;
	int64_t last_ms = series->row_count > 0
		? series->rows[series->row_count - 1].end_ms
		: from_ms;

	if (last_ms > from_ms)
		from_ms = last_ms;
	return from_ms >= to_ms ||
		(aggregates_scan(store, AGGREGATE_MINUTE, writing->request->id, sensor,
			 metric->id, from_ms, to_ms, add_minute, &folding) >= 0 &&
			end_hour(&folding));
}

/* Reads one series and writes it. False: the store cannot be read, or memory is out. */
static bool put_series(struct writing *writing, struct store *store, const char *sensor,
	const struct metric *metric)
{
	const struct asked *asked = writing->asked;
	struct series series;
	int64_t from_ms, to_ms;

	series_rows(&asked->range, &from_ms, &to_ms);
	bool done = series_init(&series, &asked->range) &&
		aggregates_scan(store, asked->range.rows, writing->request->id, sensor,
			metric->id, from_ms, to_ms, add_row, &series) >= 0 &&
		(asked->range.rows == AGGREGATE_MINUTE ||
			add_latest(writing, store, sensor, metric, &series, to_ms));
	if (done) {
		series_close(&series);
		writing->series_count++;
		if (writing->is_csv)
			put_csv(writing, sensor, metric, &series);
		else
			put_json(writing, sensor, metric, &series);
	}
	series_free(&series);
	return done;
}

static void note_sensor(void *arg, const char *sensor)
{
	struct writing *writing = arg;
	const char *only = writing->asked->sensor;

	if ((*only && strcmp(only, sensor) != 0) ||
		writing->series_count + writing->sensor_count >= SERIES_MAX_COUNT)
		return;
	snprintf(writing->sensors[writing->sensor_count++], NAME_SIZE, "%s", sensor);
}

static bool put_all(struct writing *writing, struct store *store)
{
	const struct asked *asked = writing->asked;

	for (size_t m = 0; m < asked->metric_count; m++) {
		writing->sensor_count = 0;
		if (aggregates_sensors(store, writing->request->id, asked->metrics[m]->id,
			    note_sensor, writing) < 0)
			return false;
		for (size_t i = 0; i < writing->sensor_count; i++)
			if (!put_series(writing, store, writing->sensors[i],
				    asked->metrics[m]))
				return false;
	}
	return true;
}

static void begin_json(struct writing *writing, const struct station *station)
{
	const struct series_range *range = &writing->asked->range;
	struct json *json = &writing->json;

	json_start(json, &writing->reply->body);
	json_object(json, NULL);
	json_string(json, "station", writing->request->id);
	json_string(json, "name", station->name);
	json_time(json, "from", range->from_ms, VIEW_OFFSET_MINUTES);
	json_time(json, "to", range->to_ms, VIEW_OFFSET_MINUTES);
	json_string(json, "step", writing->asked->step);
	json_integer(json, "step_s", range->step_ms / 1000);
	json_array(json, "times");
	for (size_t i = 0; i < range->count; i++)
		json_time(json, NULL, range->first_ms + (int64_t)i * range->step_ms,
			VIEW_OFFSET_MINUTES);
	json_end_array(json);
	json_array(json, "series");
}

static void put_answer(struct writing *writing, const struct station *station)
{
	struct web_reply *reply = writing->reply;
	struct store *store = readers_take(writing->request->readers);
	bool done = false;

	if (writing->is_csv)
		buffer_puts(&reply->body,
			"time,station,sensor,metric,unit,aggregate,value,min,max,"
			"completeness\r\n");
	else
		begin_json(writing, station);
	if (store) {
		done = put_all(writing, store);
		readers_give(writing->request->readers, store, done);
	}
	if (!done) {
		web_problem(reply, 503, "The store cannot be read now; try again.");
		return;
	}
	if (!writing->is_csv) {
		json_end_array(&writing->json);
		json_end_object(&writing->json);
		buffer_putc(&reply->body, '\n');
	}
	reply->type = writing->is_csv ? "text/csv; charset=utf-8" : "application/json";
	reply->cache = "public, max-age=30";
}

static bool is_heard(void *arg, const struct latest_source *source)
{
	const char **id = arg;

	if (strcmp(source->station, *id) != 0)
		return true;
	*id = NULL;
	return false;
}

/* Is there such a station: own, in the directory, or heard of? */
static bool find_station(
	const struct gateway_view *view, const char *id, struct station *station)
{
	const char *sought = id;

	if (directory_find(view->directory, id, station))
		return true;
	latest_each(view->latest, is_heard, &sought);
	return sought == NULL;
}

static void answer(
	const struct web_request *request, struct web_reply *reply, bool is_csv)
{
	struct asked asked;
	struct writing writing = {
		.request = request,
		.asked = &asked,
		.reply = reply,
		.is_csv = is_csv,
	};
	struct station station;

	if (!find_station(request->view, request->id, &station)) {
		web_problem(reply, 404, "There is no station with this id.");
		return;
	}
	if (take_arguments(request, reply, &asked))
		put_answer(&writing, &station);
}

void history_handle(const struct web_request *request, struct web_reply *reply)
{
	answer(request, reply, request->type == HISTORY_CSV);
}

void history_csv_handle(const struct web_request *request, struct web_reply *reply)
{
	answer(request, reply, true);
}
