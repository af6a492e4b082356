#include "config/rain.h"

#include <string.h>

static const struct option catch_table[] = {
	{
		.name = "intensity",
		.type = OPTION_NUMBER,
		.offset = offsetof(struct rain_catch, intensity),
		.required = true,
		.max = 5000,
		.unit = "mm/h",
		.help = "The intensity that the gauge tells.",
	},
	{
		.name = "factor",
		.type = OPTION_NUMBER,
		.offset = offsetof(struct rain_catch, factor),
		.required = true,
		.min = 0.5,
		.max = 2,
		.help = "What the gauge tells at this intensity, times this, is the rain.",
	},
	{ .name = NULL },
};

static const struct option_group catch_group = {
	.name = "row",
	.options = catch_table,
	.size = sizeof(struct rain_catch),
};

static const struct option table[] = {
	{
		.name = "day_starts",
		.type = OPTION_STRING,
		.offset = offsetof(struct rain_config, day_starts),
		.fallback = "19:00",
		.help = "When the day of rain_day starts, in Viet Nam's time: the rain "
			"networks say \"19:00\", others \"07:00\" or \"00:00\".",
	},
	{
		.name = "gap",
		.type = OPTION_DURATION,
		.offset = offsetof(struct rain_config, gap),
		.fallback = "15m",
		.min = 60.0 * 1000,
		.max = 24.0 * 3600 * 1000,
		.help = "Longer than this without a word of the gauge is a gap, and not "
			"a dry time; for one that reports by the hour, \"1h\".",
	},
	{
		.name = "max_intensity",
		.type = OPTION_NUMBER,
		.offset = offsetof(struct rain_config, max_intensity),
		.fallback = "1000.0",
		.min = 10,
		.max = 5000,
		.unit = "mm/h",
		.help = "More than this cannot fall: a counter that runs faster is not "
			"believed.",
	},
	{
		.name = "tip",
		.type = OPTION_NUMBER,
		.offset = offsetof(struct rain_config, tip),
		.fallback = "0.0",
		.min = 0.001,
		.max = 20,
		.unit = "mm",
		.help = "What one tip of the bucket means; 0: not known, or no bucket.",
	},
	{
		.name = "bounce",
		.type = OPTION_DURATION,
		.offset = offsetof(struct rain_config, bounce),
		.fallback = "0s",
		.max = 5 * 1000,
		.help = "Tips closer together are the contact's bouncing and count once, "
			"where the device says when each tip was; 0s: off.",
	},
	{
		.name = "turn_time",
		.type = OPTION_DURATION,
		.offset = offsetof(struct rain_config, turn_time),
		.fallback = "0s",
		.max = 2 * 1000,
		.help = "How long the bucket turns, in which what falls is lost: about "
			"\"450ms\"; the rain is corrected by it. 0s: off.",
	},
	{
		.name = "undercatch",
		.type = OPTION_LIST,
		.offset = offsetof(struct rain_config, undercatch),
		.group = &catch_group,
		.help = "The gauge's calibration, by rising intensity; the rain is "
			"corrected by it. Instead of turn_time.",
	},
	{
		.name = "modulus",
		.type = OPTION_NUMBER,
		.offset = offsetof(struct rain_config, modulus),
		.fallback = "0.0",
		.max = 1e7,
		.unit = "mm",
		.help = "Where the counter begins again at 0; 0: where the driver says.",
	},
	{ .name = NULL },
};

bool rain_day_starts(const char *text, int *minutes)
{
	if (strlen(text) != 5 || text[2] != ':' || strspn(text, "0123456789") != 2 ||
		strspn(text + 3, "0123456789") != 2)
		return false;
	int hour = (text[0] - '0') * 10 + text[1] - '0';
	int minute = (text[3] - '0') * 10 + text[4] - '0';
	*minutes = hour * 60 + minute;
	return hour < 24 && minute < 60;
}

static void check_curve(
	const struct rain_config *config, const struct config_place *place)
{
	const struct rain_catch *rows = config->undercatch.items;

	for (size_t i = 1; i < config->undercatch.count; i++)
		if (rows[i].intensity <= rows[i - 1].intensity)
			config_error(place, "undercatch",
				"%g mm/h stands behind %g: the intensities must rise",
				rows[i].intensity, rows[i - 1].intensity);
}

static void check(const void *values, const struct config_place *place)
{
	const struct rain_config *config = values;
	int minutes;

	if (!rain_day_starts(config->day_starts, &minutes))
		config_error(
			place, "day_starts", "is not a time of day, as \"19:00\" is");
	if (config->bounce > 0 && config->tip == 0)
		config_error(place, "bounce",
			"needs tip: more than one tip at once is no bouncing");
	if (config->turn_time > 0 && config->tip == 0)
		config_error(
			place, "turn_time", "needs tip: what a turn loses depends on it");
	if (config->turn_time > 0 && config->undercatch.count > 0)
		config_error(place, "turn_time",
			"would correct once more what undercatch has corrected");
	check_curve(config, place);
}

const struct option_group rain_group = {
	.name = "rain",
	.options = table,
	.size = sizeof(struct rain_config),
	.check = check,
};

const struct rain_config rain_defaults = {
	.day_starts = "19:00",
	.gap = 15 * 60 * 1000,
	.max_intensity = 1000,
};
