#include "alerts/texts.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/utf8.h"

static const char *const languages[] = { "vi", "en" };

static struct message make_message(const char *language, uint16_t metric)
{
	const struct metric *m = metric_by_id(metric);
	struct message message = {
		.id = "abc",
		.revision = 1,
		.rule = "rule",
		.hazard = m->hazard,
		.severity = SEVERITY_SEVERE,
		.station = "HN-CG-01",
		.station_name = "Cầu Giấy",
		.area = "hn-cau-giay",
		.value = 165.26,
		.threshold = 150,
		.since_ms = 1795332000000, /* 2026-11-22 14:20 +07:00 */
		.at_ms = 1795332900000,
		.expires_ms = 1795340000000,
	};

	snprintf(message.language, sizeof message.language, "%s", language);
	snprintf(message.metric, sizeof message.metric, "%s", m->name);
	snprintf(message.unit, sizeof message.unit, "%s", m->unit);
	return message;
}

static void test_vietnamese(void **unused)
{
	struct message message = make_message("vi", METRIC_PM25);

	(void)unused;
	texts_fill(&message, TEXT_ABOVE, TEXT_FIRING);
	assert_string_equal(message.title, "Bụi PM2.5 cao tại Cầu Giấy");
	assert_string_equal(message.text,
		"Lúc 14:35 22/11, trạm Cầu Giấy (HN-CG-01) đo bụi mịn PM2.5 165,3 µg/m³, vượt ngưỡng 150 µg/m³ từ 14:20 22/11.");
	assert_non_null(strstr(message.instruction, "khẩu trang"));
	texts_fill(&message, TEXT_ABOVE, TEXT_OVER);
	assert_string_equal(message.title, "Đã hết cảnh báo: Bụi PM2.5 cao tại Cầu Giấy");
	assert_null(strstr(message.instruction, "khẩu trang"));
}

static void test_english(void **unused)
{
	struct message message = make_message("en", METRIC_RAIN_1H);

	(void)unused;
	message.value = 52.6;
	message.threshold = 50;
	texts_fill(&message, TEXT_ABOVE, TEXT_FIRING);
	assert_string_equal(message.title, "Heavy rain at Cầu Giấy");
	assert_string_equal(message.text,
		"At 14:35 22/11, station Cầu Giấy (HN-CG-01) measured 1-hour rain 52.6 mm, above the threshold 50 mm since 14:20 22/11.");
	assert_non_null(strstr(message.instruction, "underpasses"));
	texts_fill(&message, TEXT_ABOVE, TEXT_STILL);
	assert_string_equal(message.title, "Still: Heavy rain at Cầu Giấy");
}

static void test_silence(void **unused)
{
	struct message message = make_message("vi", METRIC_PM25);

	(void)unused;
	message.hazard = HAZARD_DEVICE;
	message.value = message.threshold = NAN;
	texts_fill(&message, TEXT_ABSENT, TEXT_FIRING);
	assert_string_equal(message.title, "Mất tín hiệu bụi mịn PM2.5 tại Cầu Giấy");
	assert_string_equal(message.text,
		"Lúc 14:35 22/11: trạm Cầu Giấy (HN-CG-01) không có số liệu bụi mịn PM2.5 kể từ 14:20 22/11.");
	assert_non_null(strstr(message.instruction, "nguồn điện"));
	texts_fill(&message, TEXT_ABSENT, TEXT_OVER);
	assert_string_equal(
		message.title, "Đã có lại tín hiệu bụi mịn PM2.5 tại Cầu Giấy");
}

/* The advice on VN_AQI goes by the level that was reached, not by the rule's severity. */
static void test_vn_aqi_by_level(void **unused)
{
	static const struct {
		double value;
		const char *title;
		const char *advice;
	} cases[] = {
		{ 150, "Không khí kém (VN_AQI 150) tại Cầu Giấy", "giảm vận động mạnh" },
		{ 151, "Không khí xấu (VN_AQI 151) tại Cầu Giấy", "không tập luyện" },
		{ 201, "Không khí rất xấu (VN_AQI 201) tại Cầu Giấy", "Hạn chế tối đa" },
		{ 300, "Không khí rất xấu (VN_AQI 300) tại Cầu Giấy", "Hạn chế tối đa" },
		{ 301, "Không khí nguy hại (VN_AQI 301) tại Cầu Giấy", "đóng cửa sổ" },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct message message = make_message("vi", METRIC_VN_AQI);

		message.value = cases[i].value;
		message.threshold = 100;
		texts_fill(&message, TEXT_ABOVE, TEXT_FIRING);
		assert_string_equal(message.title, cases[i].title);
		assert_non_null(strstr(message.instruction, cases[i].advice));
		assert_non_null(strstr(message.text, "ngưỡng 100 "));
	}
}

/* 150.04 is above 150 and has to look so. */
static void test_numbers_that_differ_look_different(void **unused)
{
	struct message message = make_message("vi", METRIC_PM25);

	(void)unused;
	message.value = 150.04;
	texts_fill(&message, TEXT_ABOVE, TEXT_FIRING);
	assert_non_null(strstr(message.text, "PM2.5 150,04 µg/m³"));
	assert_non_null(strstr(message.text, "ngưỡng 150 µg/m³"));
	message.value = 150;
	texts_fill(&message, TEXT_ABOVE, TEXT_OVER);
	assert_non_null(strstr(message.text, "PM2.5 150 µg/m³"));
	message = make_message("vi", METRIC_TEMPERATURE);
	message.value = -0.01;
	message.threshold = 5;
	texts_fill(&message, TEXT_BELOW, TEXT_FIRING);
	assert_string_equal(message.title, "Trời lạnh tại Cầu Giấy");
	assert_non_null(strstr(message.text, "nhiệt độ 0 °C"));
}

static void check_text(const char *text, size_t max)
{
	assert_true(utf8_is_valid(text, strlen(text)));
	assert_true(utf8_count(text) > 0);
	if (utf8_count(text) > max)
		fail_msg("%zu characters: %s", utf8_count(text), text);
	assert_null(strchr(text, '{'));
}

/* Every text there can be, with the longest names a station can have. */
static void check_all(const char *id, const char *name, size_t *texts)
{
	for (size_t l = 0; l < 2; l++)
		for (uint16_t m = 1; m < METRIC_BUILTIN_END; m++)
			for (int c = 0; c < TEXT_CONDITION_COUNT; c++)
				for (int t = 0; t < TEXT_MOMENT_COUNT; t++)
					for (int s = 0; s < TEXT_SEVERITIES; s++) {
						struct message message =
							make_message(languages[l], m);

						snprintf(message.station,
							sizeof message.station, "%s", id);
						snprintf(message.station_name,
							sizeof message.station_name, "%s",
							name);
						message.severity = (enum severity)s;
						message.value = -123456.789;
						message.threshold = -123456.788;
						texts_fill(&message, c, t);
						check_text(
							message.title, TEXTS_TITLE_MAX);
						check_text(message.text, TEXTS_BODY_MAX);
						check_text(message.instruction,
							TEXTS_BODY_MAX);
						(*texts)++;
					}
}

static void test_all_texts_keep_their_limits(void **unused)
{
	char id[NAME_SIZE], name[128] = "";
	size_t texts = 0;

	(void)unused;
	memset(id, 'W', sizeof id - 1);
	id[sizeof id - 1] = '\0';
	while (strlen(name) + strlen("Ngữ ") < sizeof name)
		snprintf(name + strlen(name), sizeof name - strlen(name), "Ngữ ");
	check_all(id, name, &texts);
	check_all("HN-CG-01", "Cầu Giấy", &texts);
	assert_int_equal(texts, 2 * 2 * (METRIC_BUILTIN_END - 1) * 3 * 3 * 4);
}

/* The instruction is never cut, and the text only for names nobody gives. */
static void test_usual_texts_are_whole(void **unused)
{
	(void)unused;
	for (size_t l = 0; l < 2; l++)
		for (uint16_t m = 1; m < METRIC_BUILTIN_END; m++)
			for (int h = 0; h < HAZARD_COUNT; h++)
				for (int s = 0; s < TEXT_SEVERITIES; s++)
					for (int t = 0; t < TEXT_MOMENT_COUNT; t++) {
						struct message message =
							make_message(languages[l], m);

						message.hazard = h;
						message.severity = (enum severity)s;
						texts_fill(&message, TEXT_ABOVE, t);
						assert_null(strstr(message.text, "…"));
						assert_null(
							strstr(message.instruction, "…"));
						assert_non_null(
							strstr(message.text, "Cầu Giấy"));
						assert_non_null(
							strstr(message.text, "14:35"));
					}
}

/* A name from outside cannot fill in anything, nor break a character. */
static void test_names_from_outside(void **unused)
{
	struct message message = make_message("vi", METRIC_PM25);

	(void)unused;
	snprintf(message.station_name, sizeof message.station_name, "{value}{head}");
	texts_fill(&message, TEXT_ABOVE, TEXT_FIRING);
	assert_string_equal(message.title, "Bụi PM2.5 cao tại {value}{head}");
	snprintf(message.station_name, sizeof message.station_name, "C\xe1\xba");
	texts_fill(&message, TEXT_ABOVE, TEXT_FIRING);
	assert_string_equal(message.title, "Bụi PM2.5 cao tại C");
	snprintf(message.station_name, sizeof message.station_name, "%s",
		"Trạm quan trắc không khí tự động liên tục phường Cầu Giấy");
	texts_fill(&message, TEXT_ABOVE, TEXT_FIRING);
	assert_string_equal(message.title,
		"Bụi PM2.5 cao tại Trạm quan trắc không khí tự động liên t…");
	assert_int_equal(utf8_count(message.title), 18 + 40);
}

static void test_declared_metric(void **unused)
{
	struct message message = make_message("vi", METRIC_PM25);

	(void)unused;
	snprintf(message.metric, sizeof message.metric, "water_level");
	snprintf(message.unit, sizeof message.unit, "m");
	message.hazard = HAZARD_WATER;
	message.value = 3.25;
	message.threshold = 3;
	texts_fill(&message, TEXT_ABOVE, TEXT_FIRING);
	assert_string_equal(message.title, "Nước dâng: water_level cao tại Cầu Giấy");
	assert_non_null(strstr(message.text, "vượt ngưỡng 3 m"));
}

static void test_trial(void **unused)
{
	struct message message = make_message("vi", METRIC_PM25);

	(void)unused;
	texts_fill_trial(&message);
	assert_string_equal(message.title, "Thử cảnh báo từ Cầu Giấy");
	check_text(message.text, TEXTS_BODY_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vietnamese),
		cmocka_unit_test(test_english),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_vn_aqi_by_level),
		cmocka_unit_test(test_numbers_that_differ_look_different),
		cmocka_unit_test(test_all_texts_keep_their_limits),
		cmocka_unit_test(test_usual_texts_are_whole),
		cmocka_unit_test(test_names_from_outside),
		cmocka_unit_test(test_declared_metric),
		cmocka_unit_test(test_trial),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
