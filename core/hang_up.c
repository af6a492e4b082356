#include "core/hang_up.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <stdlib.h>
#include <sys/socket.h>

static unsigned peer_port(int fd)
{
	struct sockaddr_storage peer;
	socklen_t size = sizeof peer;

	if (getpeername(fd, (struct sockaddr *)&peer, &size) < 0)
		return 0;
	if (peer.ss_family == AF_INET)
		return ntohs(((struct sockaddr_in *)&peer)->sin_port);
	if (peer.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)&peer)->sin6_port);
	return 0;
}

void hang_up_on(unsigned port)
{
	DIR *folder = opendir("/proc/self/fd");
	const struct dirent *entry;

	while (folder && (entry = readdir(folder))) {
		char *end;
		long fd = strtol(entry->d_name, &end, 10);

		/* Shut, not closed: the number stays its owner's. */
		if (end != entry->d_name && !*end && peer_port((int)fd) == port)
			shutdown((int)fd, SHUT_RDWR);
	}
	if (folder)
		closedir(folder);
}
