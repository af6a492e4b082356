/*
 * Message encryption for Web Push (RFC 8291): one record of aes128gcm (RFC 8188) that
 * only the subscription's browser can read.
 *
 * The points are multiplied with OpenSSL's EC_POINT functions, in constant time: making a
 * key and deriving through EVP_PKEY costs a third more for the same two multiplications,
 * and a message to a city needs them for each receiver.
 */
#ifndef MUABUI_ALERTS_PUSH_ENCRYPT_H
#define MUABUI_ALERTS_PUSH_ENCRYPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	PUSH_POINT_BYTES = 65, /* a point of P-256, uncompressed */
	PUSH_SCALAR_BYTES = 32,
	PUSH_AUTH_BYTES = 16,
	PUSH_SALT_BYTES = 16,
	PUSH_RECORD_SIZE = 4096,
	PUSH_HEADER_BYTES = PUSH_SALT_BYTES + 4 + 1 + PUSH_POINT_BYTES,
	/* What fits into the one record there may be, beside its end mark and tag. */
	PUSH_TEXT_MAX = PUSH_RECORD_SIZE - PUSH_HEADER_BYTES - 1 - 16,
	PUSH_BODY_MAX = PUSH_RECORD_SIZE,
};

/* What one thread encrypts with. NULL when memory is out. The free accepts NULL. */
struct push_cipher;
struct push_cipher *push_cipher_new(void);
void push_cipher_free(struct push_cipher *cipher);

/* Is POINT a point of the curve, uncompressed, and not the one at infinity? */
bool push_point_is_valid(const uint8_t point[static PUSH_POINT_BYTES]);

/*
 * Encrypts TEXT (at most PUSH_TEXT_MAX bytes) for the subscription with the public key
 * P256DH and the secret AUTH, with a fresh key pair and salt. The length of BODY; 0: the
 * point is none of the curve, or OpenSSL failed.
 */
size_t push_encrypt(struct push_cipher *cipher,
	const uint8_t p256dh[static PUSH_POINT_BYTES],
	const uint8_t auth[static PUSH_AUTH_BYTES], const void *text, size_t length,
	uint8_t body[static PUSH_BODY_MAX]);

/* The same with the given private key and salt, for the RFC's example. */
size_t push_encrypt_with(struct push_cipher *cipher,
	const uint8_t scalar[static PUSH_SCALAR_BYTES],
	const uint8_t salt[static PUSH_SALT_BYTES],
	const uint8_t p256dh[static PUSH_POINT_BYTES],
	const uint8_t auth[static PUSH_AUTH_BYTES], const void *text, size_t length,
	uint8_t body[static PUSH_BODY_MAX]);

#endif
