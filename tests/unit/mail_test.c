#include "alerts/mail.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *addresses[] = { "hang@hanoi.example", "duty@hanoi.example" };
static const struct option_strings to = { .values = addresses, .count = 2 };
static const struct mail_head head = {
	.from = "box@hn.example", .from_name = "Trạm Cầu Giấy", .to = &to
};

static struct message make_message(void)
{
	return (struct message){
		.id = "2abc",
		.revision = 1,
		.rule = "bad-air",
		.hazard = HAZARD_AIR,
		.severity = SEVERITY_SEVERE,
		.station = "HN-CG-01",
		.station_name = "Cầu Giấy",
		.area = "hn-cau-giay",
		.value = 1,
		.threshold = NAN,
		.language = "vi",
		.title = "Bụi mịn",
		.text = "Lúc 14:35",
		.instruction = "Đóng cửa sổ",
	};
}

static void test_letter_to_the_letter(void **state)
{
	static const char wanted[] =
		"Date: Sun, 22 Nov 2026 05:26:40 +0700\r\n"
		"From: =?UTF-8?B?VHLhuqFtIEPhuqd1IEdp4bqleQ==?=\r\n <box@hn.example>\r\n"
		"To: hang@hanoi.example,\r\n duty@hanoi.example\r\n"
		"Subject: =?UTF-8?B?QuG7pWkgbeG7i24=?=\r\n"
		"Message-ID: <2abc.3@hn.example>\r\n"
		"In-Reply-To: <2abc.2@hn.example>\r\n"
		"References: <2abc.1@hn.example>\r\n <2abc.2@hn.example>\r\n"
		"Auto-Submitted: auto-generated\r\n"
		"Importance: high\r\nX-Priority: 1\r\n"
		"Content-Language: vi\r\nMIME-Version: 1.0\r\n"
		"Content-Type: text/plain; charset=utf-8\r\n"
		"Content-Transfer-Encoding: base64\r\n\r\n"
		"TMO6YyAxNDozNQ0KDQrEkMOzbmcgY+G7rWEgc+G7lQ0KDQotLSANCkPhuqd1IEdp4bqleSAoSE4t\r\n"
		"Q0ctMDEpIMK3IGhuLWNhdS1naWF5IMK3IGJhZC1haXIgwrcgc2V2ZXJlIMK3IDJhYmMgIzMNCg==\r\n";
	struct message message = make_message();
	struct buffer out;

	(void)state;
	message.revision = 3;
	buffer_init(&out, MAIL_MAX);
	mail_compose(&message, &head, INT64_C(1795300000000), &out);
	assert_string_equal(buffer_text(&out), wanted);
	buffer_free(&out);
}

static void compose(const struct message *message, struct buffer *out)
{
	buffer_clear(out);
	mail_compose(message, &head, INT64_C(1795300000123), out);
	assert_false(out->failed);
}

static void test_first_and_later(void **state)
{
	struct message message = make_message();
	struct buffer out;

	(void)state;
	buffer_init(&out, MAIL_MAX);
	compose(&message, &out);
	assert_null(strstr(buffer_text(&out), "References"));
	assert_null(strstr(buffer_text(&out), "In-Reply-To"));
	message.revision = 1000000;
	message.resolved = true;
	compose(&message, &out);
	assert_non_null(strstr(buffer_text(&out),
		"References: <2abc.1@hn.example>\r\n <2abc.999991@hn.example>\r\n"));
	assert_non_null(strstr(buffer_text(&out), " <2abc.999999@hn.example>\r\nAuto"));
	assert_null(strstr(buffer_text(&out), "Importance"));
	message.revision = 11;
	compose(&message, &out);
	assert_non_null(strstr(buffer_text(&out),
		"<2abc.1@hn.example>\r\n <2abc.2@hn.example>\r\n <2abc.3@hn.example>"));
	buffer_free(&out);
}

/* No line is longer than a mail server must take, none ends without CR, nothing that a
 * message says makes another header. */
static void test_lines(void **state)
{
	struct message message = make_message();
	struct buffer out;

	(void)state;
	for (size_t i = 0; i + 4 <= sizeof message.text; i += 3) {
		memcpy(message.text + i, "ặ", 4);
		memcpy(message.instruction + i, "ễ", 4);
	}
	for (size_t i = 0; i + 4 <= sizeof message.title; i += 3)
		memcpy(message.title + i, "ặ", 4);
	memcpy(message.title, "\r\nBcc: x@y.example\r\n", 20);
	buffer_init(&out, MAIL_MAX);
	compose(&message, &out);
	const char *text = buffer_text(&out);
	size_t line = 0;
	for (size_t i = 0; i < out.length; i++) {
		assert_true((unsigned char)text[i] < 0x80);
		if (text[i] == '\n')
			assert_true(i > 0 && text[i - 1] == '\r');
		line = text[i] == '\n' ? 0 : line + 1;
		assert_true(line <= 78);
	}
	assert_null(strstr(text, "\nBcc"));
	buffer_free(&out);
}

static void test_addresses(void **state)
{
	static const char *const bad[] = { "", "a", "@b", "a@", "a b@c", "a@b>", "<a@b>",
		"a@b\r\nRCPT TO:<c@d>", "a@b@c", "a,b@c", "ạ@b", "\"a\"@b" };

	(void)state;
	assert_true(mail_is_address("hang.nguyen+alerts@hanoi.gov.vn"));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (mail_is_address(bad[i]))
			fail_msg("%s", bad[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_letter_to_the_letter),
		cmocka_unit_test(test_first_and_later),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_addresses),
	};

	return cmocka_run_group_tests_name("mail", tests, NULL, NULL);
}
