#include "config/url.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "config/suggest.h"
#include "config/value.h"

static bool refuse(char *why, const char *text)
{
	snprintf(why, VALUE_WHY_SIZE, "%s", text);
	return false;
}

static bool check_scheme(
	const char *url, size_t length, const char *const *schemes, char *why)
{
	struct suggestion suggestion;
	char scheme[32], nearest[96], all[128] = "";
	size_t used = 0;

	snprintf(scheme, sizeof scheme, "%.*s", (int)(length < 31 ? length : 31), url);
	suggest_init(&suggestion, scheme);
	for (; schemes && *schemes; schemes++) {
		if (strcmp(*schemes, scheme) == 0)
			return true;
		suggest_try(&suggestion, *schemes);
		if (used < sizeof all)
			used += (size_t)snprintf(all + used, sizeof all - used, "%s%s://",
				used > 0 ? " or " : "", *schemes);
	}
	if (used == 0)
		return true;
	snprintf(why, VALUE_WHY_SIZE, "the address must begin with %s%s", all,
		suggest_text(&suggestion, nearest, sizeof nearest));
	return false;
}

/* ":8086" or nothing. */
static bool is_port(const char *text, size_t length)
{
	long port = 0;

	if (length == 0)
		return true;
	if (length < 2 || length > 6 || text[0] != ':')
		return false;
	for (size_t i = 1; i < length; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		port = port * 10 + (text[i] - '0');
	}
	return port >= 1 && port <= 65535;
}

/* HOST, HOST:PORT, [ADDRESS], [ADDRESS]:PORT */
static bool check_authority(const char *text, size_t length, char *why)
{
	size_t host = 0;

	if (memchr(text, '@', length))
		return refuse(why,
			"an address must not hold a user or password: use username and "
			"password_file");
	if (length > 0 && text[0] == '[') {
		const char *close = memchr(text, ']', length);
		if (!close || close == text + 1)
			return refuse(why, "the address in [] is not complete");
		host = (size_t)(close + 1 - text);
	} else {
		while (host < length && text[host] != ':')
			host++;
	}
	if (host == 0)
		return refuse(why, "the address names no host");
	if (!is_port(text + host, length - host))
		return refuse(why, "the port must be a number from 1 to 65535");
	return true;
}

bool url_check(const char *url, const char *const *schemes, char *why)
{
	size_t scheme = strspn(url,
		"abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+.-");

	for (const char *c = url; *c; c++)
		if ((unsigned char)*c <= 0x20 || *c == 0x7f)
			return refuse(why, "an address must not hold blanks");
	if (scheme == 0 || strncmp(url + scheme, "://", 3) != 0)
		scheme = 0;
	if (!check_scheme(url, scheme, schemes, why))
		return false;
	if (scheme == 0)
		return refuse(why, "not an address such as https://host/path");
	const char *authority = url + scheme + 3;
	return check_authority(authority, strcspn(authority, "/?#"), why);
}

bool url_is_loopback(const char *url)
{
	const char *authority = strstr(url, "://");
	unsigned char bytes[sizeof(struct in6_addr)];
	char host[64];

	if (!authority)
		return false;
	authority += 3;
	bool six = *authority == '[';
	size_t length = six ? strcspn(++authority, "]") : strcspn(authority, ":/?#");
	if (length >= sizeof host)
		return false;
	memcpy(host, authority, length);
	host[length] = '\0';
	if (six)
		return inet_pton(AF_INET6, host, bytes) == 1 && bytes[15] == 1 &&
			!memcmp(bytes, (const unsigned char[15]){ 0 }, 15);
	return !strcmp(host, "localhost") ||
		(inet_pton(AF_INET, host, bytes) == 1 && bytes[0] == 127);
}

bool url_check_listen(const char *address, char *why)
{
	const char *colon = strrchr(address, ':');
	size_t length = colon ? (size_t)(colon - address) : 0;
	unsigned char bytes[sizeof(struct in6_addr)];
	char host[64];

	if (length == 0 || length >= sizeof host)
		return refuse(why,
			"an address and a port are expected, such as 127.0.0.1:8080 or "
			"[::]:8080");
	if (strcmp(colon, ":0") != 0 && (!colon[1] || !is_port(colon, strlen(colon))))
		return refuse(why, "the port must be a number up to 65535");
	bool six = address[0] == '[' && address[length - 1] == ']';
	snprintf(host, sizeof host, "%.*s", (int)(six ? length - 2 : length),
		six ? address + 1 : address);
	if (strcmp(host, "localhost") != 0 &&
		inet_pton(six ? AF_INET6 : AF_INET, host, bytes) != 1)
		return refuse(
			why, "the host must be an IP address (IPv6 in []) or localhost");
	return true;
}
