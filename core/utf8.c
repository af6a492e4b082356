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

size_t utf8_fit(const char *text, size_t length, size_t most)
{
	size_t fit = 0, size;

	while ((size = utf8_char_length(text + fit, length - fit)) > 0 &&
		fit + size <= most)
		fit += size;
	return fit;
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

/* Ranges of letters with marks, by the letter they are made of. */
static const struct {
	uint32_t first, last;
	char base;
} marked[] = {
	{ 0xc0, 0xc5, 'a' },
	{ 0xc7, 0xc7, 'c' },
	{ 0xc8, 0xcb, 'e' },
	{ 0xcc, 0xcf, 'i' },
	{ 0xd0, 0xd0, 'd' },
	{ 0xd1, 0xd1, 'n' },
	{ 0xd2, 0xd6, 'o' },
	{ 0xd9, 0xdc, 'u' },
	{ 0xdd, 0xdd, 'y' },
	{ 0xe0, 0xe5, 'a' },
	{ 0xe7, 0xe7, 'c' },
	{ 0xe8, 0xeb, 'e' },
	{ 0xec, 0xef, 'i' },
	{ 0xf1, 0xf1, 'n' },
	{ 0xf2, 0xf6, 'o' },
	{ 0xf9, 0xfc, 'u' },
	{ 0xfd, 0xfd, 'y' },
	{ 0xff, 0xff, 'y' },
	{ 0x102, 0x103, 'a' },
	{ 0x110, 0x111, 'd' },
	{ 0x128, 0x129, 'i' },
	{ 0x168, 0x169, 'u' },
	{ 0x1a0, 0x1a1, 'o' },
	{ 0x1af, 0x1b0, 'u' },
	{ 0x1ea0, 0x1eb7, 'a' },
	{ 0x1eb8, 0x1ec7, 'e' },
	{ 0x1ec8, 0x1ecb, 'i' },
	{ 0x1ecc, 0x1ee3, 'o' },
	{ 0x1ee4, 0x1ef1, 'u' },
	{ 0x1ef2, 0x1ef9, 'y' },
};

/* The small letter a character of two or three bytes is made of; 0: none. */
static char base_of(const unsigned char *b, size_t length)
{
	uint32_t code = length == 2 ? (uint32_t)(b[0] & 0x1f) << 6 | (b[1] & 0x3f)
				    : (uint32_t)(b[0] & 0x0f) << 12 |
			(uint32_t)(b[1] & 0x3f) << 6 | (b[2] & 0x3f);

	for (size_t i = 0; i < sizeof marked / sizeof *marked; i++)
		if (code >= marked[i].first && code <= marked[i].last)
			return marked[i].base;
	return 0;
}

/* U+0300 to U+036F: marks for the letter before them. */
static bool is_mark(const unsigned char *b, size_t length)
{
	return length == 2 && (b[0] == 0xcc || (b[0] == 0xcd && b[1] <= 0xaf));
}

size_t utf8_fold(char *out, size_t size, const char *text)
{
	const unsigned char *b = (const unsigned char *)text;
	size_t used = 0, left = strlen(text), n;

	for (; left > 0; b += n, left -= n) {
		n = utf8_char_length((const char *)b, left);
		char base = n == 2 || n == 3 ? base_of(b, n) : 0;

		if (n == 0)
			n = 1; /* no UTF-8: the byte as it is */
		if (n == 1 && *b >= 'A' && *b <= 'Z')
			base = (char)(*b - 'A' + 'a');
		if (is_mark(b, n))
			continue;
		size_t length = base ? 1 : n;
		if (used + length + 1 > size)
			break;
		memcpy(out + used, base ? &base : (const char *)b, length);
		used += length;
	}
	if (size > 0)
		out[used] = '\0';
	return used;
}

/* Behind the last word that ends within LENGTH bytes of TEXT, which goes on there. */
static size_t word_end(const char *text, size_t length)
{
	size_t at = length;

	while (at > 0 && text[at] != ' ')
		at--;
	while (at > 0 && strchr(" ,;:.-(", text[at - 1]))
		at--;
	return at > length / 2 ? at : length;
}

void utf8_copy_cut(char *out, size_t size, const char *text, size_t max)
{
	static const char dots[] = "…";
	size_t left = strlen(text), used = 0, count = 0, keep = 0;

	for (; left > 0 && count <= max; count++) {
		size_t n = utf8_char_length(text, left);

		if (n == 0) {
			text++;
			left--;
			count--;
			continue;
		}
		if (count == max || used + n + 1 > size)
			break;
		memcpy(out + used, text, n);
		used += n;
		text += n;
		left -= n;
		/* The last place where the dots would still fit. */
		if (count + 2 <= max && used + sizeof dots <= size)
			keep = used;
	}
	if (left > 0) {
		out[used] = '\0';
		used = word_end(out, keep);
		memcpy(out + used, dots, sizeof dots - 1);
		used += sizeof dots - 1;
	}
	out[used] = '\0';
}
