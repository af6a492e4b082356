/* What the mqtt output says and what answers mean to it; no broker. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/metric.h"
#include "core/mqtt_client.h"
#include "core/mqtt_url.h"
#include "outputs/mqtt.h"

static struct station_config station = {
	.id = "HN-CG-01",
	.name = "Tr\xe1\xba\xa1m",
	.area = "hn-cau-giay",
	.latitude = 21.0362,
	.longitude = 105.7906,
};
static const struct mqtt_output_options options = { .station = &station, .name = "bus" };

static void answers_have_consequences(void **state)
{
	static const struct {
		int code;
		enum outcome outcome;
	} cases[] = {
		{ 0, OUTCOME_RETRY },      /* no reason given */
		{ 1, OUTCOME_HELD },       /* CONNACK of 3.1.1: protocol version */
		{ 2, OUTCOME_HELD },       /* client id */
		{ 3, OUTCOME_RETRY },      /* server not available */
		{ 4, OUTCOME_HELD },       /* user name or password */
		{ 5, OUTCOME_HELD },       /* not authorised */
		{ 0x80, OUTCOME_RETRY },   /* unspecified */
		{ 0x83, OUTCOME_RETRY },   /* implementation specific */
		{ 0x84, OUTCOME_HELD },    /* protocol version */
		{ 0x85, OUTCOME_HELD },    /* client id */
		{ 0x86, OUTCOME_HELD },    /* user name or password */
		{ 0x87, OUTCOME_HELD },    /* not authorised */
		{ 0x88, OUTCOME_RETRY },   /* server unavailable */
		{ 0x89, OUTCOME_RETRY },   /* busy */
		{ 0x8a, OUTCOME_HELD },    /* banned */
		{ 0x8b, OUTCOME_RETRY },   /* shutting down */
		{ 0x90, OUTCOME_HELD },    /* topic name */
		{ 0x95, OUTCOME_REFUSED }, /* packet too large */
		{ 0x97, OUTCOME_RETRY },   /* quota */
		{ 0x99, OUTCOME_REFUSED }, /* payload format */
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (mqtt_outcome(cases[i].code) != cases[i].outcome)
			fail_msg("0x%x: %s", (unsigned)cases[i].code,
				outcome_name(mqtt_outcome(cases[i].code)));
}

/* A broker that refuses a message may hang up at once, or the other way round. */
static void the_first_fault_is_the_cause(void **state)
{
	const struct mqtt_fault gone = { .code = 0, .reason = NULL },
				not_authorised = { .code = 0x87,
					.reason = "not authorised" },
				banned = { .code = 0x8a, .reason = "banned" };
	struct mqtt_trouble trouble = { .is_there = false };

	(void)state;
	mqtt_trouble_note(&trouble, &gone);
	assert_true(trouble.is_there);
	assert_string_equal(trouble.reason, "no reason given");
	mqtt_trouble_note(&trouble, &not_authorised);
	assert_int_equal(trouble.code, 0x87);
	mqtt_trouble_note(&trouble, &gone);
	assert_string_equal(trouble.reason, "not authorised");
	mqtt_trouble_note(&trouble, &banned);
	assert_int_equal(trouble.code, 0x8a);
}

static void topics_are_filled_in(void **state)
{
	char topic[MQTT_TOPIC_SIZE], long_template[2 * MQTT_TOPIC_SIZE];

	(void)state;
	assert_true(mqtt_text_topic(
		&options, "a/{station}/{area}/{sensor}/{station}", "S 1", "d", topic));
	assert_string_equal(topic, "a/S 1/hn-cau-giay/d/S 1");
	station.area = "";
	assert_true(mqtt_text_topic(&options, "{area}/{other}", "S", "", topic));
	assert_string_equal(topic, "-/{other}");
	station.area = "hn-cau-giay";
	memset(long_template, 'x', sizeof long_template);
	long_template[MQTT_TOPIC_SIZE - 1] = '\0';
	assert_true(mqtt_text_topic(&options, long_template, "S", "", topic));
	long_template[MQTT_TOPIC_SIZE - 1] = 'x';
	long_template[MQTT_TOPIC_SIZE] = '\0';
	assert_false(mqtt_text_topic(&options, long_template, "S", "", topic));
}

static void the_status_says_who_and_where(void **state)
{
	struct buffer text;

	(void)state;
	buffer_init(&text, 4096);
	mqtt_text_status(&options, "offline", &text);
	assert_string_equal(buffer_text(&text),
		"{\"state\":\"offline\",\"station\":{\"id\":\"HN-CG-01\","
		"\"name\":\"Tr\xe1\xba\xa1m\",\"area\":\"hn-cau-giay\","
		"\"latitude\":21.0362,\"longitude\":105.7906}}");
	buffer_clear(&text);
	station.area = "";
	station.latitude = station.longitude = NAN;
	mqtt_text_status(&options, "online", &text);
	assert_null(strstr(buffer_text(&text), "indicative"));
	assert_non_null(strstr(buffer_text(&text),
		"\"area\":null,\"latitude\":null,\"longitude\":null"));
	buffer_clear(&text);
	station.indicative = MAYBE_YES;
	mqtt_text_status(&options, "online", &text);
	assert_non_null(strstr(buffer_text(&text), ",\"indicative\":true}}"));
	buffer_free(&text);
}

static void json_names_calibrations(void **state)
{
	static struct mqtt_output_options json = {
		.station = &station, .name = "bus", .payload = MQTT_PAYLOAD_JSON
	};
	struct mqtt_output self = { .options = &json };
	struct stored_report stored = { .id = 1 };
	struct buffer text;

	(void)state;
	report_init(&stored.report);
	report_add(&stored.report, METRIC_PM25, 35.2);
	report_add(&stored.report, METRIC_PM10, 60);
	snprintf(stored.report.station, NAME_SIZE, "A");
	snprintf(stored.report.sensor, NAME_SIZE, "d");
	buffer_init(&text, 4096);
	mqtt_text_record(&self, &stored, &text);
	assert_null(strstr(buffer_text(&text), "calibration"));
	buffer_clear(&text);
	stored.report.readings[1].calibration = 7;
	mqtt_text_record(&self, &stored, &text);
	assert_non_null(strstr(buffer_text(&text), ",\"calibration\":{\"pm10\":7}"));
	buffer_free(&text);
}

static void addresses_are_as_paho_wants_them(void **state)
{
	static const struct {
		const char *url, *paho;
		unsigned port;
		bool tls;
	} cases[] = {
		{ "mqtt://bus", "tcp://bus:1883", 1883, false },
		{ "mqtt://bus:1/x", "tcp://bus:1", 1, false },
		{ "mqtts://[fd00::5]", "ssl://[fd00::5]:8883", 8883, true },
		{ "mqtts://[fd00::5]:9", "ssl://[fd00::5]:9", 9, true },
		{ "ws://bus", "ws://bus:80/mqtt", 80, false },
		{ "ws://bus:9001/", "ws://bus:9001/mqtt", 9001, false },
		{ "wss://bus/a/b", "wss://bus:443/a/b", 443, true },
		{ "wss://[::1]:8/ws", "wss://[::1]:8/ws", 8, true },
	};
	char uri[200];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		mqtt_url_for_paho(cases[i].url, uri, sizeof uri);
		assert_string_equal(uri, cases[i].paho);
		assert_int_equal(mqtt_url_port(cases[i].url), cases[i].port);
		assert_int_equal(mqtt_url_is_tls(cases[i].url), cases[i].tls);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_have_consequences),
		cmocka_unit_test(the_first_fault_is_the_cause),
		cmocka_unit_test(topics_are_filled_in),
		cmocka_unit_test(the_status_says_who_and_where),
		cmocka_unit_test(json_names_calibrations),
		cmocka_unit_test(addresses_are_as_paho_wants_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
