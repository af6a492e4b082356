#include "config/calibration.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "core/number.h"
#include "core/reading.h"

static const char *const methods[] = { "none", "epa", "epa2021", "kappa", "linear",
	NULL };

#define OFFSET(NAME) .name = #NAME, .offset = offsetof(struct calibration_config, NAME)

static const struct option table[] = {
	{
		OFFSET(metric),
		.type = OPTION_METRIC,
		.required = true,
		.help = "Which of the sensor's metrics is corrected.",
	},
	{
		OFFSET(station),
		.type = OPTION_STRING,
		.fallback = "",
		.max = NAME_SIZE - 1,
		.help = "At which station; empty: at every one the sensor reports for.",
	},
	{
		OFFSET(offset),
		.type = OPTION_NUMBER,
		.help = "Added, after the gain.",
	},
	{
		OFFSET(gain),
		.type = OPTION_NUMBER,
		.help = "What the sensor says is multiplied by it.",
	},
	{
		OFFSET(polynomial),
		.type = OPTION_NUMBERS,
		.help = "a0, a1, a2 …: a0 + a1 x + a2 x² …, instead of offset and gain.",
	},
	{
		OFFSET(humidity),
		.type = OPTION_CHOICE,
		.fallback = "none",
		.choices = methods,
		.help = "How optical dust is corrected for humidity, after the rest.",
	},
	{
		OFFSET(coefficients),
		.type = OPTION_NUMBERS,
		.help = "For linear: what dust and humidity are multiplied by, and a constant.",
	},
	{
		OFFSET(kappa),
		.type = OPTION_NUMBER,
		.max = 2,
		.help = "For kappa: how much water the particles take up.",
	},
	{
		OFFSET(density),
		.type = OPTION_NUMBER,
		.fallback = "1.65",
		.min = 0.5,
		.max = 5,
		.unit = "g/cm³",
		.help = "For kappa: of the dry particles.",
	},
	{
		OFFSET(humidity_cap),
		.type = OPTION_NUMBER,
		.fallback = "95",
		.min = 50,
		.max = 99,
		.unit = "%",
		.help = "A higher humidity counts as this, and the value as suspect.",
	},
	{
		OFFSET(date),
		.type = OPTION_STRING,
		.required = true,
		.help = "The day it was calibrated, as 2026-10-02.",
	},
	{
		OFFSET(by),
		.type = OPTION_STRING,
		.required = true,
		.max = 127,
		.help = "Who answers for it.",
	},
	{
		OFFSET(certificate),
		.type = OPTION_STRING,
		.fallback = "",
		.max = 127,
		.help = "The number of the certificate.",
	},
	{ .name = NULL },
};

/* --- checks ------------------------------------------------------------- */

static bool is_rain(uint16_t metric)
{
	return metric == METRIC_RAIN_TOTAL || metric == METRIC_RAIN ||
		(metric >= METRIC_RAIN_10M && metric <= METRIC_RAIN_DAY);
}

static bool is_computed(uint16_t metric)
{
	return metric >= METRIC_PM25_1H && metric < METRIC_BUILTIN_END;
}

static bool is_date(const char *text)
{
	char whole[32];
	int64_t ms;

	if (strlen(text) != strlen("2026-10-02"))
		return false;
	snprintf(whole, sizeof whole, "%sT00:00:00Z", text);
	return clock_parse(whole, &ms);
}

static void check_polynomial(
	const struct calibration_config *config, const struct config_place *place)
{
	const struct option_numbers *terms = &config->polynomial;
	bool varies = false;

	if (!isnan(config->offset) || !isnan(config->gain))
		config_error(place, "polynomial", "takes the place of offset and gain");
	if (terms->count > CALIBRATION_TERMS)
		config_error(
			place, "polynomial", "has more than %d terms", CALIBRATION_TERMS);
	for (size_t i = 1; i < terms->count; i++)
		varies = varies || fabs(terms->values[i]) > 0;
	if (!varies)
		config_error(place, "polynomial", "says the same whatever is measured");
}

static void check_humidity(
	const struct calibration_config *config, const struct config_place *place)
{
	uint16_t metric = config->metric->id;
	bool is_epa =
		config->humidity == HUMIDITY_EPA || config->humidity == HUMIDITY_EPA2021;

	if (config->humidity != HUMIDITY_NONE &&
		(metric < METRIC_PM1 || metric > METRIC_TSP))
		config_error(place, "humidity", "is for dust, not for %s",
			config->metric->name);
	else if (is_epa && metric != METRIC_PM25)
		config_error(place, "humidity", "\"%s\" was made for pm25 alone",
			methods[config->humidity]);
	if (config->humidity == HUMIDITY_KAPPA && isnan(config->kappa))
		config_error(place, "kappa", "is needed with humidity = \"kappa\"");
	if (config->humidity != HUMIDITY_KAPPA && !isnan(config->kappa))
		config_error(place, "kappa", "needs humidity = \"kappa\"");
	if (config->humidity == HUMIDITY_LINEAR && config->coefficients.count != 3)
		config_error(place, "coefficients",
			"humidity = \"linear\" needs three: of dust, of humidity, constant");
	if (config->humidity != HUMIDITY_LINEAR && config->coefficients.count > 0)
		config_error(place, "coefficients", "need humidity = \"linear\"");
}

static void check(const void *values, const struct config_place *place)
{
	const struct calibration_config *config = values;

	if (is_rain(config->metric->id))
		config_error(place, "metric",
			"%s counts water: a gauge is not corrected here",
			config->metric->name);
	else if (is_computed(config->metric->id))
		config_error(place, "metric", "%s is computed, not measured",
			config->metric->name);
	if (fabs(config->gain) <= 0)
		config_error(place, "gain", "must not be 0");
	if (config->polynomial.count > 0)
		check_polynomial(config, place);
	check_humidity(config, place);
	if (!is_date(config->date))
		config_error(place, "date", "\"%.20s\" is not a day such as 2026-10-02",
			config->date);
}

const struct option_group calibration_group = {
	.name = "calibration",
	.options = table,
	.size = sizeof(struct calibration_config),
	.check = check,
};

void calibration_check_rows(
	const struct option_list *rows, const struct config_place *place)
{
	const struct calibration_config *all = rows->items;

	for (size_t i = 1; i < rows->count; i++) {
		struct config_place here = rows->places[i];

		here.errors = place->errors;
		for (size_t k = 0; k < i; k++) {
			if (all[k].metric != all[i].metric ||
				strcmp(all[k].station, all[i].station) != 0)
				continue;
			config_error(&here, "metric", "%s has a row already",
				all[i].metric->name);
			break;
		}
	}
}

/* --- use ---------------------------------------------------------------- */

const struct calibration_config *calibration_find(
	const struct option_list *rows, const char *station, uint16_t metric)
{
	const struct calibration_config *all = rows->items, *everywhere = NULL;

	for (size_t i = 0; i < rows->count; i++) {
		if (all[i].metric->id != metric)
			continue;
		if (strcmp(all[i].station, station) == 0)
			return &all[i];
		if (!*all[i].station)
			everywhere = &all[i];
	}
	return everywhere;
}

static void put_number(struct buffer *out, double number)
{
	char text[NUMBER_TEXT_SIZE];

	number_format(text, number);
	buffer_printf(out, " %s", text);
}

static void put_numbers(struct buffer *out, const struct option_numbers *numbers)
{
	for (size_t i = 0; i < numbers->count; i++)
		put_number(out, numbers->values[i]);
}

/* WORD NUMBER, after a comma where something is there already. */
static void put_part(struct buffer *out, size_t start, const char *word)
{
	buffer_puts(out, out->length > start ? ", " : "");
	buffer_puts(out, word);
}

static void put_humidity(const struct calibration_config *config, struct buffer *out)
{
	buffer_printf(out, " %s", methods[config->humidity]);
	if (config->humidity == HUMIDITY_KAPPA) {
		put_number(out, config->kappa);
		buffer_puts(out, " density");
		put_number(out, config->density);
	}
	if (config->humidity == HUMIDITY_LINEAR)
		put_numbers(out, &config->coefficients);
	buffer_puts(out, " cap");
	put_number(out, config->humidity_cap);
}

void calibration_describe(const struct calibration_config *config, struct buffer *out)
{
	size_t start = out->length;

	if (!isnan(config->gain)) {
		put_part(out, start, "gain");
		put_number(out, config->gain);
	}
	if (!isnan(config->offset)) {
		put_part(out, start, "offset");
		put_number(out, config->offset);
	}
	if (config->polynomial.count > 0) {
		put_part(out, start, "polynomial");
		put_numbers(out, &config->polynomial);
	}
	if (config->humidity != HUMIDITY_NONE) {
		put_part(out, start, "humidity");
		put_humidity(config, out);
	}
	if (out->length == start)
		buffer_puts(out, "none");
}
