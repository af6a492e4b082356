/*
 * Devices that speak text, and UMB: scripted peers on pseudo terminals, the drivers with
 * their threads and their options as users write them.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/metric.h"
#include "sensors/line.h"
#include "sensors/pty.h"
#include "sensors/sensor.h"
#include "store/ring.h"
#include "tests/unit/sensor_settings.h"

enum { HEARD_MAX = 8192, ANSWER_MAX = 300, LIMIT_MS = 8000 };

static char folder[64], port[100], ring_path[100], why[300];
static struct ring *ring;
static struct pty pty;
static struct config *config;
static struct sensors *sensors;

/* --- the peer --------------------------------------------------------------------- */

/* What is answered to what; a question with several rows gets them in turn. */
struct row {
	const char *question;
	const char *answer;
	size_t question_length, answer_length;
};

#define ROW(question, answer)                                              \
	{                                                                  \
		question, answer, sizeof(question) - 1, sizeof(answer) - 1 \
	}

static const struct row *rows;
static size_t row_count;
static size_t turns[32];
static pthread_t peer_thread;
static atomic_bool peer_stops;
static pthread_mutex_t heard_mutex = PTHREAD_MUTEX_INITIALIZER;
static char heard[HEARD_MAX];
static size_t heard_length;

static void say(const void *bytes, size_t length)
{
	assert_int_equal(write(pty.fd, bytes, length), length);
}

static void say_text(const char *text)
{
	say(text, strlen(text));
}

/* Which row is the answer to what was heard since AT? */
static const struct row *find_row(size_t at)
{
	size_t same[32], count = 0, first = 0;

	for (size_t i = 0; i < row_count; i++) {
		size_t length = rows[i].question_length;

		if (heard_length - at < length ||
			memcmp(heard + heard_length - length, rows[i].question, length) !=
				0)
			continue;
		if (count == 0)
			first = i;
		same[count++] = i;
	}
	if (count == 0)
		return NULL;
	return &rows[same[turns[first] < count ? turns[first]++ : count - 1]];
}

static void *peer_run(void *arg)
{
	size_t answered = 0;

	(void)arg;
	while (!atomic_load(&peer_stops)) {
		struct pollfd fd = { .fd = pty.fd, .events = POLLIN };
		const struct row *row = NULL;

		if (poll(&fd, 1, 10) <= 0)
			continue;
		pthread_mutex_lock(&heard_mutex);
		if (heard_length < HEARD_MAX &&
			read(pty.fd, heard + heard_length, 1) == 1) {
			heard_length++;
			row = find_row(answered);
			if (row != NULL)
				answered = heard_length;
		}
		pthread_mutex_unlock(&heard_mutex);
		if (row != NULL)
			say(row->answer, row->answer_length);
	}
	return NULL;
}

static void peer_start(const struct row *script, size_t count)
{
	rows = script;
	row_count = count;
	memset(turns, 0, sizeof(turns));
	heard_length = 0;
	atomic_store(&peer_stops, false);
	assert_int_equal(pthread_create(&peer_thread, NULL, peer_run, NULL), 0);
}

static void peer_stop(void)
{
	atomic_store(&peer_stops, true);
	pthread_join(peer_thread, NULL);
}

/* How often was TEXT heard? */
static int times_heard(const char *text)
{
	size_t length = strlen(text);
	int count = 0;

	pthread_mutex_lock(&heard_mutex);
	for (size_t i = 0; i + length <= heard_length; i++)
		count += memcmp(heard + i, text, length) == 0;
	pthread_mutex_unlock(&heard_mutex);
	return count;
}

static void wait_heard(const char *text, int times)
{
	int64_t until = clock_real_ms() + LIMIT_MS;

	while (times_heard(text) < times) {
		if (clock_real_ms() > until)
			fail_msg("\"%s\" was not heard %d times in: %.*s", text, times,
				(int)heard_length, heard);
		poll(NULL, 0, 10);
	}
}

/* --- the gateway's side --------------------------------------------------------------
 */

static void no_log(enum log_level level, const char *text)
{
	(void)level;
	(void)text;
}

static int set_up(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/muabui-lines-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(port, sizeof(port), "%s/port", folder);
	snprintf(ring_path, sizeof(ring_path), "%s/ring", folder);
	ring = ring_open(ring_path, 64 * 1024, why, sizeof(why));
	log_set_sink(no_log);
	return ring != NULL && pty_open(&pty, port, why, sizeof(why)) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	pty_close(&pty);
	ring_close(ring);
	config_free(config);
	config = NULL;
	unlink(ring_path);
	rmdir(folder);
	return 0;
}

/* Starts the sensors of SETTINGS, "{ driver = …; … }, { … }", where @ is the port. */
static void start(const char *settings)
{
	char text[3000];
	struct buffer errors;
	size_t used = 0;

	for (const char *c = settings; *c != '\0'; c++) {
		if (*c == '@')
			used += (size_t)snprintf(
				text + used, sizeof(text) - used, "port = \"%s\"", port);
		else
			text[used++] = *c;
	}
	text[used] = '\0';
	config = load_sensors(text, &errors);
	if (config == NULL)
		fail_msg("%s", buffer_text(&errors));
	buffer_free(&errors);
	sensors = sensors_start(&config->sensors, "HN-1", ring, NULL);
	assert_non_null(sensors);
}

static void stop(void)
{
	int64_t before = clock_real_ms();

	sensors_stop(sensors);
	assert_true(clock_real_ms() - before < 400);
}

static void wait_report(struct report *report)
{
	int64_t until = clock_real_ms() + LIMIT_MS;
	uint64_t seq;

	while (!ring_next(ring, report, &seq)) {
		if (clock_real_ms() > until)
			fail_msg("no report; heard: %.*s", (int)heard_length, heard);
		ring_wait(ring, 20);
	}
	ring_release(ring);
}

static bool has_report(struct report *report)
{
	uint64_t seq;
	bool found = ring_next(ring, report, &seq);

	ring_release(ring);
	return found;
}

static double value(struct report *report, enum metric_builtin metric)
{
	struct reading *reading = report_find(report, (uint16_t)metric);

	return reading != NULL ? reading->value : -12345;
}

static uint64_t count_of(size_t sensor, enum sensor_result result)
{
	return atomic_load(&sensors_get(sensors, sensor)->stats.results[result]);
}

static void wait_count(size_t sensor, enum sensor_result result, uint64_t count)
{
	int64_t until = clock_real_ms() + LIMIT_MS;

	while (count_of(sensor, result) < count) {
		if (clock_real_ms() > until)
			fail_msg("%s was not counted %d times; heard: %.*s",
				sensor_result_name(result), (int)count, (int)heard_length,
				heard);
		poll(NULL, 0, 10);
	}
}

static void wait_connected(void)
{
	while (!atomic_load(&sensors_get(sensors, 0)->stats.connected))
		poll(NULL, 0, 5);
	poll(NULL, 0, 60); /* so that what comes is a line's beginning */
}

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* --- the WXT
 * ---------------------------------------------------------------------------- */

static void test_wxt_is_polled_with_crc(void **state)
{
	static const struct row script[] = {
		ROW("0r1Goe\r\n",
			"0r1,Dn=052D,Dm=057D,Dx=064D,Sn=0.3M,Sm=0.4M,Sx=0.5MI[B\r\n"),
		ROW("0r2Gje\r\n", "0r2,Ta=13.8C,Tp=13.9C,Ua=75.2P,Pa=1015.7HGZZ\r\n"),
		ROW("0r3Kid\r\n",
			"0r3,Rc=0.00M,Rd=0s,Ri=0.0M,Hc=0.0M,Hd=0s,Hi=0.0M,Rp=0.7M,Hp=0.0MC}J\r\n"),
	};
	struct report report;

	(void)state;
	peer_start(script, COUNT(script));
	start("{ name = \"wx\"; driver = \"wxt\"; @; crc = true; every = \"200ms\"; "
	      "timeout = \"100ms\"; }");
	for (int round = 0; round < 2; round++) {
		wait_report(&report);
		assert_true(value(&report, METRIC_WIND_DIRECTION) == 57);
		wait_report(&report);
		assert_true(value(&report, METRIC_PRESSURE) == 1015.7);
		wait_report(&report);
		assert_true(value(&report, METRIC_RAIN_TOTAL) == 0);
		assert_int_equal(report.count, 2);
	}
	/* It has no R5: silence there does not disturb the others. */
	assert_true(times_heard("0r5Kcd\r\n") >= 1);
	assert_true(count_of(0, SENSOR_TIMEOUT) >= 1);
	stop();
	peer_stop();
}

static void test_wxt_talks_by_itself(void **state)
{
	struct report report;

	(void)state;
	peer_start(NULL, 0);
	start("{ name = \"wx\"; driver = \"wxt530\"; @; mode = \"automatic\"; "
	      "rain = \"interval\"; }");
	wait_connected();
	say_text("=0.7M\r\n0R3,Rc=0.10M,Rd=10s,Ri=2.0M\r\n");
	wait_report(&report);
	assert_true(value(&report, METRIC_RAIN) == 0.1);
	assert_true(value(&report, METRIC_RAIN_TOTAL) == -12345);
	say_text("0R1,Dn=0m=032D,Sm=0.1M\r\n0TX,Start-up\r\n0R2,Ta=20.5C\r\n");
	wait_report(&report);
	assert_true(value(&report, METRIC_TEMPERATURE) == 20.5);
	assert_int_equal(count_of(0, SENSOR_BAD_SYNC), 1);
	assert_int_equal(count_of(0, SENSOR_IGNORED), 1);
	assert_int_equal(heard_length, 0); /* it was asked nothing */
	stop();
	peer_stop();
}

/* --- rain gauges
 * ---------------------------------------------------------------------------- */

static void test_rg15_is_set_up_again(void **state)
{
	static const struct row script[] = {
		ROW("P\n", "p\r\n"),
		ROW("H\n", "h\r\n"),
		ROW("M\n", "m\r\n"),
		ROW("R\n",
			"Acc  0.01 mm, EventAcc  0.01 mm, TotalAcc  8.52 mm, RInt  0.15 mmph\r\n"),
		ROW("R\n",
			"Acc  0.01 mm, EventAcc  0.02 mm, TotalAcc  8.53 mm, RInt  0.15 mmph, LensBad\r\n"),
		ROW("R\n",
			"Acc  0.01 mm, EventAcc  0.03 mm, TotalAcc  8.54 mm, RInt  0.15 mmph\r\n"),
	};
	struct report report;

	(void)state;
	peer_start(script, COUNT(script));
	start("{ name = \"rain\"; driver = \"rg15\"; @; every = \"300ms\"; }");
	wait_report(&report);
	assert_true(value(&report, METRIC_RAIN_TOTAL) == 8.52);
	assert_true(value(&report, METRIC_RAIN_RATE) == 0.15);
	assert_int_equal(report.status, STATUS_MEASURING);
	assert_int_equal(times_heard("P\nH\nM\nR\n"), 1);
	/* The lens is dirty: the value is kept, marked, and the state says so. */
	wait_report(&report);
	assert_true(value(&report, METRIC_RAIN_TOTAL) == 8.53);
	assert_int_equal(report.status, STATUS_FAULT);
	wait_count(0, SENSOR_DEVICE_ERROR, 1);
	wait_report(&report);
	assert_int_equal(report.status, STATUS_MEASURING);
	/* Its power was gone: it has forgotten its settings. */
	assert_int_equal(times_heard("P\n"), 1);
	say_text(";**********\r\nSW 1.000 2020.07.06\r\nReset N\r\n");
	wait_heard("P\nH\nM\nR\n", 2);
	wait_report(&report);
	assert_true(value(&report, METRIC_RAIN_TOTAL) == 8.54);
	stop();
	peer_stop();
}

static void test_pluvio2_repeats_what_was_damaged(void **state)
{
	static const struct row script[] = {
		ROW("M;\r",
			"+1.200;+0.100;+0.100;+123.450;+98.700;+98.650;+27.4;+0;+0\r\n"),
		ROW("M;\r",
			"+1.200;+0.1x0;+0.100;+123.550;+98.700;+98.650;+27.4;+0;+0\r\n"),
		ROW("RPT\r",
			"+1.200;+0.100;+0.100;+123.550;+98.700;+98.650;+27.4;+0\r\n"),
		ROW("RPT\r",
			"+1.200;+0.100;+0.100;+123.550;+98.700;+98.650;+27.4;+0;+4\r\n"),
	};
	struct report report;
	double modulus;

	(void)state;
	peer_start(script, 3 + 1);
	start("{ name = \"rain\"; driver = \"pluvio2\"; @; every = \"300ms\"; }");
	wait_report(&report);
	assert_true(value(&report, METRIC_RAIN_TOTAL) == 123.45);
	wait_report(&report);
	assert_true(value(&report, METRIC_RAIN_TOTAL) == 123.55);
	assert_int_equal(times_heard("M;\rM;\rRPT\rRPT\r"), 1);
	assert_int_equal(count_of(0, SENSOR_BAD_SYNTAX), 2);
	modulus = sensors_modulus(&config->sensors, "rain", METRIC_RAIN_TOTAL);
	assert_true(modulus == 500);
	stop();
	peer_stop();
}

/* --- NMEA, text, UMB
 * ---------------------------------------------------------------------- */

static void test_nmea_talks(void **state)
{
	struct report report;

	(void)state;
	peer_start(NULL, 0);
	start("{ name = \"mast\"; driver = \"nmea\"; @; north = -10; }");
	wait_connected();
	say_text("03*11\r\n$WIMWV,181.1,R,0.3,N,A*29\r\n$WIMWV,181.1,R,0.4,N,A*29\r\n");
	wait_report(&report);
	assert_true(value(&report, METRIC_WIND_DIRECTION) == 171.1);
	say_text(
		"$WIMDA,29.8578,I,1.0111,B,26.1,C,,,16.1,,-1.6,C,0.0,T,1.4,M,0.0,N,0.0,M*7C\r\n");
	wait_report(&report);
	assert_true(value(&report, METRIC_PRESSURE) == 1011.1);
	assert_true(value(&report, METRIC_HUMIDITY) == 16.1);
	assert_int_equal(count_of(0, SENSOR_BAD_CHECKSUM), 1);
	stop();
	peer_stop();
}

static void test_text_begins_with_a_whole_line(void **state)
{
	struct report report;

	(void)state;
	peer_start(NULL, 0);
	/* The logger is in the middle of a line when the port is opened. */
	start("{ name = \"log\"; driver = \"text\"; @; "
	      "columns = ( { metric = \"temperature\"; column = 1; } ); }");
	while (!atomic_load(&sensors_get(sensors, 0)->stats.connected))
		poll(NULL, 0, 1);
	say_text("3.4,71\r\n22.4,71\r\n");
	wait_report(&report);
	assert_true(value(&report, METRIC_TEMPERATURE) == 22.4);
	say_text("21.4,71\r");
	wait_report(&report);
	assert_true(value(&report, METRIC_TEMPERATURE) == 21.4);
	/* It stops within a line; the rest, later, is no line. */
	say_text("20");
	wait_count(0, SENSOR_BAD_LENGTH, 1);
	say_text("19.4,71\r18.4,71\r");
	wait_report(&report);
	assert_true(value(&report, METRIC_TEMPERATURE) == 18.4);
	stop();
	peer_stop();
}

static void test_text_is_asked(void **state)
{
	static const struct row script[] = { ROW("MEAS\r", "MEAS\r\nT=21.5;H=70\r\n") };
	struct report report;

	(void)state;
	peer_start(script, COUNT(script));
	start("{ name = \"log\"; driver = \"text\"; @; request = \"MEAS\\r\"; "
	      "every = \"200ms\"; delimiter = \";\"; "
	      "columns = ( { metric = \"humidity\"; name = \"H\"; } ); }");
	for (int i = 0; i < 3; i++) {
		wait_report(&report);
		assert_true(value(&report, METRIC_HUMIDITY) == 70);
	}
	assert_true(times_heard("MEAS\r") >= 3);
	assert_int_equal(count_of(0, SENSOR_BAD_SYNTAX), 0);
	stop();
	peer_stop();
}

static void test_umb_is_asked(void **state)
{
	static const char question[] =
		"\x01\x10\x01\x70\x01\xF0\x05\x02\x2F\x10\x01\x64\x00\x03\x71\x4B\x04";
	static const char answer[] =
		"\x01\x10\x01\xF0\x01\x70\x0A\x02\x23\x10\x00\x64\x00\x16\xF5\x54\xE1\x41"
		"\x03\x90\x86\x04";
	static const struct row script[] = {
		{ question, answer, sizeof(question) - 1, sizeof(answer) - 1 },
	};
	struct report report;

	(void)state;
	peer_start(script, COUNT(script));
	start("{ name = \"ws\"; driver = \"umb\"; @; every = \"200ms\"; "
	      "channels = ( { metric = \"temperature\"; channel = 100; } ); }");
	wait_report(&report);
	assert_true(value(&report, METRIC_TEMPERATURE) == 28.166483);
	wait_report(&report);
	stop();
	peer_stop();
}

/* --- SDI-12
 * ------------------------------------------------------------------------------ */

static void test_sdi12_measures(void **state)
{
	/* The adapter echoes; the first D0 is damaged. */
	static const struct row script[] = {
		ROW("0MC!", "0MC!00213\r\n0\r\n"),
		ROW("0D0!", "0D0!0+3.15+2.718+1.414Ipz\r\n"),
		ROW("0D0!", "\0000D0!\r\n0+3.14+2.718+1.414Ipz\r\n"),
	};
	struct report report;
	int64_t before = clock_real_ms();

	(void)state;
	peer_start(script, COUNT(script));
	start("{ name = \"s\"; driver = \"sdi12\"; @; measurement = \"MC\"; "
	      "every = \"300ms\"; values = ( { metric = \"temperature\"; index = 3; }, "
	      "{ metric = \"rain_total\"; index = 1; scale = 10; } ); }");
	wait_report(&report);
	assert_true(value(&report, METRIC_TEMPERATURE) == 1.414);
	assert_true(value(&report, METRIC_RAIN_TOTAL) == 31.4);
	/* It did not wait 21 s: the sensor said that it was ready. */
	assert_true(clock_real_ms() - before < 3000);
	assert_int_equal(times_heard("0MC!0D0!0D0!"), 1);
	assert_int_equal(count_of(0, SENSOR_BAD_CHECKSUM), 0);
	wait_report(&report);
	stop();
	peer_stop();
}

/* Three on one wire: one measures for a second, one is quick, one is not there. */
static void test_sdi12_shares_a_wire(void **state)
{
	static const struct row script[] = {
		ROW("1C!", "100102\r\n"),
		ROW("1D0!", "1+10.5\r\n"),
		ROW("1D1!", "1-3\r\n"),
		ROW("2R0!", "2+55.5\r\n"),
	};
	struct report report;
	unsigned quick = 0, slow = 0;

	(void)state;
	peer_start(script, COUNT(script));
	start("{ name = \"slow\"; driver = \"sdi12\"; @; address = \"1\"; "
	      "measurement = \"C\"; every = \"1s\"; timeout = \"100ms\"; "
	      "values = ( { metric = \"temperature\"; index = 2; } ); },"
	      "{ name = \"quick\"; driver = \"sdi12\"; @; address = \"2\"; "
	      "measurement = \"R0\"; every = \"100ms\"; timeout = \"100ms\"; "
	      "values = ( { metric = \"humidity\"; index = 1; } ); },"
	      "{ name = \"gone\"; driver = \"sdi12\"; @; address = \"3\"; "
	      "every = \"200ms\"; timeout = \"20ms\"; "
	      "values = ( { metric = \"humidity\"; index = 1; } ); }");
	while (slow < 2) {
		wait_report(&report);
		if (strcmp(report.sensor, "slow") == 0) {
			assert_true(value(&report, METRIC_TEMPERATURE) == -3);
			slow++;
		} else {
			assert_string_equal(report.sensor, "quick");
			assert_true(value(&report, METRIC_HUMIDITY) == 55.5);
			quick++;
		}
	}
	assert_true(quick >= 5);
	wait_count(2, SENSOR_TIMEOUT, 3);
	poll(NULL, 0, 500);
	assert_int_equal(count_of(2, SENSOR_TIMEOUT), 3); /* no longer waited for */
	assert_int_equal(count_of(0, SENSOR_TIMEOUT), 0);
	stop();
	peer_stop();
}

/* Fewer values than promised, and a port that goes. */
static void test_sdi12_keeps_its_word(void **state)
{
	static const struct row script[] = {
		ROW("0M!", "00003\r\n"),
		ROW("0D0!", "0+1+2\r\n"),
		ROW("0D1!", "0\r\n"),
	};
	struct report report;

	(void)state;
	peer_start(script, COUNT(script));
	start("{ name = \"s\"; driver = \"sdi12\"; @; every = \"200ms\"; "
	      "values = ( { metric = \"humidity\"; index = 1; } ); }");
	wait_count(0, SENSOR_DEVICE_ERROR, 2);
	assert_int_equal(count_of(0, SENSOR_OK), 0);
	assert_false(has_report(&report));
	assert_true(times_heard("0D1!0D1!0D1!") >= 1); /* tried as often as it should */
	peer_stop();
	pty_close(&pty);
	wait_count(0, SENSOR_PORT_ERROR, 1);
	assert_false(atomic_load(&sensors_get(sensors, 0)->stats.connected));
	assert_int_equal(pty_open(&pty, port, why, sizeof(why)), 0);
	wait_connected();
	stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_wxt_is_polled_with_crc, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_wxt_talks_by_itself, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_rg15_is_set_up_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_pluvio2_repeats_what_was_damaged, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nmea_talks, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_text_begins_with_a_whole_line, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_text_is_asked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_umb_is_asked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_sdi12_measures, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_sdi12_shares_a_wire, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_sdi12_keeps_its_word, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
