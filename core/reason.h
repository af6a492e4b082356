/*
 * Sentences for answer.reason out of what a far side or a program said: one printable
 * line, without secrets that stand in URLs.
 */
#ifndef MUABUI_CORE_REASON_H
#define MUABUI_CORE_REASON_H

#include <stddef.h>

#include "core/answer.h"
#include "core/buffer.h"

enum { REASON_MAX = 8192 }; /* limit of the buffer, before it is cut to struct answer */

/*
 * Appends TEXT as one printable line of about 200 bytes; URLs are cut to scheme, host
 * and path.
 */
void reason_append(struct buffer *reason, const char *text, size_t length);

/* Moves REASON into ANSWER, cut between two characters, and frees it. */
void reason_keep(struct answer *answer, struct buffer *reason);

/* answer->reason is FORMAT with what follows, cut between two characters. */
void reason_say(struct answer *answer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Puts "…" in the place of every SECRET in answer->reason. SECRET is not empty. */
void reason_hide(struct answer *answer, const char *secret);

#endif
