/* VN_AQI, US AQI and EAQI against worked examples: the Decision's own, EPA's, and spots.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "derive/eaqi.h"
#include "derive/nowcast.h"
#include "derive/scale.h"
#include "derive/us_aqi.h"
#include "derive/vn_aqi.h"

static void near(double got, double want, double within)
{
	if (isnan(want) ? !isnan(got) : !(fabs(got - want) <= within))
		fail_msg("%.6f is not %.6f", got, want);
}

static const double none = NAN;

/* --- NowCast -------------------------------------------------------------- */

struct nowcast_case {
	double hours[NOWCAST_HOURS]; /* the newest first */
	double normalised, literal;
	int vn; /* sub-index of the normalised form */
};

static const struct nowcast_case nowcast_cases[] = {
	{ { 20.6, 19.6, 22.4, 20.3, 16.5, 19.0, 16.5, 19.5, 23.5, 20.5, 24.7, 26.9 },
		20.2658, 20.2658, 41 },
	{ { 40, 40, 40, 40, 40, 40, 40, 40, 40, 40, 40, 40 }, 40, 40, 80 },
	{ { 100, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10 }, 55.0110, 54.9976, 108 },
	{ { 10, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100 }, 54.9890, 54.9756,
		108 },
	{ { 20, 10, 20, 10, 20, 10, 20, 10, 20, 10, 20, 10 }, 16.6667, 16.6626, 33 },
	{ { 80, NAN, 60, 50, 50, 50, 50, 50, 50, 50, 50, 50 }, 66.6846, 66.6846, 128 },
	{ { NAN, 60, 55, 50, 50, 50, 50, 50, 50, 50, 50, 50 }, 52.7283, 52.7283, 105 },
	{ { NAN, NAN, 55, 50, 50, 50, 50, 50, 50, 50, 50, 50 }, NAN, NAN, -1 },
	{ { 30, 28, 26, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN }, 28.1902, 28.1902,
		56 },
	{ { 0 }, 0, 0, 0 },
	{ { 21, NAN, 35, 49.2, 48.6, 53.7, 66.2, 69.2, 64.9, 50, 43, 34.9 }, 28.4098,
		21.3004, 57 },
	{ { 80, NAN, 20, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN }, 68.0, 42.5, 130 },
};

static void test_nowcast(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof nowcast_cases / sizeof *nowcast_cases; i++) {
		const struct nowcast_case *c = &nowcast_cases[i];
		double now = nowcast(c->hours, NOWCAST_NORMALISED);

		near(now, c->normalised, 0.0001);
		near(nowcast(c->hours, NOWCAST_LITERAL), c->literal, 0.0001);
		assert_int_equal(vn_aqi_part(VN_AQI_PM25, now), c->vn);
	}
}

/* --- VN_AQI --------------------------------------------------------------- */

static void test_vn_parts(void **state)
{
	static const struct {
		enum vn_aqi_column column;
		double concentration;
		int part;
	} cases[] = {
		{ VN_AQI_PM25, 0, 0 },
		{ VN_AQI_PM25, 12.5, 25 },
		{ VN_AQI_PM25, 37.5, 75 },
		{ VN_AQI_PM25, 65, 125 },
		{ VN_AQI_PM25, 115, 175 },
		{ VN_AQI_PM25, 200, 250 },
		{ VN_AQI_PM25, 300, 350 },
		{ VN_AQI_PM25, 425, 450 },
		{ VN_AQI_PM25, 500, 500 },
		{ VN_AQI_PM25, 900, 500 },
		{ VN_AQI_PM25, 25, 50 },
		{ VN_AQI_PM25, 55.7, 110 }, /* 109.5 exactly: halves go up */
		{ VN_AQI_NO2, 150, 75 },
		{ VN_AQI_NO2, 450, 125 },
		{ VN_AQI_NO2, 118.7, 59 }, /* the Decision prints 60 */
		{ VN_AQI_NO2, 130.8, 65 },
		{ VN_AQI_CO, 20000, 75 },
		{ VN_AQI_SO2, 237.5, 75 },
		{ VN_AQI_O3_1H, 180, 75 },
		{ VN_AQI_O3_1H, 136.1, 43 },
		{ VN_AQI_O3_1H, 114.6, 36 },
		{ VN_AQI_O3_8H, 110, 75 },
		{ VN_AQI_O3_8H, 89.3, 45 },
		{ VN_AQI_O3_8H, 400, 300 },
		{ VN_AQI_O3_8H, 400.1, -1 },
		{ VN_AQI_PM10, 385, 250 },
		{ VN_AQI_PM10, NAN, -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(vn_aqi_part(cases[i].column, cases[i].concentration),
			cases[i].part);
}

static void test_vn_hour(void **state)
{
	struct air_hours hours;
	struct air_index index;

	(void)state;
	air_hours_clear(&hours);
	memcpy(hours.means[AIR_PM25], nowcast_cases[0].hours,
		sizeof nowcast_cases[0].hours);
	hours.means[AIR_O3][0] = 136.1;
	hours.means[AIR_NO2][0] = 118.7;
	vn_aqi_hour(&hours, NOWCAST_NORMALISED, &index);
	assert_int_equal(index.parts[AIR_O3], 43);
	assert_int_equal(index.parts[AIR_NO2], 59);
	assert_int_equal(index.parts[AIR_PM25], 41);
	assert_int_equal(index.parts[AIR_PM10], -1);
	assert_int_equal(index.index, 59);
	assert_int_equal(index.pollutant, AIR_NO2);
	assert_string_equal(vn_aqi_category(index.index)->vi, "Trung bình");
	/* Gases alone make no index. */
	for (size_t i = 0; i < NOWCAST_HOURS; i++)
		hours.means[AIR_PM25][i] = none;
	vn_aqi_hour(&hours, NOWCAST_NORMALISED, &index);
	assert_int_equal(index.index, -1);
	assert_int_equal(index.parts[AIR_NO2], 59);
}

/* The Decision's ozone, 18:00 of the day before to 00:00 of the day after. */
static const double ozone[] = { 15.7, 14.2, 17.7, 18.9, 19.3, 15.7, 19.7, 22.6, 27.1,
	29.0, 31.9, 25.3, 34.7, 35.2, 41.6, 45.7, 49.2, 55.8, 69.6, 78.3, 91.5, 97.7,
	81.2, 71.8, 43.5, 34.3, 21.5, 20.5, 19.4, 20.4, 21.3 };

static void test_vn_day(void **state)
{
	struct air_hours hours;
	struct air_index index;

	(void)state;
	air_hours_clear(&hours);
	for (size_t i = 0; i < AIR_HOURS; i++) {
		hours.means[AIR_O3][i] = ozone[AIR_HOURS - 1 - i];
		hours.means[AIR_PM25][i] = i < 24 ? 55.7 : 0;
		hours.means[AIR_NO2][i] = i == 5 ? 130.8 : 20;
	}
	vn_aqi_day(&hours, &vn_aqi_three_quarters, &index);
	assert_int_equal(index.parts[AIR_PM25], 110);
	assert_int_equal(index.parts[AIR_NO2], 65);
	/* Highest 8 hours 74.3875, highest hour 97.7. */
	assert_int_equal(index.parts[AIR_O3], 37);
	assert_int_equal(index.index, 110);
	near(index.pm25, 55.7, 1e-9);
	/* Seven hours of dust are missing: no mean of the day, and no index without it.
	 */
	for (size_t i = 0; i < 7; i++)
		hours.means[AIR_PM25][i] = none;
	vn_aqi_day(&hours, &vn_aqi_three_quarters, &index);
	assert_int_equal(index.index, -1);
}

static void test_vn_categories(void **state)
{
	(void)state;
	assert_string_equal(vn_aqi_category(0)->en, "Good");
	assert_string_equal(vn_aqi_category(50)->en, "Good");
	assert_string_equal(vn_aqi_category(51)->en, "Moderate");
	assert_string_equal(vn_aqi_category(150)->vi, "Kém");
	assert_string_equal(vn_aqi_category(151)->vi, "Xấu");
	assert_string_equal(vn_aqi_category(301)->vi, "Nguy hại");
	assert_string_equal(vn_aqi_category(500)->colour, "#7E0023");
}

/* --- US AQI --------------------------------------------------------------- */

static void test_us_pm25(void **state)
{
	static const struct {
		double concentration;
		int aqi;
	} cases[] = {
		{ 0, 0 },
		{ 5.0, 28 },
		{ 9.0, 50 },
		{ 9.04, 50 },
		{ 9.09, 50 },
		{ 9.1, 51 },
		{ 15.0, 62 },
		{ 35.4, 100 },
		{ 35.5, 101 },
		{ 40.0, 112 },
		{ 55.4, 150 },
		{ 55.5, 151 },
		{ 80.0, 168 },
		{ 125.4, 200 },
		{ 125.5, 201 },
		{ 200.0, 275 },
		{ 225.4, 300 },
		{ 225.5, 301 },
		{ 325.4, 500 },
		{ 400.0, 649 },
		{ 1000.0, 1844 },
		{ -3, 0 },
		{ NAN, -1 },
		{ INFINITY, -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(
			us_aqi_pm25(US_AQI_2024, cases[i].concentration), cases[i].aqi);
	assert_int_equal(us_aqi_pm25(US_AQI_2012, 9.3), 39);
	assert_int_equal(us_aqi_pm25(US_AQI_2012, 15), 57);
	assert_int_equal(us_aqi_pm25(US_AQI_2012, 35.9), 102);
	assert_int_equal(us_aqi_pm25(US_AQI_2012, 49.5), 135);
	assert_int_equal(us_aqi_pm25(US_AQI_2012, 235.4), 285);
	assert_int_equal(us_aqi_pm10(US_AQI_2024, 504), 389);
	assert_int_equal(us_aqi_pm10(US_AQI_2012, 504), 400);
}

static void test_us_gases(void **state)
{
	(void)state;
	assert_int_equal(us_aqi_co_8h(8.4), 90);
	assert_int_equal(us_aqi_o3_1h(0.162), 147);
	assert_int_equal(us_aqi_o3_1h(0.124), -1);
	assert_int_equal(us_aqi_o3_8h(0.0709), 100);
	assert_int_equal(us_aqi_o3_8h(0.201), -1);
	assert_int_equal(us_aqi_no2_1h(53.9), 50);
	assert_int_equal(us_aqi_so2(304, NAN), 200);
	assert_int_equal(us_aqi_so2(400, 100), 200);
	assert_int_equal(us_aqi_so2(400, 604), 300);
	assert_int_equal(us_aqi_so2(NAN, 604), -1);
}

static void test_us_hour(void **state)
{
	struct air_hours hours;
	struct air_index index;

	(void)state;
	air_hours_clear(&hours);
	memcpy(hours.means[AIR_PM25], nowcast_cases[10].hours,
		sizeof nowcast_cases[10].hours);
	us_aqi_hour(&hours, US_AQI_2024, &index);
	near(index.pm25, 28.4, 1e-9);
	assert_int_equal(index.index, 87);
	us_aqi_hour(&hours, US_AQI_2012, &index);
	assert_int_equal(index.index, 85);
	assert_string_equal(us_aqi_category(85), "Moderate");
	/* Dust is not needed here. */
	air_hours_clear(&hours);
	hours.means[AIR_NO2][0] = 100 * 46.006 / 24.45;
	us_aqi_hour(&hours, US_AQI_2024, &index);
	assert_int_equal(index.index, 100);
	assert_int_equal(index.pollutant, AIR_NO2);
}

/* --- EAQI, and the parts --------------------------------------------------- */

static void test_eaqi(void **state)
{
	struct air_hours hours;
	struct air_index index;

	(void)state;
	assert_int_equal(eaqi_band(AIR_PM25, 5), 1);
	assert_int_equal(eaqi_band(AIR_PM25, 5.01), 2);
	assert_int_equal(eaqi_band(AIR_PM10, 270.1), 6);
	assert_int_equal(eaqi_band(AIR_CO, 1), -1);
	air_hours_clear(&hours);
	hours.means[AIR_PM25][0] = 16;
	hours.means[AIR_O3][0] = 161;
	eaqi_hour(&hours, &index);
	assert_int_equal(index.index, 5);
	assert_int_equal(index.pollutant, AIR_O3);
	assert_string_equal(eaqi_category(index.index), "Very poor");
	air_hours_clear(&hours);
	eaqi_hour(&hours, &index);
	assert_int_equal(index.index, -1);
}

static void test_rounding(void **state)
{
	(void)state;
	assert_int_equal(scale_round(109.49999999999999), 110);
	assert_int_equal(scale_round(109.4999), 109);
	assert_int_equal(scale_round(0.5), 1);
	near(scale_truncate(28.4, 1), 28.4, 1e-12);
	near(scale_truncate(28.4999, 1), 28.4, 1e-12);
	near(scale_truncate(0.1 + 0.2, 1), 0.3, 1e-12);
}

static void test_hours_advance(void **state)
{
	struct air_hours hours;
	const int64_t hour = 3600000, start = 490000 * hour;

	(void)state;
	air_hours_clear(&hours);
	air_hours_advance(&hours, start);
	hours.means[AIR_PM25][0] = 1;
	air_hours_advance(&hours, start + hour);
	hours.means[AIR_PM25][0] = 2;
	air_hours_advance(&hours, start + 3 * hour);
	near(hours.means[AIR_PM25][0], none, 0);
	near(hours.means[AIR_PM25][1], none, 0);
	near(hours.means[AIR_PM25][2], 2, 0);
	near(hours.means[AIR_PM25][3], 1, 0);
	air_hours_advance(&hours, start + 1000 * hour);
	for (size_t i = 0; i < AIR_HOURS; i++)
		near(hours.means[AIR_PM25][i], none, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nowcast),
		cmocka_unit_test(test_vn_parts),
		cmocka_unit_test(test_vn_hour),
		cmocka_unit_test(test_vn_day),
		cmocka_unit_test(test_vn_categories),
		cmocka_unit_test(test_us_pm25),
		cmocka_unit_test(test_us_gases),
		cmocka_unit_test(test_us_hour),
		cmocka_unit_test(test_eaqi),
		cmocka_unit_test(test_rounding),
		cmocka_unit_test(test_hours_advance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
