#include "config/cap.h"

#include <string.h>

static const char *const statuses[] = { "Actual", "Exercise", "System", "Test", "Draft",
	NULL };
static const char *const schemes[] = { "https", "http", NULL };

static const struct option cap_options[] = {
	{
		.name = "sender",
		.type = OPTION_STRING,
		.offset = offsetof(struct cap_config, sender),
		.fallback = "",
		.max = 127,
		.help = "Who alerts, unique in the world, like canhbao@hanoi.example; by "
			"default made of the station's id.",
	},
	{
		.name = "sender_name",
		.type = OPTION_STRING,
		.offset = offsetof(struct cap_config, sender_name),
		.fallback = "",
		.max = 200,
		.help = "The authority's name for people; by default the station's.",
	},
	{
		.name = "status",
		.type = OPTION_CHOICE,
		.offset = offsetof(struct cap_config, status),
		.fallback = "Actual",
		.choices = statuses,
		.help = "Are messages meant, or part of an exercise or a test?",
	},
	{
		.name = "web",
		.type = OPTION_URL,
		.offset = offsetof(struct cap_config, web),
		.fallback = "",
		.choices = schemes,
		.max = 500,
		.help = "The public address of this gateway's page, without a slash at its "
			"end; by default that of http.listen.",
	},
	{
		.name = "contact",
		.type = OPTION_STRING,
		.offset = offsetof(struct cap_config, contact),
		.fallback = "",
		.max = 200,
		.help = "Whom to ask.",
	},
	{
		.name = "geocode",
		.type = OPTION_STRING,
		.offset = offsetof(struct cap_config, geocode),
		.fallback = "muabui:area",
		.max = 100,
		.help = "The name of the system that areas are codes of.",
	},
	{
		.name = "radius",
		.type = OPTION_NUMBER,
		.offset = offsetof(struct cap_config, radius),
		.fallback = "2",
		.min = 0.1,
		.max = 100,
		.unit = "km",
		.help = "How far around its station an alert holds.",
	},
	{ .name = NULL },
};

static void check(const void *values, const struct config_place *place)
{
	const struct cap_config *cap = values;

	if (strpbrk(cap->sender, " ,<&\t\r\n"))
		config_error(place, "sender", "must not have spaces, ',', '<' or '&'");
	if (*cap->web && cap->web[strlen(cap->web) - 1] == '/')
		config_error(place, "web", "must not end in a slash");
	if (!*cap->geocode)
		config_error(place, "geocode", "must not be empty");
}

const struct option_group cap_group = {
	.name = "cap",
	.options = cap_options,
	.size = sizeof(struct cap_config),
	.check = check,
};
