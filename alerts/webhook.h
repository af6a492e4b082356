/* The webhook channel's signature, for its tests and for whoever checks one. */
#ifndef MUABUI_ALERTS_WEBHOOK_H
#define MUABUI_ALERTS_WEBHOOK_H

#include <stdbool.h>
#include <stddef.h>

enum { WEBHOOK_SIGNATURE_SIZE = 96 };

/* "X-Signature: sha256=<hex HMAC-SHA256 of BODY by SECRET>". False: OpenSSL failed. */
bool webhook_signature(const char *secret, const void *body, size_t length,
	char header[static WEBHOOK_SIGNATURE_SIZE]);

#endif
