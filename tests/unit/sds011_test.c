/* What the SDS011 driver takes and refuses beyond its captured frames. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "core/metric.h"
#include "sensors/sensor.h"
#include "sensors/simulate.h"

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
	/* The weak checksum leaves the head out: an answer is told by its head alone. */
	memcpy(frame, captured, 10);
	frame[1] = 0xC5;
	assert_int_equal(decode(frame, 10, &report), SENSOR_IGNORED);
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
	assert_int_equal(simulate_find("sds018")->frame(35.2, frame), 10);
	assert_int_equal(decode(frame, 10, &report), SENSOR_OK);
	assert_true(report_find(&report, METRIC_PM25)->value == 35.2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values_are_decimal),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_simulation_says_what_it_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
