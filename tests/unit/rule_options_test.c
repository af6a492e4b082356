/* Rules and channels as users write them. */
#include "alerts/rule.h"

#include <limits.h>
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

/* The rule called NAME. */
static const struct rule *rule_of(const struct config *config, const char *name)
{
	const struct rule *rules = config->alerts.rules.items;

	for (size_t i = 0; i < config->alerts.rules.count; i++) {
		if (!strcmp(rules[i].name, name))
			return &rules[i];
	}
	fail_msg("no rule %s", name);
	return NULL;
}

/* Categories by name are numbers for the rules, and names for people. */
static void test_categories(void **unused)
{
	static const struct {
		const char *rule;
		double level, clear;
		bool inclusive;
		const char *printed;
	} cases[] = {
		{ "metric = \"vn_aqi\"; at_least = \"xấu\";", 151, NAN, true,
			"at_least = \"xấu\";" },
		{ "metric = \"vn_aqi_day\"; above = \"KÉM\";", 150, NAN, false,
			"above = \"KÉM\";" },
		{ "metric = \"vn_aqi\"; at_least = \"rat xau\"; clear_below = \"Bad\";",
			201, 151, true, "clear_below = \"Bad\";" },
		{ "metric = \"us_aqi\"; at_least = \"Unhealthy\"; clear_below = 140;",
			151, 140, true, "clear_below = 140.0;" },
		{ "metric = \"eaqi\"; above = \"moderate\";", 3, NAN, false,
			"above = \"moderate\";" },
		{ "metric = \"eaqi\"; at_least = \"rất kém\";", 5, NAN, true,
			"at_least = \"rất kém\";" },
		{ "above = \"kém\"; metric = \"vn_aqi\";", 150, NAN, false,
			"above = \"kém\";" },
	};
	struct buffer printed;
	char rule[256];

	(void)unused;
	buffer_init(&printed, 65536);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		snprintf(rule, sizeof rule, "{ name = \"r\"; %s }", cases[i].rule);
		struct config *config = load(rule, "");
		assert_string_equal(buffer_text(&errors), "");
		const struct rule *read = rule_of(config, "r");
		struct rule_step step = rule_step(read, 0);
		assert_true(step.level == cases[i].level);
		assert_true(step.clear == cases[i].clear ||
			(isnan(step.clear) && isnan(cases[i].clear)));
		assert_true(read->inclusive == cases[i].inclusive);
		buffer_clear(&printed);
		config_print(config, &printed);
		assert_non_null(strstr(buffer_text(&printed), cases[i].printed));
		config_free(config);
	}
	buffer_free(&printed);
}

static void test_all_of_a_rule(void **unused)
{
	struct config *config = load(
		"{ name = \"r\"; metric = \"pm25\"; average = \"1h\"; min_complete = 0.5;"
		" steps = ( { above = 100; clear_below = 90; severity = \"moderate\"; },"
		"           { above = 150.5; severity = \"severe\"; } ); tell_easing = true;"
		" repeat = \"1h\"; repeat_widening = 2; repeat_max = \"8h\";"
		" quiet = \"22:00-06:30\"; quiet_broken_by = \"severe\"; min_readings = 20;"
		" scope = \"area\"; stations_over = 2; of = 3; },"
		"{ name = \"m\"; metric = \"pm25\"; maximum = \"30m\"; below = 1;"
		"  sensors_over = 2; quiet = \"12:00-24:00\"; },"
		"{ name = \"j\"; metric = \"pm25\"; rise = 30; within = \"10m\"; clear_below = 5; }",
		"");

	(void)unused;
	assert_string_equal(buffer_text(&errors), "");
	const struct rule *rule = rule_of(config, "r");
	assert_int_equal(rule->measure, RULE_AVERAGE);
	assert_int_equal(rule->window, HOUR);
	assert_true(rule->min_complete == 0.5);
	assert_int_equal(rule_step_count(rule), 2);
	assert_true(rule->steps[0].level == 100 && rule->steps[0].clear == 90);
	assert_int_equal(rule->steps[0].severity, SEVERITY_MODERATE);
	assert_true(rule->steps[1].level == 150.5 && isnan(rule->steps[1].clear));
	assert_int_equal(rule->steps[1].severity, SEVERITY_SEVERE);
	assert_true(rule->above == 100 && isnan(rule->below) && !rule->inclusive);
	assert_true(rule->tell_easing && rule->widening == 2);
	assert_int_equal(rule->repeat_max, 8 * HOUR);
	assert_int_equal(rule->quiet.from, 22 * 60);
	assert_int_equal(rule->quiet.to, 6 * 60 + 30);
	assert_int_equal(rule->quiet.broken_by, SEVERITY_SEVERE);
	assert_int_equal(rule->min_readings, 20);
	assert_int_equal(rule->scope, RULE_OF_AREA);
	assert_int_equal(rule->stations_over, 2);
	assert_int_equal(rule->of, 3);
	rule = rule_of(config, "m");
	assert_int_equal(rule->measure, RULE_MAXIMUM);
	assert_true(rule->below == 1 && isnan(rule->above) && rule->min_complete == 0.75);
	assert_int_equal(rule->sensors_over, 2);
	assert_int_equal(rule->quiet.to, 24 * 60);
	rule = rule_of(config, "j");
	assert_int_equal(rule->measure, RULE_RISE);
	assert_int_equal(rule->window, 10 * MINUTE);
	assert_true(rule->above == 30 && rule->inclusive && rule->clear_below == 5);
	config_free(config);
}

/* The presets say what the regulations say (reference figures, not the files' own). */
static void test_presets(void **unused)
{
	static const struct {
		const char *name, *metric;
		int64_t window;
		double levels[3];
		int mildest;
	} cases[] = {
		{ "vn-aqi", "vn_aqi", 0, { 151, 201, 301 }, SEVERITY_MODERATE },
		{ "hanoi-rain", "rain_1h", 0, { 50, 70, 100 }, SEVERITY_MODERATE },
		{ "rain-12h", "rain_12h", 0, { 25, 50, 0 }, SEVERITY_MINOR },
		{ "rain-24h", "rain_24h", 0, { 50, 100, 0 }, SEVERITY_MINOR },
		{ "qcvn-so2-1h", "so2_1h", 0, { 350, 0, 0 }, SEVERITY_MINOR },
		{ "qcvn-no2-1h", "no2_1h", 0, { 200, 0, 0 }, SEVERITY_MINOR },
		{ "qcvn-co-1h", "co_1h", 0, { 30000, 0, 0 }, SEVERITY_MINOR },
		{ "qcvn-o3-1h", "o3_1h", 0, { 200, 0, 0 }, SEVERITY_MINOR },
		{ "qcvn-tsp-1h", "tsp", HOUR, { 300, 0, 0 }, SEVERITY_MINOR },
		{ "qcvn-co-8h", "co", 8 * HOUR, { 10000, 0, 0 }, SEVERITY_MINOR },
		{ "qcvn-o3-8h", "o3", 8 * HOUR, { 120, 0, 0 }, SEVERITY_MINOR },
		{ "qcvn-so2-24h", "so2", 24 * HOUR, { 125, 0, 0 }, SEVERITY_MINOR },
		{ "qcvn-no2-24h", "no2", 24 * HOUR, { 100, 0, 0 }, SEVERITY_MINOR },
		{ "qcvn-tsp-24h", "tsp", 24 * HOUR, { 200, 0, 0 }, SEVERITY_MINOR },
		{ "qcvn-pm10-24h", "pm10", 24 * HOUR, { 100, 0, 0 }, SEVERITY_MINOR },
		{ "qcvn-pm25-24h", "pm25", 24 * HOUR, { 45, 0, 0 }, SEVERITY_MINOR },
	};
	static const char *const files[] = { "vn-aqi", "hanoi-rain", "rain-classes",
		"qcvn-05-2023", "station-silent" };
	char folder[PATH_MAX], rules[8192] = "";

	(void)unused;
	assert_non_null(realpath("config/presets", folder));
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		size_t used = strlen(rules);

		snprintf(rules + used, sizeof rules - used, "\n@include \"%s/%s.conf\"\n",
			folder, files[i]);
	}
	struct config *config = load(rules, "");
	assert_string_equal(buffer_text(&errors), "");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct rule *rule = rule_of(config, cases[i].name);

		assert_string_equal(rule->metric->name, cases[i].metric);
		assert_int_equal(rule->window, cases[i].window);
		for (int s = 0; s < rule_step_count(rule); s++) {
			assert_true(rule_step(rule, s).level == cases[i].levels[s]);
			assert_int_equal(
				rule_step(rule, s).severity, cases[i].mildest + s);
			assert_true(rule_step(rule, s).clear < cases[i].levels[s]);
		}
		assert_true(rule_step_count(rule) == 3 ||
			cases[i].levels[rule_step_count(rule)] == 0);
	}
	assert_int_equal(rule_of(config, "silent-dust")->absent_for, 15 * MINUTE);
	assert_int_equal(rule_of(config, "silent-rain")->absent_for, 30 * MINUTE);
	assert_int_equal(config->alerts.rules.count, sizeof cases / sizeof *cases + 2);
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
		{ "above = 1; at_least = 1;", "at_least: only one of" },
		{ "above = 1; rise = 1; within = \"1m\";", "rise: only one of" },
		{ "above = 1; steps = ( { above = 1; severity = \"minor\"; } );",
			"steps: only one of" },
		{ "above = \"xấu\";", "above: a number is expected: pm25 is no index" },
		{ "above = \"12\";", "above: a number is expected, not text" },
		{ "above = true;", "above: a number, or a name in quotes, is expected" },
		{ "rise = 5;", "rise: needs \"within\"" },
		{ "above = 1; within = \"5m\";", "within: needs \"rise\"" },
		{ "rise = 5; within = \"5s\";", "within: \"5s\" is out of range" },
		{ "rise = 5; within = \"5m\"; clear_below = 6;",
			"clear_below: must not be greater than \"rise\" (5)" },
		{ "rise = 5; within = \"5m\"; average = \"1h\";",
			"average: has no meaning" },
		{ "above = 5; maximum = \"5m\"; average = \"1h\";",
			"maximum: only one of" },
		{ "above = 5; min_complete = 0.5;", "min_complete: needs" },
		{ "above = 5; average = \"1h\"; min_complete = 1.5;",
			"min_complete: 1.5 is out" },
		{ "above = 1; repeat_widening = 2;",
			"repeat_widening: needs \"repeat\"" },
		{ "above = 1; repeat = \"1h\"; repeat_widening = 0.5;",
			"repeat_widening: 0.5" },
		{ "above = 1; repeat = \"1h\"; repeat_max = \"2h\";",
			"repeat_max: needs \"repeat_widening\"" },
		{ "above = 1; repeat = \"1h\"; repeat_widening = 2; repeat_max = \"30m\";",
			"repeat_max: must not be less" },
		{ "above = 1; quiet = \"22-06\";", "quiet: \"22-06\" are no hours" },
		{ "above = 1; quiet = \"22:00-24:01\";",
			"quiet: \"22:00-24:01\" are no" },
		{ "above = 1; quiet = \"22:60-06:00\";",
			"quiet: \"22:60-06:00\" are no" },
		{ "above = 1; quiet = \"22:00-06:00 \";",
			"quiet: \"22:00-06:00 \" are no" },
		{ "above = 1; quiet = \"00:00-24:00\";", "quiet: begins when it ends" },
		{ "above = 1; quiet = \"22:00-06:00\"; severity = \"extreme\";",
			"quiet: has no effect" },
		{ "above = 1; quiet = \"22:00-06:00\"; quiet_broken_by = \"minor\";",
			"quiet: has no effect" },
		{ "above = 1; min_readings = 0;", "min_readings: 0 is out of range" },
		{ "above = 1; of = 3;", "of: needs \"sensors_over\"" },
		{ "above = 1; of = 2; sensors_over = 3;", "of: must not be less" },
		{ "above = 1; sensors_over = 17;", "sensors_over: 17 is out of range" },
		{ "above = 1; stations_over = 2;", "stations_over: needs scope" },
		{ "above = 1; scope = \"area\"; sensors_over = 2;",
			"sensors_over: is for one" },
		{ "above = 1; scope = \"area\"; of = 2;", "of: needs \"stations_over\"" },
		{ "above = 1; scope = \"city\";", "scope" },
		{ "above = 1; tell_easing = true;", "tell_easing: needs two" },
		{ "absent_for = \"1m\"; min_readings = 2;",
			"min_readings: has no meaning" },
		{ "absent_for = \"1m\"; average = \"1h\";", "average: has no meaning" },
		{ "absent_for = \"1m\"; sensors_over = 1;",
			"sensors_over: has no meaning" },
	};
	char rule[256];

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		snprintf(rule, sizeof rule, "{ name = \"r\"; metric = \"pm25\"; %s }",
			cases[i].rule);
		if (load(rule, ""))
			fail_msg("%s: taken", rule);
		if (!strstr(buffer_text(&errors), cases[i].why))
			fail_msg("%s: %s", cases[i].rule, buffer_text(&errors));
	}
}

static void test_which_steps_are_refused(void **unused)
{
	static const struct {
		const char *steps;
		const char *why;
	} cases[] = {
		{ "{ above = 1; }", "severity: missing" },
		{ "{ severity = \"minor\"; }", "a step has one of" },
		{ "{ above = 1; below = 2; severity = \"minor\"; }",
			"below: a step has one of" },
		{ "{ above = 1; severity = \"minor\"; }, { below = 2; severity = \"severe\"; }",
			"below: the steps before have \"above\"" },
		{ "{ above = 1; severity = \"minor\"; }, { above = 1; severity = \"severe\"; }",
			"above: must be greater than the step before (1)" },
		{ "{ below = 1; severity = \"minor\"; }, { below = 2; severity = \"severe\"; }",
			"below: must be less than the step before (1)" },
		{ "{ above = 1; severity = \"severe\"; }, { above = 2; severity = \"severe\"; }",
			"severity: must be worse than the step before (severe)" },
		{ "{ above = 1; clear_below = 2; severity = \"minor\"; }",
			"clear_below: must not be greater" },
		{ "{ above = 5; clear_above = 2; severity = \"minor\"; }",
			"clear_above: needs" },
		{ "{ above = 5; severity = \"minor\"; },"
		  "{ above = 9; clear_below = 4; severity = \"severe\"; }",
			"clear_below: the step before would be over first (5)" },
		{ "{ rise = 1; severity = \"minor\"; }", "rise: needs \"within\"" },
		{ "{ above = 1; severity = \"minor\"; }, { above = 2; severity = \"moderate\"; },"
		  "{ above = 3; severity = \"severe\"; }, { above = 4; severity = \"extreme\"; },"
		  "{ above = 5; severity = \"extreme\"; }",
			"steps: at most 4" },
		{ "{ above = \"xấu\"; severity = \"minor\"; }",
			"above: a number is expected" },
	};
	char rule[512];

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		snprintf(rule, sizeof rule,
			"{ name = \"r\"; metric = \"pm25\"; steps = ( %s ); }",
			cases[i].steps);
		if (load(rule, ""))
			fail_msg("%s: taken", rule);
		if (!strstr(buffer_text(&errors), cases[i].why))
			fail_msg("%s: %s", cases[i].steps, buffer_text(&errors));
	}
	/* What belongs to the steps. */
	assert_null(load(
		"{ name = \"r\"; metric = \"pm25\"; clear_below = 1; clear_above = 1;"
		" severity = \"severe\"; steps = ( { above = 2; severity = \"minor\"; } ); }",
		""));
	assert_non_null(strstr(buffer_text(&errors), "clear_below: each of the steps"));
	assert_non_null(strstr(buffer_text(&errors), "clear_above: each of the steps"));
	assert_non_null(strstr(buffer_text(&errors), "severity: each of the steps"));
}

static void test_channels(void **unused)
{
	static const struct {
		const char *channel;
		const char *why;
	} cases[] = {
		{ "type = \"ntfy\"; url = \"https://h/\";", "url: must end in a topic" },
		{ "type = \"ntfy\"; url = \"https://h/t\"; username = \"u\";",
			"username: needs password_file" },
		{ "type = \"ntfy\"; url = \"https://h/t\"; username = \"u\";"
		  " password_file = \"/p\"; token_file = \"/t\";",
			"username: goes with password_file, not with token_file" },
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
		cmocka_unit_test(test_categories),
		cmocka_unit_test(test_all_of_a_rule),
		cmocka_unit_test(test_presets),
		cmocka_unit_test(test_reprint),
		cmocka_unit_test(test_what_is_refused),
		cmocka_unit_test(test_which_steps_are_refused),
		cmocka_unit_test(test_channels),
	};

	buffer_init(&errors, 65536);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	buffer_free(&errors);
	return failed;
}
