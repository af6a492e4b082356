/* What the mqtt output says: records, topics, status. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/json.h"
#include "core/metric.h"
#include "outputs/mqtt.h"
#include "store/reports.h"

/* --- records ---------------------------------------------------------------- */

static bool is_usable(const struct report *report)
{
	return report->status == STATUS_MEASURING && !(report->marks & REPORT_RETAINED);
}

/*
 * Line protocol has no place for an instrument's status or for marks: what must not be
 * taken for a present measurement is written as bad.
 */
static void put_line(struct mqtt_output *self, const struct stored_report *stored,
	struct buffer *batch)
{
	struct report report;

	if (is_usable(&stored->report)) {
		line_encode(self->lines, stored->source, &stored->report, batch);
		return;
	}
	report = stored->report;
	for (size_t i = 0; i < report.count; i++)
		if (report.readings[i].flag != FLAG_MISSING)
			report.readings[i].flag = FLAG_FAIL;
	line_encode(self->lines, stored->source, &report, batch);
}

static bool has_value(const struct reading *reading)
{
	return reading->flag != FLAG_MISSING && isfinite(reading->value);
}

static void put_values(struct json *json, const struct report *report)
{
	json_object(json, "values");
	for (size_t i = 0; i < report->count; i++) {
		const struct reading *reading = &report->readings[i];
		const struct metric *metric = metric_by_id(reading->metric);

		if (metric)
			json_number(json, metric->name,
				has_value(reading) ? reading->value : NAN);
	}
	json_end_object(json);
}

static bool has_own_raw(const struct reading *reading)
{
	return isfinite(reading->raw) && reading->raw != reading->value;
}

static void put_raw(struct json *json, const struct report *report)
{
	bool any = false;

	for (size_t i = 0; i < report->count; i++) {
		const struct reading *reading = &report->readings[i];
		const struct metric *metric = metric_by_id(reading->metric);

		if (!metric || !has_own_raw(reading))
			continue;
		if (!any)
			json_object(json, "raw");
		any = true;
		json_number(json, metric->name, reading->raw);
	}
	if (any)
		json_end_object(json);
}

static void put_flags(struct json *json, const struct report *report)
{
	bool any = false;

	for (size_t i = 0; i < report->count; i++) {
		const struct reading *reading = &report->readings[i];
		const struct metric *metric = metric_by_id(reading->metric);
		int flag = has_value(reading) ? reading->flag : FLAG_MISSING;

		if (!metric || flag == FLAG_GOOD)
			continue;
		if (!any)
			json_object(json, "flags");
		any = true;
		json_integer(json, metric->name, flag);
	}
	if (any)
		json_end_object(json);
}

/* Which calibration made a value: a number of the gateway that measured it. */
static void put_calibrations(struct json *json, const struct report *report)
{
	bool any = false;

	for (size_t i = 0; i < report->count; i++) {
		const struct reading *reading = &report->readings[i];
		const struct metric *metric = metric_by_id(reading->metric);

		if (!metric || reading->calibration == 0)
			continue;
		if (!any)
			json_object(json, "calibration");
		any = true;
		json_integer(json, metric->name, reading->calibration);
	}
	if (any)
		json_end_object(json);
}

static void put_marks(struct json *json, const struct report *report)
{
	static const struct {
		uint16_t mark;
		const char *name;
	} marks[] = {
		{ REPORT_BACKFILLED, "backfilled" },
		{ REPORT_RETAINED, "retained" },
		{ REPORT_REVISED, "revised" },
		{ REPORT_INDICATIVE, "indicative" },
	};
	bool any = false;

	for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
		if (!(report->marks & marks[i].mark))
			continue;
		if (!any)
			json_array(json, "marks");
		any = true;
		json_string(json, NULL, marks[i].name);
	}
	if (any)
		json_end_array(json);
}

static void put_json(const struct report *report, struct buffer *batch)
{
	struct json json;

	json_start(&json, batch);
	json_object(&json, NULL);
	json_string(&json, "station", report->station);
	json_string(&json, "sensor", report->sensor);
	json_time(&json, "time", report->time_ms, 0);
	put_values(&json, report);
	put_raw(&json, report);
	put_flags(&json, report);
	put_calibrations(&json, report);
	if (report->status != STATUS_MEASURING)
		json_integer(&json, "status", report->status);
	put_marks(&json, report);
	json_end_object(&json);
	buffer_putc(batch, '\n');
}

void mqtt_text_record(struct mqtt_output *self, const struct stored_report *stored,
	struct buffer *batch)
{
	size_t before = batch->length;

	buffer_puts(batch, stored->report.station);
	buffer_putc(batch, '\t');
	size_t text = batch->length;
	if (self->options->payload == MQTT_PAYLOAD_JSON)
		put_json(&stored->report, batch);
	else
		put_line(self, stored, batch);
	if (batch->length == text && !batch->failed)
		buffer_truncate(batch, before);
}

/* --- messages --------------------------------------------------------------- */

/* Of declared metrics only: those of the table never vary. */
static void put_units(struct json *json)
{
	const struct metric *metric = NULL;

	json_object(json, "units");
	while ((metric = metric_next(metric)))
		if (metric->id >= METRIC_DECLARED)
			json_string(json, metric->name, metric->unit);
	json_end_object(json);
}

void mqtt_text_begin(const struct mqtt_output *self, struct buffer *message)
{
	struct json json;

	if (self->options->payload != MQTT_PAYLOAD_JSON)
		return;
	json_start(&json, message);
	json_object(&json, NULL);
	json_integer(&json, "muabui", 1);
	json_string(&json, "gateway", self->options->station->id);
	put_units(&json);
	json_array(&json, "reports");
	buffer_putc(message, '\n');
}

void mqtt_text_end(const struct mqtt_output *self, struct buffer *message)
{
	if (self->options->payload == MQTT_PAYLOAD_JSON)
		buffer_puts(message, "]}\n");
}

void mqtt_text_status(
	const struct mqtt_output_options *options, const char *state, struct buffer *out)
{
	const struct station_config *station = options->station;
	struct json json;

	json_start(&json, out);
	json_object(&json, NULL);
	json_string(&json, "state", state);
	json_object(&json, "station");
	json_string(&json, "id", station->id);
	json_string(&json, "name", station->name);
	json_string(&json, "area", *station->area ? station->area : NULL);
	json_number(&json, "latitude", station->latitude);
	json_number(&json, "longitude", station->longitude);
	if (station->indicative == MAYBE_YES)
		json_bool(&json, "indicative", true);
	json_end_object(&json);
	json_end_object(&json);
}

/* --- topics ----------------------------------------------------------------- */

bool mqtt_text_topic(const struct mqtt_output_options *options, const char *template,
	const char *station, const char *sensor, char out[static MQTT_TOPIC_SIZE])
{
	const char *area = options->station->area;
	const struct {
		const char *name, *value;
	} words[] = {
		{ "{station}", station },
		{ "{area}", *area ? area : "-" },
		{ "{sensor}", sensor },
	};
	size_t used = 0;

	while (*template) {
		const char *piece = template;
		size_t length = 1, step = 1;

		for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
			size_t name = strlen(words[i].name);
			if (strncmp(template, words[i].name, name) != 0)
				continue;
			piece = words[i].value;
			length = strlen(piece);
			step = name;
		}
		if (length >= MQTT_TOPIC_SIZE - used)
			return false;
		memcpy(out + used, piece, length);
		used += length;
		template += step;
	}
	out[used] = '\0';
	return true;
}
