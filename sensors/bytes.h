/* Numbers as devices put them into frames. */
#ifndef MUABUI_SENSORS_BYTES_H
#define MUABUI_SENSORS_BYTES_H

#include <stddef.h>
#include <stdint.h>

/* Two bytes, the high one first. */
static inline unsigned bytes_big(const uint8_t *bytes)
{
	return (unsigned)bytes[0] << 8 | bytes[1];
}

/* Two bytes, the low one first. */
static inline unsigned bytes_little(const uint8_t *bytes)
{
	return (unsigned)bytes[1] << 8 | bytes[0];
}

/* The sum of LENGTH bytes, modulo 65536. */
static inline unsigned bytes_sum(const uint8_t *bytes, size_t length)
{
	unsigned sum = 0;

	for (size_t i = 0; i < length; i++)
		sum += bytes[i];
	return sum & 0xFFFF;
}

#endif
