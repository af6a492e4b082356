#include "gateway/schema.h"

#include <stdio.h>

#include "alerts/alerts.h"
#include "alerts/channel.h"
#include "alerts/overrides.h"
#include "alerts/relay_options.h"
#include "alerts/webpush.h"
#include "config/quality.h"
#include "config/station.h"
#include "core/buffer.h"
#include "outputs/output.h"
#include "sensors/sensor.h"

enum { ERRORS_MAX = 256 * 1024 };

static void check(const struct config *config, const struct config_place *place)
{
	sensors_check(&config->sensors, place);
	overrides_check(config, place);
	quality_check_rows(&config->quality, place);
	webpush_check(&config->alerts.channels, place);
	station_check_rows(config, place);
}

const struct config_schema *gateway_schema(void)
{
	static struct config_schema schema;

	/* Other files' tables are no constant expressions. */
	schema = (struct config_schema){
		.sensors = sensor_family,
		.outputs = output_family,
		.channels = channel_family,
		.rule = alerts_rule_group,
		.relay = relay_group,
		.text = text_override_group,
		.check = check,
	};
	return &schema;
}

struct config *gateway_load_config(const char *file)
{
	struct buffer errors;

	buffer_init(&errors, ERRORS_MAX);
	struct config *config = config_load(file, gateway_schema(), &errors);
	if (!config)
		fputs(buffer_text(&errors), stderr);
	buffer_free(&errors);
	return config;
}
