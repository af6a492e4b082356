/*
 * What Paho says of a failure, as a struct mqtt_fault. For core/mqtt_client.c only, but
 * mqtt_outcome(), which stands in core/mqtt_client.h.
 */
#ifndef MUABUI_CORE_MQTT_FAULT_H
#define MUABUI_CORE_MQTT_FAULT_H

#include <MQTTAsync.h>

#include "core/mqtt_client.h"

/* FAILURE may be NULL; FALLBACK is the reason where it gives none. */
struct mqtt_fault mqtt_fault_of(
	const MQTTAsync_failureData *failure, const char *fallback);

/* The same of version 5: what the broker gives as its reason, else the library's. */
struct mqtt_fault mqtt_fault_of5(
	const MQTTAsync_failureData5 *failure, const char *fallback);

#endif
