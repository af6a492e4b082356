/*
 * One MQTT connection on Paho's asynchronous API.
 *
 * Paho calls message_arrived() on its receiving thread, and sends the PUBACK of a QoS 1
 * message after it has returned, as long as nothing waits in Paho's own queue. So the
 * callback hands the report to the ring first, waits where the ring is full, and
 * always takes the message: refusing one (returning 0) would queue it in memory and
 * acknowledge it all the same. No Paho function is called from it.
 */
#include "sensors/mqtt.h"

#include <MQTTAsync.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/log.h"
#include "core/secret.h"
#include "core/thread.h"
#include "store/codec.h"
#include "store/ring.h"

enum {
	CONNECT_S = 10,
	RETRY_MAX_S = 60,
	STOP_MS = 1000,
};

struct mqtt_source {
	struct sensor *sensor;
	const struct mqtt_options *options;
	const char *station; /* template; a name where it has no braces */
	const char *sensor_name;
	MQTTAsync client;
	pthread_mutex_t
		note_mutex; /* Paho's sending and receiving threads both have news */
	struct bell bell;   /* rung when the connection has been closed */
	char password[SECRET_MAX];
};

static void note(
	struct mqtt_source *source, enum sensor_result result, const char *detail)
{
	pthread_mutex_lock(&source->note_mutex);
	sensor_note(source->sensor, result, detail);
	pthread_mutex_unlock(&source->note_mutex);
}

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

static bool take_names(
	struct mqtt_source *source, const char *topic, struct report *report)
{
	const char *filter = source->options->topic;

	return mqtt_topic_matches(filter, topic) &&
		mqtt_name_from_topic(source->station, filter, topic, report->station) &&
		mqtt_name_from_topic(source->sensor_name, filter, topic, report->sensor);
}

static void take_message(
	struct mqtt_source *source, const char *topic, const MQTTAsync_message *message)
{
	struct sensor *sensor = source->sensor;
	uint64_t key = message_key(topic, message);
	struct report report;

	if (message->retained)
		atomic_fetch_add(&sensor->stats.retained, 1);
	if (message->dup && key && ring_has_key(sensor->ring, key)) {
		atomic_fetch_add(&sensor->stats.duplicates, 1);
		return;
	}
	report_init(&report);
	if (!take_names(source, topic, &report)) {
		note(source, SENSOR_BAD_TOPIC, topic);
		return;
	}
	enum sensor_result result = mqtt_decode(
		source->options, message->payload, (size_t)message->payloadlen, &report);
	report.time_ms = clock_wall_ms();
	report.mono_ms = clock_mono_ms();
	if (message->retained)
		report.marks |= REPORT_RETAINED;
	if (report.count > 0 && !ring_push(sensor->ring, &report, key, RING_WAIT))
		atomic_fetch_add(&sensor->stats.dropped, 1);
	note(source, result, topic);
}

static int message_arrived(
	void *context, char *topic, int topic_length, MQTTAsync_message *message)
{
	struct mqtt_source *source = context;

	/* A length is given when the topic has a NUL inside, which no name may have. */
	if (topic_length > 0 && strlen(topic) != (size_t)topic_length)
		note(source, SENSOR_BAD_TOPIC, "a NUL in it");
	else
		take_message(source, topic, message);
	MQTTAsync_freeMessage(&message);
	MQTTAsync_free(topic);
	return 1;
}

/* --- connection -------------------------------------------------------- */

/* Only now will anything come. */
static void subscribed(void *context, MQTTAsync_successData *data)
{
	struct mqtt_source *source = context;

	(void)data;
	source->sensor->stats.connected = true;
}

static void subscribe_failed(void *context, MQTTAsync_failureData *failure)
{
	struct mqtt_source *source = context;

	note(source, SENSOR_PORT_ERROR,
		failure && failure->message ? failure->message
					    : "the subscription is refused");
}

/* After every CONNACK: the broker may have forgotten us, or never known. */
static void connected(void *context, char *cause)
{
	struct mqtt_source *source = context;
	MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;

	(void)cause;
	options.context = source;
	options.onSuccess = subscribed;
	options.onFailure = subscribe_failed;
	log_notice(
		"sensor %s: connected to %s", source->sensor->name, source->options->url);
	int rc = MQTTAsync_subscribe(
		source->client, source->options->topic, source->options->qos, &options);
	if (rc != MQTTASYNC_SUCCESS)
		note(source, SENSOR_PORT_ERROR, MQTTAsync_strerror(rc));
}

static void connection_lost(void *context, char *cause)
{
	struct mqtt_source *source = context;

	source->sensor->stats.connected = false;
	note(source, SENSOR_PORT_ERROR, cause ? cause : "the connection is lost");
}

static void connect_failed(void *context, MQTTAsync_failureData *failure)
{
	struct mqtt_source *source = context;

	source->sensor->stats.connected = false;
	note(source, SENSOR_PORT_ERROR,
		failure && failure->message ? failure->message : "no connection");
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

static int start_connecting(struct mqtt_source *source)
{
	const struct mqtt_options *options = source->options;
	MQTTAsync_connectOptions connect = MQTTAsync_connectOptions_initializer;
	MQTTAsync_SSLOptions tls = MQTTAsync_SSLOptions_initializer;

	connect.context = source;
	connect.onFailure = connect_failed;
	connect.keepAliveInterval = (int)(options->keep_alive / 1000);
	connect.cleansession = options->session == 1;
	connect.connectTimeout = CONNECT_S;
	connect.automaticReconnect = 1;
	connect.minRetryInterval = 1;
	connect.maxRetryInterval = RETRY_MAX_S;
	connect.username = or_null(options->username);
	connect.password = or_null(source->password);
	if (strncmp(options->url, "mqtts", 5) == 0) {
		tls.trustStore = or_null(options->ca_file);
		tls.CApath = tls.trustStore ? NULL : "/etc/ssl/certs";
		tls.keyStore = or_null(options->client_cert);
		tls.privateKey = or_null(options->client_key);
		tls.enableServerCertAuth = 1;
		tls.verify = 1;
		tls.sslVersion = MQTT_SSL_VERSION_TLS_1_2;
		connect.ssl = &tls;
	}
	return MQTTAsync_connect(source->client, &connect);
}

static int make_client(struct mqtt_source *source)
{
	char uri[512], id[512];

	make_uri(source->options, uri, sizeof uri);
	make_client_id(source, id, sizeof id);
	/* No persistence of Paho's: what is accepted is in the ring. */
	int rc = MQTTAsync_create(
		&source->client, uri, id, MQTTCLIENT_PERSISTENCE_NONE, NULL);
	if (rc == MQTTASYNC_SUCCESS)
		rc = MQTTAsync_setCallbacks(
			source->client, source, connection_lost, message_arrived, NULL);
	if (rc == MQTTASYNC_SUCCESS)
		rc = MQTTAsync_setConnected(source->client, source, connected);
	if (rc == MQTTASYNC_SUCCESS)
		rc = start_connecting(source);
	return rc;
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
	source->station = sensor->station;
	source->sensor_name = *options->sensor ? options->sensor : sensor->name;
	bell_init(&source->bell);
	pthread_mutex_init(&source->note_mutex, NULL);
	if (*options->password_file &&
		!secret_read(options->password_file, source->password, why, sizeof why)) {
		/* Tried without: the broker's refusal keeps being reported. */
		log_error("sensor %s: password_file: %s", sensor->name, why);
	}
	int rc = make_client(source);
	if (rc != MQTTASYNC_SUCCESS) {
		log_error("sensor %s: %s", sensor->name, MQTTAsync_strerror(rc));
		mqtt_source_stop(source);
		return NULL;
	}
	return source;
}

void mqtt_source_stop(struct mqtt_source *source)
{
	MQTTAsync_disconnectOptions options = MQTTAsync_disconnectOptions_initializer;

	if (!source)
		return;
	options.context = source;
	options.onSuccess = disconnected;
	options.onFailure = disconnect_failed;
	if (source->client) {
		/* An open session stays at the broker: what comes meanwhile waits there.
		 */
		if (MQTTAsync_disconnect(source->client, &options) == MQTTASYNC_SUCCESS)
			bell_wait(&source->bell, STOP_MS);
		MQTTAsync_destroy(&source->client);
	}
	source->sensor->stats.connected = false;
	secret_wipe(source->password, sizeof source->password);
	bell_free(&source->bell);
	pthread_mutex_destroy(&source->note_mutex);
	free(source);
}
