/*
 * Signed JSON web tokens (RFC 7519, compact form of RFC 7515), with the two signatures
 * push services ask for: RS256 by an RSA key (FCM's assertion), ES256 by a key on P-256
 * (APNs, VAPID).
 */
#ifndef MUABUI_CORE_JWT_H
#define MUABUI_CORE_JWT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buffer.h"

enum jwt_algorithm { JWT_RS256, JWT_ES256 };

enum {
	JWT_MAX = 8192,      /* bytes of a token, more than any of ours */
	JWT_POINT_SIZE = 65, /* a public key on P-256, uncompressed (04 ‖ X ‖ Y) */
};

struct jwt_key;

/*
 * The private key in PEM (PKCS#8, or the older forms of RSA and EC): RSA of at least
 * 2048 bits for JWT_RS256, P-256 for JWT_ES256; not encrypted. NULL with a sentence in
 * WHY that says nothing of the key. The free accepts NULL.
 */
struct jwt_key *jwt_key_load(
	const char *pem, enum jwt_algorithm algorithm, char *why, size_t size);
void jwt_key_free(struct jwt_key *key);

/* The public half of a JWT_ES256 key. False for another one. */
bool jwt_key_point(const struct jwt_key *key, uint8_t point[static JWT_POINT_SIZE]);

/*
 * Appends header.claims.signature to OUT. CLAIMS is a JSON object as text; KID, NULL or
 * "" for none, goes into the header. False: the signature failed, or OUT did.
 */
bool jwt_sign(const struct jwt_key *key, const char *kid, const char *claims,
	struct buffer *out);

#endif
