/* What the control socket is asked about sensors, and nonsense. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/clock.h"
#include "core/log.h"
#include "gateway/requests.h"
#include "gateway/schema.h"
#include "tests/unit/temp_store.h"

#define MINUTE INT64_C(60000)

static const int64_t noon = 1795320000000;

static struct temp temp;
static struct store *store;
static struct config *config;
static struct gateway_view view;
static struct requests requests;
static struct buffer out;

static void no_log(enum log_level level, const char *line)
{
	(void)level;
	(void)line;
}

static int begin(void **state)
{
	(void)state;
	char text[512];
	struct buffer errors;

	log_set_sink(no_log);
	clock_freeze(noon, 1000);
	temp_make(&temp);
	store = temp_open(&temp, STORE_RECORDER);
	snprintf(text, sizeof text,
		"station = { id = \"S\"; }; store = { path = \"%s\"; };\n"
		"sensors = ( { name = \"dust\"; driver = \"pms5003\"; port = \"/dev/null\";"
		" calibration = ( { metric = \"pm25\"; gain = 0.9; date = \"2026-10-02\";"
		" by = \"A\"; } ); } );\n",
		temp.path);
	buffer_init(&errors, 4096);
	config = config_load_text("test.conf", text, gateway_schema(), &errors);
	if (!config)
		fail_msg("%s", buffer_text(&errors));
	buffer_free(&errors);
	requests = (struct requests){
		.config = config,
		.view = &view,
		.calibrating = calibrating_new(),
	};
	view = (struct gateway_view){
		.config = config,
		.calibrating = requests.calibrating,
	};
	buffer_init(&out, 1 << 16);
	return 0;
}

static int end(void **state)
{
	(void)state;
	buffer_free(&out);
	calibrating_free(requests.calibrating);
	config_free(config);
	store_close(store);
	temp_remove(&temp);
	return 0;
}

static void expect(const char *request, const char *answer)
{
	buffer_clear(&out);
	requests_answer(&requests, request, &out);
	if (!strstr(buffer_text(&out), answer))
		fail_msg("%s\nanswered\n%s\nnot\n%s", request, buffer_text(&out), answer);
}

static void nonsense(void **state)
{
	(void)state;
	expect("", "\"error\":\"unknown request\"");
	expect("stat", "\"error\":\"unknown request\"");
	expect("status dust", "\"error\":\"unknown request\"");
	expect("alert test", "\"error\":\"unknown request\"");
	expect("alert test nobody", "\"error\":\"there is no such channel\"");
	expect("sensor ", "is not understood");
	expect("sensor dust", "is not understood");
	expect("sensor []", "is not understood");
	expect("sensor {}", "the name is none");
	expect("sensor {\"name\":7}", "the name is none");
	expect("sensor {\"name\":\"a/b\"}", "the name is none");
	expect("sensor {\"name\":\"nobody\"}", "there is no such sensor");
	expect("sensor {\"name\":\"dust\",\"station\":\"\"}", "station's name is none");
	expect("sensor {\"name\":\"dust\",\"station\":\"T\"}", "at this station");
	expect("sensor {\"name\":\"dust\",\"for_ms\":60000}", "author's name is none");
	expect("sensor {\"name\":\"dust\",\"for_ms\":60000,\"author\":\"a\\nb\"}",
		"author's name is none");
	static const char *const times[] = { "-1", "999", "604800001", "1e300", "\"1m\"",
		"null" };
	for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
		char text[128];
		snprintf(text, sizeof text,
			"sensor {\"name\":\"dust\",\"author\":\"huy\",\"for_ms\":%s}",
			times[i]);
		expect(text, "not between 1 s and 7 days");
	}
	assert_true(temp_number(store, "SELECT count(*) FROM calibrating") == 0);
}

static void a_calibration_begins_and_ends(void **state)
{
	(void)state;
	static const char span[] =
		"\"calibrating\":[{\"station\":null,\"author\":\"huy\","
		"\"since\":\"2026-11-22T11:00:00+07:00\","
		"\"until\":\"2026-11-22T11:30:00+07:00\"}]";

	expect("sensor {\"name\":\"dust\"}",
		"\"method\":\"gain 0.9\",\"date\":\"2026-10-02\",\"by\":\"A\","
		"\"certificate\":null}],\"calibrating\":[]}");
	expect("sensor {\"name\":\"dust\",\"for_ms\":1800000,\"author\":\"huy\"}", span);
	expect("sensor {\"name\":\"dust\"}", span);
	expect("sensor {\"name\":\"dust\",\"station\":\"S\"}", span);
	assert_true(
		temp_number(store, "SELECT until - since FROM calibrating") == 1800000);
	clock_freeze(noon + 10 * MINUTE, 2000);
	expect("sensor {\"name\":\"dust\",\"for_ms\":0,\"author\":\"lan\"}",
		"\"calibrating\":[]");
	assert_true(
		temp_number(store, "SELECT until - since FROM calibrating") == 600000);
	assert_true(calibrating_touches(
		requests.calibrating, "S", "dust", noon, noon + 10 * MINUTE));
	assert_false(calibrating_touches(requests.calibrating, "S", "dust",
		noon + 10 * MINUTE, noon + 20 * MINUTE));
}

static void not_before_the_clock_is_set(void **state)
{
	(void)state;
	clock_freeze(86400000, 1000);
	if (clock_is_set())
		skip(); /* this machine's kernel says that it is synchronised */
	expect("sensor {\"name\":\"dust\",\"for_ms\":1800000,\"author\":\"huy\"}",
		"the clock is not set yet");
	expect("sensor {\"name\":\"dust\",\"for_ms\":0,\"author\":\"huy\"}",
		"\"calibrating\":[]");
}

int main(void)
{
#define TEST(NAME) cmocka_unit_test_setup_teardown(NAME, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(nonsense),
		TEST(a_calibration_begins_and_ends),
		TEST(not_before_the_clock_is_set),
	};

	return cmocka_run_group_tests_name("requests", tests, NULL, NULL);
}
