#include "outputs/mqtt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "outputs/drivers.h"
#include "store/reports.h"

/*
 * Readings upstream over MQTT 3.1.1 or 5. A broker of version 3.1.1 has no word for "no":
 * it acknowledges what it throws away, or hangs up. One of version 5 says what is wrong.
 */

enum {
	MESSAGE_MAX = 1024 * 1024,
	STATUS_MAX = 4096,
	GOODBYE_MS = 1000,
};

/* --- the connection ----------------------------------------------------------- */

static void came_up(void *arg)
{
	struct mqtt_output *self = arg;

	log_notice("output %s: connected to %s", self->options->name,
		self->options->broker.server.url);
	pthread_mutex_lock(&self->mutex);
	self->is_new = self->was_up = true;
	pthread_mutex_unlock(&self->mutex);
	bell_ring(&self->hello);
	bell_ring(&self->changed);
}

static void went_down(void *arg, const struct mqtt_fault *fault)
{
	struct mqtt_output *self = arg;

	pthread_mutex_lock(&self->mutex);
	mqtt_trouble_note(&self->trouble, fault);
	pthread_mutex_unlock(&self->mutex);
	bell_ring(&self->changed);
}

static void was_answered(void *arg, uint32_t ticket, const struct mqtt_fault *fault)
{
	struct mqtt_output *self = arg;

	pthread_mutex_lock(&self->mutex);
	/* Of a batch that was given up nobody wants to know any more. */
	if (ticket - self->first_ticket < UINT32_MAX / 2 && self->under_way > 0) {
		self->under_way--;
		if (fault)
			mqtt_trouble_note(&self->trouble, fault);
	}
	pthread_mutex_unlock(&self->mutex);
	bell_ring(&self->changed);
}

bool mqtt_output_connect(struct mqtt_output *self, char *why, size_t size)
{
	const struct mqtt_output_options *options = self->options;
	const struct mqtt_events events = {
		.arg = self,
		.up = came_up,
		.down = went_down,
		.sent = was_answered,
	};
	char id[MQTT_CLIENT_ID_SIZE], password[SECRET_MAX];
	struct mqtt_settings settings = mqtt_connection_settings(
		&options->broker, options->station->id, options->name, id);

	settings.password = password;
	settings.will_topic = self->status_topic;
	settings.will = buffer_text(&self->offline);
	pthread_mutex_lock(&self->mutex);
	self->was_up = false;
	pthread_mutex_unlock(&self->mutex);
	if (!connection_read_secret(
		    options->broker.server.password_file, password, why, size))
		return false;
	struct mqtt_client *client = mqtt_client_new(&settings, &events, why, size);
	secret_wipe(password, sizeof password);
	if (client && !mqtt_client_start(client, why, size)) {
		mqtt_client_stop(client);
		client = NULL;
	}
	pthread_mutex_lock(&self->client_mutex);
	self->client = client;
	pthread_mutex_unlock(&self->client_mutex);
	if (client)
		bell_ring(&self->hello); /* it may have come up before it was there */
	return client != NULL;
}

void mqtt_output_disconnect(struct mqtt_output *self)
{
	pthread_mutex_lock(&self->client_mutex);
	struct mqtt_client *client = self->client;
	self->client = NULL;
	pthread_mutex_unlock(&self->client_mutex);
	mqtt_client_stop(client);
}

/* --- status --------------------------------------------------------------------- */

static void send_status(struct mqtt_output *self, const struct buffer *status)
{
	const struct mqtt_message message = {
		.topic = self->status_topic,
		.bytes = status->data,
		.length = status->length,
		.qos = 1,
		.is_retained = true,
	};

	pthread_mutex_lock(&self->client_mutex);
	if (self->client && *self->status_topic)
		mqtt_client_send(self->client, &message, 0, NULL);
	pthread_mutex_unlock(&self->client_mutex);
}

/* A thread of its own: Paho must not be called from its callbacks, and readings may be
 * few. */
static void *greet(void *arg)
{
	struct mqtt_output *self = arg;

	while (bell_wait(&self->hello, -1))
		send_status(self, &self->online);
	return NULL;
}

/* So that "offline" is there at once, and not after the broker has missed us. */
static void say_goodbye(struct mqtt_output *self)
{
	const struct mqtt_message message = {
		.topic = self->status_topic,
		.bytes = self->offline.data,
		.length = self->offline.length,
		.qos = 1,
		.is_retained = true,
	};

	if (!self->client || !*self->status_topic)
		return;
	pthread_mutex_lock(&self->mutex);
	self->trouble.is_there = false;
	self->first_ticket = self->next_ticket++;
	self->under_way = 1;
	uint32_t ticket = self->first_ticket;
	pthread_mutex_unlock(&self->mutex);
	bool waits = mqtt_client_send(self->client, &message, ticket, NULL);
	while (waits) {
		waits = bell_wait(&self->changed, GOODBYE_MS);
		pthread_mutex_lock(&self->mutex);
		waits = waits && self->under_way > 0 && !self->trouble.is_there &&
			!self->aborting;
		pthread_mutex_unlock(&self->mutex);
	}
}

/* --- the driver ------------------------------------------------------------------- */

static void mqtt_close(void *arg)
{
	struct mqtt_output *self = arg;

	if (!self)
		return;
	if (self->has_greeter) {
		bell_stop(&self->hello);
		pthread_join(self->greeter, NULL);
	}
	say_goodbye(self);
	mqtt_output_disconnect(self);
	mqtt_discovery_free(self->discovery);
	compressor_free(self->compressor);
	line_encoder_free(self->lines);
	buffer_free(&self->message);
	buffer_free(&self->packed);
	buffer_free(&self->online);
	buffer_free(&self->offline);
	free(self->records);
	pthread_mutex_destroy(&self->client_mutex);
	pthread_mutex_destroy(&self->mutex);
	bell_free(&self->hello);
	bell_free(&self->changed);
	free(self);
}

static bool set_up(struct mqtt_output *self)
{
	const struct mqtt_output_options *options = self->options;

	bell_init(&self->hello);
	bell_init(&self->changed);
	pthread_mutex_init(&self->mutex, NULL);
	pthread_mutex_init(&self->client_mutex, NULL);
	buffer_init(&self->message, MESSAGE_MAX);
	buffer_init(&self->packed, 2 * MESSAGE_MAX);
	buffer_init(&self->online, STATUS_MAX);
	buffer_init(&self->offline, STATUS_MAX);
	self->next_ticket = self->first_ticket = 1;
	mqtt_text_status(options, "online", &self->online);
	mqtt_text_status(options, "offline", &self->offline);
	self->lines = line_encoder_new(LINE_INFLUX_1_2);
	if (options->compression != COMPRESSION_NONE)
		self->compressor = compressor_new((enum compression)options->compression);
	if (*options->discovery)
		self->discovery = mqtt_discovery_new();
	self->has_greeter = thread_start(&self->greeter, "mqtt-status", greet, self) == 0;
	return self->has_greeter && self->lines && !self->online.failed &&
		!self->offline.failed &&
		(self->compressor || options->compression == COMPRESSION_NONE) &&
		(self->discovery || !*options->discovery);
}

static void *mqtt_open(const void *arg, char *why, size_t size)
{
	struct mqtt_output *self = calloc(1, sizeof *self);

	snprintf(why, size, "out of memory");
	if (!self)
		return NULL;
	self->options = arg;
	if (set_up(self)) {
		if (!mqtt_text_topic(self->options, self->options->status_topic,
			    self->options->station->id, "", self->status_topic))
			snprintf(why, size, "status_topic: too long");
		else if (mqtt_output_connect(self, why, size))
			return self;
	}
	mqtt_close(self);
	return NULL;
}

static void mqtt_encode(
	void *arg, const struct stored_report *stored, struct buffer *batch)
{
	struct mqtt_output *self = arg;

	mqtt_text_record(self, stored, batch);
	if (self->discovery)
		mqtt_discovery_take(self->discovery, &stored->report);
}

static void mqtt_abort(void *arg)
{
	struct mqtt_output *self = arg;

	pthread_mutex_lock(&self->mutex);
	self->aborting = true;
	pthread_mutex_unlock(&self->mutex);
	bell_ring(&self->changed);
}

/* --- options ----------------------------------------------------------------------- */

static const char *const payloads[] = { "line-protocol", "json", NULL };

#define ROW(NAME, TYPE, ...)                                                      \
	{                                                                         \
		.name = #NAME, .type = TYPE,                                      \
		.offset = offsetof(struct mqtt_output_options, NAME), __VA_ARGS__ \
	}

static const struct option mqtt_table[] = {
	CONNECTION_MQTT_URL(struct mqtt_output_options, broker),
	ROW(topic, OPTION_STRING, .fallback = "muabui/{station}/readings", .min = 1,
		.max = 512,
		.help = "Where readings go; with {station} each station's to its own."),
	ROW(qos, OPTION_INTEGER, .fallback = "1", .min = 0, .max = 1,
		.help = "Quality of service; with 0 nobody says that it arrived."),
	ROW(payload, OPTION_CHOICE, .fallback = "line-protocol", .choices = payloads,
		.help = "How readings are written; json keeps all of a report."),
	ROW(compression, OPTION_CHOICE, .fallback = "none", .choices = compression_names,
		.help = "Of messages with readings."),
	ROW(message_size, OPTION_SIZE, .fallback = "240KiB", .min = 1024,
		.max = 900 * 1024, .unit = "size",
		.help = "A message that has grown so large before its compression is "
			"sent."),
	CONNECTION_MQTT(struct mqtt_output_options, broker, "a session", "output", 60000),
	CONNECTION_TIMEOUT(struct mqtt_output_options, broker.server, "30s", 1000,
		"How long a batch waits to be acknowledged."),
	ROW(status_topic, OPTION_STRING, .fallback = "muabui/{station}/status",
		.max = 512,
		.help = "Where it stands, retained, whether the gateway is online; "
			"empty: nowhere."),
	ROW(discovery, OPTION_STRING, .fallback = "", .max = 128,
		.help = "Home Assistant's prefix, mostly \"homeassistant\": series are "
			"announced there; empty: not."),
	ROW(state_topic, OPTION_STRING, .fallback = "muabui/{station}/{sensor}/state",
		.min = 1, .max = 512,
		.help = "Where Home Assistant finds the newest values, with discovery."),
	{ .name = NULL },
};

/* What cannot be in a topic that is sent to, or is not filled in. */
static void check_topic(const struct config_place *place, const char *key,
	const char *topic, bool has_sensor)
{
	if (strpbrk(topic, "+#"))
		config_error(place, key, "'+' and '#' are for subscriptions");
	for (const char *c = topic; (c = strchr(c, '{')); c++) {
		if (strncmp(c, "{station}", 9) == 0 || strncmp(c, "{area}", 6) == 0 ||
			(has_sensor && strncmp(c, "{sensor}", 8) == 0))
			continue;
		config_error(place, key, "only {station}, {area}%s are filled in",
			has_sensor ? ", {sensor}" : "");
		return;
	}
}

static void check_options(const void *values, const struct config_place *place)
{
	const struct mqtt_output_options *options = values;

	check_topic(place, "topic", options->topic, false);
	check_topic(place, "status_topic", options->status_topic, false);
	check_topic(place, "discovery", options->discovery, false);
	check_topic(place, "state_topic", options->state_topic, true);
	if (*options->discovery &&
		(!strstr(options->state_topic, "{station}") ||
			!strstr(options->state_topic, "{sensor}")))
		config_error(place, "state_topic", "needs {station} and {sensor}");
	mqtt_connection_check(&options->broker, place);
	if (*options->discovery && !*options->status_topic)
		config_error(place, "discovery", "needs status_topic");
}

static void attach(void *values, const char *name, const struct config *config)
{
	struct mqtt_output_options *options = values;

	options->name = name;
	options->station = &config->station;
}

const struct output_driver output_mqtt = {
	.kind = {
		.name = "mqtt",
		.summary = "An MQTT broker, many readings in a message.",
		.group = {
			.name = "output",
			.options = mqtt_table,
			.size = sizeof(struct mqtt_output_options),
			.check = check_options,
		},
		.attach = attach,
	},
	.open = mqtt_open,
	.close = mqtt_close,
	.encode = mqtt_encode,
	.send = mqtt_output_send,
	.abort = mqtt_abort,
};
