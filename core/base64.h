/* Base64 (RFC 4648): the alphabet of mail, and the one for URLs without padding. */
#ifndef MUABUI_CORE_BASE64_H
#define MUABUI_CORE_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buffer.h"

/* Appends BYTES with '+', '/' and padding; no line breaks. */
void base64_append(struct buffer *out, const void *bytes, size_t length);

/* Appends BYTES with '-' and '_', without padding. */
void base64url_append(struct buffer *out, const void *bytes, size_t length);

/*
 * Decodes TEXT of the URL's alphabet, with or without padding, into at most SIZE BYTES.
 * How many there are, or -1: another character, an impossible length, bits left over
 * that are not 0, or no room.
 */
ptrdiff_t base64url_decode(const char *text, size_t length, uint8_t *bytes, size_t size);

#endif
