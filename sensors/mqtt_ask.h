/*
 * Requests back to senders, from a thread of their own: Paho must not be called from its
 * callbacks. Few, short, and each topic rarely.
 */
#ifndef MUABUI_SENSORS_MQTT_ASK_H
#define MUABUI_SENSORS_MQTT_ASK_H

#include <stddef.h>

struct asker;

/* SEND is called on the asker's thread. NULL when there is no memory or no thread. */
struct asker *asker_start(
	void (*send)(void *arg, const char *topic, const void *bytes, size_t length),
	void *arg);

/* Joins the thread; what waits, or is asked from now on, is not sent. Accepts NULL. */
void asker_stop(struct asker *asker);

/* Once nobody asks any more. Accepts NULL. */
void asker_free(struct asker *asker);

/*
 * Has BYTES sent to TOPIC, unless something was within ten seconds, or too much waits.
 * ASKER is void so that it serves as inbox.ask. Accepts NULL.
 */
void asker_ask(void *asker, const char *topic, const void *bytes, size_t length);

#endif
