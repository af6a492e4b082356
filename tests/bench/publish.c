/*
 * Publishes COUNT messages of six metrics from 500 stations with QoS 1, as fast as the
 * broker takes them, and ends when all are acknowledged. Speaks MQTT 3.1.1 itself, so
 * that it costs next to nothing.
 *
 * With BATCH, a message holds so many reports of one station's SENSORS sensors, a second
 * apart, as another gateway sends them; the last ones are of now. COUNT is then of
 * reports.
 *
 * usage: publish PORT COUNT [FIRST_SEQ [BATCH SENSORS]]
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	STATIONS = 500,
	WINDOW = 2000, /* unacknowledged messages, at most */
	BURST = 200,   /* messages in one write */
	REPORT_ROOM = 256,
	BATCH_MAX = 5000,
};

static int connect_to(int port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
	static const char hello[] = "\x10\x13\x00\x04MQTT\x04\x02\x00\x3c\x00\x07publish";
	char answer[4];

	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
		write(fd, hello, sizeof hello - 1) != sizeof hello - 1 ||
		recv(fd, answer, 4, MSG_WAITALL) != 4 || answer[3] != 0) {
		perror("publish: connect");
		exit(1);
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	return fd;
}

/* The packet around PAYLOAD; its length. */
static size_t wrap(uint8_t *packet, const char *topic, const char *payload,
	size_t payload_length, long number)
{
	size_t topic_length = strlen(topic), at = 0;
	uint16_t id = (uint16_t)(number % 65535 + 1);
	size_t rest = 2 + topic_length + 2 + payload_length;

	packet[at++] = 0x32; /* PUBLISH, QoS 1 */
	for (; rest >= 128; rest /= 128)
		packet[at++] = (uint8_t)(rest % 128 | 128);
	packet[at++] = (uint8_t)rest;
	packet[at++] = (uint8_t)(topic_length >> 8);
	packet[at++] = (uint8_t)topic_length;
	memcpy(packet + at, topic, topic_length);
	at += topic_length;
	packet[at++] = (uint8_t)(id >> 8);
	packet[at++] = (uint8_t)id;
	memcpy(packet + at, payload, payload_length);
	return at + payload_length;
}

/* One PUBLISH packet; its length. The values walk slowly, as air does; it rains now and
 * then. */
static size_t make_packet(uint8_t *packet, long seq)
{
	char topic[32], payload[256];
	int station = (int)(seq % STATIONS);
	long turn = seq / STATIONS;
	snprintf(topic, sizeof topic, "bench/S%03d/air", station);
	int payload_length = snprintf(payload, sizeof payload,
		"{\"pm25\":%.1f,\"pm10\":%.1f,\"temperature\":%.1f,\"humidity\":%.1f,"
		"\"rain\":%.1f,\"seq\":%ld}",
		20 + (double)((seq * 7 + turn) % 600) / 10,
		35 + (double)((seq * 11 + turn) % 900) / 10,
		24 + (double)(turn % 100) / 10, 60 + (double)((seq + turn) % 350) / 10,
		turn % 20 == 0 ? 0.2 : 0.0, seq);
	return wrap(packet, topic, payload, (size_t)payload_length, seq);
}

/* The NUMBER-th packet with BATCH reports of SENSORS sensors from SEQ on; its length. */
static size_t make_batch(uint8_t *packet, long number, long seq, int batch, int sensors)
{
	static char payload[BATCH_MAX * REPORT_ROOM];
	static int64_t now_ms;
	char topic[40];
	size_t used = 0;
	int station = (int)(number % STATIONS), steps = (batch + sensors - 1) / sensors;

	if (now_ms == 0)
		now_ms = (int64_t)time(NULL) * 1000;
	for (int i = 0; i < batch; i++, seq++) {
		int64_t time_ms = now_ms +
			(number / STATIONS * steps + i / sensors + 1 - steps) * 1000;
		used += (size_t)snprintf(payload + used, REPORT_ROOM,
			"environment,station=S%03d,sensor=air%d pm25=%.1f,pm10=%.1f,"
			"temperature=%.1f,humidity=%.1f,rain=%.1f,seq=%ld.0 %lld\n",
			station, i % sensors, 20 + (double)(seq * 7 % 600) / 10,
			35 + (double)(seq * 11 % 900) / 10, 24 + (double)(i % 100) / 10,
			60 + (double)(seq % 350) / 10, i % 20 == 0 ? 0.2 : 0.0, seq,
			(long long)time_ms);
	}
	snprintf(topic, sizeof topic, "muabui/S%03d/readings", station);
	return wrap(packet, topic, payload, used, number);
}

static void write_all(int fd, const uint8_t *bytes, size_t length)
{
	while (length > 0) {
		ssize_t done = write(fd, bytes, length);
		if (done <= 0) {
			perror("publish: write");
			exit(1);
		}
		bytes += done;
		length -= (size_t)done;
	}
}

/* A PUBACK is four bytes; how many came (their ids do not matter). */
static long take_acks(int fd, bool wait)
{
	static size_t half;
	uint8_t bytes[16384];
	ssize_t got = recv(fd, bytes, sizeof bytes, wait ? 0 : MSG_DONTWAIT);

	if (got == 0 || (got < 0 && errno != EAGAIN)) {
		fprintf(stderr, "publish: the broker closed the connection\n");
		exit(1);
	}
	if (got < 0)
		return 0;
	half += (size_t)got;
	long acks = (long)(half / 4);
	half %= 4;
	return acks;
}

static void send_batches(int fd, long count, long first, int batch, int sensors)
{
	static uint8_t packet[BATCH_MAX * REPORT_ROOM + 64];
	long sent = 0, acked = 0, all = (count + batch - 1) / batch;

	for (; sent < all; sent++) {
		long left = count - sent * batch;
		write_all(fd, packet,
			make_batch(packet, sent, first + sent * batch,
				left < batch ? (int)left : batch, sensors));
		acked += take_acks(fd, sent - acked >= 50);
	}
	while (acked < all)
		acked += take_acks(fd, true);
}

static void send_messages(int fd, long count, long first)
{
	static uint8_t burst[BURST * 320];
	long sent = 0, acked = 0;

	while (acked < count) {
		size_t length = 0;
		for (int i = 0; i < BURST && sent < count && sent - acked < WINDOW; i++)
			length += make_packet(burst + length, first + sent++);
		write_all(fd, burst, length);
		acked += take_acks(fd, sent - acked >= WINDOW || sent == count);
	}
}

int main(int argc, char **argv)
{
	long arguments[5] = { 0 };

	if (argc < 3 || argc > 6 || argc == 5) {
		fprintf(stderr,
			"usage: publish PORT COUNT [FIRST_SEQ [BATCH SENSORS]]\n");
		return 2;
	}
	for (int i = 1; i < argc; i++)
		arguments[i - 1] = strtol(argv[i], NULL, 10);
	int fd = connect_to((int)arguments[0]);
	if (arguments[3] > 0 && arguments[3] <= BATCH_MAX && arguments[4] > 0)
		send_batches(fd, arguments[1], arguments[2], (int)arguments[3],
			(int)arguments[4]);
	else
		send_messages(fd, arguments[1], arguments[2]);
	write_all(fd, (const uint8_t *)"\xe0\x00", 2);
	close(fd);
	return 0;
}
