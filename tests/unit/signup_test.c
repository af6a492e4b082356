/* What a subscription may say, and how often one may ask. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "core/metric.h"
#include "web/rate.h"
#include "web/wishes.h"

#define POINT                                                                               \
	"BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNt" \
	"oIAiw4"
#define AUTH     "BTBZMqHH6r4Tts7J_aSIgg"
#define ENDPOINT "https://fcm.googleapis.com/fcm/send/a:b"
#define NEW(more)                                                      \
	"{\"endpoint\":\"" ENDPOINT "\",\"keys\":{\"p256dh\":\"" POINT \
	"\",\"auth\":\"" AUTH "\"}" more "}"

static const struct option_strings known;
static char why[WISHES_WHY_SIZE];

static struct subscription defaults(void)
{
	return (struct subscription){ .quiet_from = -1, .quiet_to = -1 };
}

static bool read_new(const char *text, struct subscription *one)
{
	*one = defaults();
	return wishes_read_new(text, strlen(text), &known, one, why);
}

static void test_new(void **unused)
{
	struct subscription one;

	(void)unused;
	assert_true(read_new(NEW(",\"expirationTime\":null"), &one));
	assert_string_equal(one.endpoint, ENDPOINT);
	assert_string_equal(one.origin, "https://fcm.googleapis.com");
	assert_int_equal(one.p256dh[0], 4);
	assert_int_equal(one.auth[15], 0x82);
	assert_string_equal(one.areas, "");
	assert_int_equal(one.hazards, 0);
	assert_int_equal(one.quiet_from, -1);

	assert_true(read_new(NEW(",\"areas\":[\"a\",\"b c\"],\"hazards\":[\"air\","
				 "\"water\"],\"level\":\"sensitive\",\"language\":\"en\","
				 "\"quiet_hours\":{\"from\":\"22:00\",\"to\":\"06:30\"}"),
		&one));
	assert_string_equal(one.areas, "\na\nb c\n");
	assert_int_equal(one.hazards, 1u << HAZARD_AIR | 1u << HAZARD_WATER);
	assert_true(one.sensitive);
	assert_int_equal(one.language, 1);
	assert_int_equal(one.quiet_from, 22 * 60);
	assert_int_equal(one.quiet_to, 6 * 60 + 30);
}

static void test_refused(void **unused)
{
	static const char *const texts[] = {
		"",
		"{",
		"[]",
		"7",
		"{}",
		"{\"endpoint\":7}",
		"{\"endpoint\":\"https://example.net/\",\"keys\":{}}",
		"{\"endpoint\":\"" ENDPOINT "\"}",
		"{\"endpoint\":\"" ENDPOINT "\",\"keys\":{\"p256dh\":\"" POINT "\"}}",
		"{\"endpoint\":\"" ENDPOINT "\",\"keys\":{\"auth\":\"" AUTH "\"}}",
		"{\"endpoint\":\"" ENDPOINT "\",\"keys\":{\"p256dh\":\"" POINT
		"\",\"auth\":\"" AUTH "AA\"}}",
		"{\"endpoint\":\"" ENDPOINT "\",\"keys\":{\"p256dh\":\"" AUTH
		"\",\"auth\":\"" AUTH "\"}}",
		NEW(",\"areas\":7"),
		NEW(",\"areas\":[]"),
		NEW(",\"areas\":[7]"),
		NEW(",\"areas\":[\"\"]"),
		NEW(",\"areas\":[\"a\\nb\"]"),
		NEW(",\"hazards\":[\"device\"]"),
		NEW(",\"hazards\":\"air\""),
		NEW(",\"level\":\"some\""),
		NEW(",\"level\":1"),
		NEW(",\"language\":null"),
		NEW(",\"quiet_hours\":[]"),
		NEW(",\"quiet_hours\":{\"from\":\"24:00\",\"to\":\"06:00\"}"),
		NEW(",\"quiet_hours\":{\"from\":\"2:00\",\"to\":\"06:00\"}"),
		NEW(",\"quiet_hours\":{\"from\":\"22:00\"}"),
	};
	struct subscription one;

	(void)unused;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		why[0] = '\0';
		if (read_new(texts[i], &one))
			fail_msg("taken: %s", texts[i]);
		if (!strchr(why, '.'))
			fail_msg("no sentence for %s: %s", texts[i], why);
	}
}

static void test_most_areas(void **unused)
{
	struct subscription one = defaults();
	char text[4096];

	(void)unused;
	for (int count = 16; count <= 17; count++) {
		size_t used = (size_t)snprintf(text, sizeof text, "{\"areas\":[");
		for (int i = 0; i < count; i++)
			used += (size_t)snprintf(text + used, sizeof text - used,
				"%s\"%063d\"", i ? "," : "", i);
		used += (size_t)snprintf(text + used, sizeof text - used, "]}");
		assert_int_equal(wishes_read(text, used, &one, why), count == 16);
		assert_int_equal(strlen(one.areas), 16 * 64 + 1);
	}
}

static void test_change(void **unused)
{
	static const char text[] = "{\"areas\":null,\"quiet_hours\":null}";
	struct subscription one;

	(void)unused;
	assert_true(
		read_new(NEW(",\"areas\":[\"a\"],\"hazards\":[\"air\"],\"level\":"
			     "\"sensitive\",\"quiet_hours\":{\"from\":\"22:00\",\"to\":"
			     "\"06:00\"}"),
			&one));
	assert_true(wishes_read("{}", 2, &one, why));
	assert_string_equal(one.areas, "\na\n");
	assert_true(wishes_read(text, strlen(text), &one, why));
	assert_string_equal(one.areas, "");
	assert_int_equal(one.quiet_from, -1);
	assert_int_equal(one.hazards, 1u << HAZARD_AIR);
	assert_true(one.sensitive);
}

/* --- how often ------------------------------------------------------- */

static struct rate rate;

static bool ask(const char *address, int64_t now_ms, int64_t *wait_ms)
{
	struct rate_key key;

	assert_true(rate_key_parse(address, &key));
	return rate_allows(&rate, &key, now_ms, wait_ms);
}

static void test_rate(void **unused)
{
	int64_t wait_ms;

	(void)unused;
	rate_init(&rate, 6);
	for (int i = 0; i < 6; i++)
		assert_true(ask("203.0.113.1", 1000, &wait_ms));
	assert_false(ask("203.0.113.1", 1000, &wait_ms));
	assert_int_equal(wait_ms, 10000);
	assert_true(ask("203.0.113.2", 1000, &wait_ms));
	assert_false(ask("203.0.113.1", 10999, &wait_ms));
	assert_int_equal(wait_ms, 1);
	assert_true(ask("203.0.113.1", 11000, &wait_ms));
	assert_false(ask("203.0.113.1", 11000, &wait_ms));
	/* After a minute all of it is there again, and not more. */
	for (int i = 0; i < 6; i++)
		assert_true(ask("203.0.113.1", 200000, &wait_ms));
	assert_false(ask("203.0.113.1", 200000, &wait_ms));
}

static void test_rate_of_networks(void **unused)
{
	struct sockaddr_in6 mapped = { .sin6_family = AF_INET6 };
	struct rate_key one, other;
	int64_t wait_ms;

	(void)unused;
	rate_init(&rate, 1);
	assert_true(ask("2001:db8:0:1::1", 1000, &wait_ms));
	assert_false(ask("2001:db8:0:1:ffff::2", 1000, &wait_ms));
	assert_true(ask("2001:db8:0:2::1", 1000, &wait_ms));
	assert_int_equal(inet_pton(AF_INET6, "::ffff:203.0.113.1", &mapped.sin6_addr), 1);
	rate_key_of((const void *)&mapped, &one);
	rate_key_parse("203.0.113.1", &other);
	assert_memory_equal(&one, &other, sizeof one);
	assert_false(rate_key_parse("203.0.113.1:80", &one));
	assert_false(rate_key_parse("", &one));
}

/* More addresses than there is room for, and all of them together too many. */
static void test_rate_of_many(void **unused)
{
	int64_t wait_ms;
	char address[32];
	int allowed = 0;

	(void)unused;
	rate_init(&rate, 10);
	for (int i = 0; i < 5000; i++) {
		snprintf(address, sizeof address, "10.%d.%d.1", i / 250, i % 250);
		allowed += ask(address, 1000, &wait_ms);
	}
	assert_int_equal(allowed, 10 * RATE_TOGETHER);
	assert_true(wait_ms > 0);
	assert_true(ask("203.0.113.1", 61000, &wait_ms));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_most_areas),
		cmocka_unit_test(test_change),
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_rate_of_networks),
		cmocka_unit_test(test_rate_of_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
