/* Calibrations: what becomes of a value, and how one is named. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/metric.h"
#include "derive/calibration.h"

static struct calibration_config config_of(const char *metric)
{
	return (struct calibration_config){
		.metric = metric_find(metric),
		.station = "",
		.offset = NAN,
		.gain = NAN,
		.kappa = NAN,
		.density = 1.65,
		.humidity_cap = 95,
		.date = "2026-10-02",
		.by = "A",
		.certificate = "",
	};
}

static double of(const struct calibration_config *config, double raw, double humidity)
{
	struct calibrated result = calibration_apply(config, raw, humidity);

	assert_true(result.whole);
	return result.value;
}

static void expect_near(double value, double expected)
{
	if (fabs(value - expected) > 0.0006)
		fail_msg("%.6f, not %.6f", value, expected);
}

static void gain_comes_before_offset(void **state)
{
	(void)state;
	struct calibration_config config = config_of("pm25");

	assert_true(of(&config, 35.25, NAN) == 35.25); /* nothing to correct */
	config.offset = -1.2;
	assert_true(of(&config, 35.2, NAN) == 34);
	config.gain = 0.93;
	assert_true(of(&config, 35.2, NAN) == 31.536);
	config.offset = NAN;
	assert_true(of(&config, 35.2, NAN) == 32.736);
	/* Below 0 is a value like others where no humidity is in it: its flag speaks. */
	config.offset = -10;
	assert_true(of(&config, 1, NAN) == -9.07);
	assert_true(isnan(calibration_apply(&config, NAN, NAN).value));
}

static void a_polynomial(void **state)
{
	(void)state;
	double terms[] = { 1, 0.5, 0.25, -0.125 };
	struct calibration_config config = config_of("temperature");

	config.polynomial = (struct option_numbers){ terms, 4 };
	assert_true(of(&config, 0, NAN) == 1);
	assert_true(of(&config, 2, NAN) == 1 + 1 + 1 - 1);
	assert_true(of(&config, -2, NAN) == 1 - 1 + 1 + 1);
	/* As many decimals as mean something, so that it stays small in the store. */
	terms[1] = 1.0 / 3;
	assert_true(of(&config, 1, NAN) == 1.458);
}

/* 0.524 x − 0.0862 RH + 5.75 */
static void the_equation_of_the_epa(void **state)
{
	(void)state;
	struct calibration_config config = config_of("pm25");

	config.humidity = HUMIDITY_EPA;
	expect_near(of(&config, 100, 50), 53.840);
	expect_near(of(&config, 35.2, 80), 17.2988);
	expect_near(of(&config, 300, 0), 162.95);
	assert_true(of(&config, 0, 90) == 0); /* there is no less than no dust */
	/* After the instrument's own calibration. */
	config.gain = 2;
	expect_near(of(&config, 50, 50), 53.840);
}

/* Its extension to smoke: the pieces meet where one ends and the next begins. */
static void its_extension(void **state)
{
	(void)state;
	static const double seams[] = { 30, 50, 210, 260 };
	struct calibration_config config = config_of("pm25");

	config.humidity = HUMIDITY_EPA2021;
	expect_near(of(&config, 10, 50), 0.524 * 10 - 0.0862 * 50 + 5.75);
	/* Half way from 30 to 50: half of each slope. */
	expect_near(of(&config, 40, 50), 0.655 * 40 - 0.0862 * 50 + 5.75);
	expect_near(of(&config, 100, 50), 0.786 * 100 - 0.0862 * 50 + 5.75);
	expect_near(of(&config, 235, 50),
		(0.786 * 235 - 0.0862 * 50 + 5.75) / 2 +
			(2.966 + 0.69 * 235 + 8.84e-4 * 235 * 235) / 2);
	expect_near(of(&config, 300, 50), 2.966 + 0.69 * 300 + 8.84e-4 * 90000);
	assert_true(of(&config, 0, 95) == 0);
	for (int i = 0; i < 4; i++) {
		double below = of(&config, seams[i] - 1e-4, 60);
		double at = of(&config, seams[i], 60);
		if (fabs(at - below) > 0.002)
			fail_msg("at %g it jumps from %g to %g", seams[i], below, at);
	}
}

static void growth_by_kappa(void **state)
{
	(void)state;
	struct calibration_config config = config_of("pm10");

	config.humidity = HUMIDITY_KAPPA;
	config.kappa = 0.33; /* 0.2 of the density */
	assert_true(of(&config, 60, 0) == 60);
	expect_near(of(&config, 60, 50), 60 / 1.2);
	expect_near(of(&config, 60, 80), 60 / 1.8);
	expect_near(of(&config, 60, 90), 60 / 2.8);
	config.density = 3.3;
	expect_near(of(&config, 60, 50), 60 / 1.1);
	config.kappa = 0;
	assert_true(of(&config, 60, 90) == 60);
}

static void coefficients_of_the_place(void **state)
{
	(void)state;
	double coefficients[] = { 0.5, -0.25, 12 };
	struct calibration_config config = config_of("pm10");

	config.humidity = HUMIDITY_LINEAR;
	config.coefficients = (struct option_numbers){ coefficients, 3 };
	assert_true(of(&config, 100, 40) == 52);
	assert_true(of(&config, 0, 80) == 0);
}

static void above_the_cap_humidity_counts_as_the_cap(void **state)
{
	(void)state;
	struct calibration_config config = config_of("pm25");

	config.humidity = HUMIDITY_KAPPA;
	config.kappa = 0.3;
	struct calibrated at = calibration_apply(&config, 60, 95);
	struct calibrated above = calibration_apply(&config, 60, 100);
	assert_false(at.capped);
	assert_true(above.capped && above.whole);
	assert_true(at.value == above.value && at.value > 10);
	config.humidity_cap = 80;
	assert_true(calibration_apply(&config, 60, 80.1).capped);
}

static void without_the_humidity_the_value_stays(void **state)
{
	(void)state;
	struct calibration_config config = config_of("pm25");

	config.humidity = HUMIDITY_EPA;
	config.gain = 2;
	struct calibrated result = calibration_apply(&config, 35.2, NAN);
	assert_false(result.whole);
	assert_true(result.value == 35.2); /* not even the gain: all or nothing */
}

static void a_wind_vane_turned_by_hand(void **state)
{
	(void)state;
	struct calibration_config config = config_of("wind_direction");

	config.offset = 15;
	assert_true(of(&config, 20, NAN) == 35);
	assert_true(of(&config, 350, NAN) == 5);
	config.offset = -30;
	assert_true(of(&config, 20, NAN) == 350);
}

static void expect_text(const struct calibration_config *config, const char *text)
{
	struct buffer out;

	buffer_init(&out, 1024);
	buffer_puts(&out, "<");
	calibration_describe(config, &out);
	assert_string_equal(buffer_text(&out) + 1, text);
	buffer_free(&out);
}

static void in_canonical_words(void **state)
{
	(void)state;
	double terms[] = { 1.5, 0.93, 1e-4 };
	struct calibration_config config = config_of("pm25");

	expect_text(&config, "none");
	config.offset = -1.20;
	expect_text(&config, "offset -1.2");
	config.gain = 0.93;
	config.humidity = HUMIDITY_EPA;
	expect_text(&config, "gain 0.93, offset -1.2, humidity epa cap 95");
	config = config_of("pm25");
	config.polynomial = (struct option_numbers){ terms, 3 };
	config.humidity = HUMIDITY_KAPPA;
	config.kappa = 0.3;
	expect_text(&config,
		"polynomial 1.5 0.93 0.0001, humidity kappa 0.3 density 1.65 cap 95");
	config = config_of("pm25");
	config.humidity = HUMIDITY_LINEAR;
	config.coefficients = (struct option_numbers){ terms, 3 };
	config.humidity_cap = 90;
	expect_text(&config, "humidity linear 1.5 0.93 0.0001 cap 90");
}

static void the_row_of_a_station_comes_first(void **state)
{
	(void)state;
	struct calibration_config rows[3];
	struct option_list list = { .items = rows, .count = 3 };

	rows[0] = rows[1] = rows[2] = config_of("pm25");
	rows[1].station = "A";
	rows[2].metric = metric_find("pm10");
	rows[2].station = "B";
	assert_ptr_equal(calibration_find(&list, "A", METRIC_PM25), &rows[1]);
	assert_ptr_equal(calibration_find(&list, "B", METRIC_PM25), &rows[0]);
	assert_ptr_equal(calibration_find(&list, "B", METRIC_PM10), &rows[2]);
	assert_null(calibration_find(&list, "A", METRIC_PM10));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gain_comes_before_offset),
		cmocka_unit_test(a_polynomial),
		cmocka_unit_test(the_equation_of_the_epa),
		cmocka_unit_test(its_extension),
		cmocka_unit_test(growth_by_kappa),
		cmocka_unit_test(coefficients_of_the_place),
		cmocka_unit_test(above_the_cap_humidity_counts_as_the_cap),
		cmocka_unit_test(without_the_humidity_the_value_stays),
		cmocka_unit_test(a_wind_vane_turned_by_hand),
		cmocka_unit_test(in_canonical_words),
		cmocka_unit_test(the_row_of_a_station_comes_first),
	};

	return cmocka_run_group_tests_name("calibration", tests, NULL, NULL);
}
