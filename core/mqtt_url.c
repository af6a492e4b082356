#include "core/mqtt_url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct scheme {
	const char *name, *paho;
	unsigned port;
	bool tls, has_path;
};

/* URL's scheme, which the configuration has checked; the first is for any other. */
static const struct scheme *scheme_of(const char *url)
{
	static const struct scheme schemes[] = {
		{ "mqtt://", "tcp", 1883, false, false },
		{ "mqtts://", "ssl", 8883, true, false },
		{ "ws://", "ws", 80, false, true },
		{ "wss://", "wss", 443, true, true },
	};

	for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
		if (strncmp(url, schemes[i].name, strlen(schemes[i].name)) == 0)
			return &schemes[i];
	return &schemes[0];
}

/* URL from behind "://" on; LENGTH: of host and port, COLON: the port's or NULL. */
static const char *authority(const char *url, int *length, const char **colon)
{
	const char *host = strstr(url, "://") + 3;
	const char *bracket;

	*length = (int)strcspn(host, "/");
	/* In "[::1]:1883" the port's colon comes after the bracket. */
	bracket = memchr(host, ']', (size_t)*length);
	bracket = bracket ? bracket : host;
	*colon = memchr(bracket, ':', (size_t)*length - (size_t)(bracket - host));
	return host;
}

bool mqtt_url_is_tls(const char *url)
{
	return scheme_of(url)->tls;
}

unsigned mqtt_url_port(const char *url)
{
	const char *colon;
	int length;

	authority(url, &length, &colon);
	unsigned long port = colon ? strtoul(colon + 1, NULL, 10) : 0;
	return port > 0 ? (unsigned)port : scheme_of(url)->port;
}

void mqtt_url_for_paho(const char *url, char *uri, size_t size)
{
	const struct scheme *scheme = scheme_of(url);
	const char *colon;
	int length;
	const char *host = authority(url, &length, &colon);
	int bare = colon ? (int)(colon - host) : length;
	const char *path = host + length;

	if (!scheme->has_path)
		path = "";
	else if (strcmp(path, "") == 0 || strcmp(path, "/") == 0)
		path = "/mqtt";
	snprintf(uri, size, "%s://%.*s:%u%s", scheme->paho, bare, host,
		mqtt_url_port(url), path);
}
