/*
 * The mqtt channel: alerts, signed, to a topic of a broker, for a gateway that relays
 * them (alerts/relay.h) and for whoever else listens. Each is sent once the one before is
 * acknowledged, so they arrive in order. Both languages are in the episode's history.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alerts/channel.h"
#include "alerts/envelope.h"
#include "alerts/texts.h"
#include "config/connection.h"
#include "core/clock.h"
#include "core/mqtt_client.h"
#include "core/thread.h"
#include "store/episodes.h"

enum { TOPIC_MAX = 1024 };

struct mqtt_channel_options {
	struct mqtt_connection broker;
	const char *topic;
	const char *key_file;
};

#define OPTIONS struct mqtt_channel_options

static const struct option options[] = {
	CONNECTION_MQTT_URL(OPTIONS, broker),
	{
		.name = "topic",
		.type = OPTION_STRING,
		.offset = offsetof(OPTIONS, topic),
		.fallback = "muabui/{box}/alerts",
		.min = 1,
		.max = 500,
		.help = "Where alerts go; a level {box} is this gateway's station id, "
			"{station} {area} {hazard} {severity} are the alert's.",
	},
	{
		.name = "key_file",
		.type = OPTION_SECRET,
		.offset = offsetof(OPTIONS, key_file),
		.required = true,
		.help = "What alerts are signed with: a secret shared with the relay, or a "
			"private Ed25519 key (PEM).",
	},
	CONNECTION_TIMEOUT(OPTIONS, broker.server, "10s", 100,
		"How long to wait for the broker's acknowledgement."),
	CONNECTION_MQTT(OPTIONS, broker, "a session", "channel", 3600 * 1000.0),
	{ .name = NULL },
};

struct mqtt_channel {
	const OPTIONS *options;
	const struct channel_env *env;
	struct envelope_key *key;
	struct mqtt_client *client;
	struct buffer payload;
	char id[MQTT_CLIENT_ID_SIZE];
	char password[SECRET_MAX];
	struct bell changed;

	pthread_mutex_t mutex; /* of what follows: Paho's threads tell it */
	bool aborting;
	struct mqtt_trouble trouble;
	uint32_t ticket, acknowledged;
};

/* --- what Paho's threads say ------------------------------------------------------- */

static void came_up(void *arg)
{
	bell_ring(&((struct mqtt_channel *)arg)->changed);
}

static void went_down(void *arg, const struct mqtt_fault *fault)
{
	struct mqtt_channel *self = arg;

	pthread_mutex_lock(&self->mutex);
	mqtt_trouble_note(&self->trouble, fault);
	pthread_mutex_unlock(&self->mutex);
	bell_ring(&self->changed);
}

static void was_answered(void *arg, uint32_t ticket, const struct mqtt_fault *fault)
{
	struct mqtt_channel *self = arg;

	pthread_mutex_lock(&self->mutex);
	if (ticket == self->ticket && fault)
		mqtt_trouble_note(&self->trouble, fault);
	else if (ticket == self->ticket)
		self->acknowledged = ticket;
	pthread_mutex_unlock(&self->mutex);
	bell_ring(&self->changed);
}

/* --- the connection ----------------------------------------------------------------- */

/* Paho would send again by itself what has no answer: the outbox does that. */
static void disconnect(struct mqtt_channel *self)
{
	mqtt_client_stop(self->client);
	self->client = NULL;
}

static bool connect_anew(struct mqtt_channel *self, char *why, size_t size)
{
	const struct mqtt_events events = {
		.arg = self,
		.up = came_up,
		.down = went_down,
		.sent = was_answered,
	};
	char owner[NAME_SIZE + 16];

	/* A sensor or an output of the same name may be the broker's client, too. */
	snprintf(owner, sizeof owner, "alerts-%s", self->env->name);
	struct mqtt_settings settings = mqtt_connection_settings(
		&self->options->broker, self->env->config->station.id, owner, self->id);
	disconnect(self);
	settings.password = self->password;
	pthread_mutex_lock(&self->mutex);
	self->trouble.is_there = false;
	pthread_mutex_unlock(&self->mutex);
	self->client = mqtt_client_new(&settings, &events, why, size);
	if (self->client && mqtt_client_start(self->client, why, size))
		return true;
	disconnect(self);
	return false;
}

static void mqtt_channel_close(void *arg)
{
	struct mqtt_channel *self = arg;

	disconnect(self);
	envelope_key_free(self->key);
	buffer_free(&self->payload);
	secret_wipe(self->password, sizeof self->password);
	bell_free(&self->changed);
	pthread_mutex_destroy(&self->mutex);
	free(self);
}

static void *mqtt_channel_open(
	const struct channel_env *env, const void *values, char *why, size_t size)
{
	struct mqtt_channel *self = calloc(1, sizeof *self);

	if (!self) {
		snprintf(why, size, "out of memory");
		return NULL;
	}
	self->options = values;
	self->env = env;
	bell_init(&self->changed);
	pthread_mutex_init(&self->mutex, NULL);
	buffer_init(&self->payload, ENVELOPE_MAX);
	self->key = envelope_key_read(self->options->key_file, why, size);
	if (self->key &&
		connection_read_secret(self->options->broker.server.password_file,
			self->password, why, size))
		return self;
	mqtt_channel_close(self);
	return NULL;
}

/* --- what is sent ------------------------------------------------------------------- */

struct found {
	const struct mqtt_channel *self;
	const struct message *message;
	struct buffer *out;
	bool is_there, is_signed;
};

/* BODY said late, as the notifier has marked MESSAGE; to TEXT. */
static bool mark_late(
	const char *body, const struct message *message, struct buffer *text)
{
	struct message late;

	if (!message_from_json(&late, body))
		return false;
	texts_mark_late(&late);
	late.expires_ms = message->expires_ms;
	buffer_clear(text);
	message_to_json(&late, text);
	return !text->failed;
}

static void sign_found(void *arg, const struct episode_message *kept)
{
	struct found *found = arg;
	const struct message *message = found->message;
	struct buffer late[ENVELOPE_LANGUAGES];
	const char *bodies[ENVELOPE_LANGUAGES];

	if (kept->revision != message->revision)
		return;
	found->is_there = true;
	for (size_t i = 0; i < ENVELOPE_LANGUAGES; i++) {
		buffer_init(&late[i], OUTBOX_BODY_MAX);
		bodies[i] = kept->bodies[i];
		if (message->expires_ms > kept->expires_ms &&
			mark_late(kept->bodies[i], message, &late[i]))
			bodies[i] = buffer_text(&late[i]);
	}
	found->is_signed = envelope_write(found->self->key,
		found->self->env->config->station.id, clock_wall_ms(),
		kept->is_public ? AUDIENCE_CITIZENS : AUDIENCE_OPERATORS, bodies,
		ENVELOPE_LANGUAGES, found->out);
	for (size_t i = 0; i < ENVELOPE_LANGUAGES; i++)
		buffer_free(&late[i]);
}

/* What the gateway itself tells its operators, or a trial, has no history. */
static bool sign_alone(struct mqtt_channel *self, const struct message *message)
{
	struct buffer body;

	buffer_init(&body, OUTBOX_BODY_MAX);
	message_to_json(message, &body);
	const char *bodies[] = { buffer_text(&body) };
	bool is_signed = !body.failed &&
		envelope_write(self->key, self->env->config->station.id, clock_wall_ms(),
			AUDIENCE_OPERATORS, bodies, 1, &self->payload);
	buffer_free(&body);
	return is_signed;
}

/* Fills self->payload. False with ANSWER. */
static bool make_payload(
	struct mqtt_channel *self, const struct message *message, struct answer *answer)
{
	struct found found = { .self = self, .message = message, .out = &self->payload };
	struct store *store = NULL;
	int chain = 0;

	buffer_clear(&self->payload);
	if (self->env->store_path && !message->test) {
		store = store_open(self->env->store_path, STORE_READER, answer->reason,
			sizeof answer->reason);
		if (!store)
			return false;
		chain = history_chain(
			store, message->id, message->revision, sign_found, &found);
		if (chain < 0)
			snprintf(answer->reason, sizeof answer->reason, "%s",
				store_error(store));
		store_close(store);
	}
	if (chain < 0)
		return false;
	if (found.is_there ? found.is_signed : sign_alone(self, message))
		return true;
	answer->outcome = OUTCOME_HELD;
	snprintf(answer->reason, sizeof answer->reason,
		"the key cannot sign: a private one is needed");
	return false;
}

/* The topic of MESSAGE: placeholders are filled level by level, slashes stay. */
static bool make_topic(const struct mqtt_channel *self, const struct message *message,
	struct buffer *topic)
{
	const char *level = self->options->topic;
	char part[TOPIC_MAX];

	for (;; level++) {
		size_t length = strcspn(level, "/");

		snprintf(part, sizeof part, "%.*s", (int)length, level);
		if (!strcmp(part, "{box}"))
			buffer_puts(topic, self->env->config->station.id);
		else
			message_expand(message, part, true, topic);
		level += length;
		if (!*level)
			break;
		buffer_putc(topic, '/');
	}
	return !topic->failed;
}

/* --- sending -------------------------------------------------------------------------
 */

static bool is_up(struct mqtt_channel *self)
{
	/* Not under the mutex: Paho may hold its own while it waits for ours. */
	return mqtt_client_is_connected(self->client);
}

static bool is_acknowledged(struct mqtt_channel *self)
{
	pthread_mutex_lock(&self->mutex);
	bool acknowledged = self->acknowledged == self->ticket;
	pthread_mutex_unlock(&self->mutex);
	return acknowledged;
}

/* Is there no use in waiting any more? Then ANSWER says why. */
static bool is_over(struct mqtt_channel *self, int64_t left_ms, struct answer *answer)
{
	pthread_mutex_lock(&self->mutex);
	bool over = self->trouble.is_there || self->aborting || left_ms <= 0;
	if (over) {
		answer->outcome = self->trouble.is_there
			? mqtt_outcome(self->trouble.code)
			: OUTCOME_RETRY;
		snprintf(answer->reason, sizeof answer->reason, "%s",
			self->trouble.is_there   ? self->trouble.reason
				: self->aborting ? "told to stop"
						 : "the broker does not answer");
	}
	pthread_mutex_unlock(&self->mutex);
	return over;
}

/*
 * Waits until DONE says so. False, with ANSWER, when a fault comes first, or the time is
 * over, or the channel is told to stop.
 */
static bool wait_for(struct mqtt_channel *self, bool (*done)(struct mqtt_channel *self),
	struct answer *answer)
{
	int64_t end_ms = clock_real_ms() + self->options->broker.server.timeout;

	while (!done(self)) {
		int64_t left_ms = end_ms - clock_real_ms();

		if (is_over(self, left_ms, answer))
			return done(self);
		bell_wait(&self->changed, left_ms);
	}
	return true;
}

static bool publish(struct mqtt_channel *self, const char *topic, struct answer *answer)
{
	const struct mqtt_message message = {
		.topic = topic,
		.bytes = self->payload.data,
		.length = self->payload.length,
		.qos = 1,
	};
	struct mqtt_fault fault;

	pthread_mutex_lock(&self->mutex);
	self->trouble.is_there = false;
	if (++self->ticket == 0)
		self->ticket = 1; /* 0 is none */
	uint32_t ticket = self->ticket;
	pthread_mutex_unlock(&self->mutex);
	if (!mqtt_client_send(self->client, &message, ticket, &fault)) {
		snprintf(answer->reason, sizeof answer->reason, "%s", fault.reason);
		return false;
	}
	if (wait_for(self, is_acknowledged, answer))
		return true;
	answer->maybe_taken = true;
	return false;
}

static void mqtt_channel_send(
	void *arg, const struct message *message, struct answer *answer)
{
	struct mqtt_channel *self = arg;
	struct buffer topic;

	*answer = (struct answer){ .outcome = OUTCOME_RETRY, .retry_after_ms = -1 };
	if (!make_payload(self, message, answer))
		return;
	buffer_init(&topic, TOPIC_MAX);
	if (!make_topic(self, message, &topic)) {
		answer->outcome = OUTCOME_REFUSED;
		snprintf(answer->reason, sizeof answer->reason, "the topic is too long");
	} else if (((self->client && mqtt_client_is_connected(self->client)) ||
			   (connect_anew(self, answer->reason, sizeof answer->reason) &&
				   wait_for(self, is_up, answer))) &&
		publish(self, buffer_text(&topic), answer)) {
		*answer =
			(struct answer){ .outcome = OUTCOME_DONE, .retry_after_ms = -1 };
	} else {
		disconnect(self);
	}
	buffer_free(&topic);
}

static void mqtt_channel_abort(void *arg)
{
	struct mqtt_channel *self = arg;

	pthread_mutex_lock(&self->mutex);
	self->aborting = true;
	pthread_mutex_unlock(&self->mutex);
	bell_ring(&self->changed);
}

static void check(const void *values, const struct config_place *place)
{
	const OPTIONS *settings = values;

	mqtt_connection_check(&settings->broker, place);
	if (strpbrk(settings->topic, "+#"))
		config_error(place, "topic", "must not have '+' or '#'");
}

extern const struct channel_driver channel_mqtt;
const struct channel_driver channel_mqtt = {
	.kind = {
		.name = "mqtt",
		.summary = "Hands alerts, signed, to a broker: for a gateway that relays them.",
		.group = {
			.name = "mqtt",
			.options = options,
			.size = sizeof(OPTIONS),
			.check = check,
		},
	},
	.open = mqtt_channel_open,
	.close = mqtt_channel_close,
	.send = mqtt_channel_send,
	.abort = mqtt_channel_abort,
};
