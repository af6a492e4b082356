#include "core/utf8.h"

#include <stdint.h>
#include <string.h>

size_t utf8_char_length(const char *bytes, size_t length)
{
	const unsigned char *b = (const unsigned char *)bytes;

	if (length == 0 || b[0] == 0)
		return 0;
	if (b[0] < 0x80)
		return 1;
	size_t need = b[0] >= 0xf0 ? 4 : b[0] >= 0xe0 ? 3 : 2;
	if (b[0] < 0xc2 || b[0] > 0xf4 || length < need)
		return 0;
	for (size_t i = 1; i < need; i++)
		if ((b[i] & 0xc0) != 0x80)
			return 0;
	/* Overlong forms, surrogates and what lies beyond U+10FFFF. */
	if ((b[0] == 0xe0 && b[1] < 0xa0) || (b[0] == 0xed && b[1] > 0x9f) ||
		(b[0] == 0xf0 && b[1] < 0x90) || (b[0] == 0xf4 && b[1] > 0x8f))
		return 0;
	return need;
}

bool utf8_is_valid(const char *bytes, size_t length)
{
	size_t i = 0;

	while (i < length) {
		/* Eight ASCII bytes at once: what nearly every payload consists of. */
		if (length - i >= 8) {
			uint64_t word;
			memcpy(&word, bytes + i, 8);
			bool ascii = !(word & 0x8080808080808080u);
			bool has_nul = (word - 0x0101010101010101u) & ~word &
				0x8080808080808080u;
			if (ascii && !has_nul) {
				i += 8;
				continue;
			}
		}
		size_t step = utf8_char_length(bytes + i, length - i);
		if (step == 0)
			return false;
		i += step;
	}
	return true;
}

size_t utf8_count(const char *text)
{
	size_t count = 0;

	for (; *text; text++)
		count += ((unsigned char)*text & 0xc0) != 0x80;
	return count;
}

static uint32_t code_point(const char *bytes, size_t length)
{
	const unsigned char *b = (const unsigned char *)bytes;

	switch (length) {
	case 2:
		return (b[0] & 0x1fu) << 6 | (b[1] & 0x3fu);
	case 3:
		return (b[0] & 0x0fu) << 12 | (b[1] & 0x3fu) << 6 | (b[2] & 0x3fu);
	case 4:
		return (b[0] & 0x07u) << 18 | (b[1] & 0x3fu) << 12 | (b[2] & 0x3fu) << 6 |
			(b[3] & 0x3fu);
	default:
		return b[0];
	}
}

static size_t width_of(uint32_t c)
{
	if ((c >= 0x300 && c <= 0x36f) || c == 0x200d || (c >= 0xfe00 && c <= 0xfe0f))
		return 0;
	if ((c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0xa4cf) ||
		(c >= 0xac00 && c <= 0xd7a3) || (c >= 0xff00 && c <= 0xff60) ||
		(c >= 0x1f300 && c <= 0x1faff))
		return 2;
	return 1;
}

size_t utf8_width(const char *text)
{
	size_t width = 0, left = strlen(text);

	while (left > 0) {
		size_t step = utf8_char_length(text, left);
		if (step == 0)
			step = 1;
		width += width_of(code_point(text, step));
		text += step;
		left -= step;
	}
	return width;
}
