/*
 * What a Web Push message says, and to whom. Pure.
 *
 * The payload is one JSON object for the page's service worker: {"id","revision","state",
 * "title","text","instruction","severity","hazard","area","station","at","expires","url",
 * "language"}. Where there is a page to open and it fits, it is a declarative message
 * too ({"web_push":8030,"notification":{…}}), which Safari shows without a worker.
 */
#ifndef MUABUI_ALERTS_PUSH_MESSAGE_H
#define MUABUI_ALERTS_PUSH_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "alerts/message.h"
#include "core/buffer.h"
#include "store/subscriptions.h"

enum {
	PUSH_TOPIC_SIZE = 33,    /* RFC 8030: at most 32 characters, with a NUL */
	PUSH_PAYLOAD_MAX = 3072, /* bytes, above what any text of ours takes */
	/* Firefox on Android takes 2,744 bytes, most services 3,993. */
	PUSH_PAYLOAD_COMFORT = 2048,
	PUSH_TTL_MAX_S = 28 * 24 * 3600, /* no service keeps a message longer */
};

/* Appends the payload; PAGE is the address to open, NULL or "": none. */
void push_payload(const struct message *message, const char *page, struct buffer *out);

/*
 * The name by which a later message of the episode replaces one that still waits at the
 * push service: letters and digits, the same for every revision.
 */
void push_topic(const struct message *message, char topic[static PUSH_TOPIC_SIZE]);

/* "high", "normal": whether it may wake a phone. */
const char *push_urgency(const struct message *message);

/* Seconds the service may keep it; 0 where it is late. */
int64_t push_ttl_s(const struct message *message, int64_t now_ms);

/*
 * Does SUBSCRIPTION want MESSAGE at NOW_MS? WAS_TOLD: it got an earlier one of the
 * episode; then it gets what follows, whatever the level, and the all-clear even in its
 * quiet hours; an all-clear goes to nobody else. The highest severity heeds no quiet
 * hours.
 */
bool push_is_wanted(const struct message *message,
	const struct subscription *subscription, bool was_told, int64_t now_ms);

#endif
