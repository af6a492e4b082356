/* What SDI-12 sensors say, word by word, and what users may write of them. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "sensors/sdi12.h"
#include "tests/unit/sensor_settings.h"

static struct span span(const char *text)
{
	return (struct span){ text, strlen(text) };
}

static void test_measurements(void **state)
{
	static const char *const good[] = { "M", "M1", "M9", "MC", "MC1", "C", "C9", "CC",
		"CC5", "R0", "R9", "RC0" };
	static const char *const bad[] = { "", "M0", "MCC", "M10", "R", "RC", "D0", "m",
		"MC0", "V", "MM" };
	struct sdi12_measurement measurement;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (!sdi12_read_measurement(span(good[i]), &measurement))
			fail_msg("%s", good[i]);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (sdi12_read_measurement(span(bad[i]), &measurement))
			fail_msg("%s", bad[i]);
	assert_true(sdi12_read_measurement(span("CC5"), &measurement));
	assert_true(measurement.is_concurrent && measurement.has_crc);
	assert_false(measurement.is_continuous);
	assert_true(sdi12_read_measurement(span("RC0"), &measurement));
	assert_true(measurement.is_continuous && measurement.has_crc);
}

static void test_starts(void **state)
{
	size_t count;
	int seconds;

	(void)state;
	assert_true(sdi12_read_start(span("00213"), '0', false, &seconds, &count));
	assert_int_equal(seconds, 21);
	assert_int_equal(count, 3);
	assert_true(sdi12_read_start(span("z99942"), 'z', true, &seconds, &count));
	assert_int_equal(seconds, 999);
	assert_int_equal(count, 42);
	assert_false(sdi12_read_start(span("002130"), '0', false, &seconds, &count));
	assert_false(sdi12_read_start(span("00213"), '0', true, &seconds, &count));
	assert_false(sdi12_read_start(span("10213"), '0', false, &seconds, &count));
	assert_false(sdi12_read_start(span("002x3"), '0', false, &seconds, &count));
	assert_false(sdi12_read_start(span(""), '0', false, &seconds, &count));
}

static void test_values(void **state)
{
	double values[SDI12_VALUES_MAX] = { 0 };
	static char many[4 * SDI12_VALUES_MAX];
	size_t count = 0;

	(void)state;
	assert_int_equal(
		sdi12_read_values(span("0+3.14-2+.5"), '0', false, values, &count),
		SENSOR_OK);
	assert_int_equal(count, 3);
	assert_true(values[0] == 3.14 && values[1] == -2 && values[2] == 0.5);
	assert_int_equal(
		sdi12_read_values(span("0+1"), '0', false, values, &count), SENSOR_OK);
	assert_int_equal(count, 4);
	assert_int_equal(
		sdi12_read_values(span("0"), '0', false, values, &count), SENSOR_OK);
	assert_int_equal(count, 4);
	assert_int_equal(sdi12_read_values(span("1+1"), '0', false, values, &count),
		SENSOR_BAD_SYNC);
	assert_int_equal(
		sdi12_read_values(span(""), '0', false, values, &count), SENSOR_BAD_SYNC);
	assert_int_equal(sdi12_read_values(span("0+1+"), '0', false, values, &count),
		SENSOR_BAD_SYNC);
	assert_int_equal(sdi12_read_values(span("03.14"), '0', false, values, &count),
		SENSOR_BAD_SYNC);
	assert_int_equal(sdi12_read_values(span("0+1.2.3"), '0', false, values, &count),
		SENSOR_BAD_SYNC);
	assert_int_equal(
		sdi12_read_values(span("0+12345678"), '0', false, values, &count),
		SENSOR_BAD_SYNC);
	assert_int_equal(sdi12_read_values(span("0+3.15OqZ"), '0', true, values, &count),
		SENSOR_BAD_CHECKSUM);
	assert_int_equal(sdi12_read_values(span("0+3.14OqZ"), '0', false, values, &count),
		SENSOR_BAD_SYNC);
	assert_int_equal(count, 4);
	many[0] = '0';
	for (size_t i = 0; i < SDI12_VALUES_MAX + 1; i++)
		memcpy(many + 1 + 2 * i, "+1", 2);
	count = 0;
	assert_int_equal(sdi12_read_values(span(many), '0', false, values, &count),
		SENSOR_BAD_LENGTH);
}

static void refuse(const char *settings, const char *reason)
{
	char text[600];
	struct buffer errors;

	snprintf(text, sizeof(text),
		"{ name = \"a\"; driver = \"sdi12\"; port = \"/dev/x\"; %s }", settings);
	assert_null(load_sensors(text, &errors));
	if (strstr(buffer_text(&errors), reason) == NULL)
		fail_msg("expected \"%s\" in: %s", reason, buffer_text(&errors));
	buffer_free(&errors);
}

#define ONE "values = ( { metric = \"humidity\"; index = 1; } );"

static void test_settings(void **state)
{
	struct option_item *items;
	struct buffer errors;
	struct config *config = load_sensors(
		"{ name = \"a\"; driver = \"sdi12\"; port = \"/dev/x\"; " ONE " }, "
		"{ name = \"b\"; driver = \"sdi12\"; port = \"/dev/x\"; address = \"1\"; " ONE
		" }",
		&errors);

	(void)state;
	if (config == NULL)
		fail_msg("%s", buffer_text(&errors));
	items = config->sensors.items;
	assert_int_equal(config->sensors.count, 2);
	assert_string_equal(
		((const struct sdi12_options *)items[1].options)->address, "1");
	config_free(config);
	buffer_free(&errors);
	refuse("address = \"+\"; " ONE, "one letter or digit");
	refuse("measurement = \"D0\"; " ONE, "is not one of M");
	refuse("values = ();", "must not be empty");
	refuse("values = ( { metric = \"humidity\"; index = 0; } );", "out of range");
	refuse("values = ( { metric = \"humidity\"; } );", "index");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_measurements),
		cmocka_unit_test(test_starts),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_settings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
