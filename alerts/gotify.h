/* The part of the Gotify channel that needs no network. */
#ifndef MUABUI_ALERTS_GOTIFY_H
#define MUABUI_ALERTS_GOTIFY_H

#include "alerts/message.h"
#include "core/buffer.h"

/* Appends the body of POST /message; CLICK may be NULL. */
void gotify_body(const struct message *message, const char *click, struct buffer *out);

#endif
