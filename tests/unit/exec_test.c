#include "alerts/exec.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct message make_message(void)
{
	return (struct message){
		.id = "2abc",
		.revision = 3,
		.rule = "downpour",
		.hazard = HAZARD_RAIN,
		.severity = SEVERITY_EXTREME,
		.station = "HN-CG-01",
		.station_name = "Cầu Giấy",
		.area = "hn-cau-giay",
		.metric = "rain_1h",
		.unit = "mm",
		.value = 61.5,
		.threshold = 50,
		.at_ms = INT64_C(1795300000000),
		.title = "Mưa rất to; $(reboot)",
		.text = "Lúc 14:35",
		.instruction = "Ở nơi cao",
	};
}

static void test_arguments(void **state)
{
	const char *values[] = { "--level={severity}", "{title}", "", "{unknown} $HOME" };
	const struct option_strings list = { .values = values, .count = 4 };
	struct message message = make_message();
	struct exec_words words;

	(void)state;
	assert_true(exec_arguments(&message, "/usr/bin/siren", &list, &words));
	assert_int_equal(words.count, 5);
	assert_string_equal(words.words[0], "/usr/bin/siren");
	assert_string_equal(words.words[1], "--level=extreme");
	assert_string_equal(words.words[2], "Mưa rất to; $(reboot)");
	assert_string_equal(words.words[3], "");
	assert_string_equal(words.words[4], "{unknown} $HOME");
	assert_null(words.words[5]);
	exec_words_free(&words);
}

static bool has(const struct exec_words *words, const char *word)
{
	for (size_t i = 0; i < words->count; i++) {
		if (!strcmp(words->words[i], word))
			return true;
	}
	return false;
}

static void test_environment(void **state)
{
	struct message message = make_message();
	struct exec_words words;

	(void)state;
	message.resolved = true;
	assert_true(exec_environment(&message, &words));
	assert_true(has(&words, "MUABUI_ID=2abc"));
	assert_true(has(&words, "MUABUI_REVISION=3"));
	assert_true(has(&words, "MUABUI_STATE=resolved"));
	assert_true(has(&words, "MUABUI_SEVERITY=extreme"));
	assert_true(has(&words, "MUABUI_STATION_NAME=Cầu Giấy"));
	assert_true(has(&words, "MUABUI_VALUE=61.5"));
	assert_true(has(&words, "MUABUI_INSTRUCTION=Ở nơi cao"));
	assert_true(has(&words, "MUABUI_TEST=0"));
	exec_words_free(&words);
}

/* Wait statuses as Linux has them. */
static void test_outcomes(void **state)
{
	static const struct {
		int status;
		enum outcome outcome;
		const char *reason;
	} rows[] = {
		{ 0, OUTCOME_DONE, "" },
		{ 75 << 8, OUTCOME_RETRY, "exit status 75: no way" },
		{ 1 << 8, OUTCOME_REFUSED, "exit status 1: no way" },
		{ 127 << 8, OUTCOME_REFUSED, "exit status 127: no way" },
		{ 11, OUTCOME_REFUSED, "ended by signal 11: no way" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct answer answer;

		exec_judge(rows[i].status, "no\n\x1bway\n", 8, &answer);
		assert_int_equal(answer.outcome, rows[i].outcome);
		if (strcmp(rows[i].reason, answer.reason) &&
			!strstr(answer.reason, rows[i].reason))
			fail_msg("%s", answer.reason);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_outcomes),
	};

	return cmocka_run_group_tests_name("exec", tests, NULL, NULL);
}
