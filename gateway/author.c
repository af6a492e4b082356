/* Who gives a command that others will ask about. */
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "gateway/command.h"

const char *command_author(void)
{
	const char *name = geteuid() == 0 ? getenv("SUDO_USER") : NULL;
	const struct passwd *user = NULL;

	if (!name || !*name)
		user = getpwuid(getuid());
	return user ? user->pw_name : name && *name ? name : "unknown";
}
