#include "web/air_json.h"

#include <math.h>
#include <stddef.h>

#include "alerts/texts.h"
#include "core/category.h"
#include "core/metric.h"
#include "web/view.h"

/* To a thousandth: more than any instrument knows. */
static void put_number(struct json *json, const char *key, double value)
{
	if (isfinite(value))
		json_number(json, key, nearbyint(value * 1000) / 1000);
}

/* The Decision's advice goes with VN_AQI's categories; for others nobody has any. */
static void put_advice(
	struct json *json, uint16_t metric, const struct category *category)
{
	size_t count;

	if (metric != METRIC_VN_AQI && metric != METRIC_VN_AQI_DAY)
		return;
	ptrdiff_t level = category - category_table(metric, &count);
	json_object(json, "advice");
	json_string(json, "vi", texts_vi.aqi_advice[level]);
	json_string(json, "en", texts_en.aqi_advice[level]);
	json_end_object(json);
}

static void put_index(struct json *json, uint16_t metric, const struct air_index *index)
{
	const char *key = metric_by_id(metric)->name;
	/* The day's categories are the hour's. */
	const struct category *category = category_of(metric, index->index);

	if (index->index < 0) {
		json_null(json, key);
		return;
	}
	json_object(json, key);
	json_integer(json, "value", index->index);
	if (category) {
		json_object(json, "category");
		json_string(json, "vi", category->vi);
		json_string(json, "en", category->en);
		json_end_object(json);
		json_string(json, "colour", category->colour);
		put_advice(json, metric, category);
	}
	json_string(json, "pollutant", air_pollutant_names[index->pollutant]);
	json_object(json, "parts");
	for (size_t p = 0; p < AIR_POLLUTANTS; p++)
		if (index->parts[p] >= 0)
			json_integer(json, air_pollutant_names[p], index->parts[p]);
	json_end_object(json);
	json_end_object(json);
}

static void put_numbers(struct json *json, const char *key, const double *values)
{
	json_object(json, key);
	for (size_t p = 0; p < AIR_POLLUTANTS; p++)
		put_number(json, air_pollutant_names[p], values[p]);
	json_end_object(json);
}

/* False: there is none, and null stands for it. */
static bool begin(struct json *json, const char *key, const struct air_now_span *span)
{
	if (span->end_ms == 0) {
		json_null(json, key);
		return false;
	}
	json_object(json, key);
	json_time(json, "end", span->end_ms, VIEW_OFFSET_MINUTES);
	return true;
}

static void put_hour(struct json *json, const char *key, const struct air_now_span *span)
{
	if (!begin(json, key, span))
		return;
	json_bool(json, "indicative", span->indicative);
	put_index(json, METRIC_VN_AQI, &span->vn);
	put_index(json, METRIC_US_AQI, &span->us);
	put_index(json, METRIC_EAQI, &span->eu);
	put_numbers(json, "means", span->means);
	json_object(json, "nowcast");
	put_number(json, "pm25", span->vn.pm25);
	put_number(json, "pm10", span->vn.pm10);
	json_end_object(json);
	json_object(json, "completeness");
	for (size_t p = 0; p < AIR_POLLUTANTS; p++)
		if (span->completeness[p] > 0)
			put_number(json, air_pollutant_names[p], span->completeness[p]);
	json_end_object(json);
	json_end_object(json);
}

void air_json(struct json *json, const struct air_now *air)
{
	if (!air) {
		json_null(json, "air");
		return;
	}
	json_object(json, "air");
	put_hour(json, "hour", &air->hour);
	if (begin(json, "day", &air->day)) {
		put_index(json, METRIC_VN_AQI_DAY, &air->day.vn);
		json_end_object(json);
	}
	put_hour(json, "provisional", &air->running);
	json_end_object(json);
}
