#include "core/base64.h"

#include <string.h>

static const char standard[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char for_urls[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Three bytes become four characters; what is left over, two or three. */
static void append(struct buffer *out, const char *alphabet, const uint8_t *bytes,
	size_t length, bool is_padded)
{
	for (size_t i = 0; i < length; i += 3) {
		size_t rest = length - i;
		uint32_t bits = (uint32_t)bytes[i] << 16;

		if (rest > 1)
			bits |= (uint32_t)bytes[i + 1] << 8;
		if (rest > 2)
			bits |= bytes[i + 2];
		buffer_putc(out, alphabet[bits >> 18]);
		buffer_putc(out, alphabet[bits >> 12 & 63]);
		if (rest > 1)
			buffer_putc(out, alphabet[bits >> 6 & 63]);
		if (rest > 2)
			buffer_putc(out, alphabet[bits & 63]);
		for (size_t missing = rest; is_padded && missing < 3; missing++)
			buffer_putc(out, '=');
	}
}

void base64_append(struct buffer *out, const void *bytes, size_t length)
{
	append(out, standard, bytes, length, true);
}

void base64url_append(struct buffer *out, const void *bytes, size_t length)
{
	append(out, for_urls, bytes, length, false);
}

ptrdiff_t base64url_decode(const char *text, size_t length, uint8_t *bytes, size_t size)
{
	uint32_t bits = 0;
	unsigned count = 0;
	size_t used = 0;

	if (length > 0 && length % 4 == 0) {
		for (int i = 0; i < 2 && text[length - 1] == '='; i++)
			length--;
	}
	if (length % 4 == 1)
		return -1;
	for (size_t i = 0; i < length; i++) {
		const char *at = text[i] ? strchr(for_urls, text[i]) : NULL;

		if (!at)
			return -1;
		bits = bits << 6 | (uint32_t)(at - for_urls);
		count += 6;
		if (count < 8)
			continue;
		count -= 8;
		if (used == size)
			return -1;
		bytes[used++] = (uint8_t)(bits >> count);
		bits &= (1u << count) - 1;
	}
	return bits ? -1 : (ptrdiff_t)used;
}
