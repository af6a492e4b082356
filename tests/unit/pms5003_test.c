/* What the PMS5003 driver takes and refuses beyond its captured frames. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/metric.h"
#include "sensors/framer.h"
#include "sensors/plantower.h"
#include "sensors/sensor.h"
#include "tests/unit/simulated.h"

/* PMS-4: CF=1 and atmospheric differ. */
static const uint8_t captured[32] = { 0x42, 0x4D, 0x00, 0x1C, 0x00, 0x3E, 0x00, 0x54,
	0x00, 0x60, 0x00, 0x2A, 0x00, 0x3E, 0x00, 0x50, 0x22, 0x23, 0x09, 0xA4, 0x01,
	0x4A, 0x00, 0x28, 0x00, 0x06, 0x00, 0x05, 0x67, 0x00, 0x04, 0x2C };

static void seal(uint8_t frame[32])
{
	unsigned sum = 0;

	for (size_t i = 0; i < 30; i++)
		sum += frame[i];
	frame[30] = (uint8_t)(sum >> 8);
	frame[31] = sum & 0xFF;
}

static enum sensor_result decode(
	const void *options, const uint8_t *frame, size_t length, struct report *report)
{
	report_init(report);
	return sensor_driver_find("pms5003")->decode(options, frame, length, report);
}

/* What becomes of the captured frame with VALUE put as a word at OFFSET. */
static enum sensor_result decode_with(size_t offset, unsigned value)
{
	uint8_t frame[32];
	struct report report;

	memcpy(frame, captured, sizeof(frame));
	frame[offset] = (uint8_t)(value >> 8);
	frame[offset + 1] = value & 0xFF;
	seal(frame);
	return decode(NULL, frame, sizeof(frame), &report);
}

static void test_aliases_name_the_same_driver(void **state)
{
	(void)state;
	assert_non_null(sensor_driver_find("pms5003"));
	assert_ptr_equal(sensor_driver_find("pms7003"), sensor_driver_find("pms5003"));
	assert_ptr_equal(sensor_driver_find("pmsa003"), sensor_driver_find("pms5003"));
	assert_ptr_not_equal(
		sensor_driver_find("pms3003"), sensor_driver_find("pms5003"));
	assert_null(sensor_driver_find(""));
}

static void test_fields_are_chosen_by_option(void **state)
{
	const struct sensor_driver *driver = sensor_driver_find("pms5003");
	const struct option *row = driver->kind.group.options;
	uint8_t options[128] = { 0 };
	int cf1 = 1;
	struct report report;

	(void)state;
	while (strcmp(row->name, "pm") != 0)
		row++;
	assert_string_equal(row->choices[1], "cf1");
	assert_true(driver->kind.group.size <= sizeof(options));
	memcpy(options + row->offset, &cf1, sizeof(cf1));
	assert_int_equal(decode(options, captured, 32, &report), SENSOR_OK);
	assert_int_equal(report.count, 3);
	assert_true(report_find(&report, METRIC_PM1)->value == 62);
	assert_true(report_find(&report, METRIC_PM25)->value == 84);
	assert_true(report_find(&report, METRIC_PM10)->value == 96);
	assert_int_equal(decode(NULL, captured, 32, &report), SENSOR_OK);
	assert_true(report_find(&report, METRIC_PM25)->value == 62);
}

static void test_refusals(void **state)
{
	struct report report;
	uint8_t frame[32];

	(void)state;
	assert_int_equal(decode(NULL, captured, 0, &report), SENSOR_BAD_LENGTH);
	assert_int_equal(decode(NULL, captured, 31, &report), SENSOR_BAD_LENGTH);
	memcpy(frame, captured, 32);
	frame[0] = 0x43;
	assert_int_equal(decode(NULL, frame, 32, &report), SENSOR_BAD_SYNC);
	frame[0] = 0x42;
	frame[12] ^= 1;
	assert_int_equal(decode(NULL, frame, 32, &report), SENSOR_BAD_CHECKSUM);
	assert_int_equal(report.count, 0);
	assert_int_equal(decode_with(2, 0x14), SENSOR_BAD_LENGTH);
	assert_int_equal(decode_with(28, 0x6701), SENSOR_DEVICE_ERROR);
	assert_int_equal(decode_with(12, 0x424D), SENSOR_BAD_VALUE);
	assert_int_equal(
		decode_with(16, 0), SENSOR_BAD_VALUE); /* dust without particles */
	assert_int_equal(decode_with(12, 999), SENSOR_OK);
}

static void test_simulation_says_what_it_is_told(void **state)
{
	uint8_t frame[SIMULATE_FRAME_MAX];
	struct report report;

	(void)state;
	assert_int_equal(simulated_frame("pms7003", 137.4, frame), 32);
	assert_int_equal(decode(NULL, frame, 32, &report), SENSOR_OK);
	assert_true(report_find(&report, METRIC_PM25)->value == 137);
	assert_int_equal(simulated_frame("pms7003", NAN, frame), 32);
	assert_int_equal(decode(NULL, frame, 32, &report), SENSOR_OK);
	assert_true(report_find(&report, METRIC_PM25)->value == 13);
	assert_int_equal(simulated_frame("pms7003", 1e9, frame), 32);
	assert_int_equal(decode(NULL, frame, 32, &report), SENSOR_OK);
}

/* Sends the driver's next request, which must be the bytes of EXPECTED, hex. */
static struct sensor_turn expect(const struct plantower_options *options, void *session,
	enum sensor_result last, const char *expected)
{
	uint8_t request[SENSOR_REQUEST_MAX];
	char text[3 * SENSOR_REQUEST_MAX + 1] = "";
	struct sensor_turn turn =
		sensor_driver_find("pms5003")->turn(options, session, last, request);

	for (size_t i = 0; i < turn.length; i++)
		snprintf(text + 3 * i, 4, "%02X ", request[i]);
	assert_string_equal(text, expected);
	return turn;
}

#define PASSIVE "42 4D E1 00 00 01 70 "
#define ACTIVE  "42 4D E1 00 01 01 71 "
#define READ    "42 4D E2 00 00 01 71 "
#define SLEEP   "42 4D E4 00 00 01 73 "
#define WAKE    "42 4D E4 00 01 01 74 "

static void test_turns(void **state)
{
	struct plantower_options options = { .every = 15000, .warmup = 30000 };
	struct routine_session session = { 0 };
	struct sensor_turn turn;

	(void)state;
	assert_int_equal(sensor_driver_find("pms5003")->session_size, sizeof(session));
	/* Active: told so once, without asking for an answer, then only listened to. */
	turn = expect(&options, &session, SENSOR_PORT_ERROR, ACTIVE);
	assert_int_equal(turn.wait_ms, 0);
	assert_int_equal(turn.warmup_ms, 0);
	for (int i = 0; i < 5; i++) {
		turn = expect(&options, &session, SENSOR_OK, "");
		assert_true(turn.wait_ms >= 5000);
	}
	/* Silent for long: asleep, or it lost power. */
	expect(&options, &session, SENSOR_TIMEOUT, "");
	expect(&options, &session, SENSOR_TIMEOUT, "");
	turn = expect(&options, &session, SENSOR_TIMEOUT, WAKE);
	assert_int_equal(turn.warmup_ms, 30000);
	expect(&options, &session, SENSOR_OK, ACTIVE);

	memset(&session, 0, sizeof(session));
	options.mode = PLANTOWER_PASSIVE;
	expect(&options, &session, SENSOR_PORT_ERROR, PASSIVE);
	expect(&options, &session, SENSOR_OK, PASSIVE);
	turn = expect(&options, &session, SENSOR_IGNORED, READ);
	assert_int_equal(turn.pause_ms, 15000);

	memset(&session, 0, sizeof(session));
	options.duty = 300000;
	turn = expect(&options, &session, SENSOR_PORT_ERROR, WAKE);
	assert_int_equal(turn.warmup_ms, 30000);
	expect(&options, &session, SENSOR_TIMEOUT, PASSIVE);
	turn = expect(&options, &session, SENSOR_IGNORED, "");
	assert_int_equal(turn.pause_ms, 30000);
	expect(&options, &session, SENSOR_TIMEOUT, READ);
	expect(&options, &session, SENSOR_OK, SLEEP);
	turn = expect(&options, &session, SENSOR_IGNORED, "");
	assert_true(turn.pause_ms > 200000);
	expect(&options, &session, SENSOR_TIMEOUT, WAKE);
	assert_null(sensor_driver_find("pms3003")->turn);
}

/* PMS-IDLE again and again, begun in its middle: 01 42 | 42 4D. */
static void test_double_42_gets_in_step(void **state)
{
	static const uint8_t idle[32] = { 0x42, 0x4D, 0x00,
		0x1C, [28] = 0x97, [30] = 0x01, 0x42 };
	struct framer_code code = framer_code_of(sensor_driver_find("pms5003"), NULL);
	struct framer framer;
	struct report report;
	enum sensor_result result;
	int frames = 0;

	(void)state;
	framer_init(&framer, &code);
	report_init(&report);
	framer_put(&framer, idle + 10, 22);
	for (int i = 0; i < 20; i++) {
		framer_put(&framer, idle, 32);
		while (framer_next(&framer, &report, &result)) {
			assert_int_equal(result, SENSOR_WARMING_UP);
			frames++;
		}
	}
	assert_int_equal(frames, 20);
	assert_int_equal(framer.skipped, 22);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_aliases_name_the_same_driver),
		cmocka_unit_test(test_fields_are_chosen_by_option),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_simulation_says_what_it_is_told),
		cmocka_unit_test(test_turns),
		cmocka_unit_test(test_double_42_gets_in_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
