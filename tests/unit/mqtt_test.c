/* What messages say: payloads, topics, names. No broker. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/metric.h"
#include "sensors/inbox.h"
#include "sensors/mqtt.h"

static struct payload_field fields[3];
static struct mqtt_options options;
static struct report report;

/* Options with the pointers given, for pm25, pm10 and temperature. */
static void look_at(const char *a, const char *b, const char *c)
{
	const char *const pointers[] = { a, b, c };
	static const uint16_t metrics[] = { METRIC_PM25, METRIC_PM10,
		METRIC_TEMPERATURE };

	options = (struct mqtt_options){
		.topic = "env/+/air",
		.payload = format_defaults(format_find("json")),
	};
	options.payload.fields.items = fields;
	options.payload.max_payload = 65536;
	for (size_t i = 0; i < 3 && pointers[i]; i++) {
		fields[i] = (struct payload_field){
			.metric = metric_by_id(metrics[i]),
			.pointer = pointers[i],
			.scale = 1,
		};
		options.payload.fields.count++;
	}
}

/* From a copy that ends where memory ends. */
static enum sensor_result decode_bytes(
	const struct mqtt_options *by, const char *payload, size_t length)
{
	uint8_t *exact = malloc(length + !length);

	memcpy(exact, payload, length);
	report_init(&report);
	enum sensor_result result = sensor_mqtt.decode(by, exact, length, &report);
	free(exact);
	return result;
}

static enum sensor_result decode(const char *payload)
{
	return decode_bytes(&options, payload, strlen(payload));
}

static void expect(const char *payload, enum sensor_result result)
{
	enum sensor_result got = decode(payload);

	if (got != result)
		fail_msg("%s: \"%s\", not \"%s\"", payload, sensor_result_name(got),
			sensor_result_name(result));
}

static void expect_one(const char *payload, double value)
{
	expect(payload, SENSOR_OK);
	assert_int_equal(report.count, 1);
	if (report.readings[0].value != value)
		fail_msg(
			"%s: %.17g, not %.17g", payload, report.readings[0].value, value);
}

/* --- fields ------------------------------------------------------------- */

static void takes_what_is_pointed_at(void **state)
{
	(void)state;
	look_at("/pm25", "/air/pm10", "/list/1/t");
	expect("{\"pm25\":35.2,\"air\":{\"pm10\":60.1,\"pm25\":1},"
	       "\"list\":[{\"t\":1},{\"t\":28.4}],\"seq\":123456}",
		SENSOR_OK);
	assert_int_equal(report.count, 3);
	assert_int_equal(report.readings[0].metric, METRIC_PM25);
	assert_true(report.readings[0].value == 35.2);
	assert_true(report.readings[0].raw == 35.2);
	assert_int_equal(report.readings[0].flag, FLAG_NOT_EVALUATED);
	assert_int_equal(report.readings[1].metric, METRIC_PM10);
	assert_true(report.readings[1].value == 60.1);
	assert_int_equal(report.readings[2].metric, METRIC_TEMPERATURE);
	assert_true(report.readings[2].value == 28.4);
}

static void pointers_as_rfc_6901_has_them(void **state)
{
	(void)state;
	static const char document[] = "{\"foo\":[1,2],\"\":3,\"a/b\":4,\"c%d\":5,"
				       "\"e^f\":6,\"g|h\":7,\"i\\\\j\":8,"
				       "\"k\\\"l\":9,\" \":10,\"m~n\":11,"
				       "\"~1\":12,\"x\":{\"\":{\"0\":13}},\"Ấ\":14}";
	static const struct {
		const char *pointer;
		double value; /* NAN: not there */
	} cases[] = {
		{ "/foo/0", 1 },
		{ "/foo/1", 2 },
		{ "/", 3 },
		{ "/a~1b", 4 },
		{ "/c%d", 5 },
		{ "/e^f", 6 },
		{ "/g|h", 7 },
		{ "/i\\j", 8 },
		{ "/k\"l", 9 },
		{ "/ ", 10 },
		{ "/m~0n", 11 },
		{ "/~01", 12 },
		{ "/x//0", 13 },
		{ "/Ấ", 14 },
		{ "/foo/2", NAN },
		{ "/foo/-", NAN },
		{ "/foo/-1", NAN },
		{ "/foo/", NAN },
		{ "/foo/0x", NAN },
		{ "/foo/4294967296", NAN },
		{ "/foo/0/0", NAN },
		{ "/FOO/0", NAN }, /* case matters */
		{ "/fo", NAN },
		{ "/fooo", NAN },
		{ "/a/b", NAN },
		{ "/~1", NAN },
		{ "/m~", NAN },
		{ "/x/0", NAN },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		look_at(cases[i].pointer, NULL, NULL);
		enum sensor_result result = decode(document);
		if (result != (isnan(cases[i].value) ? SENSOR_MISSING_FIELD : SENSOR_OK))
			fail_msg("%s: %s", cases[i].pointer, sensor_result_name(result));
		if (result == SENSOR_OK && report.readings[0].value != cases[i].value)
			fail_msg("%s: %g", cases[i].pointer, report.readings[0].value);
	}
	look_at("", NULL, NULL); /* the whole */
	expect_one("12.5", 12.5);
	expect_one(" \n12.5\t", 12.5);
	expect("{}", SENSOR_BAD_VALUE);
	look_at("/foo", NULL, NULL);
	expect(document, SENSOR_BAD_VALUE); /* a list is no number */
}

static void numbers_however_they_are_said(void **state)
{
	(void)state;
	look_at("/v", NULL, NULL);
	expect_one("{\"v\":-12.5e1}", -125);
	expect_one("{\"v\":0}", 0);
	expect_one("{\"v\":1E-3}", 0.001);
	expect_one("{\"v\":\"35.2\"}", 35.2);
	expect_one("{\"v\":\"-7\"}", -7);
	expect_one("{\"v\":true}", 1);
	expect_one("{\"v\":false}", 0);
	expect_one("{\"v\":123456789.123}", 123456789.123);
	expect("{\"v\":null}", SENSOR_MISSING_FIELD);
	expect("{\"v\":\"\"}", SENSOR_BAD_VALUE);
	expect("{\"v\":\"nan\"}", SENSOR_BAD_VALUE);
	expect("{\"v\":\"0x10\"}", SENSOR_BAD_VALUE);
	expect("{\"v\":\"35,2\"}", SENSOR_BAD_VALUE);
	expect("{\"v\":\"35.2 µg\"}", SENSOR_BAD_VALUE);
	expect("{\"v\":[1]}", SENSOR_BAD_VALUE);
	expect("{\"v\":{}}", SENSOR_BAD_VALUE);
	expect("{\"v\":1e400}", SENSOR_BAD_VALUE);
	expect("{\"v\":-1e400}", SENSOR_BAD_VALUE);
	expect("{\"v\":\"1e400\"}", SENSOR_BAD_VALUE);
	assert_int_equal(report.count, 0);
}

static void units_are_converted(void **state)
{
	(void)state;
	look_at("/v", NULL, NULL);
	fields[0].scale = 0.1;
	expect_one("{\"v\":536}", 53.6);
	fields[0].offset = -40;
	expect_one("{\"v\":536}", 13.6);
	expect_one("{\"v\":\"400\"}", 0);
	fields[0].scale = 1e300;
	expect("{\"v\":1e300}", SENSOR_BAD_VALUE);
}

static void one_bad_field_spares_the_others(void **state)
{
	(void)state;
	look_at("/a", "/b", "/c");
	expect("{\"a\":1,\"c\":3}", SENSOR_MISSING_FIELD);
	assert_int_equal(report.count, 2);
	assert_int_equal(report.readings[0].metric, METRIC_PM25);
	assert_int_equal(report.readings[1].metric, METRIC_TEMPERATURE);
	assert_true(report.readings[1].value == 3);
	expect("{\"a\":null,\"b\":2,\"c\":3}", SENSOR_MISSING_FIELD);
	assert_int_equal(report.count, 2);
	assert_int_equal(report.readings[0].metric, METRIC_PM10);
	expect("{}", SENSOR_MISSING_FIELD);
	assert_int_equal(report.count, 0);
	expect("[1,2,3]", SENSOR_MISSING_FIELD);
	expect("7", SENSOR_MISSING_FIELD);

	fields[1].optional = true;
	expect("{\"a\":1,\"c\":3}", SENSOR_OK);
	assert_int_equal(report.count, 2);
	expect("{\"a\":1,\"b\":\"x\",\"c\":3}", SENSOR_BAD_VALUE); /* there, but wrong */
	fields[0].optional = fields[2].optional = true;
	expect("{}", SENSOR_MISSING_FIELD); /* nothing at all is no report */
}

/* --- whole payloads ----------------------------------------------------- */

static void what_is_no_json(void **state)
{
	(void)state;
	static const char *const others[] = { "{", "{\"v\":}", "{\"v\":1", "{\"v\":1,}",
		"{'v':1}", "{v:1}", "{\"v\":NaN}", "{\"v\":nan}", "{\"v\":Infinity}",
		"{\"v\":+1}", "{\"v\":.5}", "{\"v\":0x10}", "{\"v\":1.2.3}",
		"{\"v\":1} x", "{\"v\":1}{\"v\":2}", "{\"v\":1}]", "{\"v\":1},", "v=1",
		" ", "\"", "nul", "{\"v\":\"\\ud800\"}", "{\"v\":1 2}" };

	look_at("/v", NULL, NULL);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		expect(others[i], SENSOR_BAD_SYNTAX);
	expect_one("\t{ \"v\" : 1 } \r\n ", 1);
	assert_int_equal(decode_bytes(&options, "", 0), SENSOR_BAD_LENGTH);
}

static void nesting_without_end(void **state)
{
	(void)state;
	static char deep[60000];
	size_t length = 0;

	look_at("/v", NULL, NULL);
	memset(deep, '[', sizeof deep);
	assert_int_equal(decode_bytes(&options, deep, sizeof deep), SENSOR_BAD_SYNTAX);
	assert_int_equal(decode_bytes(NULL, deep, sizeof deep), SENSOR_BAD_SYNTAX);
	for (; length < sizeof deep - 5; length += 5)
		memcpy(deep + length, "{\"v\":", 5);
	assert_int_equal(decode_bytes(&options, deep, length), SENSOR_BAD_SYNTAX);
	/* Some depth is no harm. */
	expect_one("{\"x\":[[[[[[[[[[[[[[[[[[[[{}]]]]]]]]]]]]]]]]]]]],\"v\":5}", 5);
}

static void what_is_no_utf8(void **state)
{
	(void)state;
	look_at("/v", NULL, NULL);
	expect("{\"v\":1,\"s\":\"\xff\"}", SENSOR_BAD_ENCODING);
	expect("{\"v\":1,\"s\":\"\xc0\x80\"}", SENSOR_BAD_ENCODING);
	expect("\x80\x42\x4d", SENSOR_BAD_ENCODING);
	assert_int_equal(decode_bytes(&options, "{\"v\":1}\0", 8), SENSOR_BAD_ENCODING);
	assert_int_equal(decode_bytes(NULL, "{\"pm25\":1}\0", 11), SENSOR_BAD_ENCODING);
	expect_one("{\"s\":\"Cầu Giấy\",\"v\":1}", 1);
}

static void what_is_too_large(void **state)
{
	(void)state;
	char payload[64];

	look_at("/v", NULL, NULL);
	options.payload.max_payload = 20;
	memset(payload, ' ', sizeof payload);
	memcpy(payload, "{\"v\":1}", 7);
	assert_int_equal(decode_bytes(&options, payload, 20), SENSOR_OK);
	assert_int_equal(decode_bytes(&options, payload, 21), SENSOR_TOO_LARGE);
	/* Before anything else is looked at. */
	payload[3] = (char)0xff;
	assert_int_equal(decode_bytes(&options, payload, 21), SENSOR_TOO_LARGE);
}

static void a_plain_number(void **state)
{
	(void)state;
	look_at(NULL, NULL, NULL);
	options.payload.format = format_find("plain");
	options.payload.metric = metric_by_id(METRIC_NOISE);
	expect_one("54.5", 54.5);
	assert_int_equal(report.readings[0].metric, METRIC_NOISE);
	expect_one(" \t-3\r\n", -3);
	expect_one("1e2", 100);
	expect("", SENSOR_BAD_LENGTH);
	expect(" ", SENSOR_BAD_VALUE);
	expect("54.5 dB", SENSOR_BAD_VALUE);
	expect("54.5,", SENSOR_BAD_VALUE);
	expect("nan", SENSOR_BAD_VALUE);
	expect("1e400", SENSOR_BAD_VALUE);
	expect("0x36", SENSOR_BAD_VALUE);
	expect("{\"v\":1}", SENSOR_BAD_VALUE);
	expect("ON", SENSOR_BAD_VALUE);
	assert_int_equal(decode_bytes(&options, "5\0", 2), SENSOR_BAD_ENCODING);
}

/* As `muabui decode mqtt` has it. */
static void without_a_configuration(void **state)
{
	(void)state;
	static const char payload[] =
		"{\"pm25\":35.2,\"name\":\"x\",\"humidity\":\"71.2\",\"rain\":null}";

	assert_int_equal(decode_bytes(NULL, payload, strlen(payload)), SENSOR_OK);
	assert_int_equal(report.count, 2);
	assert_int_equal(report.readings[0].metric, METRIC_PM25);
	assert_true(report.readings[0].value == 35.2);
	assert_int_equal(report.readings[1].metric, METRIC_HUMIDITY);
	assert_true(report.readings[1].value == 71.2);
	assert_int_equal(decode_bytes(NULL, "{\"x\":1}", 7), SENSOR_MISSING_FIELD);
	assert_int_equal(decode_bytes(NULL, "[1]", 3), SENSOR_BAD_SYNTAX);
	assert_int_equal(decode_bytes(NULL, "{\"pm25\":1}\n", 11), SENSOR_OK);
	assert_int_equal(decode_bytes(NULL, "{\"pm25\":1}x", 11), SENSOR_BAD_SYNTAX);
}

/* More members than a report has room for: the first ones. */
static void too_many_members(void **state)
{
	(void)state;
	static char payload[4096];
	size_t length = 1;

	payload[0] = '{';
	for (int i = 0; i < 200; i++) {
		memcpy(payload + length, "\"pm25\":1,", 9);
		length += 9;
	}
	payload[length - 1] = '}';
	assert_int_equal(decode_bytes(NULL, payload, length), SENSOR_OK);
	assert_int_equal(report.count, READINGS_MAX);
}

/* --- topics ------------------------------------------------------------- */

static void topics_match_as_mqtt_says(void **state)
{
	(void)state;
	static const struct {
		const char *filter, *topic;
		bool match;
	} cases[] = {
		{ "a", "a", true },
		{ "a", "A", false },
		{ "a", "b", false },
		{ "a", "aa", false },
		{ "aa", "a", false },
		{ "a", "a/b", false },
		{ "a/b", "a", false },
		{ "a/b", "a/b", true },
		{ "a/b", "a/b/", false },
		{ "a/b/", "a/b", false },
		{ "a/b/", "a/b/", true },
		{ "/a", "a", false },
		{ "/a", "/a", true },
		{ "a//b", "a//b", true },
		{ "a//b", "a/b", false },
		{ "env/+/air", "env/HN-01/air", true },
		{ "env/+/air", "env//air", true },
		{ "env/+/air", "env/HN-01/rain", false },
		{ "env/+/air", "env/HN-01/x/air", false },
		{ "env/+/air", "env/HN-01", false },
		{ "env/+", "env", false },
		{ "env/+", "env/", true },
		{ "env/+", "env/a/b", false },
		{ "+", "finance", true },
		{ "+", "/finance", false },
		{ "+/+", "/finance", true },
		{ "/+", "/finance", true },
		{ "+/b/+", "a/b/c", true },
		{ "+/b/+", "a/c/c", false },
		{ "#", "a", true },
		{ "#", "a/b/c", true },
		{ "#", "/", true },
		{ "a/#", "a", true },
		{ "a/#", "a/", true },
		{ "a/#", "a/b", true },
		{ "a/#", "a/b/c/d", true },
		{ "a/#", "b", false },
		{ "a/#", "ab", false },
		{ "a/b/#", "a", false },
		{ "a/+/#", "a", false },
		{ "a/+/#", "a/b", true },
		{ "a/+/#", "a/b/c", true },
		{ "+/#", "a", true },
		{ "#", "$SYS/uptime", false },
		{ "+/uptime", "$SYS/uptime", false },
		{ "+/#", "$SYS/uptime", false },
		{ "$SYS/#", "$SYS/uptime", true },
		{ "$SYS/+", "$SYS/uptime", true },
		{ "$SYS/#", "$SYS", true },
		{ "a/+", "a/$x", true }, /* only at the beginning */
		{ "a/#", "a/$x", true },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (inbox_topic_matches(cases[i].filter, cases[i].topic) !=
			cases[i].match)
			fail_msg("\"%s\" and \"%s\"", cases[i].filter, cases[i].topic);
}

static void expect_name(
	const char *template, const char *filter, const char *topic, const char *wanted)
{
	char name[NAME_SIZE];
	bool good = inbox_name(template, filter, topic, "", name);

	if (good != (wanted != NULL))
		fail_msg("\"%s\" of \"%s\": %s", template, topic, good ? name : "none");
	if (good)
		assert_string_equal(name, wanted);
}

static void names_come_from_topics(void **state)
{
	(void)state;
	expect_name("{1}", "env/+/air", "env/HN-CG-01/air", "HN-CG-01");
	expect_name("{2}", "env/+/+", "env/HN-CG-01/dust", "dust");
	expect_name("{2}-{1}", "+/x/+", "a/x/b", "b-a");
	expect_name("node {1}!", "env/+", "env/7", "node 7!");
	expect_name("{1}{1}", "+/#", "ab/c/d", "abab");
	expect_name("dust", "env/+/air", "env/x/air", "dust");
	expect_name("{1}", "env/+/air", "env/Cầu Giấy/air", "Cầu Giấy");
	expect_name("{9}", "+/+/+/+/+/+/+/+/+", "1/2/3/4/5/6/7/8/9", "9");
	/* Not a place holder, but a name. */
	expect_name("{0}", "env/+", "env/7", "{0}");
	expect_name("{12}", "env/+", "env/7", "{12}");
	expect_name("a{", "env/+", "env/7", "a{");
}

static void names_that_cannot_be(void **state)
{
	(void)state;
	char topic[200] = "env/";

	expect_name("", "env/+", "env/7", NULL);
	expect_name("{2}", "env/+/air", "env/7/air", NULL);
	expect_name("{1}", "env/+/air", "env//air", NULL); /* empty */
	expect_name("{1}", "env/+", "env/\xff", NULL);
	expect_name("{1}", "env/+", "env/a\x01", NULL);
	expect_name("a/{1}", "env/+", "env/7", NULL);
	expect_name("+", "env/+", "env/7", NULL);
	memset(topic + 4, 'x', 64);
	expect_name("{1}", "env/+", topic, NULL);
	topic[4 + 63] = '\0';
	expect_name("{1}", "env/+", topic, topic + 4);
	expect_name("a{1}", "env/+", topic, NULL);
	expect_name("{1}{1}", "env/+", topic, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_what_is_pointed_at),
		cmocka_unit_test(pointers_as_rfc_6901_has_them),
		cmocka_unit_test(numbers_however_they_are_said),
		cmocka_unit_test(units_are_converted),
		cmocka_unit_test(one_bad_field_spares_the_others),
		cmocka_unit_test(what_is_no_json),
		cmocka_unit_test(nesting_without_end),
		cmocka_unit_test(what_is_no_utf8),
		cmocka_unit_test(what_is_too_large),
		cmocka_unit_test(a_plain_number),
		cmocka_unit_test(without_a_configuration),
		cmocka_unit_test(too_many_members),
		cmocka_unit_test(topics_match_as_mqtt_says),
		cmocka_unit_test(names_come_from_topics),
		cmocka_unit_test(names_that_cannot_be),
	};

	return cmocka_run_group_tests_name("mqtt", tests, NULL, NULL);
}
