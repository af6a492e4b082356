/* Modbus RTU frames: CRC, building, finding, reading. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "sensors/rtu.h"

static void test_crc_and_request(void **state)
{
	/* "90 03 01 65 00 09 88 AE", a WN90LP's block */
	static const uint8_t expected[8] = { 0x90, 0x03, 0x01, 0x65, 0x00, 0x09, 0x88,
		0xAE };
	uint8_t frame[RTU_REQUEST_SIZE];

	(void)state;
	assert_int_equal(rtu_crc((const uint8_t *)"123456789", 9), 0x4B37);
	rtu_request(frame, 0x90, 3, 0x0165, 9);
	assert_memory_equal(frame, expected, 8);
}

static void test_request_is_told_from_response(void **state)
{
	struct rtu_message message;
	uint8_t request[8];
	/* A request whose address looks like a response's byte count of 2. */
	uint8_t response[9] = { 1, 3, 4, 0x00, 0x2A, 0x00, 0x01 };

	(void)state;
	rtu_request(request, 1, 3, 0x0200, 1);
	assert_int_equal(rtu_frame(request, 8), 8);
	assert_int_equal(rtu_parse(request, 8, &message), SENSOR_OK);
	assert_int_equal(message.kind, RTU_REQUEST);
	assert_int_equal(message.address, 0x0200);
	assert_int_equal(message.count, 1);
	rtu_seal(response, 7);
	assert_int_equal(rtu_frame(response, 8), 0);
	assert_int_equal(rtu_frame(response, 9), 9);
	assert_int_equal(rtu_parse(response, 9, &message), SENSOR_OK);
	assert_int_equal(message.kind, RTU_RESPONSE);
	assert_int_equal(message.count, 2);
	assert_int_equal(message.data[1], 0x2A);
}

static void test_exceptions(void **state)
{
	static const uint8_t busy[5] = { 0x01, 0x83, 0x06, 0xC1, 0x32 };
	struct rtu_message message;

	(void)state;
	assert_int_equal(rtu_frame(busy, 5), 5);
	assert_int_equal(rtu_parse(busy, 5, &message), SENSOR_OK);
	assert_int_equal(message.kind, RTU_EXCEPTION);
	assert_int_equal(message.function, 3);
	assert_string_equal(rtu_exception_name(message.exception), "device busy");
	assert_string_equal(rtu_exception_name(0), "unknown exception");
	assert_string_equal(rtu_exception_name(255), "unknown exception");
}

static void test_refusals(void **state)
{
	uint8_t frame[16] = { 1, 3, 2, 0x02, 0x18 };
	struct rtu_message message;

	(void)state;
	rtu_seal(frame, 5);
	assert_int_equal(rtu_parse(frame, 7, &message), SENSOR_OK);
	assert_int_equal(rtu_parse(frame, 4, &message), SENSOR_BAD_LENGTH);
	assert_int_equal(rtu_parse(frame, 6, &message), SENSOR_BAD_CHECKSUM);
	frame[3] ^= 0x80;
	assert_int_equal(rtu_parse(frame, 7, &message), SENSOR_BAD_CHECKSUM);
	frame[2] = 3; /* an odd number of bytes are no registers */
	rtu_seal(frame, 5);
	assert_int_equal(rtu_parse(frame, 7, &message), SENSOR_BAD_LENGTH);
	frame[1] = 0x2B;
	rtu_seal(frame, 5);
	assert_int_equal(rtu_parse(frame, 7, &message), SENSOR_BAD_SYNC);
	assert_int_equal(rtu_frame(frame, 7), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crc_and_request),
		cmocka_unit_test(test_request_is_told_from_response),
		cmocka_unit_test(test_exceptions),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
