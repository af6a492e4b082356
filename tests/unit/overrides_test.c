#include "alerts/overrides.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/utf8.h"

static struct text_override rows[] = {
	{ .language = 0,
		.rule = "",
		.hazard = HAZARD_AIR + 1,
		.moment = TEXT_FIRING,
		.title = "Không khí ở {place}",
		.text = "{place} {time}: {value} ({threshold})",
		.instruction = "Ở nhà." },
	{ .language = 0,
		.rule = "dust",
		.moment = TEXT_FIRING,
		.title = "Bụi ở {place}",
		.text = "",
		.instruction = "" },
	{ .language = 1,
		.rule = "",
		.hazard = HAZARD_AIR + 1,
		.moment = TEXT_OVER,
		.title = "Clean air at {place}",
		.text = "",
		.instruction = "" },
};

static const struct config config = {
	.alerts.texts = { .items = rows, .count = 3 },
};

static struct message make_message(const char *language, const char *rule)
{
	struct message message = {
		.hazard = HAZARD_AIR,
		.metric = "pm25",
		.unit = "µg/m³",
		.station = "S",
		.station_name = "Cầu Giấy",
		.value = 200,
		.threshold = 150,
		.at_ms = 1795332900000,
		.title = "title",
		.text = "text",
		.instruction = "instruction",
	};

	snprintf(message.language, sizeof message.language, "%s", language);
	snprintf(message.rule, sizeof message.rule, "%s", rule);
	return message;
}

static void test_the_most_particular_counts(void **state)
{
	struct message message = make_message("vi", "dust");

	(void)state;
	overrides_apply(&config, &(struct text_about){ .moment = TEXT_FIRING }, &message);
	assert_string_equal(message.title, "Bụi ở Cầu Giấy");
	/* What that one leaves out comes from the next. */
	assert_string_equal(message.text, "Cầu Giấy 14:35 22/11: 200 µg/m³ (150 µg/m³)");
	assert_string_equal(message.instruction, "Ở nhà.");
	message = make_message("vi", "other");
	overrides_apply(&config, &(struct text_about){ .moment = TEXT_FIRING }, &message);
	assert_string_equal(message.title, "Không khí ở Cầu Giấy");
}

static void test_the_others_stay(void **state)
{
	struct message message = make_message("vi", "dust");

	(void)state;
	overrides_apply(&config, &(struct text_about){ .moment = TEXT_STILL }, &message);
	assert_string_equal(message.title, "title");
	message = make_message("en", "dust");
	overrides_apply(&config, &(struct text_about){ .moment = TEXT_OVER }, &message);
	assert_string_equal(message.title, "Clean air at Cầu Giấy");
	assert_string_equal(message.text, "text");
	message = make_message("vi", "dust");
	message.hazard = HAZARD_RAIN;
	overrides_apply(&config, &(struct text_about){ .moment = TEXT_FIRING }, &message);
	assert_string_equal(message.text, "text");
	/* Silence has no value. */
	message = make_message("vi", "other");
	message.value = NAN;
	overrides_apply(&config, &(struct text_about){ .moment = TEXT_FIRING }, &message);
	assert_string_equal(message.text, "text");
}

static void test_a_long_name_is_cut(void **state)
{
	struct message message = make_message("vi", "dust");

	(void)state;
	for (int i = 0; i < 25; i++)
		memcpy(message.station_name + 5 * i, "Giấy ", 6);
	message.station_name[100] = '\0';
	overrides_apply(&config, &(struct text_about){ .moment = TEXT_FIRING }, &message);
	assert_true(utf8_count(message.title) <= TEXTS_TITLE_MAX);
	assert_true(utf8_is_valid(message.title, strlen(message.title)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_most_particular_counts),
		cmocka_unit_test(test_the_others_stay),
		cmocka_unit_test(test_a_long_name_is_cut),
	};

	return cmocka_run_group_tests_name("overrides", tests, NULL, NULL);
}
