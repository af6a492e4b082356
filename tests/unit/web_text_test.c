/* What web/ writes of a gateway: metrics, health, status, the terminal's texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cjson/cJSON.h>
#include <ctype.h>
#include <stdlib.h>

#include "core/utf8.h"
#include "tests/unit/fake_gateway.h"
#include "web/metrics.h"
#include "web/page_frame.h"
#include "web/status_text.h"
#include "web/table.h"
#include "web/words.h"

static struct buffer out;

static int set_up(void **state)
{
	(void)state;
	fake_start();
	buffer_init(&out, 1 << 20);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	buffer_free(&out);
	fake_stop();
	return 0;
}

static bool has(const char *text)
{
	return strstr(buffer_text(&out), text) != NULL;
}

#define ASSERT_HAS(TEXT)                                                             \
	do {                                                                         \
		if (!has(TEXT))                                                      \
			print_error("lacks: %s\nin: %s\n", TEXT, buffer_text(&out)); \
		assert_true(has(TEXT));                                              \
	} while (0)

/* A gateway with something of everything, some of it broken. */
static void fill(void)
{
	fake_sensor("dust", "HN-CG-01", 600000);
	fake_sensor("gauge", "HN-CG-01", 900000);
	struct sensor_stats *dust = &fake_sensors.items[0].stats;
	atomic_store(&dust->results[SENSOR_OK], 3600);
	atomic_store(&dust->results[SENSOR_BAD_CHECKSUM], 3);
	atomic_store(&dust->skipped_bytes, 96);
	atomic_store(&dust->last_good_ms, fake_now_ms - 1000);
	struct sensor_stats *gauge = &fake_sensors.items[1].stats;
	atomic_store(&gauge->results[SENSOR_TIMEOUT], 120);
	atomic_store(&gauge->state, SENSOR_TIMEOUT);

	fake_outputs.items[0] = (struct output_status){ .name = "city",
		.type = "influxdb",
		.cursor = 3590,
		.lag = 10,
		.sent = 3590,
		.last_success_ms = fake_now_ms - 2000 };
	fake_outputs.items[1] = (struct output_status){ .name = "old",
		.type = "influxdb",
		.lag = 3600,
		.failures = 7,
		.dead = 2,
		.held = true,
		.last_error_ms = fake_now_ms - 30000,
		.last_error = "401 unauthorized" };
	fake_outputs.count = 2;
	fake_notifier.items[0] = (struct channel_status){ .name = "officers",
		.type = "ntfy",
		.waiting = 1,
		.sent = 4,
		.last_success_ms = fake_now_ms - 7200000 };
	fake_notifier.count = 1;

	fake_ring.used = 1536;
	fake_ring.accepted = 3600;
	atomic_store(&fake_recorder.reports, 3600);
	atomic_store(&fake_recorder.readings, 7200);
	atomic_store(&fake_recorder.flagged, 5);
	atomic_store(&fake_recorder.commits, 3500);
	atomic_store(&fake_recorder.last_report_ms, fake_now_ms - 1000);
	atomic_store(&fake_recorder.last_commit_ms, fake_now_ms - 500);
	atomic_store(&fake_recorder.store_bytes, 12900000);
}

/* --- metrics ------------------------------------------------------------------ */

static void test_metrics(void **state)
{
	(void)state;
	fill();
	fake_report("HN-CG-01", "dust", METRIC_PM25, 35.2, FLAG_GOOD, 1000);
	fake_report("HN-CG-01", "dust", METRIC_PM10, 512, FLAG_FAIL, 1000);
	fake_report("HN-CG-01", "dust", METRIC_PM1, 9, FLAG_GOOD, METRICS_FRESH_MS);
	fake_report("HN-CG-01", "dust", METRIC_PM4, 8, FLAG_GOOD, METRICS_FRESH_MS - 1);
	metrics_write(&fake_view, &out);
	assert_false(out.failed);
	ASSERT_HAS(
		"# TYPE muabui_build_info gauge\nmuabui_build_info{version=\"0.1\"} 1\n");
	ASSERT_HAS("\nmuabui_uptime_seconds 3600\n");
	ASSERT_HAS("\nmuabui_ring_used_bytes 1536\n");
	ASSERT_HAS("\nmuabui_ring_size_bytes 4194304\n");
	ASSERT_HAS(
		"# TYPE muabui_ring_accepted_total counter\nmuabui_ring_accepted_total 3600\n");
	ASSERT_HAS("\nmuabui_recorder_commits_total 3500\n");
	ASSERT_HAS("\nmuabui_store_bytes 12900000\n");
	ASSERT_HAS(
		"muabui_sensor_last_good_timestamp_seconds{sensor=\"dust\",driver=\"pms5003\"} "
		"1795314599\n");
	ASSERT_HAS(
		"muabui_sensor_last_good_timestamp_seconds{sensor=\"gauge\",driver=\"pms5003\"} "
		"0\n");
	ASSERT_HAS(
		"muabui_sensor_results_total{sensor=\"dust\",result=\"checksum\"} 3\n");
	ASSERT_HAS(
		"muabui_sensor_results_total{sensor=\"gauge\",result=\"timeout\"} 120\n");
	ASSERT_HAS("muabui_output_lag_reports{output=\"city\",type=\"influxdb\"} 10\n");
	ASSERT_HAS("muabui_output_dead_letters{output=\"old\",type=\"influxdb\"} 2\n");
	ASSERT_HAS("muabui_output_held{output=\"old\",type=\"influxdb\"} 1\n");
	ASSERT_HAS("muabui_channel_waiting{channel=\"officers\",type=\"ntfy\"} 1\n");
	ASSERT_HAS("muabui_reading{station=\"HN-CG-01\",sensor=\"dust\",metric=\"pm25\","
		   "unit=\"µg/m³\"} 35.2\n");
	ASSERT_HAS(
		"muabui_reading_flag{station=\"HN-CG-01\",sensor=\"dust\",metric=\"pm10\","
		"unit=\"µg/m³\"} 4\n");
	assert_false(has("metric=\"pm1\""));
	ASSERT_HAS("metric=\"pm4\"");
}

/* Every line is HELP, TYPE or a sample of the family just opened, each only once. */
static void test_metrics_format(void **state)
{
	char name[128] = "", *save;

	(void)state;
	fill();
	for (int i = 0; i < 5; i++) {
		char station[32];
		snprintf(station, sizeof station, "s%d\\\"\n", i);
		fake_report(station, "a", METRIC_PM25, i, FLAG_GOOD, 0);
		fake_report(station, "b", METRIC_RAIN_1H, NAN, FLAG_MISSING, 0);
	}
	metrics_write(&fake_view, &out);
	assert_false(out.failed);
	char *text = strdup(buffer_text(&out));
	for (char *line = strtok_r(text, "\n", &save); line;
		line = strtok_r(NULL, "\n", &save)) {
		if (strncmp(line, "# HELP ", 7) == 0) {
			char opened[160];
			snprintf(name, sizeof name, "%.*s", (int)strcspn(line + 7, " "),
				line + 7);
			snprintf(opened, sizeof opened, "# HELP %s ", name);
			const char *first = strstr(buffer_text(&out), opened);
			assert_null(strstr(first + 1, opened));
		} else if (strncmp(line, "# TYPE ", 7) == 0) {
			assert_memory_equal(line + 7, name, strlen(name));
			bool counter = strstr(line, " counter") != NULL;
			bool total = strcmp(name + strlen(name) - 6, "_total") == 0;
			assert_true(counter == total);
		} else {
			assert_memory_equal(line, name, strlen(name));
			char *end = line + strlen(name);
			assert_true(*end == '{' || *end == ' ');
			const char *value = strrchr(line, ' ') + 1;
			char *rest;
			strtod(value, &rest);
			assert_string_equal(rest, "");
		}
	}
	free(text);
	ASSERT_HAS("station=\"s3\\\\\\\"\\n\"");
	ASSERT_HAS("metric=\"rain_1h\",unit=\"mm\"} NaN\n");
}

static void test_metrics_of_little(void **state)
{
	(void)state;
	fake_view.sensors = NULL;
	fake_view.outputs = NULL;
	fake_view.notifier = NULL;
	fake_view.ring = NULL;
	metrics_write(&fake_view, &out);
	ASSERT_HAS("muabui_build_info");
	assert_false(has("muabui_sensor_"));
	assert_false(has("muabui_output_"));
	assert_false(has("muabui_ring_"));
	buffer_clear(&out);
	view_status_json(&fake_view, &out);
	cJSON *json = cJSON_Parse(buffer_text(&out));
	assert_non_null(json);
	cJSON_Delete(json);
}

/* --- health ------------------------------------------------------------------- */

static void expect_health(int status, const char *sentence)
{
	buffer_clear(&out);
	assert_int_equal(view_health(&fake_view, &out), status);
	assert_string_equal(buffer_text(&out), sentence);
}

static void test_health(void **state)
{
	(void)state;
	expect_health(503, "No data yet.");
	fake_sensor("dust", "", 60000);
	fake_sensor("gauge", "", 600000);
	atomic_store(&fake_recorder.last_report_ms, fake_now_ms - 600000);
	expect_health(200, "Data moves: the newest report is 10 min old.");
	atomic_store(&fake_recorder.last_report_ms, fake_now_ms - 600001);
	expect_health(503,
		"No data moves: the newest report is 10 min old, the limit is 10 min.");
	/* A little ahead is a clock; far ahead is a clock gone back. */
	atomic_store(&fake_recorder.last_report_ms, fake_now_ms + 2000);
	expect_health(200, "Data moves: the newest report is 0 s old.");
	atomic_store(&fake_recorder.last_report_ms, fake_now_ms + 600001);
	expect_health(503, "The newest report is from the future; is the clock right?");
}

static void test_health_of_the_recorder(void **state)
{
	(void)state;
	atomic_store(&fake_recorder.last_report_ms, fake_now_ms);
	atomic_store(&fake_recorder.last_commit_ms, fake_now_ms - 33000);
	atomic_store(&fake_recorder.commit_errors, 12);
	fake_ring.used = 100;
	expect_health(200, "Data moves: the newest report is 0 s old.");
	atomic_store(&fake_recorder.last_commit_ms, fake_now_ms - 33001);
	expect_health(503, "Reports wait but the recorder does not commit (12 failed).");
	fake_ring.used = 0;
	expect_health(200, "Data moves: the newest report is 0 s old.");
	/* It never committed, and has run for an hour. */
	fake_ring.used = 100;
	atomic_store(&fake_recorder.last_commit_ms, 0);
	expect_health(503, "Reports wait but the recorder does not commit (12 failed).");
}

/* --- status -------------------------------------------------------------------- */

static const cJSON *at(const cJSON *object, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

	if (!item)
		print_error("lacks %s\n", key);
	assert_non_null(item);
	return item;
}

static void test_status(void **state)
{
	(void)state;
	fill();
	view_status_json(&fake_view, &out);
	cJSON *root = cJSON_Parse(buffer_text(&out));
	assert_non_null(root);
	assert_string_equal(at(root, "version")->valuestring, "0.1");
	assert_string_equal(
		at(root, "started")->valuestring, "2026-11-22T08:30:00+07:00");
	assert_int_equal(at(root, "uptime_s")->valueint, 3600);
	assert_true(cJSON_IsTrue(at(at(root, "health"), "ok")));
	assert_string_equal(at(at(root, "station"), "id")->valuestring, "HN-CG-01");
	assert_string_equal(
		at(at(root, "clock"), "time")->valuestring, "2026-11-22T09:30:00+07:00");
	assert_int_equal(at(at(root, "clock"), "held")->valueint, 0);
	assert_int_equal(at(at(root, "clock"), "steps")->valueint, 0);
	assert_null(cJSON_GetObjectItem(at(root, "clock"), "last_step"));
	assert_int_equal(at(at(root, "ring"), "used")->valueint, 1536);
	assert_int_equal(at(at(root, "recorder"), "commits")->valueint, 3500);
	assert_string_equal(
		at(at(root, "store"), "path")->valuestring, "/var/lib/muabui/muabui.db");

	const cJSON *sensor = cJSON_GetArrayItem(at(root, "sensors"), 0);
	assert_string_equal(at(sensor, "name")->valuestring, "dust");
	assert_string_equal(at(sensor, "driver")->valuestring, "pms5003");
	assert_string_equal(at(sensor, "state")->valuestring, "ok");
	assert_string_equal(
		at(sensor, "last_good")->valuestring, "2026-11-22T09:29:59+07:00");
	assert_true(at(sensor, "age_s")->valuedouble == 1);
	assert_true(cJSON_IsFalse(at(sensor, "silent")));
	assert_int_equal(cJSON_GetArraySize(at(sensor, "results")), 2);
	assert_int_equal(at(at(sensor, "results"), "checksum")->valueint, 3);
	sensor = cJSON_GetArrayItem(at(root, "sensors"), 1);
	assert_true(cJSON_IsNull(at(sensor, "last_good")));
	assert_true(cJSON_IsNull(at(sensor, "age_s")));
	assert_true(cJSON_IsTrue(at(sensor, "silent")));

	const cJSON *output = cJSON_GetArrayItem(at(root, "outputs"), 1);
	assert_true(cJSON_IsTrue(at(output, "held")));
	assert_int_equal(at(output, "dead")->valueint, 2);
	assert_string_equal(at(output, "last_error")->valuestring, "401 unauthorized");
	assert_true(cJSON_IsNull(at(output, "last_success")));
	assert_true(cJSON_IsNull(
		at(cJSON_GetArrayItem(at(root, "outputs"), 0), "last_error")));
	assert_int_equal(
		at(cJSON_GetArrayItem(at(root, "channels"), 0), "waiting")->valueint, 1);
	cJSON_Delete(root);
}

static void test_status_text(void **state)
{
	struct buffer json;

	(void)state;
	fill();
	buffer_init(&json, 1 << 20);
	view_status_json(&fake_view, &json);
	assert_true(status_text(buffer_text(&json), &out));
	buffer_free(&json);
	/* The clock's source is the machine's; the rest is ours. */
	char *clock = strstr(buffer_text(&out), "+07:00, ");
	assert_non_null(clock);
	size_t from = (size_t)(clock + 8 - out.data);
	memmove(out.data + from, strchr(clock, '\n'), strlen(strchr(clock, '\n')) + 1);
	assert_string_equal(buffer_text(&out),
		"muabui 0.1, station HN-CG-01 (Cầu Giấy), up 1 h\n"
		"\n"
		"  health    Data moves: the newest report is 1 s old.\n"
		"  clock     2026-11-22T09:30:00+07:00, \n"
		"  ring      1.5 KiB of 4.0 MiB used, 3600 reports taken\n"
		"  recorder  3600 reports, 7200 readings stored in 3500 commits, 5 flagged, "
		"newest now\n"
		"  store     /var/lib/muabui/muabui.db, 12.3 MiB of at most 4.0 GiB\n"
		"\n"
		"  SENSOR         DRIVER     STATE          LAST GOOD      COUNTS\n"
		"  dust           pms5003    ok             now            ok 3600, checksum 3, "
		"96 bytes skipped\n"
		"! gauge          pms5003    timeout        never          timeout 120, SILENT\n"
		"                 no answer: power? A and B swapped? address and speed?\n"
		"\n"
		"  OUTPUT         TYPE       DELIVERY\n"
		"  city           influxdb   3590 sent, 10 behind, last success 2 s ago\n"
		"! old            influxdb   0 sent, 3600 behind, 2 dead letters, 7 failures, last "
		"success never, HELD: the far side refuses us\n"
		"                  error 30 s ago: 401 unauthorized\n"
		"\n"
		"  CHANNEL        TYPE       DELIVERY\n"
		"  officers       ntfy       4 sent, 1 waiting, last success 2 h ago\n"
		"\n"
		"2 lines are wrong, marked with '!'.\n");
}

static void test_status_text_of_the_clock(void **state)
{
	struct buffer json;

	(void)state;
	fill();
	fake_recorder.held = 120;
	fake_recorder.undatable = 7;
	fake_recorder.clock_steps = 2;
	fake_recorder.clock_step_ms = fake_now_ms - 2 * 3600 * 1000;
	fake_recorder.clock_step_by_ms = -3600 * 1000;
	buffer_init(&json, 1 << 20);
	view_status_json(&fake_view, &json);
	assert_non_null(strstr(buffer_text(&json),
		"\"held\":120,\"undatable\":7,\"dropped\":0,\"steps\":2,"
		"\"last_step\":\"2026-11-22T07:30:00+07:00\",\"last_step_s\":-3600"));
	assert_true(status_text(buffer_text(&json), &out));
	buffer_free(&json);
	assert_non_null(strstr(buffer_text(&out),
		", 120 reports wait until it is right, 7 of unknown time kept apart, "
		"set back by 1 h 2 h ago\n"));
	buffer_clear(&out);
	metrics_write(&fake_view, &out);
	assert_non_null(strstr(buffer_text(&out), "\nmuabui_clock_held_reports 120\n"));
	assert_non_null(
		strstr(buffer_text(&out), "\nmuabui_clock_undatable_reports 7\n"));
	assert_non_null(strstr(buffer_text(&out), "\nmuabui_clock_steps_total 2\n"));
	assert_non_null(
		strstr(buffer_text(&out), "\nmuabui_clock_last_step_seconds -3600\n"));
}

static void test_status_text_of_other_things(void **state)
{
	static const char *const others[] = { "", "{", "[]", "null", "{}",
		"{\"clock\":3}", "{\"clock\":{\"time\":\"yesterday\"}}" };

	(void)state;
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		assert_false(status_text(others[i], &out));
	/* Members of other types are treated as absent; control characters do not get
	 * out. */
	assert_true(status_text(
		"{\"clock\":{\"time\":\"2026-11-22T09:30:00+07:00\"},"
		"\"version\":7,\"station\":[],\"sensors\":[1,\"\",{\"name\":"
		"\"\\u001b[2J\\u009b1m\",\"results\":[1,2]}],\"outputs\":{\"a\":1}}",
		&out));
	assert_false(has("\x1b"));
	assert_false(has("\xc2\x9b"));
	ASSERT_HAS("! ?[2J?1m");
}

/* --- the terminal's table --------------------------------------------------------- */

static void test_table(void **state)
{
	(void)state;
	fake_sensor("dust", "", 600000);
	fake_sensor("gauge", "", 600000);
	fake_report("HN-CG-01", "dust", METRIC_PM25, 35.2, FLAG_GOOD, 1000);
	fake_report("HN-CG-01", "dust", METRIC_PM10, 512, FLAG_FAIL, 3000);
	fake_report("HN-CG-01", "gauge", METRIC_RAIN_TOTAL, 123.4, FLAG_GOOD, 5000);
	fake_report("HN-CG-01", "gauge", METRIC_RAIN_10M, 0.2, FLAG_GOOD, 5000);
	fake_report("HN-CG-01", "gauge", METRIC_RAIN_24H, 12.04, FLAG_GOOD, 5000);
	fake_report("HN-BD-02", "nodes", METRIC_VN_AQI, 151, FLAG_SUSPECT, 1000000);
	fake_report("HN-BD-02", "nodes", METRIC_RAIN_RATE, 3, FLAG_GOOD, 4000);
	fake_report("HN-BD-02", "nodes", METRIC_RAIN_10M, 0.5, FLAG_GOOD, 4000);
	fake_report("HN-BD-02", "nodes", METRIC_RAIN_30M, 0.6, FLAG_GOOD, 4000);
	fake_report("HN-BD-02", "nodes", METRIC_RAIN_1H, 0.7, FLAG_SUSPECT, 4000);
	table_render(&fake_view, 80, 0, false, &out);
	assert_string_equal(buffer_text(&out),
		"HN-CG-01  Cầu Giấy\n"
		"  dust    pm25 35.2 µg/m³   pm10 512.0 µg/m³, fail                           now\n"
		"  gauge   rain 10m 0.2 · 24h 12.0 mm                                     5 s ago\n"
		"HN-BD-02\n"
		"  nodes   vn_aqi 151, suspect, OLD: 16 min ago   rain_rate 3.0 mm/h      4 s ago\n"
		"          rain 10m 0.5 mm   rain 1h 0.7 mm, suspect\n");

	buffer_clear(&out);
	table_render(&fake_view, 80, 0, true, &out);
	ASSERT_HAS("\033[1mHN-CG-01  Cầu Giấy\033[0m\n");
	ASSERT_HAS(
		"\n  dust    pm25 35.2 µg/m³   \033[31mpm10 512.0 µg/m³, fail\033[0m ");
	ASSERT_HAS("\033[2mvn_aqi 151, suspect, OLD: 16 min ago\033[0m   rain_rate");
	ASSERT_HAS("\033[33mrain 1h 0.7 mm, suspect\033[0m\n");
}

/* Values of one unit share a line as long as it is not full. */
static void test_table_wraps(void **state)
{
	(void)state;
	for (uint16_t metric = METRIC_PM1; metric <= METRIC_CO; metric++)
		fake_report("HN-CG-01", "a sensor with a name", metric, 10.5, FLAG_GOOD,
			1000);
	table_render(&fake_view, 80, 0, false, &out);
	assert_string_equal(buffer_text(&out),
		"HN-CG-01  Cầu Giấy\n"
		"  a sensor with a name                                                       now\n"
		"          pm25 10.5 · pm10 10.5 · pm1 10.5 · pm4 10.5 µg/m³\n"
		"          tsp 10.5 · o3 10.5 · no2 10.5 · so2 10.5 · co 10 µg/m³\n"
		"          no 10.5 · nox 10.5 µg/m³\n");
}

static void test_table_is_low_enough(void **state)
{
	static const char *const stations[] = { "HN-1", "HN-2", "HN-3", "HN-4" };

	(void)state;
	for (size_t i = 0; i < 4; i++)
		fake_report(stations[i], "node", METRIC_PM25, 10, FLAG_GOOD, 5000);
	table_render(&fake_view, 40, 11, false, &out);
	assert_null(strstr(buffer_text(&out), "more"));
	buffer_clear(&out);
	table_render(&fake_view, 40, 5, false, &out);
	assert_string_equal(buffer_text(&out),
		"HN-CG-01  Cầu Giấy\n"
		"  no data yet\n"
		"HN-1\n"
		"  node    pm25 10.0 µg/m³        5 s ago\n"
		"  … and 6 lines more; the page shows all\n");
}

static void test_table_is_narrow_enough(void **state)
{
	(void)state;
	fake_config.station.name =
		"Phường Cầu Giấy, một nơi có tên rất dài để thử bề rộng của bảng";
	for (uint16_t metric = METRIC_PM1; metric <= METRIC_EAQI; metric++)
		fake_report("HN-CG-01", "một cảm biến có tên dài \x1b[31m", metric,
			1234567.8, FLAG_SUSPECT, 86400000);
	table_render(&fake_view, 40, 0, false, &out);
	assert_false(out.failed);
	assert_false(has("\x1b"));
	char *save;
	for (char *line = strtok_r(out.data, "\n", &save); line;
		line = strtok_r(NULL, "\n", &save)) {
		assert_true(utf8_width(line) <= 40);
		assert_true(utf8_is_valid(line, strlen(line)));
	}
}

static void test_table_without_data(void **state)
{
	(void)state;
	table_render(&fake_view, 80, 0, false, &out);
	assert_string_equal(buffer_text(&out), "HN-CG-01  Cầu Giấy\n  no data yet\n");
}

/* --- words --------------------------------------------------------------------- */

static void expect_age(int64_t ms, const char *vi, const char *en)
{
	buffer_clear(&out);
	words_age(&out, ms, WORDS_VI);
	assert_string_equal(buffer_text(&out), vi);
	buffer_clear(&out);
	words_age(&out, ms, WORDS_EN);
	assert_string_equal(buffer_text(&out), en);
}

static void test_ages(void **state)
{
	const int64_t minute = 60000, hour = 60 * minute;

	(void)state;
	expect_age(-5000, "vừa xong", "now");
	expect_age(1999, "vừa xong", "now");
	expect_age(2000, "2 giây trước", "2 s ago");
	expect_age(minute - 1, "59 giây trước", "59 s ago");
	expect_age(minute, "1 phút trước", "1 min ago");
	expect_age(2 * hour, "2 giờ trước", "2 h ago");
	expect_age(2 * hour + 5 * minute, "2 giờ 5 phút trước", "2 h 5 min ago");
	expect_age(47 * hour + 59 * minute, "47 giờ trước", "47 h ago");
	expect_age(48 * hour, "2 ngày trước", "2 d ago");
	expect_age(INT64_MAX, "106751991167 ngày trước", "106751991167 d ago");
}

static void expect_words(uint16_t metric, double value, const char *vi)
{
	buffer_clear(&out);
	words_value(&out, metric_by_id(metric), value, WORDS_VI);
	assert_string_equal(buffer_text(&out), vi);
}

static void test_values(void **state)
{
	(void)state;
	expect_words(METRIC_PM25, 35.25, "35,2");
	expect_words(METRIC_PM25, -0.04, "0,0");
	expect_words(METRIC_TEMPERATURE, -0.06, "-0,1");
	expect_words(METRIC_VN_AQI, 150.6, "151");
	expect_words(METRIC_BATTERY, 3.999, "4,00");
	expect_words(METRIC_PM25, NAN, "–");
	expect_words(METRIC_PM25, INFINITY, "–");
	expect_words(METRIC_PM25, 1e300, "1e+300");
	expect_words(METRIC_NONE, 0.125, "0,125");
}

static void test_every_metric_has_words(void **state)
{
	(void)state;
	for (const struct metric *m = metric_next(NULL); m && m->id < METRIC_BUILTIN_END;
		m = metric_next(m)) {
		assert_string_not_equal(words_metric(m, WORDS_VI), m->name);
		assert_string_not_equal(words_metric(m, WORDS_EN), m->name);
	}
	assert_true(words_rank(METRIC_VN_AQI) < words_rank(METRIC_PM25));
	assert_true(words_rank(METRIC_PM25) < words_rank(METRIC_BATTERY));
	assert_true(words_rank(METRIC_BATTERY) < words_rank(METRIC_DECLARED));
}

static void test_bytes(void **state)
{
	(void)state;
	words_bytes(&out, 1023);
	buffer_puts(&out, "|");
	words_bytes(&out, 1536);
	buffer_puts(&out, "|");
	words_bytes(&out, 300.0 * 1024 * 1024);
	buffer_puts(&out, "|");
	words_bytes(&out, 4.0 * 1024 * 1024 * 1024);
	assert_string_equal(buffer_text(&out), "1023 B|1.5 KiB|300 MiB|4.0 GiB");
}

static void test_escaping(void **state)
{
	(void)state;
	page_escape(&out, "a<b>&\"'\n\x7f\xff à");
	assert_string_equal(
		buffer_text(&out), "a&#60;b&#62;&#38;&#34;&#39;  \xef\xbf\xbd à");
	buffer_clear(&out);
	words_plain(&out, "a\x1b[0m\xc2\x9b\xc3\x28 à");
	assert_string_equal(buffer_text(&out),
		"a?[0m?"
		"?( à");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_metrics, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_metrics_format, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_metrics_of_little, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_health, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_health_of_the_recorder, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_status, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_status_text, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_status_text_of_the_clock, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_status_text_of_other_things, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_table, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_table_wraps, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_table_is_low_enough, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_table_is_narrow_enough, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_table_without_data, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_ages, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_values, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_every_metric_has_words, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bytes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_escaping, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
