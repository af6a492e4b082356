/* What a push message says, to whom, and where it may be sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <cjson/cJSON.h>
#include <math.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "alerts/push_endpoint.h"
#include "alerts/push_message.h"

/* 2026-11-22T09:30:00+07:00 */
static const int64_t now_ms = 1795314600000;

static struct message make_message(void)
{
	return (struct message){
		.id = "2abcdefghijklmnopqrst",
		.revision = 2,
		.rule = "bad-air",
		.hazard = HAZARD_AIR,
		.severity = SEVERITY_SEVERE,
		.station = "HN-CG-01",
		.area = "hn-cau-giay",
		.metric = "vn_aqi",
		.value = 171,
		.threshold = 150,
		.at_ms = now_ms,
		.expires_ms = now_ms + 3600 * 1000,
		.language = "vi",
		.title = "Không khí xấu tại Cầu Giấy",
		.text = "Lúc 9:30",
		.instruction = "Hạn chế ra ngoài",
	};
}

static struct subscription make_subscription(void)
{
	return (struct subscription){ .quiet_from = -1, .quiet_to = -1 };
}

/* --- payload --------------------------------------------------------- */

static const char *text_of(const cJSON *object, const char *key)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

static void test_payload(void **unused)
{
	struct message message = make_message();
	struct buffer out;

	(void)unused;
	buffer_init(&out, PUSH_PAYLOAD_MAX);
	push_payload(&message, "", &out);
	cJSON *json = cJSON_Parse(buffer_text(&out));
	assert_non_null(json);
	assert_string_equal(text_of(json, "id"), message.id);
	assert_string_equal(text_of(json, "state"), "firing");
	assert_string_equal(text_of(json, "title"), message.title);
	assert_string_equal(text_of(json, "instruction"), message.instruction);
	assert_string_equal(text_of(json, "severity"), "severe");
	assert_string_equal(text_of(json, "hazard"), "air");
	assert_string_equal(text_of(json, "at"), "2026-11-22T09:30:00+07:00");
	assert_string_equal(text_of(json, "expires"), "2026-11-22T10:30:00+07:00");
	assert_true(cJSON_IsNull(cJSON_GetObjectItem(json, "url")));
	assert_null(cJSON_GetObjectItem(json, "web_push"));
	cJSON_Delete(json);
	buffer_free(&out);
}

static void test_declarative(void **unused)
{
	struct message message = make_message();
	struct buffer out;

	(void)unused;
	buffer_init(&out, PUSH_PAYLOAD_MAX);
	message.resolved = true;
	push_payload(&message, "https://air.example/", &out);
	cJSON *json = cJSON_Parse(buffer_text(&out));
	const cJSON *shown = cJSON_GetObjectItem(json, "notification");
	assert_int_equal(cJSON_GetObjectItem(json, "web_push")->valueint, 8030);
	assert_string_equal(text_of(shown, "navigate"), "https://air.example/");
	assert_string_equal(text_of(shown, "body"), "Lúc 9:30\nHạn chế ra ngoài");
	assert_string_equal(text_of(shown, "tag"), message.id);
	assert_true(cJSON_IsTrue(cJSON_GetObjectItem(shown, "silent")));
	assert_string_equal(text_of(json, "url"), "https://air.example/");
	cJSON_Delete(json);

	/* What would be too long with everything said twice says it once. */
	memset(message.text, 'x', 900);
	message.text[900] = '\0';
	buffer_clear(&out);
	push_payload(&message, "https://air.example/", &out);
	assert_true(out.length <= PUSH_PAYLOAD_COMFORT);
	json = cJSON_Parse(buffer_text(&out));
	assert_null(cJSON_GetObjectItem(json, "web_push"));
	assert_string_equal(text_of(json, "text"), message.text);
	cJSON_Delete(json);
	buffer_free(&out);
}

static void test_headers(void **unused)
{
	struct message message = make_message();
	char topic[PUSH_TOPIC_SIZE], again[PUSH_TOPIC_SIZE];

	(void)unused;
	push_topic(&message, topic);
	assert_string_equal(topic, message.id);
	snprintf(message.id, sizeof message.id, "%s", "a/b");
	push_topic(&message, topic);
	assert_int_equal(strlen(topic), 32);
	message.revision = 9;
	push_topic(&message, again);
	assert_string_equal(topic, again);
	snprintf(
		message.id, sizeof message.id, "%s", "123456789012345678901234567890123");
	push_topic(&message, again);
	assert_int_equal(strlen(again), 32);
	assert_string_not_equal(topic, again);

	assert_string_equal(push_urgency(&message), "high");
	message.severity = SEVERITY_MINOR;
	assert_string_equal(push_urgency(&message), "normal");
	message.severity = SEVERITY_EXTREME;
	message.resolved = true;
	assert_string_equal(push_urgency(&message), "normal");

	assert_int_equal(push_ttl_s(&message, now_ms), 3600);
	assert_int_equal(push_ttl_s(&message, now_ms + 3601 * 1000), 0);
	message.expires_ms = now_ms + INT64_C(90) * 24 * 3600 * 1000;
	assert_int_equal(push_ttl_s(&message, now_ms), PUSH_TTL_MAX_S);
}

/* --- who wants it ---------------------------------------------------- */

static void test_levels(void **unused)
{
	struct message message = make_message();
	struct subscription all = make_subscription(), sensitive = make_subscription();

	(void)unused;
	sensitive.sensitive = true;
	assert_true(push_is_wanted(&message, &all, false, now_ms));
	message.severity = SEVERITY_MODERATE;
	message.value = 150;
	assert_false(push_is_wanted(&message, &all, false, now_ms));
	assert_true(push_is_wanted(&message, &all, true, now_ms));
	assert_true(push_is_wanted(&message, &sensitive, false, now_ms));
	message.value = 151;
	assert_true(push_is_wanted(&message, &all, false, now_ms));
	message.severity = SEVERITY_MINOR;
	assert_false(push_is_wanted(&message, &all, false, now_ms));
	assert_true(push_is_wanted(&message, &sensitive, false, now_ms));
	message.severity = SEVERITY_MODERATE;
	snprintf(message.metric, sizeof message.metric, "rain_1h");
	message.value = 60;
	assert_true(push_is_wanted(&message, &all, false, now_ms));
	message.value = NAN;
	snprintf(message.metric, sizeof message.metric, "vn_aqi");
	assert_true(push_is_wanted(&message, &all, false, now_ms));
}

static void set_areas(struct subscription *subscription, const char *areas)
{
	snprintf(subscription->areas, sizeof subscription->areas, "%s", areas);
}

static void test_areas_and_hazards(void **unused)
{
	struct message message = make_message();
	struct subscription some = make_subscription();

	(void)unused;
	set_areas(&some, "\nhn-ba-dinh\nhn-cau-giay\n");
	assert_true(push_is_wanted(&message, &some, false, now_ms));
	set_areas(&some, "\nhn-cau-giay-2\nx-hn-cau-giay\n");
	assert_false(push_is_wanted(&message, &some, false, now_ms));
	set_areas(&some, "\nhn-cau-giay-2\nhn-cau-giay\n");
	assert_true(push_is_wanted(&message, &some, false, now_ms));
	message.area[0] = '\0';
	assert_false(push_is_wanted(&message, &some, false, now_ms));
	set_areas(&some, "");
	assert_true(push_is_wanted(&message, &some, false, now_ms));
	some.hazards = 1u << HAZARD_RAIN | 1u << HAZARD_WATER;
	assert_false(push_is_wanted(&message, &some, false, now_ms));
	some.hazards |= 1u << HAZARD_AIR;
	assert_true(push_is_wanted(&message, &some, false, now_ms));
}

static void test_quiet_hours(void **unused)
{
	struct message message = make_message();
	struct subscription night = make_subscription();
	const int64_t minute = 60 * 1000;

	(void)unused;
	night.quiet_from = 22 * 60;
	night.quiet_to = 9 * 60 + 31; /* it is 9:30 in Ha Noi */
	assert_false(push_is_wanted(&message, &night, false, now_ms));
	assert_false(push_is_wanted(&message, &night, true, now_ms));
	assert_true(push_is_wanted(&message, &night, false, now_ms + minute));
	assert_true(push_is_wanted(&message, &night, false, now_ms + 12 * 60 * minute));
	assert_false(push_is_wanted(
		&message, &night, false, now_ms + (12 * 60 + 30) * minute));
	night.quiet_from = 9 * 60 + 30;
	assert_false(push_is_wanted(&message, &night, false, now_ms));
	assert_true(push_is_wanted(&message, &night, false, now_ms - minute));
	night.quiet_to = night.quiet_from;
	assert_true(push_is_wanted(&message, &night, false, now_ms));
	night.quiet_to = 10 * 60;
	message.severity = SEVERITY_EXTREME;
	assert_true(push_is_wanted(&message, &night, false, now_ms));
}

static void test_all_clear(void **unused)
{
	struct message message = make_message();
	struct subscription one = make_subscription();

	(void)unused;
	message.resolved = true;
	assert_false(push_is_wanted(&message, &one, false, now_ms));
	assert_true(push_is_wanted(&message, &one, true, now_ms));
	one.quiet_from = 0;
	one.quiet_to = 23 * 60;
	assert_true(push_is_wanted(&message, &one, true, now_ms));
}

/* --- where to ------------------------------------------------------------------------
 */

static enum push_reach reach(const char *const *named, const char *endpoint)
{
	const char *values[8];
	struct option_strings hosts = { .values = values };
	char origin[SUBSCRIPTION_ORIGIN_SIZE];

	for (; named && named[hosts.count]; hosts.count++)
		values[hosts.count] = named[hosts.count];
	return push_endpoint_check(&hosts, endpoint, origin);
}

static void test_known_hosts(void **unused)
{
	static const char *const taken[] = {
		"https://fcm.googleapis.com/fcm/send/abc:def",
		"https://FCM.googleapis.com:443/wp/x",
		"https://updates.push.services.mozilla.com/wpush/v2/gAAA-_=?x=1",
		"https://web.push.apple.com/QGuQ",
		"https://wns2-pn1p.notify.windows.com/w/?token=abc%2b",
	};
	static const char *const refused[] = {
		"",
		"x",
		"http://fcm.googleapis.com/x",
		"https://fcm.googleapis.com:8443/x",
		"https://push.apple.com/x",
		"https://evilpush.apple.com.example/x",
		"https://xfcm.googleapis.com/x",
		"https://fcm.googleapis.com./x",
		"https://fcm.googleapis.com@127.0.0.1/x",
		"https://127.0.0.1/fcm.googleapis.com",
		"https://127.0.0.1#@fcm.googleapis.com/",
		"https://127.0.0.1\\@fcm.googleapis.com/",
		"https://user@fcm.googleapis.com/x",
		"https://u:p@fcm.googleapis.com/x",
		"https://fcm.googleapis.com/x#y",
		"https://fcm.googleapis.com/x y",
		"https://fcm.googleapis.com/x\r\nHost: y",
		"https://fcm.googleapis.com/\xc4\x91",
		"ftp://fcm.googleapis.com/x",
		"file:///etc/passwd",
		"https://[::1]/x",
		"//fcm.googleapis.com/x",
	};

	(void)unused;
	for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
		if (reach(NULL, taken[i]) != PUSH_REACH_PUBLIC)
			fail_msg("refused: %s", taken[i]);
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
		if (reach(NULL, refused[i]) != PUSH_REACH_NONE)
			fail_msg("taken: %s", refused[i]);
}

static void test_named_hosts(void **unused)
{
	static const char *const named[] = { "up.example.net", "*.up.example.org",
		"http://127.0.0.1:8090", "https://[fd00::1]:8443", NULL };
	char origin[SUBSCRIPTION_ORIGIN_SIZE], why[128];
	struct option_strings none = { 0 };

	(void)unused;
	assert_int_equal(reach(named, "https://up.example.net/x"), PUSH_REACH_ANY);
	assert_int_equal(reach(named, "https://up.example.net:444/x"), PUSH_REACH_NONE);
	assert_int_equal(reach(named, "https://a.up.example.org/x"), PUSH_REACH_PUBLIC);
	assert_int_equal(reach(named, "https://up.example.org/x"), PUSH_REACH_NONE);
	assert_int_equal(reach(named, "http://127.0.0.1:8090/x"), PUSH_REACH_ANY);
	assert_int_equal(reach(named, "http://127.0.0.1/x"), PUSH_REACH_NONE);
	assert_int_equal(reach(named, "https://127.0.0.1:8090/x"), PUSH_REACH_NONE);
	assert_int_equal(reach(named, "https://[fd00::1]:8443/x"), PUSH_REACH_ANY);
	assert_int_equal(reach(named, "https://fcm.googleapis.com/x"), PUSH_REACH_NONE);

	push_endpoint_check(&none, "https://FCM.googleapis.com:443/wp/x", origin);
	assert_string_equal(origin, "https://fcm.googleapis.com");
	push_endpoint_check(&none, "http://127.0.0.1:8090/wp/x", origin);
	assert_string_equal(origin, "http://127.0.0.1:8090");

	assert_true(push_host_check("up.example.net", why, sizeof why));
	assert_true(push_host_check("http://localhost:80", why, sizeof why));
	assert_true(push_host_check("[::1]:81", why, sizeof why));
	assert_false(push_host_check("http://up.example.net", why, sizeof why));
	assert_false(push_host_check("http://*.localhost", why, sizeof why));
	assert_false(push_host_check("*.net", why, sizeof why));
	assert_false(push_host_check("up.example.net/path", why, sizeof why));
	assert_false(push_host_check("up.example.net:0", why, sizeof why));
	assert_false(push_host_check("", why, sizeof why));
}

static bool is_public(const char *text)
{
	struct sockaddr_in four = { .sin_family = AF_INET };
	struct sockaddr_in6 six = { .sin6_family = AF_INET6 };

	if (inet_pton(AF_INET, text, &four.sin_addr) == 1)
		return push_address_is_public((const void *)&four);
	assert_int_equal(inet_pton(AF_INET6, text, &six.sin6_addr), 1);
	return push_address_is_public((const void *)&six);
}

static void test_addresses(void **unused)
{
	static const char *const good[] = { "142.250.1.1", "9.255.255.255", "11.0.0.0",
		"100.63.0.1", "100.128.0.1", "172.15.0.1", "172.32.0.1", "192.167.1.1",
		"223.255.255.255", "2a00:1450::1", "2607:f8b0::1", "::ffff:142.250.1.1",
		"64:ff9b::8efa:101", "2002:8efa:101::1" };
	static const char *const bad[] = { "0.0.0.0", "10.1.2.3", "100.64.0.1",
		"100.127.255.255", "127.0.0.1", "127.255.0.1", "169.254.169.254",
		"172.16.0.1", "172.31.255.255", "192.168.0.1", "192.0.2.1", "198.18.0.1",
		"198.19.255.255", "224.0.0.1", "255.255.255.255", "::", "::1", "fe80::1",
		"fc00::1", "fd12::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
		"::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::1",
		"2001:db8::1", "2001::1", "100::1" };

	(void)unused;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		if (!is_public(good[i]))
			fail_msg("not public: %s", good[i]);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (is_public(bad[i]))
			fail_msg("public: %s", bad[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_payload),
		cmocka_unit_test(test_declarative),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_areas_and_hazards),
		cmocka_unit_test(test_quiet_hours),
		cmocka_unit_test(test_all_clear),
		cmocka_unit_test(test_known_hosts),
		cmocka_unit_test(test_named_hosts),
		cmocka_unit_test(test_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
