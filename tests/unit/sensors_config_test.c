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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gauge_of_the_design),
		cmocka_unit_test(test_what_is_wrong_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
