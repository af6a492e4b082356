#include "core/listen.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 128 };

/* "host:port" or "[host]:port" into its two parts. */
static bool split(
	const char *listen, char host[static NI_MAXHOST], char port[static NI_MAXSERV])
{
	const char *colon = strrchr(listen, ':');
	const char *begin = listen, *end = colon;

	if (!colon || colon == listen)
		return false;
	if (*begin == '[') {
		if (colon[-1] != ']')
			return false;
		begin++;
		end--;
	} else if (memchr(begin, ':', (size_t)(colon - begin))) {
		return false; /* an IPv6 address without its brackets */
	}
	if (begin >= end || (size_t)(end - begin) >= NI_MAXHOST || !colon[1] ||
		strlen(colon + 1) > 5 ||
		strspn(colon + 1, "0123456789") != strlen(colon + 1))
		return false;
	memcpy(host, begin, (size_t)(end - begin));
	host[end - begin] = '\0';
	snprintf(port, NI_MAXSERV, "%s", colon + 1);
	return true;
}

static int open_address(const struct addrinfo *address)
{
	int on = 1, off = 0;
	int fd =
		socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0)
		goto fail;
	if (address->ai_family == AF_INET6 &&
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) < 0)
		goto fail;
	if (bind(fd, address->ai_addr, address->ai_addrlen) < 0 ||
		listen(fd, BACKLOG) < 0)
		goto fail;
	return fd;

fail:;
	int saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

int listen_open(const char *listen, char *why, size_t size)
{
	char host[NI_MAXHOST], port[NI_MAXSERV];
	/* No name service: a gateway must start without a network. */
	struct addrinfo hints = {
		.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM,
	};
	struct addrinfo *address;

	if (!split(listen, host, port)) {
		snprintf(why, size,
			"%s: not an address like 127.0.0.1:8080 or [::1]:8080", listen);
		return -1;
	}
	const char *numeric = strcmp(host, "localhost") == 0 ? "127.0.0.1" : host;
	int error = strtol(port, NULL, 10) > 65535
		? EAI_SERVICE
		: getaddrinfo(numeric, port, &hints, &address);
	if (error) {
		snprintf(why, size, "%s: %s", listen,
			error == EAI_SERVICE
				? "the port must be 0 to 65535"
				: "the host must be an IP address or localhost");
		return -1;
	}
	int fd = open_address(address);
	if (fd < 0)
		snprintf(why, size, "%s: %s", listen, strerror(errno));
	freeaddrinfo(address);
	return fd;
}

int listen_port(int fd)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof address;

	if (getsockname(fd, (struct sockaddr *)&address, &length) < 0)
		return -1;
	if (address.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
	return ntohs(((struct sockaddr_in *)&address)->sin_port);
}
