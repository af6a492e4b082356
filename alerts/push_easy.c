#include "alerts/push_easy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "alerts/push_endpoint.h"

enum { ADDRESS_MAX = 160 };

/* --- what curl calls ------------------------------------------------- */

static size_t take_body(char *bytes, size_t size, size_t count, void *arg)
{
	push_request_excerpt(arg, bytes, size * count);
	return size * count;
}

/* A name of the public internet may lead into somebody's own network. */
static curl_socket_t open_public(
	const struct curl_sockaddr *address, bool may_be_private, bool *is_forbidden)
{
	*is_forbidden = !may_be_private && !push_address_is_public(&address->addr);
	if (*is_forbidden)
		return CURL_SOCKET_BAD;
	return socket(
		address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static curl_socket_t open_for_request(
	void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct push_request *request = arg;

	(void)purpose;
	return open_public(address, request->may_be_private, &request->is_forbidden);
}

static curl_socket_t open_for_dial(
	void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct push_dial *dial = arg;

	(void)purpose;
	return open_public(address, dial->may_be_private, &dial->is_forbidden);
}

static const char *say(bool is_forbidden, CURLcode code)
{
	return is_forbidden ? "leads to a private address" : curl_easy_strerror(code);
}

/* What holds for both; "" keeps curl from looking for a proxy in the environment. */
static bool set_up(CURL *easy, const char *protocols, long timeout_ms)
{
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, timeout_ms);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_ms);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	return curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, protocols) == CURLE_OK;
}

/* --- HTTP/1.1 -------------------------------------------------------------------------
 */

static bool make_easy(struct push_request *request, long timeout_ms, const char *ca_file)
{
	CURL *easy = curl_easy_init();

	request->easy = easy;
	if (!easy)
		return false;
	curl_easy_setopt(easy, CURLOPT_POST, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "muabui");
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, request);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_for_request);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, request);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, request);
	return set_up(easy, "http,https", timeout_ms) &&
		(!*ca_file ||
			curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file) == CURLE_OK);
}

bool push_easy_send(
	CURLM *multi, struct push_request *request, long timeout_ms, const char *ca_file)
{
	if (!request->easy && !make_easy(request, timeout_ms, ca_file)) {
		curl_easy_cleanup(request->easy);
		request->easy = NULL;
		return false;
	}
	CURL *easy = request->easy;
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, request->headers);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->length);
	return curl_easy_setopt(easy, CURLOPT_URL, request->url) == CURLE_OK &&
		curl_multi_add_handle(multi, easy) == CURLM_OK;
}

void push_easy_end(CURLM *multi, struct push_request *request, CURLcode code)
{
	curl_off_t seconds = 0;
	long status = 0;

	curl_easy_getinfo(request->easy, CURLINFO_RESPONSE_CODE, &status);
	if (curl_easy_getinfo(request->easy, CURLINFO_RETRY_AFTER, &seconds) ==
			CURLE_OK &&
		seconds > 0)
		request->retry_after_ms = seconds * 1000;
	curl_multi_remove_handle(multi, request->easy);
	/* Cut off behind the headers: the far side's word stands. */
	push_request_end(request, status >= 200 ? (int)status : 0,
		say(request->is_forbidden, code));
}

/* --- connecting ------------------------------------------------------------------------
 */

bool push_dial_begin(
	CURLM *multi, struct push_dial *dial, const char *origin, long timeout_ms)
{
	const char *authority = strstr(origin, "://");
	char address[ADDRESS_MAX];
	CURL *easy = curl_easy_init();

	if (!easy || !authority) {
		curl_easy_cleanup(easy);
		return false;
	}
	authority += 3;
	const char *after = strchr(authority, ']') ? strchr(authority, ']') : authority;
	/* As if it were HTTP: nothing is said on it, and TLS is not curl's business here.
	 */
	snprintf(address, sizeof address, "http://%s%s/", authority,
		strchr(after, ':') ? "" : ":443");
	dial->is_forbidden = false;
	curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_for_dial);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, dial);
	if (!set_up(easy, "http", timeout_ms) ||
		curl_easy_setopt(easy, CURLOPT_URL, address) != CURLE_OK ||
		curl_multi_add_handle(multi, easy) != CURLM_OK) {
		curl_easy_cleanup(easy);
		return false;
	}
	dial->easy = easy;
	return true;
}

int push_dial_end(
	CURLM *multi, struct push_dial *dial, CURLcode code, char *why, size_t size)
{
	curl_socket_t socket = CURL_SOCKET_BAD;
	int fd = -1;

	if (code == CURLE_OK)
		code = curl_easy_getinfo(dial->easy, CURLINFO_ACTIVESOCKET, &socket);
	if (code != CURLE_OK)
		snprintf(why, size, "%s", say(dial->is_forbidden, code));
	else if ((fd = fcntl(socket, F_DUPFD_CLOEXEC, 0)) < 0)
		snprintf(why, size, "%s", strerror(errno));
	/* Curl closes its own descriptor; ours is another of the same connection. */
	push_dial_cancel(multi, dial);
	return fd;
}

void push_dial_cancel(CURLM *multi, struct push_dial *dial)
{
	if (!dial->easy)
		return;
	curl_multi_remove_handle(multi, dial->easy);
	curl_easy_cleanup(dial->easy);
	dial->easy = NULL;
}
