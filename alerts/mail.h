/* An alert as a letter (RFC 5322). */
#ifndef MUABUI_ALERTS_MAIL_H
#define MUABUI_ALERTS_MAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "alerts/message.h"
#include "config/option.h"
#include "core/buffer.h"

enum { MAIL_MAX = 64 * 1024 };

struct mail_head {
	const char *from; /* address */
	const char *from_name;
	const struct option_strings *to; /* addresses */
};

/* Is TEXT an address that can stand in a letter and be told to a server as it is? */
bool mail_is_address(const char *text);

/*
 * Appends the letter, lines ended by CRLF. Its Message-ID is made of episode and
 * revision, and it refers to those of the revisions before, so that a mail program shows
 * the episode as one thread and a repeat once.
 */
void mail_compose(const struct message *message, const struct mail_head *head,
	int64_t now_ms, struct buffer *out);

#endif
