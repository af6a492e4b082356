/* One relay's connection, and the message of it that is under way. */
#ifndef MUABUI_ALERTS_RELAY_LINE_H
#define MUABUI_ALERTS_RELAY_LINE_H

#include <pthread.h>

#include "alerts/relay.h"
#include "store/outbox.h"

enum relay_state {
	LINE_EMPTY,
	LINE_WAITING, /* for the recorder */
	LINE_WRITTEN, /* in the open transaction */
	LINE_DECIDED, /* the verdict stands */
};

struct relay_line {
	struct relay *relay;
	const struct relay_options *options;
	struct mqtt_client *client; /* NULL: not begun; under the relay's mutex */
	int64_t tried_ms;           /* real time, as well */
	char id[MQTT_CLIENT_ID_SIZE];
	int64_t said_ms; /* real time of the last refusal in the log */
	uint64_t unsaid;

	pthread_mutex_t mutex; /* of what follows */
	pthread_cond_t changed;
	bool stopping, connected;
	enum relay_state state;
	enum relay_verdict verdict;
	struct relayed item;
	uint64_t verdicts[RELAY_VERDICTS];
};

struct relay {
	const struct config *config;
	struct relay_env env;
	pthread_mutex_t mutex; /* beginning and stopping exclude each other */
	bool stopping;
	struct outbox_item row; /* too large for a stack; the recorder's */
	char bodies[ENVELOPE_LANGUAGES][OUTBOX_BODY_MAX];
	size_t count;
	struct relay_line lines[];
};

/* Connects the lines that are not yet. */
void relay_begin(struct relay *relay);

#endif
