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

enum { SPEED = 100 };

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

/* Answers by the driver's simulation for MS of real time. */
static void answer_for(const char *driver, int64_t ms)
{
	struct simulate_settings settings = { .driver = simulate_find(driver) };
	struct simulate_device device;
	int64_t until = clock_real_ms() + ms;
	char why_not[200];

	assert_int_equal(
		simulate_device_open(&device, &settings, why_not, sizeof(why_not)), 0);
	device.now.pm25 = 20;
	while (clock_real_ms() < until) {
		struct pollfd fd = { .fd = pty.fd, .events = POLLIN };
		uint8_t frame[SIMULATE_FRAME_MAX], heard[64];
		ssize_t got;
		size_t size;

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

static void test_warm_up_after_opening(void **state)
{
	struct mhz19b_options options = {
		.serial = line(),
		.every = 10000,
		.warmup = 60000, /* 0.6 s of real time */
	};
	struct sensors *sensors = start("mhz19b", &options);
	struct report report;

	(void)state;
	assert_non_null(sensors);
	answer_for("mhz19b", 400);
	assert_true(count_of(sensors, SENSOR_WARMING_UP) >= 2);
	assert_int_equal(count_of(sensors, SENSOR_OK), 0);
	assert_int_equal(reports_in_ring(&report), 0);
	answer_for("mhz19b", 800);
	assert_true(count_of(sensors, SENSOR_OK) >= 2);
	assert_true(reports_in_ring(&report) >= 2);
	/* The simulated device says these two by turns. */
	double co2 = report_find(&report, METRIC_CO2)->value;
	assert_true(co2 == 636 || co2 == 633);

	/* Unplugged and back: it may have been without power. */
	pty_close(&pty);
	poll(NULL, 0, 100);
	assert_int_equal(pty_open(&pty, port, why, sizeof(why)), 0);
	reports_in_ring(&report);
	while (!atomic_load(&sensors_get(sensors, 0)->stats.connected))
		poll(NULL, 0, 5);
	answer_for("mhz19b", 400);
	assert_int_equal(reports_in_ring(&report), 0);
	answer_for("mhz19b", 800);
	assert_true(reports_in_ring(&report) >= 2);
	sensors_stop(sensors);
}

static void test_no_answer_is_said(void **state)
{
	struct mhz19b_options options = { .serial = line(), .every = 10000 };
	struct sensors *sensors = start("mhz19b", &options);
	int64_t before;

	(void)state;
	poll(NULL, 0, 1500);
	assert_true(count_of(sensors, SENSOR_TIMEOUT) >= 1);
	answer_for("mhz19b", 1500);
	assert_true(count_of(sensors, SENSOR_OK) >= 1);
	before = clock_real_ms();
	sensors_stop(sensors);
	assert_true(clock_real_ms() - before < 200);
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
	answer_for("sps30", 700);
	assert_true(count_of(sensors, SENSOR_OK) >= 5);
	assert_int_equal(count_of(sensors, SENSOR_IGNORED), 1); /* the start */
	assert_true(reports_in_ring(&report) >= 5);
	assert_int_equal(report.count, 4);
	assert_true(report_find(&report, METRIC_PM25)->value == 20);
	sensors_stop(sensors);
}

/* A PMS5003 that obeys: says a frame every 10 ms while awake. */
struct plantower {
	bool is_awake;
	unsigned wakings, sleeps, frames;
	int64_t woken_ms, slept_ms; /* real */
};

static void obey(struct plantower *device)
{
	static const uint8_t ack[] = { 0x42, 0x4D, 0x00, 0x04, 0xE4, 0x00, 0x01, 0x77 };
	uint8_t heard[64];
	ssize_t length = read(pty.fd, heard, sizeof(heard));

	for (ssize_t i = 0; i + 7 <= length; i += 7) {
		assert_int_equal(heard[i], 0x42);
		if (heard[i + 2] != 0xE4) {
			/* What comes to a sleeping one wakes it: nothing may come. */
			assert_true(device->is_awake);
			continue;
		}
		if (heard[i + 4] == 1) {
			device->is_awake = true;
			device->wakings++;
			device->woken_ms = clock_real_ms();
		} else {
			device->is_awake = false;
			device->sleeps++;
			device->slept_ms = clock_real_ms();
			assert_int_equal(write(pty.fd, ack, sizeof(ack)), sizeof(ack));
		}
	}
}

static void test_duty_cycle(void **state)
{
	struct plantower_options options = {
		.serial = line(),
		.mode = PLANTOWER_ACTIVE,
		.every = 10000,
		.duty = 100000,  /* 1 s of real time */
		.warmup = 30000, /* 0.3 s */
	};
	struct sensors *sensors = start("pms5003", &options);
	struct plantower device = { .is_awake = false };
	int64_t until = clock_real_ms() + 3600;
	struct report report;
	unsigned reports = 0;

	(void)state;
	while (clock_real_ms() < until) {
		uint8_t frame[SIMULATE_FRAME_MAX];
		size_t size = simulated_frame("pms5003", 33, frame);
		unsigned now;

		obey(&device);
		if (device.is_awake) {
			assert_int_equal(write(pty.fd, frame, size), size);
			device.frames++;
		}
		now = reports_in_ring(&report);
		if (now > 0 && device.is_awake) /* none of the warm-up */
			assert_true(clock_real_ms() - device.woken_ms >= 290);
		reports += now;
		poll(NULL, 0, 10);
	}
	sensors_stop(sensors);
	assert_in_range(device.wakings, 3, 4);
	assert_in_range(device.sleeps, 3, 4);
	/* One reading of each cycle, and more where it was slow to be put to sleep; most
	 * of what it said was its warm-up. */
	assert_true(reports >= 3);
	assert_true(device.frames > 5 * reports);
	assert_true(report_find(&report, METRIC_PM25)->value == 33);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_warm_up_after_opening, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_no_answer_is_said, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			test_sps30_is_started_and_asked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_duty_cycle, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
