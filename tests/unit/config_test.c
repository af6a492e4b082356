#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config_schema.h"

#include "config/config.h"
#include "core/buffer.h"

#define HEAD                                                            \
	"station = { id = \"A\"; }; store = { path = \"/tmp/x.db\"; };" \
	"sensors = ();"

static struct buffer errors = { .limit = 1 << 20 };
static struct buffer printed = { .limit = 1 << 20 };

static struct config *load_text(const char *text)
{
	buffer_clear(&errors);
	return config_load_text("a.conf", text, &test_schema, &errors);
}

static void expect_error(const char *text, const char *line)
{
	struct config *config = load_text(text);

	assert_null(config);
	assert_string_equal(buffer_text(&errors), line);
}

static struct config *expect_good(const char *text)
{
	struct config *config = load_text(text);

	assert_string_equal(buffer_text(&errors), "");
	assert_non_null(config);
	return config;
}

static const char *print(const struct config *config)
{
	buffer_clear(&printed);
	config_print(config, &printed);
	assert_false(printed.failed);
	return buffer_text(&printed);
}

/* What is printed is loaded to the same, and printed the same. */
static void expect_round_trip(const struct config *config)
{
	char *first = strdup(print(config));
	struct config *again = load_text(first);

	assert_string_equal(buffer_text(&errors), "");
	assert_non_null(again);
	assert_string_equal(print(again), first);
	config_free(again);
	free(first);
}

static void test_smallest(void **state)
{
	(void)state;
	struct config *config = expect_good(HEAD);

	assert_string_equal(config->station.id, "A");
	assert_string_equal(config->station.name, "A");
	assert_string_equal(config->station.area, "");
	assert_true(isnan(config->station.latitude));
	assert_int_equal(config->store.ring_size, 2 << 20);
	assert_int_equal(config->store.commit_every, 1000);
	assert_int_equal(config->store.keep_raw, INT64_C(60) * 86400000);
	assert_true(config->store.max_size == INT64_C(4) << 30);
	assert_false(config->http.enabled);
	assert_string_equal(config->http.listen, "127.0.0.1:8080");
	assert_int_equal(config->alerts.language, 0);
	assert_int_equal(config->sensors.count, 0);
	assert_null(strstr(print(config), "http"));
	expect_round_trip(config);
	config_free(config);
	config_free(NULL);
}

static void test_all_types(void **state)
{
	(void)state;
	struct config *config = expect_good(
		"station = { id = \"A\"; latitude = 21; longitude = 105.5; }\n"
		"store = { path = \"/x\"; commit_every = \"1m30s\"; ring_size = \"100MB\"; }\n"
		"sensors = (\n"
		"  { name = \"d\"; driver = \"pmsa003\"; port = \"/dev/a\" \"b\"; baud = 0x4B00;\n"
		"    parity = \"odd\"; every = \"500ms\"; offset = -1e1; invert = TRUE },\n"
		"  { name = \"m\"; driver = \"modbus\"; url = \"mqtts://[::1]:8883/x\";\n"
		"    password_file = \"pw\"; topics = [ \"a\", \"b\\\"\\\\\\t\\x41\" ];\n"
		"    registers = ( { metric = \"pm25\"; address = 65535; ignore = [ 1, 2.5, ]; }, );\n"
		"    tls = { verify = false; }; } );\n"
		"alerts = { language = \"en\";\n"
		"  rules = ( { name = \"r\"; metric = \"vn_aqi\"; above = 150; for = \"10m\"; } );\n"
		"  channels = ( { name = \"c\"; type = \"console\"; } ); };\n"
		"http: {};\n");
	const struct option_item *items = config->sensors.items;
	const struct test_serial *serial = items[0].options;
	const struct test_bus *bus = items[1].options;
	const struct test_common *common = items[0].common;
	const struct test_register *registers = bus->registers.items;
	const struct test_rule *rules = config->alerts.rules.items;

	assert_int_equal(config->sensors.count, 2);
	assert_true(config->station.latitude == 21.0);
	assert_int_equal(config->store.commit_every, 90000);
	assert_int_equal(config->store.ring_size, 100000000);
	assert_ptr_equal(items[0].kind, &test_serial_kind);
	assert_string_equal(items[0].name, "d");
	assert_string_equal(items[0].place.file, "a.conf");
	assert_int_equal(items[0].place.line, 4);
	assert_null(items[0].place.errors);
	assert_null(items[0].place.setting);
	assert_int_equal(common->stale_after, 300000);
	assert_string_equal(serial->port, "/dev/ab");
	assert_int_equal(serial->baud, 19200);
	assert_int_equal(serial->parity, 2);
	assert_int_equal(serial->every, 500);
	assert_int_equal(serial->buffer, 65536);
	assert_true(serial->offset == -10.0 && serial->scale == 1.0);
	assert_true(serial->invert);
	assert_string_equal(bus->url, "mqtts://[::1]:8883/x");
	assert_int_equal(bus->topics.count, 2);
	assert_string_equal(bus->topics.values[1], "b\"\\\tA");
	assert_int_equal(bus->registers.count, 1);
	assert_int_equal(registers[0].metric->id, METRIC_PM25);
	assert_int_equal(registers[0].address, 65535);
	assert_int_equal(registers[0].ignore.count, 2);
	assert_true(registers[0].ignore.values[1] == 2.5);
	assert_true(registers[0].scale == 0.1);
	assert_false(bus->tls.verify);
	assert_string_equal(bus->tls.ca, "");
	assert_int_equal(config->alerts.language, 1);
	assert_true(rules[0].above == 150.0 && isnan(rules[0].below));
	assert_int_equal(rules[0].hold, 600000);
	assert_int_equal(config->alerts.rules.places[0].line, 11);
	assert_true(config->http.enabled);
	expect_round_trip(config);
	config_free(config);
}

static void test_integers_are_not_cut(void **state)
{
	(void)state;
	expect_error(HEAD "metrics = ( { name = \"big\"; unit = \"1\"; min = 0;\n"
			  "max = 9; decimals = 4294967298; } );",
		"a.conf:2: decimals: 4294967298 is out of range: 0 to 6\n");
	expect_error(HEAD "\nhttp = { listen = 99999999999999999999; };",
		"a.conf:2: listen: the number is too large\n");
}

static void test_metrics(void **state)
{
	(void)state;
	struct config *config = expect_good(
		"alerts = { rules = ( { name = \"w\"; metric = \"test_level\"; above = 3; } ); };"
		"metrics = ( { name = \"test_level\"; unit = \"m\"; min = -5; max = 20.0; } );" HEAD);
	const struct test_rule *rules = config->alerts.rules.items;

	assert_non_null(rules[0].metric);
	assert_string_equal(rules[0].metric->unit, "m");
	assert_int_equal(rules[0].metric->hazard, HAZARD_WATER);
	assert_int_equal(rules[0].metric->decimals, 2);
	expect_round_trip(config);
	config_free(config);
	/* The program still knows it, but this configuration does not say so. */
	expect_error(HEAD "alerts = { rules = (\n"
			  "{ name = \"w\"; metric = \"test_level\"; above = 3; } ); };",
		"a.conf:2: metric: unknown metric \"test_level\"\n");
	/* One mistake, one error. */
	expect_error(HEAD
		"metrics = (\n{ name = \"test_other\"; unit = \"m\"; min = 7; max = 1; } );"
		"alerts = { rules = (\n"
		"{ name = \"w\"; metric = \"test_other\"; above = 3; } ); };",
		"a.conf:2: min: must be less than max\n");
	expect_error(HEAD
		"metrics = ( { name = \"pm25\"; unit = \"m\"; min = 7; max = 9; } );",
		"a.conf:1: name: \"pm25\" need not be declared: its unit is µg/m³\n");
}

static void test_prints_what_is_read(void **state)
{
	(void)state;
	struct config *config = expect_good(HEAD
		"outputs = ( { name = \"Đầu ra \\\"1\\\"\"; type = \"console\"; } );");

	assert_non_null(strstr(print(config), "\t\tname = \"Đầu ra \\\"1\\\"\";\n"));
	assert_non_null(strstr(print(config), "\tkeep_raw = \"60d\";\n"));
	assert_non_null(strstr(print(config), "\tmax_size = \"4GiB\";\n"));
	expect_round_trip(config);
	config_free(config);
}

static void test_places_outlive_the_text(void **state)
{
	(void)state;
	char name[] = "dir/some.conf";
	struct config *config = config_load_text(name,
		"station = { id = \"A\"; }; store = { path = \"x\"; };\n"
		"sensors = ( { name = \"d\"; driver = \"pms5003\"; port = \"p\"; } );",
		&test_schema, &errors);

	memset(name, 'x', sizeof name - 1);
	assert_non_null(config);
	const struct option_item *items = config->sensors.items;
	assert_string_equal(items[0].place.file, "dir/some.conf");
	assert_int_equal(items[0].place.line, 2);
	config_free(config);
}

static void test_check_speaks_of_lines(void **state)
{
	(void)state;
	expect_error(HEAD
		"\nalerts = {\nrules = (\n"
		"{ name = \"x\"; metric = \"pm25\"; above = 1; },\n"
		"{ metric = \"pm25\"; above = 1;\nname = \"needs-console\"; } ); };",
		"a.conf:2: alerts: has no channel\n"
		"a.conf:6: name: there is no channel\n");
}

static void test_help(void **state)
{
	(void)state;
	struct buffer out = { .limit = 1 << 20 };

	config_help(&test_schema, &out);
	const char *text = buffer_text(&out);
	assert_false(out.failed);
	assert_non_null(strstr(text, "latitude: number, -90 to 90°. WGS 84"));
	assert_non_null(
		strstr(text, "commit_every: duration, 10ms to 10m; default 1s. "));
	assert_non_null(strstr(text, "keep_raw: duration, at least 1h; default 60d. "));
	assert_non_null(strstr(text, "parity: one of none, even, odd; default none. "));
	assert_non_null(
		strstr(text, "driver = \"pms5003\" or \"pms7003\" or \"pmsa003\": "));
	assert_non_null(
		strstr(text, "baud: whole number, 1200 to 115200 baud; default 9600. "));
	assert_non_null(strstr(text, "url: address mqtt://, mqtts://; required. "));
	buffer_free(&out);
}

static void test_many_errors_end(void **state)
{
	(void)state;
	struct buffer text = { .limit = 1 << 20 };

	for (int i = 0; i < 3000; i++)
		buffer_printf(&text, "\n?");
	assert_null(load_text(buffer_text(&text)));
	assert_non_null(strstr(buffer_text(&errors), "a.conf:1001: syntax error: "));
	assert_non_null(strstr(
		buffer_text(&errors), "\na.conf:1: 2000 more errors are not shown\n"));
	buffer_free(&text);
}

static void test_no_such_file(void **state)
{
	(void)state;
	buffer_clear(&errors);
	assert_null(config_load("no/such.conf", &test_schema, &errors));
	assert_string_equal(buffer_text(&errors),
		"no/such.conf:1: cannot be read: No such file or directory\n");
	buffer_clear(&errors);
	assert_null(config_load("/", &test_schema, &errors));
	assert_string_equal(buffer_text(&errors), "/:1: cannot be read: not a file\n");
	buffer_clear(&errors);
	assert_null(config_load("/dev/zero", &test_schema, &errors));
	assert_string_equal(buffer_text(&errors),
		"/dev/zero:1: cannot be read: the configuration is larger than 1 MiB\n");
}

/* --- NN-what.conf with NN-what.err or NN-what.ok ------------------------ */

static char *read_whole(const char *base, const char *ending)
{
	char name[256];
	static char bytes[65536];

	snprintf(name, sizeof name, "%s%s", base, ending);
	FILE *file = fopen(name, "r");
	if (!file)
		return NULL;
	size_t length = fread(bytes, 1, sizeof bytes - 1, file);
	bytes[length] = '\0';
	fclose(file);
	return bytes;
}

static void check_pair(const char *file)
{
	char base[256];
	struct config *config;
	const char *expected;

	snprintf(base, sizeof base, "%.*s", (int)(strlen(file) - strlen(".conf")), file);
	buffer_clear(&errors);
	config = config_load(file, &test_schema, &errors);
	print_message("%s\n%s", file, config ? "" : buffer_text(&errors));
	if ((expected = read_whole(base, ".err"))) {
		assert_string_equal(buffer_text(&errors), expected);
		assert_null(config);
		return;
	}
	assert_string_equal(buffer_text(&errors), "");
	assert_non_null(config);
	expected = read_whole(base, ".ok");
	assert_non_null(expected);
	assert_string_equal(print(config), expected);
	expect_round_trip(config);
	config_free(config);
}

static void test_pairs(void **state)
{
	(void)state;
	glob_t files;
	char *home = getcwd(NULL, 0);

	assert_int_equal(chdir("tests/config/unit"), 0);
	assert_int_equal(glob("[0-9]*.conf", 0, NULL, &files), 0);
	assert_true(files.gl_pathc >= 15);
	for (size_t i = 0; i < files.gl_pathc; i++)
		check_pair(files.gl_pathv[i]);
	globfree(&files);
	assert_int_equal(chdir(home), 0);
	free(home);
}

static int free_buffers(void **state)
{
	(void)state;
	buffer_free(&errors);
	buffer_free(&printed);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_smallest),
		cmocka_unit_test(test_all_types),
		cmocka_unit_test(test_integers_are_not_cut),
		cmocka_unit_test(test_metrics),
		cmocka_unit_test(test_prints_what_is_read),
		cmocka_unit_test(test_places_outlive_the_text),
		cmocka_unit_test(test_check_speaks_of_lines),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_many_errors_end),
		cmocka_unit_test(test_no_such_file),
		cmocka_unit_test(test_pairs),
	};

	return cmocka_run_group_tests(tests, NULL, free_buffers);
}
