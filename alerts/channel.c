#include "alerts/channel.h"

#include <string.h>

#include "config/url.h"

void channel_check_secure(
	const char *url, const char *key, const struct config_place *place)
{
	if (url && !strncmp(url, "http:", 5) && !url_is_loopback(url))
		config_error(place, key,
			"credentials go over https:// only (http:// for a stand-in on this machine)");
}
