/* The parts of the APNs channel that need no network. */
#ifndef MUABUI_ALERTS_APNS_H
#define MUABUI_ALERTS_APNS_H

#include <stdbool.h>

#include "alerts/message.h"
#include "core/answer.h"
#include "core/buffer.h"

enum {
	APNS_UUID_SIZE = 37,
	APNS_PAYLOAD_MAX = 4097, /* bytes, the payload stays below */
};

/*
 * apns-id: the same for the same episode and revision, however often it is sent (a UUID
 * of version 5, RFC 4122).
 */
void apns_id(const struct message *message, char uuid[static APNS_UUID_SIZE]);

/* Appends the payload, its words cut to APNS_PAYLOAD_MAX. False when it does not fit. */
bool apns_payload(
	const struct message *message, bool may_be_critical, struct buffer *out);

/* What an answer of APNs is about, where it is no success. */
enum apns_blame {
	APNS_DEVICE,  /* this phone only */
	APNS_TOKEN,   /* our provider token, which a new one may mend */
	APNS_MESSAGE, /* this message, on every phone */
	APNS_SERVICE, /* the account, or Apple */
};

/* Sets ANSWER's outcome by its status and the reason in RESPONSE. */
enum apns_blame apns_judge(struct answer *answer, const struct buffer *response);

#endif
