/*
 * One MQTT connection on Paho's asynchronous API.
 *
 * Paho calls message_arrived() on its receiving thread, and sends the PUBACK of a QoS 1
 * message after it has returned, as long as nothing waits in Paho's own queue. So the
 * callback hands the report to the ring first, waits where the ring is full (and for the
 * store, where durability is "each"), and always takes the message: refusing one
 * (returning 0) would queue it in memory and acknowledge it all the same. Where it could
 * not be kept, the connection is broken before the callback returns (hang_up.h). No Paho
 * function is called from it: Paho holds its lock meanwhile, for all its clients.
 */
#include "sensors/mqtt.h"

#include <MQTTAsync.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"
#include "core/secret.h"
#include "core/thread.h"
#include "sensors/hang_up.h"
#include "sensors/inbox.h"
#include "sensors/mqtt_ask.h"
#include "sensors/payload.h"
#include "store/codec.h"

enum {
	CONNECT_S = 10,
	RETRY_MAX_S = 50, /* Paho doubles from 1 s up to it, and adds or takes a fifth */
	STOP_MS = 1000,
};

struct mqtt_source {
	struct inbox inbox;
	struct sensor *sensor;
	const struct mqtt_options *options;
	char availability[1100]; /* filter; "": none is subscribed to */
	MQTTAsync client;
	struct bell bell;    /* rung when the connection has been closed */
	struct asker *asker; /* of formats that ask their senders back, or NULL */
	char password[SECRET_MAX];
};

/* --- messages ---------------------------------------------------------- */

/*
 * The same message delivered again after a lost connection or a crash: its DUP flag is
 * set, its packet id is kept (MQTT 3.1.1 §4.4), and the ring remembers what it has
 * accepted. So a repetition neither counts twice nor gets a second time stamp.
 */
static uint64_t message_key(const char *topic, const MQTTAsync_message *message)
{
	if (message->qos == 0)
		return 0;
	uint64_t key = codec_hash(0, topic, strlen(topic));
	key = codec_hash(key, &message->msgid, sizeof message->msgid);
	return codec_hash(key, message->payload, (size_t)message->payloadlen);
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
	payload_level(topic, 0, &length);
	length = strlen(topic) - length;
	snprintf(who, sizeof who, "%.*s", (int)(length > 0 ? length - 1 : 0), topic);
	inbox_presence(&source->inbox, *own->topic || !*who ? topic : who,
		presence == PRESENCE_ONLINE);
	return true;
}

static unsigned broker_port(const struct mqtt_options *options)
{
	bool tls = strncmp(options->url, "mqtts", 5) == 0;
	const char *host = strstr(options->url, "://") + 3;
	const char *colon = strchr(*host == '[' ? host + strcspn(host, "]") : host, ':');
	unsigned long port = colon ? strtoul(colon + 1, NULL, 10) : 0;

	return port > 0 ? (unsigned)port : tls ? 8883 : 1883;
}

static void take_message(
	struct mqtt_source *source, const char *topic, const MQTTAsync_message *message)
{
	struct inbox_message taken = {
		.payload = {
			.topic = topic,
			.bytes = message->payload,
			.length = (size_t)message->payloadlen,
			.sender = "",
		},
		.is_repeated = message->dup,
		.is_retained = message->retained,
	};
	int accepted;

	if (take_presence(source, &taken.payload))
		return;
	if (!inbox_topic_matches(source->options->topic, topic)) {
		inbox_note(&source->inbox, SENSOR_BAD_TOPIC, topic);
		return;
	}
	taken.key = message_key(topic, message);
	inbox_take(&source->inbox, &taken, &accepted);
	if (accepted < 0)
		hang_up_on(broker_port(source->options));
}

static int message_arrived(
	void *context, char *topic, int topic_length, MQTTAsync_message *message)
{
	struct mqtt_source *source = context;

	/* A length is given when the topic has a NUL inside, which no name may have. */
	if (topic_length > 0 && strlen(topic) != (size_t)topic_length)
		inbox_note(&source->inbox, SENSOR_BAD_TOPIC, "a NUL in it");
	else
		take_message(source, topic, message);
	MQTTAsync_freeMessage(&message);
	MQTTAsync_free(topic);
	return 1;
}

/* --- connection -------------------------------------------------------- */

static void note_failure(struct mqtt_source *source, const char *reason)
{
	inbox_note(&source->inbox, SENSOR_PORT_ERROR, reason);
}

/* What a broker of version 5 gives as its reason, else the library's. */
static const char *reason5(const MQTTAsync_failureData5 *failure, const char *fallback)
{
	const char *reason = NULL;

	if (failure && failure->reasonCode >= MQTTREASONCODE_UNSPECIFIED_ERROR)
		reason = MQTTReasonCode_toString(failure->reasonCode);
	if (!reason && failure)
		reason = failure->message;
	return reason ? reason : fallback;
}

/* Only now will anything come. */
static void subscribed(void *context, MQTTAsync_successData *data)
{
	struct mqtt_source *source = context;

	(void)data;
	source->sensor->stats.connected = true;
}

static void subscribed5(void *context, MQTTAsync_successData5 *data)
{
	(void)data;
	subscribed(context, NULL);
}

static const char no_subscription[] = "the subscription is refused";

static void subscribe_failed(void *context, MQTTAsync_failureData *failure)
{
	note_failure(context,
		failure && failure->message ? failure->message : no_subscription);
}

static void subscribe_failed5(void *context, MQTTAsync_failureData5 *failure)
{
	note_failure(context, reason5(failure, no_subscription));
}

static void subscribe(struct mqtt_source *source, const char *topic, bool is_data)
{
	MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;

	options.context = source;
	if (source->options->version == 5) {
		options.onSuccess5 = is_data ? subscribed5 : NULL;
		options.onFailure5 = subscribe_failed5;
	} else {
		options.onSuccess = is_data ? subscribed : NULL;
		options.onFailure = subscribe_failed;
	}
	int rc = MQTTAsync_subscribe(
		source->client, topic, source->options->qos, &options);
	if (rc != MQTTASYNC_SUCCESS)
		note_failure(source, MQTTAsync_strerror(rc));
}

/* After every CONNACK: the broker may have forgotten us, or never known. */
static void connected(void *context, char *cause)
{
	struct mqtt_source *source = context;

	(void)cause;
	log_notice(
		"sensor %s: connected to %s", source->sensor->name, source->options->url);
	/* Who is away is known before readings are looked at. */
	if (*source->availability)
		subscribe(source, source->availability, false);
	subscribe(source, source->options->topic, true);
}

static void connection_lost(void *context, char *cause)
{
	struct mqtt_source *source = context;

	source->sensor->stats.connected = false;
	note_failure(source, cause ? cause : "the connection is lost");
}

static void connect_failed(void *context, MQTTAsync_failureData *failure)
{
	struct mqtt_source *source = context;

	source->sensor->stats.connected = false;
	note_failure(
		source, failure && failure->message ? failure->message : "no connection");
}

static void connect_failed5(void *context, MQTTAsync_failureData5 *failure)
{
	struct mqtt_source *source = context;

	source->sensor->stats.connected = false;
	note_failure(source, reason5(failure, "no connection"));
}

static void disconnected(void *context, MQTTAsync_successData *data)
{
	(void)data;
	bell_ring(&((struct mqtt_source *)context)->bell);
}

static void disconnect_failed(void *context, MQTTAsync_failureData *data)
{
	(void)data;
	bell_ring(&((struct mqtt_source *)context)->bell);
}

static void disconnected5(void *context, MQTTAsync_successData5 *data)
{
	(void)data;
	bell_ring(&((struct mqtt_source *)context)->bell);
}

static void disconnect_failed5(void *context, MQTTAsync_failureData5 *data)
{
	(void)data;
	bell_ring(&((struct mqtt_source *)context)->bell);
}

/* On the asker's thread. Lost when there is no connection: the sender will be asked
 * again. */
static void send_request(void *arg, const char *topic, const void *bytes, size_t length)
{
	struct mqtt_source *source = arg;
	MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;

	if (!MQTTAsync_isConnected(source->client))
		return;
	log_info("sensor %s: asks %s", source->sensor->name, topic);
	MQTTAsync_send(source->client, topic, (int)length, bytes, 0, 0, &options);
}

/* Paho's spelling of the broker's address. */
static void make_uri(const struct mqtt_options *options, char *uri, size_t size)
{
	bool tls = strncmp(options->url, "mqtts", 5) == 0;
	const char *host = strstr(options->url, "://") + 3;
	int length = (int)strcspn(host, "/");
	const char *colon = memchr(host, ']', (size_t)length);

	/* In "[::1]:1883" the port's colon comes after the bracket. */
	colon = memchr(colon ? colon : host, ':',
		(size_t)length - (size_t)((colon ? colon : host) - host));
	snprintf(uri, size, "%s://%.*s%s", tls ? "ssl" : "tcp", length, host,
		colon         ? ""
			: tls ? ":8883"
			      : ":1883");
}

static void make_client_id(const struct mqtt_source *source, char *id, size_t size)
{
	if (*source->options->client_id)
		snprintf(id, size, "%s", source->options->client_id);
	else
		snprintf(id, size, "muabui-%s-%s", source->sensor->gateway,
			source->sensor->name);
}

static const char *or_null(const char *text)
{
	return text && *text ? text : NULL;
}

static void set_tls(const struct mqtt_options *options, MQTTAsync_SSLOptions *tls)
{
	tls->trustStore = or_null(options->ca_file);
	tls->CApath = tls->trustStore ? NULL : "/etc/ssl/certs";
	tls->keyStore = or_null(options->client_cert);
	tls->privateKey = or_null(options->client_key);
	tls->enableServerCertAuth = 1;
	tls->verify = 1;
	tls->sslVersion = MQTT_SSL_VERSION_TLS_1_2;
}

/* Of the two versions, each wants its own callbacks and its own word for a session. */
static int connect_as(struct mqtt_source *source, MQTTAsync_connectOptions *connect)
{
	const struct mqtt_options *options = source->options;
	MQTTProperties properties = MQTTProperties_initializer;
	MQTTProperty expiry = {
		.identifier = MQTTPROPERTY_CODE_SESSION_EXPIRY_INTERVAL,
		.value.integer4 = (unsigned)(options->session_expiry / 1000),
	};
	bool is_clean = options->session == 1;

	if (options->version != 5) {
		connect->onFailure = connect_failed;
		connect->cleansession = is_clean;
		return MQTTAsync_connect(source->client, connect);
	}
	connect->onFailure5 = connect_failed5;
	connect->cleanstart = is_clean;
	if (!is_clean && MQTTProperties_add(&properties, &expiry) == 0)
		connect->connectProperties = &properties;
	int rc = MQTTAsync_connect(source->client, connect);
	MQTTProperties_free(&properties);
	return rc;
}

static int start_connecting(struct mqtt_source *source)
{
	const struct mqtt_options *options = source->options;
	MQTTAsync_connectOptions version3 = MQTTAsync_connectOptions_initializer;
	MQTTAsync_connectOptions version5 = MQTTAsync_connectOptions_initializer5;
	MQTTAsync_connectOptions connect = options->version == 5 ? version5 : version3;
	MQTTAsync_SSLOptions tls = MQTTAsync_SSLOptions_initializer;

	connect.context = source;
	connect.keepAliveInterval = (int)(options->keep_alive / 1000);
	connect.connectTimeout = CONNECT_S;
	connect.automaticReconnect = 1;
	connect.minRetryInterval = 1;
	connect.maxRetryInterval = RETRY_MAX_S;
	connect.username = or_null(options->username);
	connect.password = or_null(source->password);
	if (strncmp(options->url, "mqtts", 5) == 0) {
		set_tls(options, &tls);
		connect.ssl = &tls;
	}
	return connect_as(source, &connect);
}

static int make_client(struct mqtt_source *source)
{
	MQTTAsync_createOptions options = MQTTAsync_createOptions_initializer;
	char uri[512], id[512];

	make_uri(source->options, uri, sizeof uri);
	make_client_id(source, id, sizeof id);
	options.MQTTVersion =
		source->options->version == 5 ? MQTTVERSION_5 : MQTTVERSION_DEFAULT;
	/* No persistence of Paho's: what is accepted is in the ring. */
	int rc = MQTTAsync_createWithOptions(
		&source->client, uri, id, MQTTCLIENT_PERSISTENCE_NONE, NULL, &options);
	if (rc == MQTTASYNC_SUCCESS)
		rc = MQTTAsync_setCallbacks(
			source->client, source, connection_lost, message_arrived, NULL);
	if (rc == MQTTASYNC_SUCCESS)
		rc = MQTTAsync_setConnected(source->client, source, connected);
	if (rc == MQTTASYNC_SUCCESS)
		rc = start_connecting(source);
	return rc;
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
	if (!formats[options->payload.format]->open)
		return true;
	source->asker = asker_start(send_request, source);
	source->inbox.ask = asker_ask;
	source->inbox.ask_arg = source->asker;
	return source->asker != NULL;
}

struct mqtt_source *mqtt_source_start(struct sensor *sensor)
{
	const struct mqtt_options *options = sensor->item->options;
	struct mqtt_source *source = calloc(1, sizeof *source);
	char why[256];

	if (!source) {
		log_error("sensor %s: out of memory", sensor->name);
		return NULL;
	}
	source->sensor = sensor;
	source->options = options;
	bell_init(&source->bell);
	if (!set_up(source)) {
		log_error("sensor %s: out of memory", sensor->name);
		goto fail;
	}
	if (*options->password_file &&
		!secret_read(options->password_file, source->password, why, sizeof why)) {
		/* Tried without: the broker's refusal keeps being reported. */
		log_error("sensor %s: password_file: %s", sensor->name, why);
	}
	int rc = make_client(source);
	if (rc == MQTTASYNC_SUCCESS)
		return source;
	log_error("sensor %s: %s", sensor->name, MQTTAsync_strerror(rc));
fail:
	mqtt_source_stop(source);
	return NULL;
}

static void disconnect(struct mqtt_source *source)
{
	MQTTAsync_disconnectOptions version3 = MQTTAsync_disconnectOptions_initializer;
	MQTTAsync_disconnectOptions version5 = MQTTAsync_disconnectOptions_initializer5;
	MQTTAsync_disconnectOptions options = version3;

	if (source->options->version == 5) {
		options = version5;
		options.onSuccess5 = disconnected5;
		options.onFailure5 = disconnect_failed5;
	} else {
		options.onSuccess = disconnected;
		options.onFailure = disconnect_failed;
	}
	options.context = source;
	/* An open session stays at the broker: what comes meanwhile waits there. */
	if (MQTTAsync_disconnect(source->client, &options) == MQTTASYNC_SUCCESS)
		bell_wait(&source->bell, STOP_MS);
}

void mqtt_source_stop(struct mqtt_source *source)
{
	if (!source)
		return;
	/* It uses the client, whose callbacks use it. */
	asker_stop(source->asker);
	if (source->client) {
		disconnect(source);
		MQTTAsync_destroy(&source->client);
	}
	source->sensor->stats.connected = false;
	secret_wipe(source->password, sizeof source->password);
	inbox_finish(&source->inbox);
	asker_free(source->asker);
	bell_free(&source->bell);
	free(source);
}
