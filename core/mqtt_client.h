/*
 * One MQTT connection on Paho's asynchronous API: made again by itself whenever it is
 * lost, after 1 s doubling to 50 s, a fifth more or less. Sensors receive with it,
 * outputs send.
 *
 * Callbacks come on Paho's threads. Paho sends the PUBACK of a QoS 1 message after
 * message() has returned, as long as nothing waits in its own queue: so message() hands
 * over what it got first, and may block. From callbacks nothing of this file may be
 * called, but mqtt_client_subscribe() from up().
 */
#ifndef MUABUI_CORE_MQTT_CLIENT_H
#define MUABUI_CORE_MQTT_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/answer.h"

struct mqtt_client;

struct mqtt_message {
	const char *topic;
	const void *bytes;
	size_t length;
	int qos;
	bool is_retained;
	bool is_repeated; /* received: the broker's DUP flag */
	int id;           /* received with QoS 1: its packet id */
};

/* What went wrong, as the broker or the library has it. */
struct mqtt_fault {
	int code; /* MQTT 5 reason ≥ 0x80, or a 3.1.1 CONNACK's 1…5; 0: none was given */
	const char *reason;
};

/*
 * Texts but url and client_id may be NULL or "". They must outlive the client, except
 * client_id and password, which are copied.
 */
struct mqtt_settings {
	const char *url; /* see core/mqtt_url.h */
	const char *client_id;
	int version;               /* 3: 3.1.1; or 5 */
	bool is_clean;             /* no session is kept at the broker */
	int64_t session_expiry_ms; /* of a kept one; MQTT 5 only */
	int64_t keep_alive_ms;
	const char *username, *password;
	const char *ca_file, *client_cert, *client_key;
	const char *will_topic, *will; /* retained, QoS 1 */
};

struct mqtt_events {
	void *arg;
	/* After every CONNACK: the broker may have forgotten us, or never known. */
	void (*up)(void *arg);
	/* The connection is lost, the first attempt at one has failed (of later ones Paho
	 * says nothing), or a subscription is refused. */
	void (*down)(void *arg, const struct mqtt_fault *fault);
	void (*message)(void *arg, const struct mqtt_message *message); /* may be NULL */
	/* What was sent with TICKET is acknowledged (FAULT NULL), or never will be. May
	 * be NULL where no tickets are used. */
	void (*sent)(void *arg, uint32_t ticket, const struct mqtt_fault *fault);
};

/* What a fault's code asks for. Without a code, or with one of passing trouble: RETRY. */
enum outcome mqtt_outcome(int code);

/* What a sender keeps of the faults since it began; zeroed: there was none. */
struct mqtt_trouble {
	bool is_there;
	int code;
	char reason[200];
};

/*
 * Notes FAULT. The first one is the cause, unless it came without a reason that asks for
 * more than patience: a broker that refuses a message may hang up at once.
 */
void mqtt_trouble_note(struct mqtt_trouble *trouble, const struct mqtt_fault *fault);

/*
 * Once, before the first client and while there is one thread: takes the proxies out of
 * the environment, because Paho would use them.
 */
void mqtt_client_setup(void);

/* NULL with the reason in WHY. No callback comes before the start. */
struct mqtt_client *mqtt_client_new(const struct mqtt_settings *settings,
	const struct mqtt_events *events, char *why, size_t size);

/* Begins to connect; an absent broker is no failure. False with the reason in WHY. */
bool mqtt_client_start(struct mqtt_client *client, char *why, size_t size);

/* Disconnects, which may take a second, and frees; no callback comes afterwards. Accepts
 * NULL. */
void mqtt_client_stop(struct mqtt_client *client);

bool mqtt_client_is_connected(const struct mqtt_client *client);

/* DONE(events.arg), where not NULL, follows the SUBACK. */
void mqtt_client_subscribe(
	struct mqtt_client *client, const char *topic, int qos, void (*done)(void *arg));

enum { MQTT_TICKETS = 64 };

/*
 * Sends MESSAGE. With a TICKET other than 0 the event sent() follows, unless the client
 * is stopped before; at most MQTT_TICKETS may be open. False with the reason in FAULT
 * (may be NULL): it is not under way.
 */
bool mqtt_client_send(struct mqtt_client *client, const struct mqtt_message *message,
	uint32_t ticket, struct mqtt_fault *fault);

#endif
