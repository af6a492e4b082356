/*
 * A sensor's connection to its broker (core/mqtt_client.h). A message is handed to the
 * ring before it is acknowledged; where the ring is full, message_came() waits (and for
 * the store, where durability is "each"). What could not be kept must not be
 * acknowledged: the connection is broken before the callback returns (hang_up.h).
 */
#include "sensors/mqtt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/hang_up.h"
#include "core/log.h"
#include "core/mqtt_client.h"
#include "core/mqtt_url.h"
#include "sensors/inbox.h"
#include "sensors/mqtt_ask.h"
#include "sensors/payload.h"
#include "store/codec.h"
#include "store/directory.h"

struct mqtt_source {
	struct inbox inbox;
	struct sensor *sensor;
	const struct mqtt_options *options;
	char availability[1100]; /* filter; "": none is subscribed to */
	struct mqtt_client *client;
	struct asker *asker; /* of formats that ask their senders back, or NULL */
};

/* --- messages ---------------------------------------------------------- */

/*
 * The same message delivered again after a lost connection or a crash: its DUP flag is
 * set, its packet id is kept (MQTT 3.1.1 §4.4), and the ring remembers what it has
 * accepted. So a repetition neither counts twice nor gets a second time stamp.
 */
static uint64_t message_key(const struct mqtt_message *message)
{
	if (message->qos == 0)
		return 0;
	uint64_t key = codec_mix_word(1, (uint64_t)message->id);
	key = codec_mix(key, message->topic, strlen(message->topic));
	key = codec_mix(key, message->bytes, message->length);
	return key ? key : 1;
}

/*
 * What a gateway's status says of its station, for the directory. As with its readings: a
 * station in the sensor's options, such as "{1}", is the only one it may speak of.
 */
static void learn_station(struct mqtt_source *source, const struct payload *payload)
{
	const struct payload_format *format = formats[source->options->payload.format];
	const struct sensor_common *common = source->sensor->item->common;
	char own[NAME_SIZE];
	struct station station;

	if (!format->station || !format->station(payload, &station))
		return;
	if (common && common->station && *common->station &&
		(!inbox_name(common->station, source->availability, payload->topic, "",
			 own) ||
			strcmp(own, station.id) != 0)) {
		inbox_note(&source->inbox, SENSOR_BAD_TOPIC, payload->topic);
		return;
	}
	if (directory_learn(source->sensor->directory, &station))
		log_info("sensor %s: station %s is \"%s\"", source->sensor->name,
			station.id, station.name);
}

/* Is it about a device's presence, and has been dealt with? */
static bool take_presence(struct mqtt_source *source, const struct payload *payload)
{
	const struct mqtt_availability *own = &source->options->availability;
	const char *topic = payload->topic;
	size_t length;
	char who[256];

	if (*own->topic ? !inbox_topic_matches(own->topic, topic)
			: !format_is_presence(
				  formats[source->options->payload.format], topic))
		return false;
	enum presence presence = format_presence(payload, own->online, own->offline);
	if (presence == PRESENCE_UNKNOWN) {
		/* A user's topic may be that of data as well. */
		if (*own->topic && inbox_topic_matches(source->options->topic, topic))
			return false;
		inbox_note(&source->inbox, SENSOR_IGNORED, topic);
		return true;
	}
	learn_station(source, payload);
	payload_level(topic, 0, &length);
	length = strlen(topic) - length;
	snprintf(who, sizeof who, "%.*s", (int)(length > 0 ? length - 1 : 0), topic);
	inbox_presence(&source->inbox, *own->topic || !*who ? topic : who,
		presence == PRESENCE_ONLINE);
	return true;
}

static void message_came(void *arg, const struct mqtt_message *message)
{
	struct mqtt_source *source = arg;
	struct inbox_message taken = {
		.payload = {
			.topic = message->topic,
			.bytes = message->bytes,
			.length = message->length,
			.sender = "",
		},
		.is_repeated = message->is_repeated,
		.is_retained = message->is_retained,
	};
	int accepted;

	if (take_presence(source, &taken.payload))
		return;
	if (!inbox_topic_matches(source->options->topic, message->topic)) {
		inbox_note(&source->inbox, SENSOR_BAD_TOPIC, message->topic);
		return;
	}
	taken.key = message_key(message);
	inbox_take(&source->inbox, &taken, &accepted);
	if (accepted < 0)
		hang_up_on(mqtt_url_port(source->options->broker.server.url));
}

/* --- connection -------------------------------------------------------- */

/* Only now will anything come. */
static void subscribed(void *arg)
{
	((struct mqtt_source *)arg)->sensor->stats.connected = true;
}

static void connected(void *arg)
{
	struct mqtt_source *source = arg;
	const struct mqtt_options *options = source->options;

	log_notice("sensor %s: connected to %s", source->sensor->name,
		options->broker.server.url);
	/* Who is away is known before readings are looked at. */
	if (*source->availability)
		mqtt_client_subscribe(
			source->client, source->availability, options->qos, NULL);
	mqtt_client_subscribe(source->client, options->topic, options->qos, subscribed);
}

static void disconnected(void *arg, const struct mqtt_fault *fault)
{
	struct mqtt_source *source = arg;

	source->sensor->stats.connected = false;
	inbox_note(&source->inbox, SENSOR_PORT_ERROR, fault->reason);
}

/* On the asker's thread. Lost when there is no connection: the sender will be asked
 * again. */
static void send_request(void *arg, const char *topic, const void *bytes, size_t length)
{
	struct mqtt_source *source = arg;
	const struct mqtt_message request = {
		.topic = topic,
		.bytes = bytes,
		.length = length,
	};

	if (mqtt_client_send(source->client, &request, 0, NULL))
		log_info("sensor %s: asks %s", source->sensor->name, topic);
}

static bool start_client(struct mqtt_source *source)
{
	const struct mqtt_options *options = source->options;
	const char *name = source->sensor->name;
	const struct mqtt_events events = {
		.arg = source,
		.up = connected,
		.down = disconnected,
		.message = message_came,
	};
	char id[MQTT_CLIENT_ID_SIZE], password[SECRET_MAX], why[256];
	struct mqtt_settings settings = mqtt_connection_settings(
		&options->broker, source->sensor->gateway, name, id);

	settings.password = password;
	/* Tried without it: the broker's refusal keeps being reported. */
	if (!connection_read_secret(
		    options->broker.server.password_file, password, why, sizeof why))
		log_error("sensor %s: password_file: %s", name, why);
	source->client = mqtt_client_new(&settings, &events, why, sizeof why);
	secret_wipe(password, sizeof password);
	if (source->client && mqtt_client_start(source->client, why, sizeof why))
		return true;
	log_error("sensor %s: %s", name, why);
	return false;
}

static void find_availability(struct mqtt_source *source)
{
	const struct mqtt_options *options = source->options;

	if (*options->availability.topic)
		snprintf(source->availability, sizeof source->availability, "%s",
			options->availability.topic);
	else if (!format_presence_filter(formats[options->payload.format], options->topic,
			 source->availability, sizeof source->availability))
		source->availability[0] = '\0';
}

/* What has to be there before the first message. */
static bool set_up(struct mqtt_source *source)
{
	const struct mqtt_options *options = source->options;
	struct sensor *sensor = source->sensor;

	if (inbox_init(&source->inbox, sensor, &options->payload, options->topic) < 0)
		return false;
	find_availability(source);
	if (!formats[options->payload.format]->asks)
		return true;
	source->asker = asker_start(send_request, source);
	source->inbox.ask = asker_ask;
	source->inbox.ask_arg = source->asker;
	return source->asker != NULL;
}

struct mqtt_source *mqtt_source_start(struct sensor *sensor)
{
	struct mqtt_source *source = calloc(1, sizeof *source);

	if (!source) {
		log_error("sensor %s: out of memory", sensor->name);
		return NULL;
	}
	source->sensor = sensor;
	source->options = sensor->item->options;
	if (!set_up(source))
		log_error("sensor %s: out of memory", sensor->name);
	else if (start_client(source))
		return source;
	mqtt_source_stop(source);
	return NULL;
}

void mqtt_source_stop(struct mqtt_source *source)
{
	if (!source)
		return;
	/* It uses the client, whose callbacks use it. */
	asker_stop(source->asker);
	mqtt_client_stop(source->client);
	source->sensor->stats.connected = false;
	inbox_finish(&source->inbox);
	asker_free(source->asker);
	free(source);
}
