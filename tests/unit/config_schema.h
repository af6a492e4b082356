/* A small schema with one option of every type, for the tests of config/. */
#ifndef TESTS_UNIT_CONFIG_SCHEMA_H
#define TESTS_UNIT_CONFIG_SCHEMA_H

#include <math.h>
#include <string.h>

#include "config/config.h"
#include "core/metric.h"

struct test_common {
	const char *station;
	int64_t stale_after;
};

static const struct option test_common_options[] = {
	{
		.name = "station",
		.type = OPTION_STRING,
		.offset = offsetof(struct test_common, station),
		.fallback = "",
		.max = 63,
		.help = "Whose it is.",
	},
	{
		.name = "stale_after",
		.type = OPTION_DURATION,
		.offset = offsetof(struct test_common, stale_after),
		.fallback = "5m",
		.min = 1000,
		.max = 86400000,
		.help = "When it counts as silent.",
	},
	{ .name = NULL },
};

struct test_serial {
	const char *port;
	int baud;
	int parity;
	int unit_id; /* 0: none */
	int64_t every;
	int64_t buffer;
	double offset;
	double scale;
	bool invert;
};

static const char *const test_parities[] = { "none", "even", "odd", NULL };

static const struct option test_serial_options[] = {
	{
		.name = "port",
		.type = OPTION_PATH,
		.offset = offsetof(struct test_serial, port),
		.required = true,
		.help = "The line.",
	},
	{
		.name = "baud",
		.type = OPTION_INTEGER,
		.offset = offsetof(struct test_serial, baud),
		.fallback = "9600",
		.min = 1200,
		.max = 115200,
		.unit = "baud",
		.help = "Its speed.",
	},
	{
		.name = "parity",
		.type = OPTION_CHOICE,
		.offset = offsetof(struct test_serial, parity),
		.fallback = "none",
		.choices = test_parities,
		.help = "Its parity.",
	},
	{
		.name = "unit_id",
		.type = OPTION_INTEGER,
		.offset = offsetof(struct test_serial, unit_id),
		.min = 1,
		.max = 247,
		.help = "The address.",
	},
	{
		.name = "every",
		.type = OPTION_DURATION,
		.offset = offsetof(struct test_serial, every),
		.fallback = "10s",
		.min = 100,
		.max = 86400000,
		.help = "How often.",
	},
	{
		.name = "buffer",
		.type = OPTION_SIZE,
		.offset = offsetof(struct test_serial, buffer),
		.fallback = "64KiB",
		.min = 512,
		.max = INFINITY,
		.help = "How much.",
	},
	{
		.name = "offset",
		.type = OPTION_NUMBER,
		.offset = offsetof(struct test_serial, offset),
		.min = -50,
		.max = 50,
		.help = "Added.",
	},
	{
		.name = "scale",
		.type = OPTION_NUMBER,
		.offset = offsetof(struct test_serial, scale),
		.fallback = "1",
		.help = "Multiplied.",
	},
	{
		.name = "invert",
		.type = OPTION_BOOL,
		.offset = offsetof(struct test_serial, invert),
		.help = "Upside down.",
	},
	{ .name = NULL },
};

struct test_register {
	const struct metric *metric;
	int address;
	double scale;
	struct option_numbers ignore;
};

static const struct option test_register_options[] = {
	{
		.name = "metric",
		.type = OPTION_METRIC,
		.offset = offsetof(struct test_register, metric),
		.required = true,
		.help = "What it holds.",
	},
	{
		.name = "address",
		.type = OPTION_INTEGER,
		.offset = offsetof(struct test_register, address),
		.required = true,
		.max = 65535,
		.help = "Where it is.",
	},
	{
		.name = "scale",
		.type = OPTION_NUMBER,
		.offset = offsetof(struct test_register, scale),
		.fallback = "0.1",
		.help = "Multiplied.",
	},
	{
		.name = "ignore",
		.type = OPTION_NUMBERS,
		.offset = offsetof(struct test_register, ignore),
		.fallback = "65535, 32767",
		.max = 65535,
		.help = "What means nothing.",
	},
	{ .name = NULL },
};

static const struct option_group test_register_group = {
	.name = "register",
	.options = test_register_options,
	.size = sizeof(struct test_register),
};

struct test_bus {
	const char *url;
	const char *password_file;
	struct option_strings topics;
	struct option_list registers;
	struct test_tls {
		const char *ca;
		bool verify;
	} tls;
};

static const char *const test_schemes[] = { "mqtt", "mqtts", NULL };

static const struct option test_tls_options[] = {
	{
		.name = "ca",
		.type = OPTION_PATH,
		.offset = offsetof(struct test_tls, ca),
		.fallback = "",
		.help = "The authority.",
	},
	{
		.name = "verify",
		.type = OPTION_BOOL,
		.offset = offsetof(struct test_tls, verify),
		.fallback = "true",
		.help = "Is it asked?",
	},
	{ .name = NULL },
};

static const struct option_group test_tls_group = {
	.name = "tls",
	.options = test_tls_options,
	.size = sizeof(struct test_tls),
};

static const struct option test_bus_options[] = {
	{
		.name = "url",
		.type = OPTION_URL,
		.offset = offsetof(struct test_bus, url),
		.required = true,
		.choices = test_schemes,
		.help = "The broker.",
	},
	{
		.name = "password_file",
		.type = OPTION_SECRET,
		.offset = offsetof(struct test_bus, password_file),
		.help = "Its password.",
	},
	{
		.name = "topics",
		.type = OPTION_STRINGS,
		.offset = offsetof(struct test_bus, topics),
		.fallback = "env/+/air",
		.help = "What is subscribed.",
	},
	{
		.name = "registers",
		.type = OPTION_LIST,
		.offset = offsetof(struct test_bus, registers),
		.required = true,
		.group = &test_register_group,
		.help = "What is read.",
	},
	{
		.name = "tls",
		.type = OPTION_GROUP,
		.offset = offsetof(struct test_bus, tls),
		.group = &test_tls_group,
		.help = "How it is secured.",
	},
	{ .name = NULL },
};

static const char *const test_serial_aliases[] = { "pms7003", "pmsa003", NULL };

static const struct option_kind test_serial_kind = {
	.name = "pms5003",
	.aliases = test_serial_aliases,
	.summary = "Counts dust.",
	.group = {
		.name = "pms5003",
		.options = test_serial_options,
		.size = sizeof(struct test_serial),
	},
};

static const struct option_kind test_bus_kind = {
	.name = "modbus",
	.summary = "Asks for registers.",
	.group = {
		.name = "modbus",
		.options = test_bus_options,
		.size = sizeof(struct test_bus),
	},
};

static const struct option_kind *const test_drivers[] = {
	&test_serial_kind,
	&test_bus_kind,
	NULL,
};

static const struct option_kind test_console_kind = {
	.name = "console",
	.summary = "Prints.",
};

static const struct option_kind *const test_channels[] = { &test_console_kind, NULL };

struct test_rule {
	const char *name;
	const struct metric *metric;
	double above;
	double below;
	int64_t hold;
};

static const struct option test_rule_options[] = {
	{
		.name = "name",
		.type = OPTION_STRING,
		.offset = offsetof(struct test_rule, name),
		.required = true,
		.help = "What it is called.",
	},
	{
		.name = "metric",
		.type = OPTION_METRIC,
		.offset = offsetof(struct test_rule, metric),
		.required = true,
		.help = "What it looks at.",
	},
	{
		.name = "above",
		.type = OPTION_NUMBER,
		.offset = offsetof(struct test_rule, above),
		.help = "Fires above this.",
	},
	{
		.name = "below",
		.type = OPTION_NUMBER,
		.offset = offsetof(struct test_rule, below),
		.help = "Fires below this.",
	},
	{
		.name = "for",
		.type = OPTION_DURATION,
		.offset = offsetof(struct test_rule, hold),
		.help = "How long.",
	},
	{ .name = NULL },
};

static void test_rule_check(const void *values, const struct config_place *place)
{
	const struct test_rule *rule = values;

	if (isnan(rule->above) && isnan(rule->below))
		config_error(place, NULL, "needs above or below");
	else if (rule->above < rule->below)
		config_error(place, "below", "must not be greater than above");
}

/* A rule "needs-console" wants a channel; both are known only at the end. */
static void test_schema_check(
	const struct config *config, const struct config_place *place)
{
	const struct test_rule *rules = config->alerts.rules.items;

	for (size_t i = 0; i < config->alerts.rules.count; i++)
		if (strcmp(rules[i].name, "needs-console") == 0 &&
			config->alerts.channels.count == 0) {
			config_error(&config->alerts.rules.places[i], "name",
				"there is no channel");
			config_error(place, "alerts", "has no channel");
		}
}

static const struct config_schema test_schema = {
	.sensors = {
		.key = "driver",
		.noun = "driver",
		.common = {
			.name = "sensor",
			.options = test_common_options,
			.size = sizeof(struct test_common),
		},
		.kinds = test_drivers,
	},
	.outputs = { .key = "type", .noun = "output type", .kinds = test_channels },
	.channels = { .key = "type", .noun = "channel type", .kinds = test_channels },
	.rule = {
		.name = "rule",
		.options = test_rule_options,
		.size = sizeof(struct test_rule),
		.check = test_rule_check,
	},
	.relay = {
		.name = "relay",
		.options = test_rule_options,
		.size = sizeof(struct test_rule),
	},
	.text = {
		.name = "text",
		.options = test_rule_options,
		.size = sizeof(struct test_rule),
	},
	.check = test_schema_check,
};

#endif
