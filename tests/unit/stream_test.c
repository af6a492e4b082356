/*
 * Devices that are asked, warmed up and put to sleep, on a pseudo terminal with the
 * stream's own thread. Data time runs fast.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/metric.h"
#include "sensors/plantower.h"
#include "sensors/pty.h"
#include "sensors/winsen.h"
#include "store/ring.h"
#include "tests/unit/simulated.h"

enum {
	SPEED = 100,
	/* Real time: */
	WARM_UP_MS = 300,
	DUTY_MS = 1000,
	PATIENCE_MS = 60 * 1000, /* until something is said never to come */
};

static char folder[64], port[100], ring_path[100], why[300];
static struct ring *ring;
static struct pty pty;

static void no_log(enum log_level level, const char *text)
{
	(void)level;
	(void)text;
}

static int set_up(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/muabui-stream-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(port, sizeof(port), "%s/port", folder);
	snprintf(ring_path, sizeof(ring_path), "%s/ring", folder);
	ring = ring_open(ring_path, 64 * 1024, why, sizeof(why));
	log_set_sink(no_log);
	clock_simulate(0, SPEED);
	return ring != NULL && pty_open(&pty, port, why, sizeof(why)) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	pty_close(&pty);
	ring_close(ring);
	unlink(ring_path);
	rmdir(folder);
	return 0;
}

static struct serial_options line(void)
{
	return (struct serial_options){
		.port = port, .baud = 9600, .stop_bits = 1, .data_bits = 8
	};
}

static struct sensors *start(const char *driver, void *options)
{
	static struct sensor_common common = { .station = "" };
	static struct option_item item;
	static struct option_list items;

	item = (struct option_item){
		.name = "probe",
		.kind = &sensor_driver_find(driver)->kind,
		.common = &common,
		.options = options,
	};
	items = (struct option_list){ .items = &item, .count = 1 };
	return sensors_start(&items, "HN-1", ring, NULL);
}

static uint64_t count_of(const struct sensors *sensors, enum sensor_result result)
{
	return atomic_load(&sensors_get(sensors, 0)->stats.results[result]);
}

static unsigned reports_in_ring(struct report *last)
{
	unsigned count = 0;
	uint64_t seq;

	while (ring_next(ring, last, &seq))
		count++;
	ring_release(ring);
	return count;
}

/*
 * Answers by the driver's simulation until RESULT was counted TIMES times. How fast the
 * machine is does not matter: only a minute without that is a failure.
 */
static void answer_until(const char *driver, const struct sensors *sensors,
	enum sensor_result result, uint64_t times)
{
	struct simulate_settings settings = { .driver = simulate_find(driver) };
	struct simulate_device device;
	int64_t end = clock_real_ms() + PATIENCE_MS;
	char why_not[200];

	assert_int_equal(
		simulate_device_open(&device, &settings, why_not, sizeof(why_not)), 0);
	device.now.pm25 = 20;
	while (count_of(sensors, result) < times) {
		struct pollfd fd = { .fd = pty.fd, .events = POLLIN };
		uint8_t frame[SIMULATE_FRAME_MAX], heard[64];
		ssize_t got;
		size_t size;

		assert_true(clock_real_ms() < end);
		if (poll(&fd, 1, 10) <= 0)
			continue;
		got = read(pty.fd, heard, sizeof(heard));
		if (got <= 0)
			continue;
		simulate_device_hear(&device, heard, (size_t)got);
		while ((size = simulate_device_answer(&device, frame)) > 0)
			assert_int_equal(write(pty.fd, frame, size), size);
	}
	simulate_device_close(&device);
}

struct mhz19b_options { /* as in mhz19b.c */
	struct serial_options serial;
	int64_t every, warmup;
};

/* Seconds of data time; a hundredth of that goes by. */
static struct mhz19b_options mhz19b(int64_t every, int64_t warmup)
{
	return (struct mhz19b_options){
		.serial = line(), .every = every * 1000, .warmup = warmup * 1000
	};
}

static void test_nothing_counts_while_it_warms_up(void **state)
{
	struct mhz19b_options options = mhz19b(10, 1000000);
	struct sensors *sensors = start("mhz19b", &options);
	struct report report;

	(void)state;
	answer_until("mhz19b", sensors, SENSOR_WARMING_UP, 3);
	assert_int_equal(count_of(sensors, SENSOR_OK), 0);
	assert_int_equal(reports_in_ring(&report), 0);
	sensors_stop(sensors);
}

static void test_warm_up_after_opening(void **state)
{
	struct mhz19b_options options = mhz19b(10, WARM_UP_MS * SPEED / 1000);
	int64_t began = clock_real_ms();
	struct sensors *sensors = start("mhz19b", &options);
	struct report report;

	(void)state;
	assert_non_null(sensors);
	answer_until("mhz19b", sensors, SENSOR_OK, 2);
	assert_true(clock_real_ms() - began >= WARM_UP_MS);
	assert_true(reports_in_ring(&report) >= 2);
	/* The simulated device says these two by turns. */
	double co2 = report_find(&report, METRIC_CO2)->value;
	assert_true(co2 == 636 || co2 == 633);

	/* Unplugged and back: it may have been without power. */
	pty_close(&pty);
	while (atomic_load(&sensors_get(sensors, 0)->stats.connected))
		poll(NULL, 0, 5);
	uint64_t before = count_of(sensors, SENSOR_OK);
	began = clock_real_ms();
	assert_int_equal(pty_open(&pty, port, why, sizeof(why)), 0);
	answer_until("mhz19b", sensors, SENSOR_OK, before + 1);
	assert_true(clock_real_ms() - began >= WARM_UP_MS);
	sensors_stop(sensors);
}

static void test_no_answer_is_said(void **state)
{
	struct mhz19b_options options = mhz19b(10, 0);
	struct sensors *sensors = start("mhz19b", &options);
	int64_t end = clock_real_ms() + PATIENCE_MS;

	(void)state;
	while (count_of(sensors, SENSOR_TIMEOUT) == 0) {
		assert_true(clock_real_ms() < end);
		poll(NULL, 0, 10);
	}
	assert_int_equal(count_of(sensors, SENSOR_OK), 0);
	answer_until("mhz19b", sensors, SENSOR_OK, 1);
	sensors_stop(sensors);
}

static void test_a_stop_waits_for_no_turn(void **state)
{
	struct mhz19b_options options = mhz19b(1000000, 0);
	struct sensors *sensors = start("mhz19b", &options);
	int64_t before;

	(void)state;
	answer_until("mhz19b", sensors, SENSOR_OK, 1);
	before = clock_real_ms();
	sensors_stop(sensors);
	assert_true(clock_real_ms() - before < PATIENCE_MS);
}

static void test_sps30_is_started_and_asked(void **state)
{
	struct { /* as in sps30.c */
		struct serial_options serial;
		int64_t every, cleaning;
	} options = { .serial = line(), .every = 5000 };
	struct sensors *sensors = start("sps30", &options);
	struct report report;

	(void)state;
	answer_until("sps30", sensors, SENSOR_OK, 5);
	/* The start; again where its answer was too late, on a busy machine. */
	assert_in_range(count_of(sensors, SENSOR_IGNORED), 1,
		1 + count_of(sensors, SENSOR_TIMEOUT));
	assert_true(reports_in_ring(&report) >= 5);
	assert_int_equal(report.count, 4);
	assert_true(report_find(&report, METRIC_PM25)->value == 20);
	sensors_stop(sensors);
}

/*
 * A PMS5003 that obeys. When it was told something is known only from below: not before
 * looked_ms, when nothing had come yet.
 */
struct plantower {
	bool is_awake;
	unsigned wakings, sleeps;
	int64_t looked_ms, woken_ms, slept_ms; /* real */
};

static void obey_one(struct plantower *device, const uint8_t *command)
{
	static const uint8_t ack[] = { 0x42, 0x4D, 0x00, 0x04, 0xE4, 0x00, 0x01, 0x77 };

	assert_int_equal(command[0], 0x42);
	if (command[2] != 0xE4) {
		/* What comes to a sleeping one wakes it: nothing may come. */
		assert_true(device->is_awake);
	} else if (command[4] == 1) {
		if (device->sleeps > 0)
			assert_true(clock_real_ms() - device->slept_ms >=
				DUTY_MS - WARM_UP_MS);
		device->is_awake = true;
		device->wakings++;
		device->woken_ms = device->looked_ms;
	} else if (device->is_awake) {
		device->is_awake = false;
		device->sleeps++;
		device->slept_ms = device->looked_ms;
		assert_int_equal(write(pty.fd, ack, sizeof(ack)), sizeof(ack));
	}
}

/* Did a waking come? */
static bool obey(struct plantower *device)
{
	unsigned wakings = device->wakings;
	int64_t now = clock_real_ms();
	uint8_t heard[64];
	ssize_t length = read(pty.fd, heard, sizeof(heard));

	for (ssize_t i = 0; i + 7 <= length; i += 7)
		obey_one(device, heard + i);
	device->looked_ms = now;
	return device->wakings > wakings;
}

/* How many frames it has judged, however. */
static uint64_t frames_judged(const struct sensors *sensors)
{
	uint64_t sum = 0;

	for (int result = 0; result < SENSOR_RESULT_COUNT; result++)
		sum += count_of(sensors, (enum sensor_result)result);
	return sum;
}

/* Says a frame and waits until it was read: one at a time, however busy the machine. */
static void say_frame(const struct sensors *sensors)
{
	uint8_t frame[SIMULATE_FRAME_MAX];
	size_t size = simulated_frame("pms5003", 33, frame);
	uint64_t before = frames_judged(sensors);
	int64_t end = clock_real_ms() + PATIENCE_MS;

	assert_int_equal(write(pty.fd, frame, size), size);
	while (frames_judged(sensors) == before) {
		assert_true(clock_real_ms() < end);
		poll(NULL, 0, 5);
	}
}

static void test_duty_cycle(void **state)
{
	enum { CYCLES = 3 };
	struct plantower_options options = {
		.serial = line(),
		.mode = PLANTOWER_ACTIVE,
		.every = 10000,
		.duty = (int64_t)DUTY_MS * SPEED,
		.warmup = (int64_t)WARM_UP_MS * SPEED,
	};
	struct plantower device = { .looked_ms = clock_real_ms() };
	struct sensors *sensors = start("pms5003", &options);
	int64_t end = clock_real_ms() + PATIENCE_MS;
	struct report report;
	unsigned reports = 0;

	(void)state;
	while (device.sleeps < CYCLES) {
		bool is_woken = obey(&device);
		unsigned now = reports_in_ring(&report);

		assert_true(clock_real_ms() < end);
		reports += now;
		/* None of the warm-up; what came together with a waking was before it. */
		if (now > 0 && !is_woken)
			assert_true(clock_real_ms() - device.woken_ms >= WARM_UP_MS);
		if (now == 0 && device.is_awake)
			say_frame(sensors);
		else /* it has what it wanted, and shall say so */
			poll(&(struct pollfd){ .fd = pty.fd, .events = POLLIN }, 1,
				now > 0 ? 300 : 10);
	}
	uint64_t warming_up = count_of(sensors, SENSOR_WARMING_UP);
	sensors_stop(sensors);
	reports += reports_in_ring(&report);
	assert_in_range(device.wakings, CYCLES, CYCLES + 1);
	/* One reading of each cycle; two where the first came just before it was waited
	 * for, three where the machine is very slow. */
	assert_in_range(reports, CYCLES, 3 * CYCLES);
	assert_true(warming_up >= CYCLES);
	assert_true(report_find(&report, METRIC_PM25)->value == 33);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_nothing_counts_while_it_warms_up, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_warm_up_after_opening, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_no_answer_is_said, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_a_stop_waits_for_no_turn, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_sps30_is_started_and_asked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_duty_cycle, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
