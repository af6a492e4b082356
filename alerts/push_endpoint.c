#include "alerts/push_endpoint.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* reference: RFC 8030 push services of Chrome, Firefox, Safari and Edge. */
const char *const push_known_hosts[] = {
	"fcm.googleapis.com",
	"updates.push.services.mozilla.com",
	"*.push.services.mozilla.com",
	"*.push.apple.com",
	"*.notify.windows.com",
	NULL,
};

enum { HOST_MAX = 100, PORT_HTTPS = 443, PORT_HTTP = 80 };

/* --- patterns -------------------------------------------------------- */

struct pattern {
	bool plain; /* http: */
	bool wild;  /* *.host */
	char host[HOST_MAX];
	long port; /* 0: the scheme's own */
};

static bool refuse(char *why, size_t size, const char *text)
{
	snprintf(why, size, "%s", text);
	return false;
}

static bool read_port(const char *text, long *port)
{
	char *end;

	*port = strtol(text, &end, 10);
	return *text >= '1' && *text <= '9' && *end == '\0' && *port <= 65535;
}

/* Letters, digits, '-' and '.'; or an IPv6 address in []. */
static bool host_is_plain(const char *host)
{
	size_t length = strlen(host);
	struct in6_addr six;
	char inside[HOST_MAX];

	if (host[0] == '[' && length > 2 && host[length - 1] == ']') {
		snprintf(inside, sizeof inside, "%.*s", (int)length - 2, host + 1);
		return inet_pton(AF_INET6, inside, &six) == 1;
	}
	return length > 0 && host[0] != '.' && host[length - 1] != '.' &&
		strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789-.") == length;
}

static bool read_pattern(const char *text, struct pattern *pattern)
{
	*pattern = (struct pattern){ 0 };
	if (strncmp(text, "http://", 7) == 0) {
		pattern->plain = true;
		text += 7;
	} else if (strncmp(text, "https://", 8) == 0) {
		text += 8;
	}
	if (strncmp(text, "*.", 2) == 0) {
		pattern->wild = true;
		text += 2;
	}
	const char *bracket = text[0] == '[' ? strchr(text, ']') : NULL;
	const char *colon = strchr(bracket ? bracket : text, ':');
	size_t length = colon ? (size_t)(colon - text) : strlen(text);
	if (length >= sizeof pattern->host ||
		(colon && !read_port(colon + 1, &pattern->port)))
		return false;
	for (size_t i = 0; i < length; i++)
		pattern->host[i] =
			text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] | 32) : text[i];
	return host_is_plain(pattern->host);
}

static bool is_this_machine(const char *host)
{
	return strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0 ||
		strncmp(host, "127.", 4) == 0;
}

bool push_host_check(const char *text, char *why, size_t size)
{
	struct pattern pattern;

	if (!read_pattern(text, &pattern))
		return refuse(why, size,
			"a host is expected, such as push.example.net, *.push.example.net or "
			"push.example.net:8443");
	if (pattern.wild && !strchr(pattern.host, '.'))
		return refuse(why, size, "this would name a whole top-level domain");
	if (pattern.plain && (pattern.wild || !is_this_machine(pattern.host)))
		return refuse(why, size,
			"http: is for this machine only (127.0.0.1, [::1], localhost)");
	return true;
}

/* --- endpoints ------------------------------------------------------- */

struct address {
	bool plain;
	char host[HOST_MAX];
	long port;
};

static bool take_part(CURLU *url, CURLUPart part, unsigned flags, char *out, size_t size)
{
	char *text = NULL;
	bool ok =
		curl_url_get(url, part, &text, flags) == CURLUE_OK && strlen(text) < size;

	if (ok)
		snprintf(out, size, "%s", text);
	curl_free(text);
	return ok;
}

static bool has_part(CURLU *url, CURLUPart part)
{
	char *text = NULL;
	bool has = curl_url_get(url, part, &text, 0) == CURLUE_OK;

	curl_free(text);
	return has;
}

static bool read_endpoint(const char *endpoint, struct address *address)
{
	CURLU *url = curl_url();
	char scheme[16], port[8];
	bool ok = url && curl_url_set(url, CURLUPART_URL, endpoint, 0) == CURLUE_OK &&
		!has_part(url, CURLUPART_USER) && !has_part(url, CURLUPART_PASSWORD) &&
		!has_part(url, CURLUPART_OPTIONS) && !has_part(url, CURLUPART_FRAGMENT) &&
		take_part(url, CURLUPART_SCHEME, 0, scheme, sizeof scheme) &&
		take_part(url, CURLUPART_HOST, 0, address->host, sizeof address->host) &&
		take_part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT, port, sizeof port) &&
		read_port(port, &address->port);

	curl_url_cleanup(url);
	if (!ok)
		return false;
	for (char *c = address->host; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c |= 32;
	address->plain = strcmp(scheme, "http") == 0;
	return (address->plain || strcmp(scheme, "https") == 0) &&
		host_is_plain(address->host);
}

static bool ends_in(const char *host, const char *domain)
{
	size_t length = strlen(host), end = strlen(domain);

	return length > end + 1 && host[length - end - 1] == '.' &&
		strcmp(host + length - end, domain) == 0;
}

static bool matches(const struct pattern *pattern, const struct address *address)
{
	long usual = address->plain ? PORT_HTTP : PORT_HTTPS;

	return pattern->plain == address->plain &&
		address->port == (pattern->port ? pattern->port : usual) &&
		(pattern->wild ? ends_in(address->host, pattern->host)
			       : strcmp(address->host, pattern->host) == 0);
}

static bool is_printable(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text <= ' ' || (unsigned char)*text >= 0x7f ||
			*text == '\\')
			return false;
	return true;
}

static enum push_reach look_up(
	const struct option_strings *hosts, const struct address *address)
{
	enum push_reach reach = PUSH_REACH_NONE;
	struct pattern pattern;

	for (size_t i = 0; i < hosts->count; i++)
		if (read_pattern(hosts->values[i], &pattern) &&
			matches(&pattern, address)) {
			if (!pattern.wild)
				return PUSH_REACH_ANY;
			reach = PUSH_REACH_PUBLIC;
		}
	for (size_t i = 0; hosts->count == 0 && push_known_hosts[i]; i++)
		if (read_pattern(push_known_hosts[i], &pattern) &&
			matches(&pattern, address))
			return PUSH_REACH_PUBLIC;
	return reach;
}

enum push_reach push_endpoint_check(const struct option_strings *hosts,
	const char *endpoint, char origin[static SUBSCRIPTION_ORIGIN_SIZE])
{
	struct address address;

	origin[0] = '\0';
	if (strlen(endpoint) >= SUBSCRIPTION_ENDPOINT_SIZE || !is_printable(endpoint) ||
		!read_endpoint(endpoint, &address))
		return PUSH_REACH_NONE;
	bool usual = address.port == (address.plain ? PORT_HTTP : PORT_HTTPS);
	int length = snprintf(origin, SUBSCRIPTION_ORIGIN_SIZE, "%s://%s",
		address.plain ? "http" : "https", address.host);
	if (!usual)
		snprintf(origin + length, SUBSCRIPTION_ORIGIN_SIZE - (size_t)length,
			":%ld", address.port);
	return look_up(hosts, &address);
}

/* --- addresses -----------------------------------------------------------------------
 */

struct block {
	uint32_t network;
	int bits;
};

/* IANA's special-purpose registry of IPv4, RFC 6890 and its updates. */
static bool four_is_public(uint32_t address)
{
	static const struct block blocks[] = {
		{ 0x00000000, 8 }, { 0x0A000000, 8 }, { 0x64400000, 10 },
		{ 0x7F000000, 8 }, { 0xA9FE0000, 16 }, { 0xAC100000, 12 },
		{ 0xC0000000, 24 }, { 0xC0000200, 24 }, { 0xC0586300, 24 },
		{ 0xC0A80000, 16 }, { 0xC6120000, 15 }, { 0xC6336400, 24 },
		{ 0xCB007100, 24 }, { 0xE0000000, 3 }, /* multicast and reserved */
	};

	for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
		if ((address ^ blocks[i].network) >> (32 - blocks[i].bits) == 0)
			return false;
	return true;
}

static uint32_t four_at(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
		(uint32_t)bytes[2] << 8 | bytes[3];
}

/* Only global unicast (2000::/3), and of that neither tunnels nor examples. */
static bool six_is_public(const uint8_t bytes[static 16])
{
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
	static const uint8_t nat64[12] = { 0, 0x64, 0xff, 0x9b };

	if (memcmp(bytes, mapped, sizeof mapped) == 0 ||
		memcmp(bytes, nat64, sizeof nat64) == 0)
		return four_is_public(four_at(bytes + 12));
	if (bytes[0] >> 5 != 1)
		return false;
	if (bytes[0] == 0x20 && bytes[1] == 0x02) /* 6to4 */
		return four_is_public(four_at(bytes + 2));
	if (bytes[0] == 0x20 && bytes[1] == 0x01) {
		bool is_special = bytes[2] < 0x02; /* 2001::/23 */
		bool is_example = bytes[2] == 0x0d && bytes[3] == 0xb8;
		return !is_special && !is_example;
	}
	return !(bytes[0] == 0x3f && bytes[1] == 0xff && bytes[2] < 0x10); /* RFC 9637 */
}

bool push_address_is_public(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET) {
		const struct sockaddr_in *four = (const void *)address;
		return four_is_public(ntohl(four->sin_addr.s_addr));
	}
	if (address->sa_family == AF_INET6) {
		const struct sockaddr_in6 *six = (const void *)address;
		return six_is_public(six->sin6_addr.s6_addr);
	}
	return false;
}
