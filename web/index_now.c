#include "web/index_now.h"

#include <stdio.h>

#include "core/category.h"
#include "core/metric.h"
#include "derive/vn_aqi.h"
#include "web/air_now.h"
#include "web/view.h"

/* What each pollutant's sub-index is made of: dust of the NowCast, gases of the hour. */
static const struct {
	uint16_t metric;
	enum vn_aqi_column column;
} columns[AIR_POLLUTANTS] = {
	[AIR_PM25] = { METRIC_PM25_NOWCAST, VN_AQI_PM25 },
	[AIR_PM10] = { METRIC_PM10_NOWCAST, VN_AQI_PM10 },
	[AIR_O3] = { METRIC_O3_1H, VN_AQI_O3_1H },
	[AIR_NO2] = { METRIC_NO2_1H, VN_AQI_NO2 },
	[AIR_SO2] = { METRIC_SO2_1H, VN_AQI_SO2 },
	[AIR_CO] = { METRIC_CO_1H, VN_AQI_CO },
};

static const struct latest_value *find(
	const struct latest_source *source, uint16_t metric)
{
	for (size_t i = 0; i < source->count; i++)
		if (source->values[i].reading.metric == metric)
			return &source->values[i];
	return NULL;
}

static bool is_usable(const struct latest_value *value)
{
	return value && value->reading.flag != FLAG_FAIL &&
		value->reading.flag != FLAG_MISSING &&
		!(value->marks & (REPORT_RETAINED | REPORT_CLOCK_UNSET));
}

void index_now_read(
	const struct latest_source *source, int64_t now_ms, struct index_now *index)
{
	const struct latest_value *vn = find(source, METRIC_VN_AQI);
	struct air_index parts;

	*index = (struct index_now){ .end_ms = 0 };
	if (!is_usable(vn) || vn->time_ms <= now_ms - AIR_NOW_OLD_MS)
		return;
	index->end_ms = vn->time_ms;
	index->value = (int)vn->reading.value;
	index->indicative = vn->marks & REPORT_INDICATIVE;
	size_t count;
	const struct category *table = category_table(METRIC_VN_AQI, &count);
	index->level = (int)(category_of(METRIC_VN_AQI, vn->reading.value) - table) + 1;
	air_index_clear(&parts);
	for (size_t p = 0; p < AIR_POLLUTANTS; p++) {
		const struct latest_value *value = find(source, columns[p].metric);
		if (is_usable(value) && value->time_ms == vn->time_ms)
			parts.parts[p] =
				vn_aqi_part(columns[p].column, value->reading.value);
	}
	air_index_take_worst(&parts);
	index->has_pollutant = parts.index >= 0;
	index->pollutant = parts.pollutant;
}

static void put_words(struct json *json, const struct index_now *index)
{
	const struct category *category = category_of(METRIC_VN_AQI, index->value);
	char name[32];

	json_object(json, "category");
	json_string(json, "vi", category->vi);
	json_string(json, "en", category->en);
	json_end_object(json);
	json_object(json, "advice");
	snprintf(name, sizeof name, "vn_aqi.%d.general", index->level);
	json_string(json, "general", name);
	snprintf(name, sizeof name, "vn_aqi.%d.sensitive", index->level);
	json_string(json, "sensitive", name);
	json_end_object(json);
}

void index_now_json(struct json *json, const struct index_now *index, bool is_short)
{
	if (index->end_ms == 0) {
		json_null(json, "index");
		return;
	}
	json_object(json, "index");
	json_string(json, "metric", metric_by_id(METRIC_VN_AQI)->name);
	json_integer(json, "value", index->value);
	json_integer(json, "level", index->level);
	json_string(json, "colour", category_of(METRIC_VN_AQI, index->value)->colour);
	json_string(json, "pollutant",
		index->has_pollutant ? air_pollutant_names[index->pollutant] : NULL);
	json_time(json, "hour", index->end_ms, VIEW_OFFSET_MINUTES);
	json_bool(json, "provisional", false);
	json_bool(json, "indicative", index->indicative);
	if (!is_short)
		put_words(json, index);
	json_end_object(json);
}
