/*
 * What the outputs over HTTP have in common: a client by the connection's options, and a
 * header that is secret. A driver's self begins with one, so that http_sender_abort() is
 * its abort.
 */
#ifndef MUABUI_OUTPUTS_HTTP_SENDER_H
#define MUABUI_OUTPUTS_HTTP_SENDER_H

#include <stdbool.h>
#include <stddef.h>

#include "config/connection.h"
#include "core/answer.h"
#include "core/buffer.h"

struct http_sender {
	const char *url;
	struct http_client *client;
	char *secret_header; /* "Name: value", or NULL */
};

enum { HTTP_SENDER_HEADERS = 20 };

/*
 * Readies SENDER, zeroed, for URL, which must outlive it. METHOD and USERNAME may be
 * NULL; the password is CONNECTION's. False with the reason in WHY.
 */
bool http_sender_open(struct http_sender *sender, const char *url,
	const struct connection *connection, const char *method, const char *username,
	char *why, size_t size);

/* Accepts what could not be opened. */
void http_sender_close(struct http_sender *sender);

/* The secret header becomes what FORMAT says. False: out of memory. */
bool http_sender_set_secret(struct http_sender *sender, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Sends BODY with the HEADERS (NULL-ended, fewer than HTTP_SENDER_HEADERS) and the secret
 * one. RESPONSE may be NULL. A body that memory did not suffice for (failed) is not sent:
 * RETRY.
 */
void http_sender_post(struct http_sender *sender, const char *const *headers,
	const struct buffer *body, struct buffer *response, struct answer *answer);

/*
 * A mobile provider's log-in page says 200 to everything: a RESPONSE that is a web page
 * is no taking. The reason says that this is WHAT.
 */
void http_sender_doubt_page(
	const struct buffer *response, const char *what, struct answer *answer);

/* For struct output_driver. */
void http_sender_abort(void *self);

#endif
