/* Sensors as users write them, for the tests of drivers. */
#ifndef TESTS_UNIT_SENSOR_SETTINGS_H
#define TESTS_UNIT_SENSOR_SETTINGS_H

#include <stdio.h>

#include "config/config.h"
#include "sensors/sensor.h"

/*
 * The configuration with these SENSORS, "{ name = …; driver = …; … }, { … }"; NULL, and
 * the reasons in ERRORS (which is initialised here), when it is refused.
 */
static inline struct config *load_sensors(const char *sensors, struct buffer *errors)
{
	static const struct option no_options[] = { { .name = NULL } };
	static const struct option_kind *const no_kinds[] = { NULL };
	static struct config_schema schema = {
		.outputs = { .key = "type", .noun = "output type", .kinds = no_kinds },
		.channels = { .key = "type", .noun = "channel type", .kinds = no_kinds },
		.rule = { .name = "rule", .options = no_options, .size = 1 },
	};
	char text[32768];

	schema.sensors = sensor_family;
	schema.outputs.common = schema.channels.common = schema.rule;
	snprintf(text, sizeof(text),
		"station = { id = \"X\"; name = \"x\"; area = \"y\"; };\n"
		"store = { path = \"/tmp/never.db\"; };\n"
		"sensors = ( %s );",
		sensors);
	buffer_init(errors, 65536);
	return config_load_text("test.conf", text, &schema, errors);
}

/* The options of the sensor INDEX of CONFIG. */
static inline const void *sensor_options(const struct config *config, size_t index)
{
	return ((const struct option_item *)config->sensors.items)[index].options;
}

#endif
