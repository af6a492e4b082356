/*
 * The http driver: senders that cannot speak MQTT push their readings here. http.c has
 * the options, http_receiver.c the server.
 */
#ifndef MUABUI_SENSORS_HTTP_H
#define MUABUI_SENSORS_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "sensors/format.h"
#include "sensors/sensor.h"

extern const struct sensor_driver sensor_http;

struct http_options {
	struct payload_options payload; /* first: decode knows no more */
	const char *listen;             /* "0.0.0.0:8081" */
	const char *path;               /* "/data/report", levels may be + or {token} */
	const char *token_file;         /* "": everybody who reaches the port may */
	int rate;                       /* requests a minute from one address */
};

/*
 * Writes PATH without its outer slashes and its {token} level to FILTER: what {1} {2} …
 * are counted in. False when it does not fit.
 */
bool http_filter(const char *path, char *filter, size_t size);

/*
 * Does a request for URL fit PATH? Its {token} level goes to TOKEN (SIZE bytes; "" when
 * it has none), and what is left to TOPIC, so that a token gets into no log.
 */
bool http_match(const char *path, const char *url, char *token, char *topic, size_t size);

/* --- the server (http_receiver.c) ------------------------------------------ */

struct http_receiver;

/*
 * Starts the server of the address that all COUNT sensors share; they must outlive it. An
 * address that is taken is no failure, it is tried again. NULL when there is no memory or
 * no thread.
 */
struct http_receiver *http_receiver_start(struct sensor *const *sensors, size_t count);

/* Accepts NULL. A request under way is answered first. */
void http_receiver_stop(struct http_receiver *receiver);

#endif
