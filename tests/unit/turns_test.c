/*
 * What the drivers of asked devices send, as the bytes on the line. The order of turns
 * is routine_test's; here are the commands, and which options lead to them.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sensors/sensor.h"

/* A driver at work, with options set by name. */
struct device {
	const struct sensor_driver *driver;
	uint64_t options[32];
	uint64_t session[8];
	struct sensor_turn turn;
};

static const struct option *row(const struct device *device, const char *name)
{
	const struct option *option = device->driver->kind.group.options;

	while (option->name != NULL && strcmp(option->name, name) != 0)
		option++;
	assert_non_null(option->name);
	return option;
}

/* Sets the option to a choice by its word, an integer, or a duration in ms. */
static void set(struct device *device, const char *name, const char *word, int64_t number)
{
	const struct option *option = row(device, name);
	char *place = (char *)device->options + option->offset;
	int choice = (int)number;

	if (option->type == OPTION_CHOICE) {
		for (choice = 0; strcmp(option->choices[choice], word) != 0; choice++)
			assert_non_null(option->choices[choice + 1]);
	}
	if (option->type == OPTION_DURATION)
		memcpy(place, &number, sizeof(number));
	else
		memcpy(place, &choice, sizeof(choice));
}

static struct device open_device(const char *name)
{
	struct device device = { .driver = sensor_driver_find(name) };

	assert_non_null(device.driver);
	assert_non_null(device.driver->turn);
	assert_true(device.driver->kind.group.size <= sizeof(device.options));
	assert_true(device.driver->session_size <= sizeof(device.session));
	return device;
}

/* After LAST, the device is told EXPECTED. */
static void expect(struct device *device, enum sensor_result last, const char *expected)
{
	uint8_t request[SENSOR_REQUEST_MAX];
	char text[3 * SENSOR_REQUEST_MAX + 1] = "";

	device->turn =
		device->driver->turn(device->options, device->session, last, request);
	for (size_t i = 0; i < device->turn.length; i++)
		snprintf(text + strlen(text), 4, i > 0 ? " %02X" : "%02X", request[i]);
	assert_string_equal(text, expected);
}

static void test_hpma115(void **state)
{
	struct device device = open_device("hpma115");

	(void)state;
	expect(&device, SENSOR_PORT_ERROR, "68 01 01 96");
	assert_int_equal(device.turn.wait_ms, 0);
	expect(&device, SENSOR_IGNORED, "68 01 40 57");
	expect(&device, SENSOR_OK, "");
	assert_true(device.turn.wait_ms >= 5000);

	device = open_device("hpma115");
	set(&device, "mode", "query", 0);
	set(&device, "every", NULL, 20000);
	set(&device, "duty", NULL, 600000);
	set(&device, "warmup", NULL, 10000);
	expect(&device, SENSOR_PORT_ERROR, "68 01 01 96");
	assert_int_equal(device.turn.warmup_ms, 10000);
	expect(&device, SENSOR_IGNORED, "68 01 01 96");
	expect(&device, SENSOR_IGNORED, "68 01 20 77");
	expect(&device, SENSOR_IGNORED, "");
	expect(&device, SENSOR_TIMEOUT, "68 01 04 93");
	expect(&device, SENSOR_OK, "68 01 02 95");
	expect(&device, SENSOR_IGNORED, "");
	assert_true(device.turn.pause_ms > 500000);
}

static void test_mhz19b(void **state)
{
	struct device device = open_device("mhz19c");

	(void)state;
	set(&device, "every", NULL, 10000);
	set(&device, "warmup", NULL, 180000);
	expect(&device, SENSOR_PORT_ERROR, "FF 01 86 00 00 00 00 00 79");
	assert_int_equal(device.turn.warmup_ms, 180000);
	assert_int_equal(device.turn.pause_ms, 10000);
	/* Whatever it says, it is only ever asked; nothing that changes it is sent. */
	for (int i = 0; i < 5 * SENSOR_RESULT_COUNT; i++) {
		expect(&device, (enum sensor_result)(i % SENSOR_RESULT_COUNT),
			"FF 01 86 00 00 00 00 00 79");
		assert_int_equal(device.turn.warmup_ms, 0);
	}
}

static void test_s8(void **state)
{
	struct device device = open_device("s8");

	(void)state;
	set(&device, "unit_id", NULL, 254);
	set(&device, "every", NULL, 4000);
	expect(&device, SENSOR_PORT_ERROR, "FE 04 00 00 00 04 E5 C6");
	expect(&device, SENSOR_OK, "FE 04 00 00 00 04 E5 C6");
	assert_int_equal(device.turn.pause_ms, 4000);
	set(&device, "protocol", "legacy", 0);
	expect(&device, SENSOR_TIMEOUT, "FE 44 00 08 02 9F 25");
}

static void test_ze(void **state)
{
	struct device device = open_device("ze08");

	(void)state;
	set(&device, "every", NULL, 10000);
	set(&device, "warmup", NULL, 180000);
	expect(&device, SENSOR_PORT_ERROR, "FF 01 78 40 00 00 00 00 47");
	assert_int_equal(device.turn.warmup_ms, 180000);
	expect(&device, SENSOR_OK, "");
	device = open_device("ze12");
	set(&device, "mode", "query", 0);
	set(&device, "every", NULL, 10000);
	expect(&device, SENSOR_PORT_ERROR, "FF 01 78 41 00 00 00 00 46");
	expect(&device, SENSOR_OK, "FF 01 86 00 00 00 00 00 79");
	device = open_device("ze03");
	expect(&device, SENSOR_PORT_ERROR, "FF 01 78 03 00 00 00 00 84");
	set(&device, "mode", "query", 0);
	device.session[0] = 0;
	expect(&device, SENSOR_PORT_ERROR, "FF 01 78 04 00 00 00 00 83");
	device = open_device("zphs01b");
	set(&device, "every", NULL, 10000);
	expect(&device, SENSOR_PORT_ERROR, "FF 01 86 00 00 00 00 00 79");
	expect(&device, SENSOR_OK, "FF 01 86 00 00 00 00 00 79");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hpma115),
		cmocka_unit_test(test_mhz19b),
		cmocka_unit_test(test_s8),
		cmocka_unit_test(test_ze),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
