/* The table of metrics: look-ups, declarations, ids that never change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/metric.h"

const char *__lsan_default_suppressions(void);

/* Replaced ones stay for those who still hold them. */
const char *__lsan_default_suppressions(void)
{
	return "leak:copy_metric\n";
}

static const struct metric *declare(const char *name, double max)
{
	const struct metric wanted = {
		.name = name,
		.unit = "m",
		.min = -5,
		.max = max,
		.decimals = 2,
		.hazard = HAZARD_WATER,
	};

	return metric_declare(&wanted);
}

static void builtins_are_found_by_name_and_id(void **state)
{
	(void)state;
	int count = 0;

	for (const struct metric *m = metric_next(NULL); m; m = metric_next(m)) {
		if (m->id >= METRIC_DECLARED)
			break;
		count++;
		assert_int_equal(m->id, count);
		assert_ptr_equal(metric_by_id(m->id), m);
		assert_ptr_equal(metric_find(m->name), m);
		assert_true(m->min < m->max);
		assert_true(m->unit[0] != '\0');
		assert_true(m->decimals <= 2);
	}
	assert_int_equal(count, METRIC_BUILTIN_END - 1);
}

/* They stand in stores and rings. */
static void ids_are_what_they_were(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		uint16_t id;
		const char *unit;
	} fixed[] = {
		{ "pm1", 1, "µg/m³" },
		{ "pm25", 2, "µg/m³" },
		{ "pm10", 4, "µg/m³" },
		{ "co", 11, "µg/m³" },
		{ "co2", 15, "ppm" },
		{ "tvoc", 16, "ppb" },
		{ "rain_total", 17, "mm" },
		{ "rain", 18, "mm" },
		{ "rain_rate", 19, "mm/h" },
		{ "rain_10m", 20, "mm" },
		{ "rain_72h", 28, "mm" },
		{ "rain_day", 29, "mm" },
		{ "temperature", 30, "°C" },
		{ "humidity", 31, "%" },
		{ "pressure", 32, "hPa" },
		{ "wind_direction", 35, "°" },
		{ "battery", 39, "V" },
		{ "pm25_nowcast", 46, "µg/m³" },
		{ "vn_aqi", 48, "index" },
		{ "eaqi", 51, "index" },
	};

	for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++) {
		const struct metric *metric = metric_find(fixed[i].name);
		assert_non_null(metric);
		assert_int_equal(metric->id, fixed[i].id);
		assert_string_equal(metric->unit, fixed[i].unit);
	}
}

static void unknown_names_are_not_found(void **state)
{
	(void)state;
	static const char *const others[] = { "", "pm", "pm2", "pm255", "PM25", "pm25 ",
		"rain_", "rain_11m", "vn_aqi_days", "µ" };

	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		assert_null(metric_find(others[i]));
	assert_null(metric_by_id(METRIC_NONE));
	assert_null(metric_by_id(METRIC_BUILTIN_END));
	assert_null(metric_by_id(METRIC_DECLARED - 1));
	assert_null(metric_by_id(UINT16_MAX));
	assert_ptr_equal(metric_find_n("pm25_1h", 4), metric_find("pm25"));
	assert_ptr_equal(metric_find_n("pm25_1h", 7), metric_by_id(METRIC_PM25_1H));
	assert_null(metric_find_n("pm25", 0));
	/* A NUL is a character like others: no name has it. */
	for (size_t length = 5; length < 12; length++)
		assert_null(metric_find_n("pm25\0\0\0\0\0\0\0", length));
}

static void declares_and_replaces(void **state)
{
	(void)state;
	char name[] = "water_level";
	const struct metric *first = declare(name, 20);

	assert_non_null(first);
	assert_true(first->id >= METRIC_DECLARED);
	name[0] = 'x'; /* it has its own copy */
	assert_ptr_equal(metric_find("water_level"), first);
	assert_ptr_equal(metric_by_id(first->id), first);
	assert_string_equal(first->unit, "m");
	assert_true(first->min == -5 && first->max == 20);
	assert_int_equal(first->decimals, 2);
	assert_int_equal(first->hazard, HAZARD_WATER);

	const struct metric *second = declare("water_level", 30);
	assert_non_null(second);
	assert_int_equal(second->id, first->id);
	assert_true(second->max == 30);
	assert_true(first->max == 20); /* who holds the old one may go on */
	assert_ptr_equal(metric_find("water_level"), second);

	const struct metric *other = declare("snow_depth", 1);
	assert_non_null(other);
	assert_int_not_equal(other->id, second->id);
	/* Both come after the builtin ones, each once. */
	int seen[2] = { 0, 0 };
	for (const struct metric *m = metric_next(NULL); m; m = metric_next(m)) {
		seen[0] += m == second;
		seen[1] += m == other;
	}
	assert_int_equal(seen[0], 1);
	assert_int_equal(seen[1], 1);
}

/* Made from the name alone: FNV-1a, as in files of older runs. */
static void declared_ids_are_what_they_were(void **state)
{
	(void)state;
	assert_int_equal(metric_find("water_level")->id, 48483);
	assert_int_equal(metric_find("snow_depth")->id, 16378);
}

static void a_builtin_name_is_taken(void **state)
{
	(void)state;
	assert_null(declare("pm25", 20));
	assert_null(declare("eaqi", 20));
	assert_true(metric_find("pm25")->max == 1000);
}

static uint16_t id_of(const char *name)
{
	uint32_t hash = 2166136261u;

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 16777619u;
	return (uint16_t)(METRIC_DECLARED + hash % (UINT16_MAX - METRIC_DECLARED));
}

static void names_that_make_the_same_id(void **state)
{
	(void)state;
	const struct metric *level = metric_find("water_level");
	char name[32];
	int number = 0;

	do
		snprintf(name, sizeof name, "n%d", ++number);
	while (id_of(name) != level->id);
	assert_null(declare(name, 1));
	assert_null(metric_find(name));
	assert_ptr_equal(metric_by_id(level->id), level);
}

static void there_is_an_end_of_declarations(void **state)
{
	(void)state;
	const struct metric *level = metric_find("water_level");
	char name[32];
	int declared = 2;

	for (int i = 0; declared < METRIC_DECLARED_MAX && i < 200; i++) {
		snprintf(name, sizeof name, "metric_%d", i);
		const struct metric *metric = declare(name, i + 1);
		declared += metric != NULL;
		assert_ptr_equal(metric_find(name), metric);
	}
	assert_int_equal(declared, METRIC_DECLARED_MAX);
	assert_null(declare("one_more", 1));
	assert_null(metric_find("one_more"));
	assert_null(metric_by_id(id_of("one_more")));
	assert_ptr_equal(metric_find("water_level"), level);
	assert_non_null(declare("water_level", 7)); /* a known one is still replaced */
	assert_true(metric_find("water_level")->max == 7);

	int count = 0;
	for (const struct metric *m = metric_next(NULL); m; m = metric_next(m))
		count++;
	assert_int_equal(count, METRIC_BUILTIN_END - 1 + METRIC_DECLARED_MAX);
}

static void hazards_have_names(void **state)
{
	(void)state;
	static const char *const names[] = { "air", "rain", "wind", "heat", "water",
		"device" };

	for (int i = 0; i < HAZARD_COUNT; i++) {
		assert_string_equal(hazard_name((enum hazard)i), names[i]);
		assert_int_equal(hazard_find(names[i]), i);
	}
	assert_int_equal(hazard_find(""), HAZARD_COUNT);
	assert_int_equal(hazard_find("Air"), HAZARD_COUNT);
	assert_string_equal(hazard_name(HAZARD_COUNT), "?");
	assert_int_equal(metric_find("rain_24h")->hazard, HAZARD_RAIN);
	assert_int_equal(metric_find("pm25")->hazard, HAZARD_AIR);
	assert_int_equal(metric_find("battery")->hazard, HAZARD_DEVICE);
}

int main(void)
{
	/* In this order: what is declared stays. */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(builtins_are_found_by_name_and_id),
		cmocka_unit_test(ids_are_what_they_were),
		cmocka_unit_test(unknown_names_are_not_found),
		cmocka_unit_test(declares_and_replaces),
		cmocka_unit_test(declared_ids_are_what_they_were),
		cmocka_unit_test(a_builtin_name_is_taken),
		cmocka_unit_test(names_that_make_the_same_id),
		cmocka_unit_test(there_is_an_end_of_declarations),
		cmocka_unit_test(hazards_have_names),
	};

	return cmocka_run_group_tests_name("metric", tests, NULL, NULL);
}
