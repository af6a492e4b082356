/* The ZE modules' units, scales and the gas they are set to. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "core/metric.h"
#include "sensors/sensor.h"
#include "sensors/ze.h"

static struct report report;

/* Decodes eight bytes and their sum. */
static enum sensor_result decode(
	const char *driver, const struct ze_options *options, const uint8_t bytes[8])
{
	uint8_t frame[WINSEN_SIZE];

	memcpy(frame, bytes, 8);
	frame[8] = winsen_sum(frame, WINSEN_SIZE);
	report_init(&report);
	return sensor_driver_find(driver)->decode(options, frame, sizeof(frame), &report);
}

static double value_of(uint16_t metric)
{
	const struct reading *reading = report_find(&report, metric);

	return reading != NULL ? reading->value : NAN;
}

static bool is_about(double value, double expected)
{
	return fabs(value - expected) < 0.006;
}

static void test_micrograms(void **state)
{
	(void)state;
	/* Textbook values at 25 °C and 1013.25 hPa. */
	assert_true(fabs(winsen_ug_m3(METRIC_O3, 100) - 196.2) < 0.1);
	assert_true(fabs(winsen_ug_m3(METRIC_NO2, 100) - 188.0) < 0.1);
	assert_true(fabs(winsen_ug_m3(METRIC_SO2, 100) - 261.9) < 0.1);
	assert_true(fabs(winsen_ug_m3(METRIC_CO, 1000) - 1144.9) < 0.2);
	assert_true(fabs(winsen_ug_m3(METRIC_CH2O, 100) - 122.7) < 0.1);
	assert_true(fabs(winsen_ug_m3(METRIC_NH3, 100) - 69.6) < 0.1);
	assert_true(fabs(winsen_ug_m3(METRIC_H2S, 100) - 139.3) < 0.1);
	assert_true(isnan(winsen_ug_m3(METRIC_PM25, 1)));
}

static void test_unit_and_decimals(void **state)
{
	static const uint8_t ppb[8] = { 0xFF, 0x2A, 0x04, 0, 0x01, 0xF4 };
	static const uint8_t ppm[8] = { 0xFF, 0x2A, 0x03, 1, 0, 0x05 };
	static const uint8_t ppm3[8] = { 0xFF, 0x2A, 0x03, 3, 0x01, 0xF4 };
	static const uint8_t odd[8] = { 0xFF, 0x2A, 0x03, 4, 0x01, 0xF4 };
	struct ze_options tenth = { .scale = 0.1 };

	(void)state;
	assert_int_equal(decode("ze25", NULL, ppb), SENSOR_OK);
	assert_true(is_about(value_of(METRIC_O3), 980.94));
	assert_int_equal(decode("ze25", NULL, ppm), SENSOR_OK);
	assert_true(is_about(value_of(METRIC_O3), 980.94));
	assert_int_equal(decode("ze25", NULL, ppm3), SENSOR_OK);
	assert_true(is_about(value_of(METRIC_O3), 980.94));
	assert_int_equal(decode("ze25", NULL, odd), SENSOR_BAD_VALUE);
	assert_int_equal(decode("ze25", &tenth, ppb), SENSOR_OK);
	assert_true(is_about(value_of(METRIC_O3), 98.09));
}

static void test_gas_that_was_set(void **state)
{
	static const uint8_t talk_no2[8] = { 0xFF, 0x2C, 0x04, 0, 0, 20 };
	static const uint8_t answer[8] = { 0xFF, 0x86, 0, 38, 0, 0, 0, 20 };
	static const uint8_t answer_03[8] = { 0xFF, 0x86, 0, 2, 0x2C };
	struct ze_options no2 = { .gas = 3, .scale = 1 };
	struct ze_options o3 = { .gas = 4, .scale = 1 };

	(void)state;
	assert_int_equal(decode("ze12", &no2, talk_no2), SENSOR_OK);
	assert_true(is_about(value_of(METRIC_NO2), 37.61));
	assert_int_equal(decode("ze12", &o3, talk_no2), SENSOR_BAD_SYNC);
	assert_int_equal(decode("ze12", &no2, answer), SENSOR_OK);
	assert_true(value_of(METRIC_NO2) == 38);
	assert_int_equal(decode("ze12", NULL, answer), SENSOR_MISSING_FIELD);
	assert_int_equal(decode("ze03", &no2, answer_03), SENSOR_OK);
	assert_true(is_about(value_of(METRIC_NO2), 376.09));
	no2.scale = 0.1; /* a batch that counts in 0.01 ppm */
	assert_int_equal(decode("ze03", &no2, answer_03), SENSOR_OK);
	assert_true(is_about(value_of(METRIC_NO2), 37.61));
	assert_int_equal(decode("ze03", &o3, answer_03), SENSOR_BAD_SYNC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_micrograms),
		cmocka_unit_test(test_unit_and_decimals),
		cmocka_unit_test(test_gas_that_was_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
