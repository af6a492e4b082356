/*
 * What the bus makes of answers: increments that reading clears, blocks of which one is
 * bad, neighbours that miss a request.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/metric.h"
#include "sensors/modbus.h"
#include "sensors/pty.h"
#include "sensors/rtu.h"
#include "store/ring.h"

enum { UNITS = 10 };

static char folder[64], ring_path[100], why[300];
static struct ring *ring;
static struct pty pty;
static pthread_t thread;
static atomic_bool stop;
static atomic_int asked[UNITS];
static atomic_int deaf[UNITS]; /* requests that a unit will not answer */
static atomic_uint registers_of[64];

static void keep_quiet(enum log_level level, const char *line)
{
	(void)level;
	(void)line;
}

static void answer(const uint8_t *request)
{
	uint8_t frame[RTU_MAX] = { request[0], request[1], (uint8_t)(2 * request[5]) };

	for (unsigned i = 0; i < request[5]; i++) {
		unsigned word = registers_of[request[3] + i];

		frame[3 + 2 * i] = (uint8_t)(word >> 8);
		frame[4 + 2 * i] = (uint8_t)word;
	}
	if (write(pty.fd, frame, rtu_seal(frame, (size_t)3 + 2 * request[5])) < 0)
		return;
}

static void *serve(void *arg)
{
	uint8_t request[RTU_REQUEST_SIZE];
	size_t used = 0;

	(void)arg;
	while (!stop) {
		struct pollfd there = { .fd = pty.fd, .events = POLLIN };
		ssize_t got;

		if (poll(&there, 1, 20) <= 0)
			continue;
		got = read(pty.fd, request + used, sizeof(request) - used);
		used += got > 0 ? (size_t)got : 0;
		if (used < sizeof(request))
			continue;
		used = 0;
		asked[request[0]]++;
		if (deaf[request[0]] > 0)
			deaf[request[0]]--;
		else
			answer(request);
	}
	return NULL;
}

static int set_up(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/muabui-bus-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(ring_path, sizeof(ring_path), "%s/ring", folder);
	ring = ring_open(ring_path, 64 * 1024, why, sizeof(why));
	log_set_sink(keep_quiet);
	stop = false;
	for (int i = 0; i < UNITS; i++)
		asked[i] = deaf[i] = 0;
	for (int i = 0; i < 64; i++)
		registers_of[i] = 0;
	if (ring == NULL || pty_open(&pty, NULL, why, sizeof(why)) != 0)
		return -1;
	return pthread_create(&thread, NULL, serve, NULL);
}

static int tear_down(void **state)
{
	(void)state;
	stop = true;
	pthread_join(thread, NULL);
	pty_close(&pty);
	ring_close(ring);
	log_set_sink(NULL);
	unlink(ring_path);
	return rmdir(folder);
}

static struct modbus_options device(
	int unit, struct modbus_register *registers, size_t count)
{
	return (struct modbus_options){
		.serial = { .port = pty.name,
			.baud = 19200,
			.stop_bits = 1,
			.data_bits = 8 },
		.url = "",
		.unit_id = unit,
		.every = 200,
		.timeout = 150,
		.function = 3,
		.registers = { .items = registers, .count = count },
	};
}

static struct sensors *start(struct modbus_options *options, size_t count)
{
	static struct sensor_common common = { .station = "" };
	static struct option_item items[UNITS];
	static const char *const names[] = { "a", "b", "c" };
	struct option_list list = { .items = items, .count = count };
	struct sensors *sensors;

	for (size_t i = 0; i < count; i++)
		items[i] = (struct option_item){
			.name = names[i],
			.kind = &sensor_driver_find("modbus")->kind,
			.common = &common,
			.options = &options[i],
		};
	sensors = sensors_start(&list, "HN-1", ring, NULL);
	assert_non_null(sensors);
	return sensors;
}

/* The next report of the sensor NAME within two seconds. */
static void next_report(const char *name, struct report *report)
{
	int64_t until_ms = clock_real_ms() + 2000;
	uint64_t seq;

	while (clock_real_ms() < until_ms) {
		if (!ring_next(ring, report, &seq)) {
			ring_wait(ring, 20);
			continue;
		}
		ring_release(ring);
		if (strcmp(report->sensor, name) == 0)
			return;
	}
	fail_msg("no report of %s", name);
}

static void wait_asked(int unit, int times)
{
	int64_t until_ms = clock_real_ms() + 5000;

	while (asked[unit] < times && clock_real_ms() < until_ms)
		poll(NULL, 0, 5);
	assert_true(asked[unit] >= times);
}

static uint64_t count_of(
	const struct sensors *sensors, size_t i, enum sensor_result result)
{
	return atomic_load(&sensors_get(sensors, i)->stats.results[result]);
}

static struct modbus_register rain(bool clears)
{
	return (struct modbus_register){
		.metric = metric_find(clears ? "rain" : "rain_total"),
		.type = MODBUS_UINT16,
		.scale = 0.1,
		.clear_on_read = clears,
	};
}

/* A lost answer is not asked for again: the device has forgotten what it said. */
static void test_what_reading_clears_is_asked_for_once(void **state)
{
	struct modbus_register reg = rain(true);
	struct modbus_options options = device(1, &reg, 1);
	struct sensors *sensors;
	struct report report;
	int before;

	(void)state;
	registers_of[0] = 5;
	sensors = start(&options, 1);
	next_report("a", &report);
	assert_true(report_find(&report, METRIC_RAIN)->value == 0.5);
	for (int i = 0; i < 3; i++)
		next_report("a", &report);
	before = asked[1];
	deaf[1] = 1;
	wait_asked(1, before + 1);
	/* The way of the device is known, but one silence is one silence. */
	while (count_of(sensors, 0, SENSOR_TIMEOUT) == 0)
		poll(NULL, 0, 5);
	assert_int_equal(asked[1], before + 1);
	sensors_stop(sensors);
}

/* The first increment of all, and the first behind a lost answer, are marked. */
static void test_a_lost_increment_is_told(void **state)
{
	struct modbus_register reg = rain(true);
	struct modbus_options options = device(1, &reg, 1);
	struct sensors *sensors;
	struct report report;

	(void)state;
	sensors = start(&options, 1);
	next_report("a", &report);
	assert_int_equal(report.marks & REPORT_AFTER_LOSS, REPORT_AFTER_LOSS);
	for (int i = 0; i < 2; i++) {
		next_report("a", &report);
		assert_int_equal(report.marks & REPORT_AFTER_LOSS, 0);
	}
	deaf[1] = 1;
	while (count_of(sensors, 0, SENSOR_TIMEOUT) == 0)
		poll(NULL, 0, 5);
	do
		next_report("a", &report);
	while (!(report.marks & REPORT_AFTER_LOSS));
	next_report("a", &report);
	assert_int_equal(report.marks & REPORT_AFTER_LOSS, 0);
	sensors_stop(sensors);
}

/* With a total nothing is lost. */
static void test_a_total_loses_nothing(void **state)
{
	struct modbus_register reg = rain(false);
	struct modbus_options options = device(1, &reg, 1);
	struct sensors *sensors;
	struct report report;

	(void)state;
	sensors = start(&options, 1);
	next_report("a", &report);
	assert_int_equal(report.marks & REPORT_AFTER_LOSS, 0);
	sensors_stop(sensors);
}

static void test_lost_answers_are_counted(void **state)
{
	struct modbus_register reg = rain(true), total = rain(false);
	struct modbus_options options[2] = { device(1, &reg, 1), device(2, &total, 1) };
	struct sensors *sensors;
	struct report report;

	(void)state;
	sensors = start(options, 2);
	for (int i = 0; i < 3; i++) {
		next_report("a", &report);
		next_report("b", &report);
	}
	deaf[1] = deaf[2] = 1;
	for (int i = 0; i < 5; i++)
		next_report("b", &report);
	/* The total was asked for once more and came; the increment was not. */
	assert_int_equal(count_of(sensors, 0, SENSOR_TIMEOUT), 1);
	assert_int_equal(count_of(sensors, 1, SENSOR_TIMEOUT), 0);
	sensors_stop(sensors);
}

/* One block holds no number: what the others brought is handed over all the same. */
static void test_a_bad_block_spoils_no_other(void **state)
{
	struct modbus_register regs[2] = {
		rain(true),
		{ .metric = metric_find("temperature"),
			.address = 10,
			.type = MODBUS_FLOAT32,
			.scale = 1 },
	};
	struct modbus_options options = device(1, regs, 2);
	struct sensors *sensors;
	struct report report;

	(void)state;
	registers_of[0] = 7;
	registers_of[10] = 0x7F80; /* infinity */
	sensors = start(&options, 1);
	next_report("a", &report);
	assert_int_equal(report.count, 1);
	assert_true(report_find(&report, METRIC_RAIN)->value == 0.7);
	next_report("a", &report);
	assert_true(count_of(sensors, 0, SENSOR_BAD_VALUE) >= 1);
	assert_int_equal(count_of(sensors, 0, SENSOR_OK), 0);
	sensors_stop(sensors);
}

/* A neighbour that misses each request behind somebody's silence is asked again. */
static void test_a_missed_request_is_sent_again(void **state)
{
	struct modbus_register reg = rain(false);
	struct modbus_options options[2] = { device(9, &reg, 1), device(1, &reg, 1) };
	struct sensors *sensors;
	struct report report;

	(void)state;
	deaf[9] = 1000000;
	deaf[1] = 1;
	sensors = start(options, 2);
	next_report("b", &report);
	assert_int_equal(count_of(sensors, 1, SENSOR_TIMEOUT), 0);
	assert_int_equal(asked[1], 2);
	sensors_stop(sensors);
}

#define BUS(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BUS(test_what_reading_clears_is_asked_for_once),
		BUS(test_a_lost_increment_is_told),
		BUS(test_a_total_loses_nothing),
		BUS(test_lost_answers_are_counted),
		BUS(test_a_bad_block_spoils_no_other),
		BUS(test_a_missed_request_is_sent_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
