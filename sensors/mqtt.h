/*
 * The mqtt driver: messages from a broker. What payloads mean is format.h's; mqtt.c has
 * the options, mqtt_source.c the connection.
 */
#ifndef MUABUI_SENSORS_MQTT_H
#define MUABUI_SENSORS_MQTT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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
	const char *url;
	const char *topic; /* a filter: + and # as in MQTT */
	int qos;
	int session;            /* 0 persistent, 1 clean */
	int64_t session_expiry; /* ms; MQTT 5 only */
	int version;            /* 3: 3.1.1; or 5 */
	const char *client_id;  /* "" = made of station and sensor */
	const char *username;
	const char *password_file;
	const char *ca_file, *client_cert, *client_key;
	int64_t keep_alive;
	struct mqtt_availability availability;
};

struct mqtt_source;

/* SENSOR must outlive the source. An absent broker is no failure; NULL with a logged
 * reason. */
struct mqtt_source *mqtt_source_start(struct sensor *sensor);

/* Accepts NULL. */
void mqtt_source_stop(struct mqtt_source *source);

#endif
