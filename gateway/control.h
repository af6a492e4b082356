/*
 * The control socket: how the command line asks a running gateway. A request is one
 * line; the answer is JSON until the connection closes.
 */
#ifndef MUABUI_GATEWAY_CONTROL_H
#define MUABUI_GATEWAY_CONTROL_H

#include <stddef.h>

#include "config/config.h"
#include "core/buffer.h"

struct control;

/*
 * Where the socket of CONFIG is: as configured, else /run/muabui/control.sock when that
 * folder is ours to write, else beside the store.
 */
void control_path(const struct config *config, char *path, size_t size);

/*
 * HANDLE answers a request (without its line end) into OUT, on the control thread. NULL
 * with a logged reason; the gateway runs without one all the same.
 */
struct control *control_start(const char *path,
	void (*handle)(void *arg, const char *request, struct buffer *out), void *arg);

/* Accepts NULL. Removes the socket. */
void control_stop(struct control *control);

/* Asks the gateway at PATH. 0, or -1 with the reason in WHY. */
int control_ask(const char *path, const char *request, struct buffer *answer, char *why,
	size_t size);

#endif
