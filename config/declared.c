#include "config/declared.h"

#include <string.h>

#include "config/config.h"
#include "core/metric.h"

/* In the order of enum hazard. */
static const char *const hazards[] = { "air", "rain", "wind", "heat", "water", "device",
	NULL };

static const struct option metric_options[] = {
	{
		.name = "name",
		.type = OPTION_STRING,
		.offset = offsetof(struct metric_config, name),
		.required = true,
		.max = 47,
		.help = "A name that the program does not know: small letters, digits, '_'.",
	},
	{
		.name = "unit",
		.type = OPTION_STRING,
		.offset = offsetof(struct metric_config, unit),
		.required = true,
		.max = 15,
		.help = "The unit of every value of it.",
	},
	{
		.name = "min",
		.type = OPTION_NUMBER,
		.offset = offsetof(struct metric_config, min),
		.required = true,
		.help = "A smaller value cannot be meant, and is flagged 4.",
	},
	{
		.name = "max",
		.type = OPTION_NUMBER,
		.offset = offsetof(struct metric_config, max),
		.required = true,
		.help = "A greater value cannot be meant, and is flagged 4.",
	},
	{
		.name = "decimals",
		.type = OPTION_INTEGER,
		.offset = offsetof(struct metric_config, decimals),
		.fallback = "2",
		.max = 6,
		.help = "How many decimals people are shown.",
	},
	{
		.name = "hazard",
		.type = OPTION_CHOICE,
		.offset = offsetof(struct metric_config, hazard),
		.fallback = "water",
		.choices = hazards,
		.help = "What rules about it warn of, unless they say otherwise.",
	},
	{ .name = NULL },
};

static bool ends_in(const char *name, const char *end)
{
	size_t length = strlen(name), tail = strlen(end);

	return length >= tail && strcmp(name + length - tail, end) == 0;
}

/* Words and endings that the outputs use beside the metrics' names. */
static bool is_reserved(const char *name)
{
	return strcmp(name, "time") == 0 || strcmp(name, "station") == 0 ||
		strcmp(name, "sensor") == 0 || strcmp(name, "status") == 0 ||
		ends_in(name, "_qc") || ends_in(name, "_bad");
}

static bool is_metric_name(const char *name)
{
	return name[0] >= 'a' && name[0] <= 'z' &&
		strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name);
}

/* Declared before, by this configuration's last reading, and just the same. */
static bool is_declared_so(const struct metric *known, const struct metric *metric)
{
	return known && strcmp(known->unit, metric->unit) == 0 &&
		known->min == metric->min && known->max == metric->max &&
		known->decimals == metric->decimals && known->hazard == metric->hazard;
}

static void metric_check(const void *values, const struct config_place *place)
{
	const struct metric_config *wanted = values;
	const struct metric *known = metric_find(wanted->name);
	const struct metric metric = {
		.name = wanted->name,
		.unit = wanted->unit,
		.min = wanted->min,
		.max = wanted->max,
		.decimals = (uint8_t)wanted->decimals,
		.hazard = (uint8_t)wanted->hazard,
	};

	if (!is_metric_name(wanted->name))
		config_error(place, "name",
			"must have small letters, digits and '_' only, and begin with a letter");
	else if (is_reserved(wanted->name))
		config_error(place, "name",
			"is reserved: time, station, sensor, status, …_qc and …_bad stand beside the "
			"metrics");
	else if (known && known->id < METRIC_DECLARED)
		config_error(place, "name", "\"%s\" need not be declared: its unit is %s",
			known->name, known->unit);
	else if (wanted->min >= wanted->max)
		config_error(place, "min", "must be less than max");
	else if (!is_declared_so(known, &metric) && !metric_declare(&metric))
		config_error(place, "name",
			"cannot be declared: %d are, or its number is taken; try another",
			METRIC_DECLARED_MAX);
}

const struct option_group metric_group = {
	.name = "metric",
	.options = metric_options,
	.size = sizeof(struct metric_config),
	.check = metric_check,
};
