#include "alerts/smtp_client.h"

#include <curl/curl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/reason.h"

enum { REPLY_SIZE = 512 };

/* What was said last, and by which the server's next reply is meant. */
enum phase { PHASE_HELLO, PHASE_LOGIN, PHASE_SENDER, PHASE_RECIPIENT, PHASE_LETTER };

struct smtp_client {
	CURL *curl;
	atomic_bool aborted;
	char error[CURL_ERROR_SIZE];
	enum phase phase;
	int code;      /* of the latest reply, 0: none came since */
	bool has_left; /* what is said from now on is about nothing */
	char reply[REPLY_SIZE];
	const struct buffer *letter;
	size_t given; /* of it */
};

/* --- what curl calls ----------------------------------------------------------- */

static size_t give_letter(char *bytes, size_t size, size_t count, void *arg)
{
	struct smtp_client *client = arg;
	size_t room = size * count, left = client->letter->length - client->given;
	size_t length = left < room ? left : room;

	memcpy(bytes, client->letter->data + client->given, length);
	client->given += length;
	return length;
}

static int watch_progress(void *arg, curl_off_t d_total, curl_off_t d_now,
	curl_off_t u_total, curl_off_t u_now)
{
	struct smtp_client *client = arg;

	(void)d_total, (void)d_now, (void)u_total, (void)u_now;
	return atomic_load(&client->aborted) ? 1 : 0;
}

static void note_command(struct smtp_client *client, const char *text, size_t length)
{
	static const struct {
		const char *verb;
		enum phase phase;
	} verbs[] = {
		{ "EHLO", PHASE_HELLO },
		{ "HELO", PHASE_HELLO },
		{ "AUTH", PHASE_LOGIN },
		{ "MAIL", PHASE_SENDER },
		{ "RCPT", PHASE_RECIPIENT },
		{ "DATA", PHASE_LETTER },
	};

	/* After a refusal curl takes its leave. */
	if (length >= 4 && !strncmp(text, "QUIT", 4))
		client->has_left = true;
	if (client->has_left)
		return;
	client->code = 0;
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
		if (length >= 4 && !strncmp(text, verbs[i].verb, 4))
			client->phase = verbs[i].phase;
	}
}

static void note_reply(struct smtp_client *client, const char *text, size_t length)
{
	int code = 0;

	for (size_t i = 0; i < 3 && i < length; i++) {
		if (text[i] < '0' || text[i] > '9')
			return;
		code = code * 10 + (text[i] - '0');
	}
	if (length < 3 || client->has_left)
		return;
	client->code = code;
	while (length > 0 && (text[length - 1] == '\r' || text[length - 1] == '\n'))
		length--;
	snprintf(client->reply, sizeof client->reply, "%.*s", (int)length, text);
}

/* curl says one reply's code and not to what; its trace says both. Nothing is kept of
 * what goes out but its verb: a password may be in it. */
static int watch_dialogue(
	CURL *curl, curl_infotype type, char *text, size_t length, void *arg)
{
	struct smtp_client *client = arg;

	(void)curl;
	if (type == CURLINFO_HEADER_OUT)
		note_command(client, text, length);
	else if (type == CURLINFO_HEADER_IN)
		note_reply(client, text, length);
	else if (type == CURLINFO_DATA_OUT)
		client->code = 0;
	return 0;
}

/* --- making a client ------------------------------------------------------------ */

static bool set_up(struct smtp_client *client, const struct smtp_settings *settings)
{
	CURL *curl = client->curl;
	long use_ssl = settings->is_plain ? CURLUSESSL_NONE : CURLUSESSL_ALL;
	bool ok = true;

	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, client->error);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)settings->timeout_ms);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)settings->timeout_ms);
	curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(curl, CURLOPT_MAXCONNECTS, 1L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(curl, CURLOPT_USE_SSL, use_ssl);
	curl_easy_setopt(curl, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(curl, CURLOPT_READFUNCTION, give_letter);
	curl_easy_setopt(curl, CURLOPT_READDATA, client);
	curl_easy_setopt(curl, CURLOPT_VERBOSE, 1L);
	curl_easy_setopt(curl, CURLOPT_DEBUGFUNCTION, watch_dialogue);
	curl_easy_setopt(curl, CURLOPT_DEBUGDATA, client);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, watch_progress);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, client);
	if (settings->ca_file && settings->ca_file[0])
		ok = curl_easy_setopt(curl, CURLOPT_CAINFO, settings->ca_file) ==
			CURLE_OK;
	if (settings->username)
		ok = ok &&
			curl_easy_setopt(curl, CURLOPT_USERNAME, settings->username) ==
				CURLE_OK &&
			curl_easy_setopt(curl, CURLOPT_PASSWORD, settings->password) ==
				CURLE_OK;
	return ok &&
		curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps") == CURLE_OK &&
		curl_easy_setopt(curl, CURLOPT_URL, settings->url) == CURLE_OK;
}

struct smtp_client *smtp_client_new(const struct smtp_settings *settings)
{
	struct smtp_client *client = calloc(1, sizeof *client);

	if (!client)
		return NULL;
	atomic_init(&client->aborted, false);
	client->curl = curl_easy_init();
	if (!client->curl || !set_up(client, settings)) {
		smtp_client_free(client);
		return NULL;
	}
	return client;
}

void smtp_client_free(struct smtp_client *client)
{
	if (!client)
		return;
	curl_easy_cleanup(client->curl);
	free(client);
}

void smtp_client_abort(struct smtp_client *client)
{
	atomic_store(&client->aborted, true);
}

/* --- a letter --------------------------------------------------------------------- */

/* What a refusal for good is about, by what was said before. */
static enum outcome refused_for_good(enum phase phase)
{
	switch (phase) {
	case PHASE_LOGIN:
	case PHASE_SENDER:
		return OUTCOME_HELD;
	case PHASE_RECIPIENT:
	case PHASE_LETTER:
		return OUTCOME_REFUSED;
	case PHASE_HELLO:
		return OUTCOME_RETRY; /* "no service here", now */
	}
	return OUTCOME_RETRY;
}

static void judge(const struct smtp_client *client, CURLcode code, struct answer *answer)
{
	const char *error = *client->error ? client->error : curl_easy_strerror(code);
	bool is_replied = client->code >= 400;
	struct buffer reason;

	answer->outcome = OUTCOME_RETRY;
	answer->status = client->code;
	if (client->code >= 500)
		answer->outcome = refused_for_good(client->phase);
	else if (client->code < 400 &&
		(code == CURLE_LOGIN_DENIED || code == CURLE_USE_SSL_FAILED))
		answer->outcome = OUTCOME_HELD;
	/* STARTTLS was refused: by whatever code, it will not encrypt. */
	if (code == CURLE_USE_SSL_FAILED)
		answer->outcome = OUTCOME_HELD;
	/* The letter was there, and nothing was said to it. */
	answer->maybe_taken =
		client->phase == PHASE_LETTER && client->given > 0 && client->code == 0;
	if (code == CURLE_ABORTED_BY_CALLBACK)
		error = "stopped";
	buffer_init(&reason, REASON_MAX);
	if (is_replied)
		reason_append(&reason, client->reply, strlen(client->reply));
	else
		reason_append(&reason, error, strlen(error));
	reason_keep(answer, &reason);
}

void smtp_send(struct smtp_client *client, const char *from, const char *to,
	const struct buffer *letter, struct answer *answer, bool *about_recipient)
{
	struct curl_slist *recipients = curl_slist_append(NULL, to);

	*answer = (struct answer){ .outcome = OUTCOME_RETRY, .retry_after_ms = -1 };
	*about_recipient = false;
	if (!recipients) {
		reason_say(answer, "out of memory");
		return;
	}
	client->phase = PHASE_HELLO;
	client->code = 0;
	client->has_left = false;
	client->letter = letter;
	client->given = 0;
	client->error[0] = '\0';
	curl_easy_setopt(client->curl, CURLOPT_MAIL_FROM, from);
	curl_easy_setopt(client->curl, CURLOPT_MAIL_RCPT, recipients);
	curl_easy_setopt(
		client->curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)letter->length);
	CURLcode code = curl_easy_perform(client->curl);
	if (code == CURLE_OK)
		answer->outcome = OUTCOME_DONE;
	else
		judge(client, code, answer);
	*about_recipient = code != CURLE_OK && client->phase == PHASE_RECIPIENT &&
		client->code >= 400;
	curl_easy_setopt(client->curl, CURLOPT_MAIL_RCPT, NULL);
	curl_slist_free_all(recipients);
}
