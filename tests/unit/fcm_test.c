#include "alerts/fcm.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <cjson/cJSON.h>

#include "core/utf8.h"

enum { NOW_S = 1795300000 };
static const int64_t now_ms = NOW_S * INT64_C(1000);

static const struct fcm_look plain = { .channel_id = "{hazard}", .click = "" };

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
		.since_ms = now_ms - 60000,
		.at_ms = now_ms,
		.expires_ms = now_ms + 3600 * 1000,
		.language = "vi",
		.title = "Bụi mịn cao tại Cầu Giấy",
		.text = "Lúc 14:35: \"PM2.5\" 165,3 µg/m³",
		.instruction = "Đóng cửa sổ.",
	};
}

static void test_body_to_the_letter(void **state)
{
	static const char wanted[] =
		"{\"validateOnly\":false,\"message\":{\"topic\":\"hn-cau-giay.air\","
		"\"notification\":{\"title\":\"Bụi mịn cao tại Cầu Giấy\","
		"\"body\":\"Lúc 14:35: \\\"PM2.5\\\" 165,3 µg/m³\\u000aĐóng cửa sổ.\"},"
		"\"data\":{\"id\":\"2abc\",\"revision\":\"3\",\"state\":\"firing\",\"hazard\":\"air\","
		"\"severity\":\"severe\",\"station\":\"HN-CG-01\",\"area\":\"hn-cau-giay\","
		"\"metric\":\"pm25\",\"value\":\"165.3\",\"at\":\"2026-11-22T05:26:40+07:00\","
		"\"expires\":\"2026-11-22T06:26:40+07:00\"},"
		"\"android\":{\"collapseKey\":\"2abc\",\"priority\":\"HIGH\",\"ttl\":\"3600s\","
		"\"notification\":{\"tag\":\"2abc\",\"channelId\":\"air\","
		"\"notificationPriority\":\"PRIORITY_HIGH\",\"visibility\":\"PUBLIC\","
		"\"eventTime\":\"2026-11-22T05:26:40+07:00\"}},"
		"\"apns\":{\"headers\":{\"apns-push-type\":\"alert\",\"apns-priority\":\"10\","
		"\"apns-expiration\":\"1795303600\",\"apns-collapse-id\":\"2abc\"},"
		"\"payload\":{\"aps\":{\"thread-id\":\"hn-cau-giay.air\","
		"\"interruption-level\":\"time-sensitive\",\"sound\":\"default\"}}},"
		"\"webpush\":{\"headers\":{\"TTL\":\"3600\",\"Urgency\":\"high\",\"Topic\":\"2abc\"},"
		"\"notification\":{\"tag\":\"2abc\",\"lang\":\"vi\"}}}}";
	struct message message = make_message();
	struct buffer out;

	(void)state;
	buffer_init(&out, 8192);
	assert_true(fcm_body(&message, "hn-cau-giay.air", NULL, &plain, now_ms, &out));
	assert_string_equal(buffer_text(&out), wanted);
	buffer_free(&out);
}

static cJSON *body_of(const struct message *message, const char *topic, const char *token,
	const struct fcm_look *look)
{
	struct buffer out;

	buffer_init(&out, 16384);
	assert_true(fcm_body(message, topic, token, look, now_ms, &out));
	assert_true(utf8_is_valid(buffer_text(&out), out.length));
	cJSON *root = cJSON_Parse(buffer_text(&out));
	assert_non_null(root);
	buffer_free(&out);
	return root;
}

/* The text at PATH, "a/b/c". */
static const char *text_at(const cJSON *root, const char *path)
{
	char copy[128], *rest = copy, *key;

	snprintf(copy, sizeof copy, "%s", path);
	while ((key = strsep(&rest, "/")))
		root = cJSON_GetObjectItemCaseSensitive(root, key);
	return cJSON_IsString(root) ? root->valuestring : NULL;
}

static void test_all_clear_is_quiet(void **state)
{
	struct message message = make_message();

	(void)state;
	message.resolved = true;
	message.severity = SEVERITY_EXTREME;
	cJSON *root = body_of(&message, "t", NULL, &plain);
	assert_string_equal(text_at(root, "message/android/priority"), "NORMAL");
	assert_string_equal(text_at(root, "message/apns/headers/apns-priority"), "5");
	assert_string_equal(
		text_at(root, "message/apns/payload/aps/interruption-level"), "passive");
	assert_null(text_at(root, "message/apns/payload/aps/sound"));
	assert_string_equal(text_at(root, "message/webpush/headers/Urgency"), "low");
	assert_string_equal(text_at(root, "message/data/state"), "resolved");
	cJSON_Delete(root);
}

static void test_looks(void **state)
{
	const struct fcm_look look = { .channel_id = "",
		.click = "https://hn.example/",
		.may_be_critical = true,
		.dry_run = true };
	struct message message = make_message();

	(void)state;
	message.severity = SEVERITY_EXTREME;
	cJSON *root = body_of(&message, NULL, "token", &look);
	assert_true(cJSON_IsTrue(cJSON_GetObjectItem(root, "validateOnly")));
	assert_string_equal(text_at(root, "message/token"), "token");
	assert_null(text_at(root, "message/topic"));
	assert_null(text_at(root, "message/android/notification/channelId"));
	assert_string_equal(
		text_at(root, "message/apns/payload/aps/interruption-level"), "critical");
	assert_string_equal(
		text_at(root, "message/webpush/fcmOptions/link"), "https://hn.example/");
	cJSON_Delete(root);
	message.test = true;
	root = body_of(&message, "t", NULL, &plain);
	assert_true(cJSON_IsTrue(cJSON_GetObjectItem(root, "validateOnly")));
	cJSON_Delete(root);
}

/* How long "message" is in the JSON. */
static size_t size_of(const struct message *message, const char *topic, const char *token)
{
	static const char head[] = "{\"validateOnly\":false,\"message\":";
	struct buffer out;

	buffer_init(&out, 16384);
	assert_true(fcm_body(message, topic, token, &plain, now_ms, &out));
	assert_true(utf8_is_valid(buffer_text(&out), out.length));
	size_t length = out.length - (sizeof head - 1) - 1;
	buffer_free(&out);
	return length;
}

static void test_long_texts_fit(void **state)
{
	struct message message = make_message();

	(void)state;
	for (size_t i = 0; i + 4 <= sizeof message.text; i += 3) {
		memcpy(message.text + i, "ặ", 4);
		memcpy(message.instruction + i, "ễ", 4);
	}
	size_t length = size_of(&message, "t", NULL);
	assert_true(
		length < FCM_TOPIC_MESSAGE_MAX && length > FCM_TOPIC_MESSAGE_MAX - 24);
	length = size_of(&message, NULL, "t");
	assert_true(length < FCM_TOKEN_MESSAGE_MAX && length > 2900); /* whole */

	/* The essential stays: title, what it is about, the beginning of both texts. */
	cJSON *root = body_of(&message, "t", NULL, &plain);
	assert_string_equal(text_at(root, "message/notification/title"), message.title);
	assert_string_equal(text_at(root, "message/data/id"), "2abc");
	const char *body = text_at(root, "message/notification/body");
	assert_memory_equal(body, "ặặặ", 9);
	assert_non_null(strstr(body, "…\nễễễ"));
	cJSON_Delete(root);
}

/* Quotes double in JSON, control characters take six bytes. */
static void test_escapes_fit(void **state)
{
	struct message message = make_message();

	(void)state;
	memset(message.title, '"', sizeof message.title - 1);
	memset(message.text, '\x01', sizeof message.text - 1);
	memset(message.instruction, '"', sizeof message.instruction - 1);
	assert_true(size_of(&message, "t", NULL) < FCM_TOPIC_MESSAGE_MAX);
}

static void test_what_never_fits_is_said(void **state)
{
	struct message message = make_message();
	struct buffer out;

	(void)state;
	memset(message.title, '\x01', sizeof message.title - 1);
	buffer_init(&out, 16384);
	assert_false(fcm_body(&message, "t", NULL, &plain, now_ms, &out));
	buffer_free(&out);
}

static void test_ttl_has_bounds(void **state)
{
	struct message message = make_message();

	(void)state;
	message.expires_ms = now_ms - 1;
	cJSON *root = body_of(&message, "t", NULL, &plain);
	assert_string_equal(text_at(root, "message/android/ttl"), "1s");
	cJSON_Delete(root);
	message.expires_ms = now_ms + INT64_C(90) * 86400 * 1000;
	root = body_of(&message, "t", NULL, &plain);
	assert_string_equal(text_at(root, "message/android/ttl"), "2419200s");
	cJSON_Delete(root);
}

static void test_topics(void **state)
{
	struct message message = make_message();
	struct buffer out;

	(void)state;
	buffer_init(&out, 4096);
	assert_true(fcm_topic(&message, "{area}.{hazard}", "city.{hazard}", &out));
	assert_string_equal(buffer_text(&out), "hn-cau-giay.air");
	buffer_clear(&out);
	message.area[0] = '\0';
	assert_true(fcm_topic(&message, "{area}.{hazard}", "city.{hazard}", &out));
	assert_string_equal(buffer_text(&out), "city.air");
	buffer_clear(&out);
	assert_false(fcm_topic(&message, "{area}.{hazard}", "", &out));
	buffer_clear(&out);
	snprintf(message.area, sizeof message.area, "Cầu Giấy/1");
	assert_true(fcm_topic(&message, "{area}", "", &out));
	assert_string_equal(buffer_text(&out), "C-u-Gi-y-1");
	buffer_clear(&out);
	char template[1000];
	memset(template, 'a', sizeof template);
	template[FCM_TOPIC_MAX] = '\0';
	assert_true(fcm_topic(&message, template, "", &out));
	buffer_clear(&out);
	template[FCM_TOPIC_MAX] = 'a';
	template[FCM_TOPIC_MAX + 1] = '\0';
	assert_false(fcm_topic(&message, template, "", &out));
	buffer_free(&out);
}

#define FCM_ERROR(code)                                                                       \
	"{\"error\":{\"code\":0,\"message\":\"no\",\"status\":\"X\",\"details\":[{\"@type\":" \
	"\"type.googleapis.com/google.firebase.fcm.v1.FcmError\",\"errorCode\":\"" code       \
	"\"}]}}"
#define STATUS(code) "{\"error\":{\"code\":0,\"message\":\"no\",\"status\":\"" code "\"}}"
#define FIELD(name)                                                                                \
	"{\"error\":{\"message\":\"bad\",\"status\":\"INVALID_ARGUMENT\",\"details\":[{\"@type\":" \
	"\"type.googleapis.com/google.rpc.BadRequest\",\"fieldViolations\":[{\"field\":\"" name    \
	"\",\"description\":\"bad\"}]}]}}"

static void test_error_table(void **state)
{
	static const struct {
		int status;
		const char *body;
		int64_t asked; /* Retry-After */
		enum outcome topic, token;
		bool is_dead;
		int64_t wait;
		const char *reason;
	} rows[] = {
		{ 400, FCM_ERROR("INVALID_ARGUMENT"), -1, OUTCOME_REFUSED,
			OUTCOME_REFUSED, true, -1, "[INVALID_ARGUMENT]" },
		{ 400, FIELD("message.token"), -1, OUTCOME_REFUSED, OUTCOME_REFUSED, true,
			-1, "in message.token" },
		{ 400, FIELD("message.data[0].value"), -1, OUTCOME_REFUSED,
			OUTCOME_REFUSED, false, -1, "in message.data[0].value" },
		{ 400, "<html>", -1, OUTCOME_REFUSED, OUTCOME_REFUSED, false, -1, "400" },
		{ 401, FCM_ERROR("THIRD_PARTY_AUTH_ERROR"), -1, OUTCOME_HELD,
			OUTCOME_HELD, false, -1, "APNs" },
		{ 401, STATUS("UNAUTHENTICATED"), -1, OUTCOME_HELD, OUTCOME_HELD, false,
			-1, "access token" },
		{ 403, FCM_ERROR("SENDER_ID_MISMATCH"), -1, OUTCOME_HELD, OUTCOME_HELD,
			false, -1, "another project" },
		{ 403, STATUS("PERMISSION_DENIED"), -1, OUTCOME_HELD, OUTCOME_HELD, false,
			-1, "may not send" },
		{ 404, FCM_ERROR("UNREGISTERED"), -1, OUTCOME_HELD, OUTCOME_REFUSED, true,
			-1, "UNREGISTERED" },
		{ 404, FCM_ERROR("UNREGISTERED_FID"), -1, OUTCOME_HELD, OUTCOME_REFUSED,
			true, -1, "UNREGISTERED_FID" },
		{ 404, STATUS("NOT_FOUND"), -1, OUTCOME_HELD, OUTCOME_HELD, false, -1,
			"NOT_FOUND" },
		{ 429, FCM_ERROR("QUOTA_EXCEEDED"), -1, OUTCOME_RETRY, OUTCOME_RETRY,
			false, 60000, "QUOTA" },
		{ 429, STATUS("RESOURCE_EXHAUSTED"), 120000, OUTCOME_RETRY, OUTCOME_RETRY,
			false, 120000, "" },
		{ 429, "", 5000, OUTCOME_RETRY, OUTCOME_RETRY, false, 5000, "429" },
		{ 500, FCM_ERROR("INTERNAL"), -1, OUTCOME_RETRY, OUTCOME_RETRY, false,
			10000, "INTERNAL" },
		{ 503, FCM_ERROR("UNAVAILABLE"), 30000, OUTCOME_RETRY, OUTCOME_RETRY,
			false, 30000, "" },
		{ 503, "", -1, OUTCOME_RETRY, OUTCOME_RETRY, false, 10000, "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		for (int to_token = 0; to_token < 2; to_token++) {
			struct answer answer = { .outcome =
							 answer_outcome(rows[i].status),
				.status = rows[i].status,
				.retry_after_ms = rows[i].asked };
			struct buffer body;
			bool is_dead;

			snprintf(answer.reason, sizeof answer.reason, "HTTP %d",
				rows[i].status);
			buffer_init(&body, 4096);
			buffer_puts(&body, rows[i].body);
			fcm_judge(&answer, &body, to_token, &is_dead);
			buffer_free(&body);
			if (answer.outcome !=
					(to_token ? rows[i].token : rows[i].topic) ||
				is_dead != (to_token && rows[i].is_dead) ||
				answer.retry_after_ms != rows[i].wait ||
				!strstr(answer.reason, rows[i].reason))
				fail_msg("row %zu, to_token %d: %s, dead %d, %lld ms, %s",
					i, to_token, outcome_name(answer.outcome),
					is_dead, (long long)answer.retry_after_ms,
					answer.reason);
		}
	}
}

/* No answer at all: later, and not at once. */
static void test_silence(void **state)
{
	struct answer answer = { .outcome = OUTCOME_RETRY,
		.retry_after_ms = -1,
		.maybe_taken = true,
		.reason = "timed out" };
	struct buffer body;
	bool is_dead;

	(void)state;
	buffer_init(&body, 16);
	fcm_judge(&answer, &body, false, &is_dead);
	assert_int_equal(answer.outcome, OUTCOME_RETRY);
	assert_int_equal(answer.retry_after_ms, 10000);
	assert_string_equal(answer.reason, "timed out");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_body_to_the_letter),
		cmocka_unit_test(test_all_clear_is_quiet),
		cmocka_unit_test(test_looks),
		cmocka_unit_test(test_long_texts_fit),
		cmocka_unit_test(test_escapes_fit),
		cmocka_unit_test(test_what_never_fits_is_said),
		cmocka_unit_test(test_ttl_has_bounds),
		cmocka_unit_test(test_topics),
		cmocka_unit_test(test_error_table),
		cmocka_unit_test(test_silence),
	};

	return cmocka_run_group_tests_name("fcm", tests, NULL, NULL);
}
