/*
 * The mqtt driver: messages from a broker. mqtt.c knows payloads and topics (pure),
 * mqtt_source.c the connection.
 */
#ifndef MUABUI_SENSORS_MQTT_H
#define MUABUI_SENSORS_MQTT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sensors/sensor.h"

extern const struct sensor_driver sensor_mqtt;

struct mqtt_field {
	const struct metric *metric;
	const char *pointer; /* RFC 6901 */
	double scale, offset;
	bool optional;
};

struct mqtt_options {
	const char *url;
	const char *topic; /* a filter: + and # as in MQTT */
	const char
		*sensor; /* "" = the sensor's own name; {n} = what the n-th + matched */
	int qos;
	int session;           /* 0 persistent, 1 clean */
	const char *client_id; /* "" = made of station and sensor */
	const char *username;
	const char *password_file;
	const char *ca_file, *client_cert, *client_key;
	int64_t keep_alive;
	int64_t max_payload;         /* bytes */
	const struct metric *metric; /* for payloads that are one plain number */
	struct option_list fields;   /* struct mqtt_field */
};

/*
 * Decodes PAYLOAD by OPTIONS into REPORT. SENSOR_MISSING_FIELD and SENSOR_BAD_VALUE
 * may leave readings in REPORT: those of the other fields, which are good.
 */
enum sensor_result mqtt_decode(const void *options, const uint8_t *payload, size_t length,
	struct report *report);

/* Does TOPIC match FILTER, as MQTT 3.1.1 §4.7 says? */
bool mqtt_topic_matches(const char *filter, const char *topic);

/*
 * Writes TEMPLATE to NAME, with {1}, {2} … replaced by what the first, second …
 * + of FILTER matched in TOPIC. False when that is no valid name.
 */
bool mqtt_name_from_topic(const char *template, const char *filter, const char *topic,
	char name[static NAME_SIZE]);

struct mqtt_source;

/* SENSOR must outlive the source. An absent broker is no failure; NULL with a logged
 * reason. */
struct mqtt_source *mqtt_source_start(struct sensor *sensor);

/* Accepts NULL. */
void mqtt_source_stop(struct mqtt_source *source);

#endif
