/* The text driver: what a line means, and how one that is not whole is lost. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "core/metric.h"
#include "sensors/framer.h"
#include "tests/unit/sensor_settings.h"

static struct config *config;
static struct buffer errors;

/* The options of a text sensor with these settings; NULL: refused, see errors. */
static const void *load(const char *settings)
{
	char text[2000];

	snprintf(text, sizeof(text),
		"{ name = \"it\"; driver = \"text\"; port = \"/dev/null\"; %s }",
		settings);
	config_free(config);
	buffer_free(&errors);
	config = load_sensors(text, &errors);
	return config != NULL ? sensor_options(config, 0) : NULL;
}

static const void *need(const char *settings)
{
	const void *options = load(settings);

	if (options == NULL)
		fail_msg("%s", buffer_text(&errors));
	return options;
}

static void refuse(const char *settings, const char *reason)
{
	assert_null(load(settings));
	if (strstr(buffer_text(&errors), reason) == NULL)
		fail_msg("expected \"%s\" in: %s", reason, buffer_text(&errors));
}

static enum sensor_result decode(
	const void *options, const char *line, struct report *report)
{
	report_init(report);
	return sensor_driver_find("text")->decode(
		options, (const uint8_t *)line, strlen(line), report);
}

static double value(struct report *report, const char *metric)
{
	struct reading *reading = report_find(report, metric_find(metric)->id);

	return reading != NULL ? reading->value : -12345;
}

#define TWO \
	"columns = ( { metric = \"temperature\"; column = 1; }, { metric = \"humidity\"; column = 2; } );"

static void test_delimiters(void **state)
{
	const void *options = need("delimiter = \";\"; decimal = \"comma\"; " TWO);
	struct report report;

	(void)state;
	assert_int_equal(decode(options, "23,4;71\r\n", &report), SENSOR_OK);
	assert_true(value(&report, "temperature") == 23.4);
	assert_int_equal(decode(options, "23.4;71\r\n", &report), SENSOR_BAD_SYNTAX);
	options = need("delimiter = \" \"; fields = 2; " TWO);
	assert_int_equal(decode(options, "  -3.5 \t  71 \r", &report), SENSOR_OK);
	assert_true(value(&report, "temperature") == -3.5);
	assert_true(value(&report, "humidity") == 71);
	assert_int_equal(decode(options, "-3.5 71 8\n", &report), SENSOR_BAD_SYNTAX);
	assert_int_equal(decode(options, "-3.5\n", &report), SENSOR_BAD_SYNTAX);
	options = need("delimiter = \"\\t\"; " TWO);
	assert_int_equal(decode(options, "1\t2\n", &report), SENSOR_OK);
	assert_int_equal(decode(options, "1\t\n", &report), SENSOR_OK);
	assert_int_equal(report.count, 1);
	assert_int_equal(decode(options, "1\n", &report), SENSOR_MISSING_FIELD);
	assert_int_equal(decode(options, "\n", &report), SENSOR_IGNORED);
	assert_int_equal(decode(options, "1\t\x02\x32\n", &report), SENSOR_BAD_SYNTAX);
	assert_int_equal(decode(NULL, "1\t2\n", &report), SENSOR_MISSING_FIELD);
}

static void test_names_and_echo(void **state)
{
	const void *options = need(
		"delimiter = \";\"; request = \"MEAS?\\r\\n\"; columns = ( "
		"{ metric = \"temperature\"; name = \"T\"; suffix = \"C\"; }, "
		"{ metric = \"wind_speed\"; name = \"WS\"; unit = \"km/h\"; scale = 0.1; } );");
	struct report report;

	(void)state;
	assert_int_equal(
		decode(options, "TX=9;WS: 360;T = 21.5 C\n", &report), SENSOR_OK);
	assert_true(value(&report, "temperature") == 21.5);
	assert_true(value(&report, "wind_speed") == 10);
	assert_int_equal(decode(options, "MEAS?\r\n", &report), SENSOR_IGNORED);
	assert_int_equal(decode(options, "TX=9;T=1\n", &report), SENSOR_MISSING_FIELD);
	assert_int_equal(decode(options, "T=21.5F;WS=1\n", &report), SENSOR_BAD_SYNTAX);
}

static void test_refused_settings(void **state)
{
	(void)state;
	refuse("columns = ();", "must not be empty");
	refuse("columns = ( { metric = \"humidity\"; } );", "either column or name");
	refuse("columns = ( { metric = \"humidity\"; column = 1; name = \"x\"; } );",
		"either column or name");
	refuse("columns = ( { metric = \"humidity\"; column = 1; unit = \"degF\"; } );",
		"degF becomes °C");
	refuse("columns = ( { metric = \"humidity\"; column = 1; scale = 0; } );", "0");
	refuse("columns = ( { metric = \"humidity\"; column = 1; }, "
	       "{ metric = \"humidity\"; column = 2; } );",
		"twice");
	refuse("decimal = \"comma\"; " TWO, "cannot be a comma");
	refuse("delimiter = \"e\"; " TWO, "one mark");
	refuse("delimiter = \"\"; " TWO, "one mark");
	refuse("unknown = 1; " TWO, "unknown");
}

/* Feeds TEXT and returns how many reports came; the last temperature goes to SEEN. */
static int feed(struct framer *framer, const char *text, double *seen)
{
	const uint8_t *bytes = (const uint8_t *)text;
	size_t length = strlen(text);
	enum sensor_result result;
	struct report report;
	int count = 0;

	report_init(&report);
	while (length > 0) {
		size_t taken = framer_put(framer, bytes, length);

		bytes += taken;
		length -= taken;
		while (framer_next(framer, &report, &result))
			if (result == SENSOR_OK) {
				*seen = value(&report, "temperature");
				count++;
			}
	}
	return count;
}

/* A line whose beginning is lost must never be read: "23.4" would become "3.4". */
static void test_no_line_from_its_middle(void **state)
{
	struct framer_code code = framer_code_of(sensor_driver_find("text"), need(TWO));
	struct framer framer;
	enum sensor_result result;
	struct report report;
	char line[700];
	double seen = 0;

	(void)state;
	framer_init(&framer, &code);
	assert_int_equal(feed(&framer, "23.4,71\r\n22.4,72\n", &seen), 2);
	/* Opened in its middle. */
	framer_lose_line(&framer);
	assert_int_equal(feed(&framer, "3.4,71\r", &seen), 0);
	assert_int_equal(feed(&framer, "\n21.4,71\n", &seen), 1);
	assert_true(seen == 21.4);
	/* Longer than any line may be. */
	memset(line, '1', sizeof(line) - 1);
	memcpy(line + sizeof(line) - 8, ",3,4,5\n", 8);
	assert_int_equal(feed(&framer, line, &seen), 0);
	assert_int_equal(feed(&framer, "20.4,71\n", &seen), 1);
	/* Its sender fell silent half way. */
	assert_int_equal(feed(&framer, "2", &seen), 0);
	framer_expire(&framer);
	assert_true(framer_next(&framer, &report, &result));
	assert_int_equal(result, SENSOR_BAD_LENGTH);
	assert_false(framer_next(&framer, &report, &result));
	assert_int_equal(feed(&framer, "3.4,71\n", &seen), 0);
	assert_int_equal(feed(&framer, "19.4,71\n", &seen), 1);
	/* Unless it is the answer to a new question. */
	framer_lose_line(&framer);
	framer_begin_line(&framer);
	assert_int_equal(feed(&framer, "18.4,71\n", &seen), 1);
	assert_true(seen == 18.4);
	assert_int_equal(framer.skipped, 7 + 699 + 1 + 7);
}

static int tear_down(void **state)
{
	(void)state;
	config_free(config);
	buffer_free(&errors);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_delimiters),
		cmocka_unit_test(test_names_and_echo),
		cmocka_unit_test(test_refused_settings),
		cmocka_unit_test(test_no_line_from_its_middle),
	};

	return cmocka_run_group_tests(tests, NULL, tear_down);
}
