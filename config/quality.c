#include "config/quality.h"

#include <math.h>

#define NUMBER(NAME, HELP)                                                    \
	{                                                                     \
		.name = #NAME, .type = OPTION_NUMBER,                         \
		.offset = offsetof(struct quality_config, NAME), .help = HELP \
	}
#define DURATION(NAME, HELP)                                                       \
	{                                                                          \
		.name = #NAME, .type = OPTION_DURATION,                            \
		.offset = offsetof(struct quality_config, NAME), .fallback = "0s", \
		.max = 30.0 * 24 * 3600 * 1000, .help = HELP                       \
	}

static const struct option table[] = {
	{
		.name = "metric",
		.type = OPTION_METRIC,
		.offset = offsetof(struct quality_config, metric),
		.required = true,
		.help = "Which metric this is about.",
	},
	NUMBER(min, "Below it a value fails; without it the metric's own range counts."),
	NUMBER(max, "Above it a value fails; without it the metric's own range counts."),
	NUMBER(suspect_min, "Below it a value is suspect."),
	NUMBER(suspect_max, "Above it a value is suspect."),
	NUMBER(rate, "A change of more than this per minute is suspect."),
	NUMBER(spike,
		"Farther than this from the mean of the two values before is suspect."),
	NUMBER(spike_fail,
		"Farther than this from the mean of the two values before fails."),
	NUMBER(flat_tolerance, "Values within this of each other stand still."),
	DURATION(flat_suspect, "Standing still for so long is suspect; 0s: never."),
	DURATION(flat_fail, "Standing still for so long fails; 0s: never."),
	NUMBER(humidity_max,
		"With a humidity (%) above this, of the sensor or its station, a value is suspect."),
	NUMBER(neighbour,
		"Farther than this from the station's other sensors is suspect."),
	NUMBER(neighbour_ratio,
		"The same as a part of the mean; with both, both must be exceeded."),
	{
		.name = "neighbour_within",
		.type = OPTION_DURATION,
		.offset = offsetof(struct quality_config, neighbour_within),
		.fallback = "10m",
		.min = 1000,
		.max = 24.0 * 3600 * 1000,
		.help = "How far apart in time readings are compared.",
	},
	{ .name = NULL },
};

static void check(const void *values, const struct config_place *place)
{
	const struct quality_config *config = values;
	bool flat = config->flat_suspect > 0 || config->flat_fail > 0;

	if (config->min >= config->max)
		config_error(place, "min", "is not below max");
	if (config->suspect_min >= config->suspect_max)
		config_error(place, "suspect_min", "is not below suspect_max");
	if (config->rate <= 0)
		config_error(place, "rate", "is not above 0");
	if (config->neighbour <= 0)
		config_error(place, "neighbour", "is not above 0");
	if (config->neighbour_ratio <= 0)
		config_error(place, "neighbour_ratio", "is not above 0");
	if (flat && isnan(config->flat_tolerance))
		config_error(place, "flat_tolerance",
			"is needed with flat_suspect or flat_fail");
}

const struct option_group quality_group = {
	.name = "quality",
	.options = table,
	.size = sizeof(struct quality_config),
	.check = check,
};

void quality_check_rows(const struct option_list *rows, const struct config_place *place)
{
	const struct quality_config *all = rows->items;

	for (size_t i = 1; i < rows->count; i++) {
		struct config_place here = rows->places[i];

		here.errors = place->errors;
		for (size_t k = 0; k < i; k++) {
			if (all[k].metric != all[i].metric)
				continue;
			config_error(&here, "metric", "%s has a row already",
				all[i].metric->name);
			break;
		}
	}
}

static const struct quality_config *find(const struct option_list *rows, uint16_t metric)
{
	const struct quality_config *all = rows->items;

	for (size_t i = 0; i < rows->count; i++)
		if (all[i].metric->id == metric)
			return &all[i];
	return NULL;
}

const struct quality_config *quality_find(
	const struct option_list *own, const struct option_list *common, uint16_t metric)
{
	const struct quality_config *row = find(own, metric);

	return row ? row : find(common, metric);
}

void quality_defaults(struct quality_config *config, const struct metric *metric)
{
	*config = (struct quality_config){
		.metric = metric,
		.min = NAN,
		.max = NAN,
		.suspect_min = NAN,
		.suspect_max = NAN,
		.rate = NAN,
		.spike = NAN,
		.spike_fail = NAN,
		.flat_tolerance = NAN,
		.humidity_max = NAN,
		.neighbour = NAN,
		.neighbour_ratio = NAN,
	};
}
