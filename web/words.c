#include "web/words.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "core/number.h"
#include "core/utf8.h"

#define WORD(ID, VI, EN) [ID] = { .text = { [WORDS_VI] = VI, [WORDS_EN] = EN } }

/* In the order people are shown them; words_rank() counts on it. */
static const uint16_t order[] = {
	METRIC_VN_AQI,
	METRIC_VN_AQI_DAY,
	METRIC_US_AQI,
	METRIC_EAQI,
	METRIC_PM25,
	METRIC_PM25_NOWCAST,
	METRIC_PM25_1H,
	METRIC_PM10,
	METRIC_PM10_NOWCAST,
	METRIC_PM10_1H,
	METRIC_PM1,
	METRIC_PM4,
	METRIC_TSP,
	METRIC_RAIN_RATE,
	METRIC_RAIN_10M,
	METRIC_RAIN_30M,
	METRIC_RAIN_1H,
	METRIC_RAIN_3H,
	METRIC_RAIN_6H,
	METRIC_RAIN_12H,
	METRIC_RAIN_24H,
	METRIC_RAIN_48H,
	METRIC_RAIN_72H,
	METRIC_RAIN_DAY,
	METRIC_RAIN,
	METRIC_RAIN_TOTAL,
	METRIC_TEMPERATURE,
	METRIC_HUMIDITY,
	METRIC_PRESSURE,
	METRIC_WIND_SPEED,
	METRIC_WIND_GUST,
	METRIC_WIND_DIRECTION,
	METRIC_O3,
	METRIC_O3_1H,
	METRIC_NO2,
	METRIC_NO2_1H,
	METRIC_SO2,
	METRIC_SO2_1H,
	METRIC_CO,
	METRIC_CO_1H,
	METRIC_NO,
	METRIC_NOX,
	METRIC_H2S,
	METRIC_NH3,
	METRIC_CH2O,
	METRIC_CO2,
	METRIC_TVOC,
	METRIC_NOISE,
	METRIC_SOLAR,
	METRIC_LIGHT,
};

static const struct {
	const char *text[WORDS_LANGUAGES];
} metric_words[METRIC_BUILTIN_END] = {
	WORD(METRIC_PM1, "Bụi PM1", "Dust PM1"),
	WORD(METRIC_PM25, "Bụi mịn PM2.5", "Fine dust PM2.5"),
	WORD(METRIC_PM4, "Bụi PM4", "Dust PM4"),
	WORD(METRIC_PM10, "Bụi PM10", "Dust PM10"),
	WORD(METRIC_TSP, "Tổng bụi lơ lửng TSP", "Total dust TSP"),
	WORD(METRIC_NO, "NO", "Nitric oxide NO"),
	WORD(METRIC_NO2, "NO₂", "Nitrogen dioxide NO₂"),
	WORD(METRIC_NOX, "NOx", "Nitrogen oxides NOx"),
	WORD(METRIC_SO2, "SO₂", "Sulphur dioxide SO₂"),
	WORD(METRIC_O3, "Ozon O₃", "Ozone O₃"),
	WORD(METRIC_CO, "CO", "Carbon monoxide CO"),
	WORD(METRIC_H2S, "H₂S", "Hydrogen sulphide H₂S"),
	WORD(METRIC_NH3, "NH₃", "Ammonia NH₃"),
	WORD(METRIC_CH2O, "Formaldehyt CH₂O", "Formaldehyde CH₂O"),
	WORD(METRIC_CO2, "CO₂", "Carbon dioxide CO₂"),
	WORD(METRIC_TVOC, "Hợp chất hữu cơ bay hơi", "Volatile organics TVOC"),
	WORD(METRIC_RAIN_TOTAL, "Bộ đếm mưa", "Rain counter"),
	WORD(METRIC_RAIN, "Mưa lần đo cuối", "Rain, last increment"),
	WORD(METRIC_RAIN_RATE, "Cường độ mưa", "Rain rate"),
	WORD(METRIC_RAIN_10M, "Mưa 10 phút", "Rain, 10 min"),
	WORD(METRIC_RAIN_30M, "Mưa 30 phút", "Rain, 30 min"),
	WORD(METRIC_RAIN_1H, "Mưa 1 giờ", "Rain, 1 h"),
	WORD(METRIC_RAIN_3H, "Mưa 3 giờ", "Rain, 3 h"),
	WORD(METRIC_RAIN_6H, "Mưa 6 giờ", "Rain, 6 h"),
	WORD(METRIC_RAIN_12H, "Mưa 12 giờ", "Rain, 12 h"),
	WORD(METRIC_RAIN_24H, "Mưa 24 giờ", "Rain, 24 h"),
	WORD(METRIC_RAIN_48H, "Mưa 48 giờ", "Rain, 48 h"),
	WORD(METRIC_RAIN_72H, "Mưa 72 giờ", "Rain, 72 h"),
	WORD(METRIC_RAIN_DAY, "Mưa trong ngày", "Rain, day"),
	WORD(METRIC_TEMPERATURE, "Nhiệt độ", "Temperature"),
	WORD(METRIC_HUMIDITY, "Độ ẩm", "Humidity"),
	WORD(METRIC_PRESSURE, "Khí áp", "Pressure"),
	WORD(METRIC_WIND_SPEED, "Tốc độ gió", "Wind speed"),
	WORD(METRIC_WIND_GUST, "Gió giật", "Wind gust"),
	WORD(METRIC_WIND_DIRECTION, "Hướng gió", "Wind direction"),
	WORD(METRIC_NOISE, "Tiếng ồn", "Noise"),
	WORD(METRIC_SOLAR, "Bức xạ mặt trời", "Solar radiation"),
	WORD(METRIC_LIGHT, "Độ rọi", "Light"),
	WORD(METRIC_BATTERY, "Điện áp pin", "Battery"),
	WORD(METRIC_PM25_1H, "PM2.5 trung bình 1 giờ", "PM2.5, 1 h mean"),
	WORD(METRIC_PM10_1H, "PM10 trung bình 1 giờ", "PM10, 1 h mean"),
	WORD(METRIC_NO2_1H, "NO₂ trung bình 1 giờ", "NO₂, 1 h mean"),
	WORD(METRIC_SO2_1H, "SO₂ trung bình 1 giờ", "SO₂, 1 h mean"),
	WORD(METRIC_O3_1H, "O₃ trung bình 1 giờ", "O₃, 1 h mean"),
	WORD(METRIC_CO_1H, "CO trung bình 1 giờ", "CO, 1 h mean"),
	WORD(METRIC_PM25_NOWCAST, "PM2.5 NowCast", "PM2.5 NowCast"),
	WORD(METRIC_PM10_NOWCAST, "PM10 NowCast", "PM10 NowCast"),
	WORD(METRIC_VN_AQI, "VN_AQI giờ", "VN_AQI, hour"),
	WORD(METRIC_VN_AQI_DAY, "VN_AQI ngày", "VN_AQI, day"),
	WORD(METRIC_US_AQI, "AQI Hoa Kỳ", "US AQI"),
	WORD(METRIC_EAQI, "AQI châu Âu", "European AQI"),
};

const char *words_metric(const struct metric *metric, enum words_language language)
{
	if (metric->id < METRIC_BUILTIN_END && metric_words[metric->id].text[language])
		return metric_words[metric->id].text[language];
	return metric->name;
}

const char *words_unit(const struct metric *metric)
{
	return strcmp(metric->unit, "index") == 0 ? "" : metric->unit;
}

void words_duration(struct buffer *out, int64_t ms, enum words_language language)
{
	static const char *const units[WORDS_LANGUAGES][4] = {
		[WORDS_VI] = { "giây", "phút", "giờ", "ngày" },
		[WORDS_EN] = { "s", "min", "h", "d" },
	};
	const char *const *unit = units[language];
	long long seconds = ms > 0 ? ms / 1000 : 0;
	long long minutes = seconds / 60, hours = minutes / 60;

	if (seconds < 60)
		buffer_printf(out, "%lld %s", seconds, unit[0]);
	else if (minutes < 60)
		buffer_printf(out, "%lld %s", minutes, unit[1]);
	else if (hours < 10 && minutes % 60)
		buffer_printf(
			out, "%lld %s %lld %s", hours, unit[2], minutes % 60, unit[1]);
	else if (hours < 48)
		buffer_printf(out, "%lld %s", hours, unit[2]);
	else
		buffer_printf(out, "%lld %s", hours / 24, unit[3]);
}

void words_age(struct buffer *out, int64_t ms, enum words_language language)
{
	if (ms < 2000) {
		buffer_puts(out, language == WORDS_VI ? "vừa xong" : "now");
		return;
	}
	words_duration(out, ms, language);
	buffer_puts(out, language == WORDS_VI ? " trước" : " ago");
}

const char *words_flag(int flag, enum words_language language)
{
	bool vi = language == WORDS_VI;

	switch (flag) {
	case FLAG_GOOD:
	case FLAG_NOT_EVALUATED:
		return "";
	case FLAG_SUSPECT:
		return vi ? "nghi ngờ" : "suspect";
	case FLAG_FAIL:
		return vi ? "không hợp lệ" : "fail";
	default:
		return vi ? "thiếu số liệu" : "missing";
	}
}

void words_value(struct buffer *out, const struct metric *metric, double value,
	enum words_language language)
{
	char text[NUMBER_TEXT_SIZE];

	if (!isfinite(value)) {
		buffer_puts(out, "–");
		return;
	}
	/* Absurd sizes would print hundreds of digits. */
	if (metric && fabs(value) < 1e15)
		snprintf(text, sizeof text, "%.*f", (int)metric->decimals, value);
	else
		number_format(text, value);
	if (strspn(text, "-0.") == strlen(text) && text[0] == '-')
		memmove(text, text + 1, strlen(text));
	char *point = strchr(text, '.');
	if (point && language == WORDS_VI)
		*point = ',';
	buffer_puts(out, text);
}

void words_plain(struct buffer *out, const char *text)
{
	size_t left = strlen(text);

	while (left > 0) {
		size_t length = utf8_char_length(text, left);
		unsigned char c = (unsigned char)*text;
		/* U+0080 to U+009F are control characters, too. */
		bool control = c < 0x20 || c == 0x7f ||
			(length == 2 && c == 0xc2 && (unsigned char)text[1] < 0xa0);

		if (length == 0 || control)
			buffer_putc(out, '?');
		else
			buffer_append(out, text, length);
		length = length ? length : 1;
		text += length;
		left -= length;
	}
}

void words_bytes(struct buffer *out, double bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	size_t unit = 0;

	while (bytes >= 1024 && unit + 1 < sizeof units / sizeof *units) {
		bytes /= 1024;
		unit++;
	}
	buffer_printf(
		out, unit > 0 && bytes < 100 ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
}

int words_rank(uint16_t metric)
{
	enum { COUNT = sizeof order / sizeof *order };

	for (int i = 0; i < COUNT; i++)
		if (order[i] == metric)
			return i;
	return COUNT + metric;
}
