/*
 * Whom a channel sends one by one: the lines of a file, or addresses of the
 * configuration, and who has had the message already. A message that is tried again goes
 * to those who are left only, after a restart too.
 */
#ifndef MUABUI_ALERTS_RECIPIENTS_H
#define MUABUI_ALERTS_RECIPIENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "alerts/channel.h"
#include "alerts/message.h"
#include "core/answer.h"

enum {
	RECIPIENTS_MAX = 10000,
	RECIPIENT_BYTES_MAX =
		4096, /* a line; FCM says of its own that they may be long */
};

struct recipients;

/*
 * From FILE: one a line, '#' begins a comment, blanks around are left out; read again
 * when it changes. Or from LIST, and FILE is NULL. Both outlive the result. What was
 * sent is kept beside ENV's store, where there is one. NULL: memory is out.
 */
struct recipients *recipients_new(const char *file, const struct option_strings *list,
	const struct channel_env *env);
void recipients_free(struct recipients *recipients); /* accepts NULL */

/*
 * Begins a round for MESSAGE. True when there is anybody; else false, and ANSWER is HELD
 * with the reason.
 */
bool recipients_begin(struct recipients *recipients, const struct message *message,
	struct answer *answer);

/* The next one MESSAGE has still to go to, NULL: nobody is left. */
const char *recipients_next(struct recipients *recipients);

/*
 * What became of the one last named. REFUSED: it cannot be reached, and is left out until
 * the file changes, or, where there is none, for this message; the reason is logged, the
 * recipient is not. False: the round is
 * over before its end, for what is HELD concerns all of them.
 */
bool recipients_note(struct recipients *recipients, const struct answer *answer);

/*
 * Sums up the round: HELD or RETRY as it was noted last (the longest wait), else DONE
 * when anybody had it, else REFUSED. Keeps in mind who is done with.
 */
void recipients_end(struct recipients *recipients, struct answer *answer);

#endif
