/* Every text of the catalogues: is all in it that people must be told? */
#include "alerts/texts.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/utf8.h"
#include "tests/unit/filled_text.h"

/* One text of them, by where it stands. */
struct which {
	const char *language;
	uint16_t metric;
	enum text_condition condition;
	enum text_moment moment;
	enum severity severity;
};

static struct message make_message(const struct which *which)
{
	const struct metric *metric = metric_by_id(which->metric);
	bool absent = which->condition == TEXT_ABSENT;
	struct message message = {
		.hazard = absent ? HAZARD_DEVICE : metric->hazard,
		.severity = which->severity,
		.station = "HN-CG-01",
		.station_name = "Cầu Giấy",
		.area = "hn-cau-giay",
		.value = absent ? NAN : 165,
		.threshold = absent ? NAN : 151,
		.since_ms = 1795332000000, /* 2026-11-22 14:20 +07:00 */
		.at_ms = 1795332900000,
	};

	snprintf(message.language, sizeof message.language, "%s", which->language);
	snprintf(message.metric, sizeof message.metric, "%s", metric->name);
	snprintf(message.unit, sizeof message.unit, "%s", metric->unit);
	return message;
}

/* A mark apart from its letter: what is written in these two languages is NFC without. */
static bool has_loose_marks(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)text[0] == 0xcc ||
			((unsigned char)text[0] == 0xcd && (unsigned char)text[1] < 0xb0))
			return true;
	return false;
}

static void check_form(const char *text, size_t most)
{
	if (!*text || utf8_count(text) > most || !utf8_is_valid(text, strlen(text)) ||
		strpbrk(text, "{}") || has_loose_marks(text) || strstr(text, "  "))
		fail_msg("%zu of %zu: \"%s\"", utf8_count(text), most, text);
}

static void must_have(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in \"%s\"", part, text);
}

static void check_message(const struct which *which)
{
	struct message message = make_message(which);

	fill_text(&message, which->condition, which->moment);
	check_form(message.title, TEXTS_TITLE_MAX);
	check_form(message.text, TEXTS_BODY_MAX);
	check_form(message.instruction, TEXTS_BODY_MAX);
	must_have(message.title, "Cầu Giấy");
	must_have(message.text, "Cầu Giấy (HN-CG-01)");
	must_have(message.text, "14:35 22/11");
	must_have(message.text, "14:20 22/11");
	if (which->condition != TEXT_ABSENT) {
		must_have(message.text, "165");
		must_have(message.text, "151");
	}
}

static void for_all(void (*check)(const struct which *which))
{
	static const char *const languages[] = { "vi", "en" };
	struct which which;

	for (size_t l = 0; l < 2; l++)
		for (int m = 1; m < METRIC_BUILTIN_END; m++)
			for (int c = 0; c < TEXT_CONDITION_COUNT; c++)
				for (int t = 0; t <= TEXT_OVER; t++)
					for (int s = 0; s < TEXT_SEVERITIES; s++) {
						which = (struct which){ languages[l],
							(uint16_t)m, c, t, s };
						check(&which);
					}
}

static void test_every_text_says_all(void **state)
{
	(void)state;
	for_all(check_message);
}

static void check_late(const struct which *which)
{
	struct message message = make_message(which), late;

	fill_text(&message, which->condition, which->moment);
	message.resolved = which->moment == TEXT_OVER;
	late = message;
	texts_mark_late(&late);
	check_form(late.title, TEXTS_TITLE_MAX);
	check_form(late.text, TEXTS_BODY_MAX);
	assert_string_not_equal(late.text, message.text);
	must_have(late.text, "14:35 22/11");
	if (which->moment == TEXT_FIRING)
		assert_string_not_equal(late.title, message.title);
	else
		assert_string_equal(late.title, message.title);
}

static void test_every_text_can_be_late(void **state)
{
	(void)state;
	for_all(check_late);
}

/* The Decision's advice on every level that is bad for the whole names the sensitive. */
static void test_advice_for_both_groups(void **state)
{
	static const char *const sensitive[] = { "Người già, trẻ em", "lderly" };

	(void)state;
	for (int language = 0; language < 2; language++)
		for (double value = 75; value < 300; value += 50) {
			const struct which which = { language ? "en" : "vi",
				METRIC_VN_AQI, TEXT_ABOVE, TEXT_FIRING, SEVERITY_MINOR };
			struct message message = make_message(&which);

			message.value = value;
			fill_text(&message, TEXT_ABOVE, TEXT_FIRING);
			must_have(message.instruction, sensitive[language]);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_text_says_all),
		cmocka_unit_test(test_every_text_can_be_late),
		cmocka_unit_test(test_advice_for_both_groups),
	};

	return cmocka_run_group_tests_name("texts_all", tests, NULL, NULL);
}
