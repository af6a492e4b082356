/*
 * The mqtt driver: messages from a broker. What payloads mean is format.h's; mqtt.c has
 * the options, mqtt_source.c the connection.
 */
#ifndef MUABUI_SENSORS_MQTT_H
#define MUABUI_SENSORS_MQTT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/connection.h"
#include "sensors/format.h"
#include "sensors/sensor.h"

extern const struct sensor_driver sensor_mqtt;

/* Where devices say that they are there, or brokers that they are gone. */
struct mqtt_availability {
	const char *topic;            /* filter; "": the format's own */
	const char *online, *offline; /* payloads; both "": the usual words */
};

struct mqtt_options {
	struct payload_options payload; /* first: decode knows no more */
	struct mqtt_connection broker;
	const char *topic; /* a filter: + and # as in MQTT */
	int qos;
	struct mqtt_availability availability;
};

struct mqtt_source;

/* SENSOR must outlive the source. An absent broker is no failure; NULL with a logged
 * reason. */
struct mqtt_source *mqtt_source_start(struct sensor *sensor);

/* Accepts NULL. */
void mqtt_source_stop(struct mqtt_source *source);

#endif
