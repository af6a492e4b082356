/*
 * Simulated devices against their own drivers, without a port: what each says by itself
 * and when asked, fixtures, and registers.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/metric.h"
#include "sensors/modbus.h"
#include "sensors/simulate.h"
#include "tests/unit/sensor_settings.h"

static struct simulate_settings settings;
static struct simulate_device device;
static char why[300];

static void open_device(const char *name, enum simulate_mode mode)
{
	settings = (struct simulate_settings){
		.driver = simulate_find(name), .mode = mode, .unit_id = 1
	};
	if (simulate_device_open(&device, &settings, why, sizeof(why)) != 0)
		fail_msg("%s: %s", name, why);
}

/* What DRIVER means nothing without; NULL: nothing is needed. */
static const char *needs(const char *driver)
{
	static const char *const texts[][2] = {
		{ "text",
			"prefix = \"$ENV,\"; columns = ( { metric = \"temperature\"; column = 2; } );" },
		{ "umb", "channels = ( { metric = \"temperature\"; channel = 100; } );" },
		{ "sdi12", "values = ( { metric = \"temperature\"; index = 1; } );" },
		{ "modbus",
			"registers = ( { metric = \"rain_total\"; address = 0; } );" },
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strcmp(texts[i][0], driver) == 0)
			return texts[i][1];
	return "";
}

/* DRIVER's options, those of mode MODE where that is not "". */
static struct config *options_of(const char *driver, const char *mode)
{
	struct buffer errors;
	char text[500];
	struct config *config;

	snprintf(text, sizeof(text),
		"{ name = \"it\"; driver = \"%s\"; port = \"/dev/null\"; %s %s }", driver,
		mode, needs(driver));
	config = load_sensors(text, &errors);
	if (config == NULL)
		fail_msg("%s", buffer_text(&errors));
	buffer_free(&errors);
	return config;
}

static bool takes_bytes(const struct sensor_driver *driver)
{
	return driver->bus != SENSOR_BUS_MQTT && driver->bus != SENSOR_BUS_HTTP;
}

static void test_every_device_can_be_played(void **state)
{
	(void)state;
	for (size_t i = 0; sensor_drivers[i] != NULL; i++)
		if (takes_bytes(sensor_drivers[i]) &&
			sensor_drivers[i]->simulation == NULL)
			fail_msg("%s cannot be played", sensor_drivers[i]->kind.name);
}

static void test_what_is_said_is_understood(void **state)
{
	(void)state;
	for (size_t i = 0; sensor_drivers[i] != NULL; i++) {
		const struct sensor_driver *driver = sensor_drivers[i];
		uint8_t frame[SIMULATE_FRAME_MAX];
		struct report report;
		struct config *config;
		size_t length;

		if (!takes_bytes(driver) || driver->bus == SENSOR_BUS_MODBUS)
			continue;
		config = options_of(driver->kind.name, "");
		open_device(driver->kind.name, SIMULATE_TALKING);
		for (int round = 0; round < 3; round++) {
			report_init(&report);
			length = simulate_device_say(&device, frame);
			assert_true(length > 0);
			if (driver->decode(sensor_options(config, 0), frame, length,
				    &report) != SENSOR_OK ||
				report.count == 0)
				fail_msg("%s does not understand itself: %.*s",
					driver->kind.name, (int)length,
					(const char *)frame);
		}
		simulate_device_close(&device);
		config_free(config);
	}
}

/* Plays DRIVER against its own turns until a good frame has come; their number. */
static unsigned turns_until_good(const struct sensor_driver *driver, const void *options)
{
	uint8_t session[256] = { 0 }, request[SENSOR_REQUEST_MAX];
	uint8_t frame[SIMULATE_FRAME_MAX];
	enum sensor_result last = SENSOR_PORT_ERROR;
	unsigned turns = 0;

	assert_true(driver->session_size <= sizeof(session));
	while (turns++ < 10) {
		struct sensor_turn turn = driver->turn(options, session, last, request);
		size_t length;

		last = SENSOR_TIMEOUT;
		assert_int_equal(
			simulate_device_hear(&device, request, turn.length), turn.length);
		while ((length = simulate_device_answer(&device, frame)) > 0) {
			struct report report;

			report_init(&report);
			last = driver->decode(options, frame, length, &report);
			if (last == SENSOR_OK)
				return turns;
			assert_int_equal(last, SENSOR_IGNORED);
		}
	}
	fail_msg("%s: no good answer", driver->kind.name);
	return 0;
}

static void test_what_is_asked_is_answered(void **state)
{
	static const char *const devices[][2] = {
		{ "pms5003", "mode = \"passive\";" },
		{ "pms5003s", "mode = \"passive\";" },
		{ "pms5003t", "mode = \"passive\";" },
		{ "pms5003st", "mode = \"passive\";" },
		{ "sds011", "mode = \"query\";" },
		{ "sps30", "" },
		{ "hpma115", "mode = \"query\";" },
		{ "mhz19b", "" },
		{ "s8", "" },
		{ "s8", "protocol = \"legacy\";" },
		{ "ze08", "mode = \"query\";" },
		{ "ze03", "mode = \"query\";" },
		{ "zphs01b", "" },
		{ "wxt", "" },
		{ "wxt", "crc = true;" },
		{ "wxt", "messages = \"composite\";" },
		{ "text", "request = \"?\\r\\n\";" },
		{ "rg15", "" },
		{ "pluvio2", "" },
		{ "umb", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++) {
		struct config *config = options_of(devices[i][0], devices[i][1]);

		open_device(devices[i][0],
			strcmp(devices[i][0], "text") == 0 ? SIMULATE_ASKED
							   : SIMULATE_AS_USUAL);
		turns_until_good(settings.driver, sensor_options(config, 0));
		simulate_device_close(&device);
		config_free(config);
	}
}

/* Commands make a talking device fall silent, and talk again. */
static void test_it_obeys(void **state)
{
	static const uint8_t hush[] = { 0x42, 0x4D, 0xE1, 0x00, 0x00, 0x01, 0x70 };
	static const uint8_t talk[] = { 0x42, 0x4D, 0xE1, 0x00, 0x01, 0x01, 0x71 };
	uint8_t frame[SIMULATE_FRAME_MAX];

	(void)state;
	open_device("pms5003", SIMULATE_AS_USUAL);
	assert_int_equal(simulate_device_say(&device, frame), 32);
	simulate_device_hear(&device, (const uint8_t *)"junk", 4);
	simulate_device_hear(&device, hush, 3);
	assert_int_equal(simulate_device_answer(&device, frame), 0);
	simulate_device_hear(&device, hush + 3, 4);
	assert_int_equal(simulate_device_answer(&device, frame), 8);
	assert_int_equal(simulate_device_say(&device, frame), 0);
	simulate_device_hear(&device, talk, sizeof(talk));
	assert_int_equal(simulate_device_answer(&device, frame), 8);
	assert_int_equal(simulate_device_say(&device, frame), 32);
	simulate_device_close(&device);
}

/* Says TEXT, and expects ANSWER. */
static void exchange(const char *text, const char *answer)
{
	uint8_t frame[SIMULATE_FRAME_MAX];
	size_t length;

	simulate_device_hear(&device, (const uint8_t *)text, strlen(text));
	length = simulate_device_answer(&device, frame);
	if (length != strlen(answer) || memcmp(frame, answer, length) != 0)
		fail_msg("%s: %.*s", text, (int)length, (const char *)frame);
}

static void test_rain_is_counted(void **state)
{
	(void)state;
	open_device("rg15", SIMULATE_AS_USUAL);
	device.now.rain_mm = 12.34;
	device.now.rain_rate = 7.5;
	exchange("P\n", "p\r\n");
	exchange("R\n",
		"Acc  0.00 mm, EventAcc 12.34 mm, TotalAcc 12.34 mm, RInt  7.50 mmph\r\n");
	simulate_device_close(&device);
	open_device("pluvio2", SIMULATE_AS_USUAL);
	device.now.rain_mm = 512.5;
	exchange(
		"M;\r", "+0.000;+0.000;+0.000;+12.500;+512.500;+512.500;+27.4;+0;+0\r\n");
	device.now.rain_mm = 600;
	exchange("RPT\r",
		"+0.000;+0.000;+0.000;+12.500;+512.500;+512.500;+27.4;+0;+0\r\n");
	simulate_device_close(&device);
}

static void test_sdi12(void **state)
{
	(void)state;
	open_device("sdi12", SIMULATE_AS_USUAL);
	exchange("?!", "0\r\n");
	exchange("0!", "0\r\n");
	exchange("0I!", "013MUABUI  SIMULA100\r\n");
	exchange("0M!", "00003\r\n");
	exchange("0D0!", "0+12.5+71.2+1009.8\r\n");
	exchange("0CC!", "000003\r\n");
	exchange("0D0!", "0+12.5+71.2+1009.8JO~\r\n");
	exchange("0R0!", "0+12.5+71.2+1009.8\r\n");
	exchange("5M!", ""); /* another sensor's */
	simulate_device_close(&device);
}

/* --- fixtures ----------------------------------------------------------------- */

static void open_with(const char *name, const char *const *fixtures, size_t count)
{
	settings = (struct simulate_settings){
		.driver = simulate_find(name), .unit_id = 1, .fixture_count = count
	};
	for (size_t i = 0; i < count; i++)
		settings.fixtures[i] = fixtures[i];
	if (simulate_device_open(&device, &settings, why, sizeof(why)) != 0)
		fail_msg("%s", why);
}

static void test_fixtures_are_played_in_a_loop(void **state)
{
	static const char *const files[] = { "tests/fixtures/pms5003/01-pms-1.hex",
		"tests/fixtures/pms5003/02-pms-2.hex" };
	uint8_t first[SIMULATE_FRAME_MAX], frame[SIMULATE_FRAME_MAX];

	(void)state;
	open_with("pms5003", files, 2);
	device.now.pm25 = 99; /* a fixture is played as it is */
	assert_int_equal(simulate_device_say(&device, first), 32);
	assert_int_equal(first[13], 13);
	assert_int_equal(simulate_device_say(&device, frame), 32);
	assert_int_equal(frame[13], 8);
	assert_int_equal(simulate_device_say(&device, frame), 32);
	assert_memory_equal(frame, first, 32);
	simulate_device_close(&device);
}

static void test_fixtures_answer(void **state)
{
	static const char *const sdi[] = { "tests/fixtures/sdi12/03-sdi-exchange.hex" };
	static const char *const rtu[] = { "tests/fixtures/modbus/09-rain-2.hex",
		"tests/fixtures/modbus/08-rain-1.hex" };
	uint8_t frame[SIMULATE_FRAME_MAX], request[RTU_REQUEST_SIZE];

	(void)state;
	open_with("sdi12", sdi, 1);
	for (int round = 0; round < 2; round++) {
		exchange("0M!", "00013\r\n0\r\n"); /* with its service request */
		exchange("0D0!", "0+3.14+2.7\r\n");
		exchange("0D1!", "0-1.4\r\n");
	}
	exchange("0C!", "");
	simulate_device_close(&device);
	open_with("modbus", rtu, 2);
	rtu_request(request, 1, 3, 0, 1);
	simulate_device_hear(&device, request, sizeof(request));
	assert_int_equal(simulate_device_answer(&device, frame), 7);
	assert_int_equal(frame[4], 0x18);
	rtu_request(request, 2, 3, 0, 3);
	simulate_device_hear(&device, request, sizeof(request));
	assert_int_equal(simulate_device_answer(&device, frame), 11);
	rtu_request(request, 3, 3, 0, 3);
	simulate_device_hear(&device, request, sizeof(request));
	assert_int_equal(simulate_device_answer(&device, frame), 0);
	simulate_device_close(&device);
}

static void test_what_is_no_fixture(void **state)
{
	static const char *const files[] = { "tests/fixtures/none.hex",
		"tests/unit/simulate_test.c", "/dev/null" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		settings = (struct simulate_settings){ .driver = simulate_find("sds011"),
			.fixture_count = 1,
			.fixtures = { files[i] } };
		assert_int_equal(
			simulate_device_open(&device, &settings, why, sizeof(why)), -1);
		assert_non_null(strstr(why, files[i]));
		simulate_device_close(&device);
	}
}

/* --- registers ------------------------------------------------------------------ */

static int load_registers(const char *text, struct simulate_registers *registers)
{
	char path[] = "/tmp/muabui-registers-XXXXXX";
	int fd = mkstemp(path), result;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	*registers = (struct simulate_registers){ .count = 0 };
	result = simulate_registers_load(registers, path, 7, why, sizeof(why));
	unlink(path);
	return result;
}

static void test_registers(void **state)
{
	static const char *const bad[] = { "", "# nothing", "0", "x 1", "1 70000",
		"1 -40000", "0:1 2", "256:1 2", "70000 1", "1 2 three" };
	struct simulate_registers registers;
	uint8_t frame[SIMULATE_FRAME_MAX], request[RTU_REQUEST_SIZE];
	struct rtu_message message;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (load_registers(bad[i], &registers) == 0)
			fail_msg("taken: %s", bad[i]);
	assert_int_equal(
		load_registers("# a station\n500 0x0102 -3\n2:0x10 = 9\n", &registers),
		0);
	assert_int_equal(registers.count, 3);
	open_device("modbus", SIMULATE_AS_USUAL);
	device.registers = registers;
	rtu_request(request, 7, 4, 500, 2);
	simulate_device_hear(&device, request, sizeof(request));
	assert_int_equal(simulate_device_answer(&device, frame), 9);
	assert_int_equal(rtu_parse(frame, 9, &message), SENSOR_OK);
	assert_memory_equal(message.data, "\x01\x02\xFF\xFD", 4);
	rtu_request(request, 7, 4, 501, 2); /* one of them is not there */
	simulate_device_hear(&device, request, sizeof(request));
	assert_int_equal(simulate_device_answer(&device, frame), 5);
	assert_int_equal(frame[2], 2);
	rtu_request(request, 1, 3, 0, 1); /* nor is this unit */
	simulate_device_hear(&device, request, sizeof(request));
	assert_int_equal(simulate_device_answer(&device, frame), 0);
	simulate_device_close(&device);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_device_can_be_played),
		cmocka_unit_test(test_what_is_said_is_understood),
		cmocka_unit_test(test_what_is_asked_is_answered),
		cmocka_unit_test(test_it_obeys),
		cmocka_unit_test(test_rain_is_counted),
		cmocka_unit_test(test_sdi12),
		cmocka_unit_test(test_fixtures_are_played_in_a_loop),
		cmocka_unit_test(test_fixtures_answer),
		cmocka_unit_test(test_what_is_no_fixture),
		cmocka_unit_test(test_registers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
