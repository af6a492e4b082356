#include "config/sections.h"

#include <math.h>
#include <string.h>

#include "config/cap.h"
#include "config/declared.h"
#include "config/quality.h"
#include "config/station.h"
#include "config/url.h"
#include "config/value.h"
#include "core/reading.h"

#define SECOND 1000.0
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define KIB    1024.0
#define MIB    (1024 * KIB)
#define GIB    (1024 * MIB)

const char *const config_languages[] = { "vi", "en", NULL };

/* --- store ------------------------------------------------------------- */

/* In the order of enum durability. */
static const char *const durabilities[] = { "grouped", "each", NULL };

static const struct option store_options[] = {
	{
		.name = "path",
		.type = OPTION_PATH,
		.offset = offsetof(struct store_config, path),
		.required = true,
		.help = "The file of the store, on a disk that survives a power cut.",
	},
	{
		.name = "ring",
		.type = OPTION_PATH,
		.offset = offsetof(struct store_config, ring),
		.fallback = "",
		.help = "The file of the ring; by default beside the store.",
	},
	{
		.name = "ring_size",
		.type = OPTION_SIZE,
		.offset = offsetof(struct store_config, ring_size),
		.fallback = "2MiB",
		.min = 64 * KIB,
		.max = 256 * MIB,
		.help = "What may wait between sensors and store.",
	},
	{
		.name = "commit_every",
		.type = OPTION_DURATION,
		.offset = offsetof(struct store_config, commit_every),
		.fallback = "1s",
		.min = 10,
		.max = 10 * MINUTE,
		.help = "The most that a power cut may cost; longer spares the flash card.",
	},
	{
		.name = "durability",
		.type = OPTION_CHOICE,
		.offset = offsetof(struct store_config, durability),
		.fallback = "grouped",
		.choices = durabilities,
		.help = "With \"each\" a message over MQTT or HTTP is acknowledged only when "
			"it is on the disk.",
	},
	{
		.name = "keep_raw",
		.type = OPTION_DURATION,
		.offset = offsetof(struct store_config, keep_raw),
		.fallback = "60d",
		.min = HOUR,
		.max = INFINITY,
		.help = "How long single readings are kept; their hourly means stay.",
	},
	{
		.name = "keep_minutes",
		.type = OPTION_DURATION,
		.offset = offsetof(struct store_config, keep_minutes),
		.fallback = "370d",
		.min = 2 * HOUR,
		.max = INFINITY,
		.help = "How long means of minutes are kept.",
	},
	{
		.name = "max_size",
		.type = OPTION_SIZE,
		.offset = offsetof(struct store_config, max_size),
		.fallback = "4GiB",
		.min = 16 * MIB,
		.max = INFINITY,
		.help = "The most the store may take; beyond it the oldest readings go.",
	},
	{ .name = NULL },
};

static const struct option_group store_group = {
	.name = "store",
	.options = store_options,
	.size = sizeof(struct store_config),
};

/* --- clock ------------------------------------------------------------- */

static const struct option clock_options[] = {
	{
		.name = "battery",
		.type = OPTION_BOOL,
		.offset = offsetof(struct clock_config, battery),
		.fallback = "true",
		.help = "false where the machine has no clock battery, as a Raspberry Pi: its "
			"clock is not believed before the kernel says that it is "
			"synchronised, or somebody has set it.",
	},
	{
		.name = "wait_for_sync",
		.type = OPTION_DURATION,
		.offset = offsetof(struct clock_config, wait_for_sync),
		.fallback = "10m",
		.max = INFINITY,
		.help = "How long after the start a clock that is possible but doubted is "
			"not believed; readings wait meanwhile.",
	},
	{ .name = NULL },
};

static const struct option_group clock_group = {
	.name = "clock",
	.options = clock_options,
	.size = sizeof(struct clock_config),
};

/* --- indices ------------------------------------------------------------ */

/* In the order of enum nowcast_form. */
static const char *const nowcast_forms[] = { "normalised", "literal", NULL };

static const struct option indices_options[] = {
	{
		.name = "nowcast",
		.type = OPTION_CHOICE,
		.offset = offsetof(struct indices_config, nowcast),
		.fallback = "normalised",
		.choices = nowcast_forms,
		.help = "VN_AQI's NowCast where hours are missing and its weight is 1/2: "
			"\"literal\" follows the letter of Decision 1459, which then "
			"tells too little.",
	},
	{
		.name = "completeness",
		.type = OPTION_INTEGER,
		.offset = offsetof(struct indices_config, completeness),
		.fallback = "75",
		.min = 1,
		.max = 100,
		.unit = "%",
		.help = "How much of an hour its mean needs, and of a day's hours theirs.",
	},
	{ .name = NULL },
};

static const struct option_group indices_group = {
	.name = "indices",
	.options = indices_options,
	.size = sizeof(struct indices_config),
};

/* --- http, control ----------------------------------------------------- */

static const struct option http_options[] = {
	{
		.name = "listen",
		.type = OPTION_STRING,
		.offset = offsetof(struct http_config, listen),
		.fallback = "127.0.0.1:8080",
		.min = 2,
		.max = 255,
		.help = "Address and port of the page, \"[::]:8080\" for all the world.",
	},
	{ .name = NULL },
};

static void http_check(const void *values, const struct config_place *place)
{
	const struct http_config *http = values;
	char why[VALUE_WHY_SIZE];

	if (!url_check_listen(http->listen, why))
		config_error(place, "listen", "%s", why);
}

static const struct option_group http_group = {
	.name = "http",
	.options = http_options,
	.size = sizeof(struct http_config),
	.check = http_check,
};

static const struct option control_options[] = {
	{
		.name = "socket",
		.type = OPTION_PATH,
		.offset = offsetof(struct control_config, socket),
		.fallback = "",
		.max = 107, /* sun_path */
		.help = "Where the commands reach the running gateway; by default "
			"/run/muabui/control.sock, or beside the store.",
	},
	{ .name = NULL },
};

static const struct option_group control_group = {
	.name = "control",
	.options = control_options,
	.size = sizeof(struct control_config),
};

/* --- all of them ------------------------------------------------------- */

static const struct option limit_options[] = {
	{
		.name = "per_area",
		.type = OPTION_INTEGER,
		.offset = offsetof(struct limit_config, per_area),
		.fallback = "400",
		.max = 1000,
		.help = "Messages an area gets within that time before the rest come as "
			"digests; the highest severity and all-clears always pass. 0: no limit.",
	},
	{
		.name = "within",
		.type = OPTION_DURATION,
		.offset = offsetof(struct limit_config, within),
		.fallback = "1h",
		.min = 1000,
		.max = 24 * HOUR,
		.help = "The time in which messages are counted.",
	},
	{
		.name = "digest_every",
		.type = OPTION_DURATION,
		.offset = offsetof(struct limit_config, digest_every),
		.fallback = "1h",
		.min = 1000,
		.max = 24 * HOUR,
		.help = "The least time between two digests of one hazard in an area.",
	},
	{
		.name = "gather",
		.type = OPTION_DURATION,
		.offset = offsetof(struct limit_config, gather),
		.fallback = "0s",
		.max = HOUR,
		.help = "Citizens' alerts of one hazard in an area that begin so soon after "
			"another are told together; 0s: each by itself.",
	},
	{ .name = NULL },
};

static const struct option_group limit_group = {
	.name = "limit",
	.options = limit_options,
	.size = sizeof(struct limit_config),
};

static const struct option alerts_rows[] = {
	{
		.name = "language",
		.type = OPTION_CHOICE,
		.offset = offsetof(struct alerts_config, language),
		.fallback = "vi",
		.choices = config_languages,
		.help = "The language of messages, unless a channel has its own.",
	},
	{
		.name = "keep_log",
		.type = OPTION_DURATION,
		.offset = offsetof(struct alerts_config, keep_log),
		.fallback = "400d",
		.min = 24 * HOUR,
		.max = INFINITY,
		.help = "How long it is kept who was told what, when, and with which answer.",
	},
	{
		.name = "channel_down",
		.type = OPTION_DURATION,
		.offset = offsetof(struct alerts_config, channel_down),
		.fallback = "15m",
		.min = SECOND,
		.max = 24 * HOUR,
		.help = "Messages wait for a channel so long and nothing gets through: then "
			"operators are told on the others.",
	},
	{
		.name = "cap",
		.type = OPTION_GROUP,
		.offset = offsetof(struct alerts_config, cap),
		.group = &cap_group,
		.help = "How citizens' alerts are said in CAP 1.2.",
	},
	{
		.name = "limit",
		.type = OPTION_GROUP,
		.offset = offsetof(struct alerts_config, limit),
		.group = &limit_group,
		.help = "How many messages people get at most.",
	},
	{
		.name = "rules",
		.type = OPTION_LIST,
		.offset = offsetof(struct alerts_config, rules),
		.help = "When an alert begins and ends.",
	},
	{
		.name = "channels",
		.type = OPTION_KINDS,
		.offset = offsetof(struct alerts_config, channels),
		.help = "Where alerts go.",
	},
	{
		.name = "texts",
		.type = OPTION_LIST,
		.offset = offsetof(struct alerts_config, texts),
		.help = "Your own words instead of the program's.",
	},
	{
		.name = "relay",
		.type = OPTION_LIST,
		.offset = offsetof(struct alerts_config, relay),
		.help = "Brokers where other gateways' alerts are taken from.",
	},
	{ .name = NULL },
};

static const struct option root_rows[] = {
	{
		.name = "station",
		.type = OPTION_GROUP,
		.offset = offsetof(struct config, station),
		.required = true,
		.group = &station_group,
		.help = "The place this gateway stands at.",
	},
	{
		.name = "stations",
		.type = OPTION_LIST,
		.offset = offsetof(struct config, stations),
		.group = &station_group,
		.help = "Names and places of the other stations it hears of, by their ids.",
	},
	{
		.name = "areas",
		.type = OPTION_LIST,
		.offset = offsetof(struct config, areas),
		.group = &area_group,
		.help = "What the wards and communes of the stations are called.",
	},
	{
		.name = "store",
		.type = OPTION_GROUP,
		.offset = offsetof(struct config, store),
		.required = true,
		.group = &store_group,
		.help = "Where readings are kept until everybody has had them.",
	},
	{
		.name = "metrics", /* before whatever may name one */
		.type = OPTION_LIST,
		.offset = offsetof(struct config, metrics),
		.group = &metric_group,
		.help = "What is measured here and the program does not know.",
	},
	{
		.name = "quality",
		.type = OPTION_LIST,
		.offset = offsetof(struct config, quality),
		.group = &quality_group,
		.help = "What all sensors' values are held against; a sensor's own row counts "
			"instead.",
	},
	{
		.name = "sensors",
		.type = OPTION_KINDS,
		.offset = offsetof(struct config, sensors),
		.required = true,
		.help = "The devices that measure.",
	},
	{
		.name = "outputs",
		.type = OPTION_KINDS,
		.offset = offsetof(struct config, outputs),
		.help = "Where readings go.",
	},
	{
		.name = "alerts",
		.type = OPTION_GROUP,
		.offset = offsetof(struct config, alerts),
		.help = "Who is told when, and how.",
	},
	{
		.name = "clock",
		.type = OPTION_GROUP,
		.offset = offsetof(struct config, clock),
		.group = &clock_group,
		.help = "When the machine's clock is believed.",
	},
	{
		.name = "indices",
		.type = OPTION_GROUP,
		.offset = offsetof(struct config, indices),
		.group = &indices_group,
		.help = "How hourly means and air quality indices are made.",
	},
	{
		.name = "http",
		.type = OPTION_GROUP,
		.offset = offsetof(struct config, http),
		.group = &http_group,
		.help = "The public page and the interfaces; without this section there is none.",
	},
	{
		.name = "control",
		.type = OPTION_GROUP,
		.offset = offsetof(struct config, control),
		.group = &control_group,
		.help = "How the commands reach the running gateway.",
	},
	{ .name = NULL },
};

_Static_assert(sizeof root_rows <= sizeof(struct option[SECTIONS_MAX]), "room for rows");
_Static_assert(sizeof alerts_rows <= sizeof(struct option[SECTIONS_ALERTS_MAX]),
	"room for rows");

static struct option *row(struct option *rows, const char *name)
{
	while (strcmp(rows->name, name) != 0)
		rows++;
	return rows;
}

void sections_init(struct sections *sections, const struct config_schema *schema)
{
	memcpy(sections->rows, root_rows, sizeof root_rows);
	memcpy(sections->alerts_rows, alerts_rows, sizeof alerts_rows);
	row(sections->rows, "sensors")->family = &schema->sensors;
	row(sections->rows, "outputs")->family = &schema->outputs;
	row(sections->rows, "alerts")->group = &sections->alerts;
	row(sections->alerts_rows, "rules")->group = &schema->rule;
	row(sections->alerts_rows, "texts")->group = &schema->text;
	row(sections->alerts_rows, "relay")->group = &schema->relay;
	row(sections->alerts_rows, "channels")->family = &schema->channels;
	sections->alerts = (struct option_group){
		.name = "alerts",
		.options = sections->alerts_rows,
		.size = sizeof(struct alerts_config),
	};
	sections->root = (struct option_group){
		.name = "configuration",
		.options = sections->rows,
		.size = sizeof(struct config),
	};
}
