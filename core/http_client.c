#include "core/http_client.h"

#include <cjson/cJSON.h>
#include <curl/curl.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/clock.h"
#include "core/reason.h"

enum {
	DEFAULT_TIMEOUT_MS = 30 * 1000,
	DEFAULT_CONNECT_TIMEOUT_MS = 10 * 1000,
	EXCERPT_MAX = 4096, /* of the answer's body, to find its message in */
	HEADERS_MAX = 32,
	RETRY_AFTER_DIGITS = 9,
};

struct http_client {
	CURL *curl;
	atomic_bool aborted;
	char error[CURL_ERROR_SIZE];
	struct buffer excerpt;
	struct buffer *response; /* the caller's, during a request */
	bool answered;           /* the status line and all headers of an answer came */
	bool http2;              /* an answer of another version is none */
};

void http_client_setup(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
	/* With CURLOPT_NOSIGNAL a TLS connection cut by the far side may raise it. */
	signal(SIGPIPE, SIG_IGN);
}

void http_client_cleanup(void)
{
	curl_global_cleanup();
}

/* --- what curl calls ----------------------------------------------------- */

static size_t take_body(char *bytes, size_t size, size_t count, void *arg)
{
	struct http_client *client = arg;
	size_t length = size * count;
	struct buffer *buffers[] = { &client->excerpt, client->response };

	for (size_t i = 0; i < 2; i++) {
		struct buffer *buffer = buffers[i];
		if (!buffer || buffer->length >= buffer->limit)
			continue;
		size_t room = buffer->limit - buffer->length;
		buffer_append(buffer, bytes, length < room ? length : room);
	}
	return length; /* what has no room is read all the same, and thrown away */
}

static size_t take_header(char *bytes, size_t size, size_t count, void *arg)
{
	struct http_client *client = arg;
	size_t length = size * count;
	long status = 0;

	if (length > 0 && (bytes[0] == '\r' || bytes[0] == '\n')) {
		curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
		client->answered = status >= 200;
	}
	return length;
}

static int watch_progress(void *arg, curl_off_t d_total, curl_off_t d_now,
	curl_off_t u_total, curl_off_t u_now)
{
	struct http_client *client = arg;

	(void)d_total, (void)d_now, (void)u_total, (void)u_now;
	return atomic_load(&client->aborted) ? 1 : 0;
}

/* --- making a client ----------------------------------------------------- */

static bool set_text(CURL *curl, CURLoption option, const char *text)
{
	if (!text || !*text)
		return true;
	return curl_easy_setopt(curl, option, text) == CURLE_OK;
}

static bool set_up(struct http_client *client, const struct http_settings *settings)
{
	CURL *curl = client->curl;
	long timeout = settings->timeout_ms > 0 ? (long)settings->timeout_ms
						: DEFAULT_TIMEOUT_MS;
	long connect = settings->connect_timeout_ms > 0
		? (long)settings->connect_timeout_ms
		: DEFAULT_CONNECT_TIMEOUT_MS;
	long authentication = settings->bearer ? CURLAUTH_BEARER : CURLAUTH_BASIC;

	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, client->error);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, connect);
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	/* A proxy's "200 Connection established" is no answer of the far side. */
	curl_easy_setopt(curl, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(curl, CURLOPT_TCP_NODELAY, 1L);
	curl_easy_setopt(curl, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(curl, CURLOPT_MAXCONNECTS, 1L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	/* A connection is kept; a new one is made where the name points to by then. */
	curl_easy_setopt(curl, CURLOPT_DNS_CACHE_TIMEOUT, 0L);
	/* "" keeps curl from looking into the environment. */
	curl_easy_setopt(curl, CURLOPT_PROXY, settings->proxy ? settings->proxy : "");
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "muabui");
	curl_easy_setopt(curl, CURLOPT_HTTPAUTH, authentication);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, client);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, client);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, watch_progress);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, client);
	return curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
		set_text(curl, CURLOPT_CAINFO, settings->ca_file) &&
		set_text(curl, CURLOPT_SSLCERT, settings->client_cert) &&
		set_text(curl, CURLOPT_SSLKEY, settings->client_key) &&
		set_text(curl, CURLOPT_USERNAME, settings->username) &&
		set_text(curl, CURLOPT_PASSWORD, settings->password) &&
		set_text(curl, CURLOPT_CUSTOMREQUEST, settings->method) &&
		set_text(curl, CURLOPT_XOAUTH2_BEARER, settings->bearer);
}

struct http_client *http_client_new(const struct http_settings *settings)
{
	struct http_client *client = calloc(1, sizeof *client);

	if (!client)
		return NULL;
	buffer_init(&client->excerpt, EXCERPT_MAX);
	client->http2 = settings->http2;
	atomic_init(&client->aborted, false);
	client->curl = curl_easy_init();
	if (!client->curl || !set_up(client, settings)) {
		http_client_free(client);
		return NULL;
	}
	return client;
}

void http_client_free(struct http_client *client)
{
	if (!client)
		return;
	curl_easy_cleanup(client->curl);
	buffer_free(&client->excerpt);
	free(client);
}

void http_client_abort(struct http_client *client)
{
	atomic_store(&client->aborted, true);
}

/* --- reasons ------------------------------------------------------------- */

/* {"error":"…"}, {"message":"…"}, {"error":{"message":"…"}}: the text, or NULL. */
static const char *json_message(const cJSON *root)
{
	static const char *const keys[] = { "error", "message", "description" };

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		const cJSON *item = cJSON_GetObjectItemCaseSensitive(root, keys[i]);
		if (cJSON_IsObject(item))
			item = cJSON_GetObjectItemCaseSensitive(item, "message");
		if (cJSON_IsString(item) && *item->valuestring)
			return item->valuestring;
	}
	return NULL;
}

static void say_status(const struct http_client *client, struct answer *answer)
{
	const struct buffer *body = &client->excerpt;
	struct buffer reason;

	buffer_init(&reason, REASON_MAX);
	buffer_printf(&reason, "HTTP %d", answer->status);
	if (body->length > 0) {
		cJSON *root = body->data[0] == '{'
			? cJSON_ParseWithLength(body->data, body->length)
			: NULL;
		const char *message = json_message(root);
		buffer_puts(&reason, ": ");
		if (message)
			reason_append(&reason, message, strlen(message));
		else
			reason_append(&reason, body->data, body->length);
		cJSON_Delete(root);
	}
	reason_keep(answer, &reason);
}

static void say_failure(
	const struct http_client *client, CURLcode code, struct answer *answer)
{
	const char *text = *client->error ? client->error : curl_easy_strerror(code);
	struct buffer reason;

	if (code == CURLE_ABORTED_BY_CALLBACK)
		text = "stopped";
	buffer_init(&reason, REASON_MAX);
	reason_append(&reason, text, strlen(text));
	reason_keep(answer, &reason);
}

/* --- Retry-After --------------------------------------------------------- */

static const char *header_value(CURL *curl, const char *name)
{
	struct curl_header *header;

	if (curl_easy_header(curl, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
		return NULL;
	return header->value;
}

/* Seconds or an HTTP date; -1 when there is neither. */
static int64_t retry_after_ms(CURL *curl)
{
	const char *value = header_value(curl, "Retry-After");

	if (!value || !*value)
		return -1;
	if (value[strspn(value, "0123456789")] == '\0') {
		if (strlen(value) > RETRY_AFTER_DIGITS)
			return INT64_MAX;
		return strtoll(value, NULL, 10) * 1000;
	}
	time_t until = curl_getdate(value, NULL);
	if (until == -1)
		return -1;
	/* The far side's own clock is the one it counted by; ours may be wrong. */
	const char *date = header_value(curl, "Date");
	time_t now = date ? curl_getdate(date, NULL) : -1;
	int64_t now_ms = now == -1 ? clock_wall_ms() : (int64_t)now * 1000;
	int64_t left = (int64_t)until * 1000 - now_ms;
	return left > 0 ? left : 0;
}

/* --- a request ----------------------------------------------------------- */

static bool add_header(struct curl_slist **list, const char *header)
{
	struct curl_slist *longer = curl_slist_append(*list, header);

	if (!longer)
		return false;
	*list = longer;
	return true;
}

/* What may not stand in a header, lest a secret file's contents become headers. */
static bool header_is_clean(const char *header)
{
	for (; *header; header++) {
		if (((unsigned char)*header < ' ' && *header != '\t') || *header == 0x7f)
			return false;
	}
	return true;
}

/* NULL with errno: EINVAL for a header that cannot be sent. */
static struct curl_slist *make_headers(const char *const *headers)
{
	struct curl_slist *list = NULL;
	bool has_type = false;

	errno = ENOMEM;
	if (!add_header(&list, "Expect:"))
		return NULL;
	for (size_t i = 0; headers && headers[i]; i++) {
		if (!header_is_clean(headers[i]) || i == HEADERS_MAX) {
			errno = EINVAL;
			goto failed;
		}
		has_type |= strncasecmp(headers[i], "Content-Type:", 13) == 0;
		if (!add_header(&list, headers[i]))
			goto failed;
	}
	/* Left alone, curl calls every body a web form. */
	if (!has_type && !add_header(&list, "Content-Type:"))
		goto failed;
	return list;

failed:
	curl_slist_free_all(list);
	return NULL;
}

/* Does the far side speak a version that the settings rule out? */
static bool is_outdated(const struct http_client *client)
{
	long version = 0;

	curl_easy_getinfo(client->curl, CURLINFO_HTTP_VERSION, &version);
	return client->http2 && version != CURL_HTTP_VERSION_2_0;
}

static void judge(struct http_client *client, CURLcode code, struct answer *answer)
{
	long status = 0, sent = 0;

	if (client->answered && is_outdated(client)) {
		answer->outcome = OUTCOME_HELD;
		reason_say(answer, "the server does not speak HTTP/2");
		return;
	}

	/* Once the headers are there the far side has given its word, whatever
	 * becomes of the rest of its answer. */
	if (client->answered) {
		curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, &status);
		answer->status = (int)status;
		answer->outcome = answer_outcome(answer->status);
		answer->retry_after_ms = retry_after_ms(client->curl);
		if (answer->outcome != OUTCOME_DONE)
			say_status(client, answer);
		return;
	}
	if (code == CURLE_OK)
		code = CURLE_GOT_NOTHING;
	curl_easy_getinfo(client->curl, CURLINFO_REQUEST_SIZE, &sent);
	answer->maybe_taken = sent > 0;
	say_failure(client, code, answer);
}

/*
 * Without TLS nothing is negotiated, and a server of HTTP/2 alone understands nothing
 * else. Such a connection is used once: curl 7.88 stumbles over the second request.
 */
static void choose_http2(CURL *curl, bool is_plain)
{
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION,
		is_plain ? (long)CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE
			 : (long)CURL_HTTP_VERSION_2TLS);
	curl_easy_setopt(curl, CURLOPT_FORBID_REUSE, is_plain ? 1L : 0L);
}

void http_post(struct http_client *client, const char *url, const char *const *headers,
	const void *body, size_t length, struct buffer *response, struct answer *answer)
{
	CURL *curl = client->curl;

	*answer = (struct answer){ .outcome = OUTCOME_RETRY, .retry_after_ms = -1 };
	struct curl_slist *list = make_headers(headers);
	if (!list) {
		bool invalid = errno == EINVAL;
		answer->outcome = invalid ? OUTCOME_HELD : OUTCOME_RETRY;
		snprintf(answer->reason, sizeof answer->reason, "%s",
			invalid ? "a request header contains a control character"
				: "out of memory");
		return;
	}
	buffer_clear(&client->excerpt);
	client->response = response;
	client->answered = false;
	client->error[0] = '\0';
	curl_easy_setopt(curl, CURLOPT_POST, 1L);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, length ? body : "");
	curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)length);
	if (client->http2)
		choose_http2(curl, strncasecmp(url, "http:", 5) == 0);
	CURLcode code = curl_easy_setopt(curl, CURLOPT_URL, url);
	if (code == CURLE_OK)
		code = curl_easy_perform(curl);
	judge(client, code, answer);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL);
	curl_easy_setopt(curl, CURLOPT_POSTFIELDS, NULL);
	client->response = NULL;
	curl_slist_free_all(list);
}
