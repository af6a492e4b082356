/* The sensors' common parts: names, notes, and checks across a configuration. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "core/log.h"
#include "sensors/modbus.h"
#include "sensors/sensor.h"

static char log_text[4096];
static int log_lines;

static void keep_log(enum log_level level, const char *line)
{
	(void)level;
	snprintf(log_text, sizeof(log_text), "%s", line);
	log_lines++;
}

/* Stands in for config/: keeps what is complained of. */
static char complaint[300];

void config_error(
	const struct config_place *place, const char *key, const char *format, ...)
{
	va_list args;
	int used = snprintf(complaint, sizeof(complaint), "%d: %s: ", place->line, key);

	va_start(args, format);
	vsnprintf(complaint + used, sizeof(complaint) - (size_t)used, format, args);
	va_end(args);
}

static void test_result_names(void **state)
{
	static const char *const names[] = { "ok", "ignored", "warming_up", "length",
		"sync", "checksum", "value", "encoding", "syntax", "missing_field",
		"too_large", "topic", "device_error", "timeout", "port", "offline" };

	(void)state;
	assert_int_equal(SENSOR_RESULT_COUNT, 16);
	for (int i = 0; i < SENSOR_RESULT_COUNT; i++)
		assert_string_equal(sensor_result_name((enum sensor_result)i), names[i]);
	assert_string_equal(sensor_result_name(SENSOR_RESULT_COUNT), "unknown");
}

static void test_notes_are_said_once(void **state)
{
	static struct sensor sensor = { .name = "dust" };

	(void)state;
	log_set_sink(keep_log);
	sensor_note(&sensor, SENSOR_OK, NULL);
	assert_int_equal(log_lines, 0);
	assert_true(sensor.stats.last_good_ms > 0);
	for (int i = 0; i < 50; i++)
		sensor_note(&sensor, SENSOR_BAD_CHECKSUM, "42 4D");
	assert_int_equal(log_lines, 1);
	assert_non_null(strstr(log_text, "dust"));
	assert_non_null(strstr(log_text, "checksum"));
	assert_int_equal(sensor.stats.results[SENSOR_BAD_CHECKSUM], 50);
	assert_int_equal(sensor.stats.state, SENSOR_BAD_CHECKSUM);
	sensor_note(&sensor, SENSOR_IGNORED, NULL); /* an answer is no sign of health */
	assert_int_equal(sensor.stats.state, SENSOR_BAD_CHECKSUM);
	sensor_note(&sensor, SENSOR_OK, NULL);
	sensor_note(&sensor, SENSOR_OK, NULL);
	assert_int_equal(log_lines, 2);
	assert_non_null(strstr(log_text, "back"));
	/* One bad frame now and then is counted, not said again and again. */
	for (int i = 0; i < 100; i++) {
		sensor_note(&sensor, SENSOR_BAD_CHECKSUM, NULL);
		sensor_note(&sensor, SENSOR_OK, NULL);
	}
	assert_int_equal(log_lines, 2);
	assert_int_equal(sensor.stats.results[SENSOR_OK], 103);
	/* Another fault is news, and so is another reason why the port is away. */
	sensor_note(&sensor, SENSOR_PORT_ERROR, "not there");
	sensor_note(&sensor, SENSOR_PORT_ERROR, "not there");
	assert_int_equal(log_lines, 3);
	sensor_note(&sensor, SENSOR_PORT_ERROR, "no permission");
	assert_int_equal(log_lines, 4);
	log_set_sink(NULL);
}

static struct modbus_options one, other;
static struct option_item items[2];

static void pair(const char *driver, const char *other_driver, const char *port)
{
	one = (struct modbus_options){
		.serial = { "/dev/a", 9600, SERIAL_PARITY_NONE, 1, 8 },
	};
	other = one;
	other.serial.port = port;
	items[0] = (struct option_item){
		.name = "first",
		.kind = &sensor_driver_find(driver)->kind,
		.options = &one,
		.place = { .line = 10 },
	};
	items[1] = (struct option_item){
		.name = "second",
		.kind = &sensor_driver_find(other_driver)->kind,
		.options = &other,
		.place = { .line = 20 },
	};
}

static const char *check(void)
{
	struct option_list list = { .items = items, .count = 2 };
	struct config_place place = { 0 };

	complaint[0] = '\0';
	sensors_check(&list, &place);
	return complaint;
}

static void test_ports_are_shared_by_modbus_only(void **state)
{
	(void)state;
	pair("pms5003", "sds011", "/dev/b");
	assert_string_equal(check(), "");
	pair("pms5003", "sds011", "/dev/a");
	assert_string_equal(check(), "20: port: sensor \"first\" has this port already");
	pair("modbus", "sds011", "/dev/a");
	assert_string_equal(check(), "20: port: sensor \"first\" has this port already");
	pair("modbus", "modbus", "/dev/a");
	assert_string_equal(check(), "");
	other.serial.baud = 4800;
	assert_string_equal(
		check(), "20: baud: sensor \"first\" on the same port says 9600");
	other.serial.baud = 9600;
	other.serial.parity = SERIAL_PARITY_EVEN;
	assert_string_equal(
		check(), "20: parity: sensor \"first\" on the same port says \"none\"");
	pair("modbus", "mqtt", "/dev/a");
	assert_string_equal(check(), "");
}

static void test_options_are_checked(void **state)
{
	const struct option_group *group = &sensor_driver_find("modbus")->kind.group;
	struct config_place place = { .line = 3 };

	(void)state;
	pair("modbus", "modbus", "/dev/a");
	one.serial.baud = 9601;
	one.registers.count = 1;
	one.registers.items = &(struct modbus_register){ 0 };
	complaint[0] = '\0';
	group->check(&one, &place);
	assert_true(strncmp(complaint, "3: baud: 9601 ", 14) == 0);
	one.serial.baud = 19200;
	complaint[0] = '\0';
	group->check(&one, &place);
	assert_string_equal(complaint, "");
	one.registers.count = 0;
	group->check(&one, &place);
	assert_string_equal(complaint, "3: registers: at least one is needed");
}

/* Each row must lie inside its struct: a wrong offset would be found by nobody else. */
static void test_option_tables(void **state)
{
	(void)state;
	for (size_t i = 0; sensor_drivers[i] != NULL; i++) {
		const struct option_group *group = &sensor_drivers[i]->kind.group;

		assert_non_null(sensor_drivers[i]->kind.summary);
		assert_non_null(sensor_drivers[i]->decode);
		assert_ptr_equal(sensor_family.kinds[i], &sensor_drivers[i]->kind);
		for (const struct option *row = group->options; row->name != NULL;
			row++) {
			assert_true(row->offset < group->size);
			assert_non_null(row->help);
			assert_true(row->required || row->fallback != NULL ||
				row->type == OPTION_LIST || row->type == OPTION_NUMBERS ||
				row->type == OPTION_STRINGS ||
				sensor_drivers[i]->bus == SENSOR_BUS_MQTT ||
				sensor_drivers[i]->bus == SENSOR_BUS_HTTP);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_result_names),
		cmocka_unit_test(test_notes_are_said_once),
		cmocka_unit_test(test_ports_are_shared_by_modbus_only),
		cmocka_unit_test(test_options_are_checked),
		cmocka_unit_test(test_option_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
