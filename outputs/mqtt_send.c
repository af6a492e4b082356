/*
 * What becomes of a batch: parted by topic where the topic names the station, cut into
 * messages, compressed, and sent with a few under way at a time. It is done when every
 * message of it is acknowledged.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/log.h"
#include "outputs/mqtt.h"

enum {
	WINDOW = 8, /* messages under way; brokers allow 20 and more */
	CONNECT_MS = 10 * 1000,
};

/* One sending. */
struct sending {
	struct mqtt_output *self;
	struct answer *answer;
	int64_t end_ms;
	size_t sent; /* messages */
};

static void say(struct answer *answer, enum outcome outcome, const char *reason)
{
	answer->outcome = outcome;
	answer->retry_after_ms = -1;
	snprintf(answer->reason, sizeof answer->reason, "%s", reason);
}

/* --- waiting ---------------------------------------------------------------- */

struct state {
	bool aborting;
	struct mqtt_trouble trouble;
	size_t under_way;
};

static struct state look(struct mqtt_output *self)
{
	struct state state;

	pthread_mutex_lock(&self->mutex);
	state = (struct state){
		.aborting = self->aborting,
		.trouble = self->trouble,
		.under_way = self->under_way,
	};
	pthread_mutex_unlock(&self->mutex);
	return state;
}

/* Forgets the faults so far, and answers to what was sent before. */
static void begin_anew(struct mqtt_output *self)
{
	pthread_mutex_lock(&self->mutex);
	self->trouble = (struct mqtt_trouble){ .is_there = false };
	self->first_ticket = self->next_ticket;
	self->under_way = 0;
	pthread_mutex_unlock(&self->mutex);
}

/*
 * While nothing is to be sent, Paho connects again by itself, but of all its attempts it
 * only tells how the first one ended. So with something to send a new client is made.
 */
static bool begin_to_connect(struct mqtt_output *self, char *why, size_t size)
{
	pthread_mutex_lock(&self->mutex);
	bool was_up = self->was_up;
	pthread_mutex_unlock(&self->mutex);
	if (self->client && was_up)
		mqtt_output_disconnect(self);
	if (self->client)
		return true; /* its first attempt is under way, or has failed */
	begin_anew(self);
	return mqtt_output_connect(self, why, size);
}

static bool has_come_up(struct sending *sending)
{
	struct mqtt_output *self = sending->self;
	int64_t end_ms = clock_real_ms() + CONNECT_MS;
	char why[200] = "no connection";

	if (self->client && mqtt_client_is_connected(self->client))
		return true;
	if (!begin_to_connect(self, why, sizeof why)) {
		say(sending->answer, OUTCOME_RETRY, why);
		return false;
	}
	while (!mqtt_client_is_connected(self->client)) {
		struct state state = look(self);
		int64_t left_ms = end_ms - clock_real_ms();
		if (state.aborting || state.trouble.is_there || left_ms <= 0) {
			say(sending->answer, mqtt_outcome(state.trouble.code),
				*state.trouble.reason ? state.trouble.reason : why);
			mqtt_output_disconnect(self);
			return false;
		}
		bell_wait(&self->changed, left_ms);
	}
	return true;
}

/* Gives up what is under way: a message without an answer may have been taken. */
static bool give_up(struct sending *sending, enum outcome outcome, const char *reason)
{
	struct state state = look(sending->self);

	say(sending->answer, outcome, reason);
	sending->answer->maybe_taken = state.under_way > 0;
	/* Paho would send it again by itself, and pile it up. */
	if (state.under_way > 0)
		mqtt_output_disconnect(sending->self);
	return false;
}

/*
 * Waits until at most MOST messages are under way. False, with the answer, when it is
 * over: a message was refused, the connection is lost, or time is up. Paho would send
 * again by itself what has no answer; but a broker that hangs up because a message is
 * too large for it would do so for ever.
 */
static bool wait_for_answers(struct sending *sending, size_t most)
{
	struct mqtt_output *self = sending->self;

	for (;;) {
		struct state state = look(self);
		int64_t left_ms = sending->end_ms - clock_real_ms();

		if (state.trouble.is_there)
			return give_up(sending, mqtt_outcome(state.trouble.code),
				state.trouble.reason);
		if (state.under_way <= most)
			return true;
		if (state.aborting)
			return give_up(sending, OUTCOME_RETRY, "told to stop");
		if (left_ms <= 0)
			return give_up(sending, OUTCOME_RETRY,
				"the broker does not acknowledge");
		bell_wait(&self->changed, left_ms);
	}
}

/* --- messages --------------------------------------------------------------- */

static bool send_message(
	struct sending *sending, const struct buffer *bytes, const char *topic)
{
	struct mqtt_output *self = sending->self;
	const struct mqtt_message message = {
		.topic = topic,
		.bytes = bytes->data,
		.length = bytes->length,
		.qos = self->options->qos,
	};
	struct mqtt_fault fault;

	if (!wait_for_answers(sending, WINDOW - 1))
		return false;
	pthread_mutex_lock(&self->mutex);
	uint32_t ticket = self->next_ticket++;
	self->under_way++;
	pthread_mutex_unlock(&self->mutex);
	if (mqtt_client_send(self->client, &message, ticket, &fault)) {
		sending->sent++;
		return true;
	}
	pthread_mutex_lock(&self->mutex);
	self->under_way--;
	pthread_mutex_unlock(&self->mutex);
	return give_up(sending, OUTCOME_RETRY, fault.reason);
}

/* What is in self->message, ended and compressed, to the topic of STATION. */
static bool flush(struct sending *sending, const char *station)
{
	struct mqtt_output *self = sending->self;
	const struct buffer *bytes = &self->message;
	char topic[MQTT_TOPIC_SIZE];

	mqtt_text_end(self, &self->message);
	if (!mqtt_text_topic(self->options, self->options->topic, station, "", topic))
		return give_up(sending, OUTCOME_HELD, "the topic is too long");
	if (self->compressor) {
		if (self->message.failed ||
			!compressor_run(self->compressor, bytes->data, bytes->length,
				&self->packed))
			return give_up(sending, OUTCOME_RETRY, "out of memory");
		bytes = &self->packed;
	}
	if (bytes->failed)
		return give_up(sending, OUTCOME_RETRY, "out of memory");
	bool sent = send_message(sending, bytes, topic);
	buffer_clear(&self->message);
	return sent;
}

/* --- records ---------------------------------------------------------------- */

/* The record at AT, and behind it. False: there is none. */
static bool next_record(const char **at, const char *end, struct mqtt_record *record)
{
	const char *tab = memchr(*at, '\t', (size_t)(end - *at));
	const char *stop = tab ? memchr(tab, '\n', (size_t)(end - tab)) : NULL;

	if (!stop)
		return false;
	*record = (struct mqtt_record){
		.station = *at,
		.station_length = (size_t)(tab - *at),
		.text = tab + 1,
		.length = (size_t)(stop - tab),
	};
	*at = stop + 1;
	return true;
}

/* The records of BATCH in self->records; how many, -1: out of memory. */
static ssize_t find_records(struct mqtt_output *self, const struct buffer *batch)
{
	const char *at = batch->data, *end = at + batch->length;
	struct mqtt_record record;
	size_t count = 0;

	while (next_record(&at, end, &record)) {
		if (count == self->record_room) {
			size_t room = count ? count * 2 : 64;
			struct mqtt_record *records =
				realloc(self->records, room * sizeof *records);
			if (!records)
				return -1;
			self->records = records;
			self->record_room = room;
		}
		self->records[count++] = record;
	}
	return (ssize_t)count;
}

static bool same_station(const struct mqtt_record *a, const struct mqtt_record *b)
{
	return a->station_length == b->station_length &&
		memcmp(a->station, b->station, a->station_length) == 0;
}

static bool put_record(
	struct sending *sending, const struct mqtt_record *record, const char *station)
{
	struct mqtt_output *self = sending->self;
	size_t limit = (size_t)self->options->message_size;

	if (self->message.length > 0 && self->message.length + record->length > limit &&
		!flush(sending, station))
		return false;
	if (self->message.length == 0)
		mqtt_text_begin(self, &self->message);
	else if (self->options->payload == MQTT_PAYLOAD_JSON)
		buffer_putc(&self->message, ',');
	buffer_append(&self->message, record->text, record->length);
	return true;
}

/* RECORDS, of which the first is not sent yet, and all that go where it goes. */
static bool send_group(struct sending *sending, struct mqtt_record *records, size_t count,
	bool by_station)
{
	char station[NAME_SIZE];

	snprintf(station, sizeof station, "%.*s", (int)records->station_length,
		records->station);
	for (size_t i = 0; i < count; i++) {
		if (records[i].is_sent ||
			(by_station && !same_station(&records[0], &records[i])))
			continue;
		records[i].is_sent = true;
		if (!put_record(sending, &records[i], station))
			return false;
	}
	return flush(sending, station);
}

static bool send_all(struct sending *sending, const struct buffer *batch)
{
	struct mqtt_output *self = sending->self;
	bool by_station = strstr(self->options->topic, "{station}") != NULL;
	ssize_t count = find_records(self, batch);

	if (count < 0)
		return give_up(sending, OUTCOME_RETRY, "out of memory");
	buffer_clear(&self->message);
	for (size_t i = 0; i < (size_t)count; i++)
		if (!self->records[i].is_sent &&
			!send_group(sending, &self->records[i], (size_t)count - i,
				by_station))
			return false;
	return wait_for_answers(sending, 0);
}

void mqtt_output_send(void *arg, const struct buffer *batch, struct answer *answer)
{
	struct mqtt_output *self = arg;
	struct sending sending = {
		.self = self,
		.answer = answer,
		.end_ms = clock_real_ms() + self->options->broker.server.timeout,
	};

	if (!has_come_up(&sending))
		return;
	begin_anew(self); /* what went wrong before is over */
	mqtt_discovery_send(self);
	if (send_all(&sending, batch))
		say(answer, OUTCOME_DONE, "");
}
