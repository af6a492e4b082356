/* The pure parts of the ntfy channel. */
#ifndef MUABUI_ALERTS_NTFY_H
#define MUABUI_ALERTS_NTFY_H

#include <stdbool.h>
#include <stddef.h>

#include "alerts/message.h"
#include "core/buffer.h"

enum { NTFY_TOPIC_SIZE = 65 };

/*
 * Splits "https://host/topic" into the server's root, with its '/', and the topic of
 * 1 … 64 letters, digits, '-' and '_'. ROOT_LENGTH are the bytes of URL that are the
 * root. False: there is no such topic at the end.
 */
bool ntfy_split_url(
	const char *url, size_t *root_length, char topic[static NTFY_TOPIC_SIZE]);

/* Appends the JSON that publishes MESSAGE on TOPIC. CLICK: "" for none. */
void ntfy_body(const struct message *message, const char *topic, const char *click,
	struct buffer *out);

#endif
