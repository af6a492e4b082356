#include "core/category.h"

#include <string.h>

#include "core/metric.h"
#include "core/utf8.h"

#define COUNT(ROWS) (sizeof(ROWS) / sizeof(ROWS)[0])

enum { NAME_MAX_BYTES = 96 };

static const struct category vn_aqi[] = {
	{ 0, 50, "Tốt", "Good", NULL, "#00E400" },
	{ 51, 100, "Trung bình", "Moderate", NULL, "#FFFF00" },
	{ 101, 150, "Kém", "Poor", "Unhealthy for sensitive groups", "#FF7E00" },
	{ 151, 200, "Xấu", "Bad", "Unhealthy", "#FF0000" },
	{ 201, 300, "Rất xấu", "Very bad", "Very unhealthy", "#8F3F97" },
	{ 301, 500, "Nguy hại", "Hazardous", NULL, "#7E0023" },
};

static const struct category us_aqi[] = {
	{ 0, 50, "Tốt", "Good", NULL, "#00E400" },
	{ 51, 100, "Trung bình", "Moderate", NULL, "#FFFF00" },
	{ 101, 150, "Không lành mạnh cho nhóm nhạy cảm", "Unhealthy for Sensitive Groups",
		NULL, "#FF7E00" },
	{ 151, 200, "Không lành mạnh", "Unhealthy", NULL, "#FF0000" },
	{ 201, 300, "Rất không lành mạnh", "Very Unhealthy", NULL, "#8F3F97" },
	{ 301, 500, "Nguy hại", "Hazardous", NULL, "#7E0023" },
};

static const struct category eaqi[] = {
	{ 1, 1, "Tốt", "Good", NULL, "#50F0E6" },
	{ 2, 2, "Khá", "Fair", NULL, "#50CCAA" },
	{ 3, 3, "Trung bình", "Moderate", NULL, "#F0E641" },
	{ 4, 4, "Kém", "Poor", NULL, "#FF5050" },
	{ 5, 5, "Rất kém", "Very poor", NULL, "#960032" },
	{ 6, 6, "Cực kỳ kém", "Extremely poor", NULL, "#7D2181" },
};

const struct category *category_table(uint16_t metric, size_t *count)
{
	switch (metric) {
	case METRIC_VN_AQI:
	case METRIC_VN_AQI_DAY:
		*count = COUNT(vn_aqi);
		return vn_aqi;
	case METRIC_US_AQI:
		*count = COUNT(us_aqi);
		return us_aqi;
	case METRIC_EAQI:
		*count = COUNT(eaqi);
		return eaqi;
	default:
		*count = 0;
		return NULL;
	}
}

const struct category *category_of(uint16_t metric, double value)
{
	size_t count, at = 0;
	const struct category *table = category_table(metric, &count);

	while (at + 1 < count && value > table[at].high)
		at++;
	return table ? &table[at] : NULL;
}

const struct category *category_find(uint16_t metric, const char *name)
{
	size_t count;
	const struct category *table = category_table(metric, &count);
	char wanted[NAME_MAX_BYTES], own[NAME_MAX_BYTES];

	utf8_fold(wanted, sizeof wanted, name);
	for (size_t i = 0; i < count; i++) {
		const char *const names[] = { table[i].vi, table[i].en, table[i].also };

		for (size_t n = 0; n < COUNT(names) && names[n]; n++) {
			utf8_fold(own, sizeof own, names[n]);
			if (strcmp(wanted, own) == 0)
				return &table[i];
		}
	}
	return NULL;
}
