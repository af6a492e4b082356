#include "sensors/mqtt.h"

#include "core/log.h"

/* Stands in until the driver is written. */
static enum sensor_result mqtt_decode(
	const void *options, const uint8_t *message, size_t length, struct report *report)
{
	(void)options;
	(void)message;
	(void)length;
	(void)report;
	return SENSOR_BAD_SYNTAX;
}

struct mqtt_source *mqtt_source_start(struct sensor *sensor)
{
	log_error("sensor %s: mqtt is not there yet", sensor->name);
	return NULL;
}

void mqtt_source_stop(struct mqtt_source *source)
{
	(void)source;
}

static const struct option mqtt_table[] = { { .name = NULL } };

const struct sensor_driver sensor_mqtt = {
	.kind = {
		.name = "mqtt",
		.summary = "Messages from an MQTT broker",
		.group = { .name = "sensor", .options = mqtt_table, .size = 1 },
	},
	.bus = SENSOR_BUS_MQTT,
	.decode = mqtt_decode,
};
