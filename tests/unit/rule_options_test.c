/* Rules and channels as users write them. */
#include "alerts/rule.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "alerts/alerts.h"
#include "alerts/channel.h"
#include "config/config.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE };

static const struct option no_options[] = { { .name = NULL } };
static const struct option_kind nothing = {
	.name = "nothing",
	.summary = "Measures nothing.",
	.group = { .name = "nothing", .options = no_options, .size = 8 },
};
static const struct option_kind *const kinds[] = { &nothing, NULL };
static const struct option_family nothings = {
	.key = "driver",
	.noun = "driver",
	.common = { .name = "sensor", .options = no_options, .size = 8 },
	.kinds = kinds,
};

static struct config_schema schema;
static struct buffer errors;

/* Loads a configuration with RULES and CHANNELS; NULL: errors say why. */
static struct config *load(const char *rules, const char *channels)
{
	char file[] = "/tmp/rule_options_test.XXXXXX";
	int fd = mkstemp(file);

	assert_true(fd >= 0);
	dprintf(fd,
		"station = { id = \"S\"; name = \"S\"; area = \"a\"; };\n"
		"store = { path = \"/tmp/store\"; };\n"
		"sensors = ( { name = \"x\"; driver = \"nothing\"; } );\n"
		"alerts = { rules = ( %s ); channels = ( %s ); };\n",
		rules, channels);
	close(fd);
	schema = (struct config_schema){
		.sensors = nothings,
		.outputs = nothings,
		.channels = channel_family,
		.rule = alerts_rule_group,
	};
	buffer_clear(&errors);
	struct config *config = config_load(file, &schema, &errors);
	unlink(file);
	return config;
}

static void test_full_rule(void **unused)
{
	struct config *config = load(
		"{ name = \"bad-air\"; metric = \"vn_aqi\"; above = 150; clear_below = 140.0;"
		" severity = \"severe\"; repeat = \"6h\"; for = \"10m\"; clear_for = \"5m\";"
		" hazard = \"rain\"; stations = [ \"A\", \"B\" ]; },"
		"{ name = \"silent\"; metric = \"pm25\"; absent_for = \"15m\";"
		" audience = \"operators\"; }",
		"");

	(void)unused;
	assert_string_equal(buffer_text(&errors), "");
	assert_non_null(config);
	assert_int_equal(config->alerts.rules.count, 2);
	const struct rule *rule = config->alerts.rules.items;
	assert_string_equal(rule->name, "bad-air");
	assert_int_equal(rule->metric->id, METRIC_VN_AQI);
	assert_true(rule->above == 150 && rule->clear_below == 140);
	assert_true(isnan(rule->below) && isnan(rule->clear_above));
	assert_int_equal(rule->on_delay, 10 * MINUTE);
	assert_int_equal(rule->off_delay, 5 * MINUTE);
	assert_int_equal(rule->repeat, 6 * HOUR);
	assert_int_equal(rule->max_age, 10 * MINUTE);
	assert_int_equal(rule->expires, 2 * HOUR);
	assert_int_equal(rule->severity, SEVERITY_SEVERE);
	assert_int_equal(rule->audience, AUDIENCE_CITIZENS);
	assert_int_equal(rule_hazard(rule), HAZARD_RAIN);
	assert_true(rule_covers(rule, "A") && !rule_covers(rule, "C"));
	assert_int_equal(rule[1].absent_for, 15 * MINUTE);
	assert_int_equal(rule[1].audience, AUDIENCE_OPERATORS);
	assert_int_equal(rule[1].severity, SEVERITY_MODERATE);
	assert_int_equal(rule_hazard(&rule[1]), HAZARD_DEVICE);
	config_free(config);
}

/* What is printed loads to the same. */
static void test_reprint(void **unused)
{
	struct config *config = load(
		"{ name = \"r\"; metric = \"rain_1h\"; below = 5.5; clear_above = 6.0;"
		" max_age = \"90s\"; }",
		"{ name = \"c\"; type = \"console\"; language = \"en\"; },"
		"{ name = \"n\"; type = \"ntfy\"; url = \"https://h/t\";"
		" audience = \"operators\"; }");
	struct buffer first, second;
	char file[] = "/tmp/rule_options_test.XXXXXX";
	int fd = mkstemp(file);

	(void)unused;
	assert_string_equal(buffer_text(&errors), "");
	assert_non_null(config);
	buffer_init(&first, 65536);
	buffer_init(&second, 65536);
	config_print(config, &first);
	assert_int_equal(write(fd, first.data, first.length), (ssize_t)first.length);
	close(fd);
	struct config *again = config_load(file, &schema, &errors);
	unlink(file);
	assert_string_equal(buffer_text(&errors), "");
	assert_non_null(again);
	config_print(again, &second);
	assert_string_equal(first.data, second.data);
	const struct rule *rule = again->alerts.rules.items;
	assert_true(rule->below == 5.5 && rule->clear_above == 6 && isnan(rule->above));
	assert_int_equal(rule->max_age, 90 * SECOND);
	const struct option_item *channel = again->alerts.channels.items;
	const struct channel_common *common = channel[0].common;
	assert_int_equal(common->language, 2);
	common = channel[1].common;
	assert_int_equal(common->audience, AUDIENCE_OPERATORS);
	config_free(config);
	config_free(again);
	buffer_free(&first);
	buffer_free(&second);
}

static void test_what_is_refused(void **unused)
{
	static const struct {
		const char *rule;
		const char *why;
	} cases[] = {
		{ "", "needs one of" },
		{ "above = 1; below = 0;", "only one of" },
		{ "above = 1; absent_for = \"1m\";", "absent_for: only one of" },
		{ "above = 1; clear_below = 2;", "clear_below: must not be greater" },
		{ "above = 1; clear_above = 2;", "clear_above: needs \"below\"" },
		{ "below = 1; clear_below = 0;", "clear_below: needs \"above\"" },
		{ "below = 1; clear_above = 0;", "clear_above: must not be less" },
		{ "absent_for = \"1m\"; clear_below = 1;", "clear_below: needs" },
		{ "absent_for = \"1m\"; for = \"1m\";", "for: has no meaning" },
		{ "absent_for = \"1m\"; clear_for = \"1m\";",
			"clear_for: has no meaning" },
		{ "above = 1; stations = [ \"a/b\" ];", "stations: \"a/b\"" },
		{ "above = 1; severity = \"awful\";", "severity" },
		{ "above = 1; hazard = \"fire\";", "hazard" },
		{ "above = 1; audience = \"all\";", "audience" },
		{ "above = 1; for = \"soon\";", "for" },
		{ "above = 1; max_age = \"0s\";", "max_age" },
		{ "above = 1; abov = 1;", "above" },
	};
	char rule[256];

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		snprintf(rule, sizeof rule, "{ name = \"r\"; metric = \"pm25\"; %s }",
			cases[i].rule);
		assert_null(load(rule, ""));
		if (!strstr(buffer_text(&errors), cases[i].why))
			fail_msg("%s: %s", cases[i].rule, buffer_text(&errors));
	}
}

static void test_channels(void **unused)
{
	static const struct {
		const char *channel;
		const char *why;
	} cases[] = {
		{ "type = \"ntfy\"; url = \"https://h/\";", "url: must end in a topic" },
		{ "type = \"ntfy\"; url = \"https://h/t\"; username = \"u\";",
			"username: \"username\" and" },
		{ "type = \"ntfy\"; url = \"https://h/t\"; username = \"u\";"
		  " password_file = \"/p\"; token_file = \"/t\";",
			"token_file: only one" },
		{ "type = \"webhook\";", "url" },
		{ "type = \"webhook\"; url = \"ftp://h/\";", "url" },
		{ "type = \"webhok\"; url = \"http://h/\";", "webhook" },
		{ "type = \"console\"; language = \"fr\";", "language" },
	};
	char channel[256];

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		snprintf(channel, sizeof channel, "{ name = \"c\"; %s }",
			cases[i].channel);
		assert_null(load("", channel));
		if (!strstr(buffer_text(&errors), cases[i].why))
			fail_msg("%s: %s", cases[i].channel, buffer_text(&errors));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full_rule),
		cmocka_unit_test(test_reprint),
		cmocka_unit_test(test_what_is_refused),
		cmocka_unit_test(test_channels),
	};

	buffer_init(&errors, 65536);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	buffer_free(&errors);
	return failed;
}
