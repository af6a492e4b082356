/* What the SDS011 driver takes and refuses beyond its captured frames. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "core/metric.h"
#include "sensors/routine.h"
#include "sensors/sensor.h"
#include "sensors/serial.h"
#include "tests/unit/simulated.h"

static const uint8_t captured[10] = { 0xAA, 0xC0, 0xD4, 0x04, 0x3A, 0x0A, 0xA1, 0x60,
	0x1D, 0xAB };

static enum sensor_result decode(
	const uint8_t *frame, size_t length, struct report *report)
{
	report_init(report);
	return sensor_driver_find("sds011")->decode(NULL, frame, length, report);
}

static enum sensor_result decode_values(unsigned pm25, unsigned pm10)
{
	uint8_t frame[10];
	unsigned sum = 0;
	struct report report;

	memcpy(frame, captured, sizeof(frame));
	frame[2] = pm25 & 0xFF;
	frame[3] = (uint8_t)(pm25 >> 8);
	frame[4] = pm10 & 0xFF;
	frame[5] = (uint8_t)(pm10 >> 8);
	for (size_t i = 2; i < 8; i++)
		sum += frame[i];
	frame[8] = sum & 0xFF;
	return decode(frame, sizeof(frame), &report);
}

static void test_values_are_decimal(void **state)
{
	struct report report;

	(void)state;
	assert_int_equal(decode(captured, 10, &report), SENSOR_OK);
	assert_int_equal(report.count, 2);
	assert_true(report_find(&report, METRIC_PM25)->value == 123.6);
	assert_true(report_find(&report, METRIC_PM10)->value == 261.8);
}

static void test_refusals(void **state)
{
	uint8_t frame[10];
	struct report report;

	(void)state;
	assert_int_equal(decode(captured, 9, &report), SENSOR_BAD_LENGTH);
	memcpy(frame, captured, 10);
	frame[9] = 0xAA;
	assert_int_equal(decode(frame, 10, &report), SENSOR_BAD_SYNC);
	/* The weak checksum leaves the head out: an answer also has to make sense. */
	memcpy(frame, captured, 10);
	frame[1] = 0xC5;
	assert_int_equal(decode(frame, 10, &report), SENSOR_BAD_SYNC);
	frame[1] = 0xCF;
	assert_int_equal(decode(frame, 10, &report), SENSOR_BAD_SYNC);
	assert_int_equal(decode_values(0, 0), SENSOR_WARMING_UP);
	assert_int_equal(decode_values(0, 1), SENSOR_OK);
	assert_int_equal(decode_values(9999, 9999), SENSOR_OK);
	assert_int_equal(decode_values(10000, 5), SENSOR_BAD_VALUE);
	assert_int_equal(decode_values(5, 10000), SENSOR_BAD_VALUE);
}

static void test_simulation_says_what_it_is_told(void **state)
{
	uint8_t frame[SIMULATE_FRAME_MAX];
	struct report report;

	(void)state;
	assert_ptr_equal(sensor_driver_find("sds021"), sensor_driver_find("sds011"));
	assert_int_equal(simulated_frame("sds018", 35.2, frame), 10);
	assert_int_equal(decode(frame, 10, &report), SENSOR_OK);
	assert_true(report_find(&report, METRIC_PM25)->value == 35.2);
}

struct options { /* as in sds011.c */
	struct serial_options serial;
	int mode, period;
	int64_t every, duty, warmup;
};

/* The driver's next request must be command CODE, SET to VALUE; 0: nothing. */
static struct sensor_turn expect(const struct options *options, void *session,
	enum sensor_result last, int code, int set, int value)
{
	uint8_t request[SENSOR_REQUEST_MAX];
	struct sensor_turn turn =
		sensor_driver_find("sds011")->turn(options, session, last, request);

	assert_int_equal(turn.length, code == 0 ? 0 : 19);
	if (code != 0) {
		assert_int_equal(request[2], code);
		assert_int_equal(request[3], set);
		assert_int_equal(request[4], value);
	}
	return turn;
}

static void test_turns(void **state)
{
	/* SDS-C1: query any, as the data sheet has it */
	static const uint8_t query[19] = { 0xAA, 0xB4, 0x04, [15] = 0xFF, 0xFF, 0x02,
		0xAB };
	struct options options = { .period = -1, .every = 20000, .warmup = 30000 };
	struct routine_session session = { 0 };
	uint8_t request[SENSOR_REQUEST_MAX];
	struct sensor_turn turn;

	(void)state;
	assert_int_equal(sensor_driver_find("sds011")->kind.group.size, sizeof(options));
	turn = expect(&options, &session, SENSOR_PORT_ERROR, 2, 1, 0);
	assert_int_equal(turn.wait_ms, 0);
	turn = expect(&options, &session, SENSOR_TIMEOUT, 0, 0, 0);
	assert_int_equal(turn.wait_ms, 10000);
	expect(&options, &session, SENSOR_OK, 0, 0, 0);

	/* A device that rests by itself is not woken for being silent. */
	memset(&session, 0, sizeof(session));
	options.period = 5;
	expect(&options, &session, SENSOR_PORT_ERROR, 2, 1, 0);
	expect(&options, &session, SENSOR_OK, 8, 1, 5);
	expect(&options, &session, SENSOR_OK, 8, 1, 5); /* data, not the answer */
	turn = expect(&options, &session, SENSOR_IGNORED, 0, 0, 0);
	assert_true(turn.wait_ms > 300000);

	memset(&session, 0, sizeof(session));
	options.period = -1;
	options.mode = 1;
	expect(&options, &session, SENSOR_PORT_ERROR, 2, 1, 1);
	turn = sensor_driver_find("sds011")->turn(
		&options, &session, SENSOR_IGNORED, request);
	assert_int_equal(turn.length, 19);
	assert_memory_equal(request, query, 19);
	assert_int_equal(turn.pause_ms, 20000);

	/* Asleep it does not answer: woken; the first thing it says then is garbage. */
	memset(&session, 0, sizeof(session));
	options.duty = 600000;
	turn = expect(&options, &session, SENSOR_PORT_ERROR, 6, 1, 1);
	assert_int_equal(turn.warmup_ms, 30000);
	expect(&options, &session, SENSOR_BAD_SYNC, 2, 1, 1);
	expect(&options, &session, SENSOR_IGNORED, 0, 0, 0);
	expect(&options, &session, SENSOR_TIMEOUT, 4, 0, 0);
	expect(&options, &session, SENSOR_OK, 6, 1, 0);
	expect(&options, &session, SENSOR_OK, 6, 1, 0); /* it did not hear */
	turn = expect(&options, &session, SENSOR_IGNORED, 0, 0, 0);
	assert_true(turn.pause_ms > 500000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values_are_decimal),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_simulation_says_what_it_is_told),
		cmocka_unit_test(test_turns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
