/*
 * Layout: version (1 byte), marks (varint), status (1), count (1), then for each
 * reading its metric (varint), one byte of flag and kind, the value, and where
 * raw differs one byte of kind and the raw value.
 *
 * Version 2, where a reading has a calibration: the byte of kind before a raw value may
 * say that the calibration's number (varint) follows it. Reports without are version 1.
 *
 * Kind 0..6: the value is a decimal with that many digits after the point,
 * its mantissa a zigzag varint; 7: eight bytes of a double, little endian.
 */
#include "store/codec.h"

#include <string.h>

#include "core/number.h"

enum {
	FORMAT = 1,
	FORMAT_CALIBRATED = 2,
	KIND_DOUBLE = 7,
	KIND_SHIFT = 4, /* the flag is below */
	HAS_RAW = 0x80,
	HAS_CALIBRATION = 0x80, /* in the byte before the raw value */
	FLAG_MASK = 0x0f,
};

static uint8_t *put_varint(uint8_t *to, uint64_t value)
{
	while (value >= 0x80) {
		*to++ = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	*to++ = (uint8_t)value;
	return to;
}

/* Returns what follows, or NULL. */
static const uint8_t *get_varint(const uint8_t *from, const uint8_t *end, uint64_t *value)
{
	uint64_t result = 0;

	for (unsigned shift = 0; shift < 64 && from < end; shift += 7) {
		uint8_t byte = *from++;
		result |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*value = result;
			return from;
		}
	}
	return NULL;
}

static uint8_t *put_value(uint8_t *to, double value, uint8_t *kind)
{
	int64_t mantissa;
	int digits;

	if (number_to_decimal(value, &mantissa, &digits)) {
		*kind = (uint8_t)digits;
		return put_varint(
			to, (uint64_t)mantissa << 1 ^ (uint64_t)(mantissa >> 63));
	}
	uint64_t bits;
	*kind = KIND_DOUBLE;
	memcpy(&bits, &value, sizeof bits);
	for (int i = 0; i < 8; i++)
		*to++ = (uint8_t)(bits >> (8 * i));
	return to;
}

static const uint8_t *get_value(
	const uint8_t *from, const uint8_t *end, unsigned kind, double *value)
{
	uint64_t bits = 0;

	if (kind != KIND_DOUBLE) {
		from = get_varint(from, end, &bits);
		if (from)
			*value = number_from_decimal(
				(int64_t)(bits >> 1) ^ -(int64_t)(bits & 1), (int)kind);
		return from;
	}
	if (end - from < 8)
		return NULL;
	for (int i = 0; i < 8; i++)
		bits |= (uint64_t)*from++ << (8 * i);
	memcpy(value, &bits, sizeof bits);
	return from;
}

size_t codec_pack(const struct report *report, uint8_t bytes[static CODEC_MAX])
{
	uint8_t *to = bytes;

	*to++ = FORMAT;
	to = put_varint(to, report->marks);
	*to++ = report->status;
	*to++ = report->count;
	for (size_t i = 0; i < report->count; i++) {
		const struct reading *reading = &report->readings[i];
		/* Bits, not values: -0 and 0 differ, and NAN equals itself. */
		bool has_raw = reading->calibration != 0 ||
			memcmp(&reading->raw, &reading->value, sizeof reading->raw) != 0;
		uint8_t kind;

		to = put_varint(to, reading->metric);
		uint8_t *head = to++;
		to = put_value(to, reading->value, &kind);
		*head = (uint8_t)((reading->flag & FLAG_MASK) | kind << KIND_SHIFT |
			(has_raw ? HAS_RAW : 0));
		if (has_raw) {
			head = to++;
			to = put_value(to, reading->raw, head);
		}
		if (reading->calibration != 0) {
			*bytes = FORMAT_CALIBRATED;
			*head |= HAS_CALIBRATION;
			to = put_varint(to, reading->calibration);
		}
	}
	return (size_t)(to - bytes);
}

static const uint8_t *get_calibration(
	const uint8_t *from, const uint8_t *end, struct reading *reading)
{
	uint64_t number;

	from = get_varint(from, end, &number);
	if (!from || number == 0 || number > UINT32_MAX)
		return NULL;
	reading->calibration = (uint32_t)number;
	return from;
}

static const uint8_t *get_reading(
	const uint8_t *from, const uint8_t *end, int format, struct reading *reading)
{
	uint64_t metric;

	from = get_varint(from, end, &metric);
	if (!from || from == end || metric > UINT16_MAX)
		return NULL;
	uint8_t head = *from++;
	reading->metric = (uint16_t)metric;
	reading->flag = head & FLAG_MASK;
	reading->calibration = 0;
	from = get_value(from, end, head >> KIND_SHIFT & 7, &reading->value);
	if (!from || !(head & HAS_RAW)) {
		reading->raw = reading->value;
		return from;
	}
	if (from == end)
		return NULL;
	unsigned kind = *from++;
	bool calibrated = format == FORMAT_CALIBRATED && kind & HAS_CALIBRATION;
	if (calibrated)
		kind &= ~(unsigned)HAS_CALIBRATION;
	if (kind > KIND_DOUBLE)
		return NULL;
	from = get_value(from, end, kind, &reading->raw);
	return from && calibrated ? get_calibration(from, end, reading) : from;
}

bool codec_unpack(struct report *report, const uint8_t *bytes, size_t length)
{
	const uint8_t *from = bytes, *end = bytes + length;
	uint64_t marks;

	if (length < 4)
		return false;
	int format = *from++;
	if (format != FORMAT && format != FORMAT_CALIBRATED)
		return false;
	from = get_varint(from, end, &marks);
	if (!from || end - from < 2 || marks > UINT16_MAX)
		return false;
	report->marks = (uint16_t)marks;
	report->status = *from++;
	size_t count = *from++;
	report->count = 0;
	if (count > READINGS_MAX)
		return false;
	for (size_t i = 0; i < count; i++) {
		from = get_reading(from, end, format, &report->readings[i]);
		if (!from)
			return false;
	}
	if (from != end)
		return false;
	report->count = (uint8_t)count;
	return true;
}

uint64_t codec_hash(uint64_t seed, const void *bytes, size_t length)
{
	const uint8_t *from = bytes;
	uint64_t hash = seed ? seed : UINT64_C(14695981039346656037);

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ from[i]) * UINT64_C(1099511628211);
	return hash ? hash : 1;
}

uint64_t codec_mix(uint64_t hash, const void *bytes, size_t length)
{
	const uint8_t *from = bytes;
	uint64_t word;

	for (; length > sizeof word; length -= sizeof word, from += sizeof word) {
		memcpy(&word, from, sizeof word);
		hash = codec_mix_word(hash, word);
	}
	word = 0;
	if (length > 0)
		memcpy(&word, from, length);
	return codec_mix_word(hash, word ^ (uint64_t)length << 60);
}
