#include "alerts/telegram.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "alerts/gotify.h"

static struct message make_message(void)
{
	return (struct message){
		.id = "2abc",
		.revision = 1,
		.rule = "bad-air",
		.hazard = HAZARD_AIR,
		.severity = SEVERITY_EXTREME,
		.station = "S",
		.value = 1,
		.threshold = NAN,
		.language = "vi",
		.title = "Bụi < 2,5 & \"mịn\"",
		.text = "Lúc 14:35 > ngưỡng",
		.instruction = "Đóng cửa sổ",
	};
}

static void body_is(
	const struct message *message, bool as_html, int64_t reply_to, const char *wanted)
{
	struct buffer out;

	buffer_init(&out, 16384);
	telegram_body(message, "@hanoi_air", as_html, reply_to, &out);
	assert_string_equal(buffer_text(&out), wanted);
	buffer_free(&out);
}

static void test_bodies(void **state)
{
	struct message message = make_message();

	(void)state;
	body_is(&message, true, 0,
		"{\"chat_id\":\"@hanoi_air\",\"text\":\"<b>Bụi &lt; 2,5 &amp; \\\"mịn\\\"</b>\\u000a"
		"Lúc 14:35 &gt; ngưỡng\\u000aĐóng cửa sổ\",\"parse_mode\":\"HTML\","
		"\"disable_notification\":false,\"link_preview_options\":{\"is_disabled\":true}}");
	message.resolved = true;
	body_is(&message, false, 1234567890123,
		"{\"chat_id\":\"@hanoi_air\",\"text\":\"Bụi < 2,5 & \\\"mịn\\\"\\u000a"
		"Lúc 14:35 > ngưỡng\\u000aĐóng cửa sổ\","
		"\"disable_notification\":true,\"link_preview_options\":{\"is_disabled\":true},"
		"\"reply_parameters\":{\"message_id\":1234567890123,"
		"\"allow_sending_without_reply\":true}}");
}

static void test_tokens(void **state)
{
	static const char *const bad[] = { "", "123", "123:", ":abc", "a:b", "123:a/b",
		"123:a?b", "123:a b", "123:a%2f", "123:ạ" };

	(void)state;
	assert_true(telegram_is_token("123456:ABC-DEF1234ghIkl_zyx57W2v1u123ew11"));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (telegram_is_token(bad[i]))
			fail_msg("%s", bad[i]);
	}
}

static void test_answers(void **state)
{
	static const struct {
		int status;
		const char *body;
		enum outcome outcome;
		int64_t wait;
	} rows[] = {
		{ 200, "{\"ok\":true,\"result\":{\"message_id\":42}}", OUTCOME_DONE, -1 },
		{ 400, "{\"ok\":false,\"description\":\"Bad Request: chat not found\"}",
			OUTCOME_HELD, -1 },
		{ 400, "{\"ok\":false,\"description\":\"Bad Request: can't parse entities\"}",
			OUTCOME_REFUSED, -1 },
		{ 401, "{\"ok\":false,\"description\":\"Unauthorized\"}", OUTCOME_HELD,
			-1 },
		{ 403, "{\"ok\":false,\"description\":\"Forbidden: bot was kicked\"}",
			OUTCOME_HELD, -1 },
		{ 404, "{\"ok\":false,\"description\":\"Not Found\"}", OUTCOME_HELD, -1 },
		{ 429, "{\"ok\":false,\"parameters\":{\"retry_after\":33}}",
			OUTCOME_RETRY, 33000 },
		{ 429, "{\"ok\":false,\"parameters\":{\"retry_after\":1e300}}",
			OUTCOME_RETRY, 86400000 },
		{ 429, "<html>", OUTCOME_RETRY, -1 },
		{ 502, "<html>", OUTCOME_RETRY, -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct answer answer = { .outcome = answer_outcome(rows[i].status),
			.status = rows[i].status,
			.retry_after_ms = -1 };
		struct buffer body;

		buffer_init(&body, 1024);
		buffer_puts(&body, rows[i].body);
		telegram_judge(&answer, &body);
		if (answer.outcome != rows[i].outcome ||
			answer.retry_after_ms != rows[i].wait)
			fail_msg("row %zu: %s, %lld", i, outcome_name(answer.outcome),
				(long long)answer.retry_after_ms);
		assert_int_equal(telegram_message_id(&body), i == 0 ? 42 : 0);
		buffer_free(&body);
	}
}

static void test_gotify(void **state)
{
	struct message message = make_message();
	struct buffer out;

	(void)state;
	buffer_init(&out, 4096);
	gotify_body(&message, "https://hn.example/", &out);
	assert_string_equal(buffer_text(&out),
		"{\"title\":\"Bụi < 2,5 & \\\"mịn\\\"\","
		"\"message\":\"Lúc 14:35 > ngưỡng\\u000aĐóng cửa sổ\",\"priority\":10,"
		"\"extras\":{\"client::display\":{\"contentType\":\"text/plain\"},"
		"\"client::notification\":{\"click\":{\"url\":\"https://hn.example/\"}},"
		"\"muabui::alert\":{\"id\":\"2abc\",\"revision\":1,\"state\":\"firing\"}}}");
	message.resolved = true;
	buffer_clear(&out);
	gotify_body(&message, NULL, &out);
	assert_non_null(strstr(buffer_text(&out), "\"priority\":2,"));
	assert_null(strstr(buffer_text(&out), "client::notification"));
	buffer_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_gotify),
	};

	return cmocka_run_group_tests_name("telegram and gotify", tests, NULL, NULL);
}
