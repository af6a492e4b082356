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
	fill_text(&message, TEXT_ABOVE, TEXT_FIRING);
	assert_string_equal(message.title, "Bụi PM2.5 cao tại Cầu Giấy");
	assert_string_equal(message.text,
		"Lúc 14:35 22/11, trạm Cầu Giấy (HN-CG-01) đo bụi mịn PM2.5 165,3 µg/m³, vượt ngưỡng 150 µg/m³ từ 14:20 22/11.");
	assert_non_null(strstr(message.instruction, "khẩu trang"));
	fill_text(&message, TEXT_ABOVE, TEXT_OVER);
	assert_string_equal(message.title, "Đã hết cảnh báo: Bụi PM2.5 cao tại Cầu Giấy");
	assert_null(strstr(message.instruction, "khẩu trang"));
}

static void test_english(void **unused)
{
	struct message message = make_message("en", METRIC_RAIN_1H);

	(void)unused;
	message.value = 52.6;
	message.threshold = 50;
	fill_text(&message, TEXT_ABOVE, TEXT_FIRING);
	assert_string_equal(message.title, "Heavy rain at Cầu Giấy");
	assert_string_equal(message.text,
		"At 14:35 22/11, station Cầu Giấy (HN-CG-01) measured 1-hour rain 52.6 mm, above the threshold 50 mm since 14:20 22/11.");
	assert_non_null(strstr(message.instruction, "underpasses"));
	fill_text(&message, TEXT_ABOVE, TEXT_STILL);
	assert_string_equal(message.title, "Still: Heavy rain at Cầu Giấy");
}

/* What low-cost sensors say of the air is said to be so, with the source. */
static void test_indicative(void **unused)
{
	struct text_about about = { .condition = TEXT_ABOVE, .is_indicative = true };
	struct message message = make_message("vi", METRIC_PM25);

	(void)unused;
	texts_fill_about(&message, &about);
	assert_non_null(
		strstr(message.text, "trạm Cầu Giấy (HN-CG-01, giá trị tham khảo) đo"));
	assert_null(strstr(message.title, "tham khảo"));
	message = make_message("en", METRIC_PM25);
	texts_fill_about(&message, &about);
	assert_non_null(strstr(
		message.text, "station Cầu Giấy (HN-CG-01, indicative values) measured"));
	snprintf(
		message.station_name, sizeof message.station_name, "%s", message.station);
	texts_fill_about(&message, &about);
	assert_non_null(
		strstr(message.text, "station HN-CG-01 (indicative values) measured"));
	about.is_area = true;
	texts_fill_about(&message, &about);
	assert_non_null(strstr(
		message.text, "the stations at HN-CG-01 (indicative values) measured"));
}

static void test_silence(void **unused)
{
	struct message message = make_message("vi", METRIC_PM25);

	(void)unused;
	message.hazard = HAZARD_DEVICE;
	message.value = message.threshold = NAN;
	fill_text(&message, TEXT_ABSENT, TEXT_FIRING);
	assert_string_equal(message.title, "Mất tín hiệu bụi mịn PM2.5 tại Cầu Giấy");
	assert_string_equal(message.text,
		"Lúc 14:35 22/11: trạm Cầu Giấy (HN-CG-01) không có số liệu bụi mịn PM2.5 kể từ 14:20 22/11.");
	assert_non_null(strstr(message.instruction, "nguồn điện"));
	fill_text(&message, TEXT_ABSENT, TEXT_OVER);
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
		fill_text(&message, TEXT_ABOVE, TEXT_FIRING);
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
	fill_text(&message, TEXT_ABOVE, TEXT_FIRING);
	assert_non_null(strstr(message.text, "PM2.5 150,04 µg/m³"));
	assert_non_null(strstr(message.text, "ngưỡng 150 µg/m³"));
	message.value = 150;
	fill_text(&message, TEXT_ABOVE, TEXT_OVER);
	assert_non_null(strstr(message.text, "PM2.5 150 µg/m³"));
	message = make_message("vi", METRIC_TEMPERATURE);
	message.value = -0.01;
	message.threshold = 5;
	fill_text(&message, TEXT_BELOW, TEXT_FIRING);
	assert_string_equal(message.title, "Trời lạnh tại Cầu Giấy");
	assert_non_null(strstr(message.text, "nhiệt độ 0 °C"));
}

/* Means, maxima, rises, thresholds that are enough, areas, steps up. */
static void test_what_it_is_about(void **unused)
{
	static const struct {
		const char *language;
		struct text_about about;
		const char *title, *text;
	} cases[] = {
		{ "vi", { .measure = RULE_AVERAGE, .window_ms = 24 * 3600000 },
			"Bụi PM2.5 cao tại Cầu Giấy",
			"Lúc 14:35 22/11, trạm Cầu Giấy (HN-CG-01) đo bụi mịn PM2.5 (trung bình 24 giờ) 165,3 µg/m³, vượt ngưỡng 150 µg/m³ từ 14:20 22/11." },
		{ "en",
			{ .measure = RULE_MAXIMUM,
				.window_ms = 3600000,
				.inclusive = true },
			"High PM2.5 at Cầu Giấy",
			"At 14:35 22/11, station Cầu Giấy (HN-CG-01) measured PM2.5 fine dust (highest in 1 hour) 165.3 µg/m³, at or above the threshold 150 µg/m³ since 14:20 22/11." },
		{ "vi", { .measure = RULE_RISE, .window_ms = 600000, .inclusive = true },
			"Tăng nhanh: bụi mịn PM2.5 tại Cầu Giấy",
			"Lúc 14:35 22/11, trạm Cầu Giấy (HN-CG-01) đo bụi mịn PM2.5 tăng 165,3 µg/m³ trong 10 phút, đạt ngưỡng 150 µg/m³." },
		{ "en", { .measure = RULE_RISE, .window_ms = 90000, .moment = TEXT_OVER },
			"All clear: Rapid rise: PM2.5 fine dust at Cầu Giấy",
			"At 14:35 22/11, station Cầu Giấy (HN-CG-01) measured a rise of PM2.5 fine dust by only 165.3 µg/m³ within 90 seconds (threshold 150 µg/m³). The alert since 14:20 22/11 is over." },
		{ "vi", { .moment = TEXT_WORSE, .is_area = true },
			"Nặng hơn: Bụi PM2.5 cao tại Cầu Giấy",
			"Lúc 14:35 22/11, các trạm ở Cầu Giấy đo bụi mịn PM2.5 165,3 µg/m³, nay vượt ngưỡng 150 µg/m³. Cảnh báo có từ 14:20 22/11." },
		{ "en",
			{ .moment = TEXT_FIRING,
				.condition = TEXT_ABSENT,
				.is_area = true },
			"No data: PM2.5 fine dust at Cầu Giấy",
			"At 14:35 22/11: no data of PM2.5 fine dust from the stations at Cầu Giấy since 14:20 22/11." },
		{ "en", { .measure = RULE_AVERAGE, .window_ms = 7 * 86400000LL },
			"High PM2.5 at Cầu Giấy",
			"At 14:35 22/11, station Cầu Giấy (HN-CG-01) measured PM2.5 fine dust (mean of 7 days) 165.3 µg/m³, above the threshold 150 µg/m³ since 14:20 22/11." },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct message message = make_message(cases[i].language, METRIC_PM25);

		texts_fill_about(&message, &cases[i].about);
		assert_string_equal(message.title, cases[i].title);
		assert_string_equal(message.text, cases[i].text);
	}
}

static void test_what_a_rule_is_about(void **unused)
{
	struct rule rule = { .metric = metric_by_id(METRIC_PM25),
		.above = NAN,
		.below = 5,
		.measure = RULE_MAXIMUM,
		.window = 600000,
		.scope = RULE_OF_AREA };
	struct rule_event event = { .kind = RULE_ESCALATE };
	struct text_about about = text_about_event(&rule, &event);

	(void)unused;
	assert_int_equal(about.condition, TEXT_BELOW);
	assert_int_equal(about.moment, TEXT_WORSE);
	assert_int_equal(about.measure, RULE_MAXIMUM);
	assert_int_equal(about.window_ms, 600000);
	assert_true(about.is_area);
	event = (struct rule_event){ .kind = RULE_FIRE, .late = true };
	rule.absent_for = 1;
	about = text_about_event(&rule, &event);
	assert_int_equal(about.condition, TEXT_ABSENT);
	assert_int_equal(about.moment, TEXT_STILL);
}

/* Each index by its own categories, in words that fit a title. */
static void test_categories(void **unused)
{
	static const struct {
		uint16_t metric;
		double value;
		const char *vi, *en;
	} cases[] = {
		{ METRIC_VN_AQI, 201, "Không khí rất xấu (VN_AQI 201) tại Cầu Giấy",
			"Very bad air (VN_AQI 201) at Cầu Giấy" },
		{ METRIC_VN_AQI_DAY, 151, "Không khí xấu (VN_AQI ngày 151) tại Cầu Giấy",
			"Bad air (VN_AQI of the day 151) at Cầu Giấy" },
		{ METRIC_US_AQI, 120,
			"AQI Mỹ 120: không lành mạnh cho nhóm nhạy cảm tại Cầu Giấy",
			"US AQI 120: unhealthy for sensitive groups at Cầu Giấy" },
		{ METRIC_EAQI, 6, "Không khí cực kỳ kém (AQI châu Âu 6) tại Cầu Giấy",
			"Extremely poor air (European AQI 6) at Cầu Giấy" },
	};

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct message message = make_message("vi", cases[i].metric);

		message.value = cases[i].value;
		fill_text(&message, TEXT_ABOVE, TEXT_FIRING);
		assert_string_equal(message.title, cases[i].vi);
		message = make_message("en", cases[i].metric);
		message.value = cases[i].value;
		fill_text(&message, TEXT_ABOVE, TEXT_FIRING);
		assert_string_equal(message.title, cases[i].en);
		/* What a rise of an index means no category says. */
		const struct text_about rise = {
			.condition = TEXT_ABOVE, .measure = RULE_RISE, .window_ms = 1000
		};
		texts_fill_about(&message, &rise);
		assert_non_null(strstr(message.title, "Rapid rise: "));
	}
}

static void check_text(const char *text, size_t max)
{
	assert_true(utf8_is_valid(text, strlen(text)));
	assert_true(utf8_count(text) > 0);
	if (utf8_count(text) > max)
		fail_msg("%zu characters: %s", utf8_count(text), text);
	assert_null(strchr(text, '{'));
}

static void check_message(const char *language, uint16_t metric, const char *id,
	const char *name, const struct text_about *about)
{
	for (int s = 0; s < TEXT_SEVERITIES; s++) {
		struct message message = make_message(language, metric);

		snprintf(message.station, sizeof message.station, "%s", id);
		snprintf(message.station_name, sizeof message.station_name, "%s", name);
		message.severity = (enum severity)s;
		message.value = -123456.789;
		message.threshold = -123456.788;
		texts_fill_about(&message, about);
		check_text(message.title, TEXTS_TITLE_MAX);
		check_text(message.text, TEXTS_BODY_MAX);
		check_text(message.instruction, TEXTS_BODY_MAX);
	}
}

/* Every text there can be, with the longest names a station can have. */
static void check_all(const char *id, const char *name, size_t *texts)
{
	enum { CONDITIONS = TEXT_CONDITION_COUNT, MOMENTS = TEXT_MOMENT_COUNT };

	for (unsigned i = 0; i < CONDITIONS * MOMENTS * TEXT_MEASURES * 4; i++) {
		const struct text_about about = {
			.condition = i % CONDITIONS,
			.moment = i / CONDITIONS % MOMENTS,
			.measure = i / CONDITIONS / MOMENTS % TEXT_MEASURES,
			.window_ms = 23 * 3600000 + 60000,
			.is_area = i / CONDITIONS / MOMENTS / TEXT_MEASURES % 2,
			.inclusive = i / CONDITIONS / MOMENTS / TEXT_MEASURES / 2,
		};
		for (uint16_t m = 1; m < METRIC_BUILTIN_END; m++) {
			check_message("vi", m, id, name, &about);
			check_message("en", m, id, name, &about);
			*texts += 2;
		}
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
	assert_int_equal(texts, 2 * 2 * (METRIC_BUILTIN_END - 1) * 3 * 4 * 4 * 4);
}

/* The instruction is never cut, and the text only for names nobody gives. */
static void check_usual(
	const char *language, uint16_t metric, const struct text_about *about)
{
	for (int i = 0; i < HAZARD_COUNT * TEXT_SEVERITIES; i++) {
		struct message message = make_message(language, metric);

		message.hazard = i % HAZARD_COUNT;
		message.severity = (enum severity)(i / HAZARD_COUNT);
		texts_fill_about(&message, about);
		if (strstr(message.text, "…"))
			fail_msg("%s", message.text);
		assert_null(strstr(message.instruction, "…"));
		assert_non_null(strstr(message.text, "Cầu Giấy"));
		assert_non_null(strstr(message.text, "14:35"));
	}
}

static void test_usual_texts_are_whole(void **unused)
{
	(void)unused;
	for (int i = 0; i < TEXT_MOMENT_COUNT * TEXT_MEASURES * 2; i++) {
		const struct text_about about = {
			.condition = TEXT_ABOVE,
			.moment = i % TEXT_MOMENT_COUNT,
			.measure = i / TEXT_MOMENT_COUNT % TEXT_MEASURES,
			.window_ms = 24 * 3600000,
			.is_area = i / TEXT_MOMENT_COUNT / TEXT_MEASURES,
			.inclusive = true,
			.is_indicative = true,
		};
		for (uint16_t m = 1; m < METRIC_BUILTIN_END; m++) {
			check_usual("vi", m, &about);
			check_usual("en", m, &about);
		}
	}
}

/* A name from outside cannot fill in anything, nor break a character. */
static void test_names_from_outside(void **unused)
{
	struct message message = make_message("vi", METRIC_PM25);

	(void)unused;
	snprintf(message.station_name, sizeof message.station_name, "{value}{head}");
	fill_text(&message, TEXT_ABOVE, TEXT_FIRING);
	assert_string_equal(message.title, "Bụi PM2.5 cao tại {value}{head}");
	snprintf(message.station_name, sizeof message.station_name, "C\xe1\xba");
	fill_text(&message, TEXT_ABOVE, TEXT_FIRING);
	assert_string_equal(message.title, "Bụi PM2.5 cao tại C");
	snprintf(message.station_name, sizeof message.station_name, "%s",
		"Trạm quan trắc không khí tự động liên tục phường Cầu Giấy");
	fill_text(&message, TEXT_ABOVE, TEXT_FIRING);
	assert_string_equal(message.title,
		"Bụi PM2.5 cao tại Trạm quan trắc không khí tự động liên…");
	assert_in_range(utf8_count(message.title), 18, 18 + 40);
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
	fill_text(&message, TEXT_ABOVE, TEXT_FIRING);
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
		cmocka_unit_test(test_indicative),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_vn_aqi_by_level),
		cmocka_unit_test(test_what_it_is_about),
		cmocka_unit_test(test_what_a_rule_is_about),
		cmocka_unit_test(test_categories),
		cmocka_unit_test(test_numbers_that_differ_look_different),
		cmocka_unit_test(test_all_texts_keep_their_limits),
		cmocka_unit_test(test_usual_texts_are_whole),
		cmocka_unit_test(test_names_from_outside),
		cmocka_unit_test(test_declared_metric),
		cmocka_unit_test(test_trial),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
