#include "core/category.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/metric.h"
#include "core/utf8.h"

static const uint16_t indices[] = { METRIC_VN_AQI, METRIC_VN_AQI_DAY, METRIC_US_AQI,
	METRIC_EAQI };

/* Each whole value belongs to one category, and names mean one. */
static void tables_hold_together(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof indices / sizeof *indices; i++) {
		size_t count;
		const struct category *table = category_table(indices[i], &count);

		assert_int_equal(count, 6);
		for (size_t c = 0; c < count; c++) {
			assert_true(table[c].low <= table[c].high);
			if (c > 0)
				assert_true(table[c].low == table[c - 1].high + 1);
			assert_ptr_equal(
				category_of(indices[i], table[c].low), &table[c]);
			assert_ptr_equal(
				category_of(indices[i], table[c].high), &table[c]);
			assert_ptr_equal(
				category_find(indices[i], table[c].vi), &table[c]);
			assert_ptr_equal(
				category_find(indices[i], table[c].en), &table[c]);
			assert_int_equal(strlen(table[c].colour), 7);
		}
		assert_ptr_equal(category_of(indices[i], -1), &table[0]);
		assert_ptr_equal(category_of(indices[i], 1e9), &table[count - 1]);
	}
}

static void names_in_any_form(void **state)
{
	static const struct {
		const char *name;
		uint16_t metric;
		double low;
	} cases[] = {
		{ "xấu", METRIC_VN_AQI, 151 },
		{ "XẤU", METRIC_VN_AQI, 151 },
		{ "xau", METRIC_VN_AQI_DAY, 151 },
		{ "Rat Xau", METRIC_VN_AQI, 201 },
		{ "trung bình", METRIC_VN_AQI, 51 },
		{ "unhealthy", METRIC_VN_AQI, 151 },
		{ "hazardous", METRIC_VN_AQI, 301 },
		{ "unhealthy for sensitive groups", METRIC_US_AQI, 101 },
		{ "Rất không lành mạnh", METRIC_US_AQI, 201 },
		{ "cuc ky kem", METRIC_EAQI, 6 },
		{ "fair", METRIC_EAQI, 2 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct category *found =
			category_find(cases[i].metric, cases[i].name);

		assert_non_null(found);
		assert_true(found->low == cases[i].low);
	}
	assert_null(category_find(METRIC_VN_AQI, "fair"));
	assert_null(category_find(METRIC_VN_AQI, ""));
	assert_null(category_find(METRIC_PM25, "xấu"));
	assert_null(category_of(METRIC_PM25, 10));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_hold_together),
		cmocka_unit_test(names_in_any_form),
	};

	return cmocka_run_group_tests_name("category", tests, NULL, NULL);
}
