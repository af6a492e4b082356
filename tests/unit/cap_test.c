#include "alerts/cap.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/xml.h"

static struct config config;
static struct message vietnamese, english;
static struct cap_alert alert;
static struct buffer out;

static int set_up(void **state)
{
	(void)state;
	config = (struct config){
		.station = { .id = "HN CG,01", .name = "Cầu Giấy" },
		.alerts.cap = { .sender = "",
			.sender_name = "",
			.web = "https://air.example",
			.contact = "",
			.geocode = "ward",
			.radius = 2 },
	};
	vietnamese = (struct message){ .id = "abc",
		.revision = 1,
		.rule = "dust",
		.hazard = HAZARD_AIR,
		.severity = SEVERITY_EXTREME,
		.station = "S",
		.station_name = "Trạm <1> & \"2\"",
		.area = "a",
		.metric = "pm25",
		.unit = "µg/m³",
		.value = 200.5,
		.threshold = 150,
		.since_ms = 1795332000123,
		.at_ms = 1795332900000,
		.expires_ms = 1795340000000,
		.title = "Tiêu đề",
		.text = "Nội dung",
		.instruction = "Ở nhà" };
	english = vietnamese;
	snprintf(english.title, sizeof english.title, "Title");
	alert = (struct cap_alert){ .messages = { &vietnamese, &english },
		.sent_ms = 1795332900999,
		.latitude = 21.0362,
		.longitude = 105.7906 };
	buffer_init(&out, 1 << 20);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	buffer_free(&out);
	return 0;
}

static const char *written(void)
{
	buffer_clear(&out);
	cap_write(&config, &alert, &out);
	return buffer_text(&out);
}

#define has(PART)   assert_non_null(strstr(text, PART))
#define lacks(PART) assert_null(strstr(text, PART))

static void test_a_message(void **state)
{
	const char *text = written();

	(void)state;
	has("<identifier>abc.1</identifier>");
	has("<sender>HN-CG-01.muabui</sender>");
	has("<sent>2026-11-22T14:35:00+07:00</sent>");
	has("<msgType>Alert</msgType>");
	lacks("<references>");
	has("<category>Env</category>\n<category>Health</category>");
	has("<responseType>Shelter</responseType>\n<urgency>Immediate</urgency>\n"
	    "<severity>Extreme</severity>\n<certainty>Observed</certainty>");
	has("<effective>2026-11-22T14:35:00+07:00</effective>");
	has("<onset>2026-11-22T14:20:00+07:00</onset>");
	has("<headline>Tiêu đề</headline>");
	has("<headline>Title</headline>");
	has("<web>https://air.example</web>");
	has("<areaDesc>Trạm &lt;1&gt; &amp; &quot;2&quot; (a)</areaDesc>");
	has("<circle>21.03620,105.79060 2.0</circle>");
	has("<valueName>value</valueName>\n<value>200.5</value>");
	lacks("<contact>");
}

static void test_a_chain(void **state)
{
	const char *text;

	(void)state;
	vietnamese.revision = 3;
	alert.reference_count = 2;
	alert.references[0] = (struct cap_reference){ 1, 1795332000999 };
	alert.references[1] = (struct cap_reference){ 2, 1795332600000 };
	text = written();
	has("<msgType>Update</msgType>");
	has("<references>HN-CG-01.muabui,abc.1,2026-11-22T14:20:00+07:00 "
	    "HN-CG-01.muabui,abc.2,2026-11-22T14:30:00+07:00</references>");
	vietnamese.resolved = english.resolved = true;
	text = written();
	has("<msgType>Cancel</msgType>");
	has("<responseType>AllClear</responseType>\n<urgency>Past</urgency>");
}

static void test_what_is_not_known(void **state)
{
	const char *text;

	(void)state;
	alert.latitude = NAN;
	vietnamese.area[0] = english.area[0] = '\0';
	vietnamese.value = NAN;
	vietnamese.test = true;
	vietnamese.expires_ms = english.expires_ms = alert.sent_ms - 5000;
	text = written();
	lacks("<circle>");
	has("<valueName>muabui:station</valueName>\n<value>S</value>");
	has("<status>Test</status>");
	/* Never before it holds. */
	has("<expires>2026-11-22T14:35:00+07:00</expires>");
}

static void test_text_that_is_no_xml(void **state)
{
	(void)state;
	xml_text(&out,
		"a\x01"
		"b\xff"
		"c\xef\xbf\xbe"
		"d\t'");
	assert_string_equal(buffer_text(&out),
		"a\xef\xbf\xbd"
		"b\xef\xbf\xbd"
		"c\xef\xbf\xbd"
		"d\t&#39;");
}

int main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_a_message),
		TEST(test_a_chain),
		TEST(test_what_is_not_known),
		TEST(test_text_that_is_no_xml),
	};

	return cmocka_run_group_tests_name("cap", tests, NULL, NULL);
}
