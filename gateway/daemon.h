/* The running gateway: its parts in order, and their end in the reverse order. */
#ifndef MUABUI_GATEWAY_DAEMON_H
#define MUABUI_GATEWAY_DAEMON_H

#include <stdbool.h>

#include "config/config.h"

struct daemon_settings {
	const char *config_file;
	bool live; /* a table in the terminal, and a summary at the end */
};

/*
 * Runs CONFIG, which it takes over, until SIGTERM or SIGINT; SIGHUP loads the file again.
 * The exit status of the program.
 */
int daemon_run(const struct daemon_settings *settings, struct config *config);

#endif
