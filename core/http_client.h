/*
 * POSTing with libcurl: one client per thread and destination, keep-alive,
 * TLS always verified, every answer reduced to an outcome.
 */
#ifndef MUABUI_CORE_HTTP_CLIENT_H
#define MUABUI_CORE_HTTP_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/answer.h"
#include "core/buffer.h"

struct http_client;

struct http_settings {
	int64_t timeout_ms;         /* whole request; 0 = 30 s */
	int64_t connect_timeout_ms; /* 0 = 10 s */
	const char *ca_file;        /* NULL or "": the system's authorities */
	const char *client_cert;    /* NULL or "": none */
	const char *client_key;
	const char *username; /* NULL: no basic authentication */
	const char *password;
	const char *bearer; /* NULL: no bearer token */
	const char *proxy;  /* NULL or "": none, the environment is not asked */
	const char *method; /* NULL or "": POST */
	bool http2;         /* nothing older will do; over http:// it is spoken at once */
};

/* Copies the settings. NULL when memory is out. The free accepts NULL. */
struct http_client *http_client_new(const struct http_settings *settings);
void http_client_free(struct http_client *client);

/*
 * Sends BODY. HEADERS: NULL-ended array of "Name: value", or NULL. RESPONSE (may be
 * NULL) receives at most its limit; the rest is read and thrown away. Fills ANSWER;
 * its reason is taken from the transport, or from the beginning of the answer's body.
 * URLs in reasons and logs are cut to scheme, host and path.
 */
void http_post(struct http_client *client, const char *url, const char *const *headers,
	const void *body, size_t length, struct buffer *response, struct answer *answer);

/*
 * Makes a request under way on another thread end within about a second, and
 * every later one of this client fail at once (used to stop).
 */
void http_client_abort(struct http_client *client);

/* libcurl's global state, once in main; ignores SIGPIPE for the whole program. */
void http_client_setup(void);
void http_client_cleanup(void);

#endif
