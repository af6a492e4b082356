/*
 * One message to many: walks the subscriptions in the order of their numbers, encrypts
 * for those who want it, sends, and keeps in the store how far it has got.
 *
 * A kill at any moment leaves nobody out. Told twice is at most who was being told at
 * that moment, and whose answer had not been kept yet: no more than twice `in_flight`;
 * their messages carry the same Topic, so that a phone which has not shown the first
 * gets one, and the same id, by which the page replaces the first.
 */
#ifndef MUABUI_ALERTS_PUSH_FANOUT_H
#define MUABUI_ALERTS_PUSH_FANOUT_H

#include <stddef.h>

#include "alerts/message.h"
#include "alerts/webpush.h"
#include "core/answer.h"

struct push_sender;

/*
 * What CHANNEL sends with, to the subscriptions of the store at STORE_PATH. NULL with the
 * reason in WHY. The free accepts NULL.
 */
struct push_sender *push_sender_new(const struct webpush_options *options,
	const char *channel, const char *store_path, char *why, size_t size);
void push_sender_free(struct push_sender *sender);

/*
 * Sends MESSAGE to whoever is still owed it, for about 15 seconds at most. DONE:
 * everybody was dealt with; RETRY with answer->unfinished: some are still to be told,
 * after retry_after_ms; HELD: only those are left whose push service refuses us; REFUSED:
 * nobody could be reached in time.
 */
void push_fanout(
	struct push_sender *sender, const struct message *message, struct answer *answer);

/* Makes push_fanout() on another thread end within a second or so. */
void push_sender_abort(struct push_sender *sender);

#endif
