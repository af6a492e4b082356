#include "alerts/message.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/utf8.h"

static struct message make_message(void)
{
	return (struct message){
		.id = "2abc",
		.revision = 3,
		.rule = "bad-air",
		.hazard = HAZARD_AIR,
		.severity = SEVERITY_SEVERE,
		.station = "HN-CG-01",
		.station_name = "Cầu Giấy",
		.area = "hn-cau-giay",
		.metric = "pm25",
		.unit = "µg/m³",
		.value = 165.3,
		.threshold = 150,
		.since_ms = 1795332000000,
		.at_ms = 1795332900500,
		.expires_ms = 1795340100000,
		.language = "vi",
		.title = "Bụi \"PM2.5\"\n",
		.text = "t",
		.instruction = "i",
	};
}

static const char expected[] =
	"{\"id\":\"2abc\",\"revision\":3,\"state\":\"firing\",\"rule\":\"bad-air\","
	"\"hazard\":\"air\",\"severity\":\"severe\",\"station\":\"HN-CG-01\","
	"\"station_name\":\"Cầu Giấy\",\"area\":\"hn-cau-giay\",\"metric\":\"pm25\","
	"\"value\":165.3,\"unit\":\"µg/m³\",\"threshold\":150,"
	"\"since\":\"2026-11-22T14:20:00+07:00\",\"at\":\"2026-11-22T14:35:00.500+07:00\","
	"\"expires\":\"2026-11-22T16:35:00+07:00\",\"title\":\"Bụi \\\"PM2.5\\\"\\u000a\","
	"\"text\":\"t\",\"instruction\":\"i\",\"language\":\"vi\"}";

static void test_json_to_the_letter(void **unused)
{
	struct message message = make_message();
	struct buffer out;

	(void)unused;
	buffer_init(&out, OUTBOX_BODY_MAX);
	message_to_json(&message, &out);
	assert_string_equal(buffer_text(&out), expected);
	buffer_free(&out);
}

static void test_back_and_forth(void **unused)
{
	struct message message = make_message(), back;
	struct buffer first, second;

	(void)unused;
	message.resolved = true;
	message.test = true;
	message.value = message.threshold = NAN;
	message.metric[0] = message.unit[0] = '\0';
	buffer_init(&first, OUTBOX_BODY_MAX);
	buffer_init(&second, OUTBOX_BODY_MAX);
	message_to_json(&message, &first);
	assert_non_null(strstr(first.data, "\"state\":\"resolved\""));
	assert_non_null(
		strstr(first.data, "\"value\":null,\"unit\":null,\"threshold\":null"));
	assert_true(message_from_json(&back, first.data));
	assert_true(back.resolved && back.test && isnan(back.value));
	assert_int_equal(back.revision, 3);
	assert_int_equal(back.at_ms, message.at_ms);
	message_to_json(&back, &second);
	assert_string_equal(first.data, second.data);
	buffer_free(&first);
	buffer_free(&second);
}

/* The expected text with OLD replaced by NEW. */
static bool parses_with(const char *old, const char *new)
{
	char text[2048];
	struct message message;
	const char *at = strstr(expected, old);

	assert_non_null(at);
	snprintf(text, sizeof text, "%.*s%s%s", (int)(at - expected), expected, new,
		at + strlen(old));
	return message_from_json(&message, text);
}

static void test_refuses_what_is_no_message(void **unused)
{
	struct message message;

	(void)unused;
	assert_true(parses_with("\"t\"", "\"t\""));
	assert_false(parses_with("\"revision\":3", "\"revision\":0"));
	assert_false(parses_with("\"revision\":3", "\"revision\":\"3\""));
	assert_false(parses_with("\"revision\":3,", ""));
	assert_false(parses_with("\"firing\"", "\"burning\""));
	assert_false(parses_with("\"severe\"", "\"awful\""));
	assert_false(parses_with("\"air\"", "\"fire\""));
	assert_false(parses_with("\"2abc\"", "\"\""));
	assert_false(parses_with("\"2abc\"", "7"));
	assert_false(
		parses_with("\"2abc\"", "\"0123456789012345678901234567890123456789\""));
	assert_false(parses_with("165.3", "true"));
	assert_false(parses_with("165.3", "1e999"));
	assert_false(parses_with("14:20:00+07:00", "14:20:00"));
	assert_false(parses_with("}", ""));
	assert_false(message_from_json(&message, ""));
	assert_false(message_from_json(&message, "[]"));
	assert_false(message_from_json(&message, "null"));
}

static void test_expand(void **unused)
{
	struct message message = make_message();
	struct buffer out;

	(void)unused;
	buffer_init(&out, 1000);
	message_expand(&message, "{area}.{hazard}", true, &out);
	assert_string_equal(buffer_text(&out), "hn-cau-giay.air");
	buffer_clear(&out);
	snprintf(message.station, sizeof message.station, "Cầu/Giấy");
	message_expand(&message, "{station} {what}", true, &out);
	assert_string_equal(buffer_text(&out), "C-u-Gi-y--what-");
	buffer_clear(&out);
	message_expand(&message, "{station} {metric}={value} {unit} {severity} {time} {x",
		false, &out);
	assert_string_equal(buffer_text(&out),
		"Cầu/Giấy pm25=165.3 µg/m³ severe 2026-11-22T14:35:00.500+07:00 {x");
	buffer_clear(&out);
	message.value = NAN;
	message_expand(&message, "[{value}]", false, &out);
	assert_string_equal(buffer_text(&out), "[]");
	buffer_free(&out);
}

static void body_is(const struct message *message, size_t most, const char *wanted)
{
	struct buffer out;

	buffer_init(&out, 4096);
	message_body(message, most, &out);
	assert_string_equal(buffer_text(&out), wanted);
	assert_true(out.length <= most);
	buffer_free(&out);
}

static void test_body_is_cut_between_characters(void **state)
{
	struct message message = make_message();

	(void)state;
	snprintf(message.text, sizeof message.text, "ầầầầ"); /* 12 bytes */
	snprintf(message.instruction, sizeof message.instruction, "ởởởở");
	body_is(&message, 25, "ầầầầ\nởởởở");
	body_is(&message, 24, "ầầầầ\nởở…");
	body_is(&message, 22, "ầầ…\nởở…");
	body_is(&message, 16, "ầ…\nở…");
	body_is(&message, 4, "\n");
	body_is(&message, 0, "");
	/* Each gives the other what it does not need. */
	snprintf(message.instruction, sizeof message.instruction, "ở");
	body_is(&message, 14, "ầầ…\nở");
	snprintf(message.text, sizeof message.text, "ầ");
	snprintf(message.instruction, sizeof message.instruction, "ởởởở");
	body_is(&message, 14, "ầ\nởở…");
	message.text[0] = '\0';
	body_is(&message, 14, "ởởởở");
	body_is(&message, 11, "ởở…");
}

/* The longest texts there are, cut to every length: always whole characters. */
static void test_body_at_every_length(void **state)
{
	struct message message = make_message();
	struct buffer out;

	(void)state;
	for (size_t i = 0; i + 4 <= sizeof message.text; i += 3) {
		memcpy(message.text + i, "ặ", 4);
		memcpy(message.instruction + i, "ễ", 4);
	}
	buffer_init(&out, 4096);
	for (size_t most = 0; most < 2100; most++) {
		buffer_clear(&out);
		message_body(&message, most, &out);
		assert_true(out.length <= most);
		if (most < 2050 ? out.length + 8 <= most : out.length < 2000)
			fail_msg("%zu of %zu", out.length, most);
		assert_true(utf8_is_valid(buffer_text(&out), out.length));
	}
	buffer_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json_to_the_letter),
		cmocka_unit_test(test_back_and_forth),
		cmocka_unit_test(test_refuses_what_is_no_message),
		cmocka_unit_test(test_expand),
		cmocka_unit_test(test_body_is_cut_between_characters),
		cmocka_unit_test(test_body_at_every_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
