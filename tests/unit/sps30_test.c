/* What the SPS30 driver asks, and how it lives with its own simulation. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/metric.h"
#include "sensors/framer.h"
#include "sensors/routine.h"
#include "sensors/serial.h"
#include "sensors/simulate.h"

struct options { /* as in sps30.c */
	struct serial_options serial;
	int64_t every, cleaning;
};

static struct sensor_turn expect(const struct options *options, void *session,
	enum sensor_result last, const char *expected)
{
	const struct sensor_driver *driver = sensor_driver_find("sps30");
	uint8_t request[SENSOR_REQUEST_MAX];
	char text[3 * SENSOR_REQUEST_MAX + 1] = "";
	struct sensor_turn turn = driver->turn(options, session, last, request);

	for (size_t i = 0; i < turn.length; i++)
		snprintf(text + 3 * i, 4, "%02X ", request[i]);
	assert_string_equal(text, expected);
	return turn;
}

#define START  "7E 00 00 02 01 03 F9 7E "
#define READ   "7E 00 03 00 FC 7E "
#define STATUS "7E 00 D2 01 00 2C 7E "
#define WAKE   "FF 7E 00 7D 31 00 EE 7E "

static void test_turns(void **state)
{
	struct options options = { .every = 2000 };
	struct routine_session session = { 0 };
	struct sensor_turn turn;

	(void)state;
	assert_int_equal(sensor_driver_find("sps30")->kind.group.size, sizeof(options));
	expect(&options, &session, SENSOR_PORT_ERROR, START);
	turn = expect(&options, &session, SENSOR_IGNORED, READ);
	assert_int_equal(turn.pause_ms, 2000);
	assert_true(turn.wait_ms >= 100);
	for (int i = 0; i < 58; i++)
		expect(&options, &session, i % 2 ? SENSOR_OK : SENSOR_IGNORED, READ);
	expect(&options, &session, SENSOR_OK, STATUS);
	expect(&options, &session, SENSOR_IGNORED, READ);
	/* Not measuring any more: it lost power, or fell asleep. */
	expect(&options, &session, SENSOR_DEVICE_ERROR, READ);
	expect(&options, &session, SENSOR_DEVICE_ERROR, READ);
	turn = expect(&options, &session, SENSOR_DEVICE_ERROR, WAKE);
	assert_true(turn.warmup_ms >= 8000);
	expect(&options, &session, SENSOR_IGNORED, START);

	/* 7 days are 00 09 3A 80 seconds. */
	memset(&session, 0, sizeof(session));
	options.cleaning = INT64_C(7) * 24 * 3600 * 1000;
	expect(&options, &session, SENSOR_PORT_ERROR,
		"7E 00 80 05 00 00 09 3A 80 B7 7E ");
	expect(&options, &session, SENSOR_IGNORED, START);
}

/* Everything the driver says is answered, and the answer is what was meant. */
static void test_simulation_answers(void **state)
{
	const struct sensor_driver *driver = sensor_driver_find("sps30");
	struct options options = { .every = 2000, .cleaning = 86400000 };
	struct routine_session session = { 0 };
	enum sensor_result last = SENSOR_PORT_ERROR;
	int good = 0;
	static struct simulate_settings settings;
	static struct simulate_device device;
	char why[200];

	(void)state;
	settings = (struct simulate_settings){ .driver = driver, .unit_id = 1 };
	assert_int_equal(simulate_device_open(&device, &settings, why, sizeof(why)), 0);
	for (int i = 0; i < 200; i++) {
		uint8_t request[SENSOR_REQUEST_MAX], answer[SIMULATE_FRAME_MAX];
		struct sensor_turn turn = driver->turn(&options, &session, last, request);
		double pm25 = i * 1.1 + 0.1;
		struct report report;

		device.now.pm25 = pm25;
		/* Not before the last byte has come. */
		simulate_device_hear(&device, request, turn.length - 1);
		assert_int_equal(simulate_device_answer(&device, answer), 0);
		simulate_device_hear(&device, request + turn.length - 1, 1);
		size_t size = simulate_device_answer(&device, answer);
		assert_true(size > 0 && size <= driver->frame_max);
		report_init(&report);
		assert_int_equal(driver->frame(answer, size), size);
		last = driver->decode(NULL, answer, size, &report);
		if (last == SENSOR_OK) {
			assert_true(fabs(report_find(&report, METRIC_PM25)->value -
					    pm25) < 0.001);
			good++;
		} else {
			assert_int_equal(last, SENSOR_IGNORED);
		}
	}
	simulate_device_close(&device);
	assert_true(good > 190);
}

/* Two frames may share the flag between them. */
static void test_shared_flag(void **state)
{
	static const uint8_t bytes[] = { 0x7E, 0x00, 0x03, 0x00, 0x00, 0xFC, 0x7E, 0x00,
		0x00, 0x43, 0x00, 0xBC, 0x7E, 0x7E, 0x00, 0x01, 0x00, 0x00, 0xFE, 0x7E };
	struct framer_code code = framer_code_of(sensor_driver_find("sps30"), NULL);
	struct framer framer;
	struct report report;
	enum sensor_result result;
	int frames = 0;

	(void)state;
	framer_init(&framer, &code);
	report_init(&report);
	framer_put(&framer, bytes, sizeof(bytes));
	while (framer_next(&framer, &report, &result)) {
		assert_int_equal(result, SENSOR_IGNORED);
		frames++;
	}
	assert_int_equal(frames, 3);
	assert_int_equal(framer.skipped, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_turns),
		cmocka_unit_test(test_simulation_answers),
		cmocka_unit_test(test_shared_flag),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
