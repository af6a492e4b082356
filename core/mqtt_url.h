/*
 * Addresses of brokers: mqtt://host[:1883], mqtts://host[:8883], and by websockets
 * ws://host[:80][/mqtt], wss://host[:443][/mqtt]. They are as the configuration has
 * checked them.
 */
#ifndef MUABUI_CORE_MQTT_URL_H
#define MUABUI_CORE_MQTT_URL_H

#include <stdbool.h>
#include <stddef.h>

/* The port of the broker at URL, as given or its scheme's. */
unsigned mqtt_url_port(const char *url);
bool mqtt_url_is_tls(const char *url);

/* Paho's spelling of URL. */
void mqtt_url_for_paho(const char *url, char *uri, size_t size);

#endif
