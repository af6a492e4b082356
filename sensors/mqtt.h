/* Messages from an MQTT broker as a source of reports. */
#ifndef MUABUI_SENSORS_MQTT_H
#define MUABUI_SENSORS_MQTT_H

#include "sensors/sensor.h"

extern const struct sensor_driver sensor_mqtt;

struct mqtt_source;

/* SENSOR must outlive the source. An absent broker is no failure; NULL with a logged
 * reason. */
struct mqtt_source *mqtt_source_start(struct sensor *sensor);

/* Accepts NULL. */
void mqtt_source_stop(struct mqtt_source *source);

#endif
