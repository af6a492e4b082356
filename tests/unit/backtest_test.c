/*
 * The back-test tells what the recorder has told: the same readings, the same clock, the
 * same messages, byte by byte but for the ids, which are chance's in a gateway.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "config/config.h"
#include "core/log.h"
#include "gateway/backtest.h"
#include "gateway/schema.h"
#include "store/outbox.h"
#include "tests/unit/temp_recorder.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)

static const int64_t noon = 1795323600000; /* 2026-11-22T12:00+07:00 */

static const char conf[] =
	"station = { id = \"S\"; };\n"
	"store = { path = \"/nowhere/x.db\"; };\n"
	"sensors = ( { name = \"dust\"; driver = \"pms5003\"; port = \"/dev/ttyUSB0\"; },\n"
	" { name = \"gauge\"; driver = \"rg15\"; port = \"/dev/ttyUSB1\"; } );\n"
	"alerts = { rules = (\n"
	" { name = \"air\"; metric = \"vn_aqi\"; above = 100.0; severity = \"severe\"; },\n"
	" { name = \"dust\"; metric = \"pm25\"; above = 90.0; clear_below = 60.0; for = \"5m\"; },\n"
	" { name = \"rain\"; metric = \"rain_1h\"; above = 20.0; } );\n"
	" channels = ( { name = \"a\"; type = \"console\"; },\n"
	"  { name = \"b\"; type = \"console\"; language = \"en\"; } ); };\n";

static FILE *readings;

static void note(int64_t time_ms, const char *sensor, const char *metric, double value)
{
	char time[CLOCK_TEXT_SIZE];

	fprintf(readings, "%s,S,%s,%s,%.1f\n", clock_format(time, time_ms, 420), sensor,
		metric, value);
}

/* A second after the other of the same moment, as two sensors are. */
static void measure(int64_t at, double pm25, double total)
{
	rig_clock(at, at);
	rig_push("dust", METRIC_PM25, pm25);
	note(at, "dust", "pm25", pm25);
	rig_catch_up();
	rig_clock(at + SECOND, at + SECOND);
	rig_push("gauge", METRIC_RAIN_TOTAL, total);
	note(at + SECOND, "gauge", "rain_total", total);
	rig_catch_up();
}

/* The hour that has ended is closed: 15 seconds after its end, and a moment. */
static void close_hour(int64_t end_ms, int hours)
{
	char sql[128];

	rig_clock(end_ms + 15 * SECOND, end_ms + 15 * SECOND);
	snprintf(sql, sizeof sql,
		"SELECT count(*) FROM report JOIN source ON source.id = source"
		" WHERE sensor = '%s'",
		INDEX_SENSOR);
	rig_await(sql, hours);
}

/* TEXT without the value of its first member, the id. */
static void drop_id(char *text)
{
	char *start = strstr(text, "\"id\":\""), *end;

	assert_non_null(start);
	end = strchr(start + 6, '"');
	assert_non_null(end);
	memmove(start + 6, end, strlen(end) + 1);
}

/* The recorder's messages of channel a, in their order. */
static size_t live_messages(char (*texts)[OUTBOX_BODY_MAX], size_t size)
{
	sqlite3_stmt *stmt;
	size_t count = 0;

	assert_int_equal(
		sqlite3_prepare_v2(store_handle(rig.reader),
			"SELECT body FROM outbox WHERE channel = 'a' ORDER BY id", -1,
			&stmt, NULL),
		SQLITE_OK);
	while (sqlite3_step(stmt) == SQLITE_ROW) {
		assert_true(count < size);
		snprintf(texts[count], OUTBOX_BODY_MAX, "%s",
			(const char *)sqlite3_column_text(stmt, 0));
		drop_id(texts[count++]);
	}
	sqlite3_finalize(stmt);
	return count;
}

static struct config *load(void)
{
	struct buffer errors;

	buffer_init(&errors, 65536);
	struct config *config =
		config_load_text("test.conf", conf, gateway_schema(), &errors);
	if (!config)
		fail_msg("%s", buffer_text(&errors));
	buffer_free(&errors);
	return config;
}

static void play_live(void)
{
	double total = 10;
	int closed = 0;

	clock_freeze_plainly();
	rig_clock(noon, noon);
	rig_start();
	for (int m = 1; m <= 4 * 60 + 5; m++) {
		bool bad = m > 65 && m <= 130;

		total += m > 100 && m < 140 ? 1.2 : 0;
		measure(noon + m * MINUTE, bad ? 130 : 15 + m % 7, total);
		if (m % 60 == 0)
			close_hour(noon + m * MINUTE, ++closed);
	}
	rig_stop();
}

static void test_the_recorder_and_the_back_test_tell_the_same(void **state)
{
	static char live[64][OUTBOX_BODY_MAX], line[OUTBOX_BODY_MAX];
	struct config *config = load();
	FILE *out = tmpfile();
	size_t count, at = 0;

	(void)state;
	readings = tmpfile();
	assert_true(out && readings);
	fputs("time,station,sensor,metric,value\n", readings);
	rig.config = *config;
	rig.config.store.commit_every = 1;
	play_live();
	count = live_messages(live, 64);
	/* Each rule has fired, and each alert is over. */
	assert_int_equal(count, 6);

	rewind(readings);
	assert_int_equal(backtest_run(config, readings, "readings", out), 0);
	rewind(out);
	while (fgets(line, sizeof line, out) && strstr(line, "\"id\":\"")) {
		assert_true(at < count);
		line[strcspn(line, "\n")] = '\0';
		drop_id(line);
		assert_string_equal(line, live[at]);
		at++;
	}
	assert_int_equal(at, count);
	assert_non_null(strstr(line, "\"summary\""));
	fclose(readings);
	fclose(out);
	config_free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_the_recorder_and_the_back_test_tell_the_same, rig_begin,
			rig_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
