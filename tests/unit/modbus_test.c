/* The modbus driver without a bus: which requests, and what the bytes mean. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "core/metric.h"
#include "sensors/modbus.h"

enum { REGISTERS_MAX = 60 };

static struct modbus_register registers[REGISTERS_MAX];
static struct modbus_options options;

static int reset(void **state)
{
	(void)state;
	memset(registers, 0, sizeof(registers));
	options = (struct modbus_options){
		.unit_id = 1,
		.function = 3,
		.registers = { .items = registers },
	};
	return 0;
}

static struct modbus_register *add(const char *metric, int address, int type)
{
	struct modbus_register *reg = &registers[options.registers.count++];

	*reg = (struct modbus_register){
		.metric = metric_find(metric),
		.address = address,
		.type = type,
		.scale = 1,
	};
	assert_non_null(reg->metric);
	return reg;
}

/* An exchange: the request for COUNT registers, and DATA as its answer. */
static size_t exchange(uint8_t *bytes, uint8_t function, uint16_t address, uint16_t count,
	const uint8_t *data)
{
	uint8_t *response = bytes + RTU_REQUEST_SIZE;

	rtu_request(bytes, 1, function, address, count);
	response[0] = 1;
	response[1] = function;
	response[2] = (uint8_t)(2 * count);
	memcpy(response + 3, data, (size_t)2 * count);
	return RTU_REQUEST_SIZE + rtu_seal(response, (size_t)3 + 2 * count);
}

static enum sensor_result decode(
	const uint8_t *bytes, size_t length, struct report *report)
{
	report_init(report);
	return sensor_driver_find("modbus")->decode(&options, bytes, length, report);
}

/* The value of the only register, whose DATA is this. */
static double value_of(const uint8_t *data, uint16_t count, enum sensor_result expected)
{
	uint8_t bytes[MODBUS_EXCHANGE_MAX];
	struct report report;
	size_t length = exchange(bytes, 3, (uint16_t)registers[0].address, count, data);

	assert_int_equal(decode(bytes, length, &report), expected);
	return expected == SENSOR_OK ? report.readings[0].value : NAN;
}

static void test_words(void **state)
{
	static const uint8_t rain[] = { 0x02, 0x18 };
	static const uint8_t cold[] = { 0xFF, 0x9C };
	struct modbus_register *reg = add("rain_total", 0, MODBUS_UINT16);

	(void)state;
	assert_true(value_of(rain, 1, SENSOR_OK) == 536);
	reg->scale = 0.1;
	assert_true(value_of(rain, 1, SENSOR_OK) == 53.6);
	reg->scale = 0.2794;
	assert_true(value_of(rain, 1, SENSOR_OK) == 149.7584);
	reg->scale = 0.1;
	reg->offset = -40;
	assert_true(value_of(rain, 1, SENSOR_OK) == 13.6);
	reg->offset = 0;
	assert_true(value_of(cold, 1, SENSOR_OK) == 6543.6);
	reg->type = MODBUS_INT16;
	assert_true(value_of(cold, 1, SENSOR_OK) == -10);
	reg->order = MODBUS_DCBA;
	assert_true(value_of(cold, 1, SENSOR_OK) == -2534.5); /* 9C FF */
}

static void test_four_orders(void **state)
{
	static const uint8_t floats[4][4] = {
		{ 0x41, 0xBB, 0x99, 0x9A },
		{ 0x99, 0x9A, 0x41, 0xBB },
		{ 0xBB, 0x41, 0x9A, 0x99 },
		{ 0x9A, 0x99, 0xBB, 0x41 },
	};
	static const uint8_t integers[4][4] = {
		{ 0x00, 0x01, 0xE2, 0x40 },
		{ 0xE2, 0x40, 0x00, 0x01 },
		{ 0x01, 0x00, 0x40, 0xE2 },
		{ 0x40, 0xE2, 0x01, 0x00 },
	};
	struct modbus_register *reg = add("temperature", 7, MODBUS_FLOAT32);

	(void)state;
	for (int order = MODBUS_ABCD; order <= MODBUS_DCBA; order++) {
		reg->order = order;
		reg->type = MODBUS_FLOAT32;
		assert_true(value_of(floats[order], 2, SENSOR_OK) == 23.45);
		reg->type = MODBUS_UINT32;
		assert_true(value_of(integers[order], 2, SENSOR_OK) == 123456);
		reg->type = MODBUS_INT32;
		assert_true(value_of(integers[order], 2, SENSOR_OK) == 123456);
	}
}

static void test_long_integers_keep_their_digits(void **state)
{
	static const uint8_t large[] = { 0xFF, 0xFF, 0xFF, 0xFE };
	struct modbus_register *reg = add("rain_total", 0, MODBUS_UINT32);

	(void)state;
	assert_true(value_of(large, 2, SENSOR_OK) == 4294967294.0);
	reg->scale = 0.0001;
	assert_true(value_of(large, 2, SENSOR_OK) == 429496.7294);
	reg->type = MODBUS_INT32;
	reg->scale = 1;
	assert_true(value_of(large, 2, SENSOR_OK) == -2);
}

static void test_invalid_numbers_are_left_out(void **state)
{
	static const uint8_t data[] = { 0xFF, 0xFF, 0x00, 0x05 };
	double marks[] = { 65535, -9999 };
	uint8_t bytes[MODBUS_EXCHANGE_MAX];
	struct report report;
	size_t length = exchange(bytes, 3, 0, 2, data);
	struct modbus_register *first = add("temperature", 0, MODBUS_UINT16);

	(void)state;
	add("humidity", 1, MODBUS_UINT16);
	first->invalid = (struct option_numbers){ marks, 2 };
	assert_int_equal(decode(bytes, length, &report), SENSOR_OK);
	assert_int_equal(report.count, 1);
	assert_true(report_find(&report, METRIC_HUMIDITY)->value == 5);
	first->type = MODBUS_INT16; /* -1 is 65535 by another name */
	assert_int_equal(decode(bytes, length, &report), SENSOR_OK);
	assert_int_equal(report.count, 1);
	first->invalid.count = 0;
	assert_int_equal(decode(bytes, length, &report), SENSOR_OK);
	assert_int_equal(report.count, 2);
}

static void test_no_value_at_all(void **state)
{
	static const uint8_t nan_bytes[] = { 0x7F, 0xC0, 0x00, 0x00 };
	static const uint8_t infinity[] = { 0x7F, 0x80, 0x00, 0x00 };
	static const uint8_t large[] = { 0x7F, 0x7F, 0xFF, 0xFF };
	struct modbus_register *reg = add("temperature", 0, MODBUS_FLOAT32);

	(void)state;
	value_of(nan_bytes, 2, SENSOR_BAD_VALUE);
	value_of(infinity, 2, SENSOR_BAD_VALUE);
	reg->scale = 1e300;
	value_of(large, 2, SENSOR_BAD_VALUE);
}

static void test_wrong_answers(void **state)
{
	static const uint8_t data[] = { 0x00, 0x01 };
	uint8_t bytes[MODBUS_EXCHANGE_MAX], bad[MODBUS_EXCHANGE_MAX];
	struct report report;
	size_t length = exchange(bytes, 3, 0, 1, data);

	(void)state;
	add("rain_total", 0, MODBUS_UINT16);
	for (size_t cut = 0; cut < length; cut++)
		assert_int_equal(decode(bytes, cut, &report), SENSOR_BAD_LENGTH);
	memcpy(bad, bytes, length);
	bad[8 + 4] ^= 1;
	assert_int_equal(decode(bad, length, &report), SENSOR_BAD_CHECKSUM);
	memcpy(bad, bytes, length);
	bad[8] = 2; /* another unit answers */
	rtu_seal(bad + 8, 5);
	assert_int_equal(decode(bad, length, &report), SENSOR_BAD_SYNC);
	memcpy(bad, bytes, length);
	bad[9] = 4; /* another function */
	rtu_seal(bad + 8, 5);
	assert_int_equal(decode(bad, length, &report), SENSOR_BAD_SYNC);
	bad[9] = 0x83;
	bad[10] = 2;
	rtu_seal(bad + 8, 3);
	assert_int_equal(decode(bad, 13, &report), SENSOR_DEVICE_ERROR);
	rtu_request(bad, 1, 3, 0, 2); /* two asked for, one came */
	memcpy(bad + 8, bytes + 8, length - 8);
	assert_int_equal(decode(bad, length, &report), SENSOR_BAD_LENGTH);
}

static void test_plan_joins_neighbours(void **state)
{
	struct modbus_block blocks[READINGS_MAX];

	(void)state;
	add("pm10", 508, MODBUS_UINT16);
	add("wind_speed", 500, MODBUS_UINT16);
	add("light", 510, MODBUS_UINT32);
	add("pm25", 507, MODBUS_UINT16);
	assert_int_equal(modbus_plan(&options, blocks), 3);
	assert_int_equal(blocks[0].address, 500);
	assert_int_equal(blocks[0].count, 1);
	assert_int_equal(blocks[1].address, 507);
	assert_int_equal(blocks[1].count, 2);
	assert_int_equal(blocks[2].address, 510);
	assert_int_equal(blocks[2].count, 2);
	options.max_gap = 1;
	assert_int_equal(modbus_plan(&options, blocks), 2);
	assert_int_equal(blocks[1].count, 5);
	options.max_gap = 6;
	assert_int_equal(modbus_plan(&options, blocks), 1);
	assert_int_equal(blocks[0].address, 500);
	assert_int_equal(blocks[0].count, 12);
	registers[3].function = 4;
	assert_int_equal(modbus_plan(&options, blocks), 3);
	assert_int_equal(blocks[2].function, 4);
}

static void test_plan_keeps_to_125_registers(void **state)
{
	struct modbus_block blocks[READINGS_MAX];

	(void)state;
	options.max_gap = 125;
	add("pm25", 0, MODBUS_UINT16);
	add("pm10", 100, MODBUS_UINT16);
	add("noise", 124, MODBUS_UINT32);
	assert_int_equal(modbus_plan(&options, blocks), 2);
	assert_int_equal(blocks[0].count, 101);
	assert_int_equal(blocks[1].address, 124);
	registers[2].type = MODBUS_UINT16;
	assert_int_equal(modbus_plan(&options, blocks), 1);
	assert_int_equal(blocks[0].count, 125);
	registers[2].address = 65535;
	assert_int_equal(modbus_plan(&options, blocks), 2);
	assert_int_equal(blocks[1].address, 65535);
}

static void test_two_blocks_are_one_report(void **state)
{
	static const uint8_t first[] = { 0x00, 0x01 }, second[] = { 0x00, 0x02 };
	uint8_t bytes[2 * MODBUS_EXCHANGE_MAX];
	struct report report;
	size_t length = exchange(bytes, 3, 10, 1, first);

	(void)state;
	add("temperature", 10, MODBUS_UINT16);
	add("humidity", 20, MODBUS_UINT16)->function = 4;
	length += exchange(bytes + length, 4, 20, 1, second);
	assert_int_equal(decode(bytes, length, &report), SENSOR_OK);
	assert_int_equal(report.count, 2);
	assert_true(report_find(&report, METRIC_TEMPERATURE)->value == 1);
	assert_true(report_find(&report, METRIC_HUMIDITY)->value == 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_words, reset),
		cmocka_unit_test_setup(test_four_orders, reset),
		cmocka_unit_test_setup(test_long_integers_keep_their_digits, reset),
		cmocka_unit_test_setup(test_invalid_numbers_are_left_out, reset),
		cmocka_unit_test_setup(test_no_value_at_all, reset),
		cmocka_unit_test_setup(test_wrong_answers, reset),
		cmocka_unit_test_setup(test_plan_joins_neighbours, reset),
		cmocka_unit_test_setup(test_plan_keeps_to_125_registers, reset),
		cmocka_unit_test_setup(test_two_blocks_are_one_report, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
