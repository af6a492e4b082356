/*
 * The mqtt output: readings to a broker, many in a message. Its files: mqtt.c (options,
 * the connection), mqtt_send.c (what becomes of a batch), mqtt_text.c (records, topics,
 * status), mqtt_discovery.c (Home Assistant). For them only. docs/mqtt.md is for users.
 */
#ifndef MUABUI_OUTPUTS_MQTT_H
#define MUABUI_OUTPUTS_MQTT_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "config/connection.h"
#include "core/answer.h"
#include "core/buffer.h"
#include "core/compress.h"
#include "core/mqtt_client.h"
#include "core/thread.h"
#include "outputs/line_protocol.h"
#include "store/reports.h"
#include "store/store.h"

enum mqtt_payload { MQTT_PAYLOAD_LINES, MQTT_PAYLOAD_JSON };

enum { MQTT_TOPIC_SIZE = 1024 };

struct mqtt_output_options {
	struct mqtt_connection broker;
	const char *topic;
	int qos;
	int payload;     /* enum mqtt_payload */
	int compression; /* enum compression */
	int64_t message_size;
	const char *status_topic; /* "": none */
	const char *discovery;    /* Home Assistant's prefix; "": none */
	const char *state_topic;
	/* Not the user's: see option_kind.attach. */
	const char *name;
	const struct station_config *station;
};

/* A report in a batch, as mqtt_text_record() writes it. */
struct mqtt_record {
	const char *station, *text; /* not ended by NUL */
	size_t station_length, length;
	bool is_sent;
};

struct mqtt_discovery;

struct mqtt_output {
	const struct mqtt_output_options *options;
	struct line_encoder *lines;
	struct compressor *compressor; /* NULL: messages go as they are */
	struct mqtt_discovery *discovery;
	struct buffer message, packed;
	struct mqtt_record *records; /* of the batch that is sent */
	size_t record_room;
	char status_topic[MQTT_TOPIC_SIZE];
	struct buffer online, offline; /* status messages */

	pthread_t greeter; /* says that we are here after each connect */
	bool has_greeter;
	struct bell hello;

	/* Over the client itself: the greeter uses it, the output's thread replaces it.
	 */
	pthread_mutex_t client_mutex;
	struct mqtt_client *client;

	struct bell changed; /* rung when anything of the following has */
	pthread_mutex_t mutex;
	bool aborting;
	bool was_up; /* this client has been connected */
	bool is_new; /* connected anew since discovery last asked */
	uint32_t next_ticket, first_ticket; /* older ones are of given up batches */
	size_t under_way;
	struct mqtt_trouble trouble; /* since the sending began */
};

/* --- mqtt.c -------------------------------------------------------------- */

/* A client as the options want it, connecting. False with the reason in WHY. */
bool mqtt_output_connect(struct mqtt_output *self, char *why, size_t size);
/* Ends the client, and with it whatever it has under way. */
void mqtt_output_disconnect(struct mqtt_output *self);

/* --- mqtt_send.c --------------------------------------------------------- */

void mqtt_output_send(void *self, const struct buffer *batch, struct answer *answer);

/* --- mqtt_text.c --------------------------------------------------------- */

/* A record is its station, a tab, and a line. */
void mqtt_text_record(struct mqtt_output *self, const struct stored_report *stored,
	struct buffer *batch);

/* What comes before and after the lines of a JSON message; records are parted by ','. */
void mqtt_text_begin(const struct mqtt_output *self, struct buffer *message);
void mqtt_text_end(const struct mqtt_output *self, struct buffer *message);

/* The status message for STATE ("online", "offline"). */
void mqtt_text_status(
	const struct mqtt_output_options *options, const char *state, struct buffer *out);

/*
 * TEMPLATE with {station}, {area} and {sensor} filled in; an area that is not given is
 * "-". False: too long.
 */
bool mqtt_text_topic(const struct mqtt_output_options *options, const char *template,
	const char *station, const char *sensor, char out[static MQTT_TOPIC_SIZE]);

/* --- mqtt_discovery.c ---------------------------------------------------- */

/* NULL: out of memory. The free accepts NULL. */
struct mqtt_discovery *mqtt_discovery_new(void);
void mqtt_discovery_free(struct mqtt_discovery *discovery);

/* REPORT will be sent: its series have to be announced, its values shown. */
void mqtt_discovery_take(struct mqtt_discovery *discovery, const struct report *report);

/*
 * Announces what is not announced yet, everything again after a new connection, and sends
 * the newest values. What does not get through now is sent with the next batch.
 */
void mqtt_discovery_send(struct mqtt_output *self);

#endif
