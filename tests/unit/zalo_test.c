#include "alerts/zalo.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct message make_message(void)
{
	return (struct message){
		.id = "2abc",
		.revision = 2,
		.rule = "downpour",
		.hazard = HAZARD_RAIN,
		.severity = SEVERITY_EXTREME,
		.station = "HN-CG-01",
		.station_name = "Cầu Giấy",
		.area = "hn-cau-giay",
		.metric = "rain_1h",
		.value = 61.5,
		.unit = "mm",
		.threshold = 50,
		.title = "Mưa rất to tại Cầu Giấy",
		.text = "Lúc 14:35",
		.instruction = "Ở nơi cao",
	};
}

static void test_phones(void **state)
{
	static const char *const good[] = { "0912345678", "84912345678", "+84912345678",
		"912345678", "0912 345 678", "(091) 234-56.78" };
	static const char *const bad[] = { "", "0", "+1 202 555 0100", "091234567",
		"09123456789012345", "0912x45678", "+84", "84", "hotline" };
	char phone[ZALO_PHONE_SIZE];

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		if (!zalo_phone(good[i], phone))
			fail_msg("%s", good[i]);
		assert_string_equal(phone, "84912345678");
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (zalo_phone(bad[i], phone))
			fail_msg("%s is %s", bad[i], phone);
	}
}

static void test_bodies(void **state)
{
	struct zalo_parameter rows[] = {
		{ .name = "khu_vuc", .value = "{station_name}", .max = 30 },
		{ .name = "noi_dung", .value = "{title}", .max = 7 },
		{ .name = "muc", .value = "{value} {unit}", .max = 200 },
	};
	const struct option_list parameters = { .items = rows, .count = 3 };
	const struct option_list none = { .items = NULL };
	struct message message = make_message();
	struct buffer out;

	(void)state;
	buffer_init(&out, 4096);
	zalo_body(&message, "7895417", &parameters, "84912345678", false, false, &out);
	assert_string_equal(buffer_text(&out),
		"{\"phone\":\"84912345678\",\"template_id\":\"7895417\","
		"\"template_data\":{\"khu_vuc\":\"Cầu Giấy\",\"noi_dung\":\"Mưa rất\","
		"\"muc\":\"61.5 mm\"},\"tracking_id\":\"2abc-2\"}");
	buffer_clear(&out);
	zalo_body(&message, "7895417", &none, "5556667778889", true, true, &out);
	assert_string_equal(buffer_text(&out),
		"{\"mode\":\"development\",\"user_id\":\"5556667778889\","
		"\"template_id\":\"7895417\",\"template_data\":{},\"tracking_id\":\"2abc-2\"}");
	buffer_free(&out);
}

static void test_answers(void **state)
{
	static const struct {
		int status;
		const char *body;
		enum outcome outcome;
		enum zalo_blame blame;
		int64_t wait;
	} rows[] = {
		{ 200, "{\"error\":0,\"message\":\"Success\",\"data\":{\"msg_id\":\"x\"}}",
			OUTCOME_DONE, ZALO_ACCOUNT, -1 },
		{ 200, "{\"error\":-124,\"message\":\"Access token invalid\"}",
			OUTCOME_HELD, ZALO_TOKEN, -1 },
		{ 200, "{\"error\":-118}", OUTCOME_REFUSED, ZALO_RECIPIENT, -1 },
		{ 200, "{\"error\":-114}", OUTCOME_REFUSED, ZALO_RECIPIENT, -1 },
		{ 200, "{\"error\":-115}", OUTCOME_HELD, ZALO_ACCOUNT, -1 },
		{ 200, "{\"error\":-131}", OUTCOME_HELD, ZALO_ACCOUNT, -1 },
		{ 200, "{\"error\":-130}", OUTCOME_REFUSED, ZALO_MESSAGE, -1 },
		{ 200, "{\"error\":-133}", OUTCOME_RETRY, ZALO_ACCOUNT, 1800000 },
		{ 200, "{\"error\":-144}", OUTCOME_RETRY, ZALO_ACCOUNT, 3600000 },
		{ 200, "{\"error\":-100}", OUTCOME_RETRY, ZALO_RECIPIENT, -1 },
		{ 200, "{\"error\":-9999}", OUTCOME_RETRY, ZALO_ACCOUNT, -1 },
		{ 200, "{}", OUTCOME_RETRY, ZALO_ACCOUNT, -1 },
		{ 200, "<html>", OUTCOME_RETRY, ZALO_ACCOUNT, -1 },
		{ 200, "{\"error\":\"0\"}", OUTCOME_RETRY, ZALO_ACCOUNT, -1 },
		{ 400, "", OUTCOME_REFUSED, ZALO_MESSAGE, -1 },
		{ 403, "", OUTCOME_HELD, ZALO_ACCOUNT, -1 },
		{ 503, "", OUTCOME_RETRY, ZALO_ACCOUNT, -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct answer answer = { .outcome = answer_outcome(rows[i].status),
			.status = rows[i].status,
			.retry_after_ms = -1 };
		struct buffer body;

		buffer_init(&body, 1024);
		buffer_puts(&body, rows[i].body);
		enum zalo_blame blame = zalo_judge(&answer, &body);
		if (answer.outcome != rows[i].outcome || blame != rows[i].blame ||
			answer.retry_after_ms != rows[i].wait)
			fail_msg("row %zu: %s, blame %d, %lld ms", i,
				outcome_name(answer.outcome), blame,
				(long long)answer.retry_after_ms);
		buffer_free(&body);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_phones),
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_answers),
	};

	return cmocka_run_group_tests_name("zalo", tests, NULL, NULL);
}
