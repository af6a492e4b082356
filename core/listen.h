/* The listening socket. */
#ifndef MUABUI_CORE_LISTEN_H
#define MUABUI_CORE_LISTEN_H

#include <stddef.h>

/*
 * Opens a socket at LISTEN: "127.0.0.1:8080", "[::1]:8080", "localhost:8080"; "[::]"
 * takes IPv4 too; port 0 lets the kernel choose. Returns the descriptor, non-blocking
 * and close-on-exec, or -1 with the reason in WHY.
 */
int listen_open(const char *listen, char *why, size_t size);

/* The port FD is bound to, -1 on error. */
int listen_port(int fd);

#endif
