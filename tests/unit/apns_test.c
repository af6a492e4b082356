#include "alerts/apns.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "alerts/apns_token.h"
#include "core/clock.h"
#include "core/utf8.h"

static struct message make_message(void)
{
	return (struct message){
		.id = "2abc",
		.revision = 3,
		.rule = "downpour",
		.hazard = HAZARD_RAIN,
		.severity = SEVERITY_EXTREME,
		.station = "HN-CG-01",
		.area = "hn-cau-giay",
		.metric = "rain_1h",
		.value = NAN,
		.threshold = 50,
		.at_ms = INT64_C(1795300000000),
		.expires_ms = INT64_C(1795303600000),
		.language = "vi",
		.title = "Mưa rất to tại Cầu Giấy",
		.text = "Lúc 14:35",
		.instruction = "Ở nơi cao",
	};
}

static void test_id_is_stable(void **state)
{
	struct message message = make_message();
	char one[APNS_UUID_SIZE], two[APNS_UUID_SIZE];

	(void)state;
	/* uuid.uuid5(uuid.UUID("6d756162-7569-4e1d-9c53-0ae4771f28b6"), "2abc/3") */
	apns_id(&message, one);
	assert_string_equal(one, "e578e401-ecba-5637-a800-589acd08e259");
	snprintf(message.title, sizeof message.title, "other words");
	apns_id(&message, two);
	assert_string_equal(one, two);
	message.revision = 4;
	apns_id(&message, two);
	assert_string_not_equal(one, two);
}

static void test_payload_to_the_letter(void **state)
{
	struct message message = make_message();
	struct buffer out;

	(void)state;
	buffer_init(&out, 16384);
	assert_true(apns_payload(&message, false, &out));
	assert_string_equal(buffer_text(&out),
		"{\"aps\":{\"alert\":{\"title\":\"Mưa rất to tại Cầu Giấy\","
		"\"body\":\"Lúc 14:35\\u000aỞ nơi cao\"},\"thread-id\":\"hn-cau-giay.rain\","
		"\"interruption-level\":\"time-sensitive\",\"sound\":\"default\"},"
		"\"id\":\"2abc\",\"revision\":\"3\",\"state\":\"firing\",\"hazard\":\"rain\","
		"\"severity\":\"extreme\",\"station\":\"HN-CG-01\",\"area\":\"hn-cau-giay\","
		"\"metric\":\"rain_1h\",\"value\":\"\",\"at\":\"2026-11-22T05:26:40+07:00\","
		"\"expires\":\"2026-11-22T06:26:40+07:00\"}");
	assert_true(apns_payload(&message, true, &out));
	assert_non_null(strstr(buffer_text(&out),
		"\"interruption-level\":\"critical\",\"sound\":{\"critical\":1,\"name\":\"default\",\"volume\":1}"));
	buffer_free(&out);
}

static void test_levels(void **state)
{
	static const struct {
		enum severity severity;
		bool resolved, test;
		const char *level;
	} rows[] = {
		{ SEVERITY_MINOR, false, false, "active" },
		{ SEVERITY_MODERATE, false, false, "active" },
		{ SEVERITY_SEVERE, false, false, "time-sensitive" },
		{ SEVERITY_EXTREME, false, false, "critical" },
		{ SEVERITY_EXTREME, true, false, "passive" },
		{ SEVERITY_EXTREME, false, true, "active" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct message message = make_message();
		struct buffer out;
		char wanted[64];

		message.severity = rows[i].severity;
		message.resolved = rows[i].resolved;
		message.test = rows[i].test;
		buffer_init(&out, 16384);
		assert_true(apns_payload(&message, true, &out));
		snprintf(wanted, sizeof wanted, "\"interruption-level\":\"%s\"",
			rows[i].level);
		if (!strstr(buffer_text(&out), wanted))
			fail_msg("row %zu", i);
		assert_int_equal(!rows[i].resolved,
			strstr(buffer_text(&out), "\"sound\"") != NULL);
		buffer_free(&out);
	}
}

static void test_long_texts_fit(void **state)
{
	struct message message = make_message();
	struct buffer out;

	(void)state;
	memset(message.text, '\x01', sizeof message.text - 1);
	for (size_t i = 0; i + 4 <= sizeof message.instruction; i += 3)
		memcpy(message.instruction + i, "ễ", 4);
	buffer_init(&out, 16384);
	assert_true(apns_payload(&message, false, &out));
	assert_true(out.length <= 4096);
	assert_true(utf8_is_valid(buffer_text(&out), out.length));
	buffer_free(&out);
}

static void test_answers(void **state)
{
	static const struct {
		int status;
		const char *reason;
		enum outcome outcome;
		enum apns_blame blame;
	} rows[] = {
		{ 400, "BadDeviceToken", OUTCOME_REFUSED, APNS_DEVICE },
		{ 400, "DeviceTokenNotForTopic", OUTCOME_REFUSED, APNS_DEVICE },
		{ 400, "BadTopic", OUTCOME_HELD, APNS_SERVICE },
		{ 400, "TopicDisallowed", OUTCOME_HELD, APNS_SERVICE },
		{ 400, "BadCollapseId", OUTCOME_REFUSED, APNS_MESSAGE },
		{ 403, "ExpiredProviderToken", OUTCOME_HELD, APNS_TOKEN },
		{ 403, "InvalidProviderToken", OUTCOME_HELD, APNS_SERVICE },
		{ 404, "BadPath", OUTCOME_HELD, APNS_SERVICE },
		{ 410, "Unregistered", OUTCOME_REFUSED, APNS_DEVICE },
		{ 410, "", OUTCOME_REFUSED, APNS_DEVICE },
		{ 413, "PayloadTooLarge", OUTCOME_REFUSED, APNS_MESSAGE },
		{ 429, "TooManyRequests", OUTCOME_RETRY, APNS_DEVICE },
		{ 429, "TooManyProviderTokenUpdates", OUTCOME_RETRY, APNS_SERVICE },
		{ 500, "InternalServerError", OUTCOME_RETRY, APNS_SERVICE },
		{ 503, "Shutdown", OUTCOME_RETRY, APNS_SERVICE },
		{ 200, "", OUTCOME_DONE, APNS_SERVICE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct answer answer = { .outcome = answer_outcome(rows[i].status),
			.status = rows[i].status };
		struct buffer body;

		buffer_init(&body, 256);
		if (rows[i].reason[0])
			buffer_printf(&body, "{\"reason\":\"%s\"}", rows[i].reason);
		enum apns_blame blame = apns_judge(&answer, &body);
		if (blame != rows[i].blame || answer.outcome != rows[i].outcome)
			fail_msg("row %zu: %s, blame %d", i, outcome_name(answer.outcome),
				blame);
		buffer_free(&body);
	}
}

/* The key pair of RFC 8291, appendix A. */
static const char pem[] =
	"-----BEGIN EC PRIVATE KEY-----\n"
	"MDECAQEEIMn1j4mBPp+Ohy5x9CqmThdXySVNzGK3LdwBC7QEPqEcoAoGCCqGSM49\n"
	"AwEH\n"
	"-----END EC PRIVATE KEY-----\n";

/* Another one, made for this test. */
static const char other_pem[] =
	"-----BEGIN EC PRIVATE KEY-----\n"
	"MHcCAQEEIKw6EF2yLFFKStpwjD+pQtD9yDgxzrRwSG8zsxRyyiKvoAoGCCqGSM49\n"
	"AwEHoUQDQgAE4HKXrLs1JITHbfDu1qHCjjti8MYAwtQOOeG8QyS/Hcx+ZEnY6jP/\n"
	"9UJltJy6LIzV4OlOXIZi5L6ejUXCkFJw6g==\n"
	"-----END EC PRIVATE KEY-----\n";

static void test_provider_token_by_its_age(void **state)
{
	static const struct {
		int minutes;
		bool was_refused, is_given, is_new;
	} rows[] = {
		{ 0, false, true, true },
		{ 1, false, true, false },
		{ 19, true, false, false },
		{ 49, false, true, false },
		{ 50, false, true, true },
		{ 51, true, false, false },
		{ 69, true, false, false },
		{ 70, true, true, true },
		{ 119, false, true, false },
		{ 120, false, true, true },
	};
	char why[128], token[APNS_TOKEN_MAX], last[APNS_TOKEN_MAX] = "";
	const int64_t begin = INT64_C(1795300000000);

	(void)state;
	struct jwt_key *key = jwt_key_load(pem, JWT_ES256, why, sizeof why);
	assert_non_null(key);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int64_t now = rows[i].minutes * INT64_C(60000);

		clock_freeze(begin + now, 5000000 + now);
		bool is_given = apns_token_get(
			"ABC123DEFG", "TEAM456789", key, rows[i].was_refused, token);
		if (is_given != rows[i].is_given ||
			(strcmp(token, last) != 0) != rows[i].is_new)
			fail_msg("after %d minutes", rows[i].minutes);
		memcpy(last, token, sizeof last);
	}
	/* Another key's is another one, and the first one's stays. */
	assert_true(apns_token_get("XYZ123DEFG", "TEAM456789", key, false, token));
	assert_string_not_equal(token, last);
	assert_true(apns_token_get("ABC123DEFG", "TEAM456789", key, false, token));
	assert_string_equal(token, last);
	/* So is a right one in the place of a wrong one, under the same name. */
	struct jwt_key *other = jwt_key_load(other_pem, JWT_ES256, why, sizeof why);
	assert_non_null(other);
	assert_true(apns_token_get("ABC123DEFG", "TEAM456789", other, false, token));
	assert_string_not_equal(token, last);
	jwt_key_free(other);
	/* More keys than there is room for: the oldest goes, nothing else happens. */
	for (int i = 0; i < 20; i++) {
		char id[APNS_KEY_ID_SIZE + 1];

		snprintf(id, sizeof id, "KEY%07d", i);
		assert_true(apns_token_get(id, "TEAM456789", key, false, token));
	}
	jwt_key_free(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_id_is_stable),
		cmocka_unit_test(test_payload_to_the_letter),
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_long_texts_fit),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_provider_token_by_its_age),
	};

	return cmocka_run_group_tests_name("apns", tests, NULL, NULL);
}
