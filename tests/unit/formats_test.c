/*
 * Every payload under tests/fixtures/mqtt/FORMAT, whole and cut; what options change;
 * times, names, presence. No broker.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <cjson/cJSON.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/metric.h"
#include "sensors/decode.h"
#include "sensors/http.h"
#include "sensors/inbox.h"
#include "sensors/payload.h"
#include "sensors/sparkplug.pb-c.h"

enum { TEXT_MAX = 16384, FIXTURES_MAX = 100, REPORTS_MAX = 40, ASKS_MAX = 20 };

struct fixture {
	int format;
	char name[300];
	char text[TEXT_MAX];
	size_t length;
	char expected[4096];
	bool is_json;
};

static struct fixture fixtures[FIXTURES_MAX];
static size_t fixture_count;

static size_t read_file(const char *path, char *text, size_t size)
{
	FILE *file = fopen(path, "re");

	if (!file)
		fail_msg("%s: cannot be read", path);
	size_t length = fread(text, 1, size - 1, file);
	text[length] = '\0';
	fclose(file);
	return length;
}

static void load_folder(int format, const char *folder)
{
	DIR *directory = opendir(folder);
	char path[400];

	if (!directory)
		return;
	for (struct dirent *entry; (entry = readdir(directory));) {
		char *dot = strrchr(entry->d_name, '.');
		if (!dot || *entry->d_name == '.' || strcmp(dot, ".expected") == 0 ||
			strcmp(dot, ".js") == 0)
			continue;
		assert_true(fixture_count < FIXTURES_MAX);
		struct fixture *fixture = &fixtures[fixture_count++];
		fixture->format = format;
		fixture->is_json = strcmp(dot, ".json") == 0;
		snprintf(fixture->name, sizeof fixture->name, "%s/%s", folder,
			entry->d_name);
		fixture->length = read_file(fixture->name, fixture->text, TEXT_MAX);
		snprintf(path, sizeof path, "%s/%.*s.expected", folder,
			(int)(dot - entry->d_name), entry->d_name);
		read_file(path, fixture->expected, sizeof fixture->expected);
	}
	closedir(directory);
}

static int load_all(void **state)
{
	char folder[100];

	(void)state;
	load_folder(0, "tests/fixtures/mqtt/json");
	for (int i = format_find("plain") + 1; format_names[i]; i++) {
		size_t before = fixture_count;
		snprintf(
			folder, sizeof folder, "tests/fixtures/mqtt/%s", format_names[i]);
		load_folder(i, folder);
		if (fixture_count == before)
			return -1; /* no format without one */
	}
	return 0;
}

/* --- a sink that keeps everything ------------------------------------------- */

static struct report reports[REPORTS_MAX];
static size_t report_count;
static char presences[2000];
static struct {
	char topic[200];
	uint8_t bytes[64];
	size_t length;
} asks[ASKS_MAX];
static size_t ask_count;

static void keep_report(void *arg, struct report *report)
{
	(void)arg;
	assert_true(report->count > 0 && report->count <= READINGS_MAX);
	for (size_t i = 0; i < report->count; i++) {
		assert_true(isfinite(report->readings[i].value));
		assert_non_null(metric_by_id(report->readings[i].metric));
	}
	assert_int_equal(!(report->marks & REPORT_DEVICE_TIME), report->time_ms == 0);
	if (report_count < REPORTS_MAX)
		reports[report_count++] = *report;
}

static void keep_presence(void *arg, const char *who, bool is_online)
{
	size_t used = strlen(presences);

	(void)arg;
	snprintf(presences + used, sizeof presences - used, "%c%s ",
		is_online ? '+' : '-', who);
}

static void keep_ask(void *arg, const char *topic, const void *bytes, size_t length)
{
	(void)arg;
	if (ask_count == ASKS_MAX)
		return;
	snprintf(asks[ask_count].topic, sizeof asks[0].topic, "%s", topic);
	assert_true(length <= sizeof asks[0].bytes);
	memcpy(asks[ask_count].bytes, bytes, length);
	asks[ask_count++].length = length;
}

static const struct payload_sink sink = {
	.report = keep_report,
	.presence = keep_presence,
	.ask = keep_ask,
};

static enum sensor_result take(const struct payload_options *options, void *session,
	const char *topic, const void *bytes, size_t length)
{
	/* Where memory ends, so that a read behind it is seen. */
	uint8_t *exact = malloc(length + !length);

	memcpy(exact, bytes, length);
	struct payload payload = {
		.topic = topic, .bytes = exact, .length = length, .sender = ""
	};
	report_count = 0;
	enum sensor_result result = format_decode(options, session, &payload, &sink);
	free(exact);
	return result;
}

static enum sensor_result take_text(
	const struct payload_options *options, const char *topic, const char *text)
{
	return take(options, NULL, topic, text, strlen(text));
}

static struct payload_options options_of(const char *format)
{
	assert_true(format_find(format) >= 0);
	return format_defaults(format_find(format));
}

static double value_of(size_t index, uint16_t metric)
{
	assert_true(index < report_count);
	struct reading *reading = report_find(&reports[index], metric);
	return reading ? reading->value : NAN;
}

static struct payload_field field(uint16_t metric, const char *pointer)
{
	return (struct payload_field){
		.metric = metric_by_id(metric), .pointer = pointer, .scale = 1
	};
}

/* --- fixtures ---------------------------------------------------------------- */

static void decodes_as_written(void **state)
{
	(void)state;
	assert_true(fixture_count >= 18);
	for (size_t i = 0; i < fixture_count; i++) {
		struct fixture *fixture = &fixtures[i];
		struct payload_options options = format_defaults(fixture->format);
		struct buffer out;
		char why[100];

		buffer_init(&out, 1 << 20);
		assert_int_equal(
			decode_messages(&options, "", (const uint8_t *)fixture->text,
				fixture->length, &out, why, sizeof why),
			0);
		if (strcmp(buffer_text(&out), fixture->expected) != 0)
			fail_msg("%s:\n%s", fixture->name, buffer_text(&out));
		buffer_free(&out);
	}
}

/* A document that is cut, or has something behind it, is none. */
static void cut_json_is_refused(void **state)
{
	char more[TEXT_MAX + 2];

	(void)state;
	for (size_t i = 0; i < fixture_count; i++) {
		struct fixture *fixture = &fixtures[i];
		struct payload_options options = format_defaults(fixture->format);
		size_t whole = strrchr(fixture->text, '}') + 1 - fixture->text;

		if (!fixture->is_json)
			continue;
		assert_int_equal(
			take(&options, NULL, "", fixture->text, whole), SENSOR_OK);
		assert_int_equal(report_count, 1);
		for (size_t cut = 0; cut < whole; cut++) {
			enum sensor_result result =
				take(&options, NULL, "", fixture->text, cut);
			if (report_count > 0 || result == SENSOR_OK)
				fail_msg("%s cut at %zu", fixture->name, cut);
		}
		memcpy(more, fixture->text, whole);
		memcpy(more + whole, "x", 2);
		assert_int_equal(take_text(&options, "", more), SENSOR_BAD_SYNTAX);
		assert_int_equal(report_count, 0);
	}
}

/* Whatever comes to whichever format, cut anywhere: finite values or nothing. */
static void every_format_survives_every_payload(void **state)
{
	static const char *const topics[] = { "", "a/sensor/temperature/state",
		"homie/a/b/pm25", "spBv1.0/g/NBIRTH/e", "spBv1.0/g/DDATA/e/d",
		"tele/x/SENSOR", "a/b/up", "///", "spBv1.0/g/NDATA/" };

	(void)state;
	for (int format = 0; format_names[format]; format++) {
		struct payload_options options = format_defaults(format);
		void *session = format_open(formats[format]);

		for (size_t i = 0; i < fixture_count; i++) {
			size_t length = fixtures[i].length;
			for (size_t cut = 0; cut <= length; cut += 1 + cut / 16)
				take(&options, session,
					topics[(i + cut) %
						(sizeof topics / sizeof *topics)],
					fixtures[i].text, cut);
		}
		format_close(formats[format], session);
	}
}

/* --- options ------------------------------------------------------------------- */

static void fields_come_before_the_format(void **state)
{
	static const char text[] = "{\"Time\":\"2026-03-07T12:54:34\",\"BME280\":{"
				   "\"Temperature\":20.7,\"Humidity\":24},\"DS18B20\":{"
				   "\"Temperature\":28.5},\"TempUnit\":\"C\"}";
	struct payload_field fields[] = { field(METRIC_TEMPERATURE,
						  "/DS18B20/Temperature"),
		field(METRIC_NOISE, "/Mic/dB") };
	struct payload_options options = options_of("tasmota");

	(void)state;
	options.fields = (struct option_list){ .items = fields, .count = 1 };
	assert_int_equal(take_text(&options, "tele/x/SENSOR", text), SENSOR_OK);
	assert_true(value_of(0, METRIC_TEMPERATURE) == 28.5);
	assert_true(value_of(0, METRIC_HUMIDITY) == 24);
	assert_int_equal(reports[0].count, 2);

	options.fields.count = 2;
	assert_int_equal(
		take_text(&options, "tele/x/SENSOR", text), SENSOR_MISSING_FIELD);
	assert_int_equal(reports[0].count, 2);
	fields[1].optional = true;
	assert_int_equal(take_text(&options, "tele/x/SENSOR", text), SENSOR_OK);
	/* What is no data is no fault for want of fields. */
	fields[1].optional = false;
	assert_int_equal(
		take_text(&options, "tele/x/STATE", "{\"Uptime\":1}"), SENSOR_IGNORED);

	options = options_of("airrohr");
	fields[0] = field(METRIC_TEMPERATURE, "/DHT22_temperature");
	options.fields = (struct option_list){ .items = fields, .count = 1 };
	assert_int_equal(
		take_text(&options, "",
			"{\"sensordatavalues\":[{\"value_type\":"
			"\"BME280_temperature\",\"value\":\"20\"},{\"value_type\":"
			"\"DHT22_temperature\",\"value\":\"21\"}]}"),
		SENSOR_OK);
	assert_true(value_of(0, METRIC_TEMPERATURE) == 21);

	options = options_of("ecowitt");
	fields[0] = field(METRIC_TEMPERATURE, "/temp1f");
	fields[0].scale = 1 / 1.8;
	fields[0].offset = -32 / 1.8;
	options.fields = (struct option_list){ .items = fields, .count = 1 };
	assert_int_equal(take_text(&options, "", "tempf=50&temp1f=212"), SENSOR_OK);
	assert_true(value_of(0, METRIC_TEMPERATURE) == 100);

	options = options_of("esphome");
	fields[0] = field(METRIC_NOISE, "/microphone");
	options.fields = (struct option_list){ .items = fields, .count = 1 };
	assert_int_equal(
		take_text(&options, "n/sensor/microphone/state", "48.5"), SENSOR_OK);
	assert_true(value_of(0, METRIC_NOISE) == 48.5);
	options.fields.count = 0;
	assert_int_equal(
		take_text(&options, "n/sensor/microphone/state", "48.5"), SENSOR_IGNORED);
	options.metric = metric_by_id(METRIC_NOISE);
	assert_int_equal(
		take_text(&options, "n/sensor/microphone/state", "48.5"), SENSOR_OK);
}

static enum sensor_result take_by_tree(const struct payload_options *options,
	const char *text, size_t length, struct report *report, size_t *missing)
{
	cJSON *root = payload_parse(text, length);

	if (!root)
		fail_msg("\"%.*s\" is scanned, but no JSON", (int)length, text);
	enum sensor_result result = payload_take_fields(options, root, report, missing);
	cJSON_Delete(root);
	return result;
}

/* Whatever is taken without a tree is what a tree would give. False: a tree is needed. */
static bool scans(const struct payload_options *options, const char *text, size_t length)
{
	struct report scanned, taken;
	size_t missing = 0, tree_missing = 0;
	enum sensor_result result;

	report_init(&scanned);
	report_init(&taken);
	if (!payload_scan_fields(options, text, length, &scanned, &missing, &result)) {
		assert_int_equal(scanned.count, 0);
		return false;
	}
	assert_int_equal(
		result, take_by_tree(options, text, length, &taken, &tree_missing));
	assert_int_equal(missing, tree_missing);
	assert_int_equal(scanned.count, taken.count);
	for (size_t i = 0; i < taken.count; i++) {
		assert_int_equal(scanned.readings[i].metric, taken.readings[i].metric);
		assert_memory_equal(&scanned.readings[i].value, &taken.readings[i].value,
			sizeof(double));
	}
	return true;
}

static void flat_objects_need_no_tree(void **state)
{
	static const struct {
		const char *text;
		bool is_flat;
	} rows[] = {
		{ "{\"pm25\":35.2,\"t\":284,\"\":-0.0}", true },
		{ " { \"pm25\" : 1e3 , \"pm25\" : 2, \"t\":null } ", true },
		{ "{\"pm25\":0.1234567890123456789,\"t\":-12345678901234567890}", true },
		{ "{\"id\":\"x\",\"on\":true,\"off\":false,\"pm25\":3}", true },
		{ "{\"pm2\":1,\"pm255\":2,\"PM25\":3,\"a/b\":4,\"a~1b\":5}", true },
		{ "{}", true },
		{ "{\"pm25\":\"35\"}", false },
		{ "{\"pm25\":true}", false },
		{ "{\"pm25\":[1]}", false },
		{ "{\"other\":{\"pm25\":1}}", false },
		{ "{\"pm\\u0032\":1,\"id\":\"\\q\"}", false },
		{ "{\"pm25\":1e999}", false },
		{ "{\"pm25\":+1}", false },
		{ "{\"pm25\":1,}", false },
		{ "{\"pm25\":1}x", false },
		{ "{\"pm25\":1", false },
		{ "[1]", false },
		{ "{\"pm25\":1000000000000000000000000000000000000000000000000000000000000"
		  "0000000000}",
			false },
	};
	struct payload_field fields[] = { field(METRIC_PM25, "/pm25"),
		field(METRIC_NOISE, "/"), field(METRIC_TEMPERATURE, "/t"),
		field(METRIC_HUMIDITY, "/t") };
	struct payload_options options = options_of("json");

	(void)state;
	fields[2].scale = 0.1;
	fields[3].optional = true;
	options.fields = (struct option_list){ .items = fields, .count = 4 };
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		size_t length = strlen(rows[i].text);
		if (scans(&options, rows[i].text, length) != rows[i].is_flat)
			fail_msg("%s: %s", rows[i].text,
				rows[i].is_flat ? "is not scanned" : "is scanned");
		for (size_t cut = 0; cut < length; cut++)
			scans(&options, rows[i].text, cut);
	}
}

/* A pointer with depth or escapes is never taken for the name of a member. */
static void deep_pointers_need_a_tree(void **state)
{
	static const char *const deep[] = { "", "/a/b", "/a~1b", "/0/" };
	static const char text[] = "{\"a/b\":1,\"a~1b\":2,\"\":3,\"0/\":4}";
	struct payload_options options = options_of("json");

	(void)state;
	for (size_t i = 0; i < sizeof deep / sizeof *deep; i++) {
		struct payload_field one = field(METRIC_PM25, deep[i]);
		options.fields = (struct option_list){ .items = &one, .count = 1 };
		assert_false(scans(&options, text, strlen(text)));
	}
}

/* An encoder that leaves zeros out: a counter at its start, clean air. */
static void missing_zeros(void **state)
{
	static const char none[] = "{\"end_device_ids\":{\"device_id\":\"n\"},"
				   "\"uplink_message\":{\"f_port\":2}}";
	static const char one[] =
		"{\"uplink_message\":{\"decoded_payload\":{\"pm25\":3}}}";
	static const char join[] = "{\"join_accept\":{}}";
	struct payload_field fields[] = {
		field(METRIC_RAIN_TOTAL, "/uplink_message/decoded_payload/tips"),
		field(METRIC_PM25, "/uplink_message/decoded_payload/pm25"),
	};
	struct payload_options options = options_of("ttn");

	(void)state;
	options.fields = (struct option_list){ .items = fields, .count = 2 };
	assert_int_equal(take_text(&options, "", one), SENSOR_MISSING_FIELD);
	assert_int_equal(reports[0].count, 1);
	assert_int_equal(take_text(&options, "", none), SENSOR_MISSING_FIELD);
	assert_int_equal(report_count, 0);

	options.zero_when_missing = true;
	assert_int_equal(take_text(&options, "", one), SENSOR_OK);
	assert_true(value_of(0, METRIC_RAIN_TOTAL) == 0);
	assert_true(value_of(0, METRIC_PM25) == 3);
	assert_int_equal(take_text(&options, "", none), SENSOR_OK);
	assert_true(value_of(0, METRIC_PM25) == 0);
	/* What is no message of data has no zeros in it either. */
	assert_int_equal(take_text(&options, "", join), SENSOR_IGNORED);
	assert_int_equal(report_count, 0);
	assert_int_equal(take_text(&options, "", "[]"), SENSOR_BAD_SYNTAX);
	assert_int_equal(report_count, 0);
}

static int64_t time_of(const struct payload_options *options, const char *text)
{
	take_text(options, "", text);
	assert_int_equal(report_count, 1);
	return reports[0].time_ms;
}

static void times_of_the_payload(void **state)
{
	struct payload_options options = options_of("tasmota");
	static const char tasmota[] =
		"{\"Time\":\"2026-03-07T12:54:34\",\"BME280\":{\"Humidity\":24}}";
	const int64_t utc_ms = INT64_C(1772888074000); /* 2026-03-07T12:54:34Z */

	(void)state;
	assert_int_equal(time_of(&options, tasmota), 0); /* whose noon? */
	options.time_zone = "+07:00";
	assert_int_equal(time_of(&options, tasmota), utc_ms - 7 * 3600000);
	options.time_zone = "Z";
	assert_int_equal(time_of(&options, tasmota), utc_ms);

	options = options_of("ecowitt");
	assert_int_equal(
		time_of(&options, "dateutc=2026-03-07+12:54:34&tempf=50"), utc_ms);
	assert_int_equal(
		time_of(&options, "tempf=50&dateutc=2026-03-07%2012%3A54%3A34"), utc_ms);
	assert_int_equal(time_of(&options, "dateutc=now&tempf=50"), 0);
	assert_int_equal(time_of(&options, "dateutc=2026-13-07+12:54:34&tempf=50"), 0);

	options = options_of("zigbee2mqtt");
	assert_int_equal(
		time_of(&options, "{\"humidity\":1,\"last_seen\":1772888074000}"),
		utc_ms);
	assert_int_equal(time_of(&options,
				 "{\"humidity\":1,\"last_seen\":"
				 "\"2026-03-07T19:54:34+07:00\"}"),
		utc_ms);

	options = options_of("json");
	struct payload_field fields[] = { field(METRIC_PM25, "/v") };
	options.fields = (struct option_list){ .items = fields, .count = 1 };
	options.time = "/at/t";
	assert_int_equal(
		time_of(&options, "{\"v\":1,\"at\":{\"t\":1772888074.5}}"), utc_ms + 500);
	assert_int_equal(time_of(&options, "{\"v\":1,\"at\":{\"t\":\"now\"}}"), 0);
	assert_int_equal(time_of(&options, "{\"v\":1,\"at\":{\"t\":-5}}"), 0);
	assert_int_equal(time_of(&options, "{\"v\":1,\"at\":{\"t\":1e300}}"), 0);
	assert_int_equal(time_of(&options, "{\"v\":1}"), 0);
}

static struct report stamped(int64_t device_ms, int64_t now_ms)
{
	struct report report;

	report_init(&report);
	if (device_ms)
		payload_stamp_ms(&report, device_ms);
	inbox_stamp(&report, now_ms);
	return report;
}

static void only_plausible_times_are_used(void **state)
{
	const int64_t now = INT64_C(1795300000000), minute = 60000;
	struct report report = stamped(0, now);

	(void)state;
	assert_int_equal(report.time_ms, now);
	assert_int_equal(report.marks, 0);
	report = stamped(now - 9 * minute, now);
	assert_int_equal(report.time_ms, now - 9 * minute);
	assert_int_equal(report.marks, REPORT_DEVICE_TIME);
	report = stamped(now - 11 * minute, now);
	assert_int_equal(report.time_ms, now - 11 * minute);
	assert_int_equal(report.marks, REPORT_DEVICE_TIME | REPORT_BACKFILLED);
	report = stamped(now + minute, now);
	assert_int_equal(report.time_ms, now + minute);
	report = stamped(now + 60 * minute, now); /* 7 hours, mostly: a zone forgotten */
	assert_int_equal(report.time_ms, now);
	assert_int_equal(report.marks, 0);
	report = stamped(5 * minute, now); /* 1970: its clock was never set */
	assert_int_equal(report.time_ms, now);
	/* Ours was not: the device knows better, within reason. */
	clock_freeze(1000, 0);
	report = stamped(now, 0);
	assert_int_equal(report.time_ms, now);
	assert_int_equal(report.marks, REPORT_DEVICE_TIME);
	report = stamped(INT64_C(2208988800001), 0); /* 2040 */
	assert_int_equal(report.marks, REPORT_CLOCK_UNSET);
	report = stamped(0, 0);
	assert_int_equal(report.marks, REPORT_CLOCK_UNSET);
	clock_simulate(0, 1);
}

static void devices_are_named(void **state)
{
	struct payload_options options = options_of("airrohr");
	struct payload payload = { .topic = "", .sender = "esp8266-77" };
	static const char push[] = "{\"sensordatavalues\":[{\"value_type\":\"P1\","
				   "\"value\":\"1\"}]}";
	char name[NAME_SIZE];

	(void)state;
	payload.bytes = (const uint8_t *)push;
	payload.length = strlen(push);
	report_count = 0;
	assert_int_equal(format_decode(&options, NULL, &payload, &sink), SENSOR_OK);
	assert_string_equal(reports[0].sensor, "esp8266-77");
	for (size_t i = 0; i < fixture_count; i++) {
		const struct payload_format *format = formats[fixtures[i].format];
		if (!fixtures[i].is_json || !format->names_device)
			continue;
		options = format_defaults(fixtures[i].format);
		take_text(&options, "", fixtures[i].text);
		assert_string_not_equal(reports[0].sensor, "");
	}
	assert_true(inbox_name("{device}", "a/+", "a/b", "rain-01", name));
	assert_string_equal(name, "rain-01");
	assert_true(inbox_name("{1}.{device}", "a/+", "a/b", "rain-01", name));
	assert_string_equal(name, "b.rain-01");
	assert_false(inbox_name("{device}", "a/+", "a/b", "", name));
}

static void names_mean_what_they_say(void **state)
{
	static const struct {
		const char *name;
		uint16_t metric;
		double one; /* what 1 is */
	} cases[] = {
		{ "temperature", METRIC_TEMPERATURE, 1 },
		{ "Outdoor Temperature", METRIC_TEMPERATURE, 1 },
		{ "airTemperature", METRIC_TEMPERATURE, 1 },
		{ "TempC", METRIC_TEMPERATURE, 1 },
		{ "temp_f", METRIC_TEMPERATURE, -17.222222 },
		{ "relative_humidity", METRIC_HUMIDITY, 1 },
		{ "PM2.5", METRIC_PM25, 1 },
		{ "pm_1_0", METRIC_PM1, 1 },
		{ "pm_10_0", METRIC_PM10, 1 },
		{ "pm10", METRIC_PM10, 1 },
		{ "pm1", METRIC_PM1, 1 },
		{ "barometric_pressure_pa", METRIC_PRESSURE, 0.01 },
		{ "co_ppm", METRIC_CO, 1144.900879 },
		{ "co2", METRIC_CO2, 1 },
		{ "rain_total", METRIC_RAIN_TOTAL, 1 },
		{ "windSpeed", METRIC_WIND_SPEED, 1 },
		{ "internal_temperature", 0, 0 },
		{ "dewPointTemperature", 0, 0 },
		{ "soil_temperature", 0, 0 },
		{ "temperature_max", 0, 0 },
		{ "battery", 0, 0 },
		{ "pm25_aqi", 0, 0 },
		{ "pm25_1h", 0, 0 },
		{ "rain_day", 0, 0 },
		{ "vn_aqi", 0, 0 },
		{ "rain_mm", 0, 0 },
		{ "pm_2_5_number_concentration", 0, 0 },
		{ "sea_level_pressure", 0, 0 },
		{ "co2_raw", 0, 0 },
		{ "columns", 0, 0 },
		{ "", 0, 0 },
		{ "___", 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct payload_key key = { .metric = 0 };
		bool means =
			payload_name_means(cases[i].name, strlen(cases[i].name), &key);
		if (means != (cases[i].metric != 0) ||
			(means && key.metric != cases[i].metric))
			fail_msg("%s: %u", cases[i].name, means ? key.metric : 0u);
		if (means)
			assert_true(fabs(payload_scaled(1, key.scale, key.offset) -
					    cases[i].one) < 1e-6);
	}
}

/* --- presence --------------------------------------------------------------------- */

static enum presence presence_of(const char *text, const char *on, const char *off)
{
	struct payload payload = {
		.topic = "", .bytes = (const uint8_t *)text, .length = strlen(text)
	};

	return format_presence(&payload, on, off);
}

static void presence_in_many_words(void **state)
{
	(void)state;
	assert_int_equal(presence_of("Online", "", ""), PRESENCE_ONLINE);
	assert_int_equal(presence_of("offline", "", ""), PRESENCE_OFFLINE);
	assert_int_equal(
		presence_of("{\"state\":\"offline\"}", "", ""), PRESENCE_OFFLINE);
	assert_int_equal(presence_of("lost", "", ""), PRESENCE_OFFLINE);
	assert_int_equal(presence_of("ready", "", ""), PRESENCE_ONLINE);
	assert_int_equal(presence_of("false", "", ""), PRESENCE_OFFLINE);
	assert_int_equal(presence_of("\"online\"", "", ""), PRESENCE_ONLINE);
	assert_int_equal(presence_of("", "", ""), PRESENCE_UNKNOWN);
	assert_int_equal(presence_of("0.5", "", ""), PRESENCE_UNKNOWN);
	assert_int_equal(presence_of("{}", "", ""), PRESENCE_UNKNOWN);
	assert_int_equal(presence_of("da", "da", "weg"), PRESENCE_ONLINE);
	assert_int_equal(presence_of("weg", "da", "weg"), PRESENCE_OFFLINE);
	assert_int_equal(presence_of("online", "da", "weg"), PRESENCE_UNKNOWN);
}

static void presence_topics_follow_from_data_topics(void **state)
{
	static const struct {
		const char *format, *filter, *wanted;
	} cases[] = {
		{ "tasmota", "tele/+/SENSOR", "tele/+/LWT" },
		{ "tasmota", "tele/roof/SENSOR", "tele/roof/LWT" },
		{ "tasmota", "tele/#", NULL }, /* they come anyway */
		{ "zigbee2mqtt", "zigbee2mqtt/+", "zigbee2mqtt/+/availability" },
		{ "esphome", "+/sensor/+/state", "+/status" },
		{ "esphome", "sensor/+/state", NULL },
		{ "homie", "homie/+/+/+", "homie/+/$state" },
		{ "homie", "homie/5/+/+/+", "homie/5/+/$state" },
		{ "json", "env/+/air", NULL },
		{ "sparkplug", "spBv1.0/#", NULL },
	};
	char filter[100];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct payload_format *format =
			formats[format_find(cases[i].format)];
		bool has = format_presence_filter(
			format, cases[i].filter, filter, sizeof filter);
		assert_int_equal(has, cases[i].wanted != NULL);
		if (has)
			assert_string_equal(filter, cases[i].wanted);
	}
	assert_true(format_is_presence(formats[format_find("tasmota")], "tele/x/LWT"));
	assert_false(format_is_presence(formats[format_find("tasmota")], "tele/x/LWTx"));
	assert_false(format_is_presence(formats[format_find("json")], "tele/x/LWT"));
}

/* --- Sparkplug -----------------------------------------------------------------------
 */

static size_t unhex(const char *text, uint8_t *bytes)
{
	size_t length = 0;
	unsigned byte;

	for (; sscanf(text, "%2x", &byte) == 1; text += 2)
		bytes[length++] = (uint8_t)byte;
	return length;
}

/* Plays the lines "topic hex" of FILE into SESSION. */
static void play(const char *file, void *session, size_t totals[static 2])
{
	struct payload_options options = options_of("sparkplug");
	static char text[TEXT_MAX];
	char topic[200], hex[2000], *line, *rest = text;
	uint8_t bytes[1000];

	read_file(file, text, sizeof text);
	totals[0] = totals[1] = 0;
	while ((line = strsep(&rest, "\n"))) {
		if (sscanf(line, "%199s %1999s", topic, hex) != 2)
			continue;
		take(&options, session, topic, bytes, unhex(hex, bytes));
		totals[0] += report_count;
		for (size_t i = 0; i < report_count; i++)
			totals[1] += (reports[i].marks & REPORT_BACKFILLED) != 0;
	}
}

static void sparkplug_remembers_and_asks(void **state)
{
	const struct payload_format *format = formats[format_find("sparkplug")];
	void *session = format_open(format);
	size_t totals[2];

	(void)state;
	presences[0] = '\0';
	ask_count = 0;
	play("tests/fixtures/mqtt/sparkplug/01-life.hex", session, totals);
	assert_string_equal(
		presences, "+hanoi/roof +hanoi/roof/dust -hanoi/roof/dust -hanoi/roof ");
	assert_int_equal(ask_count, 0);
	assert_int_equal(totals[0], 5);
	assert_int_equal(totals[1], 2); /* is_historical */
	format_close(format, session);

	session = format_open(format);
	presences[0] = '\0';
	play("tests/fixtures/mqtt/sparkplug/02-lost.hex", session, totals);
	assert_string_equal(presences, "+hanoi/roof +hanoi/roof ");
	assert_int_equal(ask_count, 4);
	assert_string_equal(asks[0].topic, "spBv1.0/hanoi/NCMD/roof");
	Sparkplug__Payload *asked =
		sparkplug__payload__unpack(NULL, asks[0].length, asks[0].bytes);
	assert_non_null(asked);
	assert_int_equal(asked->n_metrics, 1);
	assert_string_equal(asked->metrics[0]->name, "Node Control/Rebirth");
	assert_int_equal(asked->metrics[0]->boolean_value, 1);
	sparkplug__payload__free_unpacked(asked, NULL);
	format_close(format, session);
}

/* Anybody may invent groups and aliases: memory stays what it is. */
static void sparkplug_is_bounded(void **state)
{
	struct payload_options options = options_of("sparkplug");
	const struct payload_format *format = formats[options.format];
	void *session = format_open(format);
	static uint8_t bytes[60000];
	char topic[100];
	size_t length = 0;

	(void)state;
	/* name "pm25", alias n */
	for (unsigned n = 0; length < sizeof bytes - 20; n++) {
		static const uint8_t head[] = { 0x12, 10, 0x0a, 4, 'p', 'm', '2', '5',
			0x10 };
		memcpy(bytes + length, head, sizeof head);
		length += sizeof head;
		bytes[length++] = (uint8_t)(0x80 | (n & 0x7f));
		bytes[length++] = (uint8_t)(0x80 | (n >> 7 & 0x7f));
		bytes[length++] = (uint8_t)(n >> 14);
	}
	assert_int_equal(take(&options, session, "spBv1.0/g/NBIRTH/e", bytes, length),
		SENSOR_TOO_LARGE);
	for (int i = 0; i < 1000; i++) {
		snprintf(topic, sizeof topic, "spBv1.0/g%d/NBIRTH/e", i);
		take(&options, session, topic, bytes, 200 * 13);
	}
	format_close(format, session);
}

/* --- HTTP paths -----------------------------------------------------------------------
 */

static void paths_match_and_hide_tokens(void **state)
{
	char token[64], topic[64], filter[64];

	(void)state;
	assert_true(http_filter("/in/{token}/+/report/", filter, sizeof filter));
	assert_string_equal(filter, "in/+/report");
	assert_true(http_match("/in/{token}/+/report/", "/in/s3cret/HN-1/report", token,
		topic, sizeof topic));
	assert_string_equal(token, "s3cret");
	assert_string_equal(topic, "in/HN-1/report");
	assert_true(http_match("/", "/", token, topic, sizeof topic));
	assert_string_equal(token, "");
	assert_true(
		http_match("/data/report/", "/data/report", token, topic, sizeof topic));
	assert_false(http_match("/data", "/data/x", token, topic, sizeof topic));
	assert_false(http_match("/data/x", "/data", token, topic, sizeof topic));
	assert_false(http_match("/data", "/Data", token, topic, sizeof topic));
	assert_false(http_match("/{token}",
		"/0123456789012345678901234567890123456789012345678901234567890123",
		token, topic, sizeof topic));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decodes_as_written),
		cmocka_unit_test(cut_json_is_refused),
		cmocka_unit_test(every_format_survives_every_payload),
		cmocka_unit_test(fields_come_before_the_format),
		cmocka_unit_test(flat_objects_need_no_tree),
		cmocka_unit_test(deep_pointers_need_a_tree),
		cmocka_unit_test(missing_zeros),
		cmocka_unit_test(times_of_the_payload),
		cmocka_unit_test(only_plausible_times_are_used),
		cmocka_unit_test(devices_are_named),
		cmocka_unit_test(names_mean_what_they_say),
		cmocka_unit_test(presence_in_many_words),
		cmocka_unit_test(presence_topics_follow_from_data_topics),
		cmocka_unit_test(sparkplug_remembers_and_asks),
		cmocka_unit_test(sparkplug_is_bounded),
		cmocka_unit_test(paths_match_and_hide_tokens),
	};

	return cmocka_run_group_tests_name("formats", tests, load_all, NULL);
}
