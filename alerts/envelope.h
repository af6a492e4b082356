/*
 * An alert on its way between gateways: the webhook's message (DESIGN §5) in every
 * language, who sends it, when, and a signature over all of that.
 *
 *   {"signature":"hmac-sha256:HEX","box":"HN-CG-01","sent":"2026-11-26T07:00:00+07:00",
 *    "audience":"citizens","messages":[{…},{…}]}
 *
 * The signature stands first. It is made over what follows the comma behind it, to the
 * last byte, after the text "muabui alert 1\n": so there are no two ways to write what
 * is signed. Pure.
 */
#ifndef MUABUI_ALERTS_ENVELOPE_H
#define MUABUI_ALERTS_ENVELOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "alerts/message.h"
#include "core/buffer.h"

enum {
	ENVELOPE_MAX = 32 * 1024, /* bytes */
	ENVELOPE_LANGUAGES = 2,
};

/*
 * What signs and checks: a shared secret (HMAC-SHA-256), or where the file is PEM an
 * Ed25519 key: the private one signs, the public one (or the private) checks.
 */
struct envelope_key;

/* Reads the key in FILE (see core/secret.h). NULL with the reason, never it, in WHY. */
struct envelope_key *envelope_key_read(const char *file, char *why, size_t size);
void envelope_key_free(struct envelope_key *key); /* accepts NULL */

struct envelope {
	char box[NAME_SIZE];
	int64_t sent_ms;
	int audience; /* enum audience */
	size_t count; /* of messages, 1 to ENVELOPE_LANGUAGES */
	struct message messages[ENVELOPE_LANGUAGES];
};

/*
 * Appends the envelope of the COUNT messages BODIES, each a JSON object, signed with KEY.
 * False: it cannot be signed (a public key), or memory is out.
 */
bool envelope_write(const struct envelope_key *key, const char *box, int64_t sent_ms,
	int audience, const char *const *bodies, size_t count, struct buffer *out);

/*
 * The reverse, of LENGTH bytes. False when they are no envelope of messages about one
 * and the same moment of an alert; nothing is said of the signature.
 */
bool envelope_read(struct envelope *envelope, const char *bytes, size_t length);

/* Are the same bytes signed with KEY, by its own method? */
bool envelope_is_signed(const struct envelope_key *key, const char *bytes, size_t length);

#endif
