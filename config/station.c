#include "config/station.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "core/reading.h"

static const struct option station_options[] = {
	{
		.name = "id",
		.type = OPTION_STRING,
		.offset = offsetof(struct station_config, id),
		.required = true,
		.help = "The station's name in data, topics and files; keep it for ever.",
	},
	{
		.name = "name",
		.type = OPTION_STRING,
		.offset = offsetof(struct station_config, name),
		.max = 127,
		.help = "The station's name for people; by default its id.",
	},
	{
		.name = "area",
		.type = OPTION_STRING,
		.offset = offsetof(struct station_config, area),
		.fallback = "",
		.max = NAME_SIZE - 1,
		.help = "The ward, commune or district that alerts are about.",
	},
	{
		.name = "latitude",
		.type = OPTION_NUMBER,
		.offset = offsetof(struct station_config, latitude),
		.min = -90,
		.max = 90,
		.unit = "°",
		.help = "WGS 84, north is positive.",
	},
	{
		.name = "longitude",
		.type = OPTION_NUMBER,
		.offset = offsetof(struct station_config, longitude),
		.min = -180,
		.max = 180,
		.unit = "°",
		.help = "WGS 84, east is positive.",
	},
	{
		.name = "indicative",
		.type = OPTION_MAYBE,
		.offset = offsetof(struct station_config, indicative),
		.help = "true where low-cost sensors measure the air: people are told that its "
			"values are indicative. Left out: by the grade of the sensors that "
			"measure it.",
	},
	{ .name = NULL },
};

static void check_name(
	const struct config_place *place, const char *key, const char *name)
{
	if (!name_is_valid(name, strlen(name)))
		config_error(place, key,
			"must have 1 to %d bytes without '/', '+', '#' and control "
			"characters, and no '\\' at the end",
			NAME_SIZE - 1);
}

static void station_check(const void *values, const struct config_place *place)
{
	const struct station_config *station = values;

	check_name(place, "id", station->id);
	if (*station->area)
		check_name(place, "area", station->area);
	if (isnan(station->latitude) != isnan(station->longitude))
		config_error(place, isnan(station->latitude) ? "longitude" : "latitude",
			"needs %s beside it",
			isnan(station->latitude) ? "latitude" : "longitude");
}

const struct option_group station_group = {
	.name = "station",
	.options = station_options,
	.size = sizeof(struct station_config),
	.check = station_check,
};

/* --- areas ------------------------------------------------------------ */

static const struct option area_options[] = {
	{
		.name = "id",
		.type = OPTION_STRING,
		.offset = offsetof(struct area_config, id),
		.required = true,
		.help = "The area as stations name it, \"hn-cau-giay\".",
	},
	{
		.name = "name",
		.type = OPTION_STRING,
		.offset = offsetof(struct area_config, name),
		.required = true,
		.min = 1,
		.max = 127,
		.help = "Its name for people, \"Cầu Giấy\".",
	},
	{ .name = NULL },
};

static void area_check(const void *values, const struct config_place *place)
{
	const struct area_config *area = values;

	check_name(place, "id", area->id);
}

const struct option_group area_group = {
	.name = "area",
	.options = area_options,
	.size = sizeof(struct area_config),
	.check = area_check,
};

const char *config_area_name(const struct config *config, const char *area)
{
	const struct area_config *all = config->areas.items;

	for (size_t i = 0; i < config->areas.count; i++)
		if (strcmp(all[i].id, area) == 0)
			return all[i].name;
	return area;
}

/* --- all rows ---------------------------------------------------------- */

static void check_areas(const struct option_list *rows, const struct config_place *place)
{
	const struct area_config *all = rows->items;

	for (size_t i = 0; i < rows->count; i++) {
		struct config_place here = rows->places[i];
		size_t k = 0;

		here.errors = place->errors;
		while (k < i && strcmp(all[k].id, all[i].id) != 0)
			k++;
		if (k < i)
			config_error(&here, "id", "\"%s\" has a row already", all[i].id);
	}
}

/* Has one of the first COUNT stations of ROWS this ID? */
static bool is_among(const struct option_list *rows, size_t count, const char *id)
{
	const struct station_config *all = rows->items;

	for (size_t i = 0; i < count; i++)
		if (strcmp(all[i].id, id) == 0)
			return true;
	return false;
}

void station_check_rows(const struct config *config, const struct config_place *place)
{
	const struct option_list *rows = &config->stations;
	const struct station_config *all = rows->items;

	for (size_t i = 0; i < rows->count; i++) {
		struct config_place here = rows->places[i];

		here.errors = place->errors;
		if (strcmp(all[i].id, config->station.id) == 0)
			config_error(&here, "id", "\"%s\" is this gateway's own station",
				all[i].id);
		else if (is_among(rows, i, all[i].id))
			config_error(&here, "id", "\"%s\" has a row already", all[i].id);
	}
	check_areas(&config->areas, place);
}
