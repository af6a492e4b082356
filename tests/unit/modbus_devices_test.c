/*
 * The register maps in config/devices: each loads as its own head says, and what is known
 * of the device's bytes becomes the right values.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <glob.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "core/metric.h"
#include "sensors/modbus.h"

#define HEAD                                                          \
	"station = { id = \"HN-1\"; name = \"x\"; area = \"y\"; };\n" \
	"store = { path = \"/tmp/never.db\"; };\n"

static char folder[64], conf[100], link_path[100];

static int set_up(void **state)
{
	char devices[PATH_MAX];

	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/muabui-devices-XXXXXX");
	if (!mkdtemp(folder) || !realpath("config/devices", devices))
		return -1;
	snprintf(conf, sizeof(conf), "%s/muabui.conf", folder);
	snprintf(link_path, sizeof(link_path), "%s/devices", folder);
	return symlink(devices, link_path);
}

static int tear_down(void **state)
{
	(void)state;
	unlink(link_path);
	unlink(conf);
	return rmdir(folder);
}

static void check(const struct config *config, const struct config_place *place)
{
	sensors_check(&config->sensors, place);
}

static struct config *load(const char *text)
{
	static const struct option_kind *const no_kinds[] = { NULL };
	static const struct option no_options[] = { { .name = NULL } };
	struct config_schema schema = {
		.sensors = sensor_family,
		.outputs = { .key = "type", .noun = "output type", .kinds = no_kinds },
		.channels = { .key = "type", .noun = "channel type", .kinds = no_kinds },
		.rule = { .name = "rule", .options = no_options, .size = 1 },
		.check = check,
	};
	FILE *file = fopen(conf, "w");
	struct buffer errors;
	struct config *config;

	assert_non_null(file);
	schema.outputs.common = schema.channels.common = schema.rule;
	fprintf(file, HEAD "%s\n", text);
	fclose(file);
	buffer_init(&errors, 65536);
	config = config_load(conf, &schema, &errors);
	if (config == NULL)
		fail_msg("%s\n%s", buffer_text(&errors), text);
	buffer_free(&errors);
	return config;
}

/* The sensor that includes the device's file. */
static struct config *load_device(const char *file, const char *more)
{
	char text[1000];

	snprintf(text, sizeof(text),
		"sensors = ( { name = \"a\"; port = \"/dev/x\"; %s\n"
		"@include \"devices/%s\"\n } );",
		more, file);
	return load(text);
}

static const struct modbus_options *options_of(const struct config *config)
{
	const struct option_item *items = config->sensors.items;

	assert_int_equal(config->sensors.count, 1);
	assert_string_equal(items[0].kind->name, "modbus");
	return items[0].options;
}

/* --- the examples in the heads ---------------------------------------------------- */

/* Puts WHAT in place of each "…" behind KEY. */
static void fill_in(char *text, size_t size, const char *key, const char *what)
{
	char copy[2048], *at;

	while ((at = strstr(text, key)) != NULL) {
		snprintf(copy, sizeof(copy), "%.*s%s%s", (int)(at - text), text, what,
			at + strlen(key));
		assert_true(strlen(copy) < size);
		memcpy(text, copy, strlen(copy) + 1);
	}
}

/* What stands in PATH between "# Use:" and "# Wiring:", as configuration. */
static void read_example(const char *path, char *text, size_t size)
{
	FILE *file = fopen(path, "r");
	char line[200];
	bool inside = false;
	size_t used = 0;

	assert_non_null(file);
	text[0] = '\0';
	while (fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, "# Use:", 6) == 0)
			inside = true;
		else if (strncmp(line, "# Wiring:", 9) == 0)
			break;
		if (inside)
			used += (size_t)snprintf(text + used, size - used, "%s",
				line + (line[2] == 'U' ? 6 : 1));
	}
	fclose(file);
	if (!inside)
		fail_msg("%s has no example", path);
	fill_in(text, size, "address = …", "address = 7");
	fill_in(text, size, "scale = …", "scale = 0.1");
}

static void test_examples_load(void **state)
{
	glob_t found;

	(void)state;
	assert_int_equal(glob("config/devices/*.cfg", 0, NULL, &found), 0);
	assert_true(found.gl_pathc >= 17);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		char example[2048], text[2200];
		struct config *config;
		struct modbus_block blocks[READINGS_MAX];

		if (strstr(found.gl_pathv[i], "-metrics.cfg"))
			continue;
		read_example(found.gl_pathv[i], example, sizeof(example));
		snprintf(text, sizeof(text),
			strstr(example, "sensors =") ? "%s" : "sensors = (%s);", example);
		config = load(text);
		assert_true(modbus_plan(options_of(config), blocks) >= 1);
		config_free(config);
	}
	globfree(&found);
}

/* No file takes a key that is the installer's. */
static void test_wiring_is_the_installers(void **state)
{
	static const char wiring[] =
		"baud = 1200; parity = \"odd\"; stop_bits = 2; data_bits = 8; "
		"unit_id = 77; every = \"1m\"; rs485 = true; stale_after = \"1h\"; ";
	glob_t found;

	(void)state;
	assert_int_equal(glob("config/devices/*.cfg", 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		const char *name = strrchr(found.gl_pathv[i], '/') + 1;
		struct config *config;
		char more[600];

		if (strncmp(name, "energy", 6) == 0) /* needs its metrics */
			continue;
		snprintf(more, sizeof(more), "%s%s", wiring,
			strncmp(name, "rainwise", 8) == 0
				? "registers = ( { metric = \"rain_total\"; address = 1; } );"
				: "");
		config = load_device(name, more);
		assert_int_equal(options_of(config)->unit_id, 77);
		assert_int_equal(options_of(config)->serial.baud, 1200);
		config_free(config);
	}
	globfree(&found);
}

/* --- bytes to values ------------------------------------------------------------------
 */

/* Exchanges for all blocks, answered out of MEMORY, which begins at register BASE. */
static size_t play(const struct modbus_options *options, const uint16_t *memory,
	unsigned base, uint8_t *bytes)
{
	struct modbus_block blocks[READINGS_MAX];
	size_t count = modbus_plan(options, blocks), used = 0;

	for (size_t i = 0; i < count; i++) {
		uint8_t *response = bytes + used + RTU_REQUEST_SIZE;

		rtu_request(bytes + used, (uint8_t)options->unit_id, blocks[i].function,
			blocks[i].address, blocks[i].count);
		response[0] = (uint8_t)options->unit_id;
		response[1] = blocks[i].function;
		response[2] = (uint8_t)(2 * blocks[i].count);
		for (unsigned r = 0; r < blocks[i].count; r++) {
			uint16_t word = memory[blocks[i].address + r - base];

			response[3 + 2 * r] = word >> 8;
			response[4 + 2 * r] = word & 0xFF;
		}
		used += RTU_REQUEST_SIZE +
			rtu_seal(response, (size_t)3 + 2 * blocks[i].count);
	}
	return used;
}

static struct report report;

static void decode(const struct config *config, const uint16_t *memory, unsigned base)
{
	uint8_t bytes[MODBUS_EXCHANGE_MAX * 5];
	size_t length = play(options_of(config), memory, base, bytes);

	report_init(&report);
	assert_int_equal(sensor_driver_find("modbus")->decode(
				 options_of(config), bytes, length, &report),
		SENSOR_OK);
}

static double value(const char *metric)
{
	const struct reading *reading = report_find(&report, metric_find(metric)->id);

	return reading ? reading->value : NAN;
}

static void test_renke(void **state)
{
	static const uint16_t memory[16] = { 342, 3, 2, 90, 655, 0xFFF6, 523, 35, 61,
		1009, 1, 0x86A0, 1000, 536, 0, 812 };
	static const struct {
		const char *file;
		unsigned base;
		double wind;
	} variants[] = {
		{ "renke-fsxcs.cfg", 500, 3.42 },
		{ "renke-fsxcs-wind01.cfg", 500, 34.2 },
		{ "renke-fsxcs-base0.cfg", 0, 3.42 },
		{ "renke-fsxcs-co2.cfg", 500, 3.42 },
	};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct config *config = load_device(variants[i].file, "");
		struct modbus_block blocks[READINGS_MAX];

		assert_int_equal(modbus_plan(options_of(config), blocks), 1);
		assert_int_equal(blocks[0].address, variants[i].base);
		assert_int_equal(blocks[0].count, 16);
		decode(config, memory, variants[i].base);
		assert_true(value("wind_speed") == variants[i].wind);
		assert_true(value("wind_direction") == 90);
		assert_true(value("humidity") == 65.5);
		assert_true(value("temperature") == -1);
		assert_true(value("noise") == 52.3);
		assert_true(value("pressure") == 1009);
		assert_true(value("light") == 100000);
		assert_true(value("rain_total") == 53.6);
		assert_true(value("solar") == 812);
		if (i < 3) {
			assert_true(value("pm25") == 35 && value("pm10") == 61);
		} else {
			assert_true(value("co2") == 35 && isnan(value("pm25")));
		}
		config_free(config);
	}
}

static void test_ecowitt(void **state)
{
	/* What a real one said, and its two last registers made up. */
	static const uint16_t memory[10] = { 4409, 30, 629, 43, 0, 0xFFFF, 150, 18, 10026,
		180 };
	struct config *config = load_device("ecowitt-wn90lp.cfg", "unit_id = 144;");

	(void)state;
	decode(config, memory, 0x165);
	assert_true(value("light") == 44090);
	assert_true(value("temperature") == 22.9);
	assert_true(value("humidity") == 43);
	assert_true(value("wind_speed") == 0);
	assert_true(isnan(value("wind_gust")));
	assert_true(value("wind_direction") == 150);
	assert_true(value("pressure") == 1002.6);
	assert_true(value("rain_total") == 1.8);
	config_free(config);
}

static void test_lufft(void **state)
{
	uint16_t memory[64];
	struct config *config =
		load_device("lufft-ws.cfg", "baud = 19200; parity = \"even\";");

	(void)state;
	memset(memory, 0xFF, sizeof(memory));
	memory[10] = 753;
	memory[27] = 32767;
	memory[31] = (uint16_t)-52;
	memory[48] = 12345;
	memory[49] = 99; /* since it was last read: not to be seen */
	memory[50] = 0;
	decode(config, memory, 0);
	assert_true(value("humidity") == 75.3);
	assert_true(value("temperature") == -5.2);
	assert_true(value("rain_total") == 123.45);
	assert_true(value("rain_rate") == 0);
	assert_int_equal(report.count, 4);
	config_free(config);
}

static void test_gauges(void **state)
{
	static const uint16_t zero[16] = { 536, 8, 186, 0, 0x0001, 0xE240, 0, 0, 0x4240,
		0x000F, 0x0001, 0x86A0 };
	uint16_t lambrecht[128] = { 0 };
	struct config *config;

	(void)state;
	config = load_device("xm9505.cfg", "");
	decode(config, zero, 0);
	assert_true(value("rain_total") == 53.6);
	config_free(config);
	config = load_device("qianjia-rain.cfg", "");
	decode(config, zero, 0);
	assert_true(value("rain_total") == 53.6);
	config_free(config);
	config = load_device("renke-rs-yl.cfg", "");
	decode(config, zero, 0);
	assert_true(value("rain_total") == 53.6);
	config_free(config);
	config = load_device("dfrobot-sen0575.cfg", "");
	decode(config, zero, 0);
	assert_true(value("rain_total") == 100);
	config_free(config);
	config = load_device("deltaohm-hd2016.cfg", "");
	decode(config, zero, 0);
	assert_true(value("rain_total") == 123.456);
	assert_true(value("rain_rate") == 100);
	config_free(config);

	lambrecht[1] = 1500;
	lambrecht[100] = 250; /* 0.25 mm in a minute */
	config = load_device("lambrecht-rain-e.cfg", "");
	decode(config, lambrecht, 31101);
	assert_true(value("rain_total") == 1.5);
	assert_true(value("rain_rate") == 15);
	lambrecht[0] = 0xFF67;
	lambrecht[1] = 0x6981;
	decode(config, lambrecht, 31101);
	assert_true(isnan(value("rain_total")));
	lambrecht[0] = lambrecht[1] = 0;
	lambrecht[100] = 0xD8F1;
	decode(config, lambrecht, 31101);
	assert_true(isnan(value("rain_rate")));
	assert_true(value("rain_total") == 0);
	config_free(config);
}

static void test_gases_and_energy(void **state)
{
	static const uint16_t gases[8] = { 12, 34, 560, 78, 35, 61, 6550, 7250 };
	uint16_t meter[80] = { 0 };
	struct config *config = load_device("multi-gas.cfg", "unit_id = 255;");

	(void)state;
	decode(config, gases, 3);
	assert_true(value("so2") == 12 && value("no2") == 34);
	assert_true(value("co") == 560 && value("o3") == 78);
	assert_true(value("temperature") == 25.5);
	assert_true(value("humidity") == 72.5);
	config_free(config);

	config = load("metrics = ( @include \"devices/energy-meter-metrics.cfg\"\n );"
		      "sensors = ( { name = \"a\"; port = \"/dev/x\";\n"
		      "@include \"devices/energy-meter.cfg\"\n } );");
	meter[0] = 0x4366; /* 230.5 */
	meter[1] = 0x8000;
	meter[72] = 0x42F6; /* 123.45 */
	meter[73] = 0xE666;
	decode(config, meter, 0);
	assert_true(value("mains_voltage") == 230.5);
	assert_true(value("energy") == 123.45);
	assert_int_equal(report.count, 5);
	config_free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_examples_load),
		cmocka_unit_test(test_wiring_is_the_installers),
		cmocka_unit_test(test_renke),
		cmocka_unit_test(test_ecowitt),
		cmocka_unit_test(test_lufft),
		cmocka_unit_test(test_gauges),
		cmocka_unit_test(test_gases_and_energy),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
