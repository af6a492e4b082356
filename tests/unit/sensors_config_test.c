/* The drivers' options as users write them, through the loader, to decoded values. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "core/metric.h"
#include "sensors/decode.h"
#include "sensors/modbus.h"

#define HEAD                                                          \
	"station = { id = \"HN-1\"; name = \"x\"; area = \"y\"; };\n" \
	"store = { path = \"/tmp/never.db\"; };\n"

static const struct option_kind *const no_kinds[] = { NULL };

static void check(const struct config *config, const struct config_place *place)
{
	sensors_check(&config->sensors, place);
}

static struct config *load(const char *sensors, struct buffer *errors)
{
	static struct config_schema schema;
	static const struct option no_options[] = { { .name = NULL } };
	char path[] = "/tmp/muabui-sensors-XXXXXX";
	int fd = mkstemp(path);
	FILE *file = fdopen(fd, "w");
	struct config *config;

	schema = (struct config_schema){
		.sensors = sensor_family,
		.outputs = { .key = "type", .noun = "output type", .kinds = no_kinds },
		.channels = { .key = "type", .noun = "channel type", .kinds = no_kinds },
		.rule = { .name = "rule", .options = no_options, .size = 1 },
		.check = check,
	};
	schema.outputs.common = schema.channels.common = schema.rule;
	fprintf(file, HEAD "sensors = ( %s );\n", sensors);
	fclose(file);
	buffer_init(errors, 65536);
	config = config_load(path, &schema, errors);
	unlink(path);
	return config;
}

static void refuse(const char *sensors, const char *reason)
{
	struct buffer errors;

	assert_null(load(sensors, &errors));
	if (strstr(buffer_text(&errors), reason) == NULL)
		fail_msg("expected \"%s\" in: %s", reason, buffer_text(&errors));
	buffer_free(&errors);
}

static void test_gauge_of_the_design(void **state)
{
	static const char capture[] = "01 03 02 02 18 B9 2E";
	struct buffer errors, out;
	struct config *config = load(
		"{ name = \"dust\"; driver = \"pmsa003\"; port = \"/dev/ttyUSB0\"; },\n"
		"{ name = \"gauge\"; driver = \"modbus\"; port = \"/dev/ttyUSB1\"; "
		"baud = 9600; parity = \"none\"; unit_id = 1; every = \"10s\"; "
		"registers = ( { metric = \"rain_total\"; address = 0; "
		"type = \"uint16\"; scale = 0.1; invalid = [ 65535 ]; } ); }",
		&errors);
	const struct option_item *items;
	const struct modbus_options *options;
	char why[200];

	(void)state;
	if (config == NULL)
		fail_msg("%s", buffer_text(&errors));
	items = config->sensors.items;
	assert_int_equal(config->sensors.count, 2);
	assert_string_equal(items[0].kind->name, "pms5003");
	assert_int_equal(((const struct serial_options *)items[0].options)->baud, 9600);
	options = items[1].options;
	assert_int_equal(options->timeout, 1000);
	assert_int_equal(options->function, 3);
	assert_int_equal(options->serial.stop_bits, 1);
	buffer_init(&out, 4096);
	assert_int_equal(decode_run(sensor_driver_find("modbus"), options,
				 (const uint8_t *)capture, strlen(capture), &out, why,
				 sizeof(why)),
		0);
	assert_string_equal(buffer_text(&out),
		"{\"rain_total\":53.6}\n{\"frames\":1,\"bad\":{},\"skipped_bytes\":0}\n");
	buffer_free(&out);
	buffer_free(&errors);
	config_free(config);
}

/* How rain is taken: what is written, and the defaults beside it. */
static void test_rain_as_users_write_it(void **state)
{
	struct buffer errors;
	struct config *config = load(
		"{ name = \"a\"; driver = \"rg15\"; port = \"/dev/a\"; gauge = { "
		"day_starts = \"07:00\"; tip = 0.2; bounce = \"100ms\"; undercatch = "
		"( { intensity = 50.0; factor = 1.02; }, { intensity = 150.0; factor = "
		"1.1; } ); }; }, { name = \"b\"; driver = \"rg15\"; port = "
		"\"/dev/b\"; }",
		&errors);

	(void)state;
	assert_non_null(config);
	const struct rain_config *a = &sensors_common(&config->sensors, "a")->rain;
	const struct rain_config *b = &sensors_common(&config->sensors, "b")->rain;
	const struct rain_catch *rows = a->undercatch.items;
	assert_string_equal(a->day_starts, "07:00");
	assert_true(a->tip == 0.2 && a->bounce == 100 && a->undercatch.count == 2);
	assert_true(rows[1].intensity == 150 && rows[1].factor == 1.1);
	assert_true(a->gap == rain_defaults.gap);
	/* Without the group all is as without a configuration. */
	assert_string_equal(b->day_starts, rain_defaults.day_starts);
	assert_true(b->gap == rain_defaults.gap && b->tip == rain_defaults.tip &&
		b->max_intensity == rain_defaults.max_intensity &&
		b->bounce == rain_defaults.bounce &&
		b->modulus == rain_defaults.modulus &&
		b->turn_time == rain_defaults.turn_time && b->undercatch.count == 0);
	config_free(config);
	buffer_free(&errors);
}

static void test_what_is_wrong_is_named(void **state)
{
	(void)state;
	refuse("{ name = \"a\"; driver = \"pms5003\"; }", "port");
	refuse("{ name = \"a\"; driver = \"pms7003\"; port = \"/dev/x\"; "
	       "duty = \"1m\"; warmup = \"55s\"; }",
		"leaves no time to sleep");
	refuse("{ name = \"a\"; driver = \"pms3003\"; port = \"/dev/x\"; "
	       "mode = \"passive\"; }",
		"mode");
	refuse("{ name = \"a\"; driver = \"sds011\"; port = \"/dev/x\"; baud = 9601; }",
		"baud");
	refuse("{ name = \"a\"; driver = \"sds011\"; port = \"/dev/x\"; },\n"
	       "{ name = \"b\"; driver = \"pms5003\"; port = \"/dev/x\"; }",
		"has this port already");
	refuse("{ name = \"a\"; driver = \"modbus\"; port = \"/dev/x\"; registers = ( ); }",
		"registers");
	refuse("{ name = \"a\"; driver = \"modbus\"; port = \"/dev/x\"; unit_id = 256; "
	       "registers = ( { metric = \"pm25\"; address = 0; } ); }",
		"unit_id");
	refuse("{ name = \"a\"; driver = \"modbus\"; port = \"/dev/x\"; "
	       "registers = ( { metric = \"pm25\"; address = 65535; type = \"float32\"; } ); }",
		"beyond register 65535");
	refuse("{ name = \"a\"; driver = \"modbus\"; port = \"/dev/x\"; "
	       "registers = ( { metric = \"pm25\"; address = 1; function = 2; } ); }",
		"function 3 or 4");
	refuse("{ name = \"a\"; driver = \"modbus\"; port = \"/dev/x\"; "
	       "registers = ( { metric = \"pm25\"; address = 1; }, "
	       "{ metric = \"pm25\"; address = 2; } ); }",
		"twice");
}

#define MODBUS(more) "{ name = \"a\"; driver = \"modbus\"; " more " }"
#define RAIN(more)   "registers = ( { metric = \"rain\"; address = 7; " more " } ); "

static void test_modbus_lines(void **state)
{
	(void)state;
	refuse(MODBUS(RAIN("")), "a port or a url is needed");
	refuse(MODBUS("port = \"/dev/x\"; url = \"modbus://h\"; " RAIN("")),
		"url: there is a port already");
	refuse(MODBUS("url = \"http://h\"; " RAIN("")), "must begin with modbus://");
	refuse(MODBUS("url = \"modbus://h/1\"; " RAIN("")), "nothing may follow");
	refuse(MODBUS("url = \"modbus://h\"; rs485 = true; " RAIN("")),
		"rs485: only a serial port");
	refuse(MODBUS("port = \"/dev/x\"; " RAIN(
		       "")) ", "
			    "{ name = \"b\"; driver = \"modbus\"; port = \"/dev/x\"; rs485 = true; " RAIN(
				    "") " }",
		"rs485: sensor \"a\" on the same port says false");
}

#define SDI12(options)                                                        \
	"{ name = \"a\"; driver = \"sdi12\"; port = \"/dev/x\"; " options " " \
	"values = ( { metric = \"humidity\"; index = 1; } ); }"

/* A wire has many sensors, which must agree about the line to their adapter. */
static void test_sdi12_shares_a_port(void **state)
{
	struct buffer errors;
	struct config *config =
		load(SDI12("") ", { name = \"b\"; driver = \"sdi12\"; port = \"/dev/x\"; "
			       "address = \"1\"; "
			       "values = ( { metric = \"humidity\"; index = 1; } ); }",
			&errors);

	(void)state;
	if (config == NULL)
		fail_msg("%s", buffer_text(&errors));
	config_free(config);
	buffer_free(&errors);
	refuse(SDI12("") ", { name = \"b\"; driver = \"sdi12\"; port = \"/dev/x\"; "
			 "baud = 1200; "
			 "values = ( { metric = \"humidity\"; index = 1; } ); }",
		"baud: sensor \"a\" on the same port says 9600");
	refuse(SDI12("") ", { name = \"b\"; driver = \"rg15\"; port = \"/dev/x\"; }",
		"port: sensor \"a\" has this port already");
}

static void test_modbus_registers(void **state)
{
	(void)state;
	refuse(MODBUS("port = \"/dev/x\"; registers = ( { metric = \"rain_total\"; "
		      "address = 1; clear_on_read = true; } );"),
		"clear_on_read: what is cleared by reading is an increment");
	refuse(MODBUS("port = \"/dev/x\"; blocks = ( { address = 0; count = 7; } ); " RAIN(
		       "")),
		"blocks: no block holds register 7");
	refuse(MODBUS("port = \"/dev/x\"; blocks = ( { address = 7; count = 1; } ); " RAIN(
		       "type = \"uint32\";")),
		"blocks: no block holds register 7");
	refuse(MODBUS("port = \"/dev/x\"; blocks = ( { address = 7; count = 1; "
		      "function = 4; } ); " RAIN("")),
		"blocks: no block holds register 7");
	refuse(MODBUS("port = \"/dev/x\"; blocks = ( { address = 7; count = 126; } ); " RAIN(
		       "")),
		"count: 126 is out of range");
	refuse(MODBUS("port = \"/dev/x\"; blocks = ( { address = 65530; count = 7; } ); " RAIN(
		       "")),
		"count: the request would end beyond register 65535");
}

static void test_modbus_tcp_and_blocks(void **state)
{
	struct buffer errors;
	struct config *config = load(
		MODBUS("url = \"modbus://192.168.1.5:502\"; blocks = ( "
		       "{ address = 5; count = 10; }, { address = 0; count = 2; function = "
		       "4; } ); " RAIN("clear_on_read = true;")),
		&errors);
	const struct modbus_options *options;
	struct modbus_block blocks[READINGS_MAX];

	(void)state;
	if (config == NULL)
		fail_msg("%s", buffer_text(&errors));
	options = ((const struct option_item *)config->sensors.items)->options;
	assert_true(modbus_is_tcp(options));
	assert_int_equal(modbus_plan(options, blocks), 2); /* as they stand there */
	assert_int_equal(blocks[0].address, 5);
	assert_int_equal(blocks[0].count, 10);
	assert_int_equal(blocks[0].function, 3);
	assert_int_equal(blocks[1].function, 4);
	assert_true(modbus_clears(options, &blocks[0]));
	assert_false(modbus_clears(options, &blocks[1]));
	assert_true(sensors_modulus(&config->sensors, "a", METRIC_RAIN) == 0);
	buffer_free(&errors);
	config_free(config);
}

#define MQTT "{ name = \"a\"; driver = \"mqtt\"; url = \"mqtt://h\"; topic = \"a/+\"; "
#define HTTP "{ name = \"a\"; driver = \"http\"; listen = \"127.0.0.1:1\"; "

static void test_formats_as_users_write_them(void **state)
{
	struct buffer errors;
	struct config *config =
		load(MQTT "format = \"tasmota\"; time_zone = \"+07:00\"; "
			  "version = 5; availability = { topic = \"b/+\"; }; },\n"
			  "{ name = \"b\"; driver = \"http\"; "
			  "listen = \"0.0.0.0:81\"; path = \"/{token}/+\"; "
			  "format = \"airrohr\"; sensor = \"{device}-{1}\"; "
			  "token_file = \"t\"; }",
			&errors);

	(void)state;
	if (config == NULL)
		fail_msg("%s", buffer_text(&errors));
	config_free(config);
	buffer_free(&errors);
	refuse(MQTT "}", "fields");
	refuse(MQTT "format = \"tasmoto\"; }", "tasmota");
	refuse(MQTT "format = \"plain\"; }", "say what the number is");
	refuse(MQTT "format = \"tasmota\"; metric = \"pm25\"; }", "plain numbers");
	refuse(MQTT "format = \"tasmota\"; time_zone = \"Hanoi\"; }", "time_zone");
	refuse(MQTT "format = \"tasmota\"; time_zone = \"+7:00\"; }", "time_zone");
	refuse(MQTT "format = \"tasmota\"; time = \"Time\"; }", "JSON pointer");
	refuse(MQTT "format = \"tasmota\"; sensor = \"{device}\"; }", "no device");
	refuse(MQTT "format = \"ttn\"; sensor = \"{2}\"; }", "does not have");
	refuse(MQTT "format = \"ttn\"; version = 4; }", "3.1.1");
	refuse(MQTT "format = \"ttn\"; availability = { online = \"x\"; }; }", "both");
	refuse(MQTT "format = \"ttn\"; availability = { topic = \"a+\"; }; }",
		"whole level");
	refuse(HTTP "format = \"sparkplug\"; }", "over MQTT only");
	refuse(HTTP "format = \"airrohr\"; path = \"air\"; }", "begins with");
	refuse(HTTP "format = \"airrohr\"; path = \"/{token}\"; }", "token_file");
	refuse("{ name = \"a\"; driver = \"http\"; listen = \"0.0.0.0:81\"; "
	       "format = \"airrohr\"; }",
		"make up readings");
	refuse(HTTP "format = \"airrohr\"; },\n"
		    "{ name = \"b\"; driver = \"http\"; listen = \"127.0.0.1:1\"; "
		    "format = \"ecowitt\"; }",
		"has this path already");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gauge_of_the_design),
		cmocka_unit_test(test_rain_as_users_write_it),
		cmocka_unit_test(test_what_is_wrong_is_named),
		cmocka_unit_test(test_formats_as_users_write_them),
		cmocka_unit_test(test_modbus_lines),
		cmocka_unit_test(test_sdi12_shares_a_port),
		cmocka_unit_test(test_modbus_registers),
		cmocka_unit_test(test_modbus_tcp_and_blocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
