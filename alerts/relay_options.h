/* The keys of alerts.relay. */
#ifndef MUABUI_ALERTS_RELAY_OPTIONS_H
#define MUABUI_ALERTS_RELAY_OPTIONS_H

#include "config/connection.h"
#include "config/option.h"

/* A gateway whose alerts are taken. */
struct relay_box {
	const char *station;  /* its station id, and its level of the topic */
	const char *key_file; /* what it signs with: the secret, or its public key */
	int cap;              /* alerts and reminders of it in an hour */
	struct option_strings stations; /* others it may speak of */
};

struct relay_options {
	const char *name;
	struct mqtt_connection broker;
	const char *topic; /* filter; the first + is the box */
	struct option_list boxes;
};

extern const struct option_group relay_group; /* for the schema */

#endif
