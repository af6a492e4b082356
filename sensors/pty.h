/* A pseudo terminal that looks like a serial port, under a name that stays. */
#ifndef MUABUI_SENSORS_PTY_H
#define MUABUI_SENSORS_PTY_H

#include <stddef.h>

struct pty {
	int fd;           /* the device's side, non-blocking; -1: closed */
	int port_fd;      /* the port's side, held so that readers may come and go */
	char name[64];    /* "/dev/pts/5" */
	const char *link; /* NULL: none */
};

/*
 * Opens a pair, raw, and lets LINK (may be NULL; must outlive it) point to the port. A
 * symbolic link that is there is replaced, anything else refused. 0, or -1 with the
 * reason in WHY.
 */
int pty_open(struct pty *pty, const char *link, char *why, size_t size);

/* Hangs up and removes the link, if it still is ours. Accepts a closed one. */
void pty_close(struct pty *pty);

#endif
