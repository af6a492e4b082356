#include "outputs/http_sender.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool http_sender_open(struct http_sender *sender, const char *url,
	const struct connection *connection, const char *method, const char *username,
	char *why, size_t size)
{
	struct http_settings settings = connection_http_settings(connection);
	char password[SECRET_MAX] = "";

	sender->url = url;
	settings.method = method;
	if (connection_has(username)) {
		if (!connection_read_secret(
			    connection->password_file, password, why, size))
			return false;
		settings.username = username;
		settings.password = password;
	}
	snprintf(why, size, "out of memory");
	sender->client = http_client_new(&settings);
	secret_wipe(password, sizeof password);
	return sender->client != NULL;
}

void http_sender_close(struct http_sender *sender)
{
	http_client_free(sender->client);
	if (sender->secret_header)
		secret_wipe(sender->secret_header, strlen(sender->secret_header));
	free(sender->secret_header);
}

bool http_sender_set_secret(struct http_sender *sender, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(&sender->secret_header, format, arguments) < 0)
		sender->secret_header = NULL;
	va_end(arguments);
	return sender->secret_header != NULL;
}

/*
 * nginx says 400 where a client certificate is missing or not believed (it is the only
 * one that does: others break the handshake, or say 403). That is no word about what was
 * sent, and would make dead letters of all of it.
 */
static void hold_for_certificate(struct answer *answer)
{
	if (answer->status == 400 &&
		(strstr(answer->reason, "400 No required SSL certificate was sent") ||
			strstr(answer->reason, "400 The SSL certificate error")))
		answer->outcome = OUTCOME_HELD;
}

void http_sender_post(struct http_sender *sender, const char *const *headers,
	const struct buffer *body, struct buffer *response, struct answer *answer)
{
	const char *all[HTTP_SENDER_HEADERS + 1] = { NULL };
	size_t count = 0;

	if (body->failed) {
		*answer = (struct answer){ .outcome = OUTCOME_RETRY,
			.retry_after_ms = -1,
			.reason = "out of memory" };
		return;
	}
	while (*headers && count < HTTP_SENDER_HEADERS - 1)
		all[count++] = *headers++;
	all[count] = sender->secret_header;
	http_post(sender->client, sender->url, all, body->data, body->length, response,
		answer);
	hold_for_certificate(answer);
}

void http_sender_doubt_page(
	const struct buffer *response, const char *what, struct answer *answer)
{
	const char *text = buffer_text(response);

	if (answer->outcome != OUTCOME_DONE || text[strspn(text, " \r\n\t")] != '<')
		return;
	answer->outcome = OUTCOME_RETRY;
	snprintf(answer->reason, sizeof answer->reason,
		"HTTP %d with a web page: this is %s", answer->status, what);
}

void http_sender_abort(void *self)
{
	struct http_sender *sender = self;

	http_client_abort(sender->client);
}
