/*
 * Batches from gateway to gateway: what the mqtt output writes, the format "muabui" reads
 * back; what is damaged, cut, or made to do harm; what is handed to the ring, and once.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/compress.h"
#include "core/log.h"
#include "core/metric.h"
#include "gateway/pipeline.h"
#include "outputs/mqtt.h"
#include "sensors/inbox.h"
#include "store/directory.h"
#include "store/reports.h"
#include "store/ring.h"
#include "tests/unit/chance.h"
#include "tests/unit/temp_store.h"

enum { REPORTS_MAX = 64 };

static const int64_t now_ms = INT64_C(1795300000000);

static struct payload_options options;
static void *session;
static struct report reports[REPORTS_MAX];
static size_t report_count, unknown_count;
static char fault[200], unknown[200], logged[4000];

static void keep_report(void *arg, struct report *report)
{
	(void)arg;
	if (report_count < REPORTS_MAX)
		reports[report_count] = *report;
	report_count++;
}

static void keep_fault(void *arg, const char *text)
{
	(void)arg;
	snprintf(fault, sizeof fault, "%s", text);
}

static void keep_unknown(void *arg, const char *name)
{
	(void)arg;
	unknown_count++;
	snprintf(unknown, sizeof unknown, "%s", name);
}

static void keep_log(enum log_level level, const char *line)
{
	size_t length = strlen(logged);

	(void)level;
	snprintf(logged + length, sizeof logged - length, "%s\n", line);
}

static int declare(void **state)
{
	const struct metric level = {
		.name = "level", .unit = "m", .min = -5, .max = 20
	};

	(void)state;
	return metric_declare(&level) ? 0 : -1;
}

static int set_up(void **state)
{
	(void)state;
	options = format_defaults(format_find("muabui"));
	session = format_open(formats[options.format]);
	log_set_sink(keep_log);
	clock_freeze(now_ms, 1000);
	return session ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	format_close(formats[options.format], session);
	log_set_sink(NULL);
	return 0;
}

/* From memory that ends where the bytes end. */
static enum sensor_result take(const void *bytes, size_t length)
{
	const struct payload_sink sink = {
		.report = keep_report, .fault = keep_fault, .unknown = keep_unknown
	};
	uint8_t *exact = malloc(length + !length);
	struct payload payload = { .topic = "muabui/A/readings",
		.bytes = exact,
		.length = length,
		.sender = "" };

	memcpy(exact, bytes, length);
	report_count = unknown_count = 0;
	*fault = *unknown = '\0';
	enum sensor_result result = format_decode(&options, session, &payload, &sink);
	free(exact);
	return result;
}

static enum sensor_result take_text(const char *text)
{
	return take(text, strlen(text));
}

static void expect_reading(const struct report *report, uint16_t metric, double value,
	double raw, enum flag flag)
{
	const struct reading *reading = report_find(report, metric);

	assert_non_null(reading);
	assert_true(reading->value == value);
	assert_true(reading->raw == raw);
	assert_int_equal(reading->flag, flag);
}

/* --- status messages ------------------------------------------------------------ */

static bool station_of(const char *text, struct station *station)
{
	size_t length = strlen(text);
	uint8_t *exact = malloc(length + !length);
	const struct payload payload = {
		.topic = "muabui/A/status", .bytes = exact, .length = length, .sender = ""
	};

	memcpy(exact, text, length);
	bool said = formats[options.format]->station(&payload, station);
	free(exact);
	return said;
}

static void a_status_says_who_it_is(void **state)
{
	struct station who;
	char text[5000];

	(void)state;
	assert_true(station_of(
		"{\"state\":\"online\",\"station\":{\"id\":\"A\",\"name\":\"Cầu Giấy\","
		"\"area\":\"hn-cg\",\"latitude\":21.5,\"longitude\":105.25,"
		"\"indicative\":true}}",
		&who));
	assert_string_equal(who.id, "A");
	assert_string_equal(who.name, "Cầu Giấy");
	assert_string_equal(who.area, "hn-cg");
	assert_true(who.latitude == 21.5 && who.longitude == 105.25);
	assert_true(who.indicative);

	assert_true(
		station_of("{\"station\":{\"id\":\"A\",\"area\":null,\"latitude\":null,"
			   "\"longitude\":null,\"name\":7}}",
			&who));
	assert_string_equal(who.name, "");
	assert_string_equal(who.area, "");
	assert_true(isnan(who.latitude) && isnan(who.longitude));
	assert_false(who.indicative);

	static const char *const bad[] = { "", "online", "[]", "{\"station\":\"A\"}",
		"{\"station\":{}}", "{\"station\":{\"id\":\"\"}}",
		"{\"station\":{\"id\":\"A\",\"latitude\":21.0}}",
		"{\"station\":{\"id\":\"A\"}", "{\"station\":{\"id\":\"\xff\"}}",
		"{\"station\":{\"id\":\"A23456789012345678901234567890123456789012345678901234"
		"5678901234\"}}" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(station_of(bad[i], &who));
	snprintf(text, sizeof text, "{\"station\":{\"id\":\"A\"},\"x\":\"%04500d\"}", 0);
	assert_false(station_of(text, &who));
	snprintf(
		text, sizeof text, "{\"station\":{\"id\":\"A\",\"name\":\"%0200d\"}}", 0);
	assert_false(station_of(text, &who));
}

/* --- line protocol ------------------------------------------------------------- */

static void lines_are_read(void **state)
{
	(void)state;
	assert_int_equal(
		take_text(
			"# a comment\n"
			"environment,station=A,sensor=dust pm25=35.2,pm10_bad=999.5,"
			"pm10_qc=4i,humidity=-0.5,humidity_qc=3i,level=1e-3 "
			"1795299999123\r\n\n"
			"environment,host=x,sensor=d\\ u\\,s\\=t,station=C\xe1\xba\xa7u "
			"pm25=1.0 1795299999124"),
		SENSOR_OK);
	assert_int_equal(report_count, 2);
	assert_string_equal(reports[0].station, "A");
	assert_string_equal(reports[0].sensor, "dust");
	assert_true(reports[0].time_ms == 1795299999123);
	assert_int_equal(reports[0].marks, REPORT_DEVICE_TIME | REPORT_RELAYED);
	assert_int_equal(reports[0].count, 4);
	expect_reading(&reports[0], METRIC_PM25, 35.2, 35.2, FLAG_GOOD);
	expect_reading(&reports[0], METRIC_PM10, 999.5, 999.5, FLAG_FAIL);
	expect_reading(&reports[0], METRIC_HUMIDITY, -0.5, -0.5, FLAG_SUSPECT);
	expect_reading(&reports[0], metric_find("level")->id, 0.001, 0.001, FLAG_GOOD);
	assert_string_equal(reports[1].station, "C\xe1\xba\xa7u");
	assert_string_equal(reports[1].sensor, "d u,s=t");
}

static void what_nobody_declared_is_left_out(void **state)
{
	(void)state;
	assert_int_equal(
		take_text(
			"environment,station=A,sensor=d flux=1.0,flux_qc=3i,pm25=2.0 1\n"
			"environment,station=A,sensor=d flux_bad=7.0,flux_qc=4i 2\n"),
		SENSOR_OK);
	assert_int_equal(report_count, 1);
	assert_int_equal(reports[0].count, 1);
	assert_int_equal(unknown_count, 2);
	assert_string_equal(unknown, "flux");
}

static void wrong_lines_are_named(void **state)
{
	static const char good[] = "environment,station=A,sensor=d pm25=2.0 1\n";
	static const struct {
		const char *line, *why;
	} cases[] = {
		{ "weather,station=A,sensor=d pm25=2.0 1", "no station" },
		{ "environmental,station=A,sensor=d pm25=2.0 1", "no station" },
		{ "environment,station=A pm25=2.0 1", "no station" },
		{ "environment,station=,sensor=d pm25=2.0 1", "no station" },
		{ "environment,station=a/b,sensor=d pm25=2.0 1", "no station" },
		{ "environment pm25=2.0 1", "no station" },
		{ "environment,station=A,sensor=d", "no station" },
		{ "environment,station=A,sensor=d ", "no field" },
		{ "environment,station=A,sensor=d pm25 1", "no field" },
		{ "environment,station=A,sensor=d pm25= 1", "no number" },
		{ "environment,station=A,sensor=d pm25=nan 1", "no number" },
		{ "environment,station=A,sensor=d pm25=1.0x 1", "no number" },
		{ "environment,station=A,sensor=d pm25=1e999 1", "no number" },
		{ "environment,station=A,sensor=d pm25=\"2\" 1", "no number" },
		{ "environment,station=A,sensor=d pm25=2.0", "no time" },
		{ "environment,station=A,sensor=d pm25=2.0 soon", "no time" },
		{ "environment,station=A,sensor=d pm25=2.0 -1", "no time" },
		{ "environment,station=A,sensor=d pm25=2.0 1 2", "no time" },
		{ "environment,station=A,sensor=d pm25=2.0 1795300000000000000",
			"milliseconds" },
		{ "environment,station=A,sensor=d pm25=2.0,pm25=3.0 1", "twice" },
		{ "environment,station=A,sensor=d pm25_qc=3i,pm25=2.0 1", "flag" },
		{ "environment,station=A,sensor=d pm25=2.0,pm25_qc=7i 1",
			"no such flag" },
		{ "environment,station=A,sensor=d pm25=2.0,,pm10=1.0 1", "no field" },
	};
	char text[400];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		snprintf(text, sizeof text, "%s%s\n%s", good, cases[i].line, good);
		if (take_text(text) != SENSOR_BAD_SYNTAX ||
			!strstr(fault, cases[i].why) ||
			strncmp(fault, "line 2: ", 8) != 0)
			fail_msg("%s: \"%s\"", cases[i].line, fault);
	}
	assert_int_equal(take_text("# only this\n"), SENSOR_IGNORED);
}

/* --- JSON ------------------------------------------------------------------------ */

#define JSON_HEAD \
	"{\"muabui\":1,\"gateway\":\"A\",\"units\":{\"level\":\"m\"},\"reports\":["
#define JSON_REPORT                                                           \
	"{\"station\":\"A\",\"sensor\":\"d\\u01b0\",\"flags\":{\"pm10\":4},"  \
	"\"raw\":{\"pm25\":36.5},\"time\":\"2026-11-22T09:46:40.123+00:00\"," \
	"\"values\":{\"pm25\":35.2,\"pm10\":7,\"tsp\":null,\"level\":2,"      \
	"\"flux\":[{}]},\"status\":1,\"marks\":[\"backfilled\",\"new\"],"     \
	"\"later\":{\"a\":[1,\"}\",null,true]}}"

static void json_is_read(void **state)
{
	char text[900];

	(void)state;
	snprintf(text, sizeof text, "%s", JSON_HEAD JSON_REPORT " , " JSON_REPORT "]}\n");
	/* What is unknown must still be a number. */
	assert_int_equal(take_text(text), SENSOR_BAD_SYNTAX);
	assert_string_equal(fault, "report 1: a value is no number");
	for (char *at = text; (at = strstr(at, "[{}]"));)
		memcpy(at, "2.50", 4);
	assert_int_equal(take_text(text), SENSOR_OK);
	assert_int_equal(report_count, 2);
	assert_string_equal(reports[1].sensor, "d\xc6\xb0");
	assert_true(reports[1].time_ms == 1795340800123);
	assert_int_equal(reports[1].status, STATUS_CALIBRATING);
	assert_int_equal(reports[1].marks,
		REPORT_DEVICE_TIME | REPORT_RELAYED | REPORT_BACKFILLED);
	assert_int_equal(reports[1].count, 4);
	expect_reading(&reports[1], METRIC_PM25, 35.2, 36.5, FLAG_GOOD);
	expect_reading(&reports[1], METRIC_PM10, 7, 7, FLAG_FAIL);
	assert_int_equal(report_find(&reports[1], METRIC_TSP)->flag, FLAG_MISSING);
	assert_string_equal(unknown, "flux");
}

static void another_unit_is_another_metric(void **state)
{
	static const char format[] =
		"{\"muabui\":1,\"units\":{\"depth\":\"cm\",\"level\":\"%s\"},"
		"\"reports\":[{\"station\":\"A\",\"sensor\":\"d\","
		"\"time\":\"2026-11-22T09:46:40Z\",\"values\":{\"level\":2,\"pm25\":1}}]}";
	char text[400];

	(void)state;
	snprintf(text, sizeof text, format, "m");
	assert_int_equal(take_text(text), SENSOR_OK);
	assert_int_equal(reports[0].count, 2);
	snprintf(text, sizeof text, format, "cm");
	assert_int_equal(take_text(text), SENSOR_OK);
	assert_int_equal(reports[0].count, 1);
	assert_string_equal(unknown, "level");
}

static void wrong_json_is_named(void **state)
{
#define REPORT(REST) \
	"{\"muabui\":1,\"reports\":[{\"station\":\"A\",\"sensor\":\"d\"" REST "}]}"
#define TIMED(REST) REPORT(",\"time\":\"2026-11-22T09:46:40Z\"" REST)
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "{", "report 0" },
		{ "{}", "report 0: no reports" },
		{ "{\"reports\":[],\"muabui\":1}",
			"report 0: no reports, or no version" },
		{ "{\"muabui\":2,\"reports\":[]}", "report 0: another version" },
		{ "{\"muabui\":1,\"reports\":[]} x", "report 0: not JSON" },
		{ "{\"muabui\":1,\"reports\":[1]}", "report 1" },
		{ REPORT(""), "report 1: no station, sensor or time" },
		{ REPORT(",\"time\":1795300000"), "report 1: no time" },
		{ REPORT(",\"time\":\"2026-11-22T09:46:40\""), "report 1: no time" },
		{ REPORT(",\"station\":\"a/b\""), "report 1: no name" },
		{ TIMED(",\"values\":{\"pm25\":\"1\"}"), "report 1: a value" },
		{ TIMED(",\"values\":{\"pm25\":1,\"pm25\":2}"), "report 1: a metric" },
		{ TIMED(",\"values\":{},\"flags\":{\"pm25\":3}"), "report 1: a flag" },
		{ TIMED(",\"values\":{\"pm25\":1},\"flags\":{\"pm25\":5}"),
			"report 1: no such flag" },
		{ TIMED(",\"status\":7"), "report 1: no such status" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (take_text(cases[i].text) != SENSOR_BAD_SYNTAX ||
			strncmp(fault, cases[i].why, strlen(cases[i].why)) != 0)
			fail_msg("%s: \"%s\"", cases[i].text, fault);
	/* Deeper than anybody needs. */
	struct buffer deep;
	buffer_init(&deep, 1 << 20);
	buffer_puts(&deep, "{\"muabui\":1,\"x\":");
	for (int i = 0; i < 100000; i++)
		buffer_putc(&deep, '[');
	assert_int_equal(take(deep.data, deep.length), SENSOR_BAD_SYNTAX);
	buffer_free(&deep);
}

/* --- there and back --------------------------------------------------------------- */

static const struct station_config station = { .id = "A",
	.name = "Tr\xe1\xba\xa1m A",
	.area = "",
	.latitude = 21,
	.longitude = NAN };
static struct mqtt_output_options output_options = { .station = &station, .name = "bus" };

static void make_report(struct report *report, struct chance *seed)
{
	static const uint16_t metrics[] = { METRIC_PM25, METRIC_PM10, METRIC_TEMPERATURE,
		METRIC_RAIN, METRIC_RAIN_1H, METRIC_VN_AQI };
	static const uint8_t flags[] = { FLAG_GOOD, FLAG_GOOD, FLAG_SUSPECT, FLAG_FAIL };

	report_init(report);
	report->time_ms = now_ms - (int64_t)(chance_bits(seed) % 100000000);
	report->marks = REPORT_DEVICE_TIME | REPORT_RELAYED;
	snprintf(report->station, NAME_SIZE, "%s",
		chance_bits(seed) % 2 ? "A" : "B \\, =\"");
	snprintf(report->sensor, NAME_SIZE, "s%d", (int)(chance_bits(seed) % 3));
	for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++) {
		double value = (double)(int64_t)chance_bits(seed) / 1e15;
		if (chance_bits(seed) % 3 > 0)
			value = nearbyint(value * 10) / 10;
		if (chance_bits(seed) % 4 > 0 || report->count == 0)
			report_add(report, metrics[i], value);
		report->readings[report->count - 1].flag = flags[chance_bits(seed) % 4];
	}
}

static void expect_same(const struct report *a, const struct report *b)
{
	assert_string_equal(a->station, b->station);
	assert_string_equal(a->sensor, b->sensor);
	assert_true(a->time_ms == b->time_ms);
	assert_int_equal(a->marks, b->marks);
	assert_int_equal(a->status, b->status);
	assert_int_equal(a->count, b->count);
	for (size_t i = 0; i < a->count; i++) {
		const struct reading *reading = report_find(b, a->readings[i].metric);
		assert_non_null(reading);
		assert_memory_equal(&a->readings[i].value, &reading->value, 8);
		assert_memory_equal(&a->readings[i].raw, &reading->raw, 8);
		assert_int_equal(a->readings[i].flag, reading->flag);
	}
}

/* The message the output makes of COUNT REPORTS. */
static void write_message(enum mqtt_payload payload, const struct report *list,
	size_t count, struct buffer *message)
{
	struct mqtt_output output = {
		.options = &output_options,
		.lines = line_encoder_new(LINE_INFLUX_1_2),
	};
	struct stored_report stored = { 0 };
	struct buffer record;

	output_options.payload = payload;
	buffer_init(&record, 1 << 16);
	mqtt_text_begin(&output, message);
	for (size_t i = 0; i < count; i++) {
		stored.report = list[i];
		stored.source = (int64_t)i % 7;
		buffer_clear(&record);
		mqtt_text_record(&output, &stored, &record);
		const char *tab = strchr(buffer_text(&record), '\t');
		assert_non_null(tab);
		assert_memory_equal(record.data, list[i].station, tab - record.data);
		assert_int_equal(record.data[record.length - 1], '\n');
		if (payload == MQTT_PAYLOAD_JSON && i > 0)
			buffer_putc(message, ',');
		buffer_puts(message, tab + 1);
	}
	mqtt_text_end(&output, message);
	assert_false(message->failed);
	line_encoder_free(output.lines);
	buffer_free(&record);
}

static void what_is_written_is_read_back(void **state)
{
	static struct report list[REPORTS_MAX];
	struct buffer message;
	struct chance seed = chance_begin();

	(void)state;
	buffer_init(&message, 1 << 20);
	for (int round = 0; round < 200; round++) {
		for (size_t i = 0; i < REPORTS_MAX; i++) {
			make_report(&list[i], &seed);
			if (round % 2 == MQTT_PAYLOAD_LINES)
				continue;
			/* JSON keeps all of it. */
			list[i].status = (uint8_t)(chance_bits(&seed) % 3);
			list[i].marks |= chance_bits(&seed) % 2 ? REPORT_BACKFILLED : 0;
			list[i].marks |= chance_bits(&seed) % 2 ? REPORT_RETAINED : 0;
			list[i].marks |= chance_bits(&seed) % 2 ? REPORT_REVISED : 0;
			list[i].marks |= chance_bits(&seed) % 2 ? REPORT_INDICATIVE : 0;
			list[i].readings[0].raw += chance_bits(&seed) % 2;
			list[i].readings[0].flag = FLAG_NOT_EVALUATED;
		}
		buffer_clear(&message);
		write_message(
			(enum mqtt_payload)(round % 2), list, REPORTS_MAX, &message);
		assert_int_equal(take(message.data, message.length), SENSOR_OK);
		assert_int_equal(report_count, REPORTS_MAX);
		for (size_t i = 0; i < REPORTS_MAX; i++)
			expect_same(&list[i], &reports[i]);
	}
	buffer_free(&message);
}

static void lines_call_bad_what_they_cannot_explain(void **state)
{
	struct report report;
	struct buffer message;
	struct chance seed = chance_begin();

	(void)state;
	buffer_init(&message, 1 << 16);
	for (int what = 0; what < 2; what++) {
		make_report(&report, &seed);
		if (what == 0)
			report.status = STATUS_CALIBRATING;
		else
			report.marks |= REPORT_RETAINED;
		buffer_clear(&message);
		write_message(MQTT_PAYLOAD_LINES, &report, 1, &message);
		assert_int_equal(take(message.data, message.length), SENSOR_OK);
		for (size_t i = 0; i < reports[0].count; i++)
			assert_int_equal(reports[0].readings[i].flag, FLAG_FAIL);
	}
	buffer_free(&message);
}

/* Whatever it is cut to, all before the cut is as it was, or the whole is bad. */
static void cuts_and_damage_never_change_a_report(void **state)
{
	static struct report list[3];
	struct compressor *zstd = compressor_new(COMPRESSION_ZSTD);
	struct buffer message, packed;
	struct chance seed = chance_begin();

	(void)state;
	buffer_init(&message, 1 << 16);
	buffer_init(&packed, 1 << 16);
	for (size_t i = 0; i < 3; i++)
		make_report(&list[i], &seed);
	for (int payload = 0; payload < 2; payload++) {
		buffer_clear(&message);
		write_message((enum mqtt_payload)payload, list, 3, &message);
		for (size_t cut = 1; cut + 1 < message.length; cut++) {
			enum sensor_result result = take(message.data, cut);
			/* A line cut in its time would be one of another time: hence
			 * compression, or the broker's own length. */
			if (payload == MQTT_PAYLOAD_JSON && cut + 2 < message.length)
				assert_int_not_equal(result, SENSOR_OK);
		}
		assert_true(compressor_run(zstd, message.data, message.length, &packed));
		for (size_t cut = 4; cut < packed.length; cut++)
			assert_int_equal(take(packed.data, cut), SENSOR_BAD_CHECKSUM);
		for (size_t i = 0; i < message.length; i++) {
			char before = message.data[i];
			message.data[i] = (char)chance_bits(&seed);
			take(message.data, message.length);
			message.data[i] = before;
		}
	}
	compressor_free(zstd);
	buffer_free(&message);
	buffer_free(&packed);
}

static void bombs_are_too_large(void **state)
{
	static const enum compression kinds[] = { COMPRESSION_GZIP, COMPRESSION_ZSTD };
	char *blanks = malloc(8 << 20);
	struct buffer packed;

	(void)state;
	memset(blanks, '\n', 8 << 20);
	buffer_init(&packed, 16 << 20);
	for (size_t i = 0; i < 2; i++) {
		struct compressor *compressor = compressor_new(kinds[i]);
		assert_true(compressor_run(compressor, blanks, 8 << 20, &packed));
		assert_int_equal(take(packed.data, packed.length), SENSOR_TOO_LARGE);
		compressor_free(compressor);
	}
	buffer_free(&packed);
	free(blanks);
}

/* --- into the ring ----------------------------------------------------------------- */

static struct temp temp;
static struct ring *ring;
static struct sensor_common common;
static struct option_item item = { .common = &common };
static struct sensor sensor;
static struct inbox inbox;

static void open_ring(void)
{
	char path[128], why[200];

	snprintf(path, sizeof path, "%s.ring", temp.path);
	ring = ring_open(path, 4 << 20, why, sizeof why);
	assert_non_null(ring);
	sensor.ring = ring;
}

static int set_up_inbox(void **state)
{
	if (set_up(state) < 0)
		return -1;
	temp_make(&temp);
	sensor = (struct sensor){ .name = "boxes", .station = "Z", .item = &item };
	common.station = "{1}";
	open_ring();
	return inbox_init(&inbox, &sensor, &options, "muabui/+/readings");
}

static int tear_down_inbox(void **state)
{
	inbox_finish(&inbox);
	ring_close(ring);
	temp_remove(&temp);
	return tear_down(state);
}

static enum sensor_result hand_in(const char *topic, const char *text, int *accepted)
{
	struct inbox_message message = {
		.payload = {
			.topic = topic,
			.bytes = (const uint8_t *)text,
			.length = strlen(text),
			.sender = "",
		},
	};

	*logged = '\0';
	return inbox_take(&inbox, &message, accepted);
}

static size_t count_ring(void)
{
	struct report report;
	size_t count = 0;
	uint64_t seq;

	while (ring_next(ring, &report, &seq))
		count++;
	ring_release(ring);
	return count;
}

/* COUNT lines of station A, a second apart, from FIRST on. */
static char *make_lines(int first, int count)
{
	char *text = malloc((size_t)count * 64 + 1);
	size_t used = 0;

	for (int i = first; i < first + count; i++)
		used += (size_t)snprintf(text + used, 64,
			"environment,station=A,sensor=d pm25=%d.0 %lld\n", i % 90,
			(long long)now_ms - 10000000 + i * 1000);
	return text;
}

static void a_batch_is_stored_once(void **state)
{
	char *all = make_lines(0, 5000), *more = make_lines(4000, 3000);
	char *gap = make_lines(8000, 10), *mixed = make_lines(7995, 15);
	int accepted;

	(void)state;
	assert_int_equal(hand_in("muabui/A/readings", all, &accepted), SENSOR_OK);
	assert_int_equal(accepted, 5000);
	assert_int_equal(hand_in("muabui/A/readings", all, &accepted), SENSOR_IGNORED);
	assert_int_equal(accepted, 0);
	assert_int_equal(sensor.stats.duplicates, 5000);
	/* After a crash of the sender the same comes in other portions. */
	assert_int_equal(hand_in("muabui/A/readings", more, &accepted), SENSOR_OK);
	assert_int_equal(accepted, 2000);
	/* After one of ours the file knows. */
	ring_close(ring);
	open_ring();
	assert_int_equal(hand_in("muabui/A/readings", more, &accepted), SENSOR_IGNORED);
	assert_int_equal(count_ring(), 7000);
	/* New ones in front of known ones: an output sends the newest first. */
	assert_int_equal(hand_in("muabui/A/readings", gap, &accepted), SENSOR_OK);
	assert_int_equal(hand_in("muabui/A/readings", mixed, &accepted), SENSOR_OK);
	assert_int_equal(accepted, 5);
	assert_int_equal(count_ring(), 15);
	free(all);
	free(more);
	free(gap);
	free(mixed);
}

static void a_batch_is_taken_as_a_whole(void **state)
{
	int accepted;

	(void)state;
	assert_int_equal(hand_in("muabui/A/readings",
				 "environment,station=A,sensor=d pm25=1.0 1795299999000\n"
				 "environment,station=A,sensor=d pm25=x 1795299999001\n",
				 &accepted),
		SENSOR_BAD_SYNTAX);
	assert_non_null(strstr(logged, "boxes"));
	assert_non_null(
		strstr(logged, "muabui/A/readings: line 2: a value is no number"));
	assert_int_equal(
		hand_in("muabui/A/readings",
			"environment,station=A,sensor=d pm25=1.0 1795299999000\n"
			"environment,station=B,sensor=d pm25=1.0 1795299999001\n",
			&accepted),
		SENSOR_BAD_TOPIC);
	assert_int_equal(count_ring(), 0);
	/* Where nothing is said of stations, all may come on one topic. */
	common.station = "";
	assert_int_equal(
		hand_in("muabui/A/readings",
			"environment,station=A,sensor=d pm25=1.0 1795299999000\n"
			"environment,station=B,sensor=d pm25=1.0 1795299999001\n",
			&accepted),
		SENSOR_OK);
	assert_int_equal(count_ring(), 2);
}

static void times_are_kept_and_must_be_possible(void **state)
{
	struct report report;
	uint64_t seq;
	int accepted;

	(void)state;
	assert_int_equal(
		hand_in("muabui/A/readings",
			"environment,station=A,sensor=d pm25=1.0 1577836799999\n"
			"environment,station=A,sensor=d pm25=2.0 1577836800000\n"
			"environment,station=A,sensor=d pm25=3.0 1795300060000\n"
			"environment,station=A,sensor=d pm25=4.0 1795386400001\n",
			&accepted),
		SENSOR_BAD_VALUE);
	assert_int_equal(accepted, 2);
	assert_non_null(strstr(logged, "2 reports of an impossible time"));
	assert_true(ring_next(ring, &report, &seq));
	assert_true(report.time_ms == 1577836800000);
	assert_true(report.marks & REPORT_BACKFILLED);
	assert_true(ring_next(ring, &report, &seq));
	assert_true(report.time_ms == 1795300060000);
	assert_false(report.marks & REPORT_BACKFILLED);
	assert_false(ring_next(ring, &report, &seq));
}

/* --- judging ------------------------------------------------------------------------ */

static void nothing_is_judged_or_derived_anew(void **state)
{
	const struct pipeline_settings settings = { .store = NULL };
	struct pipeline *pipeline = pipeline_new(&settings);
	struct report report;

	(void)state;
	report_init(&report);
	report.time_ms = now_ms;
	report.marks = REPORT_RELAYED | REPORT_DEVICE_TIME;
	snprintf(report.station, NAME_SIZE, "A");
	snprintf(report.sensor, NAME_SIZE, "d");
	report_add(&report, METRIC_RAIN_TOTAL, 12.5);
	report_add(&report, METRIC_RAIN, 0.5);
	report_add(&report, METRIC_RAIN_1H, 3);
	report_add(&report, METRIC_PM25, 80);
	report_add(
		&report, METRIC_PM10, 10); /* less than fine dust: once said is enough */
	report_add(&report, METRIC_HUMIDITY, 400);
	for (size_t i = 0; i < report.count; i++)
		report.readings[i].flag = FLAG_GOOD;
	report.readings[2].flag = FLAG_SUSPECT;
	report.readings[3].flag = FLAG_NOT_EVALUATED;
	for (int i = 0; i < 3; i++) {
		report.time_ms += 60000;
		struct source *source = pipeline_source(pipeline, &report);
		pipeline_judge(pipeline, source, &report);
	}
	assert_int_equal(report.count, 6);
	assert_int_equal(report_find(&report, METRIC_RAIN)->flag, FLAG_GOOD);
	assert_int_equal(report_find(&report, METRIC_RAIN_1H)->flag, FLAG_SUSPECT);
	assert_int_equal(report_find(&report, METRIC_PM25)->flag, FLAG_NOT_EVALUATED);
	assert_int_equal(report_find(&report, METRIC_PM10)->flag, FLAG_GOOD);
	assert_int_equal(report_find(&report, METRIC_HUMIDITY)->flag, FLAG_FAIL);
	pipeline_free(pipeline);
}

static void a_sum_that_a_device_says_is_not_said_twice(void **state)
{
	const struct pipeline_settings settings = { .store = NULL };
	struct pipeline *pipeline = pipeline_new(&settings);
	struct report report;
	int sums = 0;

	(void)state;
	/* The first says since when the gauge is watched: before it there are no sums. */
	for (int minute = 0; minute < 2; minute++) {
		report_init(&report);
		report.time_ms = now_ms + minute * 60000;
		snprintf(report.station, NAME_SIZE, "A");
		snprintf(report.sensor, NAME_SIZE, "g");
		report_add(&report, METRIC_RAIN, 0.5);
		report_add(&report, METRIC_RAIN_1H, 3);
		pipeline_judge(pipeline, pipeline_source(pipeline, &report), &report);
	}
	for (size_t i = 0; i < report.count; i++)
		sums += report.readings[i].metric == METRIC_RAIN_1H;
	assert_int_equal(sums, 1);
	assert_true(report_find(&report, METRIC_RAIN_1H)->value == 3);
	assert_non_null(report_find(&report, METRIC_RAIN_24H));
	pipeline_free(pipeline);
}

int main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, set_up, tear_down)
#define WITH_INBOX(NAME) \
	cmocka_unit_test_setup_teardown(NAME, set_up_inbox, tear_down_inbox)
	const struct CMUnitTest tests[] = {
		TEST(a_status_says_who_it_is),
		TEST(lines_are_read),
		TEST(what_nobody_declared_is_left_out),
		TEST(wrong_lines_are_named),
		TEST(json_is_read),
		TEST(another_unit_is_another_metric),
		TEST(wrong_json_is_named),
		TEST(what_is_written_is_read_back),
		TEST(lines_call_bad_what_they_cannot_explain),
		TEST(cuts_and_damage_never_change_a_report),
		TEST(bombs_are_too_large),
		WITH_INBOX(a_batch_is_stored_once),
		WITH_INBOX(a_batch_is_taken_as_a_whole),
		WITH_INBOX(times_are_kept_and_must_be_possible),
		TEST(nothing_is_judged_or_derived_anew),
		TEST(a_sum_that_a_device_says_is_not_said_twice),
	};

	return cmocka_run_group_tests(tests, declare, NULL);
}
