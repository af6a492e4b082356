#include "alerts/push_wire.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "alerts/push_endpoint.h"

enum {
	CONNECTIONS_TOTAL = 128,
	CONNECTIONS_KEPT = 32, /* when nothing is sent */
	STREAMS = 100,         /* on one connection, where the service does not say */
};

struct push_wire {
	CURLM *multi;
	long timeout_ms;
	char *ca_file;
};

struct push_wire *push_wire_new(const struct push_wire_settings *settings)
{
	struct push_wire *wire = calloc(1, sizeof *wire);

	if (!wire)
		return NULL;
	wire->multi = curl_multi_init();
	wire->timeout_ms = (long)settings->timeout_ms;
	wire->ca_file = strdup(settings->ca_file ? settings->ca_file : "");
	if (!wire->multi || !wire->ca_file) {
		push_wire_free(wire);
		return NULL;
	}
	curl_multi_setopt(wire->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
	curl_multi_setopt(
		wire->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)settings->connections);
	curl_multi_setopt(
		wire->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)CONNECTIONS_TOTAL);
	curl_multi_setopt(wire->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_KEPT);
	curl_multi_setopt(wire->multi, CURLMOPT_MAX_CONCURRENT_STREAMS, (long)STREAMS);
	return wire;
}

void push_wire_free(struct push_wire *wire)
{
	if (!wire)
		return;
	curl_multi_cleanup(wire->multi);
	free(wire->ca_file);
	free(wire);
}

void push_request_free(struct push_request *request)
{
	curl_easy_cleanup(request->easy);
	request->easy = NULL;
}

/* --- what curl calls -------------------------------------------------------------- */

/* Only the beginning of an answer that says no is of interest. */
static size_t take_body(char *bytes, size_t size, size_t count, void *arg)
{
	struct push_request *request = arg;
	size_t length = size * count;
	size_t room = sizeof request->reason - 1 - request->excerpt;

	room = length < room ? length : room;
	memcpy(request->reason + request->excerpt, bytes, room);
	request->excerpt += room;
	request->reason[request->excerpt] = '\0';
	return length;
}

/* A name of the public internet may lead into somebody's own network. */
static curl_socket_t open_socket(
	void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct push_request *request = arg;

	(void)purpose;
	if (!request->may_be_private && !push_address_is_public(&address->addr)) {
		request->forbidden = true;
		return CURL_SOCKET_BAD;
	}
	return socket(
		address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* --- a request -------------------------------------------------------------------- */

static bool set_up(const struct push_wire *wire, struct push_request *request)
{
	CURL *easy = curl_easy_init();

	if (!easy)
		return false;
	request->easy = easy;
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_POST, 1L);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, wire->timeout_ms);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, wire->timeout_ms);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	/* "" keeps curl from looking into the environment. */
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "muabui");
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, request);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, request);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, request);
	return curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
		(!*wire->ca_file ||
			curl_easy_setopt(easy, CURLOPT_CAINFO, wire->ca_file) ==
				CURLE_OK);
}

bool push_wire_send(struct push_wire *wire, struct push_request *request)
{
	if (!request->easy && !set_up(wire, request)) {
		push_request_free(request);
		return false;
	}
	request->status = 0;
	request->retry_after_ms = -1;
	request->forbidden = false;
	request->excerpt = 0;
	request->reason[0] = '\0';
	CURL *easy = request->easy;
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, request->headers);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->length);
	return curl_easy_setopt(easy, CURLOPT_URL, request->url) == CURLE_OK &&
		curl_multi_add_handle(wire->multi, easy) == CURLM_OK;
}

void push_wire_run(struct push_wire *wire, int wait_ms)
{
	int running = 0;

	curl_multi_perform(wire->multi, &running);
	if (wait_ms <= 0)
		return;
	curl_multi_poll(wire->multi, NULL, 0, wait_ms, NULL);
	curl_multi_perform(wire->multi, &running);
}

static void judge(struct push_request *request, CURLcode code)
{
	curl_off_t seconds = 0;
	long status = 0;

	curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &status);
	/* Cut off behind the headers: the far side's word stands. */
	request->status = status >= 200 ? (int)status : 0;
	if (request->status == 0) {
		snprintf(request->reason, sizeof request->reason, "%s",
			request->forbidden ? "leads to a private address"
					   : curl_easy_strerror(code));
		return;
	}
	if (status < 300)
		request->reason[0] = '\0';
	if (curl_easy_getinfo(request->easy, CURLINFO_RETRY_AFTER, &seconds) ==
			CURLE_OK &&
		seconds > 0)
		request->retry_after_ms = seconds * 1000;
}

struct push_request *push_wire_finished(struct push_wire *wire)
{
	struct push_request *request = NULL;
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(wire->multi, &left))) {
		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &request);
		judge(request, message->data.result);
		curl_multi_remove_handle(wire->multi, request->easy);
		return request;
	}
	return NULL;
}

void push_wire_cancel(struct push_wire *wire, struct push_request *request)
{
	curl_multi_remove_handle(wire->multi, request->easy);
}

void push_wire_wake(void *wire)
{
	curl_multi_wakeup(((struct push_wire *)wire)->multi);
}
