#include "core/mqtt_client.h"

#include <MQTTAsync.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/mqtt_fault.h"
#include "core/mqtt_url.h"
#include "core/secret.h"
#include "core/thread.h"

enum {
	CONNECT_S = 10,
	RETRY_MAX_S = 50,
	STOP_MS = 1000,
};

/* Paho gives one pointer back: this one leads to the client, too. */
struct ticket {
	struct mqtt_client *client;
	uint32_t number; /* 0: free */
};

struct subscription {
	struct mqtt_client *client;
	void (*done)(void *arg);
};

enum { SUBSCRIPTIONS = 4 };

struct mqtt_client {
	struct mqtt_settings settings;
	struct mqtt_events events;
	MQTTAsync handle;
	struct bell closed; /* rung when the connection has been closed */
	pthread_mutex_t mutex;
	struct ticket tickets[MQTT_TICKETS];
	struct subscription subscriptions[SUBSCRIPTIONS]; /* used in turn */
	unsigned next_subscription;
	char password[SECRET_MAX];
};

void mqtt_client_setup(void)
{
	/* Paho 1.3.9 and later goes through them even for plain MQTT, with no option that
	 * says no: https://github.com/eclipse-paho/paho.mqtt.c/issues/1344. */
	unsetenv("http_proxy");
	unsetenv("https_proxy");
}

static bool is_5(const struct mqtt_client *client)
{
	return client->settings.version == 5;
}

static void say_down(struct mqtt_client *client, struct mqtt_fault fault)
{
	client->events.down(client->events.arg, &fault);
}

/* --- the connection --------------------------------------------------------- */

static void connected(void *context, char *cause)
{
	struct mqtt_client *client = context;

	(void)cause;
	client->events.up(client->events.arg);
}

static void connection_lost(void *context, char *cause)
{
	say_down(context,
		(struct mqtt_fault){
			.reason = cause ? cause : "the connection is lost" });
}

/* The broker of version 5 says why it hangs up. */
static void hung_up(
	void *context, MQTTProperties *properties, enum MQTTReasonCodes reason)
{
	const char *text = MQTTReasonCode_toString(reason);

	(void)properties;
	say_down(context,
		(struct mqtt_fault){ .code = (int)reason,
			.reason = text ? text : "the broker hangs up" });
}

static void connect_failed(void *context, MQTTAsync_failureData *failure)
{
	say_down(context, mqtt_fault_of(failure, "no connection"));
}

static void connect_failed5(void *context, MQTTAsync_failureData5 *failure)
{
	say_down(context, mqtt_fault_of5(failure, "no connection"));
}

static const char *or_null(const char *text)
{
	return text && *text ? text : NULL;
}

static void set_tls(const struct mqtt_settings *settings, MQTTAsync_SSLOptions *tls)
{
	tls->trustStore = or_null(settings->ca_file);
	tls->CApath = tls->trustStore ? NULL : "/etc/ssl/certs";
	tls->keyStore = or_null(settings->client_cert);
	tls->privateKey = or_null(settings->client_key);
	tls->enableServerCertAuth = 1;
	tls->verify = 1;
	tls->sslVersion = MQTT_SSL_VERSION_TLS_1_2;
}

/* Of the two versions, each wants its own callbacks and its own word for a session. */
static int connect_as(struct mqtt_client *client, MQTTAsync_connectOptions *connect)
{
	const struct mqtt_settings *settings = &client->settings;
	MQTTProperties properties = MQTTProperties_initializer;
	MQTTProperty expiry = {
		.identifier = MQTTPROPERTY_CODE_SESSION_EXPIRY_INTERVAL,
		.value.integer4 = (unsigned)(settings->session_expiry_ms / 1000),
	};

	if (!is_5(client)) {
		connect->onFailure = connect_failed;
		connect->cleansession = settings->is_clean;
		return MQTTAsync_connect(client->handle, connect);
	}
	connect->onFailure5 = connect_failed5;
	connect->cleanstart = settings->is_clean;
	if (!settings->is_clean && MQTTProperties_add(&properties, &expiry) == 0)
		connect->connectProperties = &properties;
	int rc = MQTTAsync_connect(client->handle, connect);
	MQTTProperties_free(&properties);
	return rc;
}

static int start_connecting(struct mqtt_client *client)
{
	const struct mqtt_settings *settings = &client->settings;
	MQTTAsync_connectOptions version3 = MQTTAsync_connectOptions_initializer;
	MQTTAsync_connectOptions version5 = MQTTAsync_connectOptions_initializer5;
	MQTTAsync_connectOptions connect = is_5(client) ? version5 : version3;
	MQTTAsync_SSLOptions tls = MQTTAsync_SSLOptions_initializer;
	MQTTAsync_willOptions will = MQTTAsync_willOptions_initializer;

	connect.context = client;
	connect.keepAliveInterval = (int)(settings->keep_alive_ms / 1000);
	connect.connectTimeout = CONNECT_S;
	connect.automaticReconnect = 1;
	connect.minRetryInterval = 1;
	connect.maxRetryInterval = RETRY_MAX_S;
	connect.username = or_null(settings->username);
	connect.password = or_null(client->password);
	if (mqtt_url_is_tls(settings->url)) {
		set_tls(settings, &tls);
		connect.ssl = &tls;
	}
	if (or_null(settings->will_topic)) {
		will.topicName = settings->will_topic;
		will.message = settings->will;
		will.retained = 1;
		will.qos = 1;
		connect.will = &will;
	}
	return connect_as(client, &connect);
}

/* --- receiving -------------------------------------------------------------- */

static int message_arrived(
	void *context, char *topic, int topic_length, MQTTAsync_message *message)
{
	struct mqtt_client *client = context;
	/* A length is given when the topic has a NUL inside, which no name may have. */
	bool is_whole = topic_length == 0 || strlen(topic) == (size_t)topic_length;
	const struct mqtt_message taken = {
		.topic = is_whole ? topic : "",
		.bytes = message->payload,
		.length = (size_t)message->payloadlen,
		.qos = message->qos,
		.is_retained = message->retained,
		.is_repeated = message->dup,
		.id = message->msgid,
	};

	/* Always taken: refusing one would queue it in memory, acknowledged all the same.
	 */
	if (client->events.message)
		client->events.message(client->events.arg, &taken);
	MQTTAsync_freeMessage(&message);
	MQTTAsync_free(topic);
	return 1;
}

static void subscribed(void *context, MQTTAsync_successData *data)
{
	struct subscription *subscription = context;

	(void)data;
	if (subscription->done)
		subscription->done(subscription->client->events.arg);
}

static void subscribed5(void *context, MQTTAsync_successData5 *data)
{
	(void)data;
	subscribed(context, NULL);
}

static const char no_subscription[] = "the subscription is refused";

static void subscribe_failed(void *context, MQTTAsync_failureData *failure)
{
	struct subscription *subscription = context;

	say_down(subscription->client, mqtt_fault_of(failure, no_subscription));
}

static void subscribe_failed5(void *context, MQTTAsync_failureData5 *failure)
{
	struct subscription *subscription = context;

	say_down(subscription->client, mqtt_fault_of5(failure, no_subscription));
}

void mqtt_client_subscribe(
	struct mqtt_client *client, const char *topic, int qos, void (*done)(void *arg))
{
	MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
	struct subscription *subscription =
		&client->subscriptions[client->next_subscription++ % SUBSCRIPTIONS];

	*subscription = (struct subscription){ .client = client, .done = done };
	options.context = subscription;
	if (is_5(client)) {
		options.onSuccess5 = subscribed5;
		options.onFailure5 = subscribe_failed5;
	} else {
		options.onSuccess = subscribed;
		options.onFailure = subscribe_failed;
	}
	int rc = MQTTAsync_subscribe(client->handle, topic, qos, &options);
	if (rc != MQTTASYNC_SUCCESS)
		say_down(client, (struct mqtt_fault){ .reason = MQTTAsync_strerror(rc) });
}

/* --- sending ---------------------------------------------------------------- */

static struct ticket *take_ticket(struct mqtt_client *client, uint32_t number)
{
	struct ticket *ticket = NULL;

	pthread_mutex_lock(&client->mutex);
	for (size_t i = 0; i < MQTT_TICKETS && !ticket; i++) {
		if (client->tickets[i].number == 0)
			ticket = &client->tickets[i];
	}
	if (ticket)
		*ticket = (struct ticket){ .client = client, .number = number };
	pthread_mutex_unlock(&client->mutex);
	return ticket;
}

static void give_back(struct ticket *ticket)
{
	pthread_mutex_lock(&ticket->client->mutex);
	ticket->number = 0;
	pthread_mutex_unlock(&ticket->client->mutex);
}

static void finish_ticket(struct ticket *ticket, const struct mqtt_fault *fault)
{
	struct mqtt_client *client = ticket->client;
	uint32_t number = ticket->number;

	give_back(ticket);
	client->events.sent(client->events.arg, number, fault);
}

static void sent(void *context, MQTTAsync_successData *data)
{
	(void)data;
	finish_ticket(context, NULL);
}

static void send_failed(void *context, MQTTAsync_failureData *failure)
{
	struct mqtt_fault fault = mqtt_fault_of(failure, "the message was not sent");

	fault.code = 0; /* a CONNACK's codes mean nothing here */
	finish_ticket(context, &fault);
}

static void sent5(void *context, MQTTAsync_successData5 *data)
{
	struct mqtt_fault fault = { 0 };

	/* The library counts a refusal by the broker as an answer, too. */
	if (!data || data->reasonCode < MQTTREASONCODE_UNSPECIFIED_ERROR) {
		finish_ticket(context, NULL);
		return;
	}
	fault.code = (int)data->reasonCode;
	fault.reason = MQTTReasonCode_toString(data->reasonCode);
	if (!fault.reason)
		fault.reason = "the broker refuses the message";
	finish_ticket(context, &fault);
}

static void send_failed5(void *context, MQTTAsync_failureData5 *failure)
{
	struct mqtt_fault fault = mqtt_fault_of5(failure, "the message was not sent");

	finish_ticket(context, &fault);
}

static bool refuse(struct mqtt_fault *fault, const char *reason)
{
	if (fault)
		*fault = (struct mqtt_fault){ .reason = reason };
	return false;
}

bool mqtt_client_send(struct mqtt_client *client, const struct mqtt_message *message,
	uint32_t number, struct mqtt_fault *fault)
{
	MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
	struct ticket *ticket = NULL;

	if (!mqtt_client_is_connected(client))
		return refuse(fault, "no connection");
	if (number && !(ticket = take_ticket(client, number)))
		return refuse(fault, "too many messages are under way");
	options.context = ticket;
	if (ticket && is_5(client)) {
		options.onSuccess5 = sent5;
		options.onFailure5 = send_failed5;
	} else if (ticket) {
		options.onSuccess = sent;
		options.onFailure = send_failed;
	}
	int rc = MQTTAsync_send(client->handle, message->topic, (int)message->length,
		message->bytes, message->qos, message->is_retained, &options);
	if (rc == MQTTASYNC_SUCCESS)
		return true;
	if (ticket)
		give_back(ticket);
	return refuse(fault, MQTTAsync_strerror(rc));
}

bool mqtt_client_is_connected(const struct mqtt_client *client)
{
	return client->handle && MQTTAsync_isConnected(client->handle);
}

/* --- beginning and end ------------------------------------------------------ */

static int make_handle(struct mqtt_client *client)
{
	MQTTAsync_createOptions options = MQTTAsync_createOptions_initializer;
	char uri[512];

	mqtt_url_for_paho(client->settings.url, uri, sizeof uri);
	/* Else Paho notes every call it makes in memory, which costs more than the calls.
	 * The environment (MQTT_C_CLIENT_TRACE_LEVEL) has the last word. */
	MQTTAsync_setTraceLevel(MQTTASYNC_TRACE_ERROR);
	options.MQTTVersion = is_5(client) ? MQTTVERSION_5 : MQTTVERSION_3_1_1;
	/* No persistence of Paho's: what has to be kept is in the ring or the store. */
	int rc = MQTTAsync_createWithOptions(&client->handle, uri,
		client->settings.client_id, MQTTCLIENT_PERSISTENCE_NONE, NULL, &options);
	if (rc == MQTTASYNC_SUCCESS)
		rc = MQTTAsync_setCallbacks(
			client->handle, client, connection_lost, message_arrived, NULL);
	if (rc == MQTTASYNC_SUCCESS)
		rc = MQTTAsync_setConnected(client->handle, client, connected);
	if (rc == MQTTASYNC_SUCCESS && is_5(client))
		rc = MQTTAsync_setDisconnected(client->handle, client, hung_up);
	return rc;
}

struct mqtt_client *mqtt_client_new(const struct mqtt_settings *settings,
	const struct mqtt_events *events, char *why, size_t size)
{
	struct mqtt_client *client = calloc(1, sizeof *client);

	if (!client) {
		snprintf(why, size, "out of memory");
		return NULL;
	}
	client->settings = *settings;
	client->events = *events;
	bell_init(&client->closed);
	pthread_mutex_init(&client->mutex, NULL);
	snprintf(client->password, sizeof client->password, "%s",
		settings->password ? settings->password : "");
	client->settings.password = client->password;
	int rc = make_handle(client);
	if (rc == MQTTASYNC_SUCCESS)
		return client;
	snprintf(why, size, "%s", MQTTAsync_strerror(rc));
	mqtt_client_stop(client);
	return NULL;
}

bool mqtt_client_start(struct mqtt_client *client, char *why, size_t size)
{
	int rc = start_connecting(client);

	if (rc != MQTTASYNC_SUCCESS)
		snprintf(why, size, "%s", MQTTAsync_strerror(rc));
	return rc == MQTTASYNC_SUCCESS;
}

static void closed(void *context, MQTTAsync_successData *data)
{
	(void)data;
	bell_ring(&((struct mqtt_client *)context)->closed);
}

static void close_failed(void *context, MQTTAsync_failureData *data)
{
	(void)data;
	bell_ring(&((struct mqtt_client *)context)->closed);
}

static void closed5(void *context, MQTTAsync_successData5 *data)
{
	(void)data;
	bell_ring(&((struct mqtt_client *)context)->closed);
}

static void close_failed5(void *context, MQTTAsync_failureData5 *data)
{
	(void)data;
	bell_ring(&((struct mqtt_client *)context)->closed);
}

static void disconnect(struct mqtt_client *client)
{
	MQTTAsync_disconnectOptions version3 = MQTTAsync_disconnectOptions_initializer;
	MQTTAsync_disconnectOptions version5 = MQTTAsync_disconnectOptions_initializer5;
	MQTTAsync_disconnectOptions options = version3;

	if (is_5(client)) {
		options = version5;
		options.onSuccess5 = closed5;
		options.onFailure5 = close_failed5;
	} else {
		options.onSuccess = closed;
		options.onFailure = close_failed;
	}
	options.context = client;
	/* An open session stays at the broker: what comes meanwhile waits there. */
	if (MQTTAsync_disconnect(client->handle, &options) == MQTTASYNC_SUCCESS)
		bell_wait(&client->closed, STOP_MS);
}

void mqtt_client_stop(struct mqtt_client *client)
{
	if (!client)
		return;
	if (client->handle) {
		disconnect(client);
		MQTTAsync_destroy(&client->handle);
	}
	secret_wipe(client->password, sizeof client->password);
	pthread_mutex_destroy(&client->mutex);
	bell_free(&client->closed);
	free(client);
}
