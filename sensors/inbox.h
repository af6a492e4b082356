/*
 * Where payloads go, whichever way they came: decoded by their format, stamped, named,
 * handed to the ring, and counted. The mqtt and http drivers share it.
 */
#ifndef MUABUI_SENSORS_INBOX_H
#define MUABUI_SENSORS_INBOX_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sensors/format.h"

enum {
	INBOX_AHEAD_MS = 2 * 60 * 1000, /* a device's clock may be so much fast */
	INBOX_LATE_MS = 10 * 60 * 1000, /* older at receipt: out of a buffer */
	INBOX_RELAYED_AHEAD_MS = 24 * 3600 * 1000, /* of another gateway's stamp */
};

/* All but the mutex's is the thread's that brings the messages. */
struct inbox {
	struct sensor *sensor;
	const struct payload_options *options;
	const char *filter; /* of topics: what {1} {2} … are counted in */
	void *session;      /* the format's */
	struct presences *presences;
	struct ring_batch *batch; /* of formats that are batches, or NULL */
	struct unknowns *unknowns;
	void (*ask)(void *arg, const char *topic, const void *bytes, size_t length);
	void *ask_arg;
	pthread_mutex_t mutex; /* several threads may have something to note */
};

struct inbox_message {
	struct payload payload;
	uint64_t key;     /* identifies it to the ring, 0: nothing does */
	bool is_repeated; /* it may have been accepted already */
	bool is_retained;
};

/*
 * Readies INBOX for SENSOR, whose options hold OPTIONS. Presence goes by
 * options->format's topics. 0, or -1: no memory. ask may be set afterwards.
 */
int inbox_init(struct inbox *inbox, struct sensor *sensor,
	const struct payload_options *options, const char *filter);
/* Accepts a zeroed one. */
void inbox_finish(struct inbox *inbox);

/*
 * Decodes MESSAGE and hands what is in it to the ring, waiting where that is full, and
 * for ring_confirm(). Counts and notes the result. ACCEPTED (may be NULL): how many
 * reports of it are in the ring, -1 when one should be and may not be: then its sender
 * must not be told that it has arrived.
 *
 * Of a batch all reports go, or where anything is wrong with it none. Its reports name
 * their stations themselves; a station in the sensor's options, such as "{1}", is then
 * the only one that the message may speak of. Which of its reports were here before is
 * told by what they say, so that it does not matter in what message they come again.
 */
enum sensor_result inbox_take(
	struct inbox *inbox, const struct inbox_message *message, int *accepted);

/* sensor_note() for whatever thread. */
void inbox_note(struct inbox *inbox, enum sensor_result result, const char *detail);

/* The device WHO has come or gone: counted, shown as the state, said once. */
void inbox_presence(struct inbox *inbox, const char *who, bool is_online);

/*
 * Stamps REPORT, received at NOW_MS (0: the clock is not believed): its own time where
 * that is possible, else now, or nothing, marked REPORT_CLOCK_UNSET. What is older than
 * INBOX_LATE_MS is marked as back-filled.
 */
void inbox_stamp(struct report *report, int64_t now_ms);

/*
 * The same for a report that another gateway has stamped: the time stays as it is. False
 * when it is from before 2020, or more than a day ahead: not to be taken.
 */
bool inbox_stamp_relayed(struct report *report, int64_t now_ms);

/*
 * Writes TEMPLATE to NAME, with {1}, {2} … replaced by what the first, second …
 * + of FILTER matched in TOPIC, and {device} by DEVICE. False when that is no valid name.
 */
bool inbox_name(const char *template, const char *filter, const char *topic,
	const char *device, char name[static NAME_SIZE]);

/* Does TOPIC match FILTER, as MQTT 3.1.1 §4.7 says? */
bool inbox_topic_matches(const char *filter, const char *topic);

#endif
