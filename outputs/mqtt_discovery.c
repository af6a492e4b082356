/*
 * Home Assistant: each series is announced once per connection by a retained message
 *
 *   <prefix>/sensor/<station>_<sensor>/<metric>/config
 *
 * and its newest value stands in a JSON message of its sensor, not retained, so that an
 * old value is never taken for a present one:
 *
 *   muabui/<station>/<sensor>/state   {"time":"…","pm25":35.2,"pm10":null}
 *
 * null is a value that was measured but is not to be used. What a report does not speak
 * of stays as it was: that is what "this.state" is for.
 */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/json.h"
#include "core/metric.h"
#include "outputs/mqtt.h"
#include "store/codec.h"

enum {
	SOURCES_MAX = 512,
	TEXT_MAX = 4096,
	FRESH_MS = 10 * 60 * 1000, /* what is older is no present value */
	REFUSED = REPORT_RETAINED | REPORT_BACKFILLED | REPORT_CLOCK_UNSET,
};

/* One sensor of one station. */
struct shown {
	char station[NAME_SIZE], sensor[NAME_SIZE];
	uint16_t announced[READINGS_MAX];
	size_t announced_count;
	bool has_news; /* in newest */
	struct report newest;
};

struct mqtt_discovery {
	size_t count;
	struct shown *sources[SOURCES_MAX];
};

struct mqtt_discovery *mqtt_discovery_new(void)
{
	return calloc(1, sizeof(struct mqtt_discovery));
}

void mqtt_discovery_free(struct mqtt_discovery *discovery)
{
	if (!discovery)
		return;
	for (size_t i = 0; i < discovery->count; i++)
		free(discovery->sources[i]);
	free(discovery);
}

static struct shown *find_source(
	struct mqtt_discovery *discovery, const struct report *report)
{
	for (size_t i = 0; i < discovery->count; i++) {
		struct shown *shown = discovery->sources[i];
		if (strcmp(shown->sensor, report->sensor) == 0 &&
			strcmp(shown->station, report->station) == 0)
			return shown;
	}
	struct shown *shown =
		discovery->count < SOURCES_MAX ? calloc(1, sizeof *shown) : NULL;
	if (!shown)
		return NULL;
	memcpy(shown->station, report->station, NAME_SIZE);
	memcpy(shown->sensor, report->sensor, NAME_SIZE);
	discovery->sources[discovery->count++] = shown;
	return shown;
}

void mqtt_discovery_take(struct mqtt_discovery *discovery, const struct report *report)
{
	int64_t age_ms = clock_wall_ms() - report->time_ms;

	if ((report->marks & REFUSED) || age_ms > FRESH_MS)
		return;
	struct shown *shown = find_source(discovery, report);
	if (!shown || (shown->has_news && report->time_ms < shown->newest.time_ms))
		return;
	shown->newest = *report;
	shown->has_news = true;
}

/* --- what Home Assistant calls things ---------------------------------------- */

static const char *device_class(const struct metric *metric)
{
	static const struct {
		uint16_t metric;
		const char *name;
	} classes[] = {
		{ METRIC_PM1, "pm1" },
		{ METRIC_PM25, "pm25" },
		{ METRIC_PM10, "pm10" },
		{ METRIC_NO, "nitrogen_monoxide" },
		{ METRIC_NO2, "nitrogen_dioxide" },
		{ METRIC_SO2, "sulphur_dioxide" },
		{ METRIC_O3, "ozone" },
		{ METRIC_CO2, "carbon_dioxide" },
		{ METRIC_TVOC, "volatile_organic_compounds_parts" },
		{ METRIC_RAIN_TOTAL, "precipitation" },
		{ METRIC_RAIN_RATE, "precipitation_intensity" },
		{ METRIC_TEMPERATURE, "temperature" },
		{ METRIC_HUMIDITY, "humidity" },
		{ METRIC_PRESSURE, "atmospheric_pressure" },
		{ METRIC_WIND_SPEED, "wind_speed" },
		{ METRIC_WIND_GUST, "wind_speed" },
		{ METRIC_NOISE, "sound_pressure" },
		{ METRIC_SOLAR, "irradiance" },
		{ METRIC_LIGHT, "illuminance" },
		{ METRIC_BATTERY, "voltage" },
	};

	for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
		if (classes[i].metric == metric->id)
			return classes[i].name;
	return NULL;
}

/*
 * TEXT as an id of letters, digits, '-' and '_'. Where it had to be changed, a number
 * made of it follows, so that two names do not become one.
 */
static void put_id(struct buffer *out, const char *text)
{
	bool changed = false;

	for (const char *c = text; *c; c++) {
		bool fits = (unsigned char)*c < 0x80 &&
			(isalnum((unsigned char)*c) || *c == '-' || *c == '_');
		buffer_putc(out, fits ? *c : '_');
		changed |= !fits;
	}
	if (changed)
		buffer_printf(out, "_%08x",
			(unsigned)(codec_hash(0, text, strlen(text)) & 0xffffffff));
}

static void put_device(struct json *json, const struct mqtt_output_options *options,
	const struct shown *shown)
{
	const struct station_config *own = options->station;
	bool is_own = strcmp(own->id, shown->station) == 0;
	struct buffer id;

	buffer_init(&id, TEXT_MAX);
	buffer_puts(&id, "muabui_");
	put_id(&id, shown->station);
	json_object(json, "device");
	json_array(json, "identifiers");
	json_string(json, NULL, buffer_text(&id));
	json_end_array(json);
	json_string(json, "name", is_own ? own->name : shown->station);
	json_string(json, "manufacturer", "muabui");
	if (is_own && *own->area)
		json_string(json, "suggested_area", own->area);
	json_end_object(json);
	buffer_free(&id);
}

static void put_config(struct buffer *out, const struct mqtt_output *self,
	const struct shown *shown, const struct metric *metric, const char *node,
	const char *state_topic)
{
	const char *class = device_class(metric);
	char text[256];
	struct json json;

	json_start(&json, out);
	json_object(&json, NULL);
	snprintf(text, sizeof text, "%s %s", shown->sensor, metric->name);
	json_string(&json, "name", text);
	snprintf(text, sizeof text, "muabui_%s_%s", node, metric->name);
	json_string(&json, "unique_id", text);
	json_string(&json, "state_topic", state_topic);
	snprintf(text, sizeof text,
		"{{ value_json['%s'] if '%s' in value_json else this.state }}",
		metric->name, metric->name);
	json_string(&json, "value_template", text);
	json_string(&json, "unit_of_measurement", metric->unit);
	if (class)
		json_string(&json, "device_class", class);
	json_string(&json, "state_class",
		metric->id == METRIC_RAIN_TOTAL ? "total_increasing" : "measurement");
	json_integer(&json, "suggested_display_precision", metric->decimals);
	json_string(&json, "availability_topic", self->status_topic);
	json_string(&json, "availability_template", "{{ value_json.state }}");
	put_device(&json, self->options, shown);
	json_end_object(&json);
}

/* --- sending -------------------------------------------------------------------- */

static bool send(struct mqtt_output *self, const char *topic, const struct buffer *text,
	bool is_retained)
{
	const struct mqtt_message message = {
		.topic = topic,
		.bytes = text->data,
		.length = text->length,
		.qos = is_retained ? 1 : 0,
		.is_retained = is_retained,
	};

	return !text->failed && mqtt_client_send(self->client, &message, 0, NULL);
}

static bool announce(struct mqtt_output *self, const struct shown *shown,
	const struct metric *metric, const char *state_topic)
{
	struct buffer node, topic, config;

	buffer_init(&node, TEXT_MAX);
	buffer_init(&topic, TEXT_MAX);
	buffer_init(&config, TEXT_MAX);
	put_id(&node, shown->station);
	buffer_putc(&node, '_');
	put_id(&node, shown->sensor);
	buffer_printf(
		&topic, "%s/sensor/%s/", self->options->discovery, buffer_text(&node));
	put_id(&topic, metric->name);
	buffer_puts(&topic, "/config");
	put_config(&config, self, shown, metric, buffer_text(&node), state_topic);
	bool sent = send(self, buffer_text(&topic), &config, true);
	buffer_free(&node);
	buffer_free(&topic);
	buffer_free(&config);
	return sent;
}

static bool is_announced(const struct shown *shown, uint16_t metric)
{
	for (size_t i = 0; i < shown->announced_count; i++)
		if (shown->announced[i] == metric)
			return true;
	return false;
}

static bool announce_all(
	struct mqtt_output *self, struct shown *shown, const char *state_topic)
{
	for (size_t i = 0; i < shown->newest.count; i++) {
		uint16_t id = shown->newest.readings[i].metric;
		const struct metric *metric = metric_by_id(id);

		if (!metric || is_announced(shown, id) ||
			shown->announced_count == READINGS_MAX)
			continue;
		if (!announce(self, shown, metric, state_topic))
			return false;
		shown->announced[shown->announced_count++] = id;
	}
	return true;
}

static bool send_state(
	struct mqtt_output *self, const struct report *report, const char *topic)
{
	struct buffer text;
	struct json json;

	buffer_init(&text, TEXT_MAX);
	json_start(&json, &text);
	json_object(&json, NULL);
	json_time(&json, "time", report->time_ms, 0);
	for (size_t i = 0; i < report->count; i++) {
		const struct reading *reading = &report->readings[i];
		const struct metric *metric = metric_by_id(reading->metric);

		if (metric)
			json_number(&json, metric->name,
				reading_is_usable(report, reading) ? reading->value
								   : NAN);
	}
	json_end_object(&json);
	bool sent = send(self, topic, &text, false);
	buffer_free(&text);
	return sent;
}

static bool show(struct mqtt_output *self, struct shown *shown)
{
	char topic[MQTT_TOPIC_SIZE];

	if (!mqtt_text_topic(self->options, self->options->state_topic, shown->station,
		    shown->sensor, topic))
		return true; /* nothing can be shown there */
	return announce_all(self, shown, topic) &&
		send_state(self, &shown->newest, topic);
}

void mqtt_discovery_send(struct mqtt_output *self)
{
	struct mqtt_discovery *discovery = self->discovery;

	if (!discovery)
		return;
	pthread_mutex_lock(&self->mutex);
	bool is_new = self->is_new;
	self->is_new = false;
	pthread_mutex_unlock(&self->mutex);
	for (size_t i = 0; is_new && i < discovery->count; i++)
		discovery->sources[i]->announced_count = 0;
	for (size_t i = 0; i < discovery->count; i++) {
		struct shown *shown = discovery->sources[i];
		if (shown->has_news && !show(self, shown))
			return;
		shown->has_news = false;
	}
}
