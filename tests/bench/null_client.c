/*
 * The yardstick: a Paho client that subscribes with QoS 1 and does nothing with what it
 * gets. Prints its CPU time and peak memory after COUNT messages.
 *
 * usage: null_client PORT COUNT [TOPIC]
 */
#include <MQTTAsync.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static atomic_long received;
static atomic_int subscribed;
static MQTTAsync client;
static const char *filter = "bench/+/air";

static int message_arrived(
	void *context, char *topic, int topic_length, MQTTAsync_message *message)
{
	(void)context;
	(void)topic_length;
	MQTTAsync_freeMessage(&message);
	MQTTAsync_free(topic);
	atomic_fetch_add_explicit(&received, 1, memory_order_relaxed);
	return 1;
}

static void on_subscribe(void *context, MQTTAsync_successData *data)
{
	(void)context;
	(void)data;
	subscribed = 1;
}

static void connected(void *context, char *cause)
{
	MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;

	(void)context;
	(void)cause;
	options.onSuccess = on_subscribe;
	MQTTAsync_subscribe(client, filter, 1, &options);
}

static double cpu_seconds(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
		(double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

int main(int argc, char **argv)
{
	MQTTAsync_connectOptions options = MQTTAsync_connectOptions_initializer;
	char uri[64];

	if (argc != 3 && argc != 4)
		return 2;
	if (argc == 4)
		filter = argv[3];
	long count = strtol(argv[2], NULL, 10);
	snprintf(uri, sizeof uri, "tcp://127.0.0.1:%s", argv[1]);
	MQTTAsync_create(&client, uri, "null-client", MQTTCLIENT_PERSISTENCE_NONE, NULL);
	MQTTAsync_setCallbacks(client, NULL, NULL, message_arrived, NULL);
	MQTTAsync_setConnected(client, NULL, connected);
	options.keepAliveInterval = 30;
	options.cleansession = 1;
	MQTTAsync_connect(client, &options);
	while (!subscribed)
		usleep(1000);
	double before = cpu_seconds();
	puts("ready");
	fflush(stdout);
	while (received < count)
		usleep(20000);
	printf("%.6f\n", cpu_seconds() - before);
	return 0;
}
