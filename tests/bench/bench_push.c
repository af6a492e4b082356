/*
 * One message to all subscriptions of a store, through the sender of the webpush channel,
 * and the Diffie-Hellman operations of the same processor beside it.
 *
 *   bench_push STORE HOST KEY CA IN_FLIGHT WORKERS
 *
 * Prints a line of key=value: sent, wall and cpu seconds of the fan-out, cpu seconds
 * of encrypting alone, and operations of ECDH on P-256 per cpu second, measured before
 * and after.
 */
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "alerts/push_encrypt.h"
#include "alerts/push_fanout.h"
#include "core/clock.h"
#include "core/http_client.h"

enum { OPERATIONS = 10000, TEXT = 700 };

static double seconds(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* As `openssl speed ecdhp256` does: one context, one derivation after the other. */
static double exchange_rate(void)
{
	EVP_PKEY *own = EVP_EC_gen("P-256"), *theirs = EVP_EC_gen("P-256");
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(own, NULL);
	unsigned char secret[32];
	size_t length = sizeof secret;

	if (EVP_PKEY_derive_init(context) != 1 ||
		EVP_PKEY_derive_set_peer(context, theirs) != 1)
		return 0;
	double begin = seconds(CLOCK_THREAD_CPUTIME_ID);
	for (int i = 0; i < OPERATIONS; i++)
		EVP_PKEY_derive(context, secret, &length);
	double took = seconds(CLOCK_THREAD_CPUTIME_ID) - begin;
	EVP_PKEY_CTX_free(context);
	EVP_PKEY_free(own);
	EVP_PKEY_free(theirs);
	return OPERATIONS / took;
}

static double encryption_rate(void)
{
	struct push_cipher *cipher = push_cipher_new();
	static const char text[TEXT];
	uint8_t body[PUSH_BODY_MAX], auth[PUSH_AUTH_BYTES] = { 1 };
	EVP_PKEY *pkey = EVP_EC_gen("P-256");
	unsigned char *point = NULL;

	if (!cipher || EVP_PKEY_get1_encoded_public_key(pkey, &point) != PUSH_POINT_BYTES)
		return 0;
	double begin = seconds(CLOCK_THREAD_CPUTIME_ID);
	for (int i = 0; i < OPERATIONS; i++)
		if (push_encrypt(cipher, point, auth, text, TEXT, body) == 0)
			return 0;
	double took = seconds(CLOCK_THREAD_CPUTIME_ID) - begin;
	OPENSSL_free(point);
	EVP_PKEY_free(pkey);
	push_cipher_free(cipher);
	return OPERATIONS / took;
}

static void fill_message(struct message *message)
{
	int64_t now_ms = clock_wall_ms();

	*message = (struct message){ .revision = 1,
		.severity = SEVERITY_SEVERE,
		.hazard = HAZARD_AIR,
		.value = 171,
		.threshold = 150,
		.at_ms = now_ms,
		.since_ms = now_ms,
		.expires_ms = now_ms + 3600 * 1000 };
	snprintf(message->id, sizeof message->id, "bench");
	snprintf(message->area, sizeof message->area, "hn-cau-giay");
	snprintf(message->station, sizeof message->station, "HN-CG-01");
	snprintf(message->language, sizeof message->language, "vi");
	snprintf(message->title, sizeof message->title, "Không khí xấu tại Cầu Giấy");
	snprintf(message->text, sizeof message->text,
		"Trạm Cầu Giấy đo được VN_AQI 171 (ngưỡng 150) lúc 9:30 ngày 22/11.");
	snprintf(message->instruction, sizeof message->instruction,
		"Mọi người nên hạn chế hoạt động ngoài trời; người già, trẻ em và người có "
		"bệnh hô hấp nên ở trong nhà.");
}

int main(int argc, char **argv)
{
	char why[256] = "";
	struct message message;
	struct answer answer;

	if (argc != 7) {
		fprintf(stderr, "bench_push STORE HOST KEY CA IN_FLIGHT WORKERS\n");
		return 2;
	}
	const char *hosts[] = { argv[2] };
	struct webpush_options options = { .subject = "mailto:a@b.example",
		.key_file = argv[3],
		.endpoint_hosts = { .values = hosts, .count = 1 },
		.page = "",
		.in_flight = (int)strtol(argv[5], NULL, 10),
		.workers = (int)strtol(argv[6], NULL, 10),
		.connections = 4,
		.ca_file = argv[4],
		.timeout = 10000 };
	http_client_setup();
	fill_message(&message);
	struct push_sender *sender =
		push_sender_new(&options, "web", argv[1], why, sizeof why);
	if (!sender) {
		fprintf(stderr, "bench_push: %s\n", why);
		return 1;
	}
	double before = exchange_rate();
	double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID), wall = seconds(CLOCK_MONOTONIC);
	do
		push_fanout(sender, &message, &answer);
	while (answer.outcome == OUTCOME_RETRY && answer.unfinished);
	cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
	wall = seconds(CLOCK_MONOTONIC) - wall;
	double after = exchange_rate();
	printf("outcome=%s wall=%.3f cpu=%.3f encryptions=%.0f exchanges=%.0f\n",
		outcome_name(answer.outcome), wall, cpu, encryption_rate(),
		(before + after) / 2);
	push_sender_free(sender);
	return answer.outcome == OUTCOME_DONE ? 0 : 1;
}
